"""The backend object: memory, and the choice of kernels."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from corex.backend import DTYPES, Backend, Buffer, Kernel, KernelChoice, View
from corex.dtypes import DType, float64

from . import (
    create,
    elementwise,
    index,
    matmul,
    nonzero,
    norm,
    optim,
    pool,
    reduce,
    rows,
    signatures,
)
from . import random as random_numbers
from .devices import Device, find_devices, has_fp64

__all__ = ["OpenCLBackend"]


class OpenCLBackend(Backend):
    """One corex device for every OpenCL device; GPUs come first."""

    name: ClassVar[str] = "opencl"
    device_type: ClassVar[str] = "opencl"

    kernels: Mapping[str, Kernel] = {
        **create.KERNELS,
        **elementwise.KERNELS,
        **reduce.KERNELS,
        **matmul.KERNELS,
        **index.KERNELS,
        **nonzero.KERNELS,
        **rows.KERNELS,
        **pool.KERNELS,
        **norm.KERNELS,
        **optim.KERNELS,
        **random_numbers.KERNELS,
    }

    def __init__(self) -> None:
        self._hardware = find_devices()[0]
        self._devices: dict[int, Device] = {}

    # ---- devices -----------------------------------------------------------------------------
    def device_count(self) -> int:
        """How many OpenCL devices can be used."""
        return len(self._hardware)

    def device_name(self, device: int) -> str:
        """What the driver calls the device."""
        return str(self._hardware[device].name)

    def dtypes(self, device: int) -> tuple[DType, ...]:
        """All dtypes, but float64 only where the device computes in double precision."""
        if has_fp64(self._hardware[device]):
            return DTYPES
        return tuple(dtype for dtype in DTYPES if dtype is not float64)

    def _device(self, index: int) -> Device:
        found = self._devices.get(index)
        if found is None:
            found = self._devices.setdefault(index, Device(self._hardware[index]))
        return found

    # ---- memory ------------------------------------------------------------------------------
    def allocate(self, nbytes: int, device: int, dtype: Any = None, shape: Any = None) -> Buffer:
        """Uninitialised device memory."""
        return self._device(device).allocator.allocate(nbytes)

    def nbytes(self, buffer: Buffer) -> int:
        """The size that was asked for."""
        return int(buffer.nbytes)

    def copy_from_host(self, buffer: Buffer, start: int, source: memoryview) -> None:
        """Copies bytes to the device; small copies do not wait for its queue."""
        buffer.device.write(buffer, start, source)

    def copy_to_host(self, buffer: Buffer, start: int, target: memoryview) -> None:
        """Copies bytes from the device, after everything enqueued before."""
        buffer.device.read(buffer, start, target)

    def synchronize(self, device: int) -> None:
        """Waits until the device's queue is empty."""
        self._device(device).finish()

    def memory_stats(self, device: int) -> dict[str, int]:
        """The counters of the device's allocator."""
        return self._device(device).allocator.stats()

    def empty_cache(self, device: int) -> None:
        """Gives unused memory back to the driver."""
        self._device(device).allocator.empty_cache()

    # ---- kernels -----------------------------------------------------------------------------
    def select(self, op: str, dtypes: tuple[DType, ...]) -> KernelChoice | None:
        """The kernel for exactly these dtypes, or None."""
        kernel = self.kernels.get(op)
        if kernel is None or not signatures.fits(op, dtypes):
            return None
        return KernelChoice(kernel, _has_double if op == "random_normal" else None)


def _has_double(out: View, *_: object) -> bool:
    """Box and Muller's formula is prescribed in double precision, for float32 too."""
    device: Device = out[0].device
    return device.fp64
