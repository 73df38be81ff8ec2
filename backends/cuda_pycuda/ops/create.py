"""`copy`, `fill` and `arange`: what makes values out of nothing, or of other dtypes."""

from __future__ import annotations

import math
import struct
from collections.abc import Iterator
from functools import cache, lru_cache
from typing import Any

from corex.backend import Kernel, View
from corex.dtypes import ALL as DTYPES
from corex.dtypes import DType, bool_, uint8
from corex_cuda_pycuda.ops.packing import Plan, blocks, pack_layout, plan, pointer, reach
from corex_cuda_pycuda.ops.signatures import ALL, C_TYPES, NUMBER, Signature, each
from corex_cuda_pycuda.runtime import Source, device_of

THREADS = 256
BLOCK = (THREADS, 1, 1)
TILE, TILE_BLOCK = 32, (32, 8, 1)
TILED_FROM = 16
"""Both sides of a transposed copy must be this long for whole tiles to pay."""

UNSIGNED = {1: "unsigned char", 4: "unsigned", 8: "unsigned long long"}
MASK = (1 << 64) - 1

_PAIR = struct.Struct("QQq")
_ONE = struct.Struct("QqQ")


# ---- copy ------------------------------------------------------------------------------------
def copy(out: View, a: View) -> None:
    """Element by element, with conversion to the dtype of `out`."""
    buffer, to, shape, strides, offset = out
    if buffer is a[0] and offset == a[4] and strides == a[3]:
        return  # an output may be its own input
    found = plan(shape, strides, a[3])
    count = found.count
    if count == 0:
        return
    device = device_of(buffer)
    if found.rank == 0 and _same_bits(to, a[1]):
        device.copy(pointer(out), pointer(a), count * to.itemsize)
        return
    source = _copy_source(to, a[1], found.index)
    tiles = _tiles(found) if found.rank in (2, 3) else None
    if tiles is not None:
        number, numbers = tiles
        arguments = struct.pack("QQ7q", pointer(out), pointer(a), *numbers)
        function = device.function(source, "transposed")
        device.launch(function, (min(number, 1 << 16), 1, 1), TILE_BLOCK, arguments)
        return
    per_thread = 16 // max(to.itemsize, a[1].itemsize) if found.rank == 0 else 1
    arguments = _PAIR.pack(pointer(out), pointer(a), count) + found.layout
    function = device.function(source, found.variant)
    device.launch(function, blocks(count, THREADS * per_thread), BLOCK, arguments)


def _same_bits(to: DType, of: DType) -> bool:
    return to is of or (to is uint8 and of is bool_)


@cache
def _copy_source(to: DType, of: DType, index: str) -> Source:
    if _same_bits(to, of):
        names = (UNSIGNED[to.itemsize],) * 2
    else:
        names = (C_TYPES[to], C_TYPES[of])
    return Source("copy.cu", (("TO", names[0]), ("FROM", names[1]), ("INDEX", index)))


@lru_cache(maxsize=1024)
def _tiles(found: Plan) -> tuple[int, tuple[int, ...]] | None:
    """How many tiles, and the numbers for `transposed`, where the views are each other's transpose.

    `out` must be contiguous along its last dimension and `a` along another one.
    """
    out, a = found.strides
    last = len(out) - 1
    if out[last] != 1 or a[last] == 1 or 1 not in a:
        return None
    row = a.index(1)
    plane = next((d for d in range(last) if d != row), None)
    rows, columns = found.shape[row], found.shape[last]
    if min(rows, columns) < TILED_FROM:
        return None
    planes, out_plane, a_plane = 1, 0, 0
    if plane is not None:
        planes, out_plane, a_plane = found.shape[plane], out[plane], a[plane]
    number = -(-rows // TILE) * -(-columns // TILE) * planes
    return number, (rows, columns, planes, out[row], a[last], out_plane, a_plane)


# ---- fill ------------------------------------------------------------------------------------
def fill(out: View, value: Any) -> None:
    """Every element becomes the number `value`."""
    buffer, dtype, shape, strides, _ = out
    found = plan(shape, strides)
    count = found.count
    if count == 0:
        return
    device = device_of(buffer)
    source = _fill_source(UNSIGNED[dtype.itemsize], found.index)
    arguments = _ONE.pack(pointer(out), count, bits_of(value, dtype))
    if found.rank == 0:
        per_block = THREADS * (16 // dtype.itemsize)
        device.launch(device.function(source, "dense"), blocks(count, per_block), BLOCK, arguments)
        return
    arguments += _any_layout(found)
    device.launch(device.function(source, "strided"), blocks(count, THREADS), BLOCK, arguments)


@cache
def _fill_source(name: str, index: str) -> Source:
    return Source("fill.cu", (("T", name), ("INDEX", index)))


@lru_cache(maxsize=1024)
def _any_layout(found: Plan) -> bytes:
    return pack_layout(found.shape, found.strides, any_rank=True)


def bits_of(value: Any, dtype: DType) -> int:
    """The bits of a Python number as an element, converted as C does."""
    if dtype.kind == "b":
        return int(value != 0)
    if dtype.kind != "f":
        if isinstance(value, float):
            value = _truncated(value, 31 if dtype.itemsize == 4 else 63)
        return int(value) & ((1 << 8 * dtype.itemsize) - 1)
    packed = struct.pack("<" + dtype.format, _rounded(value, dtype))
    return int.from_bytes(packed, "little")


def _truncated(value: float, bits: int) -> int:
    """Towards zero; the most negative number for what does not fit, NaN included."""
    bound = 1 << bits
    return math.trunc(value) if -bound <= value < bound else -bound


def _rounded(value: Any, dtype: DType) -> float:
    """The float that is packed for `value`: infinite beyond the dtype's range."""
    try:
        number = float(value)
        struct.pack("<" + dtype.format, number)  # "<": only the standard formats check the range
    except OverflowError:
        return math.inf if value > 0 else -math.inf
    return number


# ---- arange ----------------------------------------------------------------------------------
def arange(out: View, start: Any, step: Any) -> None:
    """`out[i] = start + i * step`, computed in int64 where all are integers, else in float64."""
    buffer, dtype, shape, strides, _ = out
    count = shape[0]
    if count == 0:
        return
    device = device_of(buffer)
    narrow = count < 1 << 30 and reach(shape, strides) < 1 << 31
    source = _fill_source(C_TYPES[dtype], "int" if narrow else "long long")
    whole = isinstance(start, int) and isinstance(step, int) and dtype.kind != "f"
    if whole:
        numbers = struct.pack("QQ", start & MASK, step & MASK)
    else:
        numbers = struct.pack("dd", float(start), float(step))
    arguments = struct.pack("Qqq", pointer(out), count, strides[0]) + numbers
    function = device.function(source, "range_integer" if whole else "range_float")
    device.launch(function, blocks(count, THREADS), BLOCK, arguments)


# ---- the tables ------------------------------------------------------------------------------
KERNELS: dict[str, Kernel] = {"copy": copy, "fill": fill, "arange": arange}

SIGNATURES: dict[str, Signature] = {"copy": each(ALL), "fill": each(ALL), "arange": each(NUMBER)}


def sources() -> Iterator[Source]:
    """The variants with narrow indices."""
    for to in DTYPES[:6]:
        for of in DTYPES[:6]:
            yield _copy_source(to, of, "int")
    for name in (*UNSIGNED.values(), *(C_TYPES[dtype] for dtype in NUMBER)):
        yield _fill_source(name, "int")
