"""Inverses, solutions and determinants of square matrices. Derivatives are those of PyTorch."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from corex.ops.composed import composition
from corex.ops.host import host_op
from corex.ops.linalg import lapack, results
from corex.ops.linalg.factor import in_columns, transposed
from corex.ops.linalg.matmul import matmul
from corex.ops.linalg.matrices import (
    SINGULAR,
    SINGULAR_INVERSE,
    batched,
    info_of,
    matrices,
    real_of,
    refuse,
    same_dtype,
    square,
)
from corex.ops.linalg.triangles import solved, triangle
from corex.ops.shape.views import expand
from corex.tensor.tensor import Tensor

# ---- inverses ----------------------------------------------------------------------------------
_INV = host_op(
    "linalg_inv_ex", ("a",), lapack.inv, lambda a: [(a.shape, a.key.dtype), info_of(a)],
    {"a": lambda g, y: -matmul(y.mT, matmul(g, y.mT))},
    columns=(0,), label="LinalgInvExBackward0",
)  # fmt: skip


def inv_ex(A: Tensor, *, check_errors: bool = False) -> results.linalg_inv_ex:
    """As `inv`, with the number of the zero pivot (or 0) instead of an error.

    Raises:
        RuntimeError: no square floating-point matrices; LinAlgError with `check_errors`.
    """
    found, info = _INV(square("linalg.inv", A))
    if check_errors:
        refuse(info, "linalg.inv", SINGULAR_INVERSE)
    return results.linalg_inv_ex(found, info)


def inv(A: Tensor) -> Tensor:
    """The inverses of square matrices (*, n, n).

    Raises:
        LinAlgError: singular. RuntimeError: not square, or not floating point.
    """
    return inv_ex(A, check_errors=True).inverse


# ---- solutions ---------------------------------------------------------------------------------
def _solve_steps(a: Any, b: Any, vector: bool) -> Any:
    if not vector:
        return lapack.solve(a, b)
    found, info = lapack.solve(a, b[..., None])
    return found[..., 0], info


def _solve_back(
    needs: tuple[bool, ...], g: Tensor, a: Tensor, y: Tensor, vector: bool
) -> list[Tensor | None]:
    of_b = _SOLVE(a.mT, g, vector)[0]
    if not needs[0]:
        return [None, of_b]
    if vector:
        return [-(of_b.unsqueeze(-1) * y.unsqueeze(-2)), of_b]
    return [-matmul(of_b, y.mT), of_b]


_SOLVE = host_op(
    "linalg_solve_ex", ("a", "b"), _solve_steps,
    lambda a, b, vector: [(b.shape, b.key.dtype), info_of(a)],
    joint=_solve_back, params=("vector",), columns=(0,), label="LinalgSolveExBackward0",
)  # fmt: skip


def solve_ex(
    A: Tensor, B: Tensor, *, left: bool = True, check_errors: bool = False
) -> results.linalg_solve_ex:
    """As `solve`, with the number of the zero pivot (or 0) instead of an error.

    Raises:
        RuntimeError: shapes that do not align; LinAlgError with `check_errors`.
    """
    op = "linalg.solve"
    square(op, A)
    same_dtype(op, A, B)
    vector = B.ndim == 1 or (A.ndim - 1 == B.ndim and B.shape == A.shape[:-1])
    if vector and not left:
        raise RuntimeError(
            "linalg.solve: Vector broadcasting of the left hand side is not supported for "
            "left=False. In this case linalg.solve is equivalent to B / A.squeeze(-1)"
        )
    if vector:
        if B.shape[-1] != A.shape[-1]:
            raise _unaligned(op, A, B.unsqueeze(-1), left)
        b = expand(B, A.shape[:-1])
        found, info = _SOLVE(A, b, True)
    else:
        matrices(op, B, "B")
        if A.shape[-1] != B.shape[-2 if left else -1]:
            raise _unaligned(op, A, B, left)
        a, b = batched(op, A, B)
        found, info = _SOLVE(a, b, False) if left else _SOLVE(a.mT, b.mT, False)
        found = found if left else transposed(found)
    if check_errors:
        refuse(info, "linalg.solve", SINGULAR)
    return results.linalg_solve_ex(found, info)


def _unaligned(op: str, a: Tensor, b: Tensor, left: bool) -> RuntimeError:
    return RuntimeError(
        f"{op}: Incompatible shapes of A and B for the equation {'AX = B' if left else 'XA = B'} "
        f"({a.shape[-2]}x{a.shape[-1]} and {b.shape[-2]}x{b.shape[-1]})"
    )


def solve(A: Tensor, B: Tensor, *, left: bool = True) -> Tensor:
    """X of A @ X = B (X @ A = B, if not `left`), of square matrices A (*, n, n) and B (*, n, k) or
    (*, n).

    Raises:
        LinAlgError: singular. RuntimeError: shapes that do not align, or other dtypes.
    """
    return solve_ex(A, B, left=left, check_errors=True).result


# ---- determinants ------------------------------------------------------------------------------
def _cofactors_back(g: Tensor, a: Tensor) -> Tensor:
    """The derivative of det(A) A^-T, of matrices that have an inverse."""
    inverse = inv_ex(a).inverse.mT
    size = _wide(_DET(a))
    return size * (_wide((g * inverse).sum((-2, -1))) * inverse - _around(inverse, g))


def _around(inverse: Tensor, g: Tensor) -> Tensor:
    return matmul(matmul(inverse, g.mT), inverse)


def _wide(t: Tensor) -> Tensor:
    return t.unsqueeze(-1).unsqueeze(-1)


_COFACTORS = host_op(
    "linalg_cofactors", ("a",), lapack.cofactors, lambda a: [(a.shape, a.key.dtype)],
    {"a": _cofactors_back},
)  # fmt: skip
_DET = host_op(
    "linalg_det", ("a",), lambda a: np.asarray(np.linalg.det(a)),
    lambda a: [(a.shape[:-2], a.key.dtype)],
    {"a": lambda g, a: _wide(g) * _COFACTORS(a)}, label="LinalgDetBackward0",
)  # fmt: skip


def det(A: Tensor) -> Tensor:
    """The determinants of square matrices (*, n, n). Its derivative is that of singular matrices,
    too; the second one needs an inverse.

    Raises:
        RuntimeError: not square, or not floating point.
    """
    found: Tensor = _DET(square("linalg.det", A))
    return found


def _slogdet_steps(a: Any) -> Any:
    sign, size = np.linalg.slogdet(a)
    return np.asarray(sign), np.asarray(size)


def _slogdet_back(g: list[Tensor | None], a: Tensor, y: Tensor) -> Tensor | None:
    """(gL + i Im(gS conj S)) A^-H: only complex signs change, by their angle."""
    slope = g[1]
    if g[0] is not None and y.key.dtype.is_complex:
        turn = (g[0] * y.conj()).imag * 1j
        slope = turn if slope is None else slope + turn
    if slope is None:
        return None
    return _wide(slope) * inv_ex(a).inverse.mH


_SLOGDET = host_op(
    "linalg_slogdet", ("a",), _slogdet_steps,
    lambda a: [(a.shape[:-2], a.key.dtype), (a.shape[:-2], real_of(a))],
    {"a": _slogdet_back}, outputs=2, label="LinalgSlogdetBackward0", analytic=False,
)  # fmt: skip


def slogdet(A: Tensor) -> results.linalg_slogdet:
    """Sign (z / |z|) and logarithm of the absolute value of determinants: 0 and -inf of singular
    matrices.

    Raises:
        RuntimeError: not square, or not floating point.
    """
    return results.linalg_slogdet(*_SLOGDET(square("linalg.slogdet", A)))


def logdet(input: Tensor) -> Tensor:
    """The logarithm of determinants; NaN of negative ones."""
    sign, size = _SLOGDET(square("logdet", input))
    if sign.key.dtype.is_complex:
        return sign.log() + size  # type: ignore[no-any-return]
    return size.where(sign != -1, float("nan"))  # type: ignore[no-any-return]


# ---- the older ones ----------------------------------------------------------------------------
def cholesky_solve(input: Tensor, L: Tensor, upper: bool = False) -> Tensor:
    """X of (L @ L^H) @ X = input; L is L^H if `upper`.

    Raises:
        RuntimeError: shapes that do not align.
    """
    matrices("cholesky_solve", input, "B")
    square("cholesky_solve", L)
    same_dtype("cholesky_solve", input, L)
    if L.shape[-1] != input.shape[-2]:
        raise RuntimeError(
            f"Incompatible matrix sizes for cholesky_solve: each A matrix is {L.shape[-1]} by "
            f"{L.shape[-1]} but each b matrix is {input.shape[-2]} by {input.shape[-1]}"
        )
    a, b = batched("cholesky_solve", L, input)
    return _CHOLESKY_SOLVE(b, a, bool(upper))


def _cholesky_steps(b: Tensor, a: Tensor, upper: bool) -> Tensor:
    lower = triangle(a.mH if upper else a, False)
    return solved(lower.mH, solved(lower, b, False), True)


def _of_right(g: Tensor, a: Tensor, upper: bool) -> Tensor:
    return _CHOLESKY_SOLVE(g, a, upper)


def _of_factor(g: Tensor, a: Tensor, y: Tensor, upper: bool) -> Tensor:
    product = matmul(_CHOLESKY_SOLVE(g, a, upper), y.mH)
    both = product + product.mH
    return -matmul(a, both) if upper else -matmul(both, a)


_CHOLESKY_SOLVE: Callable[..., Tensor] = composition(
    "cholesky_solve", ("b", "a"), _cholesky_steps,
    {"b": _of_right, "a": _of_factor},
    ("upper",), broadcasts=False, analytic=False,
)  # fmt: skip


def cholesky_inverse(input: Tensor, upper: bool = False) -> Tensor:
    """The inverse of L @ L^H; L is L^H if `upper`.

    Raises:
        RuntimeError: not square.
    """
    square("cholesky_inverse", input)
    eye = expand(input.new_ones((input.shape[-1],)).diag_embed(), input.shape)
    return cholesky_solve(eye, input, upper)


def triangular_solve(
    b: Tensor, A: Tensor, upper: bool = True, transpose: bool = False, unitriangular: bool = False
) -> results.triangular_solve:
    """X of A @ X = b for a triangle of A (A^T, if `transpose`), and a copy of A.

    Raises:
        RuntimeError: shapes that do not align.
    """
    matrices("triangular_solve", b, "b")
    square("triangular_solve", A)
    same_dtype("triangular_solve", b, A)
    if A.shape[-1] != b.shape[-2]:
        raise RuntimeError(
            f"Incompatible matrix sizes for triangular_solve: each A matrix is {A.shape[-1]} by "
            f"{A.shape[-1]} but each b matrix is {b.shape[-2]} by {b.shape[-1]}"
        )
    a, right = batched("triangular_solve", A, b)
    if transpose:
        found = solved(a.mT, right, not upper, unit=unitriangular)
    else:
        found = solved(a, right, upper, unit=unitriangular)
    return results.triangular_solve(found, in_columns(a))
