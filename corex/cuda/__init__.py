"""CUDA devices under PyTorch's names: which there are, which is current, streams, memory.

These are the functions of `corex.accelerator`, for device type "cuda" and under CUDA's names;
everything is asked of the backend that serves it.
Functions that need a device raise `BackendUnavailableError`, which tells why there is none.

The numbers of all devices come from one generator, so `manual_seed` is `corex.manual_seed`.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from types import SimpleNamespace

from corex.accelerator import streams as _streams
from corex.accelerator.devices import AnyDevice, Devices
from corex.cuda.graphs import CUDAGraph, graph, is_current_stream_capturing
from corex.dispatch.devices import current_index, set_current_index

__all__ = [
    "CUDAGraph", "Event", "Stream", "current_device", "current_stream", "default_stream", "device",
    "device_count", "empty_cache", "get_device_capability", "get_device_name",
    "get_device_properties", "graph", "init", "is_available", "is_current_stream_capturing",
    "is_initialized", "manual_seed",
    "manual_seed_all", "max_memory_allocated", "mem_get_info", "memory_allocated",
    "memory_reserved", "memory_stats", "reset_peak_memory_stats", "set_device", "set_stream",
    "stream", "synchronize",
]  # fmt: skip

_cuda = Devices("cuda")


# ---- which devices there are -------------------------------------------------------------------
def device_count() -> int:
    """How many CUDA devices an installed backend can use here; 0 without such a backend."""
    return _cuda.count()


def is_available() -> bool:
    """Whether there is a CUDA device and a backend for it."""
    return device_count() > 0


def init() -> None:
    """Loads the backend, which otherwise happens on first use.

    Raises:
        BackendUnavailableError: there is none.
    """
    _cuda.name()


def is_initialized() -> bool:
    """Whether a CUDA backend can be used; it is loaded by this question."""
    return is_available()


# ---- the current device ------------------------------------------------------------------------
def current_device() -> int:
    """The number of the device that "cuda" means in this thread."""
    return _cuda.current()


def set_device(device: AnyDevice) -> None:
    """Makes a device the one that "cuda" means in this thread.

    Raises:
        RuntimeError: there is no such device.
    """
    _cuda.set_current(device)


class device:  # noqa: N801 - PyTorch's name
    """Within a `with` block, "cuda" means this device. A negative number or None changes nothing.

    Raises:
        RuntimeError: there is no such device.
    """

    def __init__(self, device: AnyDevice) -> None:
        unchanged = device is None or (isinstance(device, int) and device < 0)
        self.idx = -1 if unchanged else _cuda.index(device)
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
    _cuda.synchronize(device)


# ---- what a device is --------------------------------------------------------------------------
class DeviceProperties(SimpleNamespace):
    """What `get_device_properties` returns: `name`, `major`, `minor`, `total_memory` and more."""


def get_device_properties(device: AnyDevice = None) -> DeviceProperties:
    """Name, compute capability, memory and limits of a device."""
    return DeviceProperties(**_cuda.properties(device))


def get_device_name(device: AnyDevice = None) -> str:
    """The device's name, as its maker gave it."""
    return str(get_device_properties(device).name)


def get_device_capability(device: AnyDevice = None) -> tuple[int, int]:
    """The compute capability, (major, minor)."""
    properties = get_device_properties(device)
    return int(properties.major), int(properties.minor)


# ---- memory ------------------------------------------------------------------------------------
def memory_stats(device: AnyDevice = None) -> dict[str, int]:
    """The allocator's counters, under those of PyTorch's names that the backend knows."""
    return _cuda.memory_stats(device)


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
    _cuda.method("reset_peak_memory_stats")(_cuda.index(device))


def mem_get_info(device: AnyDevice = None) -> tuple[int, int]:
    """(free, total) bytes of the device, as the driver tells them."""
    return _cuda.memory_info(device)


def empty_cache() -> None:
    """Gives unused memory of all devices back to the driver; nothing without CUDA."""
    if is_available():
        _cuda.empty_cache()


# ---- random numbers ----------------------------------------------------------------------------
def manual_seed(seed: int) -> None:
    """Seeds the generator, which all devices share; ignored without CUDA, as in PyTorch."""
    if is_available():
        from corex.ops.random.generator import default_generator

        default_generator.manual_seed(seed)


manual_seed_all = manual_seed


# ---- streams and events ------------------------------------------------------------------------
class Stream(_streams.Stream):
    """A queue of work of one device, beside the default one that all threads share.

    What is queued on different streams runs in any order, unless events say otherwise.
    """

    @classmethod
    def _devices(cls, device: AnyDevice) -> Devices:
        return _cuda

    def __init__(self, device: AnyDevice = None, priority: int = 0) -> None:
        super().__init__(device, priority=priority)

    @property
    def cuda_stream(self) -> int:
        """The driver's handle."""
        return self.stream_id

    def _new_event(self) -> Event:
        return Event()

    def __repr__(self) -> str:
        return f"<corex.cuda.Stream device={self.device} cuda_stream={self.cuda_stream:#x}>"


class Event(_streams.Event):
    """A moment in a stream's work; with `enable_timing`, the time between two can be asked for."""

    def __init__(
        self, enable_timing: bool = False, blocking: bool = False, interprocess: bool = False
    ) -> None:
        self._set(_cuda, enable_timing, interprocess)


def current_stream(device: AnyDevice = None) -> Stream:
    """Where this thread's work on a device goes."""
    index = _cuda.index(device)
    return Stream._around(_cuda, _cuda.current_stream(index), index)


def default_stream(device: AnyDevice = None) -> Stream:
    """Where the work of all threads goes, unless they chose."""
    index = _cuda.index(device)
    return Stream._around(_cuda, _cuda.default_stream(index), index)


def set_stream(stream: _streams.Stream) -> None:
    """From now on this thread's work on the stream's device goes to the stream."""
    _cuda.set_stream(stream._raw)


@contextmanager
def stream(stream: _streams.Stream | None) -> Iterator[None]:
    """Within a `with` block, this thread's work goes to the stream, and "cuda" is its device."""
    if stream is None:
        yield
        return
    with _streams.within(stream):
        yield
