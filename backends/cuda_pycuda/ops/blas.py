"""cuBLAS, where it is installed: products of float matrices. Without it, our own kernels run.

It is loaded by ctypes from the system's libraries or from NVIDIA's wheel. COREX_CUDA_BLAS=0 leaves
it alone; under the simulator there is none.
"""

from __future__ import annotations

import ctypes
import os
import sys
import threading
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from corex.dtypes import float32, float64
from corex_cuda_pycuda.runtime import Device

if TYPE_CHECKING:
    from corex_cuda_pycuda.ops.matmul import Product

NAMES: Final = ("libcublas.so.13", "libcublas.so.12")
SMALLEST: Final = 64 * 64 * 64
"""Below so many multiplications its launch costs more than it saves."""
NO_TRANSPOSE, TRANSPOSE = 0, 1
LIMIT: Final = (1 << 31) - 1


def _enabled() -> bool:
    switched_off = os.environ.get("COREX_CUDA_BLAS", "1").lower() in ("0", "off", "no", "false")
    return not switched_off and os.environ.get("COREX_CUDA_SIMULATOR", "0") in ("", "0")


def _places() -> list[str]:
    """Where a library of one of the names may be, the loader's own search first."""
    found = list(NAMES)
    for folder in sys.path:
        root = Path(folder or ".") / "nvidia"
        for name in NAMES:
            paths = [*root.glob(f"cu*/lib/{name}"), root / "cublas" / "lib" / name]
            found += [str(path) for path in paths if path.exists()]
    return found


@lru_cache(maxsize=1)
def library() -> ctypes.CDLL | None:
    """The library, or None where there is none to be used."""
    if not _enabled():
        return None
    for place in _places():
        try:
            return _declared(ctypes.CDLL(place))
        except (OSError, AttributeError):
            continue
    return None


def _declared(found: ctypes.CDLL) -> ctypes.CDLL:
    """The library with the types of what is called; AttributeError where that is missing."""
    p, i, strided = ctypes.c_void_p, ctypes.c_int, ctypes.c_longlong
    matrix = [p, i, strided]
    for name in ("cublasSgemmStridedBatched", "cublasDgemmStridedBatched"):
        getattr(found, name).argtypes = [p, i, i, i, i, i, p, *matrix, *matrix, p, *matrix, i]
    found.cublasCreate_v2.argtypes = [p]
    found.cublasSetStream_v2.argtypes = [p, p]
    return found


class _Handles(threading.local):
    """This thread's handles by device; None where cuBLAS would not start."""

    def __init__(self) -> None:
        self.held: dict[int, Any] = {}
        self.streams: dict[int, int] = {}


_handles = _Handles()


def _handle(blas: ctypes.CDLL, device: Device) -> Any:
    stream = int(device.stream.raw.handle)  # makes the device this thread's, too
    held = _handles.held
    if device.index not in held:
        handle = ctypes.c_void_p()
        failed = blas.cublasCreate_v2(ctypes.byref(handle))
        held[device.index] = None if failed else handle
    handle = held[device.index]
    if handle is not None and _handles.streams.get(device.index) != stream:
        if blas.cublasSetStream_v2(handle, stream):
            return None
        _handles.streams[device.index] = stream
    return handle


def _operand(line: int, depth: int, lines: int, depths: int) -> tuple[int, int] | None:
    """(transposed, leading dimension) of a matrix lines x depth, as cuBLAS names them; None where
    neither index is dense. Seen column by column, a row-major matrix is its own transpose."""
    for transposed, unit, step, extent, others in (
        (NO_TRANSPOSE, depth, line, depths, lines),
        (TRANSPOSE, line, depth, lines, depths),
    ):
        if unit == 1 or extent == 1:
            leading = step if others > 1 else max(extent, 1)
            if max(extent, 1) <= leading <= LIMIT:
                return transposed, leading
    return None


_ONE: Final = {float32: ctypes.c_float(1), float64: ctypes.c_double(1)}
_ZERO: Final = {float32: ctypes.c_float(0), float64: ctypes.c_double(0)}


class Gemm(NamedTuple):
    """A product as cuBLAS takes it: (transposed, leading dimension) of each matrix."""

    right: tuple[int, int]
    left: tuple[int, int]
    leading: int


@lru_cache(maxsize=2048)
def _gemm(p: Product) -> Gemm | None:
    """How cuBLAS would multiply, or None where our own kernels should.

    Row by row, out = a b is, column by column, out' = b' a': the operands change places."""
    _, m, n, k = p.sizes
    too_large = max(p.sizes) > LIMIT or min(p.a[0], p.b[0], p.out[0]) < 0
    if p.dtype not in _ONE or k == 0 or m * n * k < SMALLEST or too_large:
        return None
    left = _operand(p.a[1], p.a[2], m, k)
    right = _operand(p.b[1], p.b[2], k, n)
    target = _operand(p.out[1], p.out[2], m, n)
    if left is None or right is None or target is None or target[0] != NO_TRANSPOSE:
        return None
    return Gemm(right, left, target[1])


def multiply(
    device: Device, p: Product, out: int, a: int, b: int, fill: Callable[[], None] | None
) -> bool:
    """Multiplies if cuBLAS is there and takes this product; False: `out` may hold anything.

    `fill` puts the bias into `out`, to which the product is then added."""
    blas = library()
    found = None if blas is None else _gemm(p)
    if blas is None or found is None:
        return False
    handle = _handle(blas, device)
    if handle is None:
        return False
    double = p.dtype is float64
    gemm = blas.cublasDgemmStridedBatched if double else blas.cublasSgemmStridedBatched
    kept = _ZERO if fill is None else _ONE
    if fill is not None:
        fill()
    batches, m, n, k = p.sizes
    failed = gemm(
        handle, found.right[0], found.left[0], n, m, k, ctypes.byref(_ONE[p.dtype]),
        b, found.right[1], p.b[0], a, found.left[1], p.a[0], ctypes.byref(kept[p.dtype]),
        out, found.leading, p.out[0], batches,
    )  # fmt: skip
    return not failed
