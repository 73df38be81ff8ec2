"""Norms, ranges, segments and approximate factorisations."""

from __future__ import annotations

import math
import warnings
from typing import Any

import corex
import corex.nn.functional as F
from corex.tensor.tensor import Tensor


# ---- norms ---------------------------------------------------------------------------------------
def nuclear_norm(input: Tensor, dim: Any = None, keepdim: bool = False) -> Tensor:
    """The sum of the singular values of a matrix, or of the matrices in two dims."""
    if isinstance(dim, bool):  # nuclear_norm(input, keepdim)
        dim, keepdim = None, dim
    result: Tensor = corex.linalg.matrix_norm(
        input, "nuc", (-2, -1) if dim is None else tuple(dim), keepdim
    )
    return result


def frobenius_norm(input: Tensor, dim: Any, keepdim: bool = False) -> Tensor:
    """The root of the sum of squares over dims."""
    dims = (dim,) if isinstance(dim, int) else tuple(dim)
    result: Tensor = corex.linalg.vector_norm(input, 2, dims or None, keepdim)
    return result


def native_norm(
    input: Tensor, p: Any = 2, dim: Any = None, keepdim: bool = False, dtype: Any = None
) -> Tensor:
    """See `norm`."""
    return corex.norm(input, 2 if p is None else p, dim or None, keepdim, dtype=dtype)


def norm_except_dim(v: Tensor, pow: int = 2, dim: int = 0) -> Tensor:
    """The norm of every slice along a dim, the other dims of length 1; of all if it is -1."""
    if dim == -1:
        return corex.norm(v, pow)
    return corex.norm(v, pow, [d for d in range(v.ndim) if d != dim % v.ndim], True)


# ---- numbers -------------------------------------------------------------------------------------
def vander(x: Tensor, N: int | None = None, increasing: bool = False) -> Tensor:
    """The powers 0 to N - 1 of every element of a vector, in a row, the highest first.

    Raises:
        RuntimeError: no vector.
    """
    if x.ndim != 1:
        raise RuntimeError("x must be a one-dimensional tensor.")
    count = x.shape[0] if N is None else N
    if count < 0:
        raise RuntimeError("N must be non-negative.")
    powers = [corex.ones_like(x)]
    while len(powers) < count:
        powers.append(powers[-1] * x)
    if not count:
        return x.new_empty((x.shape[0], 0))
    return corex.stack(powers if increasing else powers[::-1], 1)


def range_(start: float, end: float, step: float = 1, *, dtype: Any = None, **options: Any) -> Any:
    """Numbers from `start` to `end`, which is one of them if a step hits it.

    Raises:
        RuntimeError: a step of 0, or in the wrong direction.
    """
    warnings.warn(
        "range is deprecated, for its end is inclusive; use arange instead", UserWarning,
        stacklevel=3,
    )  # fmt: skip
    if step == 0:
        raise RuntimeError("step must be nonzero")
    if (end - start) * step < 0:
        raise RuntimeError("upper bound and lower bound inconsistent with step sign")
    count = math.floor((end - start) / step) + 1
    dtype = corex.get_default_dtype() if dtype is None else dtype
    wide = corex.arange(count, dtype=corex.float64, **options) * step + start
    return wide.to(dtype)


# ---- segments ------------------------------------------------------------------------------------
_START = {"sum": 0.0, "mean": 0.0, "prod": 1.0, "max": -math.inf, "min": math.inf}


def segment_reduce(
    data: Tensor,
    reduce: str,
    *,
    lengths: Tensor | None = None,
    indices: Tensor | None = None,
    offsets: Tensor | None = None,
    axis: int = 0,
    unsafe: bool = False,
    initial: float | None = None,
) -> Tensor:
    """Sum, mean, product, largest or smallest of each segment along an axis: segments lie one after
    the other, with the given lengths, or between the given offsets.

    Raises:
        RuntimeError: neither lengths nor offsets, an unknown reduction, or lengths that are not
            those of the axis.
    """
    if reduce not in _START:
        raise RuntimeError(f"unsupported reduction given! {reduce}")
    if indices is not None:
        raise RuntimeError("segment_reduce(): indices based reduction is not supported yet.")
    if (lengths is None) == (offsets is None):
        raise RuntimeError("segment_reduce(): Either lengths or offsets must be defined.")
    if offsets is not None:
        bounds = offsets.contiguous()
        lengths = offsets.diff()
    else:
        assert lengths is not None
        bounds = F.pad(lengths.cumsum(-1), [1, 0])
        if not unsafe and not bool((bounds[..., -1:] == data.shape[axis]).all().item()):
            raise RuntimeError(
                "segment_reduce(): Expected all rows of lengths along axis to sum to data.size("
                "lengths.dim()-1) when !unsafe."
            )
    places = corex.arange(data.shape[axis], dtype=bounds.dtype, device=data.device)
    places = places.expand(*bounds.shape[:-1], data.shape[axis]).contiguous()
    # 0 is what comes before the first segment, the number after the last one what comes behind it.
    of = corex.searchsorted(bounds, places, right=True)
    of = of.reshape(*of.shape, *(1,) * (data.ndim - of.ndim)).expand(data.shape)
    shape = list(data.shape)
    shape[axis] = bounds.shape[-1] + 1
    begin = data.new_full(shape, _START[reduce] if initial is None else initial)
    name = {"max": "amax", "min": "amin", "mean": "sum"}.get(reduce, reduce)
    whole = begin.scatter_reduce(axis, of, data, name)
    result = whole.narrow(axis, 1, shape[axis] - 2).clone()
    if reduce == "mean":
        count = lengths.reshape(*lengths.shape, *(1,) * (data.ndim - lengths.ndim))
        empty = corex.where(count == 0, math.nan if initial is None else initial, result)
        result = corex.where(count == 0, empty, result / count.clamp(min=1))
    return result


# ---- factorisations of low rank ------------------------------------------------------------------
def _basis(A: Tensor, q: int, niter: int) -> Tensor:
    """q orthonormal columns near to those that A's columns are made of, by subspace iteration
    (N. Halko, P. Martinsson, J. Tropp, "Finding structure with randomness", 2011, 4.4)."""
    start = corex.randn(A.shape[-1], q, dtype=A.dtype, device=A.device)
    basis = corex.linalg.qr(A @ start).Q
    for _ in range(niter):
        basis = corex.linalg.qr(A.mT @ basis).Q
        basis = corex.linalg.qr(A @ basis).Q
    return basis


def svd_lowrank(
    A: Tensor, q: int | None = 6, niter: int | None = 2, M: Tensor | None = None
) -> tuple[Tensor, Tensor, Tensor]:
    """U, S and V of matrices A, or A - M, of which about q singular values matter (5.1 of the same
    article); it draws random numbers."""
    if M is not None:
        A = A - M.broadcast_to(A.shape)
    wide = A.shape[-2] < A.shape[-1]
    tall = A.mT if wide else A
    basis = _basis(tall, 6 if q is None else q, 2 if niter is None else niter)
    left, values, right = corex.linalg.svd(basis.mT @ tall, full_matrices=False)
    left, right = basis @ left, right.mT
    return (right, values, left) if wide else (left, values, right)


def pca_lowrank(
    A: Tensor, q: int | None = None, center: bool = True, niter: int = 2
) -> tuple[Tensor, Tensor, Tensor]:
    """`svd_lowrank` of rows less their mean: V has the principal directions.

    Raises:
        ValueError: q or niter out of range.
    """
    m, n = A.shape[-2:]
    if q is None:
        q = min(6, m, n)
    elif not 0 <= q <= min(m, n):
        raise ValueError(
            f"q(={q}) must be non-negative integer and not greater than min(m, n)={min(m, n)}"
        )
    if not niter >= 0:
        raise ValueError(f"niter(={niter}) must be non-negative integer")
    return svd_lowrank(A - A.mean(-2, True) if center else A, q, niter)


# ---- what tensors are ----------------------------------------------------------------------------
def is_complex(input: Tensor) -> bool:
    """Whether the dtype is complex."""
    return input.dtype.is_complex


def is_signed(input: Tensor) -> bool:
    """Whether the dtype has negative numbers."""
    return input.dtype.is_signed


def is_nonzero(input: Tensor) -> bool:
    """Whether the only element is not 0.

    Raises:
        RuntimeError: no element, or more than one.
    """
    return bool(input)


def is_same_size(input: Tensor, other: Tensor) -> bool:
    """Whether the shapes are equal."""
    return input.is_same_size(other)


def get_device(input: Tensor) -> int:
    """The device's number, -1 of the processor."""
    return input.get_device()
