"""The backend object: the table that the extension module `corex_cpu_c._native` hands to corex.

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
from collections.abc import Iterator
from pathlib import Path
from typing import ClassVar

from corex.backend import CBackend
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


class CpuCBackend(CBackend):
    """Memory from a caching allocator, kernels in C with a thread pool of their own."""

    name: ClassVar[str] = "cpu_c"
    device_type: ClassVar[str] = "cpu"

    def __init__(self) -> None:
        super().__init__(_native.table)
        _load_blas()

    def set_cache_limit(self, nbytes: int) -> None:
        """Keeps at most this many unused bytes for reuse."""
        _native.set_cache_limit(nbytes)

    def blas_info(self) -> dict[str, str]:
        """The BLAS in use: `name` ("none": our own kernels) and `path`."""
        info: dict[str, str] = _native.blas_info()
        return info
