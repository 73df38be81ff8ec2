"""The devices of one type, and everything that can be asked of the backend that serves them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from corex.accelerator.in_order import InOrderEvent, InOrderStream
from corex.backend.contract import Backend
from corex.device import device as Device
from corex.dispatch.devices import (
    current_index,
    place_of,
    require_accelerator,
    set_current_index,
)
from corex.errors import BackendUnavailableError
from corex.plugins.manager import manager

AnyDevice = Device | str | int | None


class Devices:
    """The devices of one type.

    What needs a device raises `BackendUnavailableError`, which tells why there is none.
    """

    def __init__(self, type: str) -> None:
        self.type = type

    # ---- who serves them ----
    def name(self) -> str:
        """The backend's name.

        Raises:
            BackendUnavailableError: no usable backend serves this type.
        """
        return manager.backend_for_device_type(self.type)

    def backend(self) -> Backend:
        """The backend, which is loaded if this is its first use."""
        return manager.backend(self.name())

    def method(self, name: str) -> Callable[..., Any]:
        """An optional method of the backend.

        Raises:
            NotImplementedError: the backend does not have it.
        """
        found = self._optional(name)
        if found is None:
            raise NotImplementedError(f"backend '{self.name()}' has no method '{name}'")
        return found

    def _optional(self, name: str) -> Callable[..., Any] | None:
        return getattr(self.backend(), name, None)

    # ---- which there are ----
    def count(self) -> int:
        """How many there are here; 0 without a backend for them."""
        for name, descriptor in manager.descriptors().items():
            if descriptor.device_type == self.type and manager.unavailable_reason(name) is None:
                try:
                    return manager.backend(name).device_count()
                except BackendUnavailableError:  # it said it could be used, and failed to start
                    continue
        return 0

    def index(self, device: AnyDevice) -> int:
        """The number that a device argument means; None is the current one.

        Raises:
            ValueError: a device of another type. RuntimeError: there is no such number.
        """
        if device is None:
            return self.current()
        if not isinstance(device, int):
            wanted = Device(device)
            if wanted.type != self.type:
                raise ValueError(f"Expected a {self.type} device, but got: {wanted}")
            if wanted.index is None:
                return self.current()
            device = wanted.index
        return place_of(self.name(), device).index

    def current(self) -> int:
        """The number of the device that the bare type means in this thread."""
        self.name()
        return current_index(self.type)

    def set_current(self, device: AnyDevice) -> None:
        """Makes a device the one that the bare type means in this thread."""
        set_current_index(self.type, self.index(device))

    def synchronize(self, device: AnyDevice) -> None:
        """Waits until a device has finished its work."""
        place = place_of(self.name(), self.index(device))
        place.waited(place.backend.synchronize, place.index)

    def properties(self, device: AnyDevice) -> Mapping[str, Any]:
        """What the backend tells about a device."""
        found: Mapping[str, Any] = self.method("device_properties")(self.index(device))
        return found

    # ---- memory ----
    def memory_stats(self, device: AnyDevice) -> dict[str, int]:
        """The allocator's counters, under those of PyTorch's names that the backend knows."""
        stats = self.backend().memory_stats(self.index(device))
        return {name: stats[ours] for name, ours in _STATS.items() if ours in stats}

    def memory_info(self, device: AnyDevice) -> tuple[int, int]:
        """(free, total) bytes of a device."""
        free, total = self.method("memory_info")(self.index(device))
        return free, total

    def empty_cache(self) -> None:
        """Gives unused memory of all devices back."""
        backend = self.backend()
        for index in range(backend.device_count()):
            backend.empty_cache(index)

    # ---- streams; a backend without any has one queue, in which everything is done at once ----
    def new_stream(self, index: int) -> Any:
        """The backend's object for a stream beside the default one."""
        return self._stream("new_stream", index)

    def current_stream(self, index: int) -> Any:
        """The backend's object for where this thread's work goes."""
        return self._stream("current_stream", index)

    def default_stream(self, index: int) -> Any:
        """The backend's object for where work goes unless somebody chose."""
        return self._stream("default_stream", index)

    def _stream(self, method: str, index: int) -> Any:
        make = self._optional(method)
        return InOrderStream(self.backend(), index) if make is None else make(index)

    def set_stream(self, raw: Any) -> None:
        """From now on this thread's work on the stream's device goes there."""
        if not isinstance(raw, InOrderStream):
            self.method("set_stream")(raw)

    def new_event(self, timed: bool) -> Any:
        """The backend's object for an event."""
        make = self._optional("new_event")
        return InOrderEvent() if make is None else make(timed)


_STATS = {
    "allocated_bytes.all.current": "allocated_bytes",
    "allocated_bytes.all.peak": "peak_allocated_bytes",
    "reserved_bytes.all.current": "reserved_bytes",
    "allocation.all.allocated": "allocations",
    "num_device_alloc": "driver_allocations",
    "num_alloc_retries": "oom_retries",
}


# ---- the accelerator -----------------------------------------------------------------------------
def of(device: AnyDevice) -> Devices:
    """The devices that an argument is about: those of its own type, else the accelerator's.

    Raises:
        RuntimeError: there is no accelerator.
    """
    if isinstance(device, str | Device):
        return Devices(Device(device).type)
    return Devices(require_accelerator())
