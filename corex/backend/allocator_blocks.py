"""What the caching allocator keeps: pieces of device memory, their sizes, and who uses them.

A block belongs to one stream, whose work runs in order. What other streams do with it has to be
known when it is freed, and is noted by the buffer itself: nobody can launch work on memory without
asking for its address. The note costs a call of Python, so it is taken only while there are
streams to be told apart, `watch`.
"""

from __future__ import annotations

import threading
from bisect import bisect_left, insort
from collections import Counter
from typing import Any

from corex.backend.allocator_driver import MemoryDriver

SMALLEST = 512
LARGE = 16 << 20
LARGE_STEP = 2 << 20
TOO_LARGE = 1.25


def size_class(nbytes: int) -> int:
    """The size of the block that holds `nbytes` bytes: eight classes per power of two."""
    if nbytes <= 8 * SMALLEST:
        return (nbytes + SMALLEST - 1) // SMALLEST * SMALLEST
    if nbytes >= LARGE:
        return (nbytes + LARGE_STEP - 1) // LARGE_STEP * LARGE_STEP
    shift = nbytes.bit_length() - 4
    return ((nbytes - 1 >> shift) + 1) << shift


class Segment:
    """A piece of the driver's memory: one block, or several of one size."""

    __slots__ = ("driver", "memory", "nbytes", "parts")

    def __init__(self, driver: MemoryDriver, memory: Any, nbytes: int, parts: int) -> None:
        self.driver = driver
        self.memory = memory
        self.nbytes = nbytes
        self.parts = parts


class Block:
    """What a buffer holds while it lives; then the next one.

    Attributes:
        pool: where it goes when its buffer dies; says which stream it belongs to.
        returned: the allocator's list of blocks whose buffers died.
        users: the other streams that were given work on it.
        pending: how many of them have not been seen to be done with it, after its buffer's death.
    """

    __slots__ = ("pending", "pool", "ptr", "returned", "segment", "size", "users")

    def __init__(
        self, ptr: Any, size: int, segment: Segment, pool: Pool, returned: list[Block]
    ) -> None:
        self.ptr = ptr
        self.size = size
        self.segment = segment
        self.pool = pool
        self.returned = returned
        self.users: set[Any] = set()
        self.pending = 0

    def use(self, stream: Any) -> None:
        """Notes that a stream was given work on it; any thread may call this."""
        if stream is not self.pool.stream:
            self.users.add(stream)


class BorrowedBuffer:
    """Memory of nobody or of somebody else, who is kept alive.

    Attributes:
        ptr: what kernels know the memory by, as a rule its address.
        nbytes: the size that was asked for.
        device: the device, as the driver's `index` says it.
    """

    __slots__ = ("__weakref__", "_owner", "device", "nbytes", "ptr")

    def __init__(self, ptr: Any, nbytes: int, device: Any, owner: Any = None) -> None:
        self.ptr = ptr
        self.nbytes = nbytes
        self.device = device
        self._owner = owner

    def use(self, stream: Any) -> None:
        """Notes that a stream was given work on it."""

    def __repr__(self) -> str:
        at = f" at {self.ptr:#x}" if isinstance(self.ptr, int) else ""
        return f"{type(self).__name__}({self.nbytes} bytes{at} of device {self.device})"


class CachedBuffer(BorrowedBuffer):
    """Device memory that goes back to its allocator with the last reference.

    To be returned is to be put on a list, and nothing else: garbage collection may call it at any
    moment, in any thread.
    """

    __slots__ = ()

    def use(self, stream: Any) -> None:
        """Notes that a stream was given work on it, so that nobody else gets it meanwhile."""
        self._owner.use(stream)

    def __del__(self) -> None:
        block = self._owner
        block.returned.append(block)


# ---- noting who uses what ------------------------------------------------------------------------
_address: Any = BorrowedBuffer.__dict__["ptr"]
_watching: Counter[type[CachedBuffer]] = Counter()
_watch_lock = threading.Lock()


def _noted_address(buffer: CachedBuffer) -> Any:
    """The address, for work on this thread's stream of the buffer's device."""
    block: Block = buffer._owner
    driver = block.segment.driver
    stream = driver.current_stream()
    if stream is not block.pool.stream:
        capture = driver.capture()
        if capture is not None and stream is capture.stream:
            capture.note(block)
        else:
            block.users.add(stream)
    return _address.__get__(buffer)


def watch(kind: type[CachedBuffer]) -> None:
    """From now on buffers of a class note which streams use them, until as many calls of `ignore`.

    Their attribute `ptr` becomes a property; until then it costs what any attribute costs.
    """
    with _watch_lock:
        _watching[kind] += 1
        setattr(kind, "ptr", property(_noted_address, _address.__set__))  # noqa: B010


def ignore(kind: type[CachedBuffer]) -> None:
    """Takes one `watch` back."""
    with _watch_lock:
        _watching[kind] -= 1
        if not _watching[kind]:
            delattr(kind, "ptr")


# ---- pools ---------------------------------------------------------------------------------------
class Pool:
    """The free blocks of one stream: whatever the stream is given next may use them."""

    __slots__ = ("bins", "large", "stream")
    private = False

    def __init__(self, stream: Any) -> None:
        self.stream = stream
        self.bins: dict[int, list[Block]] = {}
        self.large: list[int] = []  # the sizes of large blocks in `bins`, sorted, once for each

    def put(self, block: Block) -> None:
        """Adds a free block."""
        size = block.size
        found = self.bins.get(size)
        if found is None:
            found = self.bins[size] = []
        found.append(block)
        if size >= LARGE:
            insort(self.large, size)

    def put_all(self, blocks: list[Block]) -> None:
        """Adds free blocks."""
        for block in blocks:
            self.put(block)

    def take(self, size: int) -> Block | None:
        """A free block that is large enough, and not much larger."""
        if size >= LARGE:
            place = bisect_left(self.large, size)
            if place == len(self.large) or self.large[place] > size * TOO_LARGE:
                return None
            size = self.large.pop(place)
        found = self.bins.get(size)
        return found.pop() if found else None

    def free_blocks(self) -> list[Block]:
        """All of them."""
        return [block for blocks in self.bins.values() for block in blocks]

    def leave_out(self, unused: set[Segment]) -> None:
        """Forgets the blocks of some segments."""
        for size, blocks in self.bins.items():
            self.bins[size] = [block for block in blocks if block.segment not in unused]
        self.large = sorted(
            [size for size, blocks in self.bins.items() for _ in blocks if size >= LARGE]
        )


class PrivatePool(Pool):
    """The blocks of a captured graph, which nobody else is given while there is the graph.

    Attributes:
        blocks: all of them.
        replayed: the streams that the graph, or others with the same pool, was replayed on.
    """

    __slots__ = ("blocks", "replayed")
    private = True

    def __init__(self, stream: Any) -> None:
        super().__init__(stream)
        self.blocks: list[Block] = []
        self.replayed: set[Any] = set()
