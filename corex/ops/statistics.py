"""Compositions of reductions: variance, norms, log-sum-exp, NaN-blind sums, medians, products."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from corex import dtypes as dt
from corex import return_types
from corex.dispatcher import dense_copy
from corex.dtypes import DType
from corex.graph import mode
from corex.layout import normalize_dim, normalize_dims, numel
from corex.ops.join import cat
from corex.ops.parts import slice_view
from corex.ops.promotion import cast, check_bits, plain_number, require_tensor
from corex.ops.reduce import amax, amin, argsort, mean, sum_
from corex.ops.select import where
from corex.ops.views import reshape, shaped
from corex.return_types import ValuesIndices
from corex.tensor import Tensor

Dims = int | Sequence[int] | None


def _root(a: Tensor, power: float = 0.5) -> Tensor:
    """a ** power for a >= 0, whose derivative at 0 is taken to be 0, as PyTorch does in norms."""
    if a._node is None or not mode.enabled:
        return a.sqrt() if power == 0.5 else a.pow(power)
    zero = a == 0
    safe: Tensor = where(zero, 1.0, a)
    result: Tensor = where(zero, 0.0, safe.sqrt() if power == 0.5 else safe.pow(power))
    return result


# ---- variance --------------------------------------------------------------------------------
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
    dim = axis if dim is None else dim
    if isinstance(dim, bool):
        dim, unbiased = None, dim
    if not require_tensor("var", input).is_floating_point():
        raise RuntimeError("std and var only support floating point and complex dtypes")
    if correction is None:
        correction = 1 if unbiased is None or unbiased else 0
    correction = _checked("var", "correction", correction)
    dims = normalize_dims(dim, input.ndim)
    count = numel(tuple([input.shape[d] for d in dims]))
    deviation = input - mean(input, dims, True)
    total = sum_(deviation * deviation, dims, keepdim)
    freedom = max(count - correction, 0)
    return total / freedom if freedom else total / 0.0


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
    return _root(var(input, dim, unbiased, keepdim, correction=correction, axis=axis))


def var_mean(
    input: Tensor,
    dim: Any = None,
    unbiased: bool | None = None,
    keepdim: bool = False,
    *,
    correction: float | None = None,
) -> tuple[Tensor, Tensor]:
    """Variance and mean."""
    over = None if isinstance(dim, bool) else dim
    variance = var(input, dim, unbiased, keepdim, correction=correction)
    return variance, mean(input, over, keepdim)


def std_mean(
    input: Tensor,
    dim: Any = None,
    unbiased: bool | None = None,
    keepdim: bool = False,
    *,
    correction: float | None = None,
) -> tuple[Tensor, Tensor]:
    """Standard deviation and mean."""
    variance, middle = var_mean(input, dim, unbiased, keepdim, correction=correction)
    return _root(variance), middle


# ---- norms -----------------------------------------------------------------------------------
def _checked(op: str, name: str, value: Any) -> float:
    number = plain_number(value, op, name)
    check_bits(number)
    return float(number)


def norm(input: Tensor, p: Any = 2, dim: Dims = None, keepdim: bool = False) -> Tensor:
    """Vector norm over dims: p any number or infinity ('fro' is 2).

    Raises:
        RuntimeError: a tensor that is not floating point, or another word for p.
    """
    if isinstance(p, str) and p != "fro":
        raise RuntimeError(f"[norm] order {p!r} is not supported; use a number, inf, -inf or 'fro'")
    if not require_tensor("norm", input).is_floating_point():
        raise RuntimeError(f"[norm] expected a floating point tensor as input, got {input.dtype!r}")
    order = 2.0 if p in (None, "fro") else _checked("norm", "p", p)
    if order == 2:
        return _root(sum_(input * input, dim, keepdim))
    if math.isinf(order):
        _refuse_nothing(input, order, normalize_dims(dim, input.ndim))
    magnitude = input.abs()
    if order == math.inf:
        return amax(magnitude, () if dim is None else dim, keepdim)
    if order == -math.inf:
        return amin(magnitude, () if dim is None else dim, keepdim)
    if order == 0:
        return sum_((input != 0).to(input.key.dtype), dim, keepdim)
    if order == 1:
        return sum_(magnitude, dim, keepdim)
    if order < 0:
        return sum_(magnitude.pow(order), dim, keepdim).pow(1.0 / order)
    return _root(sum_(_root(magnitude, order), dim, keepdim), 1.0 / order)


def _refuse_nothing(input: Tensor, order: float, dims: tuple[int, ...]) -> None:
    """The largest of nothing is not defined."""
    for d in dims:
        if not input.shape[d]:
            raise RuntimeError(
                f"[norm] cannot compute the {order} norm over dimension {d} of shape "
                f"{list(input.shape)}: it is empty, and the operation has no identity"
            )


def dist(input: Tensor, other: Tensor, p: float = 2) -> Tensor:
    """The p-norm of input - other."""
    return norm(input - other, p)


def logsumexp(input: Tensor, dim: Dims, keepdim: bool = False) -> Tensor:
    """log(sum(exp(input))) over dims, without overflow."""
    if not require_tensor("logsumexp", input).is_floating_point():
        input = cast(input, dt.get_default_dtype())
    dims = normalize_dims(dim, input.ndim)
    if any(input.shape[d] == 0 for d in dims):
        return sum_(input.exp(), dims, keepdim).log()
    peak = amax(input.detach(), dims, True)
    peak = peak.masked_fill(peak.isinf(), 0)
    total = sum_((input - peak).exp(), dims, True).log() + peak
    if keepdim or not dims:
        return total
    return shaped(total, tuple([s for d, s in enumerate(input.shape) if d not in dims]))


# ---- without NaN -----------------------------------------------------------------------------
def nansum(
    input: Tensor, dim: Dims = None, keepdim: bool = False, *, dtype: DType | None = None
) -> Tensor:
    """Sum of what is not NaN."""
    known = require_tensor("nansum", input)
    if known.is_floating_point():
        known = known.masked_fill(known.isnan(), 0)
    return sum_(known, dim, keepdim, dtype=dtype)


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
    return return_types.kthvalue(*_entry(input, argsort(input, dim), k - 1, dim, keepdim))


def _entry(input: Tensor, order: Tensor, at: int, dim: int, keepdim: bool) -> ValuesIndices:
    if not input.shape:
        return ValuesIndices(input * 1, order)
    index = dense_copy(slice_view(order, dim, at, 1))
    values = input.gather(dim, index)
    if keepdim:
        return ValuesIndices(values, index)
    left = (*input.shape[:dim], *input.shape[dim + 1 :])
    return ValuesIndices(shaped(values, left), shaped(index, left))


def median(input: Tensor, dim: int | None = None, keepdim: bool = False) -> Any:
    """The middle value (the lower one of two); with `dim` its values and indices. NaN wins.

    Raises:
        IndexError: nothing along the dim.
    """
    if dim is None:
        flat = reshape(require_tensor("median", input), (-1,))
        if not flat.shape[0]:
            if flat.is_floating_point():
                return sum_(flat) * math.nan
            raise IndexError("median(): cannot compute the median of an empty integer tensor")
        return _shared(flat, median(flat.detach(), 0).values)
    dim = normalize_dim(dim, require_tensor("median", input).ndim)
    size = input.shape[dim] if input.shape else 1
    if not size:
        raise IndexError(f"median(): Expected reduction dim {dim} to have non-zero size.")
    order = argsort(input, dim)
    middle = _entry(input, order, (size - 1) // 2, dim, keepdim)
    if not input.is_floating_point():
        return return_types.median(*middle)
    # NaN sorts last: if the last entry is one, it is the median.
    last = _entry(input, order, size - 1, dim, keepdim)
    poisoned = last.values.isnan()
    if not poisoned.any().item():
        return return_types.median(*middle)
    return return_types.median(
        where(poisoned, last.values, middle.values), where(poisoned, last.indices, middle.indices)
    )


def _shared(line: Tensor, value: Tensor) -> Tensor:
    """`value`, with a gradient that all entries of the line equal to it share."""
    if line._node is None or not mode.enabled:
        return value
    same = cast(where(value.isnan(), line.isnan(), line == value), line.key.dtype)
    total = sum_(where(same == 0, 0.0, line) * (same / sum_(same)))
    return total + where(value.isnan(), 0.0, value - total.detach())


# ---- running products ------------------------------------------------------------------------
def cumprod(input: Tensor, dim: int, *, dtype: DType | None = None) -> Tensor:
    """Running products along a dim, by log2(n) shifted multiplications; integers become int64."""
    a = require_tensor("cumprod", input)
    if dtype is not None:
        a = cast(a, dtype)
    elif a.key.dtype.kind in "bui":
        a = cast(a, dt.int64)
    dim = normalize_dim(dim, a.ndim)
    if not a.shape:
        return a * 1
    n = a.shape[dim]
    if n < 2:
        return a * 1
    result = a
    step = 1
    while step < n:
        head = result.new_ones((*a.shape[:dim], step, *a.shape[dim + 1 :]))
        result = cat([head, slice_view(result, dim, 0, n - step)], dim) * result
        step *= 2
    return result
