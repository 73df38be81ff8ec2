"""tril and triu."""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator
from functools import lru_cache
from typing import Final

from corex.backend import Kernel, View
from corex.dtypes import DType
from corex_cuda_pycuda.elements import ALL, C_TYPES, usual
from corex_cuda_pycuda.ops.groups import THREADS, ceil_div, views
from corex_cuda_pycuda.ops.packing import (
    NARROW_COUNT,
    NARROW_REACH,
    divisor,
    plan,
    pointer,
    reach,
    words,
)
from corex_cuda_pycuda.runtime import Source, device_of

WAVES: Final = 32
"""Blocks per multiprocessor, at most; threads loop over the rest."""


@lru_cache(maxsize=256)
def _source(op: str, dtype: DType, index: str, rank: int) -> Source:
    defines = (("T", C_TYPES[dtype]), ("INDEX", index), ("OUTER", str(rank)))
    return Source("band.cu", (*defines, ("UPPER", "1")) if op == "triu" else defines)


@lru_cache(maxsize=1024)
def _choose(
    shape: tuple[int, ...], out: tuple[int, ...], a: tuple[int, ...], diagonal: int
) -> tuple[int, str, int, bytes]:
    """Elements, index type, rank of what precedes the matrices, and the packed rest."""
    outer = plan(shape[:-2], out[:-2], a[:-2])
    rows, columns = shape[-2:]
    count = outer.count * rows * columns
    far = max(reach(shape, out), reach(shape, a))
    matrices = views(outer)
    numbers = words(count, *divisor(rows), *divisor(columns), diagonal, *out[-2:], *a[-2:])
    index = "int" if count < NARROW_COUNT and far < NARROW_REACH else "long long"
    return count, index, matrices.rank, numbers + matrices.layout


def _kernel(op: str) -> Kernel:
    def kernel(out: View, a: View, diagonal: int) -> None:
        count, index, rank, numbers = _choose(out[2], out[3], a[3], diagonal)
        if count == 0:
            return
        device = device_of(out[0])
        function = device.function(_source(op, out[1], index, rank), "band")
        blocks = min(ceil_div(count, THREADS), device.properties.multiprocessors * WAVES)
        arguments = _POINTERS.pack(pointer(out), pointer(a)) + numbers
        device.launch(function, (blocks, 1, 1), (THREADS, 1, 1), arguments)

    return kernel


_POINTERS: Final = struct.Struct("=QQ")
KERNELS: dict[str, Callable[..., None]] = {op: _kernel(op) for op in ("tril", "triu")}


def sources() -> Iterator[Source]:
    """Every dtype, of matrices that lie one after the other."""
    for op in KERNELS:
        for dtype in usual(ALL):
            yield _source(op, dtype, "int", 1)
