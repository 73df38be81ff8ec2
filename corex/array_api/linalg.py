"""The standard's extension `linalg`."""

from __future__ import annotations

from typing import Any, NamedTuple

import corex
from corex.array_api._products import matmul, matrix_transpose, tensordot, vecdot
from corex.array_api._promotion import operands
from corex.array_api._statistics import sum as _sum
from corex.dtypes import DType
from corex.tensor.tensor import Tensor


class EighResult(NamedTuple):
    """What `eigh` returns."""

    eigenvalues: Tensor
    eigenvectors: Tensor


class EigResult(NamedTuple):
    """What `eig` returns."""

    eigenvalues: Tensor
    eigenvectors: Tensor


class QRResult(NamedTuple):
    """What `qr` returns."""

    Q: Tensor
    R: Tensor


class SlogdetResult(NamedTuple):
    """What `slogdet` returns."""

    sign: Tensor
    logabsdet: Tensor


class SVDResult(NamedTuple):
    """What `svd` returns."""

    U: Tensor
    S: Tensor
    Vh: Tensor


# ---- factorisations ------------------------------------------------------------------------------
def cholesky(x: Tensor, /, *, upper: bool = False) -> Tensor:
    """The triangular factor of Hermitian positive definite matrices."""
    return corex.linalg.cholesky(x, upper=upper)


def eig(x: Tensor, /) -> EigResult:
    """Eigenvalues and eigenvectors of square matrices, which are complex."""
    return EigResult(*corex.linalg.eig(x))


def eigh(x: Tensor, /) -> EighResult:
    """Eigenvalues, in ascending order, and eigenvectors of Hermitian matrices."""
    return EighResult(*corex.linalg.eigh(x))


def eigvals(x: Tensor, /) -> Tensor:
    """Eigenvalues of square matrices, which are complex."""
    return corex.linalg.eigvals(x)


def eigvalsh(x: Tensor, /) -> Tensor:
    """Eigenvalues of Hermitian matrices, in ascending order."""
    return corex.linalg.eigvalsh(x)


def qr(x: Tensor, /, *, mode: str = "reduced") -> QRResult:
    """Orthonormal columns and an upper triangle whose product is the matrix.

    Raises:
        ValueError: `mode` neither "reduced" nor "complete".
    """
    if mode not in ("reduced", "complete"):
        raise ValueError(f"[qr] mode must be 'reduced' or 'complete', got {mode!r}")
    return QRResult(*corex.linalg.qr(x, mode))


def svd(x: Tensor, /, *, full_matrices: bool = True) -> SVDResult:
    """The singular value decomposition; singular values descend."""
    return SVDResult(*corex.linalg.svd(x, full_matrices))


def svdvals(x: Tensor, /) -> Tensor:
    """The singular values, in descending order."""
    return corex.linalg.svdvals(x)


# ---- numbers about matrices ----------------------------------------------------------------------
def det(x: Tensor, /) -> Tensor:
    """Determinants."""
    return corex.linalg.det(x)


def slogdet(x: Tensor, /) -> SlogdetResult:
    """The signs of determinants, and the logarithms of their absolute values."""
    return SlogdetResult(*corex.linalg.slogdet(x))


def matrix_norm(x: Tensor, /, *, keepdims: bool = False, ord: Any = "fro") -> Tensor:
    """Norms of matrices: of their elements ("fro"), rows, columns or singular values."""
    return corex.linalg.matrix_norm(x, ord, keepdim=keepdims)


def matrix_rank(x: Tensor, /, *, rtol: Any = None) -> Tensor:
    """How many singular values exceed `rtol` times the largest one."""
    return corex.linalg.matrix_rank(x, rtol=rtol)


def trace(x: Tensor, /, *, offset: int = 0, dtype: DType | None = None) -> Tensor:
    """The sums of the elements on a diagonal."""
    return _sum(diagonal(x, offset=offset), axis=-1, dtype=dtype)


def vector_norm(
    x: Tensor,
    /,
    *,
    axis: int | tuple[int, ...] | None = None,
    keepdims: bool = False,
    ord: Any = 2,
) -> Tensor:
    """Norms of vectors, along axes or of all elements; along none of them, of each element."""
    if axis == ():  # which is all of them in PyTorch
        x, axis, keepdims = x.unsqueeze(-1), -1, False
    return corex.linalg.vector_norm(x, ord, axis, keepdims)


# ---- inverses and products -----------------------------------------------------------------------
def inv(x: Tensor, /) -> Tensor:
    """The inverses of square matrices."""
    return corex.linalg.inv(x)


def pinv(x: Tensor, /, *, rtol: Any = None) -> Tensor:
    """The pseudo-inverses; singular values up to `rtol` times the largest one count as 0."""
    return corex.linalg.pinv(x, rtol=rtol)


def solve(x1: Tensor, x2: Tensor, /) -> Tensor:
    """What `x1` times gives `x2`, which is a vector only if it has one axis."""
    a, b = operands("solve", x1, x2)
    if b.ndim == 1:
        return corex.linalg.solve(a, b.unsqueeze(-1)).squeeze(-1)
    return corex.linalg.solve(a, b)


def cross(x1: Tensor, x2: Tensor, /, *, axis: int = -1) -> Tensor:
    """The cross products of vectors of three elements along an axis; the others broadcast.

    Raises:
        ValueError: an axis of another size.
    """
    a, b = operands("cross", x1, x2)
    if a.shape[axis] != 3 or b.shape[axis] != 3:
        raise ValueError(f"[cross] axis {axis} must be of size 3: {a.shape} and {b.shape}")
    return corex.linalg.cross(*corex.broadcast_tensors(a, b), dim=axis)


def diagonal(x: Tensor, /, *, offset: int = 0) -> Tensor:
    """A view of a diagonal of each matrix."""
    return corex.linalg.diagonal(x, offset=offset)


def matrix_power(x: Tensor, n: int, /) -> Tensor:
    """Square matrices to an integer power."""
    return corex.linalg.matrix_power(x, n)


def outer(x1: Tensor, x2: Tensor, /) -> Tensor:
    """The products of each element of a vector with each of another."""
    return corex.outer(*operands("outer", x1, x2))


__all__ = [
    "cholesky", "cross", "det", "diagonal", "eig", "eigh", "eigvals", "eigvalsh", "inv", "matmul",
    "matrix_norm", "matrix_power", "matrix_rank", "matrix_transpose", "outer", "pinv", "qr",
    "slogdet", "solve", "svd", "svdvals", "tensordot", "trace", "vecdot", "vector_norm",
]  # fmt: skip
