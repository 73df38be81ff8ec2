"""Memory of the host that a device copies by itself: page-locked, cached, given out as bytes.

It has an allocator of its own, whose blocks belong to the host. The streams that copies were queued
on are the others that use a block, so it is given out again only after these copies.
"""

from __future__ import annotations

import ctypes
from typing import TYPE_CHECKING, Any

import pycuda.driver as drv

from corex.backend import BorrowedBuffer, CachingAllocator, MemoryDriver
from corex_cuda_pycuda.runtime.capture import allowing
from corex_cuda_pycuda.runtime.threads import current, forget, keep, working_on

if TYPE_CHECKING:
    from corex_cuda_pycuda.runtime.device import Device
    from corex_cuda_pycuda.runtime.streams import Event, Stream


class _PageLocked(MemoryDriver):
    """Page-locked memory, by the driver's calls."""

    divides = True

    def __init__(self, device: Device) -> None:
        self._device = device
        self.name = f"the host, for cuda:{device.index},"

    def allocate(self, nbytes: int) -> Any:
        try:
            with working_on(self._device), allowing():
                return keep(drv.pagelocked_empty(nbytes, "uint8"))
        except drv.MemoryError:
            return None

    def free(self, memory: Any) -> None:
        with working_on(self._device):
            memory.base.free()
        forget(memory)

    def part(self, memory: Any, start: int) -> int:
        return int(memory.ctypes.data) + start

    def synchronize(self) -> None:
        self._device.wait_all()

    def record_event(self, stream: Stream) -> Event:
        return stream.record_event()

    def capture(self) -> Any:
        return current.capture


class Pinned:
    """The page-locked memory of one device."""

    def __init__(self, device: Device) -> None:
        self._allocator = CachingAllocator(_PageLocked(device))

    def allocate(self, nbytes: int) -> memoryview:
        """Bytes, which are there as long as the memoryview or a part of it."""
        buffer = self._allocator.allocate(max(nbytes, 1))
        array = (ctypes.c_ubyte * nbytes).from_address(buffer.ptr)
        array.buffer = buffer  # type: ignore[attr-defined]
        return memoryview(array).cast("B")

    def stats(self) -> dict[str, int]:
        """The allocator's counters."""
        return self._allocator.stats()

    def empty_cache(self) -> None:
        """Gives unused memory back to the system."""
        self._allocator.empty_cache()

    @staticmethod
    def use(data: memoryview, stream: Stream) -> None:
        """Notes that a stream was given a copy from or to part of what `allocate` gave."""
        buffer: BorrowedBuffer = data.obj.buffer  # type: ignore[attr-defined]
        buffer.use(stream)
