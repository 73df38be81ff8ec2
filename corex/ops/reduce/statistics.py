"""Compositions of reductions: variance, norms, log-sum-exp, NaN-blind sums, medians."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from corex import dtypes as dt
from corex import return_types
from corex.dispatch.template import direct_buffer
from corex.dtypes import DType
from corex.layout import normalize_dim, normalize_dims, numel
from corex.ops.composed import composition
from corex.ops.linalg.norms import checked, kept
from corex.ops.pointwise.select import where
from corex.ops.promotion import cast, require_kinds, require_tensor
from corex.ops.reduce.order import argsort, selected
from corex.ops.reduce.reductions import amax, argmax, evenly, mean, sum_
from corex.ops.registration import exported, function
from corex.ops.shape.views import clone, reshape, shaped
from corex.return_types import ValuesIndices
from corex.tensor.tensor import Tensor, wrap

Dims = int | Sequence[int] | None


# ---- variance --------------------------------------------------------------------------------
@exported(out="cast")
def var(
    input: Tensor,
    dim: Any = None,
    unbiased: bool | None = None,
    keepdim: bool = False,
    *,
    correction: float | None = None,
    axis: Any = None,
) -> Tensor:
    """Variance with `correction` (default 1, Bessel's) subtracted from the count.

    Raises:
        RuntimeError: a tensor that is not floating point.
    """
    return _var(*_arguments(input, axis if dim is None else dim, unbiased, correction), keepdim)


def _arguments(
    input: Tensor, dim: Any, unbiased: bool | None, correction: float | None
) -> tuple[Tensor, tuple[int, ...], float]:
    """The tensor, its normalised dims and the correction that the arguments ask for."""
    if isinstance(dim, bool):
        dim, unbiased = None, dim
    if not require_tensor("var", input).key.dtype.is_inexact:
        raise RuntimeError("std and var only support floating point and complex dtypes")
    if correction is None:
        correction = 1 if unbiased is None or unbiased else 0
    correction = checked("var", "correction", correction)
    return input, normalize_dims(dim, input.ndim), correction


def _wide(a: Tensor) -> Tensor:
    """float64 where the place holds it: squares of float32 fit in there."""
    return cast(a, dt.float64) if a.key.place.holds(dt.float64) else a


def _spread_out(a: Tensor, dims: tuple[int, ...], correction: float, keepdim: bool) -> Tensor:
    """The variance, in the wide dtype."""
    if a.key.dtype.is_complex:
        parts = (a.real.contiguous(), a.imag.contiguous())  # dense ones have a kernel
        both = [_spread_out(part, dims, correction, keepdim) for part in parts]
        return both[0] + both[1]
    size = _size(a.shape, dims)
    freedom = max(size - correction, 0) if size else 0  # nothing varies by NaN, as in PyTorch
    if a._strides is None and dims and dims == tuple(range(a.ndim - len(dims), a.ndim)):
        rows = _of_rows(a, len(dims), freedom, keepdim)
        if rows is not None:
            return rows
    wide = _wide(a)
    deviation = wide - mean(wide, dims, True)
    total = sum_(deviation * deviation, dims, keepdim)
    return total / freedom if freedom else total / 0.0


def _of_rows(a: Tensor, last: int, freedom: float, keepdim: bool) -> Tensor | None:
    """The variance over the last dims of a dense tensor, by a direct kernel if there is one."""
    outer, inner = a.shape[: a.ndim - last], a.shape[a.ndim - last :]
    rows = (numel(outer), numel(inner))
    buffer = direct_buffer(a.key, "variance", rows, a.storage_.buffer, a.offset, float(freedom))
    if buffer is None:
        return None
    key = a.key.place.key(dt.float64)
    return wrap(key, buffer, (*outer, *[1] * last) if keepdim else outer)


def _size(shape: tuple[int, ...], dims: tuple[int, ...]) -> int:
    return numel(tuple([shape[d] for d in dims]))


def _var_slope(
    g: Tensor, a: Tensor, dims: tuple[int, ...], correction: float, keepdim: bool
) -> Tensor:
    freedom = _size(a.shape, dims) - correction
    whole = len(dims) == a.ndim
    if freedom == 0 or (freedom < 0 and whole):
        deviation = where(a == mean(a, dims, True), math.nan, math.inf)
        return kept(g, a, dims) * deviation
    return kept(g, a, dims) * (2.0 / freedom) * (a - mean(a, dims, True))


def _std_slope(
    g: Tensor, a: Tensor, y: Tensor, dims: tuple[int, ...], correction: float, keepdim: bool
) -> Tensor:
    """0 where all are equal, as in PyTorch; there the root has no slope."""
    return _var_slope((g / (y * 2)).masked_fill(y == 0, 0), a, dims, correction, keepdim)


_var = composition(
    "var", ("a",), lambda a, *params: cast(_spread_out(a, *params), a.key.dtype.to_real()),
    {"a": _var_slope}, ("dims", "correction", "keepdim"),
)  # fmt: skip
_std = composition(
    "std", ("a",), lambda a, *params: cast(_spread_out(a, *params).sqrt(), a.key.dtype.to_real()),
    {"a": _std_slope}, ("dims", "correction", "keepdim"),
)  # fmt: skip


@exported(out="cast")
def std(
    input: Tensor,
    dim: Any = None,
    unbiased: bool | None = None,
    keepdim: bool = False,
    *,
    correction: float | None = None,
    axis: Any = None,
) -> Tensor:
    """Standard deviation; see `var`."""
    return _std(*_arguments(input, axis if dim is None else dim, unbiased, correction), keepdim)


@function()
def var_mean(
    input: Tensor,
    dim: Any = None,
    unbiased: bool | None = None,
    keepdim: bool = False,
    *,
    correction: float | None = None,
) -> tuple[Tensor, Tensor]:
    """Variance and mean."""
    arguments = _arguments(input, dim, unbiased, correction)
    return _var(*arguments, keepdim), _middle(input, arguments[1], keepdim)


@function()
def std_mean(
    input: Tensor,
    dim: Any = None,
    unbiased: bool | None = None,
    keepdim: bool = False,
    *,
    correction: float | None = None,
) -> tuple[Tensor, Tensor]:
    """Standard deviation and mean."""
    arguments = _arguments(input, dim, unbiased, correction)
    return _std(*arguments, keepdim), _middle(input, arguments[1], keepdim)


def _middle(a: Tensor, dims: tuple[int, ...], keepdim: bool) -> Tensor:
    wide = a if a.key.dtype.is_complex else _wide(a)
    return cast(mean(wide, dims, keepdim), a.key.dtype)


# ---- without NaN -----------------------------------------------------------------------------
@exported(out="cast")
def nansum(
    input: Tensor, dim: Dims = None, keepdim: bool = False, *, dtype: DType | None = None
) -> Tensor:
    """Sum of what is not NaN."""
    known = require_tensor("nansum", input)
    if known.is_floating_point():
        known = _known(known)
    return sum_(known, dim, keepdim, dtype=dtype)


_known = composition(
    "nan_to_zero", ("a",), lambda a: a.masked_fill(a.isnan(), 0),
    {"a": lambda g, a: g * a.isnan().logical_not()}, label="NansumBackward0",
)  # fmt: skip


@exported(out="cast")
def nanmean(
    input: Tensor, dim: Dims = None, keepdim: bool = False, *, dtype: DType | None = None
) -> Tensor:
    """Mean of what is not NaN.

    Raises:
        RuntimeError: a tensor that is not floating point.
    """
    if not require_tensor("nanmean", input).is_floating_point():
        raise RuntimeError(
            f"nanmean(): expected input to have floating point dtype, got {input.dtype!r}"
        )
    known = input.isnan().logical_not()
    return nansum(input, dim, keepdim, dtype=dtype) / sum_(known, dim, keepdim)


# ---- order -----------------------------------------------------------------------------------
@exported(out="same")
def kthvalue(input: Tensor, k: int, dim: int = -1, keepdim: bool = False) -> ValuesIndices:
    """The k-th smallest entry of a dim (k counts from 1) and where it was.

    Raises:
        RuntimeError: k out of range.
    """
    dim = normalize_dim(dim, require_tensor("kthvalue", input).ndim)
    size = input.shape[dim] if input.shape else 1
    if not size:
        raise IndexError(f"kthvalue(): Expected reduction dim {dim} to have non-zero size.")
    if not 1 <= k <= size:
        raise RuntimeError(f"kthvalue(): selected number k out of range for dimension {dim}")
    if input.shape:
        require_kinds("kthvalue", "uif", input)
    return return_types.kthvalue(*_entry(input, k - 1, dim, keepdim))


def _entry(input: Tensor, at: int, dim: int, keepdim: bool) -> ValuesIndices:
    if not input.shape:
        return ValuesIndices(clone(input), argsort(input))
    index = selected(input, dim, at, 1)
    values = input.gather(dim, index)
    if keepdim:
        return ValuesIndices(values, index)
    left = (*input.shape[:dim], *input.shape[dim + 1 :])
    return ValuesIndices(shaped(values, left), shaped(index, left))


@exported(out="same")
def median(input: Tensor, dim: int | None = None, keepdim: bool = False) -> Any:
    """The middle value (the lower one of two); with `dim` its values and indices. NaN wins.

    Raises:
        IndexError: nothing along the dim.
    """
    require_kinds("median", "uif", require_tensor("median", input))
    if dim is None:
        flat = reshape(input, (-1,))
        if not flat.shape[0]:
            if flat.is_floating_point():
                return sum_(flat) * math.nan
            raise IndexError("median(): cannot compute the median of an empty integer tensor")
        return _whole(flat)
    dim = normalize_dim(dim, input.ndim)
    size = input.shape[dim] if input.shape else 1
    if not size:
        raise IndexError(f"median(): Expected reduction dim {dim} to have non-zero size.")
    middle = _entry(input, (size - 1) // 2, dim, keepdim)
    if not input.is_floating_point():
        return return_types.median(*middle)
    # The first NaN is the median of what holds one.
    poisoned = amax(input.detach(), dim, keepdim).isnan()
    if not poisoned.any().item():
        return return_types.median(*middle)
    at = argmax(input.detach(), dim, True)
    first = input.gather(dim, at)
    first, at = shaped(first, middle.values.shape), shaped(at, middle.values.shape)
    return return_types.median(
        where(poisoned, first, middle.values), where(poisoned, at, middle.indices)
    )


_whole = composition("median", ("a",), lambda a: median(a, 0).values, {"a": evenly})
