"""tril and triu."""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator
from functools import lru_cache
from typing import Final

from corex.backend import Kernel, View
from corex.dtypes import DType
from corex_cuda_pycuda.ops.groups import THREADS, ceil_div, views
from corex_cuda_pycuda.ops.packing import NARROW_COUNT, NARROW_REACH, plan, pointer, reach
from corex_cuda_pycuda.ops.signatures import ALL, C_TYPES, Signature, same
from corex_cuda_pycuda.runtime import Source, device_of

WAVES: Final = 32
"""Blocks per multiprocessor, at most; threads loop over the rest."""


@lru_cache(maxsize=256)
def _source(op: str, dtype: DType, index: str, rank: int) -> Source:
    defines = (("T", C_TYPES[dtype]), ("INDEX", index), ("OUTER", str(rank)))
    return Source("band.cu", (*defines, ("UPPER", "1")) if op == "triu" else defines)


def _kernel(op: str) -> Kernel:
    def kernel(out: View, a: View, diagonal: int) -> None:
        shape = out[2]
        outer = plan(shape[:-2], out[3][:-2], a[3][:-2])
        rows, columns = shape[-2:]
        count = outer.count * rows * columns
        if count == 0:
            return
        device = device_of(out[0])
        far = max(reach(shape, out[3]), reach(shape, a[3]))
        index = "int" if count < NARROW_COUNT and far < NARROW_REACH else "long long"
        matrices = views(outer)
        numbers = (count, rows, columns, diagonal, *out[3][-2:], *a[3][-2:])
        arguments = struct.pack("=QQ8q", pointer(out), pointer(a), *numbers) + matrices.layout
        function = device.function(_source(op, out[1], index, matrices.rank), "band")
        blocks = min(ceil_div(count, THREADS), device.properties.multiprocessors * WAVES)
        device.launch(function, (blocks, 1, 1), (THREADS, 1, 1), arguments)

    return kernel


KERNELS: dict[str, Callable[..., None]] = {op: _kernel(op) for op in ("tril", "triu")}
SIGNATURES: dict[str, Signature] = {op: same(ALL) for op in KERNELS}


def sources() -> Iterator[Source]:
    """Every dtype, of matrices that lie one after the other."""
    for op in KERNELS:
        for dtype in sorted(ALL, key=lambda d: d.index):
            yield _source(op, dtype, "int", 1)
