"""What corex's caching allocator asks of a CUDA device, `CudaMemory`, and the buffers it hands out.

For finding mistakes, on a GPU or on the simulator: COREX_CUDA_POISON=1 fills freed blocks with ones
(NaN, or -1) on their stream; COREX_CUDA_CACHING=0 gives each buffer a piece of the driver's memory.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import pycuda.driver as drv

from corex.backend import CachedBuffer, CachingAllocator, MemoryDriver
from corex_cuda_pycuda.runtime.capture import allowing, destroy_executable
from corex_cuda_pycuda.runtime.threads import current, forget, keep, working_on

if TYPE_CHECKING:
    from corex_cuda_pycuda.runtime.device import Device
    from corex_cuda_pycuda.runtime.streams import Event, Stream


class Buffer(CachedBuffer):
    """Memory of a CUDA device: `ptr` is its address, `device` the device's number."""

    __slots__ = ()


class CudaMemory(MemoryDriver):
    """The memory of one device, by the driver's calls."""

    divides = True

    def __init__(self, device: Device) -> None:
        self._device = device
        self.index = device.index
        self.name = f"cuda:{device.index}"
        self.default_stream = device.default_stream

    def allocate(self, nbytes: int) -> Any:
        """The driver's memory; also in a capture."""
        try:
            with working_on(self._device), allowing():
                return keep(drv.mem_alloc(nbytes))
        except drv.MemoryError:
            return None

    def free(self, memory: Any) -> None:
        """Gives it back; the driver waits for the device."""
        with working_on(self._device):
            memory.free()
        forget(memory)

    def part(self, memory: Any, start: int) -> int:
        """The address."""
        return int(memory) + start

    def memory_info(self) -> tuple[int, int]:
        """Free and total bytes, as the driver tells them."""
        return self._device.memory_info()

    def synchronize(self) -> None:
        """Waits for the device; leaves the fault word for whom it concerns."""
        self._device.wait_all()

    def fill(self, ptr: int, nbytes: int, value: int, stream: Stream) -> None:
        """Queues the bytes."""
        self._device.enter()
        drv.memset_d8_async(ptr, value, nbytes, stream.raw)

    def current_stream(self) -> Stream:
        """Where this thread's work on the device goes, whichever device it is on now."""
        return current.chosen.get(self.index, self.default_stream)

    def record_event(self, stream: Stream) -> Event:
        """An event that happens when all that is queued now is done."""
        return stream.record_event()

    def capture(self) -> Any:
        """The graph that the thread captures."""
        return current.capture

    def destroy(self, graph: int) -> None:
        """Destroys an executable graph."""
        destroy_executable(graph)


def allocator_of(device: Device) -> CachingAllocator:
    """A device's allocator."""
    return CachingAllocator(
        CudaMemory(device),
        buffer=Buffer,
        limit=device.properties.total_memory,
        poisons=_switched("COREX_CUDA_POISON", "0"),
        caches=_switched("COREX_CUDA_CACHING", "1"),
    )


def _switched(name: str, otherwise: str) -> bool:
    return os.environ.get(name, otherwise).lower() not in ("", "0", "off", "no", "false")
