"""Random bits and the two distributions made of them; outputs are contiguous."""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator
from functools import cache
from typing import Final

from corex.backend import Kernel, View
from corex.dtypes import DType, int64
from corex_cuda_pycuda.elements import C_TYPES, FLOAT, usual
from corex_cuda_pycuda.ops.groups import THREADS, ceil_div
from corex_cuda_pycuda.ops.packing import NARROW_COUNT, pointer
from corex_cuda_pycuda.runtime import Source, device_of
from corex_cuda_pycuda.runtime.threads import current

WAVES: Final = 32
"""Blocks per multiprocessor, at most; threads loop over the rest."""
MASK: Final = (1 << 64) - 1


@cache
def _source(distribution: str, dtype: DType, index: str) -> Source:
    defines = (("DISTRIBUTION", distribution), ("T", C_TYPES[dtype]), ("INDEX", index))
    return Source("random.cu", defines)


_ARGUMENTS: Final = struct.Struct("=QqQQQ")


def _kernel(distribution: str, each: int) -> Kernel:
    """`each`: elements that a block of the generator gives."""

    def kernel(out: View, seed: int, offset: int) -> None:
        count = 1
        for size in out[2]:
            count *= size
        if count == 0:
            return
        device = device_of(out[0])
        index = "int" if count < NARROW_COUNT else "long long"
        function = device.function(_source(distribution, out[1], index), "generate")
        blocks = ceil_div(count, each * THREADS)
        grid = (min(blocks, device.properties.multiprocessors * WAVES), 1, 1)
        state = 0
        if current.capture is not None:
            seed, offset, state = current.capture.random_state(seed, offset)
        arguments = _ARGUMENTS.pack(pointer(out), count, seed & MASK, offset & MASK, state)
        device.launch(function, grid, (THREADS, 1, 1), arguments)

    return kernel


KERNELS: dict[str, Callable[..., None]] = {
    "random_bits": _kernel("Bits", 2),
    "random_uniform": _kernel("Uniform", 2),
    "random_normal": _kernel("Normal", 1),
}


def sources() -> Iterator[Source]:
    """Every distribution and dtype."""
    yield _source("Bits", int64, "int")
    for distribution in ("Uniform", "Normal"):
        for dtype in usual(FLOAT):
            yield _source(distribution, dtype, "int")
