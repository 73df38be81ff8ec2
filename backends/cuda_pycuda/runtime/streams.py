"""Streams and events.

The work of all threads goes to one stream per device, the default stream, so that it runs in the
order of the calls, as the contract says. A thread that wants another order chooses a stream of its
own, and then says with events what has to wait for what.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pycuda.driver as drv

from corex_cuda_pycuda.runtime.capture import allowing
from corex_cuda_pycuda.runtime.threads import current, enter, keep, working_on

if TYPE_CHECKING:
    from corex_cuda_pycuda.runtime.device import Device

NON_BLOCKING = 1  # CU_STREAM_NON_BLOCKING: does not wait for the legacy default stream


class Stream:
    """A queue of work of one device.

    Attributes:
        raw: PyCUDA's stream.
        handle: CUDA's, a number.
        number: 0 is the default stream.
    """

    __slots__ = ("device", "handle", "number", "raw")

    def __init__(self, device: Device, number: int) -> None:
        self.device = device
        self.number = number
        with working_on(device), allowing():
            self.raw = keep(drv.Stream(NON_BLOCKING))
        self.handle = int(self.raw.handle)

    def synchronize(self) -> None:
        """Waits until the stream has nothing left to do."""
        self.device.wait(self)

    def query(self) -> bool:
        """Whether it has nothing left to do."""
        self.device.enter()
        return bool(self.raw.is_done())

    def wait_event(self, event: Event) -> None:
        """What is queued from now on runs after the event; the host does not wait."""
        if event.raw is not None:
            self.device.enter()
            self.raw.wait_for_event(event.raw)

    def wait_stream(self, other: Stream) -> None:
        """What is queued from now on runs after what the other stream has now."""
        self.wait_event(other.record_event())

    def record_event(self, event: Event | None = None) -> Event:
        """An event that happens when all that is queued now is done."""
        event = event or Event()
        event.record(self)
        return event

    def __repr__(self) -> str:
        return f"Stream({self.number} of cuda:{self.device.index})"


class Event:
    """A moment in a stream's work; without one before it is recorded."""

    __slots__ = ("device", "raw", "timed")

    def __init__(self, timed: bool = False) -> None:
        self.timed = timed
        self.device: Device | None = None
        self.raw: Any = None

    def record(self, stream: Stream) -> None:
        """The moment when all that is queued on the stream now is done."""
        stream.device.enter()
        if self.raw is None or self.device is not stream.device:
            self._give_back()
            self.raw, self.device = self._take(stream.device), stream.device
        self.raw.record(stream.raw)

    def _take(self, device: Device) -> Any:
        try:
            return device.events[self.timed].pop()
        except IndexError:
            with working_on(device), allowing():
                return keep(drv.Event(0 if self.timed else drv.event_flags.DISABLE_TIMING))

    def _give_back(self) -> None:
        if self.raw is not None and self.device is not None:
            self.device.events[self.timed].append(self.raw)

    def __del__(self) -> None:
        self._give_back()  # what waits for it goes on waiting for what was recorded

    def query(self) -> bool:
        """Whether it has happened; an event that was not recorded has."""
        if self.raw is None or self.device is None:
            return True
        self.device.enter()
        return bool(self.raw.query())

    def synchronize(self) -> None:
        """Waits for it."""
        if self.raw is not None and self.device is not None:
            self.device.enter()
            self.device.counters.synchronisations += 1
            self.raw.synchronize()

    def elapsed_time(self, end: Event) -> float:
        """Milliseconds from this event to another.

        Raises:
            RuntimeError: one of them was not recorded, or has not happened, or takes no time.
        """
        if self.raw is None or end.raw is None or self.device is None:
            raise RuntimeError("Both events must be recorded before calculating elapsed time.")
        if not (self.timed and end.timed):
            raise RuntimeError("Both events must be created with argument 'enable_timing=True'.")
        if not (self.query() and end.query()):
            raise RuntimeError("Both events must be completed before calculating elapsed time.")
        self.device.enter()
        return float(end.raw.time_since(self.raw))


def choose(stream: Stream) -> None:
    """From now on this thread's work on the stream's device goes to the stream."""
    current.chosen[stream.device.index] = stream
    if current.device is stream.device:
        enter(stream.device)
