"""The fault word: where kernels leave errors that depend on values.

Four integers in pinned memory that the device sees, so that to look at them costs nothing. A
kernel that finds an index out of range writes them and skips the access (`report_fault` in
`kernels/common.cuh`); the host looks whenever it has waited for the device.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pycuda.driver as drv

from corex_cuda_pycuda.runtime.threads import keep, working_on

if TYPE_CHECKING:
    from corex_cuda_pycuda.runtime.device import Device

INDEX, ZERO_DIVISION = 1, 2


class FaultWord:
    """Code, index, dimension, size; a code of 0 means that all is well."""

    def __init__(self, device: Device) -> None:
        with working_on(device):
            flags = drv.host_alloc_flags.DEVICEMAP
            array = keep(drv.pagelocked_zeros(4, "int64", mem_flags=flags))
            self.pointer = int(array.base.get_device_pointer())
        self._words = memoryview(array)

    def check(self) -> None:
        """Raises what kernels found since the last check; the stream in question is idle.

        Raises:
            IndexError: an index was out of range.
            ZeroDivisionError: an integer was divided by zero.
        """
        words = self._words
        if words[0] == 0:
            return
        drv.Context.synchronize()  # another stream's kernel may be in the middle of writing it
        code, index, dimension, size = words
        self.clear()
        if code == INDEX:
            raise IndexError(
                f"index {index} is out of bounds for dimension {dimension} with size {size}"
            )
        if code == ZERO_DIVISION:
            raise ZeroDivisionError("integer division by zero")
        raise RuntimeError(f"a kernel reported the unknown fault {code}")

    def clear(self) -> None:
        """Forgets a fault."""
        for k in range(4):
            self._words[k] = 0
