"""fill and arange."""

from __future__ import annotations

import math
from collections.abc import Mapping
from functools import partial

import numpy as np
import numpy.typing as npt

from corex.backend import Kernel, View
from corex.dtypes import DType

from . import elementwise
from .devices import Device
from .layouts import layouts, plan
from .programs import BITS, Source, title, type_defines
from .scratch import dense_like

Number = bool | int | float


def converted(value: Number, dtype: DType) -> npt.NDArray[np.void]:
    """A Python number as the dtype holds it: truncated, wrapped, rounded once, as by `copy`."""
    if dtype.kind == "b":
        return np.array(value != 0, np.uint8)
    if dtype.kind == "f":
        whole = np.int64 if -(2**63) <= value < 2**63 else np.uint64
        exact = whole(value) if isinstance(value, int) else float(value)
        with np.errstate(over="ignore"):
            return np.array(exact).astype(f"f{dtype.itemsize}")
    bits = 8 * dtype.itemsize
    if not isinstance(value, int):
        bound = 1 << (31 if bits == 32 else 63)
        value = math.trunc(value) if -bound <= value < bound else -bound
    return np.array(value & ((1 << bits) - 1), f"u{dtype.itemsize}")


def _source(op: str, dtype: DType, fp64: bool, step: str = "long") -> Source:
    defines = (
        *type_defines(dtype, fp64),
        ("BITS_TYPE", BITS[dtype.itemsize]),
        ("STEP_TYPE", step),
    )
    return Source(title(op, [dtype]), ("create",), defines)


def fill(out: View, value: Number) -> None:
    """Every element becomes `value`."""
    buffer, dtype, shape, strides, offset = out
    found = plan(shape, strides)
    if found.size == 0:
        return
    device: Device = buffer.device
    kernel = device.function(("fill", dtype), "fill", partial(_source, "fill", dtype, device.fp64))
    bits = converted(value, dtype).tobytes()
    for layout in layouts(found, offset):
        device.launch(kernel, found.size, buffer.ptr, layout, bits)


def arange(out: View, start: Number, step: Number) -> None:
    """`out[i] = start + i * step`: in int64 if both are integers, else in float64."""
    buffer, dtype, shape, strides, offset = out
    found = plan(shape, strides)
    if found.size == 0:
        return
    device: Device = buffer.device
    whole = isinstance(start, int) and isinstance(step, int)
    if not whole and not device.fp64:
        _arange_on_host(out, start, step)
        return
    name, scalar = ("long", np.int64) if whole else ("double", np.float64)
    kernel = device.function(
        ("arange", dtype, name),
        "arange",
        partial(_source, "arange", dtype, device.fp64, name),
    )
    for layout in layouts(found, offset):
        device.launch(kernel, found.size, buffer.ptr, layout, *map(scalar, (start, step)))


def _arange_on_host(out: View, start: float, step: float) -> None:
    """The fractional sequence, for devices without double precision."""
    computed = dense_like(out)
    numbers = start + np.arange(out[2][0]) * step
    stored = numbers.astype(f"{out[1].kind}{out[1].itemsize}")
    out[0].device.write(computed[0], 0, stored.view(np.uint8).data)
    elementwise.run("copy", out, computed)


KERNELS: Mapping[str, Kernel] = {"fill": fill, "arange": arange}
