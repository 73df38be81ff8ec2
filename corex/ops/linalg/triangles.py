"""Triangular solves, and what is made of them."""

from __future__ import annotations

from corex.ops.host import host_op
from corex.ops.linalg import lapack
from corex.ops.linalg.matmul import matmul
from corex.ops.linalg.matrices import batched, matrices, same_dtype, square
from corex.ops.shape.parts import diagonal
from corex.tensor.tensor import Tensor


def triangle(t: Tensor, upper: bool, offset: int = 0) -> Tensor:
    """The upper part of matrices, or the lower one; `offset` diagonals further in."""
    return t.triu(offset) if upper else t.tril(-offset)


def halved(t: Tensor) -> Tensor:
    """t + t^H with a diagonal that was added once, the real part of the one that there is."""
    once = diagonal(t, 0, -2, -1)
    return t + t.mH - (once.real if once.key.dtype.is_complex else once).diag_embed()


def _back(
    needs: tuple[bool, ...], g: Tensor, a: Tensor, y: Tensor, upper: bool, left: bool, unit: bool
) -> list[Tensor | None]:
    of_b = TRIANGULAR(a.mT, g, not upper, left, unit)
    if not needs[0]:
        return [None, of_b]
    product = matmul(of_b, y.mT) if left else matmul(y.mT, of_b)
    return [-triangle(product, upper, int(unit)), of_b]


TRIANGULAR = host_op(
    "linalg_solve_triangular", ("a", "b"), lapack.solve_triangular,
    lambda a, b, *params: [(b.shape, b.key.dtype)],
    joint=_back, params=("upper", "left", "unit"), columns=(0,),
    label="LinalgSolveTriangularBackward0",
)  # fmt: skip


def solve_triangular(
    A: Tensor, B: Tensor, *, upper: bool, left: bool = True, unitriangular: bool = False
) -> Tensor:
    """X of A @ X = B (X @ A = B, if not `left`) of triangular matrices A, of shapes (*, n, n) and
    (*, n, k); only their triangle is read, with ones on the diagonal if `unitriangular`.

    Raises:
        RuntimeError: shapes that do not align, or other dtypes than one floating-point one.
    """
    op = "linalg.solve_triangular"
    square(op, A)
    matrices(op, B, "B")
    same_dtype(op, A, B)
    if A.shape[-1] != B.shape[-2 if left else -1]:
        raise RuntimeError(
            f"{op}: Incompatible shapes of A and B for the equation "
            f"{'AX = B' if left else 'XA = B'} ({A.shape[-2]}x{A.shape[-1]} and "
            f"{B.shape[-2]}x{B.shape[-1]})"
        )
    a, b = batched(op, A, B)
    return solved(a, b, upper, left, unitriangular)


def solved(a: Tensor, b: Tensor, upper: bool, left: bool = True, unit: bool = False) -> Tensor:
    """`solve_triangular` of fitting operands."""
    found: Tensor = TRIANGULAR(a, b, bool(upper), bool(left), bool(unit))
    return found
