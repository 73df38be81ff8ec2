"""Factorisations and solves over batches of NumPy matrices: LAPACK's by NumPy, and, in blocks, what
NumPy leaves out. Of each, arrays go in unchanged, and errors come out as LAPACK's `info`."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

Array = np.ndarray[Any, Any]

BLOCK = 32
"""Columns that are eliminated one by one, before a product of matrices does the rest."""


def turned(a: Array) -> Array:
    """The transposed matrices, as a view."""
    return np.swapaxes(a, -1, -2)


def size(a: Array) -> Array:
    """By what LAPACK chooses pivots: |x|, of complex numbers |re| + |im|."""
    return np.abs(a.real) + np.abs(a.imag) if a.dtype.kind == "c" else np.abs(a)


# ---- triangles ---------------------------------------------------------------------------------
def solve_triangular(a: Array, b: Array, upper: bool, left: bool, unit: bool) -> Array:
    """X of a @ X = b, or X @ a = b, for a triangle of `a`; zeros on a diagonal give infinities."""
    if not left:
        return turned(solve_triangular(turned(a), turned(b), not upper, True, unit))
    x = b.copy()
    n = a.shape[-1]
    starts = range(0, n, BLOCK)
    with np.errstate(all="ignore"):
        for start in reversed(starts) if upper else starts:
            block = slice(start, min(start + BLOCK, n))
            _substitute(a[..., block, block], x[..., block, :], upper, unit)
            rest = slice(0, start) if upper else slice(block.stop, n)
            x[..., rest, :] -= a[..., rest, block] @ x[..., block, :]
    return x


def _substitute(a: Array, x: Array, upper: bool, unit: bool) -> None:
    n = a.shape[-1]
    for i in reversed(range(n)) if upper else range(n):
        if not unit:
            x[..., i, :] /= a[..., i, i, None]
        rest = slice(0, i) if upper else slice(i + 1, n)
        x[..., rest, :] -= a[..., rest, i, None] * x[..., None, i, :]


# ---- LU ----------------------------------------------------------------------------------------
def lu(a: Array) -> tuple[Array, Array, Array]:
    """L below the diagonal, U above it, pivots counted from 1, the number of the first zero pivot.

    Columns are eliminated in blocks, with the largest pivot of each (LAPACK's getrf).
    """
    *batch, m, n = a.shape
    count, k = math.prod(batch), min(m, n)
    work = a.reshape(count, m, n).copy()
    pivots = np.empty((count, k), np.int32)
    info = np.zeros(count, np.int32)
    every = np.arange(count)
    with np.errstate(all="ignore"):
        for start in range(0, k, BLOCK):
            stop = min(start + BLOCK, k)
            for j in range(start, stop):
                best = j + size(work[:, j:, j]).argmax(1)
                pivots[:, j] = best + 1
                row = work[every, best]
                work[every, best] = work[:, j]
                work[:, j] = row
                pivot = row[:, j]
                info[(pivot == 0) & (info == 0)] = j + 1
                work[:, j + 1 :, j] /= np.where(pivot == 0, 1, pivot)[:, None]
                inside = slice(j + 1, stop)
                work[:, j + 1 :, inside] -= work[:, j + 1 :, j, None] * work[:, None, j, inside]
            block, rest = slice(start, stop), slice(stop, n)
            over = solve_triangular(
                work[:, block, block], work[:, block, rest], upper=False, left=True, unit=True
            )
            work[:, block, rest] = over
            work[:, stop:, rest] -= work[:, stop:, block] @ over
    return work.reshape(a.shape), pivots.reshape(*batch, k), info.reshape(batch)


def permutations(pivots: Array, rows: int, dtype: str) -> Array:
    """The matrices P with A = P @ L @ U, of the pivots that `lu` gives."""
    *batch, k = pivots.shape
    swaps = pivots.reshape(math.prod(batch), k).astype(np.int64) - 1
    every = np.arange(len(swaps))
    order = np.tile(np.arange(rows), (len(swaps), 1))
    for j in range(k):
        best = swaps[:, j]
        order[every, j], order[every, best] = order[every, best], order[every, j]
    result = np.zeros((len(swaps), rows, rows), dtype)
    result[every[:, None], order, np.arange(rows)] = 1
    return result.reshape(*batch, rows, rows)


# ---- by NumPy ----------------------------------------------------------------------------------
def cholesky(a: Array, upper: bool) -> tuple[Array, Array]:
    """The factor of one triangle, and the order of the first leading minor that is not positive."""
    source = turned(a) if upper else a
    info = np.zeros(a.shape[:-2], np.int32)
    try:
        factor = np.linalg.cholesky(source)
    except np.linalg.LinAlgError:
        factor = np.empty_like(source)
        for at in np.ndindex(*info.shape):
            factor[at], info[at] = _one_cholesky(source[at])
    return (turned(factor) if upper else factor), info


def _one_cholesky(a: Array) -> tuple[Array, int]:
    """The factor as far as it goes, which is found by bisection."""
    low, high = 0, len(a) + 1  # the leading minors of order < high are positive from low on
    factor = np.zeros_like(a)
    while high - low > 1:
        middle = (low + high) // 2
        try:
            factor[:middle, :middle] = np.linalg.cholesky(a[:middle, :middle])
            low = middle
        except np.linalg.LinAlgError:
            high = middle
    return factor, (0 if low == len(a) else high)


def inv(a: Array) -> tuple[Array, Array]:
    """The inverses, and which pivot was zero."""
    return _with_info(np.linalg.inv, a)


def solve(a: Array, b: Array) -> tuple[Array, Array]:
    """X of a @ X = b, and which pivot was zero."""
    return _with_info(np.linalg.solve, a, b)


def _with_info(function: Callable[..., Array], a: Array, *rest: Array) -> tuple[Array, Array]:
    info = np.zeros(a.shape[:-2], np.int32)
    try:
        return function(a, *rest), info
    except np.linalg.LinAlgError:
        info = lu(a)[2]
    result = np.full(rest[0].shape if rest else a.shape, np.nan, a.dtype)
    for at in np.ndindex(*info.shape):
        try:
            result[at] = function(a[at], *[one[at] for one in rest])
        except np.linalg.LinAlgError:
            info[at] = info[at] or a.shape[-1]
    return result, info


def cofactors(a: Array) -> Array:
    """det(A) * A^-T, which there is of singular matrices, too: by their singular values."""
    try:
        return np.asarray(np.linalg.det(a)[..., None, None] * turned(np.linalg.inv(a)))
    except np.linalg.LinAlgError:
        pass
    u, s, vh = np.linalg.svd(a)
    n = s.shape[-1]
    others = np.where(np.eye(n, dtype=bool), 1, s[..., None, :]).prod(-1).astype(a.dtype)
    sign = np.linalg.det(u) * np.linalg.det(vh)
    return np.asarray((u.conj() * (sign[..., None] * others)[..., None, :]) @ vh.conj())


def qr(a: Array, mode: str) -> tuple[Array, Array]:
    """Q and R; Q is empty in mode 'r'."""
    if mode == "r":
        return np.empty(0, a.dtype), np.asarray(np.linalg.qr(a, "r"))
    q, r = np.linalg.qr(a, "complete" if mode == "complete" else "reduced")
    return q, r


def geqrf(a: Array) -> tuple[Array, Array]:
    """R above the diagonal with the reflectors below it, and their factors."""
    h, tau = np.linalg.qr(a, "raw")
    return turned(h), tau
