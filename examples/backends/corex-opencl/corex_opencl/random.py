"""Random bits from the counter-based generator Philox4x32-10, and two distributions of them."""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np

from corex.backend import Kernel, View

from .devices import Device
from .programs import Source, title, type_defines

_MACROS = {
    "random_bits": {8: ("NUMBER(bits)", "(long)(bits)")},
    "random_uniform": {
        4: ("NUMBER(bits)", "((float)((bits) >> 40) * 0x1p-24f)"),
        8: ("NUMBER(bits)", "((double)((bits) >> 11) * 0x1p-53)"),
    },
    "random_normal": {4: ("NORMAL", "1"), 8: ("NORMAL", "1")},
}


def _kernel(op: str, per_block: int) -> Kernel:
    def kernel(out: View, seed: int, offset: int) -> None:
        buffer, dtype, shape, _, start = out
        count = math.prod(shape)
        if count == 0:
            return
        device: Device = buffer.device
        function = device.function(
            (op, dtype),
            "fill_random",
            lambda: Source(
                title(op, [dtype]),
                ("random",),
                (*type_defines(dtype, device.fp64), _MACROS[op][dtype.itemsize]),
            ),
        )
        where = np.int64(start), np.int64(count), np.uint64(seed), np.uint64(offset)
        device.launch(function, -(-count // per_block), buffer.ptr, *where)

    return kernel


KERNELS: Mapping[str, Kernel] = {
    "random_bits": _kernel("random_bits", 2),
    "random_uniform": _kernel("random_uniform", 2),
    "random_normal": _kernel("random_normal", 1),
}
