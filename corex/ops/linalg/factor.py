"""Factorisations: Cholesky, LU, QR and its reflectors. Derivatives are those of PyTorch."""

from __future__ import annotations

from typing import Any

from corex import dtypes as dt
from corex.layout import numel
from corex.ops.host import host_op
from corex.ops.linalg import lapack, results
from corex.ops.linalg.matmul import matmul
from corex.ops.linalg.matrices import (
    NOT_POSITIVE,
    Spec,
    batched,
    info_of,
    matrices,
    refuse,
    same_dtype,
    square,
)
from corex.ops.linalg.triangles import halved, solved
from corex.ops.shape.join import cat
from corex.ops.shape.views import relaid
from corex.tensor.tensor import Tensor


# ---- Cholesky ----------------------------------------------------------------------------------
def _cholesky_back(g: Tensor, y: Tensor, upper: bool) -> Tensor:
    """L^-H ((X + X^H - diag X) / 2) L^-1, where X is the lower triangle of L^H g."""
    factor, slope = (y.mH, g.mH) if upper else (y, g)
    inner = matmul(factor.mH, slope).tril()
    inner = (inner + inner.tril(-1).mH) * 0.5
    return solved(factor, solved(factor.mH, inner, True), False, left=False)


_CHOLESKY = host_op(
    "linalg_cholesky_ex", ("a",), lapack.cholesky,
    lambda a, upper: [(a.shape, a.key.dtype), info_of(a)],
    {"a": _cholesky_back}, ("upper",), columns=(0,), label="LinalgCholeskyExBackward0",
    analytic=False,
)  # fmt: skip


def cholesky_ex(
    A: Tensor, *, upper: bool = False, check_errors: bool = False
) -> results.linalg_cholesky_ex:
    """As `cholesky`, with the order of the first leading minor that is not positive-definite (or
    0) instead of an error.

    Raises:
        RuntimeError: no square floating-point matrices; LinAlgError with `check_errors`.
    """
    factor, info = _CHOLESKY(square("linalg.cholesky", A), bool(upper))
    if check_errors:
        refuse(info, "linalg.cholesky", NOT_POSITIVE)
    return results.linalg_cholesky_ex(factor, info)


def cholesky(A: Tensor, *, upper: bool = False) -> Tensor:
    """L with A = L @ L^H, of Hermitian positive-definite matrices (*, n, n); L^H if `upper`.

    Raises:
        LinAlgError: not positive-definite. RuntimeError: not square, or not floating point.
    """
    return cholesky_ex(A, upper=upper, check_errors=True).L


# ---- LU ----------------------------------------------------------------------------------------
def _permutation_shape(pivots: Tensor, rows: int, dtype: str) -> list[Spec]:
    return [((*pivots.shape[:-1], rows, rows), dt.BY_NAME[dtype])]


_PERMUTATION = host_op(
    "lu_permutation", ("pivots",), lapack.permutations, _permutation_shape,
    params=("rows", "dtype"),
)  # fmt: skip


def permutation(lu: Tensor, pivots: Tensor) -> Tensor:
    """P of A = P @ L @ U."""
    dtype = lu.key.dtype
    made = dtype if dtype.compute is None else dtype.compute  # which NumPy has
    found: Tensor = _PERMUTATION(pivots, lu.shape[-2], made.name)
    return found if made is dtype else found.to(dtype)


def lower_of(lu: Tensor) -> Tensor:
    """L of L @ U, with ones on its diagonal."""
    k = min(lu.shape[-2:])
    ones = lu.new_ones((k,))
    return lu[..., :k].tril(-1) + ones.diag_embed() if lu.shape[-2] == k else _tall(lu, ones)


def _tall(lu: Tensor, ones: Tensor) -> Tensor:
    below = lu.new_zeros((lu.shape[-2] - ones.shape[0], ones.shape[0]))
    return lu.tril(-1) + cat([ones.diag_embed(), below], 0)


def upper_of(lu: Tensor) -> Tensor:
    """U of L @ U."""
    return lu[..., : min(lu.shape[-2:]), :].triu()


def _lu_back(g: Tensor, y: Tensor, y1: Tensor) -> Tensor:
    k = min(y.shape[-2:])
    lower, upper = lower_of(y), upper_of(y)
    of_lower, of_upper = g[..., :k].tril(-1), g[..., :k, :].triu()
    square_lower, square_upper = lower[..., :k, :], upper[..., :k]
    left = matmul(square_lower.mT, of_lower[..., :k, :])
    right = matmul(of_upper[..., :k], square_upper.mT)
    parts = []
    if y.shape[-1] > k:  # what lies right of the square: U2 = L^-1 P^T A2
        slope = of_upper[..., k:]
        left = left - matmul(slope, upper[..., k:].mT)
        parts.append(solved(square_lower.mT, slope, True, unit=True))
    if y.shape[-2] > k:  # what lies below it: L2 = (P^T A)2 U^-1
        slope = of_lower[..., k:, :]
        right = right - matmul(lower[..., k:, :].mT, slope)
        parts.append(solved(square_upper.mT, slope, False, left=False))
    inner = left.tril(-1) + right.triu()
    inner = solved(square_lower.mT, inner, True, unit=True)
    inner = solved(square_upper.mT, inner, False, left=False)
    whole = cat([inner, *parts], -1 if y.shape[-1] > k else -2) if parts else inner
    return matmul(permutation(y, y1), whole)


def _lu_specs(a: Tensor) -> list[Spec]:
    pivots = (*a.shape[:-2], min(a.shape[-2:])), dt.int32
    return [(a.shape, a.key.dtype), pivots, info_of(a)]


_LU = host_op(
    "linalg_lu_factor_ex", ("a",), lapack.lu, _lu_specs, {"a": _lu_back},
    columns=(0,), label="LinalgLuFactorExBackward0",
)  # fmt: skip


def _pivoted(pivot: bool, op: str) -> None:
    if not pivot:
        raise RuntimeError(f"{op}: LU without pivoting is not implemented on the CPU")


def lu_factor_ex(
    A: Tensor, *, pivot: bool = True, check_errors: bool = False
) -> results.linalg_lu_factor_ex:
    """As `lu_factor`, with the number of the first zero pivot (or 0).

    Raises:
        RuntimeError: no floating-point matrices, or no pivots; LinAlgError with `check_errors`.
    """
    matrices("linalg.lu_factor_ex", A)
    _pivoted(pivot, "linalg.lu_factor")
    factors, pivots, info = _LU(A)
    if check_errors:
        refuse(info, "linalg.lu_factor_ex", _ZERO_PIVOT)
    return results.linalg_lu_factor_ex(factors, pivots, info)


_ZERO_PIVOT = "U[{0},{0}] is zero and using it on lu_solve would result in a division by zero."


def lu_factor(A: Tensor, *, pivot: bool = True) -> results.linalg_lu_factor:
    """L below the diagonal of one matrix and U above it, and the rows swapped, counted from 1.

    Raises:
        RuntimeError: no floating-point matrices, or no pivots.
    """
    found = lu_factor_ex(A, pivot=pivot)
    return results.linalg_lu_factor(found.LU, found.pivots)


def lu(A: Tensor, *, pivot: bool = True) -> results.linalg_lu:
    """P, L and U with A = P @ L @ U: (*, m, m), (*, m, k) and (*, k, n), k the smaller of m and n.

    Raises:
        RuntimeError: no floating-point matrices, or no pivots.
    """
    matrices("linalg.lu", A)
    _pivoted(pivot, "linalg.lu_factor")
    factors, pivots, _ = _LU(A)
    return results.linalg_lu(permutation(factors, pivots), lower_of(factors), upper_of(factors))


def lu_unpack(
    LU_data: Tensor, LU_pivots: Tensor, unpack_data: bool = True, unpack_pivots: bool = True
) -> results.lu_unpack:
    """P, L and U of what `lu_factor` gives; empty, what is not to be unpacked.

    Raises:
        RuntimeError: pivots that are not int32.
    """
    matrices("lu_unpack", LU_data, "LU_data")
    if unpack_pivots and LU_pivots.key.dtype is not dt.int32:
        raise RuntimeError(
            "lu_unpack: LU_pivots is expected to be a contiguous tensor of int32 dtype."
        )
    nothing = LU_data.new_empty((0,))
    return results.lu_unpack(
        permutation(LU_data, LU_pivots) if unpack_pivots else nothing,
        lower_of(LU_data) if unpack_data else nothing,
        upper_of(LU_data) if unpack_data else nothing,
    )


def lu_solve(
    LU: Tensor, pivots: Tensor, B: Tensor, *, left: bool = True, adjoint: bool = False
) -> Tensor:
    """X of A @ X = B, by the factors of A that `lu_factor` gives; A^H if `adjoint`, X @ A = B if
    not `left`.

    Raises:
        RuntimeError: shapes that do not align.
    """
    op = "linalg.lu_solve"
    square(op, LU, "LU")
    matrices(op, B, "B")
    same_dtype(op, LU, B)
    if pivots.key.dtype is not dt.int32:
        raise RuntimeError(f"{op}: pivots should be a Tensor of scalar type int32")
    if LU.shape[:-1] != pivots.shape:
        raise RuntimeError(
            f"{op}: Expected LU.shape[:-1] and pivots.shape to be the same, but got pivots with "
            f"shape {list(pivots.shape)} for LU with shape {list(LU.shape)}"
        )
    if LU.shape[-1] != B.shape[-2 if left else -1]:
        raise RuntimeError(
            f"{op}: Incompatible shapes of A and B for the equation "
            f"{'AX = B' if left else 'XA = B'} ({LU.shape[-2]}x{LU.shape[-1]} and "
            f"{B.shape[-2]}x{B.shape[-1]})"
        )
    swaps = permutation(LU, pivots)
    a, b = batched(op, LU.conj() if adjoint else LU, B if left else B.mT)
    if left is not adjoint:
        found = solved(a, solved(a, matmul(swaps.mT, b), False, unit=True), True)
    else:
        found = solved(a.mT, solved(a.mT, b, False), True, unit=True)
        found = in_columns(matmul(swaps, found))
    return found if left else transposed(found)


# ---- QR ----------------------------------------------------------------------------------------
def _qr_back(g: list[Tensor | None], y: Tensor, y1: Tensor, mode: str) -> Tensor:
    """PyTorch's formula; of wide matrices, R2 = Q^H A2 beside the square that Q comes from."""
    if mode == "r":
        raise RuntimeError(
            "The derivative of linalg.qr depends on Q, which is not computed when mode='r'. Please "
            "use linalg.qr(A, mode='reduced') if you are going to differentiate through linalg.qr."
        )
    q, r, (of_q, of_r) = y, y1, g
    m, n = q.shape[-2], r.shape[-1]
    if mode == "complete" and m > n:
        raise RuntimeError(
            "The QR decomposition is not differentiable when mode='complete' and nrows > ncols."
        )
    of_q = q.new_zeros(q.shape) if of_q is None else of_q
    of_r = r.new_zeros(r.shape) if of_r is None else of_r
    if m >= n:
        return _tall_qr_back(of_q, of_r, q, r)
    beside = matmul(q, of_r[..., m:])
    of_q = of_q + matmul(matmul(q, r[..., m:]), of_r[..., m:].mH)
    return cat([_tall_qr_back(of_q, of_r[..., :m], q, r[..., :m]), beside], -1)


def _tall_qr_back(of_q: Tensor, of_r: Tensor, q: Tensor, r: Tensor) -> Tensor:
    inner = halved((matmul(of_r, r.mH) - matmul(q.mH, of_q)).triu())
    return solved(r.mH, matmul(q, inner) + of_q, False, left=False)


def _qr_specs(a: Tensor, mode: str) -> list[Spec]:
    (*batch, m, n), dtype = a.shape, a.key.dtype
    k = min(m, n) if mode != "complete" else m
    q = (0,) if mode == "r" else (*batch, m, k)
    return [(q, dtype), ((*batch, k, n), dtype)]


_QR = host_op(
    "linalg_qr", ("a",), lapack.qr, _qr_specs, {"a": _qr_back}, ("mode",),
    outputs=2, columns=(0, 1), label="LinalgQrBackward0", analytic=False,
)  # fmt: skip


def qr(A: Tensor, mode: str = "reduced") -> results.linalg_qr:
    """Q and R with A = Q @ R, Q's columns orthonormal; mode 'reduced', 'complete', or 'r' for R
    alone.

    Raises:
        RuntimeError: no floating-point matrices, or another mode.
    """
    matrices("linalg.qr", A)
    if mode not in ("reduced", "complete", "r"):
        raise RuntimeError(
            f"qr received unrecognized mode '{mode}' but expected one of 'reduced' (default), 'r', "
            f"or 'complete'"
        )
    return results.linalg_qr(*_QR(A, mode))


def _reflector_specs(a: Tensor) -> list[Spec]:
    return [(a.shape, a.key.dtype), ((*a.shape[:-2], min(a.shape[-2:])), a.key.dtype)]


def _no_derivative(g: Any) -> Any:
    raise NotImplementedError("the derivative for 'geqrf' is not implemented.")


_GEQRF = host_op(
    "geqrf", ("a",), lapack.geqrf, _reflector_specs, {"a": _no_derivative},
    outputs=2, columns=(0,),
)  # fmt: skip


def geqrf(input: Tensor) -> results.geqrf:
    """R above the diagonal and, below, the reflectors whose product is Q, and their factors."""
    a, tau = _GEQRF(matrices("geqrf", input, "input"))
    return results.geqrf(a, tau)


def _reflected(vectors: Tensor, tau: Tensor) -> tuple[Tensor, Tensor]:
    """V and T of the product of reflectors, I - V T V^H: T^-1 = diag(1 / tau) + striu(V^H V)."""
    k = tau.shape[-1]
    v = lower_of(vectors[..., :k])
    scaled = tau.unsqueeze(-1) * matmul(v.mH, v).triu(1)
    return v, solved(scaled, tau.diag_embed(), True, unit=True)


def householder_product(input: Tensor, tau: Tensor) -> Tensor:
    """The first columns of the product of reflectors: (*, m, n) and (*, k) give (*, m, n).

    By blocks: LAPACK's larft and larfb. Derivatives follow from the products.

    Raises:
        RuntimeError: no floating-point matrices, more columns than rows, or more factors.
    """
    matrices("linalg.householder_product", input, "input")
    m, n = input.shape[-2:]
    if m < n:
        raise RuntimeError(
            "linalg.householder_product: input.shape[-2] must be greater than or equal to "
            "input.shape[-1]"
        )
    if n < tau.shape[-1]:
        raise RuntimeError(
            "linalg.householder_product: input.shape[-1] must be greater than or equal to "
            "tau.shape[-1]"
        )
    if tau.shape[:-1] != input.shape[:-2]:
        raise RuntimeError(
            f"linalg.householder_product: Expected batch dimensions of tau to be equal to "
            f"input.shape[:-2], but got {list(tau.shape[:-1])}"
        )
    same_dtype("linalg.householder_product", input, tau)
    v, t = _reflected(input, tau)
    eye = input.new_ones((n,)).diag_embed()
    if m > n:
        eye = cat([eye, input.new_zeros((m - n, n))], 0)
    if not numel(tau.shape):
        return in_columns(input.clone().copy_(eye))  # whose gradient is 0, and not None
    return in_columns(eye - matmul(v, matmul(t, v[..., :n, :].mH)))


def in_columns(t: Tensor) -> Tensor:
    """A fresh result, laid out as LAPACK's matrices are."""
    return transposed(t.mT.contiguous().clone())


def transposed(t: Tensor) -> Tensor:
    """A fresh result with its last two dims exchanged, over the same memory."""
    return relaid(t, (*range(t.ndim - 2), t.ndim - 1, t.ndim - 2))


def ormqr(
    input: Tensor, tau: Tensor, other: Tensor, left: bool = True, transpose: bool = False
) -> Tensor:
    """Q @ other, for the whole Q of the reflectors; Q^H if `transpose`, other @ Q if not `left`.

    Raises:
        RuntimeError: shapes that do not align.
    """
    matrices("ormqr", input, "input")
    matrices("ormqr", other, "other")
    side = -2 if left else -1
    if other.shape[side] != input.shape[-2]:
        raise RuntimeError(
            f"ormqr: other.shape[{side}] must be equal to input.shape[-2], got "
            f"{list(other.shape)} and {list(input.shape)}"
        )
    if tau.shape[:-1] != input.shape[:-2]:
        raise RuntimeError(
            f"ormqr: tau should have one dimension less than input, and its batch, but their "
            f"shapes are {list(tau.shape)} and {list(input.shape)}"
        )
    if tau.shape[-1] != min(other.shape[side], input.shape[-1]):
        raise RuntimeError(
            f"ormqr: tau.shape[-1] must be equal to min(other.shape[{side}], input.shape[-1]), got "
            f"{list(tau.shape)}, {list(other.shape)} and {list(input.shape)}"
        )
    v, t = _reflected(input, tau)
    factor = t.mH if transpose else t
    if left:
        return in_columns(other - matmul(v, matmul(factor, matmul(v.mH, other))))
    return in_columns(other - matmul(matmul(matmul(other, v), factor), v.mH))
