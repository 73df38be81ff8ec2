"""Memory and streams shared with other libraries in the process, which have the same context.

A buffer of foreign memory keeps the memory's owner until what is queued here at the buffer's death
is done: the owner would otherwise reuse its memory under kernels that still run.
"""

from __future__ import annotations

import atexit
import threading
from collections import deque
from typing import Final, NamedTuple

from corex_cuda_pycuda.runtime import BorrowedBuffer, Device, Event, capture, device
from corex_cuda_pycuda.runtime.threads import current

DLPACK_CUDA: Final = 2


class _Kept(NamedTuple):
    """An owner, and what has to happen before it may go."""

    events: list[Event]
    owner: object


class Keeper:
    """The owners of foreign memory that queued work may still use.

    Each device's owners go in the order in which they were released: of the events recorded for
    a later one, none happens before its stream's event for an earlier one.
    """

    def __init__(self) -> None:
        self._lock = threading.RLock()
        self._waiting: dict[Device, deque[_Kept]] = {}
        self._settling = False

    def release(self, there: Device, owner: object) -> None:
        """Drops an owner once all that is queued on the device now is done."""
        graph = current.capture
        if graph is not None:  # what is captured uses the memory whenever it is replayed
            graph.keep(owner)
            return
        before = current.device
        with self._lock:  # the order of the events is that of the queue
            events = [stream.record_event() for stream in there.streams()]
            self._waiting.setdefault(there, deque()).append(_Kept(events, owner))
            del owner
            done = self._settle()
        if before is not None and before is not there:
            before.enter()
        done.clear()  # owners may do anything when they go: not under the lock

    def _settle(self) -> list[_Kept]:
        done: list[_Kept] = []
        if self._settling or current.capture is not None:
            return done  # this is a finaliser in the middle of it, or events cannot be asked
        self._settling = True
        try:
            for queue in list(self._waiting.values()):
                while queue and self._passed(queue[0].events):
                    done.append(queue.popleft())
        finally:
            self._settling = False
        return done

    @staticmethod
    def _passed(events: list[Event]) -> bool:
        """Whether all have happened; those that have are not asked again."""
        while events and events[-1].query():
            events.pop()
        return not events

    def settle(self) -> None:
        """Drops the owners whose time has come."""
        with self._lock:
            done = self._settle()
        done.clear()


keeper = Keeper()
_exiting: list[bool] = []
atexit.register(_exiting.append, True)


class Foreign(BorrowedBuffer):
    """A buffer of foreign memory."""

    __slots__ = ()

    def __del__(self) -> None:
        owner, self._owner = self._owner, None
        if not _exiting:  # there may be no context any more, and a new one would be left behind
            keeper.release(device(self.device), owner)


def wrap_pointer(pointer: int, nbytes: int, index: int, owner: object) -> Foreign:
    """A buffer that is foreign memory.

    Raises:
        ValueError: the address is not the device's.
    """
    there = device(index)
    there.enter()
    keeper.settle()
    found = capture.device_of_pointer(pointer)
    if found is None:
        raise ValueError(f"CUDA knows no memory at address {pointer:#x}")
    if found != index:
        raise ValueError(f"the memory is on cuda:{found}, but cuda:{index} was asked for")
    return Foreign(pointer, nbytes, index, owner)


def lead_stream(index: int, stream: int) -> None:
    """What a foreign stream is given from now on runs after this thread's work."""
    there = device(index)
    if stream != there.stream.handle:
        capture.wait_stream(stream, there.stream.handle)


def follow_stream(index: int, stream: int) -> None:
    """This thread's work from now on runs after what a foreign stream has now."""
    there = device(index)
    if stream != there.stream.handle:
        capture.wait_stream(there.stream.handle, stream)
