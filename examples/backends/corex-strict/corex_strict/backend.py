"""The backend: memory that nobody may look into, and kernels that check before they run."""

from __future__ import annotations

import os
from collections.abc import Mapping
from functools import partial
from typing import Any, ClassVar

from corex_numpy.kernels import KERNELS

from corex.backend import DTYPES, Backend, Buffer, Kernel, KernelChoice, Traits, View
from corex.dtypes import DType, float64
from corex_strict.checks import check_buffer, check_range, checked
from corex_strict.memory import Device
from corex_strict.rules import RULES

# What they do depends on values: they raise where an index or a divisor is wrong, so the queue is
# done and they run while the caller waits.
WAITS = frozenset({"index", "index_put", "nonzero", "floor_divide", "fmod"})


class StrictBackend(Backend):
    """Two devices. The second holds no float64, as some accelerators do."""

    name: ClassVar[str] = "strict"
    device_type: ClassVar[str] = "strict"

    def __init__(self) -> None:
        at_once = os.environ.get("COREX_STRICT_SYNC", "") not in ("", "0")
        held = (DTYPES, tuple(dtype for dtype in DTYPES if dtype is not float64))
        self.devices = [Device(number, dtypes, at_once) for number, dtypes in enumerate(held)]
        self.kernels: Mapping[str, Kernel] = {name: self._kernel(name) for name in RULES}

    # ---- memory ----------------------------------------------------------------------------
    def device_count(self) -> int:
        return len(self.devices)

    def dtypes(self, device: int) -> tuple[DType, ...]:
        return self.devices[device].dtypes

    def traits(self, device: int) -> Traits:
        return Traits(errors="in order" if self.devices[device].at_once else "deferred")

    def allocate(self, nbytes: int, device: int, dtype: Any = None, shape: Any = None) -> Buffer:
        return self.devices[device].allocate(nbytes)

    def nbytes(self, buffer: Buffer) -> int:
        return int(buffer.nbytes)

    def copy_from_host(self, buffer: Buffer, start: int, source: memoryview) -> None:
        device = check_buffer("copy_from_host", "the buffer", buffer, self.devices)
        check_range("copy_from_host", buffer, start, source, writes=False)
        content, data = buffer.content, bytes(source)

        def write() -> None:
            memoryview(content)[start : start + len(data)] = data

        device.submit(write)

    def copy_to_host(self, buffer: Buffer, start: int, target: memoryview) -> None:
        device = check_buffer("copy_to_host", "the buffer", buffer, self.devices)
        check_range("copy_to_host", buffer, start, target, writes=True)
        device.finish()
        target[:] = memoryview(buffer.content)[start : start + target.nbytes]

    def synchronize(self, device: int) -> None:
        self.devices[device].finish()

    def data_ptr(self, buffer: Buffer) -> int:
        address: int = buffer.address
        return address

    def memory_stats(self, device: int) -> dict[str, int]:
        return self.devices[device].statistics()

    # ---- kernels ---------------------------------------------------------------------------
    def select(self, op: str, dtypes: tuple[DType, ...]) -> KernelChoice | None:
        found = RULES.get(op)
        if found is None or not found.takes(dtypes):
            return None
        return KernelChoice(self.kernels[op])

    def _kernel(self, name: str) -> Kernel:
        """The kernel behind its checks, and behind the queue."""
        compute = KERNELS[name]

        def run(*arguments: Any) -> None:
            call = checked(name, arguments, self.devices)
            device = self.devices[call.out[0].device]
            inputs = [_exposed(view, readonly=True) for view in call.inputs]
            before = 1 if name == "index_put" else len(inputs)  # inputs that precede parameters
            rest = (*inputs[:before], *call.params, *inputs[before:])
            work = partial(compute, _exposed(call.out), *rest)
            if name in WAITS:
                device.finish()
                work()
            else:
                device.submit(work)

        run.__name__ = run.__qualname__ = name
        return run


def _exposed(view: View, readonly: bool = False) -> View:
    """A view of the bytes themselves, for the kernels of this package and nobody else."""
    content = memoryview(view[0].content)
    return (content.toreadonly() if readonly else content, *view[1:])
