"""`copy`, `fill` and `arange`: what makes values out of nothing, or of other dtypes."""

from __future__ import annotations

import math
import struct
from collections.abc import Iterator, Sequence
from functools import cache, lru_cache
from typing import Any, NamedTuple

from corex.backend import Kernel, View
from corex.backend.elements import pack
from corex.dtypes import DType, bool_, int32, uint8, uint64
from corex_cuda_pycuda.elements import ALL, C_TYPES, NUMBER, WORDS, usual
from corex_cuda_pycuda.ops.packing import (
    Plan,
    blocks,
    divisor,
    pack_layout,
    plan,
    pointer,
    reach,
    widened,
    words,
)
from corex_cuda_pycuda.runtime import Source, device_of

THREADS = 256
BLOCK = (THREADS, 1, 1)
TILE, TILE_BLOCK = 32, (32, 8, 1)
TILED_FROM = 16
"""Both sides of a transposed copy must be this long for whole tiles to pay."""

LOADS = 4
"""Accesses that a thread of `copy` has in flight, as in `kernels/copy.cu`."""
VECTOR_BYTES = 16
Shape = tuple[int, ...]

MASK = (1 << 64) - 1

_PAIR = struct.Struct("QQ")
_ONE = struct.Struct("QqQ")


# ---- copy ------------------------------------------------------------------------------------
class Copy(NamedTuple):
    """A planned copy: all but addresses.

    Attributes:
        nbytes: of dense memory that is copied as it is; 0 where a kernel is needed.
        source, kernel, grid, block, arguments: the launch.
    """

    nbytes: int
    source: Source | None = None
    kernel: str = ""
    grid: tuple[int, int, int] = BLOCK
    block: tuple[int, int, int] = BLOCK
    arguments: bytes = b""


def copy(out: View, a: View) -> None:
    """Element by element, with conversion to the dtype of `out`."""
    buffer, to, shape, strides, offset = out
    if buffer is a[0] and offset == a[4] and strides == a[3]:
        return  # an output may be its own input
    target, origin = pointer(out), pointer(a)
    misplaced = (target % VECTOR_BYTES, origin % VECTOR_BYTES)
    planned = _copy_plan(shape, strides, a[3], to, a[1], misplaced)
    if planned is None:
        return
    device = device_of(buffer)
    if planned.source is None:
        device.copy(target, origin, planned.nbytes)
        return
    function = device.function(planned.source, planned.kernel)
    arguments = _PAIR.pack(target, origin) + planned.arguments
    device.launch(function, planned.grid, planned.block, arguments)


@lru_cache(maxsize=4096)
def _copy_plan(
    shape: Shape, out: Shape, a: Shape, to: DType, of: DType, misplaced: tuple[int, int]
) -> Copy | None:
    """The copy for views; `misplaced`: the low bits of their addresses."""
    found = plan(shape, out, a)
    if found.count == 0:
        return None
    if found.dense:
        if _same_bits(to, of):
            return Copy(found.count * to.itemsize)
        grid = blocks(
            found.count, THREADS * LOADS * (VECTOR_BYTES // max(to.itemsize, of.itemsize))
        )
        return Copy(0, _copy_source(to, of, found.index), "dense", grid, BLOCK, words(found.count))
    planes = _planes(found) if found.rank in (2, 3) else None
    if planes is not None:
        tiles, packed = planes
        grid = (min(tiles, 1 << 16), 1, 1)
        return Copy(0, _copy_source(to, of, found.index), "transposed", grid, TILE_BLOCK, packed)
    width, wide = _widest(found, (to.itemsize, of.itemsize), misplaced)
    source = _copy_source(to, of, found.index, width)
    grid = blocks(wide.count, THREADS * LOADS)
    return Copy(0, source, wide.variant, grid, BLOCK, words(wide.count) + wide.layout)


def _widest(found: Plan, sizes: Sequence[int], misplaced: Sequence[int]) -> tuple[int, Plan]:
    """How many neighbours views can move at once, and the plan for that.

    `sizes`: bytes of an element of each view; `misplaced`: the low bits of their addresses."""
    lanes = VECTOR_BYTES // max(sizes)
    while lanes > 1:
        wide = widened(found, lanes)
        if wide is not None and not any(
            [
                strides[-1] and bits % (lanes * size)
                for strides, size, bits in zip(wide.strides, sizes, misplaced, strict=True)
            ]
        ):
            return lanes, wide
        lanes //= 2
    return 1, found


def _same_bits(to: DType, of: DType) -> bool:
    return to is of or (to is uint8 and of is bool_)


@cache
def _copy_source(to: DType, of: DType, index: str, width: int = 0) -> Source:
    """`width`: neighbours that views move at once; 0: the kernels that need no layout."""
    if _same_bits(to, of):
        names = (WORDS[to.itemsize],) * 2
    else:
        names = (C_TYPES[to], C_TYPES[of])
    defines = (("TO", names[0]), ("FROM", names[1]), ("INDEX", index))
    return Source("copy.cu", (*defines, ("WIDTH", str(width))) if width else defines)


def _planes(found: Plan) -> tuple[int, bytes] | None:
    """How many tiles, and the struct `Planes`, where the views are each other's transpose.

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
    down, across = -(-rows // TILE), -(-columns // TILE)
    tiles = down * across * planes
    packed = words(
        rows,
        columns,
        tiles,
        *divisor(across),
        *divisor(down),
        out[row],
        a[last],
        out_plane,
        a_plane,
    )
    return tiles, packed


# ---- fill ------------------------------------------------------------------------------------
def fill(out: View, value: Any) -> None:
    """Every element becomes the number `value`."""
    buffer, dtype, shape, strides, _ = out
    found = plan(shape, strides)
    count = found.count
    if count == 0:
        return
    device = device_of(buffer)
    source = _fill_source(WORDS[dtype.itemsize], found.index)
    target = pointer(out)
    if found.rank == 0:
        arguments = _ONE.pack(target, count, bits_of(value, dtype))
        per_block = THREADS * (16 // dtype.itemsize)
        device.launch(device.function(source, "dense"), blocks(count, per_block), BLOCK, arguments)
        return
    lanes = 1 if target % VECTOR_BYTES else VECTOR_BYTES // dtype.itemsize
    name, count, layout = _fill_views(found, lanes)
    arguments = _ONE.pack(target, count, bits_of(value, dtype)) + layout
    device.launch(device.function(source, name), blocks(count, THREADS), BLOCK, arguments)


@cache
def _fill_source(name: str, index: str) -> Source:
    return Source("fill.cu", (("T", name), ("INDEX", index)))


@lru_cache(maxsize=1024)
def _fill_views(found: Plan, lanes: int) -> tuple[str, int, bytes]:
    """The kernel, how many elements or vectors it writes, and the packed layout."""
    wide = widened(found, lanes)
    used = wide or found
    layout = pack_layout(used.shape, used.strides, any_rank=True)
    return "strided_wide" if wide else "strided", used.count, layout


def bits_of(value: Any, dtype: DType) -> int:
    """The bits of a Python number as an element, converted as C does."""
    if dtype.kind == "b":
        return int(value != 0)
    if dtype.kind != "f":
        if isinstance(value, float):
            value = _truncated(value, dtype)
        return int(value) & ((1 << 8 * dtype.itemsize) - 1)
    return int.from_bytes(pack(dtype, [_rounded(value, dtype)]), "little")


def _truncated(value: float, dtype: DType) -> int:
    """Towards zero; the most negative number for what does not fit, NaN included.

    That of int64 for all but int32; uint64 goes on where int64 ends."""
    bound = 1 << (31 if dtype is int32 else 63)
    if dtype is uint64 and value >= bound:
        return math.trunc(value) if value < 2 * bound else 0
    return math.trunc(value) if -bound <= value < bound else -bound


def _rounded(value: Any, dtype: DType) -> float:
    """The float that is packed for `value`: infinite beyond the dtype's range."""
    if isinstance(value, int) and dtype.itemsize < 8:
        value = _exact_or_odd(value)
    try:
        return float(value)
    except OverflowError:
        return math.inf if value > 0 else -math.inf


def _exact_or_odd(value: int) -> int:
    """An integer of at most 53 digits that a shorter float rounds as it would round `value`.

    A large integer would be rounded twice, to double and from there; rounded to odd first, it
    leaves a 1 behind for the second rounding to see.
    """
    excess = max(0, value.bit_length() - 53)
    kept = abs(value) >> excess
    kept |= int(kept << excess != abs(value))
    return (kept << excess) * (1 if value > 0 else -1)


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


def sources() -> Iterator[Source]:
    """The variants with narrow indices."""
    for to in usual(ALL):
        for of in usual(ALL):
            wide = VECTOR_BYTES // max(to.itemsize, of.itemsize)
            for width in (0, 1, wide):
                yield _copy_source(to, of, "int", width)
    for name in (*WORDS.values(), *(C_TYPES[dtype] for dtype in usual(NUMBER))):
        yield _fill_source(name, "int")
