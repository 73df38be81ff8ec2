"""mse_loss: one pass over both views, and the sums of the blocks in a fixed order.

Its gradient is elementwise: see `pointwise.py`."""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator
from functools import lru_cache
from typing import Final

from corex.backend import View
from corex.dtypes import DType
from corex_cuda_pycuda.elements import C_TYPES, FLOAT, usual
from corex_cuda_pycuda.ops.groups import THREADS, WARP, ceil_div, power_of_two, views
from corex_cuda_pycuda.ops.packing import plan, pointer
from corex_cuda_pycuda.runtime import Source, device_of

EACH: Final = 16
"""Elements per thread, at least, before there are more blocks."""
BLOCKS_PER_PROCESSOR: Final = 8
SUM_BYTES: Final = 8
VECTOR_BYTES: Final = 16


def _source(dtype: DType, index: str, dims: int) -> Source:
    return Source("loss.cu", (("T", C_TYPES[dtype]), ("INDEX", index), ("DIMS", str(dims))))


_source_of = lru_cache(maxsize=64)(_source)


@lru_cache(maxsize=1024)
def _choose(
    shape: tuple[int, ...], a: tuple[int, ...], b: tuple[int, ...], multiprocessors: int
) -> tuple[int, str, int, bytes, int, int, bool]:
    """Elements, index type, rank, layout, blocks, threads, whether both are dense."""
    found = plan(shape, a, b)
    walk = views(found)
    threads = min(THREADS, max(WARP, power_of_two(ceil_div(max(1, found.count), EACH))))
    most = multiprocessors * BLOCKS_PER_PROCESSOR
    blocks = min(most, max(1, ceil_div(found.count, threads * EACH)))
    return found.count, found.index, walk.rank, walk.layout, blocks, threads, found.dense


def mse_loss(out: View, a: View, b: View) -> None:
    """The mean of (a - b) ** 2; `out` has no dimensions."""
    device = device_of(out[0])
    processors = device.properties.multiprocessors
    count, index, rank, layout, blocks, threads, dense = _choose(a[2], a[3], b[3], processors)
    source = _source_of(a[1], index, rank)
    target = pointer(out)
    scratch = device.scratch(blocks * SUM_BYTES) if blocks > 1 else None
    parts = 0 if scratch is None else scratch.ptr
    arguments = struct.pack("=QQQQq", target, pointer(a), pointer(b), parts, count) + layout
    dense = dense and (pointer(a) | pointer(b)) % VECTOR_BYTES == 0
    name = "dense_squares" if dense else "squares"
    device.launch(device.function(source, name), (blocks, 1, 1), (threads, 1, 1), arguments)
    if scratch is not None:
        arguments = struct.pack("=QQqq", target, parts, blocks, count)
        function = device.function(source, "mean_of_squares")
        device.launch(function, (1, 1, 1), (THREADS, 1, 1), arguments)


KERNELS: dict[str, Callable[..., None]] = {"mse_loss": mse_loss}


def sources() -> Iterator[Source]:
    """Every dtype, of dense views."""
    for dtype in usual(FLOAT):
        yield _source(dtype, "int", 1)
