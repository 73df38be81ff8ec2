"""Streams and events of any device."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from types import TracebackType
from typing import Any, TypeVar

from corex.accelerator.devices import AnyDevice, Devices, of
from corex.device import device as Device
from corex.dispatch.devices import accelerator_type, current_index, place_of, set_current_index

S = TypeVar("S", bound="Stream")


class Stream:
    """A queue of work of one device, beside the default one that all threads share.

    What is queued on different streams runs in any order, unless events say otherwise. Where the
    backend has no streams, this is the one queue that there is.
    """

    def __init__(self, device: AnyDevice = None, *, priority: int = 0) -> None:
        devices = self._devices(device)
        index = devices.index(device)
        self._set(devices, devices.new_stream(index), index)
        self.priority = priority

    @classmethod
    def _devices(cls, device: AnyDevice) -> Devices:
        return _or_cpu(device)

    def _set(self, devices: Devices, raw: Any, index: int) -> None:
        self._kin = devices
        self._raw = raw
        self.device = Device(devices.type, index)
        self.device_index = index
        self.priority = 0
        self._before: list[Stream] = []

    @classmethod
    def _around(cls: type[S], devices: Devices, raw: Any, index: int) -> S:
        found = cls.__new__(cls)
        found._set(devices, raw, index)
        return found

    @property
    def stream_id(self) -> int:
        """The driver's handle; 0 where there is none."""
        return int(self._raw.handle)

    def synchronize(self) -> None:
        """Waits until nothing is left to do."""
        place_of(self._kin.name(), self.device_index).waited(self._raw.synchronize)

    def query(self) -> bool:
        """Whether nothing is left to do."""
        return bool(self._raw.query())

    def _new_event(self) -> Event:
        return Event(self.device)

    def record_event(self, event: Event | None = None) -> Event:
        """An event that happens when all that is queued now is done."""
        event = event or self._new_event()
        event.record(self)
        return event

    def wait_event(self, event: Event) -> None:
        """What is queued from now on runs after the event."""
        self._raw.wait_event(event._raw)

    def wait_stream(self, stream: Stream) -> None:
        """What is queued from now on runs after what the other stream has now."""
        self.wait_event(stream.record_event())

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Stream) and bool(self._raw == other._raw)

    def __hash__(self) -> int:
        return hash(self._raw)

    def __repr__(self) -> str:
        return f"<corex.Stream device={self.device} stream_id={self.stream_id:#x}>"

    def __enter__(self: S) -> S:
        self._before.append(_current(self._kin, self.device_index))
        self._kin.set_stream(self._raw)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        before = self._before.pop()
        self._kin.set_stream(before._raw)


class Event:
    """A moment in a stream's work; with `enable_timing`, the time between two can be asked for."""

    def __init__(
        self,
        device: AnyDevice = None,
        *,
        enable_timing: bool = False,
        blocking: bool = False,
        interprocess: bool = False,
    ) -> None:
        self._set(_or_cpu(device), enable_timing, interprocess)

    def _set(self, devices: Devices, enable_timing: bool, interprocess: bool) -> None:
        if interprocess:
            raise NotImplementedError("events shared between processes are not supported")
        self._kin = devices
        self._raw = devices.new_event(enable_timing)

    @property
    def device(self) -> Device:
        """The type of device that it belongs to."""
        return Device(self._kin.type)

    def record(self, stream: Stream | None = None) -> None:
        """The moment when all that the stream, by default the current one, has now is done."""
        self._raw.record((stream or self._current_stream())._raw)

    def wait(self, stream: Stream | None = None) -> None:
        """What is queued on the stream from now on runs after the event."""
        (stream or self._current_stream()).wait_event(self)

    def _current_stream(self) -> Stream:
        return _current(self._kin, self._kin.current())

    def query(self) -> bool:
        """Whether it has happened."""
        return bool(self._raw.query())

    def synchronize(self) -> None:
        """Waits for it."""
        self._raw.synchronize()

    def elapsed_time(self, end_event: Event) -> float:
        """Milliseconds from this event to another.

        Raises:
            RuntimeError: one of them was not recorded, or not yet reached, or takes no time.
        """
        return float(self._raw.elapsed_time(end_event._raw))


def _or_cpu(device: AnyDevice) -> Devices:
    """As `of`, but without an accelerator the CPU's, as in PyTorch."""
    return Devices("cpu") if device is None and accelerator_type() is None else of(device)


def _current(devices: Devices, index: int) -> Stream:
    return Stream._around(devices, devices.current_stream(index), index)


@contextmanager
def within(stream: Stream) -> Iterator[None]:
    """In the block this thread's work goes to the stream, and its type means its device."""
    device_type = stream.device.type
    before = current_index(device_type)
    set_current_index(device_type, stream.device_index)
    try:
        with stream:
            yield
    finally:
        set_current_index(device_type, before)
