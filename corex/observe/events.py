"""What ran where, and how long it took: one event per op, and those who listen to it.

An event is made only while somebody listens. Listeners hear the ops of all threads. An op that is
decomposed is an event of its own, followed by the events of the ops that it is made of. Memory that
is allocated or copied between devices is told, too.
"""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from types import TracebackType
from typing import Any, NamedTuple

from corex.dtypes import by_name
from corex.layout import contiguous_strides
from corex.tensor import place as places
from corex.tensor import storage
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
            follow), 'fallback' (on a host) or 'compiled' (a whole graph, of which nothing else is
            told).
        reason: where the kernel comes from, or why there was none.
        outputs: what is written, in kernel order.
        inputs: what is read, in kernel order.
        params: the kernel's plain parameters.
        moved: bytes copied between devices by a fallback.
        nbytes: of all elements that it reads and writes, each operand counted by itself.
        thread: the number of the thread that called it.
        stream: the handle of the stream that its work went to; None where there are no streams.
        start: when it began, as `time.perf_counter` counts seconds.
        seconds: how long the call took on the host, its parts included; None while it runs.
            Where kernels run later this is the time it took to queue them.
        error: the exception that ended it, as text; '' without one.
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
    nbytes: int = 0
    thread: int = 0
    stream: int | None = None
    start: float = 0.0
    seconds: float | None = None
    error: str = ""


class Transfer(NamedTuple):
    """A copy of bytes from one memory to another.

    Attributes:
        source: a device as text, or 'host' for memory of Python's.
        target: the same.
        backend: that of the device; of the target, if there are two.
        nbytes: how many.
        op: the op that needs it to run elsewhere; '' for a copy that the program asked for.
        thread: the number of the thread.
        start: when it began, as `time.perf_counter` counts seconds.
        seconds: how long the call took on the host.
    """

    source: str
    target: str
    backend: str
    nbytes: int
    op: str
    thread: int
    start: float
    seconds: float


class Allocation(NamedTuple):
    """Memory for a result. What a kernel allocates for itself is not told.

    Attributes:
        device: as text.
        backend: its backend.
        nbytes: how many were asked for.
        thread: the number of the thread.
    """

    device: str
    backend: str
    nbytes: int
    thread: int


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


def size(specs: Specs) -> int:
    """Bytes of all elements of a spec."""
    if specs is None:
        return 0
    if isinstance(specs, TensorSpec):
        return math.prod(specs.shape) * by_name(specs.dtype).itemsize
    return sum(map(size, specs))


# ---- listening -------------------------------------------------------------------------------
Observer = Callable[[OpCall], object]
"""A function is called once for each op: for one that is decomposed before its parts, for any other
after it ran. An object may have, instead or besides, the methods `begin(OpCall)` and `end(OpCall)`,
called around every op, also one that raises; `transfer(Transfer)` and `allocation(Allocation)`."""

_METHODS = ("begin", "end", "transfer", "allocation")


def is_observer(value: object) -> bool:
    """Whether there is something in it to be called."""
    return callable(value) or any(callable(getattr(value, name, None)) for name in _METHODS)


class Listener:
    """An observer at work, and who is told when it fails."""

    __slots__ = ("allocation", "begin", "call", "end", "failed", "observer", "transfer")

    def __init__(self, observer: Any, failed: Callable[[Exception], object]) -> None:
        self.observer = observer
        self.failed = failed
        self.call: Any = observer if callable(observer) else None
        for name in _METHODS:
            setattr(self, name, getattr(observer, name, None))


class _Thread(threading.local):
    busy = False
    falling_back = ""


_lock = threading.Lock()
_listeners: tuple[Listener, ...] = ()
_thread = _Thread()


def listen(observer: Any, failed: Callable[[Exception], object]) -> Listener:
    """Tells an observer of every op from now on, until `stop`, or until it raises.

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


def _deliver(method: str, event: Any) -> None:
    """Hands an event to all that want to hear of it. What they compute themselves is not told."""
    if _thread.busy:
        return
    _thread.busy = True
    try:
        for listener in _listeners:
            told = getattr(listener, method)
            if told is None:
                continue
            try:
                told(event)
            except Exception as error:
                if stop(listener):
                    listener.failed(error)
    finally:
        _thread.busy = False


# ---- ops -------------------------------------------------------------------------------------
class Span:
    """The time of an op, as a `with` block. `moved` may be set inside.

    Outputs, inputs and parameters are whatever `spec` takes.
    """

    def __init__(
        self,
        op: str,
        place: Place,
        how: str,
        reason: str,
        outputs: Sequence[Any],
        inputs: Sequence[Any],
        params: tuple[Any, ...] = (),
    ) -> None:
        self.moved = 0
        outs = tuple([spec(item) for item in outputs])
        ins = tuple([spec(item) for item in inputs])
        self._event = OpCall(
            op, place.name, str(place.device), how, reason, outs, ins, params, 0,
            size(outs) + size(ins), threading.get_ident(),
            place.backend.stream_handle(place.index), time.perf_counter(),
        )  # fmt: skip

    def __enter__(self) -> Span:
        _deliver("begin", self._event)
        if self._event.how == "decomposed":
            _deliver("call", self._event)
        self._event = self._event._replace(start=time.perf_counter())
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        seconds = time.perf_counter() - self._event.start
        text = "" if error is None else f"{type(error).__name__}: {error}"
        event = self._event._replace(moved=self.moved, seconds=seconds, error=text)
        _deliver("end", event)
        if error is None and event.how != "decomposed":
            _deliver("call", event)


def run(
    kernel: Callable[..., Any],
    arguments: tuple[Any, ...],
    op: str,
    place: Place,
    how: str,
    reason: str,
    shown: Sequence[Any],
    outs: int,
    params: tuple[Any, ...],
) -> None:
    """Runs a kernel and tells of it; the first `outs` of what is `shown` are its outputs."""
    with Span(op, place, how, reason, shown[:outs], shown[outs:], params):
        kernel(*arguments)


def run_parts(
    decomposition: Callable[..., Any],
    arguments: Sequence[Any],
    op: str,
    place: Place,
    reason: str,
    outputs: Sequence[Any],
    inputs: Sequence[Any],
    params: tuple[Any, ...] = (),
) -> Any:
    """What the decomposition of an op gives; tells of it, and then of its parts."""
    if not places.observers:
        return decomposition(*arguments)
    with Span(op, place, "decomposed", reason, outputs, inputs, params):
        return decomposition(*arguments)


@contextmanager
def falling_back(op: str) -> Iterator[None]:
    """What is copied between devices in the block is for this op, which runs elsewhere."""
    before, _thread.falling_back = _thread.falling_back, op
    try:
        yield
    finally:
        _thread.falling_back = before


# ---- memory ----------------------------------------------------------------------------------
def _tell_transfer(source: Place | None, target: Place | None, nbytes: int, start: float) -> None:
    seconds = time.perf_counter() - start
    place = target or source
    assert place is not None
    event = Transfer(
        _device(source), _device(target), place.name, nbytes, _thread.falling_back,
        threading.get_ident(), start, seconds,
    )  # fmt: skip
    _deliver("transfer", event)


def _device(place: Place | None) -> str:
    return "host" if place is None else str(place.device)


def _tell_allocation(place: Place, nbytes: int) -> None:
    _deliver("allocation", Allocation(str(place.device), place.name, nbytes, threading.get_ident()))


storage.tell_with(_tell_transfer, _tell_allocation)


# ---- the public way --------------------------------------------------------------------------
@contextmanager
def observe(observer: Any) -> Iterator[None]:
    """Tells an observer of every op that any thread runs inside the `with` block.

    A function is called with one `OpCall` per op: for one that is decomposed before its parts, for
    any other after it ran, with the seconds it took. An object may have, instead or besides:

    - `begin(call)` and `end(call)`, called around every op, also one that raises;
    - `transfer(event)`, for every copy between devices, or between a device and Python's memory;
    - `allocation(event)`, for the memory of every result.

    An observer that raises is not called again, the ops go on, and the exception is raised at the
    end of the block (unless the block raises one of its own).

    Raises:
        TypeError: nothing in it can be called.
    """
    if not is_observer(observer):
        raise TypeError(f"observe() takes a function of one OpCall, got {observer!r}")
    errors: list[Exception] = []
    listener = listen(observer, errors.append)
    try:
        yield
    finally:
        stop(listener)
    if errors:
        raise errors[0]
