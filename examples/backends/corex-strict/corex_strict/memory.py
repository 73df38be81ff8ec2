"""The memory and the work queue of a pretended device.

The memory is opaque: only this package looks into it. What is new or freed is filled with a
pattern, so that whoever reads too early or too late reads nonsense. Work is queued and done when
somebody waits for it, in the order in which it was queued, as on a GPU.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from typing import Any

import numpy as np

from corex.backend import OutOfMemoryError
from corex.dtypes import DType

POISON = 0xCB
LONGEST_QUEUE = 1000  # work waits for no more than this many calls,
MOST_FREED = 64 << 20  # and freed memory, which the queue still holds, for no more than these bytes
CAPACITY = 1 << 30  # bytes of memory of each device
_ALIGNMENT = 256

Bytes = np.ndarray[Any, np.dtype[np.uint8]]


class Buffer:
    """Memory of one device, freed (and poisoned) when the last reference goes.

    Attributes:
        device: the number of the device it belongs to.
        nbytes: its size.
        address: where it pretends to be.
        alive: whether it may be used.
        content: the bytes; for this package only.
    """

    __slots__ = ("__weakref__", "_owner", "address", "alive", "content", "device", "nbytes")

    def __init__(self, owner: Device, content: Bytes, address: int) -> None:
        self._owner = owner
        self.content = content
        self.device = owner.number
        self.nbytes = len(content)
        self.address = address
        self.alive = True

    def __del__(self) -> None:
        if self.alive:
            self.free()

    def free(self) -> None:
        """Gives the memory back; work that is queued already still finds its content."""
        self.alive = False
        self._owner.reclaim(self.content)


class Device:
    """One device: what it holds, what it has to do, and how much memory is in use.

    Attributes:
        capacity: how many bytes of memory it has.
        at_once: does all work at once instead of queueing it.
    """

    def __init__(self, number: int, dtypes: tuple[DType, ...], at_once: bool) -> None:
        self.number = number
        self.dtypes = dtypes
        self.at_once = at_once
        self.capacity = CAPACITY
        self._work: deque[Callable[[], None]] = deque()
        self._lock = threading.RLock()
        self._next_address = (number + 1) << 40
        # A finalizer may run at any moment, even while this thread holds the lock. So it only
        # appends, which is atomic; the subtraction is left to the next one who asks.
        self._freed: deque[int] = deque()
        self._in_use = self._peak = self._allocations = self._held = 0

    # ---- work ------------------------------------------------------------------------------
    def submit(self, work: Callable[[], None]) -> None:
        """Queues some work."""
        self._work.append(work)
        if self.at_once or len(self._work) > LONGEST_QUEUE:
            self.finish()

    def finish(self) -> None:
        """Does all that is queued."""
        with self._lock:
            while self._work:
                self._work.popleft()()
            self._held = 0

    def pending(self) -> int:
        """How many calls are queued."""
        return len(self._work)

    # ---- memory ----------------------------------------------------------------------------
    def allocate(self, nbytes: int) -> Buffer:
        """New memory, filled with the pattern.

        Raises:
            OutOfMemoryError: more than the device has left, or than the host can give.
        """
        with self._lock:
            self._settle()
            if self._in_use + nbytes > self.capacity:
                raise OutOfMemoryError(
                    f"strict:{self.number} is out of memory: {nbytes} bytes asked for, "
                    f"{self._in_use} of {self.capacity} in use"
                )
            if self._held > MOST_FREED:
                self.finish()
            try:
                content = np.full(nbytes, POISON, np.uint8)
            except (MemoryError, ValueError):
                raise OutOfMemoryError(f"the host cannot give {nbytes} bytes") from None
            self._in_use += nbytes
            self._peak = max(self._peak, self._in_use)
            self._allocations += 1
            address = self._next_address
            self._next_address += (nbytes // _ALIGNMENT + 1) * _ALIGNMENT
            return Buffer(self, content, address)

    def reclaim(self, content: Bytes) -> None:
        """Takes memory back, in the order of the queue."""
        self._freed.append(len(content))
        if self.at_once:
            content.fill(POISON)
        else:
            self._work.append(lambda: content.fill(POISON))

    def statistics(self) -> dict[str, int]:
        """The counters of `Backend.memory_stats`."""
        with self._lock:
            self._settle()
            return {
                "allocated_bytes": self._in_use,
                "reserved_bytes": self._in_use,
                "peak_allocated_bytes": self._peak,
                "allocations": self._allocations,
            }

    def _settle(self) -> None:
        while self._freed:
            nbytes = self._freed.popleft()
            self._in_use -= nbytes
            self._held += nbytes
