"""LDL of symmetric or Hermitian matrices that need not be definite, by Bunch and Kaufman's pivots.

Which pivots are taken differs from matrix to matrix, so those of a batch are factored one by one
(LAPACK's sytf2, hetf2 and their sytrs, hetrs, of the lower triangle).
"""

from __future__ import annotations

import math

import numpy as np

from corex import dtypes as dt
from corex.ops.host import host_op
from corex.ops.linalg import results
from corex.ops.linalg.lapack import Array, size
from corex.ops.linalg.matrices import (
    Spec,
    batched,
    info_of,
    matrices,
    refuse,
    same_dtype,
    square,
)
from corex.tensor.tensor import Tensor

_ALPHA = (1 + math.sqrt(17)) / 8  # keeps the growth of elements smallest


def _same(a: Array) -> Array:
    return a


def _factored(a: Array, hermitian: bool) -> tuple[Array, Array, Array]:
    n = a.shape[-1]
    work = np.tril(a)
    pivots = np.zeros(a.shape[:-1], np.int32)
    info = np.zeros(a.shape[:-2], np.int32)
    for at in np.ndindex(*info.shape):
        info[at] = _factor(work[at], pivots[at], n, hermitian)
    return work, pivots, info


def _factor(a: Array, pivots: Array, n: int, hermitian: bool) -> int:
    """Overwrites the lower triangle with L and D, the pivots with rows counted from 1, negative
    those of blocks of two; the number of the first zero pivot."""
    info = k = 0
    other_side = np.conj if hermitian else _same
    if hermitian:
        np.fill_diagonal(a, a.diagonal().real)
    while k < n:
        other, step = _pivot(a, k, n)
        last = k + step - 1
        if other != last:
            _swap(a, k, last, other, hermitian)
        if step == 1 and a[k, k] == 0:
            info = info or k + 1
        elif step == 1:
            column = a[k + 1 :, k] / a[k, k]
            a[k + 1 :, k + 1 :] -= np.tril(np.outer(column, other_side(a[k + 1 :, k])))
            a[k + 1 :, k] = column
        else:
            block = a[k : k + 2, k : k + 2].copy()
            block[0, 1] = other_side(block[1, 0])
            below = a[k + 2 :, k : k + 2]
            columns = np.linalg.solve(block.T, below.T).T
            a[k + 2 :, k + 2 :] -= np.tril(columns @ other_side(below.T))
            a[k + 2 :, k : k + 2] = columns
        pivots[k : k + step] = other + 1 if step == 1 else -(other + 1)
        k += step
    return info


def _pivot(a: Array, k: int, n: int) -> tuple[int, int]:
    """The row that comes to the front, and whether with one more, as a block of two."""
    own = size(a[k, k])
    if k == n - 1:
        return k, 1
    best = k + 1 + int(size(a[k + 1 :, k]).argmax())
    column = size(a[best, k])
    if max(own, column) == 0 or own >= _ALPHA * column:
        return k, 1
    row = max([*size(a[best, k:best]), *size(a[best + 1 :, best])])
    if own >= _ALPHA * column * (column / row):
        return k, 1
    return (best, 1) if size(a[best, best]) >= _ALPHA * row else (best, 2)


def _swap(a: Array, k: int, i: int, j: int, hermitian: bool) -> None:
    """Exchanges rows and columns i < j of what is left from k on."""
    a[j + 1 :, [i, j]] = a[j + 1 :, [j, i]]
    other_side = np.conj if hermitian else _same
    between = other_side(a[i + 1 : j, i].copy())
    a[i + 1 : j, i] = other_side(a[j, i + 1 : j])
    a[j, i + 1 : j] = between
    a[j, i] = other_side(a[j, i])
    a[i, i], a[j, j] = a[j, j], a[i, i]
    if i != k:
        a[i, k], a[j, k] = a[j, k], a[i, k]


def _solved(a: Array, pivots: Array, b: Array, hermitian: bool) -> Array:
    x = b.copy()
    with np.errstate(all="ignore"):
        for at in np.ndindex(*a.shape[:-2]):
            _solve(a[at], pivots[at], x[at], hermitian)
    return x


def _solve(a: Array, pivots: Array, x: Array, hermitian: bool) -> None:
    other_side = np.conj if hermitian else _same
    n = len(pivots)
    steps = []
    k = 0
    while k < n:
        steps.append((k, 1 if pivots[k] > 0 else 2))
        k += steps[-1][1]
    for k, step in steps:
        last, other = k + step - 1, abs(int(pivots[k])) - 1
        x[[last, other]] = x[[other, last]]
        own = slice(k, k + step)
        x[k + step :] -= a[k + step :, own] @ x[own]
        block = np.tril(a[own, own])
        if step == 1:
            x[k] /= a[k, k]
        else:
            x[own] = np.linalg.solve(block + other_side(np.tril(block, -1).T), x[own])
    for k, step in reversed(steps):
        last, other = k + step - 1, abs(int(pivots[k])) - 1
        x[k : k + step] -= other_side(a[k + step :, k : k + step].T) @ x[k + step :]
        x[[last, other]] = x[[other, last]]


def _specs(a: Tensor, hermitian: bool) -> list[Spec]:
    return [(a.shape, a.key.dtype), (a.shape[:-1], dt.int32), info_of(a)]


_LDL = host_op(
    "linalg_ldl_factor_ex", ("a",), _factored, _specs, params=("hermitian",), columns=(0,)
)
_LDL_SOLVE = host_op(
    "linalg_ldl_solve", ("a", "pivots", "b"), _solved,
    lambda a, pivots, b, hermitian: [(b.shape, b.key.dtype)], params=("hermitian",),
    columns=(0,),
)  # fmt: skip


def ldl_factor_ex(
    A: Tensor, *, hermitian: bool = False, check_errors: bool = False
) -> results.linalg_ldl_factor_ex:
    """As `ldl_factor`, with the number of the first zero pivot (or 0). Without derivatives.

    Raises:
        RuntimeError: no square floating-point matrices; LinAlgError with `check_errors`.
    """
    factors, pivots, info = _LDL(square("linalg.ldl_factor_ex", A), bool(hermitian))
    if check_errors:
        refuse(info, "linalg.ldl_factor_ex", _ZERO)
    return results.linalg_ldl_factor_ex(factors, pivots, info)


_ZERO = (
    "The factorization is singular because the diagonal element {} of D is zero, and using it on "
    "ldl_solve would result in a division by zero."
)


def ldl_factor(A: Tensor, *, hermitian: bool = False) -> results.linalg_ldl_factor:
    """L, and D, of blocks of one or two, in one matrix, and the rows that were swapped, of
    symmetric, or `hermitian`, matrices (*, n, n), of which the lower triangle is read.

    Raises:
        RuntimeError: not square, or not floating point.
    """
    found = ldl_factor_ex(A, hermitian=hermitian)
    return results.linalg_ldl_factor(found.LD, found.pivots)


def ldl_solve(LD: Tensor, pivots: Tensor, B: Tensor, *, hermitian: bool = False) -> Tensor:
    """X of A @ X = B, by what `ldl_factor` gives of A.

    Raises:
        RuntimeError: shapes or dtypes that do not fit.
    """
    op = "linalg.ldl_solve"
    square(op, LD, "LD")
    matrices(op, B, "B")
    same_dtype(op, LD, B)
    if pivots.shape != LD.shape[:-1]:
        raise RuntimeError(
            f"{op}: Expected LD.shape[:-1] and pivots.shape to be the same, but got pivots with "
            f"shape {list(pivots.shape)} instead"
        )
    if pivots.key.dtype.kind not in "ui":
        raise RuntimeError(f"{op}: Expected pivots to be integers. Got {pivots.dtype!r}")
    if LD.shape[-1] != B.shape[-2]:
        raise RuntimeError(
            f"{op}: Incompatible shapes of A and B for the equation AX = B "
            f"({LD.shape[-2]}x{LD.shape[-1]} and {B.shape[-2]}x{B.shape[-1]})"
        )
    a, b = batched(op, LD, B)
    found: Tensor = _LDL_SOLVE(a, pivots.expand(a.shape[:-1]), b, bool(hermitian))
    return found
