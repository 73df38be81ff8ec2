"""A caching allocator for any device: to ask a driver for memory costs more than a small kernel.

Sizes are rounded up to classes, eight per power of two, so that at most an eighth is lost; from
16 MiB on to multiples of 2 MiB, and a block that is up to a quarter too large will do. Small
blocks are cut, several at once, from one piece of the driver's memory, where it can be cut.

A freed block may be in use by kernels that are queued. To take it again is safe on the stream it
belongs to, whose work runs in order. Where other streams used it, which it knows, it is free once
events on these have passed. Each stream's events wait in the order in which they were recorded, so
it is enough to ask for the first; and nobody asks before memory is wanted. What is allocated while
a graph is captured comes from a pool of the graph's own, since every replay uses it again.

Nothing that may wait, for the device or for the driver, is called while the lock is held. The
allocator owns no thread, and what a finaliser does is to append to a list.

For finding mistakes: `poisons` fills freed blocks with ones (NaN, or -1) in the order of their
stream, and without `caches` each buffer is a piece of the driver's memory.
"""

from __future__ import annotations

import sys
import threading
from collections import Counter, deque
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from corex.backend.allocator_blocks import (
    LARGE,
    Block,
    BorrowedBuffer,
    CachedBuffer,
    Pool,
    PrivatePool,
    Segment,
    ignore,
    size_class,
    watch,
)
from corex.backend.allocator_driver import MemoryDriver, Passing
from corex.errors import OutOfMemoryError

CUT_BELOW = 128 << 10
CUT_INTO = 32
CUT_AT_MOST = 1 << 20
POISON = 0xFF


class CachingAllocator:
    """The memory of one device.

    Attributes:
        limit: the most bytes that are asked of the driver.
    """

    def __init__(
        self,
        driver: MemoryDriver,
        *,
        buffer: type[CachedBuffer] = CachedBuffer,
        limit: int | None = None,
        poisons: bool = False,
        caches: bool = True,
    ) -> None:
        """`buffer`: the class of what is handed out, if there is one of the backend's own: then
        other backends' streams do not make its buffers slower."""
        self._driver = driver
        self._buffer = buffer
        self._lock = threading.RLock()
        self._busy = False  # a finaliser may come in the middle, and want memory
        self._pools: dict[Any, Pool] = {}
        self._waiting: dict[Any, deque[tuple[Passing, list[Block]]]] = {}
        self._returned: list[Block] = []
        self._postponed: list[Block] = []  # returned during a capture, used by other streams
        self._garbage: set[Segment] = set()  # where nothing is cached
        self._dropped: deque[tuple[Any, PrivatePool | None]] = deque()  # by graphs that have gone
        self._classes: dict[int, int] = {}  # what `size_class` said
        self._poisons = poisons
        self._caches = caches
        self._index = driver.index
        self.limit = sys.maxsize if limit is None else limit
        self._allocated = self._reserved = self._peak = 0
        self._count = self._driver_calls = self._retries = 0
        self.add_stream(driver.default_stream)

    # ---- the usual way -----------------------------------------------------------------------
    def allocate(self, nbytes: int, stream: Any = None) -> BorrowedBuffer:
        """Memory for `nbytes` bytes, to be used first on `stream`, one that `add_stream` knows.

        Raises:
            OutOfMemoryError: there is none, also after unused memory has been given back.
        """
        if nbytes == 0:
            return BorrowedBuffer(self._driver.nothing, 0, self._index)
        size = self._classes.get(nbytes) or self._class(nbytes)
        block: Block | None = None
        with self._lock:
            if not self._busy:
                self._busy = True
                try:
                    if self._returned:
                        self._take_back()
                    found = self._pools[stream].bins.get(size)
                    block = found.pop() if found and size < LARGE else self._other(size, stream)
                    if block is not None:
                        self._count_in(block)
                finally:
                    self._busy = False
        if block is None:
            block = self._grow(nbytes, size, stream)
        return self._buffer(block.ptr, nbytes, self._index, block)

    @contextmanager
    def _entered(self) -> Iterator[bool]:
        """The lock; true unless this is a finaliser in the middle of another call's work."""
        with self._lock:
            before, self._busy = self._busy, True
            try:
                yield not before
            finally:
                self._busy = before

    def _count_in(self, block: Block) -> None:
        self._count += 1
        self._allocated += block.size
        if self._allocated > self._peak:
            self._peak = self._allocated

    def _class(self, nbytes: int) -> int:
        if len(self._classes) > 4096:
            self._classes.clear()
        size = self._classes[nbytes] = size_class(nbytes) if self._caches else nbytes
        return size

    def _other(self, size: int, stream: Any) -> Block | None:
        """A free block that is not simply the next one of its size."""
        pool = self._pools[stream]
        found = pool.take(size)
        if found is None and (self._waiting or self._postponed) and self._driver.capture() is None:
            self._settle()
            found = pool.take(size)
        return found

    def _take_back(self) -> None:
        """Blocks of buffers that died: free on their stream, unless others were given them."""
        returned = self._returned
        shared: list[Block] = []
        while returned:
            block = returned.pop()
            size = block.size
            self._allocated -= size
            pool = block.pool
            if block.users and not pool.private:
                shared.append(block)
            elif self._poisons or not self._caches:
                self._release(block)
            elif size < LARGE and size in pool.bins:
                pool.bins[size].append(block)
            else:
                pool.put(block)
        if shared:
            self._hold(shared)

    # ---- several streams -----------------------------------------------------------------------
    def add_stream(self, stream: Any) -> None:
        """From now on memory may be in use on this stream too."""
        with self._lock:
            if stream in self._pools:
                return
            self._pools[stream] = Pool(stream)
            if len([pool for pool in self._pools.values() if not pool.private]) == 2:
                watch(self._buffer)

    def _hold(self, blocks: list[Block]) -> None:
        """Marks where the streams are that use these blocks, whose buffers died."""
        if self._driver.capture() is not None:  # of this stream, perhaps; nor can events be asked
            self._postponed += blocks
            return
        marks: dict[Any, list[Block]] = {}
        for block in blocks:
            users, block.users = block.users, set()
            block.pending = len(users)
            for user in users:
                marks.setdefault(user, []).append(block)
        for user, held in marks.items():
            self._waiting.setdefault(user, deque()).append((self._driver.record_event(user), held))

    def _settle(self) -> None:
        """Frees the blocks whose last use on other streams has passed."""
        if self._postponed:
            blocks, self._postponed = self._postponed, []
            self._hold(blocks)
        for stream, queue in list(self._waiting.items()):
            while queue and queue[0][0].query():
                for block in queue.popleft()[1]:
                    block.pending -= 1
                    if not block.pending:
                        self._release(block)
            if not queue:
                del self._waiting[stream]

    def _release(self, block: Block) -> None:
        """Makes a block free that nobody else uses any more."""
        pool = block.pool
        if self._poisons and self._may_poison(pool):
            self._driver.fill(block.ptr, block.size, POISON, pool.stream)
        if self._caches or pool.private:
            pool.put(block)
        else:
            self._garbage.add(block.segment)

    def _may_poison(self, pool: Pool) -> bool:
        """Not what replays write whenever they want; in a capture, only what is captured."""
        capture = self._driver.capture()
        return not pool.private if capture is None else capture.stream is pool.stream

    def _from_others(self, size: int, stream: Any) -> Block | None:
        """A free block of another stream, after whose present work this stream then runs."""
        with self._entered() as alone:
            for other, pool in self._pools.items() if alone else ():
                block = None if other is stream or pool.private else pool.take(size)
                if block is not None:
                    self._driver.wait_stream(stream, other)
                    block.pool = self._pools[stream]
                    self._count_in(block)
                    return block
        return None

    # ---- captured graphs -----------------------------------------------------------------------
    def open_private(self, stream: Any, pool: PrivatePool) -> None:
        """From now on memory for this stream comes from a graph's pool."""
        with self._lock:
            pool.stream = stream
            self._pools[stream] = pool
        watch(self._buffer)

    def close_private(self, stream: Any) -> None:
        """The capture on this stream is over; the pool keeps its blocks."""
        ignore(self._buffer)
        with self._entered() as alone:
            if alone:
                self._take_back()
            del self._pools[stream]

    def drop(self, graph: Any, pool: PrivatePool | None) -> None:
        """Takes what is left of a graph, until `bury`; may be called at any moment."""
        if graph or pool is not None:
            self._dropped.append((graph, pool))

    def bury(self) -> None:
        """Destroys graphs that have gone, and gives their memory to all."""
        while self._dropped:
            try:
                graph, pool = self._dropped.popleft()
            except IndexError:  # another thread was faster
                return
            if graph:
                self._driver.destroy(graph)
            if pool is not None:
                self._give_up(pool, self._driver.default_stream)

    def _give_up(self, pool: PrivatePool, stream: Any) -> None:
        """The blocks of a graph that has gone are those of an ordinary stream from now on."""
        with self._entered() as alone:
            if alone:
                self._take_back()
            heir = self._pools[stream]
            free = pool.free_blocks()
            for block in pool.blocks:
                block.pool = heir
                block.users |= pool.replayed
                block.users.discard(stream)
            pool.blocks, pool.bins, pool.large = [], {}, []
            heir.put_all([block for block in free if not block.users])
            self._hold([block for block in free if block.users])

    def several_streams(self) -> bool:
        """Whether it matters which stream uses what."""
        return len(self._pools) > 1

    # ---- the driver's memory -------------------------------------------------------------------
    def _grow(self, nbytes: int, size: int, stream: Any) -> Block:
        whole = size > CUT_BELOW or self._busy or not (self._caches and self._driver.divides)
        parts = 1 if whole else min(CUT_INTO, CUT_AT_MOST // size)
        if self._garbage and self._driver.capture() is None:
            self.empty_cache()
        pool = self._pools[stream]
        segment = self._segment(size, parts)
        if segment is None and not pool.private:
            block = self._from_others(size, stream)
            if block is not None:
                return block
            self._retries += 1
            self.empty_cache()
            parts = 1
            segment = self._segment(size, parts)
        if segment is None:
            raise OutOfMemoryError(self._message(nbytes))
        made = [self._block(segment, k * size, size, pool) for k in range(parts)]
        with self._entered():
            if isinstance(pool, PrivatePool):
                pool.blocks += made
            pool.put_all(made[:0:-1])
            self._count_in(made[0])
        return made[0]

    def _block(self, segment: Segment, start: int, size: int, pool: Pool) -> Block:
        ptr = self._driver.part(segment.memory, start)
        return Block(ptr, size, segment, pool, self._returned)

    def _segment(self, size: int, parts: int) -> Segment | None:
        nbytes = size * parts
        with self._lock:
            if self._reserved + nbytes > self.limit:
                return None
            self._reserved += nbytes
            self._driver_calls += 1
        memory = None
        try:
            memory = self._driver.allocate(nbytes)
        except OutOfMemoryError:
            pass  # a driver may say it so, too
        finally:
            if memory is None:
                with self._lock:
                    self._reserved -= nbytes
                    self._driver_calls -= 1
        return None if memory is None else Segment(self._driver, memory, nbytes, parts)

    def empty_cache(self) -> None:
        """Gives the driver every piece of memory back of which nothing is in use."""
        with self._entered() as alone:
            if alone:
                self._take_back()
        self._driver.synchronize()
        self.bury()
        unused: set[Segment] = set()
        with self._entered() as alone:
            if alone:
                self._take_back()
                self._settle()
                unused = self._unused()
        if unused:
            self._driver.synchronize()  # for what other threads queued and let go of meanwhile
            self._free(unused)

    def _unused(self) -> set[Segment]:
        """Takes out the segments of which every block is free."""
        pools = [pool for pool in self._pools.values() if not pool.private]
        free = Counter([block.segment for pool in pools for block in pool.free_blocks()])
        unused = {segment for segment, count in free.items() if count == segment.parts}
        for pool in pools:
            pool.leave_out(unused)
        garbage, self._garbage = self._garbage, set()
        return unused | garbage

    def _free(self, unused: set[Segment]) -> None:
        """Gives segments back that nobody knows any more."""
        for segment in unused:
            self._driver.free(segment.memory)
            with self._lock:
                self._reserved -= segment.nbytes

    def _message(self, nbytes: int) -> str:
        known = self._driver.memory_info()
        free = "" if known is None else f"{known[0]} of {known[1]} bytes are free, "
        text = (
            f"{self._driver.name} has no {nbytes} bytes: {free}"
            f"{self._allocated} are in use by tensors, {self._reserved} are reserved"
        )
        if self.limit < (sys.maxsize if known is None else known[1]):
            text += f"; the limit is {self.limit}"
        return text

    # ---- counters --------------------------------------------------------------------------------
    def stats(self) -> dict[str, int]:
        """The counters, under the contract's names and some more."""
        with self._entered() as alone:
            if alone:
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
        with self._entered() as alone:
            if alone:
                self._take_back()
            self._peak = self._allocated
