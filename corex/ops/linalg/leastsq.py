"""Least squares by the pseudo-inverse, as LAPACK's drivers that find ranks do."""

from __future__ import annotations

from typing import Any

from corex import dtypes as dt
from corex.dispatch.views import transformed
from corex.layout import numel
from corex.ops.linalg import results
from corex.ops.linalg.factor import in_columns, transposed
from corex.ops.linalg.matmul import matmul
from corex.ops.linalg.matrices import batched, matrices, same_dtype
from corex.ops.linalg.spectral import matrix_rank, pinv, svdvals
from corex.ops.shape.pad import pad
from corex.ops.shape.parts import SLICE
from corex.tensor.tensor import Tensor

_DRIVERS = ("gels", "gelsy", "gelsd", "gelss")


def lstsq(
    A: Tensor, B: Tensor, rcond: Any = None, *, driver: str | None = None
) -> results.linalg_lstsq:
    """X that makes the norm of A @ X - B smallest, and is smallest itself: (*, m, n) and (*, m, k)
    give (*, n, k). Singular values of at most `rcond` times the largest count as zero.

    The sums of squared residuals are there if A has full rank and more rows than columns, and the
    driver is not 'gelsy'; the ranks, unless the driver is 'gels', which supposes full rank; the
    singular values, if it is 'gelsd' or 'gelss'.

    Raises:
        RuntimeError: shapes that do not align, other dtypes, or another driver.
    """
    op = "linalg.lstsq"
    matrices(op, A, "input")
    if not B.ndim:
        raise RuntimeError(f"{op}: other must have at least 1 dimension")
    if not 0 <= A.ndim - B.ndim <= 1:
        raise RuntimeError(
            f"{op}: input.dim() must be greater or equal to other.dim() and "
            f"(input.dim() - other.dim()) <= 1"
        )
    same_dtype(op, A, B)
    name = "gelsy" if driver is None else driver
    if name not in _DRIVERS:
        raise RuntimeError(f"{op}: parameter `driver` should be one of (gels, gelsy, gelsd, gelss)")
    vector = A.ndim - 1 == B.ndim and B.shape == A.shape[:-1]
    b = B.unsqueeze(-1) if vector else B
    if b.ndim < 2 or b.shape[-2] != A.shape[-2]:
        raise RuntimeError(f"{op}: input.size(-2) should match other.size(-2)")
    a, b = batched(op, A, b)
    bound = dt.finfo(a.key.dtype).eps * max(a.shape[-2:]) if rcond is None else rcond
    inverse = pinv(a, rtol=0.0 if name == "gels" else bound)
    solution = _first_rows(matmul(inverse, b), a.shape[-2])
    nothing, no_ranks = a.real.new_empty((0,)), a.real.new_empty((0,)).long()
    full = a.detach()
    rank = no_ranks if name == "gels" else matrix_rank(full, rtol=bound)
    if not numel(b.shape):  # there is nothing to be solved
        rank = rank.new_zeros(rank.shape)
    values = svdvals(full) if name in ("gelsd", "gelss") else nothing
    residuals = solution.real.reshape((-1,))[:0].clone()  # empty, but a function of A and B
    m, n = a.shape[-2:]
    full_rank = name == "gels" or (name != "gelsy" and bool((rank == n).all().item()))
    if m > n and numel(a.shape) and full_rank:
        difference = matmul(a, solution) - b
        sizes = abs(difference)
        residuals = (sizes * sizes).sum(-2)
    return results.linalg_lstsq(
        solution.squeeze(-1) if vector else solution, residuals, rank, values
    )


def _first_rows(solution: Tensor, rows: int) -> Tensor:
    """The solution laid out as LAPACK leaves it: in columns, as the first rows of B's memory."""
    missing = rows - solution.shape[-2]
    if missing <= 0:
        return in_columns(solution)
    wide = pad(solution.mT, (0, missing))
    return transposed(transformed(SLICE, wide, (wide.ndim - 1, 0, rows - missing, 1)))
