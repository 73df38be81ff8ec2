"""Device memory: buffers, and a pool that keeps the freed ones for the next allocation.

All work of a device goes through one in-order queue. So memory may be given to a new owner while
commands of the old one are still waiting: whatever the new owner enqueues runs after them.
"""

from __future__ import annotations

import threading
from collections import deque
from typing import TYPE_CHECKING

import pyopencl as cl

from corex.backend import OutOfMemoryError

if TYPE_CHECKING:
    from .devices import Device

_SMALLEST = 256


class Memory:
    """What `allocate` returns: `nbytes` bytes at the start of an OpenCL buffer.

    Attributes:
        data: the OpenCL buffer, which may be larger.
        pool: where it goes when the last reference to this object does; `pool.device` is the
            device that it lies on.
        nbytes: the size that was asked for.
    """

    __slots__ = ("__weakref__", "capacity", "data", "nbytes", "pool")

    def __init__(self, data: cl.Buffer, capacity: int, nbytes: int, pool: Pool) -> None:
        self.data = data
        self.capacity = capacity
        self.nbytes = nbytes
        self.pool = pool

    def __del__(self) -> None:
        self.pool.freed.append((self.data, self.capacity, self.nbytes))


class Pool:
    """The memory of one device."""

    def __init__(self, device: Device) -> None:
        self.device = device
        self._lock = threading.Lock()
        # A finalizer may run at any moment, even while this thread holds the lock. So it only
        # appends, which is atomic; the rest is left to the next one who asks.
        self.freed: deque[tuple[cl.Buffer, int, int]] = deque()
        self._unused: dict[int, list[cl.Buffer]] = {}
        self._in_use = 0
        self._peak = 0
        self._reserved = 0
        self._allocations = 0

    def allocate(self, nbytes: int) -> Memory:
        """Memory of the given size, its contents undefined.

        Raises:
            OutOfMemoryError: the device has not as much.
        """
        capacity = rounded(nbytes)
        with self._lock:
            self._settle()
            same_size = self._unused.get(capacity)
            data = same_size.pop() if same_size else self._create(capacity, nbytes)
            self._in_use += nbytes
            self._peak = max(self._peak, self._in_use)
            self._allocations += 1
        return Memory(data, capacity, nbytes, self)

    def stats(self) -> dict[str, int]:
        """The counters of the contract."""
        with self._lock:
            self._settle()
            return {
                "allocated_bytes": self._in_use,
                "reserved_bytes": self._reserved,
                "peak_allocated_bytes": self._peak,
                "allocations": self._allocations,
            }

    def empty_cache(self) -> None:
        """Gives all unused memory back to the driver."""
        with self._lock:
            self._settle()
            self._drop_unused()

    def _create(self, capacity: int, nbytes: int) -> cl.Buffer:
        """A new OpenCL buffer; for its sake the unused ones are given up."""
        try:
            try:
                data = cl.Buffer(self.device.context, cl.mem_flags.READ_WRITE, capacity)
            except cl.MemoryError:
                self._drop_unused()
                data = cl.Buffer(self.device.context, cl.mem_flags.READ_WRITE, capacity)
        except (cl.Error, OverflowError, TypeError, MemoryError) as error:
            raise OutOfMemoryError(f"opencl could not allocate {nbytes} bytes: {error}") from None
        self._reserved += capacity
        return data

    def _drop_unused(self) -> None:
        self._reserved -= sum(size * len(same) for size, same in self._unused.items())
        self._unused.clear()

    def _settle(self) -> None:
        """Takes in what was freed since the last time; the caller holds the lock."""
        while self.freed:
            data, capacity, nbytes = self.freed.popleft()
            self._unused.setdefault(capacity, []).append(data)
            self._in_use -= nbytes


def rounded(nbytes: int) -> int:
    """The capacity for a size: of every power of two there are eight, so little is wasted."""
    if nbytes <= _SMALLEST:
        return _SMALLEST
    step = 1 << max(8, (nbytes - 1).bit_length() - 4)
    return -(-nbytes // step) * step
