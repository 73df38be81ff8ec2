"""Kernels along the last dimension: softmax, its logarithm, their derivatives, and cumsum."""

from __future__ import annotations

import struct
from collections.abc import Mapping

from corex.backend import Kernel, View
from corex.dtypes import DType

from .devices import Device
from .layouts import OPERANDS, layouts, plan
from .programs import Source, title, type_defines

_ROW = struct.Struct(f"<{1 + OPERANDS}q")

FLOAT_OPS = ("softmax", "log_softmax", "softmax_backward", "log_softmax_backward")


def source(dtype: DType, fp64: bool) -> Source:
    """The program, which is the same for all ops of a dtype."""
    return Source(title("softmax and its like", [dtype]), ("rows",), type_defines(dtype, fp64))


def _kernel(op: str) -> Kernel:
    def kernel(*views: View) -> None:
        shape = views[0][2]
        found = plan(shape[:-1], *[view[3][:-1] for view in views])
        if found.size == 0 or shape[-1] == 0:
            return
        device: Device = views[0][0].device
        dtype = views[0][1]
        function = device.function((op, dtype), op, lambda: source(dtype, device.fp64))
        steps = [view[3][-1] for view in views]
        row = _ROW.pack(shape[-1], *steps, *[0] * (OPERANDS - len(steps)))
        buffers = [view[0].ptr for view in views]
        for layout in layouts(found, *[view[4] for view in views]):
            device.launch(function, found.size, *buffers, layout, row)

    return kernel


KERNELS: Mapping[str, Kernel] = {op: _kernel(op) for op in (*FLOAT_OPS, "cumsum")}
