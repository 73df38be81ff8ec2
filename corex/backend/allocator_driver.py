"""What the caching allocator asks of a device: raw memory, and which work may still use it."""

from __future__ import annotations

from typing import Any, Protocol


class Passing(Protocol):
    """A moment in a stream's work, as `MemoryDriver.record_event` gives it."""

    def query(self) -> bool:
        """Whether it has passed."""


class Capturing(Protocol):
    """A graph that the calling thread's work goes to instead of being done."""

    stream: Any

    def note(self, block: Any) -> None:
        """The graph's work uses this block, which is not of its own pool."""


class MemoryDriver:
    """One device, as its allocator sees it. Subclass it, and give it to `CachingAllocator`.

    `allocate` and `free` are enough where all work of the device runs in the order of the calls.
    With several streams `current_stream` and `record_event` are needed, and what waits for what;
    with captured graphs `capture` and `destroy`. A stream is any object; None is the only one of a
    device that has no streams.

    Attributes:
        name: what messages call the device.
        index: what the attribute `device` of each buffer is.
        nothing: `ptr` of buffers of no bytes, which are not asked for.
        default_stream: the stream that nobody has to choose.
        divides: whether `part` can name what begins in the middle of a piece, so that small
            buffers are cut from larger pieces.
    """

    name: str = "the device"
    index: Any = 0
    nothing: Any = 0
    default_stream: Any = None
    divides: bool = False

    # ---- raw memory: every driver ----------------------------------------------------------------
    def allocate(self, nbytes: int) -> Any:
        """A piece of the device's memory, an object of any kind.

        None, or OutOfMemoryError, where there is none: unused memory is given back then, and the
        question is put again."""
        raise NotImplementedError

    def free(self, memory: Any) -> None:
        """Gives a piece back, of which nothing is in use any more."""
        raise NotImplementedError

    def part(self, memory: Any, start: int) -> Any:
        """What kernels know the bytes of a piece from `start` on by: `ptr` of the buffers there.

        By default the piece itself; an address if `divides`."""
        return memory

    def memory_info(self) -> tuple[int, int] | None:
        """Free and total bytes, for the message where memory runs out."""
        return None

    # ---- work that runs later --------------------------------------------------------------------
    def synchronize(self) -> None:
        """Waits for all work of the device, before memory is given back."""

    def fill(self, ptr: Any, nbytes: int, value: int, stream: Any) -> None:
        """Sets bytes, in the order of a stream; asked of drivers whose memory is to be poisoned."""
        raise NotImplementedError(f"the driver of {self.name} cannot poison memory")

    # ---- several streams -------------------------------------------------------------------------
    def current_stream(self) -> Any:
        """Where the calling thread's work on this device goes."""
        return self.default_stream

    def record_event(self, stream: Any) -> Passing:
        """The moment when all that the stream has now is done."""
        raise NotImplementedError(f"the driver of {self.name} has no events")

    def wait_stream(self, stream: Any, other: Any) -> None:
        """What the stream is given from now on runs after all that the other one has now."""
        stream.wait_event(self.record_event(other))

    # ---- captured graphs -------------------------------------------------------------------------
    def capture(self) -> Capturing | None:
        """The graph that the calling thread captures now. Events are not asked meanwhile."""
        return None

    def destroy(self, graph: Any) -> None:
        """Destroys what can be launched of a graph that has gone."""
