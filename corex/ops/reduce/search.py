"""Where values belong in a sorted sequence, whether they are among others, and histograms."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from corex import dtypes as dt
from corex import return_types
from corex.layout import contiguous_strides, numel
from corex.ops.create.data import as_tensor
from corex.ops.create.ranges import linspace
from corex.ops.indexing.along import index_select
from corex.ops.indexing.gather import gather
from corex.ops.pointwise.select import where
from corex.ops.promotion import as_number, cast, require_kinds, require_tensor, result_type
from corex.ops.reduce.order import sort
from corex.ops.registration import exported, function
from corex.ops.shape.parts import slice_view, unbind
from corex.ops.shape.views import contiguous, reshape, shaped, unsqueeze
from corex.tensor.tensor import Tensor


# ---- positions in a sorted sequence ----------------------------------------------------------
def _entries(line: Tensor, at: Tensor) -> Tensor:
    """Entries of the last dim: a vector's for any positions, else those of the same row."""
    if line.ndim == 1:
        return shaped(index_select(line, 0, reshape(at, -1)), at.shape)
    return gather(line, line.ndim - 1, at)


def _insertion(line: Tensor, values: Tensor, right: bool, sorter: Tensor | None) -> Tensor:
    """How many entries of a sorted line come before each value, by bisection.

    It looks where PyTorch's does, so that unsorted lines have the same results.
    """
    size = line.shape[-1]
    low = cast(values.detach(), dt.int64).new_zeros(values.shape)
    high = low + size
    for _ in range(size.bit_length()):
        middle = (low + high).bitwise_right_shift(1)
        at = middle.clamp(max=size - 1)
        if sorter is not None:
            at = _entries(sorter, at)
        entry = _entries(line, at)
        # Not behind the value rather than before it, so that NaN comes last.
        before = (entry > values if right else entry >= values).logical_not()
        left = low < high
        high = where(left.logical_and(before.logical_not()), middle, high)
        low = where(left.logical_and(before), middle + 1, low)
    return low


def _values_of(op: str, line: Tensor, values: Any) -> Tensor:
    if isinstance(values, Tensor):
        return values.detach()
    if as_number(values) is None:
        raise TypeError(
            f"{op}(): the values must be a Tensor or a Number, not {type(values).__name__}"
        )
    place = line.key.place
    return as_tensor(values, device=place.device, backend=place.name)


def _searched(
    op: str, line: Tensor, values: Tensor, right: bool, sorter: Tensor | None, out_int32: bool
) -> Tensor:
    for t, kinds in ((line, "uif"), (values, "buif")):
        if numel(t.shape):
            require_kinds(op, kinds, t)
    if values.key.dtype is dt.bool_:
        values = cast(values, dt.uint8)
    common = result_type(line, values) if values.shape else line.key.dtype
    if not values.shape and values.key.dtype.category > line.key.dtype.category:
        common = values.key.dtype
    found = _insertion(cast(line.detach(), common), cast(contiguous(values), common), right, sorter)
    return cast(found, dt.int32 if out_int32 else dt.int64)


@function(out="same")
def searchsorted(
    sorted_sequence: Tensor,
    input: Any,
    *,
    out_int32: bool = False,
    right: bool = False,
    side: str | None = None,
    sorter: Tensor | None = None,
) -> Tensor:
    """Where each value would have to be put into a sorted vector, or its row of sorted ones.

    Before its equals, or (`right`, or `side="right"`) behind them. `sorter` holds the positions
    that sort the sequence.

    Raises:
        RuntimeError: shapes that do not fit, or contradictory sides.
    """
    line = require_tensor("searchsorted", sorted_sequence, "sorted_sequence")
    values = _values_of("searchsorted", line, input)
    if side is not None and side not in ("left", "right"):
        raise RuntimeError(
            f"torch.searchsorted(): side can only be 'left' or 'right' but got {side}"
        )
    if side == "left" and right:
        raise RuntimeError(
            "torch.searchsorted(): side and right can't be set to opposites, got side of left "
            "while right was True"
        )
    if not values.shape and line.ndim != 1:
        raise RuntimeError(
            f"torch.searchsorted(): input value can be a scalar only when boundaries tensor "
            f"dimension is 1, but we got boundaries tensor dim({line.ndim}) and input value's "
            f"dim(0) numel(1)"
        )
    if not line.shape:
        raise RuntimeError("torch.searchsorted(): boundaries tensor should have positive dimension")
    if line.ndim > 1 and line.shape[:-1] != values.shape[:-1]:
        raise RuntimeError(
            f"torch.searchsorted(): boundaries tensor should be 1 dimension or the first N-1 "
            f"dimensions of boundaries tensor and input value tensor must match, but we got "
            f"boundaries tensor {list(line.shape)} and input value tensor {list(values.shape)}"
        )
    if sorter is not None:
        _check_sorter(line, sorter)
    return _searched("searchsorted", line, values, right or side == "right", sorter, out_int32)


def _check_sorter(line: Tensor, sorter: Tensor) -> None:
    if require_tensor("searchsorted", sorter, "sorter").shape != line.shape:
        raise RuntimeError(
            f"torch.searchsorted(): boundary and sorter must have the same size, but got boundary "
            f"tensor {list(line.shape)}and got sorter tensor {list(sorter.shape)}"
        )
    if sorter.key.dtype is not dt.int64:
        raise RuntimeError(
            f"torch.searchsorted(): sorter must be a tensor of long dtype but got dtype "
            f"{sorter.key.dtype!r}"
        )
    if numel(sorter.shape) and not (
        sorter.amin().item() >= 0 and sorter.amax().item() < line.shape[-1]
    ):
        raise RuntimeError("torch.searchsorted(): sorter index out of range")


@function(out="same")
def bucketize(
    input: Any, boundaries: Tensor, *, out_int32: bool = False, right: bool = False
) -> Tensor:
    """Between which of the sorted boundaries each value is; see `searchsorted`.

    Raises:
        RuntimeError: boundaries that are no vector.
    """
    if require_tensor("bucketize", boundaries, "boundaries").ndim != 1:
        raise RuntimeError(f"boundaries tensor must be 1 dimension, but got dim({boundaries.ndim})")
    values = _values_of("bucketize", boundaries, input)
    return _searched("bucketize", boundaries, values, right, None, out_int32)


# ---- membership ------------------------------------------------------------------------------
@function(out="same")
def isin(
    elements: Any, test_elements: Any, *, assume_unique: bool = False, invert: bool = False
) -> Tensor:
    """Whether each element is among the test elements; NaN is among none.

    Raises:
        RuntimeError: bool tensors. TypeError: neither is a tensor.
    """
    if not (isinstance(elements, Tensor) or isinstance(test_elements, Tensor)):
        raise TypeError("isin(): elements or test_elements must be a Tensor")
    like = elements if isinstance(elements, Tensor) else test_elements
    values, tests = (_values_of("isin", like, t) for t in (elements, test_elements))
    for t in (values, tests):
        if t.key.dtype is dt.bool_:
            raise RuntimeError("Unsupported input type encountered for isin(): Bool")
    common = result_type(values, tests)
    line = sort(reshape(cast(tests, common), -1)).values
    size = line.shape[0]
    dense = contiguous(cast(values, common))
    if not size:
        return dense != dense if invert is False else dense == dense
    at = _insertion(line, dense, False, None).clamp(max=size - 1)
    found = _entries(line, at) == dense
    return found.logical_not() if invert else found


@function()
def unravel_index(indices: Tensor, shape: int | Sequence[int]) -> tuple[Tensor, ...]:
    """The coordinates, a tensor for each dim, of positions in row-major order.

    Raises:
        TypeError: indices that are not integers, or a shape that is none.
        ValueError: a negative size. RuntimeError: positions in a shape without elements.
    """
    dtype = require_tensor("unravel_index", indices, "indices").key.dtype
    if dtype.kind not in "ui":
        raise TypeError(f"expected 'indices' to be integer dtype, but got {dtype!r}")
    if not isinstance(shape, int | list | tuple):
        raise TypeError(f"expected 'shape' to be int or sequence of ints, but got {type(shape)}")
    sizes = (shape,) if isinstance(shape, int) else tuple(shape)
    for size in sizes:
        if not isinstance(size, int):
            raise TypeError(f"expected 'shape' sequence to only contain ints, but got {type(size)}")
        if size < 0:
            raise ValueError(f"'shape' cannot have negative values, but got {sizes}")
    if 0 in sizes and numel(indices.shape):
        raise RuntimeError(f"[unravel_index] there are no positions in the shape {sizes}")
    steps = contiguous_strides(tuple([max(size, 1) for size in sizes]))
    place = indices.key.place
    divisors, moduli = (
        as_tensor(list(one), dtype=dt.int64, device=place.device, backend=place.name)
        for one in (steps, [max(size, 1) for size in sizes])
    )
    flat = unsqueeze(cast(indices, dt.int64), -1)
    return unbind(flat.floor_divide(divisors).remainder(moduli), -1)


# ---- histograms ------------------------------------------------------------------------------
def _bounds(
    op: str, input: Tensor, low: float, high: float, automatic: bool
) -> tuple[float, float]:
    """The ends of the outermost bins: those of the data where they are not given.

    Raises:
        RuntimeError: they are not finite.
    """
    if automatic and numel(input.shape):
        low, high = input.amin().item(), input.amax().item()
    if not (math.isfinite(low) and math.isfinite(high)):
        raise RuntimeError(f"{op}: range of [{low}, {high}] is not finite")
    return (low - 1, high + 1) if low == high else (low, high)


def searched(line: Tensor, edges: Tensor, even: bool) -> tuple[Tensor, Tensor]:
    """The bins of values, and which have one; the last edge counts within."""
    bins = edges.shape[0] - 1
    first, last = slice_view(edges, 0, 0, 1), slice_view(edges, 0, bins, 1)
    inside = (line >= first).logical_and(line <= last)
    if even:  # bins of one width, found as PyTorch does, so that rounding is the same
        at = cast(where(inside, (line - first) * bins / (last - first), 0.0), dt.int64)
    else:
        at = _insertion(edges, line, True, None) - 1
    return at.clamp(0, bins - 1), inside


def _counted(line: Tensor, edges: Tensor, weight: Tensor | None, even: bool) -> Tensor:
    """The number (or weight) of values between neighbouring edges."""
    at, inside = searched(line, edges, even)
    share = cast(inside, line.key.dtype) if weight is None else where(inside, weight, 0.0)
    return line.new_zeros((edges.shape[0] - 1,)).scatter_add(0, at, share)


def check_floating(op: str, input: Tensor) -> None:
    if not require_tensor(op, input).is_floating_point():
        raise NotImplementedError(f'[{op}] "{op}" not implemented for {input.key.dtype!r}')


def _check_bins(bins: int, dimension: int = 0) -> None:
    if bins <= 0:
        raise RuntimeError(
            f"torch.histogram(): bins must be > 0, but got {bins} for dimension {dimension}"
        )


@exported(out="same")
def histc(input: Tensor, bins: int = 100, min: float = 0, max: float = 0) -> Tensor:
    """The number of elements in each of `bins` intervals between `min` and `max`.

    Where both are equal they are the smallest and largest element.

    Raises:
        RuntimeError: no bins, or bounds that are none. NotImplementedError: not floating-point.
    """
    check_floating("histc", input)
    _check_bins(bins)
    if min > max:
        raise RuntimeError("torch.histc: max must be larger than min")
    low, high = _bounds("torch.histc", input.detach(), min, max, min == max)
    edges = _even_edges(input, low, high, bins)
    return _counted(reshape(input.detach(), -1), edges, None, True)


def _even_edges(input: Tensor, low: float, high: float, bins: int) -> Tensor:
    place = input.key.place
    return linspace(
        low, high, bins + 1, dtype=input.key.dtype, device=place.device, backend=place.name
    )


@exported(out="same")
def histogram(
    input: Tensor,
    bins: int | Tensor = 100,
    *,
    range: Sequence[float] | None = None,
    weight: Tensor | None = None,
    density: bool = False,
) -> tuple[Tensor, Tensor]:
    """Counts (or sums of weights) of elements between edges, and the edges.

    Edges are given, or are those of `bins` intervals of one width over `range`, which is by
    default that of the elements.

    Raises:
        RuntimeError: no bins, or a range or weights that do not fit.
        NotImplementedError: not floating-point.
    """
    check_floating("histogram", input)
    line = reshape(input.detach(), -1)
    if weight is not None and weight.shape != input.shape:
        raise RuntimeError(
            f"torch.histogramdd: if weight tensor is provided it should have the same shape as "
            f"the input tensor excluding its innermost dimension, but got input with shape "
            f"{list(input.shape)} and weight with shape {list(weight.shape)}"
        )
    if weight is not None and weight.key.dtype is not input.key.dtype:
        raise RuntimeError(
            f"torch.histogramdd: if weight tensor is provided, input tensor and weight tensor "
            f"should have the same dtype, but got input({input.key.dtype.name}), and "
            f"weight({weight.key.dtype.name})"
        )
    weight = None if weight is None else reshape(weight.detach(), -1)
    edges = edges_of(input, bins, range)
    counts = _counted(line, edges, weight, not isinstance(bins, Tensor))
    if density:
        counts = counts / counts.sum() / (edges[1:] - edges[:-1])
    return return_types.histogram(counts, edges)


def edges_of(
    input: Tensor, bins: int | Tensor, range: Sequence[float] | None, dimension: int = 0
) -> Tensor:
    """The edges of the bins along one dimension, of which `input` has the coordinates."""
    if isinstance(bins, Tensor):
        if bins.ndim != 1:
            raise RuntimeError(
                f"torch.histogramdd: bins tensor should have one dimension, but got {bins.ndim} "
                f"dimensions in the bins tensor for dimension {dimension}"
            )
        if bins.key.dtype is not input.key.dtype:
            raise RuntimeError(
                f"torch.histogramdd: input tensor and bins tensors should have the same dtype, but "
                f"got input with dtype {input.key.dtype.name} and bins for dimension {dimension} "
                f"with dtype {bins.key.dtype.name}"
            )
        return bins.detach().clone()
    _check_bins(bins, dimension)
    if range is None:
        low, high = _span(input)
    else:
        if len(range) != 2:
            raise RuntimeError(
                f"torch.histogramdd: for a 1-dimensional histogram range should have 2 elements, "
                f"but got {len(range)}"
            )
        low, high = range
        if low > high:
            raise RuntimeError(
                f"torch.histogramdd: min should not exceed max, but got min {low} max {high} for "
                f"dimension {dimension}"
            )
    if not (math.isfinite(low) and math.isfinite(high)):
        raise RuntimeError(
            f"torch.histogramdd: dimension {dimension}'s range [{low}, {high}] is not finite"
        )
    if low == high:
        low, high = low - 0.5, high + 0.5
    return _even_edges(input, low, high, bins)


def _span(input: Tensor) -> tuple[float, float]:
    if not numel(input.shape):
        return 0.0, 1.0
    found = input.detach()
    return float(found.amin().item()), float(found.amax().item())
