"""Device memory: what corex's caching allocator asks of OpenCL.

All work of a device goes through one in-order queue. So memory may be given to a new owner while
commands of the old one are still waiting: whatever the new owner enqueues runs after them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pyopencl as cl

from corex.backend import BorrowedBuffer, CachingAllocator, MemoryDriver

if TYPE_CHECKING:
    from .devices import Device

Memory = BorrowedBuffer
"""What `allocate` returns: `ptr` is an OpenCL buffer, `device` the device that it lies on."""


class OpenCLMemory(MemoryDriver):
    """The memory of one device. OpenCL knows no addresses, so nothing is cut from larger pieces."""

    def __init__(self, device: Device) -> None:
        self.index = device
        self.name = f"opencl ({device.hardware.name})"
        self.nothing = cl.Buffer(device.context, cl.mem_flags.READ_WRITE, 1)

    def allocate(self, nbytes: int) -> cl.Buffer | None:
        """A new OpenCL buffer."""
        try:
            return cl.Buffer(self.index.context, cl.mem_flags.READ_WRITE, nbytes)
        except (cl.Error, OverflowError, TypeError, MemoryError):
            return None

    def free(self, memory: cl.Buffer) -> None:
        """Lets go of it."""
        memory.release()

    def synchronize(self) -> None:
        """Waits for the device's queue."""
        self.index.finish()


def allocator_of(device: Device) -> CachingAllocator:
    """A device's allocator."""
    return CachingAllocator(OpenCLMemory(device))
