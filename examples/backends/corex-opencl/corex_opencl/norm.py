"""Layer norm and its derivative, over the rows of a matrix."""

from __future__ import annotations

import struct
from collections.abc import Mapping
from typing import Any

import numpy as np

from corex.backend import Kernel, View

from .devices import Device
from .programs import Source, title, type_defines

_LINES = struct.Struct("<4q")
_ABSENT = _LINES.pack(0, 0, 0, 0)


def _lines(view: View | None, vector_of_rows: bool = False) -> bytes:
    """The struct `Lines` of a matrix, or of a vector along the columns or the rows."""
    if view is None:
        return _ABSENT
    strides = view[3]
    if len(strides) == 1:
        strides = (*strides, 0) if vector_of_rows else (0, *strides)
    return _LINES.pack(1, view[4], *strides)


def _run(op: str, views: tuple[View | None, ...], lines: list[bytes], a: View, *rest: Any) -> None:
    rows, n = a[2]
    if rows == 0:
        return
    device: Device = a[0].device
    dtype = a[1]
    kernel = device.function(
        (op, dtype),
        op,
        lambda: Source(title(op, [dtype]), ("norm",), type_defines(dtype, device.fp64)),
    )
    buffers = [(a if view is None else view)[0].ptr for view in views]
    device.launch(kernel, rows, *buffers, *lines, np.int64(rows), np.int64(n), *rest)


def layer_norm(
    out: View, mean: View, rstd: View, a: View, weight: View | None, bias: View | None, eps: float
) -> None:
    """(a - mean) * rstd * weight + bias, with the mean and variance of each row."""
    wide = np.float64 if a[0].device.fp64 else np.float32
    lines = [_lines(out), _lines(mean, True), _lines(rstd, True)]
    lines += [_lines(a), _lines(weight), _lines(bias)]
    _run("layer_norm", (out, mean, rstd, a, weight, bias), lines, a, wide(eps))


def layer_norm_backward(
    out: View, g: View, a: View, mean: View, rstd: View, weight: View | None
) -> None:
    """The gradient of `a`."""
    lines = [_lines(out), _lines(g), _lines(a), _lines(mean, True), _lines(rstd, True)]
    views = (out, g, a, mean, rstd, weight)
    _run("layer_norm_backward", views, [*lines, _lines(weight)], a)


KERNELS: Mapping[str, Kernel] = {
    "layer_norm": layer_norm,
    "layer_norm_backward": layer_norm_backward,
}
