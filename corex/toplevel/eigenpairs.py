"""A few eigenpairs of large symmetric matrices.

Source: A. Knyazev, "Toward the optimal preconditioned eigensolver: locally optimal block
preconditioned conjugate gradient method" (2001), with a basis that is orthonormalised at each step
(A. Stathopoulos, K. Wu, "A block orthogonalization procedure with constant synchronization
requirements", 2002).
"""

from __future__ import annotations

import math
from typing import Any

import corex
from corex.dispatch.record import no_grad
from corex.tensor.tensor import Tensor

_PATIENCE = 50
"""After so many steps without a smaller residual rounding errors are all that is left."""


def lobpcg(
    A: Tensor,
    k: int | None = None,
    B: Tensor | None = None,
    X: Tensor | None = None,
    n: int | None = None,
    iK: Tensor | None = None,
    niter: int | None = None,
    tol: float | None = None,
    largest: bool | None = None,
    method: str | None = None,
    tracker: None = None,
    ortho_iparams: dict[str, int] | None = None,
    ortho_fparams: dict[str, float] | None = None,
    ortho_bparams: dict[str, bool] | None = None,
) -> tuple[Tensor, Tensor]:
    """The k largest (or smallest) eigenvalues of symmetric matrices, (..., k), and their vectors,
    (..., m, k): A x = B x l, where x is orthonormal by B. A is multiplied, never factored.

    Args:
        A: (..., m, m), dense or, a single one, sparse. Differentiable if it is dense.
        k: how many; by default as many as X has columns, or 1.
        B: positive definite, (..., m, m); the identity if None.
        X: vectors to begin with, (..., m, n); random ones if None.
        n: how many vectors are iterated with; k if None.
        iK: approximates the inverse of A, (..., m, m).
        niter: at most as many steps; until all converge if None or negative.
        tol: what residuals are next to the size of A and B; the root of the dtype's eps if None.
        largest: whether the largest are wanted; True if None.
        method: "ortho" or "basic", which are the same here; there is nothing to be tuned, so
            `ortho_iparams`, `ortho_fparams` and `ortho_bparams` change nothing.

    Raises:
        ValueError: fewer than 3 n rows, or an unknown method.
        NotImplementedError: a tracker.
    """
    if tracker is not None:
        raise NotImplementedError("[lobpcg] steps are not told to a tracker")
    if method not in (None, "ortho", "basic"):
        raise ValueError(f"[lobpcg] unknown method {method!r}; known are 'ortho' and 'basic'")
    m = A.shape[-1]
    if k is None:
        k = 1 if X is None else X.shape[-1]
    n = k if n is None else n
    if m < 3 * n:
        raise ValueError(
            f"LPBPCG algorithm is not applicable when the number of A rows (={m}) is smaller than "
            f"3 x the number of requested eigenpairs (={n})"
        )
    batch = A.shape[:-2]
    with no_grad():
        if X is None:
            X = corex.randn(*batch, m, n, dtype=A.dtype, device=A.device)
        tol = corex.finfo(A.dtype).eps ** 0.5 if tol is None else tol
        steps, up = -1 if niter is None else niter, largest is not False
        each = zip(*[_each(t, batch) for t in (A, B, X, iK)], strict=True)
        found = [_pairs(a, b, x, ik, k, steps, tol, up) for a, b, x, ik in each]
        if not batch:
            values, vectors = found[0]
        else:
            values = corex.stack([one for one, _ in found]).reshape(*batch, k)
            vectors = corex.stack([one for _, one in found]).reshape(*batch, m, k)
    if corex.is_grad_enabled() and A.requires_grad:
        return _differentiable(A, B, values, vectors)
    return values, vectors


def _each(t: Tensor | None, batch: tuple[int, ...]) -> list[Any]:
    """The matrices of a batch."""
    if not batch:
        return [t]
    if t is None:
        return [None] * math.prod(batch)
    return list(t.expand(*batch, *t.shape[-2:]).reshape(-1, *t.shape[-2:]).unbind())


def _pairs(
    A: Tensor,
    B: Tensor | None,
    X: Tensor,
    iK: Tensor | None,
    k: int,
    steps: int,
    tol: float,
    largest: bool,
) -> tuple[Tensor, Tensor]:
    """The eigenpairs of one matrix."""
    n = X.shape[-1]
    size = (A @ X).norm() / X.norm() + (1.0 if B is None else (B @ X).norm() / X.norm())
    values, X, _ = _best(A, B, X, n, largest)
    P, step, best, patience = X[:, :0], 0, math.inf, _PATIENCE
    while True:
        residual = A @ X - _times(B, X) * values
        scale = X.norm(dim=0) * (size + values.abs())
        error = float((residual.norm(dim=0) / scale)[:k].max())
        best, patience = (error, _PATIENCE) if error < best else (best, patience - 1)
        if not error > tol or step == steps or not patience:
            return values[:k], X[:, :k]
        W = residual if iK is None else iK @ residual
        W = W - X @ (_times(B, X).mT @ W)
        W = W / W.norm(dim=0).clamp(min=corex.finfo(W.dtype).tiny)
        values, new, rest = _best(A, B, corex.cat([X, W, P], 1), n, largest)
        X, P, step = new, rest, step + 1


def _times(B: Tensor | None, X: Tensor) -> Tensor:
    return X if B is None else B @ X


def _best(
    A: Tensor, B: Tensor | None, basis: Tensor, n: int, largest: bool
) -> tuple[Tensor, Tensor, Tensor]:
    """The n best approximations in the space of a basis (Rayleigh and Ritz), and the part of them
    that is not made of the first n columns: the direction of the next step."""
    lengths, axes = corex.linalg.eigh(basis.mT @ _times(B, basis))
    kept = lengths > lengths[-1] * corex.finfo(basis.dtype).eps * lengths.numel()
    whiten = axes[:, kept] / lengths[kept].sqrt()
    orthonormal = basis @ whiten
    values, turn = corex.linalg.eigh(orthonormal.mT @ (A @ orthonormal))
    if largest:
        values, turn = values.flip(0), turn.flip(1)
    values, shares = values[:n], whiten @ turn[:, :n]
    rest = basis[:, n:] @ shares[n:]
    return values, basis @ shares, rest


def _differentiable(
    A: Tensor, B: Tensor | None, values: Tensor, vectors: Tensor
) -> tuple[Tensor, Tensor]:
    """The pairs as functions of A: what is added is 0 and has the derivatives of first order,

    dl = x' dA x,   (A - l B + B x x' B) dx = -(dA x - B x dl)   for x' B x = 1.
    """
    fixed = A.detach()
    change = (A - fixed) @ vectors / 2 + (A - fixed).mT @ vectors / 2
    shifts = (vectors * change).sum(-2)
    moved = []
    for j in range(values.shape[-1]):
        x, value = vectors[..., j : j + 1], values[..., j : j + 1, None]
        bx = _times(B, x)
        metric = corex.eye(A.shape[-1], dtype=A.dtype, device=A.device) if B is None else B
        matrix = fixed - value * metric + bx @ bx.mT
        right = bx * shifts[..., None, j : j + 1] - change[..., j : j + 1]
        moved.append(corex.linalg.solve(matrix, right))
    return values + shifts, vectors + corex.cat(moved, -1)
