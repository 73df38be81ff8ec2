"""Reading and writing at positions that are data: index, index_put, gather and scatter_add."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial

import numpy as np
import pyopencl as cl

from corex.backend import Kernel, View
from corex.dtypes import DType, int64

from .checks import in_range
from .devices import Device
from .layouts import layouts, plan
from .programs import BITS, TYPES, Source, title, type_defines
from .scratch import apart

_COMBINE = {"put": "(value)", "add": "(T)((U)(old) + (U)(value))", "or": "((old) | (value))"}


def _source(op: str, dtype: DType, combine: str, fp64: bool) -> Source:
    # What is only moved is moved as bits, so that the dtypes of one size share a program.
    name = TYPES[dtype.name] if combine == "add" else BITS[dtype.itemsize]
    unsigned = dict(type_defines(dtype, fp64))["U"] if combine == "add" else name
    extra = (("FP64", "1"),) if name == "double" else ()
    defines = (
        *extra,
        ("T", name),
        ("U", unsigned),
        ("COMBINE(old, value)", _COMBINE[combine]),
    )
    return Source(title(op, [dtype]), ("index",), defines)


def _function(device: Device, op: str, dtype: DType, name: str, combine: str) -> cl.Kernel:
    return device.function(
        (op, dtype, name, combine), name, partial(_source, op, dtype, combine, device.fp64)
    )


def _positions(view: View, indices: tuple[View, ...]) -> View:
    """Where `view[i1, ..., ik]` begin, one int64 for each, counted in elements of the buffer."""
    device: Device = view[0].device
    (n,) = indices[0][2]
    memory = device.scratch(8 * n)
    kernel = device.function(
        ("positions",),
        "positions",
        lambda: Source("index", ("index",), (("POSITIONS_ONLY", "1"),)),
    )
    for dimension, (buffer, _, shape, strides, offset) in enumerate(indices):
        found = plan(shape, strides)
        size, stride = np.int64(view[2][dimension]), np.int64(view[3][dimension])
        first = np.int32(dimension == 0)
        for layout in layouts(found, offset):
            device.launch(kernel, n, memory.ptr, buffer.ptr, layout, size, stride, first)
    return (memory, int64, (n,), (1,), 0)


def _take(op: str, out: View, a: View, positions: View, step: int) -> None:
    """out = a[... + position * step], over the common shape of all three."""
    found = plan(out[2], out[3], a[3], positions[3])
    if found.size == 0:
        return
    device: Device = out[0].device
    kernel = _function(device, op, out[1], "take", "put")
    buffers = [view[0].ptr for view in (out, a, positions)]
    for layout in layouts(found, out[4], a[4], positions[4]):
        device.launch(kernel, found.size, *buffers, layout, np.int64(step))


def _put(
    op: str,
    combine: str,
    views: tuple[View, View, View],
    shape: tuple[int, ...],
    strides: tuple[tuple[int, ...], ...],
    *steps: int,
) -> None:
    """Writes values to out, the first view, in order: see `put` in index.cl."""
    found = plan(shape, *strides)
    if found.size == 0 or steps[1] == 0:
        return
    device: Device = views[0][0].device
    kernel = _function(device, op, views[0][1], "put", combine)
    buffers = [view[0].ptr for view in views]
    for layout in layouts(found, *[view[4] for view in views]):
        device.launch(kernel, found.size, *buffers, layout, *map(np.int64, steps))


def index(out: View, a: View, *indices: View) -> None:
    """`out[i] = a[i1[i], ..., ik[i]]`."""
    if 0 in out[2]:
        in_range(indices, a[2][: len(indices)], 0, True)
        return
    k = len(indices)
    in_range(indices, a[2][:k], 0, True)
    memory, _, _, _, _ = _positions(a, indices)
    rest = out[2][1:]
    positions = (memory, int64, out[2], (1, *(0,) * len(rest)), 0)
    buffer, dtype, _, strides, offset = apart(a, out)
    _take("index", out, (buffer, dtype, out[2], (0, *strides[k:]), offset), positions, 1)


def index_put(out: View, values: View, accumulate: bool, *indices: View) -> None:
    """`out[i1[i], ..., ik[i]] = values[i]`, or `+=`, in order of i."""
    k = len(indices)
    in_range(indices, out[2][:k], 0, True)
    if 0 in values[2]:
        return
    values = apart(values, out)
    rest = values[2][1:]
    combine = ("or" if out[1].kind == "b" else "add") if accumulate else "put"
    _put(
        "index_put",
        combine,
        (out, values, _positions(out, indices)),
        rest,
        (out[3][k:], values[3][1:], (0,) * len(rest)),
        1,
        values[2][0],
        values[3][0],
        1,
    )


def gather(out: View, a: View, positions: View) -> None:
    """`out[..., j] = a[..., index[..., j]]`."""
    in_range((positions,), (a[2][-1],), len(a[2]) - 1, False)
    buffer, dtype, _, strides, offset = a
    _take(
        "gather", out, (buffer, dtype, out[2], (*strides[:-1], 0), offset), positions, strides[-1]
    )


def scatter_add(out: View, positions: View, src: View) -> None:
    """`out[..., index[..., j]] += src[..., j]`, in order of j."""
    in_range((positions,), (out[2][-1],), len(out[2]) - 1, False)
    src = apart(src, out)
    _put(
        "scatter_add",
        "add",
        (out, src, positions),
        positions[2][:-1],
        (out[3][:-1], src[3][:-1], positions[3][:-1]),
        out[3][-1],
        positions[2][-1],
        src[3][-1],
        positions[3][-1],
    )


KERNELS: Mapping[str, Kernel] = {
    "index": index,
    "index_put": index_put,
    "gather": gather,
    "scatter_add": scatter_add,
}
