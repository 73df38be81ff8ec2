"""What ran where: one event per op, and those who listen to it.

An event is made only while somebody listens. Listeners hear the ops of all threads. An op that is
decomposed is an event of its own, followed by the events of the ops that it is made of.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, NamedTuple

from corex.layout import contiguous_strides
from corex.tensor.place import Place, change_observers
from corex.tensor.tensor import Tensor

forward_trace: Callable[[], str] | None = None
"""Set by anomaly mode: returns the traceback of the op being recorded."""


# ---- events ----------------------------------------------------------------------------------
class TensorSpec(NamedTuple):
    """What a kernel sees of a tensor, without its memory. Strides of None mean row-major."""

    dtype: str
    shape: tuple[int, ...]
    strides: tuple[int, ...] | None = None


Specs = TensorSpec | tuple[Any, ...] | None
"""A tensor; a tuple of specs for a list of tensors; None for an optional input left out."""


class OpCall(NamedTuple):
    """One call of an op.

    Attributes:
        op: its name in the registry of ops, which is the kernel's.
        backend: the backend of its tensors.
        device: their device, as text.
        how: 'native' (a kernel ran), 'upcast' (one for a wider dtype), 'decomposed' (other ops
            follow) or 'fallback' (on a host).
        reason: where the kernel comes from, or why there was none.
        outputs: what is written, in kernel order.
        inputs: what is read, in kernel order.
        params: the kernel's plain parameters.
        moved: bytes copied between devices by a fallback.
    """

    op: str
    backend: str
    device: str
    how: str
    reason: str
    outputs: tuple[Specs, ...]
    inputs: tuple[Specs, ...]
    params: tuple[Any, ...]
    moved: int = 0


def spec(value: Any) -> Specs:
    """The spec of a tensor, a view, a (shape, dtype) pair, None, or of a list of those."""
    if value is None:
        return None
    if isinstance(value, list):
        return tuple([spec(item) for item in value])
    if isinstance(value, Tensor):
        dtype, shape, strides = value.key.dtype, value.shape, value._strides
    elif len(value) == 2:
        shape, dtype = value
        strides = None
    else:
        _, dtype, shape, strides, _ = value
    if strides is not None and strides == contiguous_strides(shape):
        strides = None
    return TensorSpec(dtype.name, tuple(shape), strides)


# ---- listening -------------------------------------------------------------------------------
Observer = Callable[[OpCall], object]


class Listener:
    """An observer at work, and who is told when it fails."""

    __slots__ = ("failed", "observer")

    def __init__(self, observer: Observer, failed: Callable[[Exception], object]) -> None:
        self.observer = observer
        self.failed = failed


class _Thread(threading.local):
    busy = False


_lock = threading.Lock()
_listeners: tuple[Listener, ...] = ()
_thread = _Thread()


def listen(observer: Observer, failed: Callable[[Exception], object]) -> Listener:
    """Calls `observer(event)` for every op from now on, until `stop`, or until it raises.

    One that raises is stopped, then `failed(exception)` is called; the op never notices.
    """
    global _listeners
    listener = Listener(observer, failed)
    with _lock:
        _listeners = (*_listeners, listener)
    change_observers(1)
    return listener


def stop(listener: Listener) -> bool:
    """Ends what `listen` began. Returns whether it was still listening."""
    global _listeners
    with _lock:
        kept = tuple(other for other in _listeners if other is not listener)
        found = len(kept) < len(_listeners)
        _listeners = kept
    if found:
        change_observers(-1)
    return found


def tell(
    op: str,
    place: Place,
    how: str,
    reason: str,
    outputs: Sequence[Any],
    inputs: Sequence[Any],
    params: tuple[Any, ...] = (),
    moved: int = 0,
) -> None:
    """Tells every listener about one call; outputs and inputs are whatever `spec` takes.

    What an observer itself computes with corex is not reported.
    """
    listeners = _listeners
    if not listeners or _thread.busy:
        return
    _thread.busy = True
    try:
        event = OpCall(
            op,
            place.name,
            str(place.device),
            how,
            reason,
            tuple([spec(item) for item in outputs]),
            tuple([spec(item) for item in inputs]),
            params,
            moved,
        )
        for listener in listeners:
            try:
                listener.observer(event)
            except Exception as error:
                if stop(listener):
                    listener.failed(error)
    finally:
        _thread.busy = False


@contextmanager
def observe(function: Observer) -> Iterator[None]:
    """Calls `function(OpCall)` for every op that any thread runs inside the `with` block.

    A function that raises is not called again, the ops go on, and the exception is raised at the
    end of the block (unless the block raises one of its own).

    Raises:
        TypeError: not callable.
    """
    if not callable(function):
        raise TypeError(f"observe() takes a function of one OpCall, got {function!r}")
    errors: list[Exception] = []
    listener = listen(function, errors.append)
    try:
        yield
    finally:
        stop(listener)
    if errors:
        raise errors[0]
