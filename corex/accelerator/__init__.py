"""Devices of any type under PyTorch's names: which there are, which is current, streams, memory.

Everything is asked of the backend that serves a device type, whoever wrote it. A device given by
its type, as "foo:1", is of that type; a number, or nothing, is about *the accelerator*: the device
type of the backend in use, else that of the first other backend that is no CPU's. Without one a
RuntimeError says so. `corex.cuda` is the same for device type "cuda", under CUDA's names.

    corex.accelerator.current_accelerator()    # device(type='foo')
    with corex.Stream("foo:1") as stream:
        y = x * 2
    stream.synchronize()
"""

from __future__ import annotations

from types import TracebackType
from typing import Any

from corex.accelerator.devices import AnyDevice, of
from corex.accelerator.graphs import Graph
from corex.accelerator.streams import Event, Stream
from corex.backend.traits import Traits
from corex.device import device as Device
from corex.dispatch.devices import accelerator_type, current_index, set_current_index

__all__ = [
    "Event", "Graph", "Stream", "capabilities", "current_accelerator", "current_device_idx",
    "current_device_index", "current_stream", "default_stream", "device_count", "device_index",
    "empty_cache", "get_device_capability", "get_memory_info", "is_available",
    "max_memory_allocated", "memory_allocated", "memory_reserved", "memory_stats",
    "reset_peak_memory_stats", "set_device_idx", "set_device_index", "set_stream", "synchronize",
    "traits",
]  # fmt: skip


# ---- which device ------------------------------------------------------------------------------
def current_accelerator(check_available: bool = False) -> Device | None:
    """The device type that functions here are about, without a number; None if there is none."""
    found = accelerator_type()
    return None if found is None else Device(found)


def device_count(device: AnyDevice = None) -> int:
    """How many devices there are of the accelerator's type, or of another device's."""
    if device is None and accelerator_type() is None:
        return 0
    return of(device).count()


def is_available() -> bool:
    """Whether there is an accelerator."""
    return device_count() > 0


def current_device_index() -> int:
    """The number of the accelerator that its bare type means in this thread."""
    return of(None).current()


def set_device_index(device: AnyDevice) -> None:
    """Makes a device the one that its bare type means in this thread; None changes nothing."""
    if device is not None:
        of(device).set_current(device)


current_device_idx = current_device_index
set_device_idx = set_device_index


class device_index:  # noqa: N801 - PyTorch's name
    """In a `with` block, the accelerator's bare type means this number; None changes nothing."""

    def __init__(self, device: int | None) -> None:
        self.idx = device
        self._type = "" if device is None else of(None).type
        self._before = 0

    def __enter__(self) -> None:
        if self.idx is not None:
            self._before = current_index(self._type)
            of(self._type).set_current(self.idx)

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self.idx is not None:
            set_current_index(self._type, self._before)


def synchronize(device: AnyDevice = None) -> None:
    """Waits until a device has finished its work, and raises what its kernels found."""
    of(device).synchronize(device)


# ---- what a device is --------------------------------------------------------------------------
def get_device_capability(device: AnyDevice = None) -> dict[str, Any]:
    """What a device can do: the dtypes it holds under `supported_dtypes`, and what its backend
    tells of it."""
    devices = of(device)
    backend, index = devices.backend(), devices.index(device)
    found: dict[str, Any] = {"supported_dtypes": set(backend.dtypes(index))}
    if "properties" in backend.features:
        found |= devices.properties(device)
    return found


def capabilities(device: AnyDevice = None) -> frozenset[str]:
    """The names in `corex.backend.FEATURES` of what the device's backend has."""
    return of(device).backend().features


def traits(device: AnyDevice = None) -> Traits:
    """How the device computes, where it differs from an ideal one."""
    devices = of(device)
    return devices.backend().traits(devices.index(device))


# ---- streams -----------------------------------------------------------------------------------
def current_stream(device: AnyDevice = None) -> Stream:
    """Where this thread's work on a device goes."""
    devices = of(device)
    index = devices.index(device)
    return Stream._around(devices, devices.current_stream(index), index)


def default_stream(device: AnyDevice = None) -> Stream:
    """Where the work of all threads goes, unless they chose."""
    devices = of(device)
    index = devices.index(device)
    return Stream._around(devices, devices.default_stream(index), index)


def set_stream(stream: Stream) -> None:
    """From now on this thread's work on the stream's device goes to the stream."""
    stream._kin.set_stream(stream._raw)


# ---- memory ------------------------------------------------------------------------------------
def memory_stats(device: AnyDevice = None) -> dict[str, int]:
    """The allocator's counters, under those of PyTorch's names that the backend knows."""
    return of(device).memory_stats(device)


def memory_allocated(device: AnyDevice = None) -> int:
    """Bytes in use by tensors."""
    return memory_stats(device).get("allocated_bytes.all.current", 0)


def max_memory_allocated(device: AnyDevice = None) -> int:
    """The most bytes that were in use by tensors, since the last `reset_peak_memory_stats`."""
    return memory_stats(device).get("allocated_bytes.all.peak", 0)


def memory_reserved(device: AnyDevice = None) -> int:
    """Bytes held from the system, in use or kept for reuse."""
    return memory_stats(device).get("reserved_bytes.all.current", 0)


def reset_peak_memory_stats(device: AnyDevice = None) -> None:
    """The peak starts again from what is in use now."""
    devices = of(device)
    devices.method("reset_peak_memory_stats")(devices.index(device))


def get_memory_info(device: AnyDevice = None) -> tuple[int, int]:
    """(free, total) bytes of a device."""
    return of(device).memory_info(device)


def empty_cache() -> None:
    """Gives unused memory of all the accelerator's devices back to the system."""
    of(None).empty_cache()
