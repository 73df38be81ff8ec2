"""Eigenvalues of symmetric matrices, singular values, and what is made of them."""

from __future__ import annotations

from typing import Any

import numpy as np

from corex import dtypes as dt
from corex.errors import LinAlgError
from corex.layout import numel
from corex.ops.composed import composition
from corex.ops.host import host_op
from corex.ops.linalg import results
from corex.ops.linalg.factor import transposed
from corex.ops.linalg.matmul import matmul
from corex.ops.linalg.matrices import Spec, matrices, real_of, square
from corex.ops.shape.parts import diagonal
from corex.tensor.tensor import Tensor


def gaps(values: Tensor) -> Tensor:
    """E[i, j] = values[j] - values[i], with ones on the diagonal."""
    ones = values.new_ones((values.shape[-1],)).diag_embed()
    return values.unsqueeze(-2) - values.unsqueeze(-1) + ones


def refuse_phase(
    what: str, turns: Tensor | None, ends: str = "quantity, so it is ill-defined."
) -> None:
    """Complex vectors are vectors times any number of size 1: a function of them must not change
    with it.

    Raises:
        RuntimeError: `turns`, by how much it changes, has an imaginary part.
    """
    if turns is None or not turns.key.dtype.is_complex:
        return
    angles = turns.detach().imag
    if bool((angles.abs() > 1e-2).any().item()):
        raise RuntimeError(
            f"{what} in the complex case are specified up to multiplication by e^{{i phi}}. The "
            f"specified loss function depends on this {ends}"
        )


# ---- symmetric matrices ------------------------------------------------------------------------
def _eigh_steps(a: Any, uplo: str) -> Any:
    try:
        values, vectors = np.linalg.eigh(a, uplo)  # type: ignore[call-overload]
    except np.linalg.LinAlgError:
        raise LinAlgError(
            "linalg.eigh: The algorithm failed to converge because the input matrix is "
            "ill-conditioned or has too many repeated eigenvalues."
        ) from None
    return values, vectors


def _eigh_back(g: list[Tensor | None], y: Tensor, y1: Tensor) -> Tensor:
    """V (diag(gL) + skew(V^H gV) / E) V^H, where E are the gaps between eigenvalues."""
    of_values, of_vectors = g
    if of_vectors is None:
        assert of_values is not None
        return matmul(y1 * of_values.unsqueeze(-2), y1.mH)
    turn = matmul(y1.mH, of_vectors)
    refuse_phase("linalg_eigh_backward: The eigenvectors", diagonal(turn, 0, -2, -1))
    inner = (turn - turn.mH) * 0.5 / gaps(y)
    if of_values is not None:
        inner = inner + of_values.diag_embed()
    return matmul(y1, matmul(inner, y1.mH))


_EIGH = host_op(
    "linalg_eigh", ("a",), _eigh_steps,
    lambda a, uplo: [(a.shape[:-1], real_of(a)), (a.shape, a.key.dtype)],
    {"a": _eigh_back}, ("uplo",), outputs=2, columns=(1,), label="LinalgEighBackward0",
)  # fmt: skip


def eigh(A: Tensor, UPLO: str = "L") -> results.linalg_eigh:
    """Eigenvalues in ascending order and orthonormal eigenvectors (columns) of Hermitian
    (symmetric) matrices, of which one triangle is read. Derivatives of vectors need eigenvalues
    that differ.

    Raises:
        RuntimeError: not square, not floating point, or another UPLO. LinAlgError: not finite.
    """
    square("linalg.eigh", A)
    if not isinstance(UPLO, str) or UPLO.upper() not in ("L", "U"):
        raise RuntimeError(f"Expected UPLO argument to be 'L' or 'U', but got {UPLO}")
    return results.linalg_eigh(*_EIGH(A, UPLO.upper()))


def eigvalsh(A: Tensor, UPLO: str = "L") -> Tensor:
    """The eigenvalues of symmetric matrices in ascending order; see `eigh`."""
    return eigh(A, UPLO).eigenvalues


# ---- singular values ---------------------------------------------------------------------------
_NO_SVD = (
    "linalg.svd: The algorithm failed to converge because the input matrix contained non-finite "
    "values."
)


def _svd_steps(a: Any, full: bool) -> Any:
    try:
        u, s, vh = np.linalg.svd(a, full)
    except np.linalg.LinAlgError:
        raise LinAlgError(_NO_SVD) from None
    if not np.isfinite(s).all():
        raise LinAlgError(_NO_SVD)
    return u, s, vh


def _svd_specs(a: Tensor, full: bool) -> list[Spec]:
    (*batch, m, n), dtype = a.shape, a.key.dtype
    k = min(m, n)
    u, vh = ((m, m), (n, n)) if full else ((m, k), (k, n))
    return [((*batch, *u), dtype), ((*batch, k), real_of(a)), ((*batch, *vh), dtype)]


def _svd_back(g: list[Tensor | None], y: Tensor, y1: Tensor, y2: Tensor) -> Tensor:
    """U ((skew(U^H gU) / E) S + S (skew(V^H gV) / E) + diag(gS)) Vh, where E are the gaps between
    squares of singular values, and what lies outside of U's and V's span; of complex matrices
    with the angles of the vectors, skew(U^H gU) / 2S on the diagonal. Vectors beyond the
    smaller size of the matrix are arbitrary, and their gradients are ignored."""
    k = y1.shape[-1]
    u, s, vh = y[..., :k], y1, y2[..., :k, :]
    of_u = None if g[0] is None else g[0][..., :k]
    of_vh = None if g[2] is None else g[2][..., :k, :]
    if of_u is None and of_vh is None:
        assert g[1] is not None
        return matmul(u * g[1].unsqueeze(-2), vh)
    between = gaps(s * s)
    inner = s.new_zeros(()) if g[1] is None else g[1].diag_embed()
    left = right = phase = None
    if of_u is not None:
        skew = matmul(u.mH, of_u)
        turned = skew - skew.mH
        inner = inner + turned / between * s.unsqueeze(-2)
        if u.shape[-2] > k:
            left = (of_u - matmul(u, skew)) / s.unsqueeze(-2)
        if y.key.dtype.is_complex:
            inner = inner + (diagonal(turned, 0, -2, -1) / (s * 2)).diag_embed()
            phase = diagonal(skew, 0, -2, -1)
    if of_vh is not None:
        skew = matmul(vh, of_vh.mH)
        inner = inner + s.unsqueeze(-1) * ((skew - skew.mH) / between)
        if vh.shape[-1] > k:
            right = (of_vh - matmul(skew.mH, vh)) / s.unsqueeze(-1)
        if y.key.dtype.is_complex:
            beside = diagonal(skew, 0, -2, -1)
            phase = beside if phase is None else phase + beside
    refuse_phase("svd_backward: The singular vectors", phase, "phase term, making it ill-defined.")
    found = matmul(u, inner) if left is None else matmul(u, inner) + left
    found = matmul(found, vh)
    return found if right is None else found + matmul(u, right)


_SVD = host_op(
    "linalg_svd", ("a",), _svd_steps, _svd_specs, {"a": _svd_back}, ("full_matrices",),
    outputs=3, columns=(0, 2), label="LinalgSvdBackward0", analytic=False,
)  # fmt: skip


def svd(A: Tensor, full_matrices: bool = True, *, driver: str | None = None) -> results.linalg_svd:
    """U, S and Vh with A = U @ diag(S) @ Vh; U and Vh are square, or have as many vectors as
    there are singular values, if not `full_matrices`. Derivatives need values that differ.

    Raises:
        RuntimeError: not floating point, or a driver, which is CUDA's. LinAlgError: not finite.
    """
    matrices("linalg.svd", A)
    _no_driver(driver)
    return results.linalg_svd(*_SVD(A, bool(full_matrices)))


def _no_driver(driver: str | None) -> None:
    if driver is not None:
        raise RuntimeError(
            "linalg.svd: keyword argument `driver=` is only supported on CUDA inputs with cuSOLVER "
            "backend."
        )


def svdvals(A: Tensor, *, driver: str | None = None) -> Tensor:
    """The singular values in descending order."""
    matrices("linalg.svd", A)
    _no_driver(driver)
    found: Tensor = _SVD(A, False)[1]
    return found


def old_svd(input: Tensor, some: bool = True, compute_uv: bool = True) -> results.svd:
    """U, S and V with input = U @ diag(S) @ V^H; U and V are zeros, if not `compute_uv`."""
    matrices("linalg.svd", input)
    if not compute_uv:
        *batch, m, n = input.shape
        u, v = (input.new_zeros((*batch, size, size)) for size in (m, n))
        return results.svd(u, svdvals(input), v)
    u, s, vh = _SVD(input, not some)
    return results.svd(u, s, transposed(vh.conj()))


# ---- rank and pseudo-inverse -------------------------------------------------------------------
def _tolerance(values: Tensor, shape: tuple[int, ...], atol: Any, rtol: Any) -> Tensor:
    """What counts as zero: the larger of atol and rtol times the largest of the values."""
    if rtol is None:
        eps = dt.finfo(values.key.dtype).eps * max(shape[-2:])
        if atol is None:
            rtol = eps
        elif isinstance(atol, Tensor):
            rtol = (atol > 0).logical_not().to(values.key.dtype) * eps
        else:
            rtol = 0.0 if atol > 0 else eps
    largest = values.detach().amax(-1, True)
    relative = largest * (rtol.unsqueeze(-1) if isinstance(rtol, Tensor) else float(rtol))
    if atol is None:
        return relative
    bound = atol if isinstance(atol, Tensor) else values.new_full((), float(atol))
    return relative.maximum(bound.unsqueeze(-1).to(values.key.dtype))


def matrix_rank(
    A: Tensor,
    tol: Tensor | float | None = None,
    hermitian: bool = False,
    *,
    atol: Tensor | float | None = None,
    rtol: Tensor | float | None = None,
) -> Tensor:
    """How many singular values are above max(atol, rtol * the largest).

    Raises:
        RuntimeError: not floating point, or not square though `hermitian`.
    """
    op = "linalg.matrix_rank"
    (square if hermitian else matrices)(op, A)
    if tol is not None:
        atol, rtol = tol, 0.0
    a = A.detach()
    if not numel(a.shape):
        return a.new_zeros(a.shape[:-2]).to(dt.int64)
    values = eigvalsh(a).abs() if hermitian else svdvals(a)
    return (values > _tolerance(values, a.shape, atol, rtol)).sum(-1)


def _pinv_steps(a: Tensor, atol: Any, rtol: Any, hermitian: bool) -> Tensor:
    if not numel(a.shape):
        return a.new_zeros((*a.shape[:-2], a.shape[-1], a.shape[-2]))
    if hermitian:
        values, vectors = _EIGH(a, "L")
        sizes = values.abs()
        left, right = vectors, vectors.mH
    else:
        left, values, right = _SVD(a, False)
        left, right, sizes = right.mH, left.mH, values
    small = sizes <= _tolerance(sizes, a.shape, atol, rtol)
    inverse = values.reciprocal().masked_fill(small, 0)
    return matmul(left * inverse.unsqueeze(-2), right)


def _pinv_back(g: Tensor, a: Tensor, y: Tensor) -> Tensor:
    """PyTorch's formula, in the order of products that costs less."""
    slope, inverse = g.mH, y.mH
    if a.shape[-2] <= a.shape[-1]:
        k = matmul(slope, y)
        turned = matmul(k, inverse)
        outside = matmul(matmul(inverse, y), slope - matmul(k, a))
        return turned - matmul(y, k).mH - matmul(matmul(a, y), turned) + outside
    k = matmul(y, slope)
    turned = matmul(inverse, k)
    outside = matmul(matmul(slope - matmul(a, k), y), inverse)
    return turned - matmul(k, y).mH - matmul(matmul(turned, y), a) + outside


_PINV = composition(
    "linalg_pinv", ("a",), _pinv_steps, {"a": _pinv_back}, ("atol", "rtol", "hermitian"),
    label="LinalgPinvBackward0", analytic=False,
)  # fmt: skip


def pinv(
    A: Tensor,
    rcond: Tensor | float | None = None,
    hermitian: bool = False,
    *,
    atol: Tensor | float | None = None,
    rtol: Tensor | float | None = None,
) -> Tensor:
    """The pseudo-inverse (*, n, m) of matrices (*, m, n): singular values of at most
    max(atol, rtol * the largest) count as zero.

    Raises:
        RuntimeError: not floating point, or not square though `hermitian`.
    """
    (square if hermitian else matrices)("linalg.pinv", A)
    if A.key.dtype in (dt.float16, dt.bfloat16):
        raise RuntimeError(
            "linalg.pinv: expected a tensor with 2 or more dimensions of float, double, cfloat or "
            "cdouble types"
        )
    return _PINV(A, atol, rcond if rtol is None else rtol, bool(hermitian))
