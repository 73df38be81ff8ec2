"""Streams and events of backends that have none: one queue, whose work is done in order."""

from __future__ import annotations

import time
from typing import Any

from corex.backend.contract import Backend


class InOrderStream:
    """The one queue of a device; equal to every other stream of it."""

    handle = 0

    def __init__(self, backend: Backend, index: int) -> None:
        self.backend = backend
        self.index = index

    def synchronize(self) -> None:
        """Waits until nothing is left to do."""
        self.backend.synchronize(self.index)

    def query(self) -> bool:
        """Whether nothing is left to do: waits, since such a backend cannot tell otherwise."""
        self.synchronize()
        return True

    def wait_event(self, event: Any) -> None:
        """What is queued from now on runs after the event, as everything does."""
        event.synchronize()

    def __eq__(self, other: object) -> bool:
        return (
            isinstance(other, InOrderStream)
            and self.backend is other.backend
            and self.index == other.index
        )

    def __hash__(self) -> int:
        return hash((id(self.backend), self.index))


class InOrderEvent:
    """A moment that has passed as soon as it was recorded."""

    def __init__(self) -> None:
        self.seconds: float | None = None

    def record(self, stream: Any) -> None:
        """The moment when all that the stream has now is done."""
        stream.synchronize()
        self.seconds = time.perf_counter()

    def query(self) -> bool:
        """Whether nothing is waited for."""
        return True

    def synchronize(self) -> None:
        """Returns at once."""

    def elapsed_time(self, end: InOrderEvent) -> float:
        """Milliseconds from here to another event.

        Raises:
            RuntimeError: one of them was not recorded.
        """
        if self.seconds is None or end.seconds is None:
            raise RuntimeError("Both events must be recorded before calculating elapsed time.")
        return (end.seconds - self.seconds) * 1e3
