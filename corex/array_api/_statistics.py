"""The standard's reductions and scans, and `diff`.

Sums and products of integers narrower than the default ones are computed in int64 or uint64, by
their sign; others in their own dtype, unless `dtype` says otherwise.
"""

from __future__ import annotations

from typing import Any

import corex
from corex.array_api._promotion import normalized, operands, require_array
from corex.dtypes import DType
from corex.tensor.tensor import Tensor

Axes = int | tuple[int, ...] | None


def summed_dtype(x: Tensor, dtype: DType | None) -> DType:
    """The dtype of a sum or product.

    Raises:
        TypeError: `x` is no array.
    """
    kind = require_array("sum", x).dtype.kind
    if dtype is not None:
        return dtype
    return corex.uint64 if kind == "u" else corex.int64 if kind in "bi" else x.dtype


def _axes(x: Tensor, axis: Axes) -> tuple[int, ...]:
    """Axes to reduce, counted from the front; None is all of them.

    Raises:
        IndexError: there is none of this number. TypeError: `x` is no array.
    """
    require_array("reduction", x)
    if axis is None:
        return tuple(range(x.ndim))
    axes = (axis,) if isinstance(axis, int) else tuple(axis)
    return tuple([normalized("reduction", each, x.ndim) for each in axes])


# ---- reductions ----------------------------------------------------------------------------------
def all(x: Tensor, /, *, axis: Axes = None, keepdims: bool = False) -> Tensor:
    """Whether all elements are true."""
    axes = _axes(x, axis)
    found = x.to(corex.bool)
    return corex.all(found, axes, keepdims) if axes else found


def any(x: Tensor, /, *, axis: Axes = None, keepdims: bool = False) -> Tensor:
    """Whether one element is true."""
    axes = _axes(x, axis)
    found = x.to(corex.bool)
    return corex.any(found, axes, keepdims) if axes else found


def max(x: Tensor, /, *, axis: Axes = None, keepdims: bool = False) -> Tensor:
    """The largest element; NaN if there is one."""
    axes = _axes(x, axis)
    return corex.amax(x, axes, keepdims) if axes else x.clone()


def min(x: Tensor, /, *, axis: Axes = None, keepdims: bool = False) -> Tensor:
    """The smallest element; NaN if there is one."""
    axes = _axes(x, axis)
    return corex.amin(x, axes, keepdims) if axes else x.clone()


def mean(x: Tensor, /, *, axis: Axes = None, keepdims: bool = False) -> Tensor:
    """The arithmetic mean."""
    axes = _axes(x, axis)
    return corex.mean(x, axes, keepdims) if axes else x.clone()


def prod(
    x: Tensor, /, *, axis: Axes = None, dtype: DType | None = None, keepdims: bool = False
) -> Tensor:
    """The product of the elements."""
    values = require_array("prod", x).to(summed_dtype(x, dtype))
    for each in sorted(_axes(x, axis), reverse=True):
        values = corex.prod(values, each, keepdims, dtype=values.dtype)
    return values


def std(
    x: Tensor, /, *, axis: Axes = None, correction: float = 0.0, keepdims: bool = False
) -> Tensor:
    """The standard deviation: the square root of the variance."""
    return corex.sqrt(var(x, axis=axis, correction=correction, keepdims=keepdims))


def sum(
    x: Tensor, /, *, axis: Axes = None, dtype: DType | None = None, keepdims: bool = False
) -> Tensor:
    """The sum of the elements."""
    result, axes = summed_dtype(x, dtype), _axes(x, axis)
    return corex.sum(x, axes, keepdims, dtype=result) if axes else x.to(result, copy=True)


def var(
    x: Tensor, /, *, axis: Axes = None, correction: float = 0.0, keepdims: bool = False
) -> Tensor:
    """The mean of the squared distances from the mean, divided by N - correction."""
    axes = _axes(x, axis)
    if not axes:  # PyTorch takes an empty tuple for all axes
        return corex.var(x.unsqueeze(0), 0, correction=correction)
    return corex.var(x, axes, correction=correction, keepdim=keepdims)


# ---- scans ---------------------------------------------------------------------------------------
def _scan(
    name: str, op: Any, neutral: int, x: Tensor, axis: int | None, dtype: DType | None, begin: bool
) -> Tensor:
    """A scan, with the neutral element in front if it is to `begin` with it.

    Raises:
        ValueError: no axis, and the array has not just one.
    """
    require_array(name, x)
    if axis is None:
        if x.ndim != 1:
            raise ValueError(f"[{name}] axis is required for an array of {x.ndim} axes")
        axis = 0
    result: Tensor = op(x, axis, dtype=summed_dtype(x, dtype))
    if not begin:
        return result
    shape = list(x.shape)
    shape[axis] = 1
    return corex.cat([result.new_full(tuple(shape), neutral), result], axis)


def cumulative_prod(
    x: Tensor,
    /,
    *,
    axis: int | None = None,
    dtype: DType | None = None,
    include_initial: bool = False,
) -> Tensor:
    """The products of the elements up to each one; with `include_initial` a 1 before them."""
    return _scan("cumulative_prod", corex.cumprod, 1, x, axis, dtype, include_initial)


def cumulative_sum(
    x: Tensor,
    /,
    *,
    axis: int | None = None,
    dtype: DType | None = None,
    include_initial: bool = False,
) -> Tensor:
    """The sums of the elements up to each one; with `include_initial` a 0 before them."""
    return _scan("cumulative_sum", corex.cumsum, 0, x, axis, dtype, include_initial)


def diff(
    x: Tensor,
    /,
    *,
    axis: int = -1,
    n: int = 1,
    prepend: Tensor | None = None,
    append: Tensor | None = None,
) -> Tensor:
    """The n-th differences of neighbours, with arrays put before and behind first."""
    parts = operands("diff", *[each for each in (prepend, x, append) if each is not None])
    joined = parts[0] if len(parts) == 1 else corex.cat(parts, axis)
    return corex.diff(joined, n, axis)


__all__ = [
    "all", "any", "cumulative_prod", "cumulative_sum", "diff", "max", "mean", "min", "prod", "std",
    "sum", "var",
]  # fmt: skip
