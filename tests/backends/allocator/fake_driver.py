"""A device that is not there: memory as numbers, streams that run as far as a test says."""

from __future__ import annotations

import threading
from bisect import bisect_right
from typing import Any

from corex.backend import MemoryDriver


class Event:
    def __init__(self, stream: Stream, at: int) -> None:
        self.stream, self.at = stream, at

    def query(self) -> bool:
        return self.stream.done >= self.at


class Stream:
    """Counts what it was given, and how much of that is done."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.given = self.done = 0
        self.waits: list[Event] = []

    def wait_event(self, event: Event) -> None:
        self.waits.append(event)

    def finish(self) -> None:
        self.done = self.given

    def __repr__(self) -> str:
        return self.name


class Capture:
    """A graph that is being captured on a stream."""

    def __init__(self, stream: Stream) -> None:
        self.stream = stream
        self.noted: set[Any] = set()

    def note(self, block: Any) -> None:
        self.noted.add(block)


class Piece:
    def __init__(self, address: int, nbytes: int) -> None:
        self.address, self.nbytes = address, nbytes


class FakeDriver(MemoryDriver):
    """Hands out addresses up to `capacity` bytes, and finds whoever frees what is in use."""

    name = "fake:0"
    index = 7
    divides = True

    def __init__(self, capacity: int = 1 << 30, raises: type[Exception] | None = None) -> None:
        self.capacity = capacity
        self.raises = raises
        self.default_stream = Stream("default")
        self.streams = [self.default_stream]
        self.chosen = threading.local()
        self.captured: Capture | None = None
        self.pieces: dict[int, Piece] = {}
        self.next = 1 << 40
        self.filled: list[tuple[int, int, int, Stream]] = []
        self.destroyed: list[Any] = []
        self.asked: list[int] = []
        self.used: dict[int, list[Event]] = {}  # address of a piece -> work on it

    # ---- memory ----
    def allocate(self, nbytes: int) -> Piece | None:
        self.asked.append(nbytes)
        if nbytes + self.held() > self.capacity:
            if self.raises is not None:
                raise self.raises("none left")
            return None
        piece = Piece(self.next, nbytes)
        self.next += nbytes + 4096
        self.pieces[piece.address] = piece
        return piece

    def free(self, memory: Piece) -> None:
        assert all(event.query() for event in self.used.pop(memory.address, [])), "still in use"
        del self.pieces[memory.address]

    def part(self, memory: Piece, start: int) -> int:
        return memory.address + start

    def held(self) -> int:
        return sum(piece.nbytes for piece in self.pieces.values())

    def memory_info(self) -> tuple[int, int]:
        return self.capacity - self.held(), self.capacity

    # ---- work ----
    def work(self, *buffers: Any) -> None:
        """Queues something that reads or writes buffers, on this thread's stream."""
        stream = self.current_stream()
        stream.given += 1
        for buffer in buffers:
            where = buffer.ptr
            found = sorted(self.pieces)[bisect_right(sorted(self.pieces), where) - 1]
            self.used.setdefault(found, []).append(Event(stream, stream.given))

    def synchronize(self) -> None:
        for stream in self.streams:
            stream.finish()

    def fill(self, ptr: int, nbytes: int, value: int, stream: Stream) -> None:
        self.filled.append((ptr, nbytes, value, stream))

    # ---- streams ----
    def new_stream(self) -> Stream:
        self.streams.append(Stream(f"stream {len(self.streams)}"))
        return self.streams[-1]

    def choose(self, stream: Stream) -> None:
        self.chosen.stream = stream

    def current_stream(self) -> Stream:
        return getattr(self.chosen, "stream", self.default_stream)

    def record_event(self, stream: Stream) -> Event:
        return Event(stream, stream.given)

    # ---- graphs ----
    def capture(self) -> Capture | None:
        return self.captured

    def destroy(self, graph: Any) -> None:
        self.destroyed.append(graph)
