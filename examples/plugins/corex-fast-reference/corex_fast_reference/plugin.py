"""Matrix products for the backend `reference_py`, by NumPy.

Importing this module does not load NumPy: that waits for the first product.
"""

from __future__ import annotations

import math

import pluggy

from corex.backend import KernelChoice, View
from corex.dtypes import DType, float32, float64

hookimpl = pluggy.HookimplMarker("corex")

SMALLEST = 64
"""Multiplications below which plain Python is done before NumPy has begun."""


def matmul(out: View, a: View, b: View) -> None:
    """(B, M, K) x (B, K, N) -> (B, M, N)."""
    import numpy as np

    def array(view: View) -> np.ndarray:
        buffer, dtype, shape, strides, offset = view
        if 0 in shape:
            return np.empty(shape, dtype.name)  # it may point anywhere, even beyond the buffer
        size = dtype.itemsize
        return np.ndarray(shape, dtype.name, buffer, offset * size, [s * size for s in strides])

    with np.errstate(all="ignore"):
        array(out)[...] = np.matmul(array(a), array(b))


def accepts(out: View, a: View, b: View) -> bool:
    """Whether the kernel takes these arguments, the very ones that it would be called with.

    It could compute with any strides. But with negative ones, or with a matrix that repeats its
    rows, NumPy would not call BLAS, and there is nothing to be gained.
    """
    work = math.prod(out[2]) * a[2][2]
    return work >= SMALLEST and all(stride > 0 for view in (a, b) for stride in view[3][1:])


CHOICE = KernelChoice(matmul, accepts)


@hookimpl
def corex_select_kernel(backend: str, op: str, dtypes: tuple[DType, ...]) -> KernelChoice | None:
    """This one kernel, for floating-point numbers; None leaves everything else as it is."""
    if backend == "reference_py" and op == "matmul" and dtypes[0] in (float32, float64):
        return CHOICE
    return None
