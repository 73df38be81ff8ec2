"""Pooling: a window slides over the last two dimensions of (N, C, H, W)."""

from __future__ import annotations

import math
import struct
from collections.abc import Mapping
from typing import Any

import numpy as np

from corex.backend import Kernel, View

from .devices import Device
from .programs import Source, title, type_defines
from .scratch import apart

Pair = tuple[int, int]

_GRID = struct.Struct("<5q")
_WINDOW = struct.Struct("<14q")


def _run(op: str, count: int, views: tuple[View, ...], window: bytes, *rest: Any) -> None:
    """Enqueues a kernel of pool.cl: the views' memory, their grids, the window, the rest."""
    if count == 0:
        return
    device: Device = views[0][0].device
    dtype = views[0][1]
    kernel = device.function(
        (op, dtype),
        op,
        lambda: Source(title(op, [dtype]), ("pool",), type_defines(dtype, device.fp64)),
    )
    buffers = [view[0].ptr for view in views]
    grids = [_GRID.pack(view[4], *view[3]) for view in views]
    device.launch(kernel, count, *buffers, *grids, window, *rest)


def _window(x: View, out: View, *pairs: Pair) -> bytes:
    """The struct `Window`: sizes of input and output, then kernel, stride, padding, dilation."""
    return _WINDOW.pack(*x[2], *out[2][2:], *(number for pair in pairs for number in pair))


def max_pool2d(
    out: View, indices: View, x: View, kernel: Pair, stride: Pair, padding: Pair, dilation: Pair
) -> None:
    """The maximum of every window and its position h * W + w; padding is never the maximum."""
    window = _window(x, out, kernel, stride, padding, dilation)
    _run("max_pool2d", math.prod(out[2]), (out, indices, apart(x, out)), window)


def max_pool2d_backward(out: View, g: View, indices: View) -> None:
    """Zeros of x's shape, g added at the indices."""
    none = (1, 1)
    window = _window(out, g, none, none, none, none)
    _run("max_pool2d_backward", out[2][0] * out[2][1], (out, apart(g, out), indices), window)


def avg_pool2d(
    out: View, x: View, kernel: Pair, stride: Pair, padding: Pair, count_include_pad: bool
) -> None:
    """The mean of every window."""
    window = _window(x, out, kernel, stride, padding, (1, 1))
    flag = np.int32(count_include_pad)
    _run("avg_pool2d", math.prod(out[2]), (out, apart(x, out)), window, flag)


def avg_pool2d_backward(
    out: View, g: View, kernel: Pair, stride: Pair, padding: Pair, count_include_pad: bool
) -> None:
    """Every place's share in the gradients of the windows over it."""
    window = _window(out, g, kernel, stride, padding, (1, 1))
    flag = np.int32(count_include_pad)
    _run("avg_pool2d_backward", math.prod(out[2]), (out, apart(g, out)), window, flag)


KERNELS: Mapping[str, Kernel] = {
    "max_pool2d": max_pool2d,
    "max_pool2d_backward": max_pool2d_backward,
    "avg_pool2d": avg_pool2d,
    "avg_pool2d_backward": avg_pool2d_backward,
}
