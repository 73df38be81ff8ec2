"""Device memory: a caching allocator, because to ask the driver costs more than a small kernel.

Sizes are rounded up to classes, eight per power of two, so that at most an eighth is lost; from
16 MiB on to multiples of 2 MiB, and a block that is up to a quarter too large will do. Small
blocks are cut, several at once, from one piece of the driver's memory.

A freed block may be in use by kernels that are queued. To take it again is safe on the stream it
belongs to, whose work runs in order. Where there are other streams they may have used it too, so
there it is free once events on all of them have passed. What is allocated while a graph is captured
comes from a pool of the graph's own, since every replay uses it again.
"""

from __future__ import annotations

import threading
from bisect import bisect_left, insort
from collections import Counter
from typing import TYPE_CHECKING, Any

import pycuda.driver as drv

from corex.backend import OutOfMemoryError
from corex_cuda_pycuda.runtime.capture import allowing
from corex_cuda_pycuda.runtime.threads import forget, keep, working_on

if TYPE_CHECKING:
    from corex_cuda_pycuda.runtime.device import Device
    from corex_cuda_pycuda.runtime.streams import Stream

SMALLEST = 512
LARGE = 16 << 20
LARGE_STEP = 2 << 20
TOO_LARGE = 1.25
CUT_BELOW = 128 << 10
CUT_INTO = 32
CUT_AT_MOST = 1 << 20


def size_class(nbytes: int) -> int:
    """The size of the block that holds `nbytes` bytes."""
    if nbytes <= 8 * SMALLEST:
        return (nbytes + SMALLEST - 1) // SMALLEST * SMALLEST
    if nbytes >= LARGE:
        return (nbytes + LARGE_STEP - 1) // LARGE_STEP * LARGE_STEP
    shift = nbytes.bit_length() - 4
    return ((nbytes - 1 >> shift) + 1) << shift


class Segment:
    """A piece of the driver's memory: one block, or several of one size."""

    __slots__ = ("allocation", "nbytes", "parts", "pool")

    def __init__(self, allocation: Any, nbytes: int, parts: int, pool: _Pool) -> None:
        self.allocation = allocation
        self.nbytes = nbytes
        self.parts = parts
        self.pool = pool


class Block:
    """What a buffer holds while it lives; then the next one.

    `returned` is the allocator's list of blocks whose buffers died.
    """

    __slots__ = ("pool", "ptr", "returned", "segment", "size")

    def __init__(self, ptr: int, size: int, segment: Segment, returned: list[Block]) -> None:
        self.ptr = ptr
        self.size = size
        self.segment = segment
        self.pool = segment.pool
        self.returned = returned


class Borrowed:
    """Memory of nobody or of somebody else, who is kept alive.

    Attributes:
        ptr: the address; 0 for no bytes.
        nbytes: the size that was asked for.
        device: the device's number.
    """

    __slots__ = ("__weakref__", "_owner", "device", "nbytes", "ptr")

    def __init__(self, ptr: int, nbytes: int, device: int, owner: Any = None) -> None:
        self.ptr = ptr
        self.nbytes = nbytes
        self.device = device
        self._owner = owner

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.nbytes} bytes at {self.ptr:#x} of cuda:{self.device})"


class Buffer(Borrowed):
    """Device memory that goes back to its allocator with the last reference.

    To be returned is to be put on a list, and nothing else: garbage collection may call it at any
    moment, in any thread.
    """

    __slots__ = ()

    def __del__(self) -> None:
        block = self._owner
        block.returned.append(block)


class _Pool:
    """The free blocks of one stream."""

    __slots__ = ("bins", "freed", "large", "unsettled", "waiting")
    private = False

    def __init__(self) -> None:
        self.bins: dict[int, list[Block]] = {}
        self.large: list[int] = []  # the sizes of large blocks in `bins`, sorted, once for each
        self.freed: list[Block] = []  # where there are other streams: free, but maybe in use there
        self.waiting: list[tuple[list[Any], list[Block]]] = []  # (events, blocks)
        self.unsettled = False  # whether there are any of these

    def put(self, block: Block) -> None:
        size = block.size
        found = self.bins.get(size)
        if found is None:
            found = self.bins[size] = []
        found.append(block)
        if size >= LARGE:
            insort(self.large, size)

    def take(self, size: int) -> Block | None:
        if size >= LARGE:
            place = bisect_left(self.large, size)
            if place == len(self.large) or self.large[place] > size * TOO_LARGE:
                return None
            size = self.large.pop(place)
        found = self.bins.get(size)
        return found.pop() if found else None

    def put_all(self, blocks: list[Block]) -> None:
        for block in blocks:
            self.put(block)

    def unused_segments(self) -> set[Segment]:
        """Takes out the segments of which every block is free; the device is idle."""
        for _, blocks in self.waiting:
            self.put_all(blocks)
        self.put_all(self.freed)
        self.freed, self.waiting, self.unsettled = [], [], False
        free = Counter([block.segment for blocks in self.bins.values() for block in blocks])
        unused = {segment for segment, count in free.items() if count == segment.parts}
        for size, blocks in self.bins.items():
            self.bins[size] = [block for block in blocks if block.segment not in unused]
        self.large = sorted(
            [size for size, blocks in self.bins.items() for _ in blocks if size >= LARGE]
        )
        return unused


class PrivatePool(_Pool):
    """The blocks of a captured graph, which nobody else is given while there is the graph."""

    __slots__ = ("blocks",)
    private = True

    def __init__(self) -> None:
        super().__init__()
        self.blocks: list[Block] = []  # all of them


class Allocator:
    """The memory of one device."""

    def __init__(self, device: Device) -> None:
        self._device = device
        self._lock = threading.RLock()
        self._pools: dict[Stream, _Pool] = {}
        self._several = False  # whether there are ordinary pools of more than one stream
        self._returned: list[Block] = []
        self._classes: dict[int, int] = {}  # what `size_class` said
        self._index = device.index
        self._total = device.properties.total_memory
        self.limit = self._total
        self._allocated = self._reserved = self._peak = 0
        self._count = self._driver_calls = self._retries = 0

    # ---- the usual way -----------------------------------------------------------------------
    def allocate(self, nbytes: int, stream: Stream) -> Borrowed:
        """Memory for `nbytes` bytes, to be used on `stream` first; the device is entered.

        Raises:
            OutOfMemoryError: there is none, also after unused memory has been given back.
        """
        if nbytes == 0:
            return Borrowed(0, 0, self._index)
        size = self._classes.get(nbytes) or self._class(nbytes)
        with self._lock:
            if self._returned:
                self._take_back()
            pool = self._pools[stream]
            if pool.unsettled:
                self._settle(stream, pool)
            found = pool.bins.get(size)
            block = found.pop() if found and size < LARGE else self._other(nbytes, size, stream)
            self._count += 1
            self._allocated += block.size
            if self._allocated > self._peak:
                self._peak = self._allocated
        return Buffer(block.ptr, nbytes, self._index, block)

    def _class(self, nbytes: int) -> int:
        if len(self._classes) > 4096:
            self._classes.clear()
        size = self._classes[nbytes] = size_class(nbytes)
        return size

    def _other(self, nbytes: int, size: int, stream: Stream) -> Block:
        return self._pools[stream].take(size) or self._grow(nbytes, size, stream)

    def _take_back(self) -> None:
        """Blocks of buffers that died: free, or where there are other streams, maybe in use."""
        returned = self._returned
        several = self._several
        while returned:
            block = returned.pop()
            size = block.size
            self._allocated -= size
            pool = block.pool
            if several and not pool.private:
                pool.freed.append(block)
                pool.unsettled = True
            elif size < LARGE and size in pool.bins:
                pool.bins[size].append(block)
            else:
                pool.put(block)

    # ---- several streams -----------------------------------------------------------------------
    def add_stream(self, stream: Stream) -> None:
        """From now on memory may be in use on this stream too."""
        with self._lock:
            self._several = any(not pool.private for pool in self._pools.values())
            self._pools[stream] = _Pool()

    def _settle(self, stream: Stream, pool: _Pool) -> None:
        """Makes freed blocks usable again whose last use on other streams has passed."""
        if pool.freed:
            blocks, pool.freed = pool.freed, []
            others = [s for s, p in self._pools.items() if s is not stream and not p.private]
            events = [other.record_event() for other in others]
            pool.waiting.append((events, blocks))
        still = []
        for events, blocks in pool.waiting:
            if all([event.query() for event in events]):
                pool.put_all(blocks)
            else:
                still.append((events, blocks))
        pool.waiting = still
        pool.unsettled = bool(still)

    def _from_others(self, size: int, stream: Stream) -> Block | None:
        """A free block of another stream, after whose present work this stream then runs."""
        for other, pool in self._pools.items():
            block = None if other is stream or pool.private else pool.take(size)
            if block is not None:
                stream.wait_stream(other)
                return block
        return None

    # ---- captured graphs -----------------------------------------------------------------------
    def open_private(self, stream: Stream, pool: PrivatePool) -> None:
        """From now on memory for this stream comes from a graph's pool."""
        with self._lock:
            self._pools[stream] = pool

    def close_private(self, stream: Stream) -> None:
        """The capture on this stream is over; the pool keeps its blocks."""
        with self._lock:
            self._take_back()
            del self._pools[stream]

    def give_up(self, pool: PrivatePool, stream: Stream) -> None:
        """The blocks of a graph that has gone are those of an ordinary stream from now on."""
        with self._lock:
            self._take_back()
            heir = self._pools[stream]
            for block in pool.blocks:
                block.pool = block.segment.pool = heir
            free = [block for blocks in pool.bins.values() for block in blocks]
            pool.blocks, pool.bins, pool.large = [], {}, []
            if self._several:
                heir.freed += free
                heir.unsettled = True
            else:
                heir.put_all(free)

    # ---- the driver's memory -------------------------------------------------------------------
    def _grow(self, nbytes: int, size: int, stream: Stream) -> Block:
        parts = min(CUT_INTO, CUT_AT_MOST // size) if size <= CUT_BELOW else 1
        pool = self._pools[stream]
        segment = self._segment(size, parts, pool)
        if segment is None and not pool.private:
            block = self._from_others(size, stream)
            if block is not None:
                return block
            self._retries += 1
            self.empty_cache()
            segment = self._segment(size, 1, pool)
        if segment is None:
            raise OutOfMemoryError(self._message(nbytes))
        start = int(segment.allocation)
        made = [
            Block(start + k * size, size, segment, self._returned) for k in range(segment.parts)
        ]
        if isinstance(pool, PrivatePool):
            pool.blocks += made
        pool.put_all(made[:0:-1])
        return made[0]

    def _segment(self, size: int, parts: int, pool: _Pool) -> Segment | None:
        nbytes = size * parts
        if self._reserved + nbytes > self.limit:
            return None
        try:
            with working_on(self._device), allowing():
                allocation = keep(drv.mem_alloc(nbytes))
        except drv.MemoryError:
            return None
        self._driver_calls += 1
        self._reserved += nbytes
        return Segment(allocation, nbytes, parts, pool)

    def empty_cache(self) -> None:
        """Gives the driver every piece of memory back of which nothing is in use."""
        with self._lock:
            self._device.wait_all()
            self._take_back()
            for pool in [pool for pool in self._pools.values() if not pool.private]:
                for segment in pool.unused_segments():
                    with working_on(self._device):
                        segment.allocation.free()
                    forget(segment.allocation)
                    self._reserved -= segment.nbytes

    def _message(self, nbytes: int) -> str:
        free, total = self._device.memory_info()
        text = (
            f"cuda:{self._device.index} has no {nbytes} bytes: {free} of {total} bytes are free, "
            f"{self._allocated} are in use by tensors, {self._reserved} are reserved"
        )
        if self.limit < self._total:
            text += f"; the limit is {self.limit}"
        return text

    # ---- counters --------------------------------------------------------------------------------
    def stats(self) -> dict[str, int]:
        """The counters, under the contract's names and some more."""
        with self._lock:
            self._take_back()
            return {
                "allocated_bytes": self._allocated,
                "reserved_bytes": self._reserved,
                "peak_allocated_bytes": self._peak,
                "allocations": self._count,
                "driver_allocations": self._driver_calls,
                "oom_retries": self._retries,
            }

    def reset_peak(self) -> None:
        """The peak is what is allocated now."""
        with self._lock:
            self._take_back()
            self._peak = self._allocated
