"""Memory and streams shared with other libraries in the process, which have the same context.

A buffer of foreign memory keeps the memory's owner until what is queued here at the buffer's death
is done: the owner would otherwise reuse its memory under kernels that still run.
"""

from __future__ import annotations

import atexit
import threading
from typing import Final

from corex_cuda_pycuda.runtime import Borrowed, Device, Event, capture, device
from corex_cuda_pycuda.runtime.threads import current

DLPACK_CUDA: Final = 2


class Keeper:
    """The owners of foreign memory that queued work may still use."""

    def __init__(self) -> None:
        self._lock = threading.RLock()
        self._waiting: list[tuple[list[Event], object]] = []

    def release(self, there: Device, owner: object) -> None:
        """Drops an owner once all that is queued on the device now is done."""
        graph = current.capture
        if graph is not None:  # what is captured uses the memory whenever it is replayed
            graph.keep(owner)
            return
        before = current.device
        events = [stream.record_event() for stream in there.streams()]
        with self._lock:
            self._waiting.append((events, owner))
            del owner
            done = self._settle()
        if before is not None and before is not there:
            before.enter()
        done.clear()  # owners may do anything when they go: not under the lock

    def _settle(self) -> list[object]:
        still, done = [], []
        for events, owner in self._waiting:
            if all([event.query() for event in events]):
                done.append(owner)
            else:
                still.append((events, owner))
        self._waiting = still
        return done

    def settle(self) -> None:
        """Drops the owners whose time has come."""
        with self._lock:
            done = self._settle()
        done.clear()


keeper = Keeper()
_exiting: list[bool] = []
atexit.register(_exiting.append, True)


class Foreign(Borrowed):
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
