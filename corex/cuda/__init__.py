"""CUDA devices under PyTorch's names: which there are, which is current, streams, memory.

Everything is asked of the backend that serves device type "cuda"; this module knows none by name.
Functions that need a device raise `BackendUnavailableError`, which tells why there is none.

The numbers of all devices come from one generator, so `manual_seed` is `corex.manual_seed`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import SimpleNamespace, TracebackType
from typing import Any

from corex.backend.contract import Backend
from corex.cuda.graphs import CUDAGraph, graph, is_current_stream_capturing
from corex.device import device as Device
from corex.dispatch.devices import current_index, place_of, set_current_index
from corex.errors import BackendUnavailableError
from corex.plugins.manager import manager

__all__ = [
    "CUDAGraph", "Event", "Stream", "current_device", "current_stream", "default_stream", "device",
    "device_count", "empty_cache", "get_device_capability", "get_device_name",
    "get_device_properties", "graph", "init", "is_available", "is_current_stream_capturing",
    "is_initialized", "manual_seed",
    "manual_seed_all", "max_memory_allocated", "mem_get_info", "memory_allocated",
    "memory_reserved", "memory_stats", "reset_peak_memory_stats", "set_device", "set_stream",
    "stream", "synchronize",
]  # fmt: skip

AnyDevice = Device | str | int | None


# ---- which devices there are -------------------------------------------------------------------
def device_count() -> int:
    """How many CUDA devices an installed backend can use here; 0 without such a backend."""
    for name, descriptor in manager.descriptors().items():
        if descriptor.device_type == "cuda" and manager.unavailable_reason(name) is None:
            try:
                return manager.backend(name).device_count()
            except BackendUnavailableError:  # it said it could be used, and failed to start
                continue
    return 0


def is_available() -> bool:
    """Whether there is a CUDA device and a backend for it."""
    return device_count() > 0


def init() -> None:
    """Loads the backend, which otherwise happens on first use.

    Raises:
        BackendUnavailableError: there is none.
    """
    _name()


def is_initialized() -> bool:
    """Whether a CUDA backend can be used; it is loaded by this question."""
    return is_available()


def _name() -> str:
    return manager.backend_for_device_type("cuda")


def _backend() -> Backend:
    return manager.backend(_name())


def _index(device: AnyDevice) -> int:
    """The number that a device argument means.

    Raises:
        ValueError: a device of another type. RuntimeError: there is no such number.
    """
    if device is None:
        return current_device()
    if not isinstance(device, int):
        wanted = Device(device)
        if wanted.type != "cuda":
            raise ValueError(f"Expected a cuda device, but got: {wanted}")
        if wanted.index is None:
            return current_device()
        device = wanted.index
    return place_of(_name(), device).index


def _method(name: str) -> Callable[..., Any]:
    """An optional method of the backend.

    Raises:
        NotImplementedError: the backend does not have it.
    """
    method: Callable[..., Any] | None = getattr(_backend(), name, None)
    if method is None:
        raise NotImplementedError(f"backend '{_name()}' has no method '{name}'")
    return method


# ---- the current device ------------------------------------------------------------------------
def current_device() -> int:
    """The number of the device that "cuda" means in this thread."""
    _name()
    return current_index("cuda")


def set_device(device: AnyDevice) -> None:
    """Makes a device the one that "cuda" means in this thread.

    Raises:
        RuntimeError: there is no such device.
    """
    set_current_index("cuda", _index(device))


class device:  # noqa: N801 - PyTorch's name
    """Within a `with` block, "cuda" means this device. A negative number or None changes nothing.

    Raises:
        RuntimeError: there is no such device.
    """

    def __init__(self, device: AnyDevice) -> None:
        unchanged = device is None or (isinstance(device, int) and device < 0)
        self.idx = -1 if unchanged else _index(device)
        self._before = 0

    def __enter__(self) -> None:
        self._before = current_index("cuda")
        if self.idx >= 0:
            set_current_index("cuda", self.idx)

    def __exit__(self, *_: object) -> None:
        if self.idx >= 0:
            set_current_index("cuda", self._before)


def synchronize(device: AnyDevice = None) -> None:
    """Waits until a device has finished its work."""
    _backend().synchronize(_index(device))


# ---- what a device is --------------------------------------------------------------------------
class DeviceProperties(SimpleNamespace):
    """What `get_device_properties` returns: `name`, `major`, `minor`, `total_memory` and more."""


def get_device_properties(device: AnyDevice = None) -> DeviceProperties:
    """Name, compute capability, memory and limits of a device."""
    return DeviceProperties(**_method("device_properties")(_index(device)))


def get_device_name(device: AnyDevice = None) -> str:
    """The device's name, as its maker gave it."""
    return str(get_device_properties(device).name)


def get_device_capability(device: AnyDevice = None) -> tuple[int, int]:
    """The compute capability, (major, minor)."""
    properties = get_device_properties(device)
    return int(properties.major), int(properties.minor)


# ---- memory ------------------------------------------------------------------------------------
_STATS = {
    "allocated_bytes.all.current": "allocated_bytes",
    "allocated_bytes.all.peak": "peak_allocated_bytes",
    "reserved_bytes.all.current": "reserved_bytes",
    "allocation.all.allocated": "allocations",
    "num_device_alloc": "driver_allocations",
    "num_alloc_retries": "oom_retries",
}


def memory_stats(device: AnyDevice = None) -> dict[str, int]:
    """The allocator's counters, under those of PyTorch's names that the backend knows."""
    stats = _backend().memory_stats(_index(device))
    return {name: stats[ours] for name, ours in _STATS.items() if ours in stats}


def memory_allocated(device: AnyDevice = None) -> int:
    """Bytes in use by tensors."""
    return memory_stats(device).get("allocated_bytes.all.current", 0)


def max_memory_allocated(device: AnyDevice = None) -> int:
    """The most bytes that were in use by tensors, since the last `reset_peak_memory_stats`."""
    return memory_stats(device).get("allocated_bytes.all.peak", 0)


def memory_reserved(device: AnyDevice = None) -> int:
    """Bytes held from the driver, in use or kept for reuse."""
    return memory_stats(device).get("reserved_bytes.all.current", 0)


def reset_peak_memory_stats(device: AnyDevice = None) -> None:
    """The peak starts again from what is in use now."""
    _method("reset_peak_memory_stats")(_index(device))


def mem_get_info(device: AnyDevice = None) -> tuple[int, int]:
    """(free, total) bytes of the device, as the driver tells them."""
    free, total = _method("memory_info")(_index(device))
    return free, total


def empty_cache() -> None:
    """Gives unused memory of all devices back to the driver; nothing without CUDA."""
    if is_available():
        backend = _backend()
        for index in range(backend.device_count()):
            backend.empty_cache(index)


# ---- random numbers ----------------------------------------------------------------------------
def manual_seed(seed: int) -> None:
    """Seeds the generator, which all devices share; ignored without CUDA, as in PyTorch."""
    if is_available():
        from corex.ops.random.generator import default_generator

        default_generator.manual_seed(seed)


manual_seed_all = manual_seed


# ---- streams and events ------------------------------------------------------------------------
class Stream:
    """A queue of work of one device, beside the default one that all threads share.

    What is queued on different streams runs in any order, unless events say otherwise.
    """

    def __init__(self, device: AnyDevice = None, priority: int = 0) -> None:
        index = _index(device)
        self._set(_method("new_stream")(index), index)
        self.priority = priority

    def _set(self, raw: Any, index: int) -> None:
        self._raw = raw
        self.device = Device("cuda", index)
        self.device_index = index
        self.priority = 0
        self._before: list[Stream] = []

    @classmethod
    def _around(cls, raw: Any, index: int) -> Stream:
        found = cls.__new__(cls)
        found._set(raw, index)
        return found

    @property
    def cuda_stream(self) -> int:
        """The driver's handle."""
        return int(self._raw.handle)

    def synchronize(self) -> None:
        """Waits until nothing is left to do."""
        self._raw.synchronize()

    def query(self) -> bool:
        """Whether nothing is left to do."""
        return bool(self._raw.query())

    def record_event(self, event: Event | None = None) -> Event:
        """An event that happens when all that is queued now is done."""
        event = event or Event()
        event.record(self)
        return event

    def wait_event(self, event: Event) -> None:
        """What is queued from now on runs after the event."""
        self._raw.wait_event(event._raw)

    def wait_stream(self, stream: Stream) -> None:
        """What is queued from now on runs after what the other stream has now."""
        self.wait_event(stream.record_event())

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Stream) and self._raw is other._raw

    def __hash__(self) -> int:
        return hash(self._raw)

    def __repr__(self) -> str:
        return f"<corex.cuda.Stream device={self.device} cuda_stream={self.cuda_stream:#x}>"

    def __enter__(self) -> Stream:
        self._before.append(current_stream(self.device_index))
        set_stream(self)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        set_stream(self._before.pop())


class Event:
    """A moment in a stream's work; with `enable_timing`, the time between two can be asked for."""

    def __init__(
        self, enable_timing: bool = False, blocking: bool = False, interprocess: bool = False
    ) -> None:
        if interprocess:
            raise NotImplementedError("events shared between processes are not supported")
        self._raw = _method("new_event")(enable_timing)

    def record(self, stream: Stream | None = None) -> None:
        """The moment when all that the stream, by default the current one, has now is done."""
        self._raw.record((stream or current_stream())._raw)

    def wait(self, stream: Stream | None = None) -> None:
        """What is queued on the stream from now on runs after the event."""
        (stream or current_stream()).wait_event(self)

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


def current_stream(device: AnyDevice = None) -> Stream:
    """Where this thread's work on a device goes."""
    index = _index(device)
    return Stream._around(_method("current_stream")(index), index)


def default_stream(device: AnyDevice = None) -> Stream:
    """Where the work of all threads goes, unless they chose."""
    index = _index(device)
    return Stream._around(_method("default_stream")(index), index)


def set_stream(stream: Stream) -> None:
    """From now on this thread's work on the stream's device goes to the stream."""
    _method("set_stream")(stream._raw)


@contextmanager
def stream(stream: Stream | None) -> Iterator[None]:
    """Within a `with` block, this thread's work goes to the stream, and "cuda" is its device."""
    if stream is None:
        yield
        return
    with device(stream.device_index), stream:
        yield
