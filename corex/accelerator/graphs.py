"""Graphs: a piece of a device's work captured once, and replayed with one launch.

A replay runs the same kernels on the same memory. Python does not run again: what it decided or
counted stays as it was at the capture.
"""

from __future__ import annotations

from collections.abc import Callable
from types import TracebackType
from typing import Any

from corex.accelerator.devices import of
from corex.device import device as Device
from corex.dispatch.devices import current_index
from corex.ops.create.convert import copy_
from corex.ops.random.generator import default_generator
from corex.ops.shape.views import clone, detach
from corex.tensor.modes import capturing, mode
from corex.tensor.tensor import Tensor

__all__ = ["Graph", "GraphedFunction", "capture", "is_current_stream_capturing"]


def is_current_stream_capturing() -> bool:
    """Whether this thread's work is being captured."""
    return capturing.active


class Graph:
    """Work on one device between `capture_begin` and `capture_end`, to be replayed.

    The device is that which a type without a number means in this thread; the type is the
    accelerator's, unless another one is given.

    What is allocated in between is the graph's; tensors that are left of it hold, after each
    replay, what that replay computed. Random numbers go on from replay to replay.
    """

    def __init__(self, keep_graph: bool = False, *, device_type: str | None = None) -> None:
        devices = of(device_type)
        self._type = devices.type
        self._raw = devices.method("new_graph")(devices.current())
        self._start = 0
        self._draws = 0

    def capture_begin(self, pool: Any = None, capture_error_mode: str = "thread_local") -> None:
        """From now on this thread's work is noted, not done.

        `pool` is that of another graph that never runs at the same time, to share its memory.

        Raises:
            RuntimeError: something is being captured already, or the graph is not empty.
        """
        self._start = default_generator._offset
        self._raw.begin(default_generator._seed, self._start, pool)
        capturing.active = True

    def capture_end(self) -> None:
        """The capture is over; nothing has run yet.

        Raises:
            RuntimeError: nothing is being captured, or something spoilt it.
        """
        try:
            self._raw.end()
        finally:
            self._stop()

    def _stop(self) -> None:
        capturing.active = False
        self._draws = default_generator._offset - self._start
        default_generator._offset = self._start

    def _abandon(self) -> None:
        self._raw.abandon()
        self._stop()

    def replay(self) -> None:
        """Queues all of the work again, on this thread's stream.

        Raises:
            RuntimeError: nothing was captured.
        """
        self._raw.replay(*default_generator.advance(self._draws))

    def reset(self) -> None:
        """Forgets what was captured, and gives its memory back."""
        self._raw.reset()

    def pool(self) -> Any:
        """The graph's memory, for `capture_begin` of another."""
        return self._raw.pool


class _Capture:
    """A block whose work is captured."""

    def __init__(self, target: Graph, pool: Any) -> None:
        self._target, self._pool = target, pool

    def __enter__(self) -> None:
        self._target.capture_begin(self._pool)

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if kind is None:
            self._target.capture_end()
        else:
            self._target._abandon()


def capture(target: Any, pool: Any, warmup: int, device_type: str) -> Any:
    """Of a `Graph`: a context manager that captures. Of a function: a `GraphedFunction`."""
    if isinstance(target, Graph):
        return _Capture(target, pool)
    if callable(target):
        return GraphedFunction(target, warmup, device_type=device_type)
    raise TypeError(f"graph() takes a graph or a function, not {type(target).__name__}")


# ---- functions ---------------------------------------------------------------------------------
class GraphedFunction:
    """A function that is captured at one of its first calls and replayed at all later ones.

    Every call does the function's work exactly once, so a training step (forward, `backward`, the
    optimizer's `step`) may be called instead of the original, with the same results. The first
    calls run as usual: kernels are compiled there, and optimizers make their state. Then the work
    is captured; from then on a call copies its tensors into those of the capture, replays, and
    returns the capture's results: the same tensors each time, which the next call overwrites.

    There is one capture for each combination of shapes, dtypes and other arguments.

    Raises:
        ValueError: a tensor that is not on the current device of the type, or requires gradients.
        RuntimeError: the function does what cannot be captured, such as `loss.item()`.
    """

    def __init__(
        self, function: Callable[..., Any], warmup: int = 2, *, device_type: str = "cuda"
    ) -> None:
        if warmup < 1:
            raise ValueError(f"warmup must be at least 1, got {warmup}")
        self._function = function
        self._warmup = warmup
        self._type = device_type
        self._runs: dict[Any, int] = {}
        self._captures: dict[Any, tuple[Graph, list[Tensor], Any]] = {}

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        given: list[Tensor] = []
        key = self._signature((args, kwargs), given)
        found = self._captures.get(key)
        if found is None:
            runs = self._runs.get(key, 0)
            if runs < self._warmup:
                self._runs[key] = runs + 1
                return self._function(*args, **kwargs)
            found = self._captures[key] = self._capture(args, kwargs)
        captured, inputs, results = found
        before, mode.enabled = mode.enabled, False
        try:
            for static, tensor in zip(inputs, given, strict=True):
                copy_(static, tensor)
        finally:
            mode.enabled = before
        captured.replay()
        return results

    def _capture(
        self, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> tuple[Graph, list[Tensor], Any]:
        inputs: list[Tensor] = []

        def fixed(tensor: Tensor) -> Tensor:
            inputs.append(clone(detach(tensor)))
            return inputs[-1]

        args, kwargs = _mapped((args, kwargs), fixed)
        captured = Graph(device_type=self._type)
        with _Capture(captured, None):
            results = self._function(*args, **kwargs)
        return captured, inputs, _mapped(results, detach)

    def _signature(self, value: Any, tensors: list[Tensor]) -> Any:
        """What a capture depends on; collects the tensors on the way.

        Raises:
            ValueError: a tensor that a capture cannot take as input.
        """
        if isinstance(value, Tensor):
            if value.device != Device(self._type, current_index(self._type)):
                raise ValueError(
                    f"the arguments of a graphed function must be on the current {self._type} "
                    f"device, but one is on {value.device}"
                )
            if value.requires_grad:
                raise ValueError(
                    "the arguments of a graphed function must not require gradients; detach them, "
                    "or let the function use tensors from outside"
                )
            tensors.append(value)
            return value.dtype.name, value.shape
        if isinstance(value, list | tuple):
            return type(value), *[self._signature(item, tensors) for item in value]
        if isinstance(value, dict):
            return dict, *[(name, self._signature(item, tensors)) for name, item in value.items()]
        return type(value), value


def _mapped(value: Any, change: Callable[[Tensor], Tensor]) -> Any:
    """The same structure with every tensor changed."""
    if isinstance(value, Tensor):
        return change(value)
    if isinstance(value, tuple) and hasattr(value, "_fields"):
        return type(value)(*[_mapped(item, change) for item in value])
    if isinstance(value, list | tuple):
        return type(value)([_mapped(item, change) for item in value])
    if isinstance(value, dict):
        return {name: _mapped(item, change) for name, item in value.items()}
    return value
