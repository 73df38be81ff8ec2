"""cumsum: rows are scanned tile by tile; few long rows are cut into chunks, in a second pass."""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator
from functools import lru_cache
from typing import Final, NamedTuple

from corex.backend import View
from corex.dtypes import DType
from corex_cuda_pycuda.elements import C_TYPES, NUMBER, usual
from corex_cuda_pycuda.ops.groups import Dim3, ceil_div, group, splits, views
from corex_cuda_pycuda.ops.packing import NARROW_COUNT, NARROW_REACH, plan, pointer, reach
from corex_cuda_pycuda.runtime import Source, device_of

EACH: Final = 4
"""Elements that a thread adds up itself, as in `kernels/scan.cu`."""
TOTAL_BYTES: Final = 8
Shape = tuple[int, ...]


class Launch(NamedTuple):
    """A scan of one shape on one device, but for addresses.

    Attributes:
        index_type: the C type of indices.
        rank: of the rows' layout (0: any).
        grid, block: the launch; grid[1] is the number of chunks.
        numbers: packed: rows, elements, elements of a chunk, the steps of both views along a row.
        rows: their number.
        layout: packed, of the rows.
    """

    index_type: str
    rank: int
    grid: Dim3
    block: Dim3
    numbers: bytes
    rows: int
    layout: bytes


@lru_cache(maxsize=4096)
def _choose(
    shape: Shape, out_strides: Shape, strides: Shape, multiprocessors: int
) -> Launch | None:
    if not shape:  # a single number is a row of one
        shape, out_strides, strides = (1,), (1,), (1,)
    count, steps = shape[-1], (out_strides[-1], strides[-1])
    outer = plan(shape[:-1], out_strides[:-1], strides[:-1])
    rows = outer.count
    if rows * count == 0:
        return None
    far = max(
        reach(outer.shape, s) + abs(step) * count
        for s, step in zip(outer.strides, steps, strict=True)
    )
    narrow = outer.narrow and rows * count < NARROW_COUNT and far < NARROW_REACH
    threads = group(count, rows, EACH)
    blocks = ceil_div(rows, threads.rows)
    tiles = ceil_div(count, threads.across * EACH)
    chunks = splits(blocks, tiles, 1, multiprocessors)
    chunk = ceil_div(tiles, chunks) * threads.across * EACH
    grid = (blocks, ceil_div(count, chunk), 1)
    numbers = struct.pack("=5q", rows, count, chunk, *steps)
    found = views(outer)
    block = (threads.across, threads.rows, 1)
    return Launch(
        "int" if narrow else "long long", found.rank, grid, block, numbers, rows, found.layout
    )


def _source(dtype: DType, index: str, rank: int) -> Source:
    return Source("scan.cu", (("T", C_TYPES[dtype]), ("INDEX", index), ("OUTER", str(rank))))


_source_of = lru_cache(maxsize=128)(_source)


def cumsum(out: View, a: View) -> None:
    """`out[..., j] = a[..., 0] + ... + a[..., j]`."""
    device = device_of(out[0])
    launch = _choose(out[2], out[3], a[3], device.properties.multiprocessors)
    if launch is None:
        return
    source = _source_of(out[1], launch.index_type, launch.rank)
    chunks = launch.grid[1]
    scratch = device.scratch(launch.rows * chunks * TOTAL_BYTES) if chunks > 1 else None
    address = 0 if scratch is None else scratch.ptr
    head = struct.pack("=3Q", pointer(out), pointer(a), address)
    arguments = head + launch.numbers + launch.layout
    if scratch is not None:
        device.launch(device.function(source, "totals"), launch.grid, launch.block, arguments)
    device.launch(device.function(source, "scan"), launch.grid, launch.block, arguments)


KERNELS: dict[str, Callable[..., None]] = {"cumsum": cumsum}


def sources() -> Iterator[Source]:
    """Every dtype, of rows that merge into one dimension."""
    for dtype in usual(NUMBER):
        yield _source(dtype, "int", 1)
