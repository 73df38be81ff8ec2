"""What ran where: one event per op, those who listen to it, and the placement report.

An event is made only while somebody listens. Listeners hear the ops of all threads. An op that is
decomposed is an event of its own, followed by the events of the ops that it is made of.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, NamedTuple

from corex.layout import contiguous_strides
from corex.place import Place, change_observers
from corex.tensor import Tensor

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
        how: 'native' (a kernel ran), 'decomposed' (other ops follow) or 'fallback' (on a host).
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


# ---- the report ------------------------------------------------------------------------------
class Placed(NamedTuple):
    """What a row of a report counts: an op on a backend, how it ran and why."""

    op: str
    backend: str
    how: str
    reason: str


class Row(NamedTuple):
    """One row of a report.

    Attributes:
        op: the op.
        backend: the backend of its tensors.
        how: 'native', 'decomposed' or 'fallback'.
        reason: where the kernel comes from, or why there was none.
        calls: how often it ran so.
        moved: the bytes that a fallback copied between devices for it.
    """

    op: str
    backend: str
    how: str
    reason: str
    calls: int
    moved: int


class Report:
    """Counts how each op ran: 'native', 'decomposed' or 'fallback'.

    A decomposed op has its row, and the ops that it was made of have theirs: kernels ran only
    where it says native or fallback.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._rows: dict[Placed, list[int]] = {}

    def add(self, event: OpCall) -> None:
        """Counts one call."""
        placed = Placed(event.op, event.backend, event.how, event.reason)
        with self._lock:
            row = self._rows.setdefault(placed, [0, 0])
            row[0] += 1
            row[1] += event.moved

    def rows(self) -> list[Row]:
        """The rows, in the order in which the first call of each came."""
        with self._lock:
            return [Row(*placed, calls, moved) for placed, (calls, moved) in self._rows.items()]

    @property
    def counts(self) -> dict[Placed, int]:
        """Calls per (op, backend, how, reason)."""
        return {Placed(*row[:4]): row.calls for row in self.rows()}

    def how(self, op: str) -> set[str]:
        """The ways in which `op` ran."""
        return {row.how for row in self.rows() if row.op == op}

    def __str__(self) -> str:
        rows = [("op", "backend", "how", "calls", "bytes moved", "why")]
        for op, backend, how, reason, calls, moved in self.rows():
            rows.append((op, backend, how, str(calls), str(moved), reason))
        widths = [max(len(row[i]) for row in rows) for i in range(5)]
        return "\n".join(
            "  ".join([*(cell.ljust(w) for cell, w in zip(row, widths, strict=False)), row[5]])
            for row in rows
        )


@contextmanager
def placement() -> Iterator[Report]:
    """Reports, for every op inside the `with` block, how often it ran where, how and why.

    The report counts the ops of all threads, and may be read inside the block, too. Blocks may be
    nested: the outer one counts what the inner one does.
    """
    report = Report()
    with observe(report.add):
        yield report


# ---- COREX_DEBUG -----------------------------------------------------------------------------
def debug_words() -> frozenset[str]:
    """The words in the environment variable COREX_DEBUG, which separates them by commas.

    `placement` prints a report of the whole program when it ends; any other word lets the command
    `corex` show tracebacks.
    """
    return frozenset(filter(None, map(str.strip, os.environ.get("COREX_DEBUG", "").split(","))))


def report_at_exit() -> None:
    """Starts a report that is printed to stderr when the interpreter ends."""
    import atexit
    import sys

    report = Report()
    listen(report.add, lambda error: None)

    def write() -> None:
        if sys.stderr is not None:
            sys.stderr.write(f"placement of ops:\n{report}\n")

    atexit.register(write)
