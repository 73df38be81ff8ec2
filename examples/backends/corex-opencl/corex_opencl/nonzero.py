"""nonzero: the coordinates of the true elements, in row-major order."""

from __future__ import annotations

import math
from collections.abc import Mapping
from functools import partial

import numpy as np

from corex.backend import Kernel, View

from .devices import Device
from .layouts import layouts, plan
from .memory import Memory
from .programs import Source
from .scratch import densely

CHUNK = 256  # elements that one work-item looks at, at least
CHUNKS = 4096  # at most

_SOURCE = Source("nonzero(int64, bool)", ("nonzero",), ())


def nonzero(out: View, a: View) -> None:
    """`out[i]` are the coordinates of the i-th true element."""
    shape = a[2]
    found = out[2][0]
    if found == 0 or not shape:
        return
    geometry = plan(shape, a[3])
    if len(geometry.places) > 1:
        a = densely(a)
        geometry = plan(shape, a[3])
    device: Device = a[0].device
    flat = _flat_positions(device, a, geometry.size, found)
    coordinate = device.function(("coordinate",), "coordinate", lambda: _SOURCE)
    buffer, _, _, (per_row, per_column), offset = out
    for dimension, size in enumerate(shape):
        numbers = (
            found,
            offset + dimension * per_column,
            per_row,
            math.prod(shape[dimension + 1 :]),
            size,
        )
        device.launch(coordinate, found, buffer.ptr, flat.ptr, *map(np.int64, numbers))


def _flat_positions(device: Device, a: View, count: int, found: int) -> Memory:
    """The positions of the true elements, counted in row-major order."""
    function = partial(device.function, source=lambda: _SOURCE)
    chunk = max(CHUNK, -(-count // CHUNKS))
    chunks = -(-count // chunk)
    starts, flat = device.scratch(8 * chunks), device.scratch(8 * found)
    mask = a[0].ptr
    (layout,) = layouts(plan(a[2], a[3]), a[4])
    counting = function(("count_true",), "count_true")
    device.launch(counting, chunks, starts.ptr, mask, layout, np.int64(chunk))
    device.launch(function(("sum_up",), "sum_up"), 1, starts.ptr, np.int64(chunks))
    writing = function(("write_true",), "write_true")
    device.launch(writing, chunks, flat.ptr, starts.ptr, mask, layout, np.int64(chunk))
    return flat


KERNELS: Mapping[str, Kernel] = {"nonzero": nonzero}
