"""Statistics of sorted entries: quantiles, the most frequent value, medians that know no NaN."""

from __future__ import annotations

import math
from typing import Any

from corex import dtypes as dt
from corex import return_types
from corex.dispatch.record import no_grad
from corex.layout import normalize_dim, numel
from corex.ops.composed import composition
from corex.ops.create.data import as_tensor
from corex.ops.create.like import empty_like
from corex.ops.indexing.gather import gather
from corex.ops.pointwise.select import where
from corex.ops.promotion import as_number, cast, require_tensor
from corex.ops.reduce.order import argsort, sort
from corex.ops.reduce.reductions import argmax, evenly, sum_
from corex.ops.reduce.scans import cummax, positions_along
from corex.ops.registration import exported
from corex.ops.shape.join import cat
from corex.ops.shape.parts import slice_view
from corex.ops.shape.views import clone, expand, movedim, reshape, shaped
from corex.return_types import ValuesIndices
from corex.tensor.tensor import Tensor


@exported(out="same")
def msort(input: Tensor) -> Tensor:
    """The entries sorted along the first dim."""
    if not require_tensor("msort", input).shape:
        return clone(input)
    values = sort(input, 0).values
    return values if input._strides is None else empty_like(input).copy_(values)


def _without(t: Tensor, dim: int, keepdim: bool) -> Tensor:
    """A result over a dim, of which size 1 is left, without it unless it shall stay."""
    return t if keepdim else shaped(t, (*t.shape[:dim], *t.shape[dim + 1 :]))


@exported(out="same")
def mode(input: Tensor, dim: int = -1, keepdim: bool = False) -> ValuesIndices:
    """The most frequent entry of a dim (the smallest of several), and where it is last.

    Raises:
        IndexError: nothing along the dim.
    """
    dim = normalize_dim(dim, require_tensor("mode", input).ndim)
    if not input.shape:
        return return_types.mode(clone(input), cast(input.detach(), dt.int64).new_zeros(()))
    size = input.shape[dim]
    if not size:
        raise IndexError(f"mode(): Expected reduction dim {dim} to have non-zero size.")
    with no_grad():
        order = argsort(input, dim)
        line = gather(input.detach(), dim, order)
        changed = slice_view(line, dim, 1, size - 1) != slice_view(line, dim, 0, size - 1)
        first = changed.new_ones((*line.shape[:dim], 1, *line.shape[dim + 1 :]))
        places = positions_along(line, dim)
        starts = cummax(where(cat([first, changed], dim), places, 0), dim).values
        # The end of the first of the longest runs of equals.
        at = gather(order, dim, argmax(places - starts, dim, True))
    values = gather(input, dim, at)
    return return_types.mode(_without(values, dim, keepdim), _without(at, dim, keepdim))


# ---- medians without NaN ---------------------------------------------------------------------
@exported(out="same")
def nanmedian(input: Tensor, dim: int | None = None, keepdim: bool = False) -> Any:
    """The middle of what is not NaN (the lower one of two); with `dim` its values and indices.

    Raises:
        IndexError: nothing along the dim. NotImplementedError: a bool tensor.
    """
    if require_tensor("nanmedian", input).key.dtype is dt.bool_:
        raise NotImplementedError('"median_cpu" not implemented for bool')
    if dim is None:
        flat = reshape(input, (-1,))
        if not flat.shape[0]:
            if flat.is_floating_point():
                return sum_(flat) * math.nan
            raise IndexError("nanmedian(): cannot compute the median of no integers")
        return _whole(flat)
    dim = normalize_dim(dim, input.ndim)
    if not input.shape:
        return return_types.nanmedian(input * 1, argsort(input))
    size = input.shape[dim]
    if not size:
        raise IndexError(f"median(): Expected reduction dim {dim} to have non-zero size.")
    order = argsort(input, dim)
    known = sum_(input.detach().isnan().logical_not(), dim, True)
    at = gather(order, dim, (known - 1).clamp(min=0).floor_divide(2))
    values = gather(input, dim, at)
    return return_types.nanmedian(_without(values, dim, keepdim), _without(at, dim, keepdim))


_whole = composition("nanmedian", ("a",), lambda a: nanmedian(a, 0).values, {"a": evenly})


# ---- quantiles -------------------------------------------------------------------------------
_INTERPOLATIONS = ("linear", "lower", "higher", "midpoint", "nearest")


@exported(out="same")
def quantile(
    input: Tensor,
    q: float | Tensor,
    dim: int | None = None,
    keepdim: bool = False,
    *,
    interpolation: str = "linear",
) -> Tensor:
    """The value below which a fraction `q` of the entries of a dim (or of all) lies; NaN wins.

    A vector `q` gives as many results, along a new first dim. Takes a sorted copy of the input.

    Raises:
        RuntimeError: nothing to sort, not floating-point, or a `q` outside of [0, 1].
    """
    return _quantile("quantile", input, q, dim, keepdim, interpolation)


@exported(out="same")
def nanquantile(
    input: Tensor,
    q: float | Tensor,
    dim: int | None = None,
    keepdim: bool = False,
    *,
    interpolation: str = "linear",
) -> Tensor:
    """`quantile` of what is not NaN; raises as that does."""
    return _quantile("nanquantile", input, q, dim, keepdim, interpolation)


def _quantile(
    op: str, input: Tensor, q: Any, dim: int | None, keepdim: bool, interpolation: str
) -> Tensor:
    levels = _levels(op, require_tensor(op, input), q)
    if interpolation not in _INTERPOLATIONS:
        raise RuntimeError(
            f"quantile() interpolation must be one of linear, lower, higher, midpoint or nearest, "
            f"but got {interpolation}"
        )
    if not numel(input.shape):
        raise RuntimeError("quantile() input tensor must be non-empty")
    if dim is None:
        kept = (1,) * input.ndim
        line = reshape(input, (-1,))
    else:
        at = normalize_dim(dim, input.ndim)
        kept = tuple([1 if d == at else size for d, size in enumerate(input.shape)])
        line = movedim(input, at, -1) if input.shape else reshape(input, (1,))
    found = _at_levels(line, levels, interpolation, op == "nanquantile")
    final = kept if keepdim else line.shape[:-1]
    if not levels.shape:
        return shaped(found, final)
    many = reshape(found, (*final, levels.shape[0]))
    return movedim(many, -1, 0)


def _levels(op: str, input: Tensor, q: Any) -> Tensor:
    """The fractions as a tensor of the input's dtype.

    Raises:
        RuntimeError: as `quantile`.
    """
    if not input.is_floating_point():
        raise RuntimeError("quantile() input tensor must be either float or double dtype")
    if not isinstance(q, Tensor):
        number = as_number(q)
        if number is None:
            raise TypeError(f"{op}(): argument 'q' must be Tensor or float, not {type(q).__name__}")
        if not 0 <= number <= 1:
            raise RuntimeError(f"quantile() q must be in the range [0, 1] but got {number}")
        place = input.key.place
        return as_tensor(
            float(number), dtype=input.key.dtype, device=place.device, backend=place.name
        )
    if q.ndim > 1:
        raise RuntimeError("quantile() q must be a scalar or 1D tensor")
    if q.key.dtype is not input.key.dtype:
        raise RuntimeError("quantile() q tensor must be same dtype as the input tensor")
    if numel(q.shape) and not (q.detach() >= 0).logical_and(q.detach() <= 1).all().item():
        raise RuntimeError("quantile() q values must be in the range [0, 1]")
    return q


def _at_levels(line: Tensor, levels: Tensor, interpolation: str, skip: bool) -> Tensor:
    """The quantiles of the last dim; as many along the last dim as there are levels."""
    order = argsort(line, -1)
    ordered = gather(line, line.ndim - 1, order)
    lost = line.detach().isnan()
    last = line.shape[-1] - 1
    q = reshape(levels, (-1,))
    if skip:
        known = cast(sum_(lost.logical_not(), -1, True), line.key.dtype) - 1
        rank = q * known.clamp(min=0)
    else:
        rank = q * last
        # A NaN takes every rank, and is the last of what is sorted.
        rank = where(lost.any(-1, True), float(last), expand(rank, (*line.shape[:-1], q.shape[0])))
    if interpolation in ("lower", "higher", "nearest"):
        whole = {"lower": rank.floor, "higher": rank.ceil, "nearest": rank.round}[interpolation]()
        return gather(ordered, line.ndim - 1, cast(whole.detach(), dt.int64))
    below = cast(rank.detach(), dt.int64)
    above = cast(rank.detach().ceil(), dt.int64)
    weight = rank - cast(below, line.key.dtype)
    if interpolation == "midpoint":
        weight = weight.detach() * 0 + 0.5
    low, high = (gather(ordered, line.ndim - 1, i) for i in (below, above))
    return low.lerp(high, weight)
