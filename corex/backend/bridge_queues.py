"""Streams and events of a backend in C, as `corex.accelerator` asks for them."""

from __future__ import annotations

import threading
from typing import Any


class CStream:
    """A stream of the library's; `handle` is its own name for it, 0 of the default stream."""

    def __init__(self, table: Any, device: int, handle: int) -> None:
        self._table = table
        self.device = device
        self.handle = handle

    def synchronize(self) -> None:
        """Waits until nothing is left to do."""
        self._table.synchronize_stream(self.device, self.handle)

    def query(self) -> bool:
        """Whether nothing is left to do."""
        return bool(self._table.query_stream(self.device, self.handle))

    def wait_event(self, event: CEvent) -> None:
        """What is queued from now on runs after the event."""
        self._table.stream_waits(self.device, self.handle, event.handle)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, CStream) and (self._table, self.device, self.handle) == (
            other._table,
            other.device,
            other.handle,
        )

    def __hash__(self) -> int:
        return hash((self.device, self.handle))

    def __del__(self) -> None:
        if self.handle:
            self._table.free_stream(self.device, self.handle)


class CEvent:
    """A moment in the work of a stream."""

    handle = 0

    def __init__(self, table: Any, timed: bool) -> None:
        self._table = table
        self.handle = table.new_event(timed)

    def record(self, stream: CStream) -> None:
        """The moment when all that the stream has now is done."""
        self._table.record_event(self.handle, stream.device, stream.handle)

    def query(self) -> bool:
        """Whether it has happened."""
        return bool(self._table.query_event(self.handle))

    def synchronize(self) -> None:
        """Waits for it."""
        self._table.synchronize_event(self.handle)

    def elapsed_time(self, end: CEvent) -> float:
        """Milliseconds from here to another event."""
        return float(self._table.elapsed_time(self.handle, end.handle))

    def __del__(self) -> None:
        if self.handle:
            self._table.free_event(self.handle)


class Queues:
    """Which stream each thread uses, per device."""

    def __init__(self, table: Any) -> None:
        self._table = table
        self._chosen = threading.local()

    def new_stream(self, device: int) -> CStream:
        """A stream beside the default one."""
        return CStream(self._table, device, self._table.new_stream(device))

    def default_stream(self, device: int) -> CStream:
        """Where work goes unless somebody chose."""
        return CStream(self._table, device, 0)

    def current_stream(self, device: int) -> CStream:
        """Where this thread's work on the device goes."""
        chosen: CStream | None = vars(self._chosen).get(str(device))
        return self.default_stream(device) if chosen is None else chosen

    def set_stream(self, stream: CStream) -> None:
        """From now on this thread's work on the stream's device goes there."""
        self._table.set_stream(stream.device, stream.handle)
        vars(self._chosen)[str(stream.device)] = stream

    def new_event(self, timed: bool) -> CEvent:
        """An event; `timed` if `elapsed_time` shall work."""
        return CEvent(self._table, timed)
