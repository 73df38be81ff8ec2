"""Running sums, and the order of entries along a dim: sorting and what is made of it."""

from __future__ import annotations

from corex import dtypes as dt
from corex import return_types
from corex.dispatch.bind import bind, dense_copy, order_of
from corex.dtypes import DType
from corex.layout import normalize_dim
from corex.ops.reduce.reductions import prepared, sum_
from corex.ops.registration import exported
from corex.ops.shape.views import call_along, expand, unsqueeze
from corex.return_types import ValuesIndices
from corex.tensor.schema import ALL, NUMBER, OpSchema, declare, like_first
from corex.tensor.tensor import Tensor


def _doubling_cumsum(a: Tensor) -> Tensor:
    """Prefix sums by log2(n) shifted additions."""
    result = a.clone()
    n = a.shape[-1] if a.shape else 1
    step = 1
    while step < n:
        shifted = result.new_zeros(result.shape)
        shifted.narrow(-1, step, n - step).copy_(result.narrow(-1, 0, n - step))
        result = result + shifted
        step *= 2
    return result


CUMSUM = declare(
    OpSchema(
        "cumsum", ("a",), like_first,
        derivative={"a": lambda g: _cumsum_like(g.flip(-1)).flip(-1)},
        decomposition=_doubling_cumsum,
        tier=2, takes=NUMBER, family="scan", doc="Running sums along the last dim.",
    )
)  # fmt: skip


def _cumsum_like(a: Tensor) -> Tensor:
    """Running sums along the last dim, with the dims in the order that `a` has in memory."""
    result: Tensor = bind(CUMSUM, (a,), (), order_of(a))
    return result


@exported(inplace=True, out="dtype")
def cumsum(input: Tensor, dim: int, *, dtype: DType | None = None) -> Tensor:
    """Running sums along a dim; integers become int64."""
    a = prepared("cumsum", input, dtype)
    dim = normalize_dim(dim, a.ndim)
    if not a.shape:
        return a * 1
    return call_along(CUMSUM, a, dim)


def _ranks(a: Tensor, descending: bool) -> Tensor:
    """Stable sort by counting, for each element, those that come before it: n * n comparisons."""
    n = a.shape[-1]
    x, other = unsqueeze(a, -1), unsqueeze(a, -2)
    if a.is_floating_point():
        x_nan, other_nan = x.isnan(), other.isnan()
        less = (other < x).logical_or(x_nan.logical_and(other_nan.logical_not()))
        greater = (other > x).logical_or(other_nan.logical_and(x_nan.logical_not()))
    else:
        less, greater = other < x, other > x
    before = greater if descending else less
    ties = less.logical_or(greater).logical_not()
    position = a.new_zeros((n,)).to(dt.int64) + 1
    position = cumsum(position, 0) - 1
    earlier = unsqueeze(position, 0) < unsqueeze(position, 1)
    rank = sum_(before.logical_or(ties.logical_and(earlier)), -1)
    result = rank.new_zeros(rank.shape)
    return result.scatter_add(-1, rank, expand(position, rank.shape))


ARGSORT = declare(
    OpSchema(
        "argsort", ("a",), lambda a, descending: [(a.shape, dt.int64)], ("descending",),
        decomposition=_ranks,
        tier=2, takes=ALL, family="sort", uniform=False,
        doc="Positions that sort the last dim, stable, NaN last.",
    )
)  # fmt: skip


@exported(out="same")
def argsort(input: Tensor, dim: int = -1, descending: bool = False, stable: bool = False) -> Tensor:
    """Positions that sort a dim (always stable); NaN counts as the largest."""
    dim = normalize_dim(dim, input.ndim)
    if not input.shape:
        return input.new_zeros(()).to(dt.int64)
    return call_along(ARGSORT, input.detach(), dim, (bool(descending),))


@exported(out="same")
def sort(
    input: Tensor, dim: int = -1, descending: bool = False, stable: bool = False
) -> ValuesIndices:
    """Sorted values of a dim and where they were."""
    index = argsort(input, dim, descending)
    return return_types.sort(input.gather(dim, index) if input.shape else input * 1, index)


@exported(out="same")
def topk(
    input: Tensor, k: int, dim: int = -1, largest: bool = True, sorted: bool = True
) -> ValuesIndices:
    """The k largest (or smallest) entries of a dim and where they were.

    Raises:
        RuntimeError: k out of range.
    """
    dim = normalize_dim(dim, input.ndim)
    if not 0 <= k <= (input.shape[dim] if input.shape else 1):
        raise RuntimeError("selected index k out of range")
    if not input.shape:
        return return_types.topk(input * 1, argsort(input))
    index = dense_copy(argsort(input, dim, largest).narrow(dim, 0, k))
    return return_types.topk(input.gather(dim, index), index)
