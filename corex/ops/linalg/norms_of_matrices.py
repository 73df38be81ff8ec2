"""Norms of vectors and matrices as `corex.linalg` has them, and the condition that they give."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from corex.dtypes import DType
from corex.layout import normalize_dim, normalize_dims, numel
from corex.ops.linalg import norms
from corex.ops.linalg.matrices import floating, matrices, square
from corex.ops.linalg.solve import inv, inv_ex
from corex.ops.linalg.spectral import svdvals
from corex.ops.promotion import cast, plain_number
from corex.ops.reduce.reductions import amax, amin, sum_
from corex.ops.shape.views import movedim, reshape, unsqueeze
from corex.tensor.tensor import Tensor

Dims = int | Sequence[int] | None


def vector_norm(
    x: Tensor,
    ord: Any = 2,
    dim: Dims = None,
    keepdim: bool = False,
    *,
    dtype: DType | None = None,
) -> Tensor:
    """The norm of vectors along dims, or of all elements: ord any number or infinity.

    Raises:
        RuntimeError: not floating point, or nothing along a dim where there is no norm of nothing.
    """
    order = float(plain_number(ord, "linalg.vector_norm", "ord"))
    a = _converted("linalg.vector_norm", x, dtype)
    if isinstance(dim, tuple | list) and not dim:
        dim = None
    if dim is None and not keepdim and a.ndim != 1:
        a, dim = reshape(a, (-1,)), 0
    if order < 0 or order == math.inf:
        _refuse_nothing(a, order, normalize_dims(dim, a.ndim))
    return norms.norm(a, order, dim, keepdim)


def _converted(op: str, x: Tensor, dtype: DType | None) -> Tensor:
    floating(op, x)
    if dtype is None or dtype is x.key.dtype:
        return x
    kind = x.key.dtype.kind
    if dtype.kind not in "fc" or (kind, dtype.kind) == ("c", "f") or not _holds(dtype, x):
        raise RuntimeError(
            f"{op}: the dtype of the input ({x.dtype!r}) should be convertible without narrowing "
            f"to the specified dtype ({dtype!r})"
        )
    return cast(x, dtype)


def _holds(dtype: DType, x: Tensor) -> bool:
    return dtype.to_real().itemsize >= x.key.dtype.to_real().itemsize


def _refuse_nothing(a: Tensor, order: float, dims: tuple[int, ...]) -> None:
    for d in dims:
        if not a.shape[d]:
            raise RuntimeError(
                f"linalg.vector_norm cannot compute the {order} norm on the dimension {d} because "
                f"this dimension is empty and the operation does not have an identity"
            )


# ---- of matrices -------------------------------------------------------------------------------
def matrix_norm(
    A: Tensor,
    ord: Any = "fro",
    dim: Any = (-2, -1),
    keepdim: bool = False,
    *,
    dtype: DType | None = None,
) -> Tensor:
    """The norm of matrices in two dims: 'fro', 'nuc', or 1, 2, inf (largest) and -1, -2, -inf
    (smallest column sum, singular value, row sum).

    Raises:
        RuntimeError: not floating point, not two dims, or another ord.
    """
    op = "linalg.matrix_norm"
    a = _converted(op, matrices(op, A), dtype)
    if isinstance(dim, int):
        raise TypeError(f"{op}(): argument 'dim' must be tuple of ints, not int")
    dims = tuple(dim)
    if len(dims) != 2:
        raise RuntimeError(f"{op}: dim must be a 2-tuple. Got {list(dims)}")
    first, second = (normalize_dim(d, a.ndim) for d in dims)
    if first == second:
        raise RuntimeError(f"{op}: dims must be different. Got ({dims[0]}, {dims[1]})")
    if isinstance(ord, str):
        if ord not in ("fro", "nuc"):
            raise RuntimeError(f"{op}: Order {ord} not supported.")
        if ord == "fro":
            return vector_norm(a, 2, (first, second), keepdim)
        return _by_singular_values(a, "nuc", (first, second), keepdim)
    order = float(plain_number(ord, op, "ord"))
    if abs(order) == 2:
        return _by_singular_values(a, order, (first, second), keepdim)
    if abs(order) not in (1, math.inf):
        raise RuntimeError(f"{op}: Order {ord} not supported.")
    along, over = (first, second) if abs(order) == 1 else (second, first)
    sums = vector_norm(a, 1, along, keepdim)
    if over > along and not keepdim:
        over -= 1
    return _extreme(sums, over, keepdim, order)


def _extreme(values: Tensor, dim: int, keepdim: bool, order: float) -> Tensor:
    """The largest value, or the smallest for a negative order; the largest of nothing is 0."""
    if order < 0:
        return amin(values, dim, keepdim)
    return amax(values, dim, keepdim) if values.shape[dim] else sum_(values, dim, keepdim)


def _by_singular_values(a: Tensor, ord: Any, dims: tuple[int, int], keepdim: bool) -> Tensor:
    values = svdvals(movedim(a, dims, (-2, -1)))
    if ord == "nuc":
        found = sum_(values, -1)
    else:
        found = _extreme(values, -1, False, ord)
    if keepdim:
        for d in sorted(dims):
            found = unsqueeze(found, d)
    return found


def norm(
    A: Tensor,
    ord: Any = None,
    dim: Dims = None,
    keepdim: bool = False,
    *,
    dtype: DType | None = None,
) -> Tensor:
    """`vector_norm` of all elements or along one dim; `matrix_norm`, if `ord` is given, of a
    matrix or along two dims.

    Raises:
        RuntimeError: as those; or `ord` is given, and the tensor has neither one dim nor two.
    """
    if ord is None:
        return vector_norm(A, 2, dim, keepdim, dtype=dtype)
    if dim is None:
        if A.ndim not in (1, 2):
            raise RuntimeError(
                "linalg.norm: If dim is not specified but ord is, the input must be 1D or 2D. Got "
                f"{A.ndim}D."
            )
        dim = (0,) if A.ndim == 1 else (0, 1)
    dims = (dim,) if isinstance(dim, int) else tuple(dim)
    if len(dims) not in (1, 2):
        raise RuntimeError(
            f"linalg.norm: If dim is specified, it must be of length 1 or 2. Got {list(dims)}"
        )
    if len(dims) == 1:
        if isinstance(ord, str):
            raise RuntimeError(f"linalg.norm: Order {ord} not supported for vectors")
        return vector_norm(A, ord, dims, keepdim, dtype=dtype)
    return matrix_norm(A, ord, dims, keepdim, dtype=dtype)


# ---- condition ---------------------------------------------------------------------------------
def cond(A: Tensor, p: Any = None) -> Tensor:
    """norm(A) * norm(A^-1), by the singular values for p None, 2 and -2; inf of singular matrices.

    Raises:
        RuntimeError: not floating point, not square though p needs an inverse, or another p.
    """
    floating("linalg.cond", A)
    if isinstance(p, list | tuple) or (isinstance(p, Tensor) and p.shape):
        raise TypeError("linalg_cond(): argument 'p' must be a number or a string")
    if not numel(A.shape):
        return A.new_zeros(A.shape[:-2], dtype=A.key.dtype.to_real())
    if p is None or p in (2, -2):
        matrices("linalg.cond", A)
        values = svdvals(A)
        first, last = values[..., 0], values[..., -1]
        return last / first if p == -2 else first / last
    square("linalg.cond", A)
    if p == "nuc":
        return matrix_norm(A, p) * matrix_norm(inv(A), p)
    inverse, info = inv_ex(A)
    found = matrix_norm(A, p) * matrix_norm(inverse, p)
    return found.masked_fill(info != 0, math.inf)
