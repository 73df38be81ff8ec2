"""cuBLAS, where it is installed: products of float matrices. Without it, our own kernels run.

It is loaded by ctypes from the system's libraries or from NVIDIA's wheel. COREX_CUDA_BLAS=0 leaves
it alone; under the simulator there is none.
"""

from __future__ import annotations

import ctypes
import logging
import os
import sys
import threading
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from corex.backend import OutOfMemoryError
from corex.dtypes import float32, float64
from corex_cuda_pycuda.runtime import Buffer, Device
from corex_cuda_pycuda.runtime.threads import current

if TYPE_CHECKING:
    from corex_cuda_pycuda.ops.matmul import Product

NAMES: Final = ("libcublas.so.13", "libcublas.so.12")
SMALLEST: Final = 64 * 64 * 64
"""Below so many multiplications its launch costs more than it saves."""
NO_TRANSPOSE, TRANSPOSE = 0, 1
LIMIT: Final = (1 << 31) - 1
MOST_PATIENCE: Final = 1024
"""After so many products at most, cuBLAS that failed to start is tried again."""
WORKSPACE, LARGE_WORKSPACE = 4 << 20, 32 << 20
"""Bytes that cuBLAS is given to work in; the second, from compute capability 9.0 on."""

_log = logging.getLogger("corex.cuda")


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
    """The library, or None where there is none to be used; looked for once."""
    if not _enabled():
        return None
    for place in _places():
        try:
            return _declared(ctypes.CDLL(place))
        except (OSError, AttributeError) as error:
            if os.path.isabs(place):  # it is there, and yet of no use
                _log.warning("cuBLAS cannot be used: %s: %s", place, error)
    return None


def _declared(found: ctypes.CDLL) -> ctypes.CDLL:
    """The library with the types of what is called; AttributeError where that is missing."""
    p, i, strided = ctypes.c_void_p, ctypes.c_int, ctypes.c_longlong
    matrix = [p, i, strided]
    for row in _NUMBERS.values():
        getattr(found, row.function).argtypes = [
            p,
            i,
            i,
            i,
            i,
            i,
            p,
            *matrix,
            *matrix,
            p,
            *matrix,
            i,
        ]
    found.cublasCreate_v2.argtypes = [p]
    found.cublasSetStream_v2.argtypes = [p, p]
    if hasattr(found, "cublasSetWorkspace_v2"):  # since 11.0
        found.cublasSetWorkspace_v2.argtypes = [p, p, ctypes.c_size_t]
    return found


class _Handle:
    """This thread's handle on one device, if cuBLAS has started, and where it works now.

    When the thread ends another one may have the handle: to destroy it would wait for the device.

    Attributes:
        spare: where it is left; may have those of threads that have ended.
        raw: cuBLAS's handle, or None.
        stream: the number of the stream that it was given last; 0 for none.
        patience: how many products are left to our own kernels before it is tried again.
        failures: how often it failed to start, one time after the other.
    """

    def __init__(self, spare: list[ctypes.c_void_p]) -> None:
        self.spare = spare
        self.raw: ctypes.c_void_p | None = None
        self.stream = 0
        self.patience = self.failures = 0

    def __del__(self) -> None:
        if self.raw is not None:
            self.spare.append(self.raw)


class _Handles(threading.local):
    """This thread's handles by device."""

    def __init__(self) -> None:
        self.held: dict[int, _Handle] = {}


_spare: dict[int, list[ctypes.c_void_p]] = {}
_handles = _Handles()
_workspaces: dict[tuple[int, int], Buffer] = {}
"""By device and stream, whose work runs in order; threads share them."""
_told: set[str] = set()


def _tell(device: Device, what: str, status: int) -> None:
    """Says once for each device and call that our own kernels do cuBLAS's work."""
    text = f"{what} failed on cuda:{device.index} (cuBLAS status {status})"
    if text not in _told:
        _told.add(text)
        _log.warning("%s: the backend's own kernels multiply, cuBLAS is tried again later", text)


def _handle(blas: ctypes.CDLL, device: Device) -> Any:
    """A handle that works on this thread's stream, or None where it cannot be had now."""
    stream = int(device.stream.handle)  # makes the device this thread's, too
    held = _handles.held.get(device.index)
    if held is None:
        held = _handles.held[device.index] = _Handle(_spare.setdefault(device.index, []))
    if held.raw is None and not _start(blas, device, held):
        return None
    if held.stream != stream or current.capture is not None:
        held.stream = 0
        if not _direct(blas, device, held.raw, stream):
            return None
        if current.capture is None:  # the next capture has other memory to work in
            held.stream = stream
    return held.raw


def _start(blas: ctypes.CDLL, device: Device, held: _Handle) -> bool:
    """Makes the handle. What fails is mostly memory, so it may well succeed later."""
    try:
        held.raw = held.spare.pop()
        return True
    except IndexError:
        pass
    if current.capture is not None:  # cuBLAS allocates and waits when it starts
        return False
    if held.patience:
        held.patience -= 1
        return False
    handle = ctypes.c_void_p()
    status = blas.cublasCreate_v2(ctypes.byref(handle))
    if status:
        device.allocator.empty_cache()
        status = blas.cublasCreate_v2(ctypes.byref(handle))
    if status:
        held.patience = min((1 << held.failures) - 1, MOST_PATIENCE)
        held.failures += 1
        _tell(device, "cublasCreate", status)
        return False
    held.raw, held.failures = handle, 0
    return True


def _direct(blas: ctypes.CDLL, device: Device, handle: Any, stream: int) -> bool:
    """Gives the handle a stream, and memory to work in: its own would be all streams' alike, and
    in a capture it would allocate."""
    status = blas.cublasSetStream_v2(handle, stream)
    give = getattr(blas, "cublasSetWorkspace_v2", None)
    if give is not None and not status:
        try:
            workspace = _workspace(device, stream)
        except OutOfMemoryError:
            return False
        status = give(handle, workspace.ptr, workspace.nbytes)
    if status:
        _tell(device, "cublasSetStream", status)
    return not status


def _workspace(device: Device, stream: int) -> Buffer:
    """Memory for cuBLAS: each stream has its own, and each captured graph."""
    nbytes = LARGE_WORKSPACE if device.properties.compute_capability >= (9, 0) else WORKSPACE
    graph = current.capture
    if graph is not None:
        kept: Buffer = graph.workspace(nbytes)
        return kept
    key = (device.index, stream)
    found = _workspaces.get(key)
    if found is None:
        found = _workspaces[key] = device.allocate(nbytes)
    return found


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


class Numbers(NamedTuple):
    """How cuBLAS multiplies one dtype: its function, and factors in the dtype."""

    function: str
    one: Any
    zero: Any


_NUMBERS: Final = {
    float32: Numbers("cublasSgemmStridedBatched", ctypes.c_float(1), ctypes.c_float(0)),
    float64: Numbers("cublasDgemmStridedBatched", ctypes.c_double(1), ctypes.c_double(0)),
}


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
    if p.dtype not in _NUMBERS or k == 0 or m * n * k < SMALLEST or too_large:
        return None
    if min(m, n) == 1:
        return None  # of a matrix and a vector: our own reads the matrix once, and adds the bias
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
    function, one, zero = _NUMBERS[p.dtype]
    gemm = getattr(blas, function)
    kept = zero if fill is None else one
    if fill is not None:
        fill()
    batches, m, n, k = p.sizes
    failed = gemm(
        handle, found.right[0], found.left[0], n, m, k, ctypes.byref(one),
        b, found.right[1], p.b[0], a, found.left[1], p.a[0], ctypes.byref(kept),
        out, found.leading, p.out[0], batches,
    )  # fmt: skip
    if failed:
        _tell(device, function.removesuffix("StridedBatched"), failed)
    return not failed
