"""The backend object: a thin layer over the extension module `corex_cpu_c._native`.

Direct kernels
--------------
`direct(op, dtype)` exists for every elementwise op of one or two operands, the backward ops
`sigmoid_backward`, `tanh_backward`, `relu_backward` and `silu_backward` (operands g, y) among them,
called as `(shape, buffer, offset)` or `(shape, buffer, offset, buffer, offset)`. An operand is a
dense row-major array of `shape`, or a Python number, whose offset is ignored. The result is a new
buffer, of bool where the op gives bool. These exist besides, on dense operands: `matmul` and `sum`
for numbers, the rest for floats.

- `matmul(out_shape, a, a_offset, a_shape, b, b_offset, b_shape)`: 2-d times 2-d.
- `linear(out_shape, a, a_offset, a_shape, w, w_offset, w_shape, bias or None, bias_offset)`
- `linear_backward(needs, g, g_offset, g_shape, a, a_offset, a_shape, w, w_offset, w_shape)`:
  the gradients of a, w and bias, as a tuple of buffers; None where `needs` (three bools) says so.
- `sum(shape, a, a_offset)`, `mean(...)`: over all elements; the result is 0-d.
- `variance((rows, n), a, a_offset, freedom)`: of each row the squared deviations from its mean,
  summed and divided by `freedom`; the result is float64, whatever the operand.
- `mse_loss(shape, a, a_offset, b, b_offset)`: the result is 0-d.
- `mse_loss_backward(shape, g, g_offset, a, a_offset, b, b_offset)`: g is 0-d.
- `sgd_step(params, grads, shapes, lr, weight_decay, maximize)`: three lists, buffers (from offset
  0) and shapes; without momentum, in place, returns None.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import ClassVar

from corex.backend import Backend, Buffer, DirectKernel, Kernel, KernelChoice, OutOfMemoryError
from corex.dtypes import BY_NAME, DType
from corex_cpu_c import _native

__all__ = ["CpuCBackend"]


def _blas_candidates() -> Iterator[tuple[Path, bool]]:
    """Shared libraries that may hold a CBLAS, and whether they are ours alone: our own copy first,
    then NumPy's."""
    for path in sorted((Path(__file__).parent / "vendor").glob("lib*openblas*")):
        yield path, True
    for folder in sys.path:
        site = Path(folder or ".")
        for path in sorted((site / "numpy.libs").glob("lib*openblas*")):
            yield path, False
        for path in sorted((site / "numpy" / ".dylibs").glob("lib*openblas*")):
            yield path, False


def _load_blas() -> None:
    for path, ours in _blas_candidates():
        if _native.blas_load(str(path), ours):
            return


class CpuCBackend(Backend):
    """Memory from a caching allocator, kernels in C with a thread pool of their own."""

    name: ClassVar[str] = "cpu_c"
    device_type: ClassVar[str] = "cpu"

    def __init__(self) -> None:
        self.kernels: Mapping[str, Kernel] = _native.setup(BY_NAME, OutOfMemoryError)
        _load_blas()
        # The builtin itself: allocation is part of every op.
        self.allocate = _native.allocate  # type: ignore[method-assign]

    # ---- memory ----
    def nbytes(self, buffer: Buffer) -> int:
        """The size in bytes."""
        return int(buffer.nbytes)

    def copy_from_host(self, buffer: Buffer, start: int, source: memoryview) -> None:
        """Copies bytes into the buffer."""
        _native.copy_bytes(buffer, start, source, True)

    def copy_to_host(self, buffer: Buffer, start: int, target: memoryview) -> None:
        """Copies bytes out of the buffer."""
        _native.copy_bytes(buffer, start, target, False)

    def host_view(self, buffer: Buffer) -> memoryview | None:
        """The buffer's bytes themselves."""
        return memoryview(buffer)

    def wrap_host(self, data: memoryview) -> Buffer | None:
        """A buffer over the given bytes; kernels refuse to write to it if `data` is read-only."""
        return _native.wrap(data)

    def data_ptr(self, buffer: Buffer) -> int:
        """The address of the first byte."""
        return int(buffer.ptr)

    def memory_stats(self, device: int) -> dict[str, int]:
        """The allocator's counters."""
        stats: dict[str, int] = _native.memory_stats()
        return stats

    def empty_cache(self, device: int) -> None:
        """Returns cached memory to the system."""
        _native.empty_cache()

    def set_cache_limit(self, nbytes: int) -> None:
        """Keeps at most this many unused bytes for reuse."""
        _native.set_cache_limit(nbytes)

    # ---- kernels ----
    def select(self, op: str, dtypes: tuple[DType, ...]) -> KernelChoice | None:
        """The kernel for `op`, where it takes these dtypes."""
        kernel = self.kernels.get(op)
        if kernel is None or not _native.takes(op, dtypes):
            return None
        return KernelChoice(kernel, numbers=kernel.numbers)  # type: ignore[attr-defined]

    def direct(self, op: str, dtype: DType) -> DirectKernel | None:
        """The short cut for `op`, if there is one."""
        kernel: DirectKernel | None = _native.direct(op, dtype)
        return kernel

    # ---- threads and libraries ----
    def get_num_threads(self) -> int:
        """How many threads a kernel may use."""
        return int(_native.get_num_threads())

    def set_num_threads(self, count: int) -> None:
        """Sets how many threads a kernel may use, matrix products among them."""
        _native.set_num_threads(count)

    def blas_info(self) -> dict[str, str]:
        """The BLAS in use: `name` ("none": our own kernels) and `path`."""
        info: dict[str, str] = _native.blas_info()
        return info
