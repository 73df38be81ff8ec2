"""The processor under the names that `corex.cuda` has, for programs that do not care which of the
two they run on: there is one device, and it is current."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext

from corex.accelerator import streams as _streams
from corex.accelerator.devices import AnyDevice, Devices
from corex.accelerator.streams import Event, Stream

__all__ = [
    "Event", "Stream", "current_device", "current_stream", "device_count", "is_available",
    "is_initialized", "set_device", "stream", "synchronize",
]  # fmt: skip

_cpu = Devices("cpu")


def device_count() -> int:
    """1: cores are no devices."""
    return 1


def is_available() -> bool:
    """Whether tensors can be there: always."""
    return True


def is_initialized() -> bool:
    """Whether it is ready: always."""
    return True


def current_device() -> str:
    """'cpu', which has no numbers."""
    return "cpu"


def set_device(device: AnyDevice) -> None:
    """Does nothing: there is no other."""


def synchronize(device: AnyDevice = None) -> None:
    """Waits until what the backend has queued, if it queues anything, is done."""
    _cpu.synchronize(None)


def current_stream(device: AnyDevice = None) -> Stream:
    """Where this thread's work on the processor goes."""
    return Stream._around(_cpu, _cpu.current_stream(0), 0)


def stream(stream: Stream | None) -> AbstractContextManager[None]:
    """In a `with` block this thread's work goes to the stream; None changes nothing."""
    return nullcontext() if stream is None else _streams.within(stream)
