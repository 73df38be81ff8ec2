"""Running sums, and the order of entries along a dim: sorting and what is made of it."""

from __future__ import annotations

from operator import index as position

from corex import dtypes as dt
from corex import return_types
from corex.dispatch.bind import bind, dense_copy, order_of
from corex.dtypes import DType
from corex.layout import inverse, normalize_dim, numel, order_of_dims
from corex.ops.promotion import require_kinds
from corex.ops.reduce.network import sorted_places
from corex.ops.reduce.reductions import prepared
from corex.ops.registration import exported
from corex.ops.shape.parts import slice_view
from corex.ops.shape.views import call_along, clone, permute, relaid
from corex.return_types import ValuesIndices
from corex.tensor.schema import ALL, ARITHMETIC, OpSchema, declare, like_first
from corex.tensor.tensor import Tensor


def _sums_of_pairs(a: Tensor) -> Tensor:
    """Running sums by those of neighbouring pairs, which are half as many: 2 n additions."""
    dim, n = a.ndim - 1, a.shape[-1] if a.shape else 1
    result = a.clone()
    if n < 2:
        return result
    half, later = n // 2, (n - 1) // 2
    sums = _sums_of_pairs(slice_view(a, dim, 0, half, 2) + slice_view(a, dim, 1, half, 2))
    slice_view(result, dim, 1, half, 2).copy_(sums)
    slice_view(result, dim, 2, later, 2).add_(slice_view(sums, dim, 0, later))
    return result


CUMSUM = declare(
    OpSchema(
        "cumsum", ("a",), like_first,
        derivative={"a": lambda g: _cumsum_like(g.flip(-1)).flip(-1)},
        decomposition=_sums_of_pairs,
        tier=2, takes=ARITHMETIC, family="scan", analytic=False,
        doc="Running sums along the last dim.",
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
        return clone(a)
    if numel(a.shape):
        require_kinds("cumsum", "uifc", a)
    return call_along(CUMSUM, a, dim)


ARGSORT = declare(
    OpSchema(
        "argsort", ("a",), lambda a, descending: [(a.shape, dt.int64)], ("descending",),
        decomposition=sorted_places,
        tier=2, cost="n log^2 n", takes=ALL, family="sort", uniform=False,
        doc="Positions that sort the last dim, stable, NaN last.",
    )
)  # fmt: skip


def _selected_parts(a: Tensor, first: int, descending: bool, count: int) -> Tensor:
    order = bind(ARGSORT, (a,), (descending,))
    return dense_copy(slice_view(order, a.ndim - 1, first, count))


ARGSELECT = declare(
    OpSchema(
        "argselect", ("a",),
        lambda a, first, descending, count: [((*a.shape[:-1], count), dt.int64)],
        ("first", "descending", "count"), decomposition=_selected_parts, rule_params=1,
        tier=2, cost="n log^2 n", takes=ALL, family="sort", uniform=False,
        doc="Some entries of the positions that sort the last dim.",
    )
)  # fmt: skip


def selected(input: Tensor, dim: int, first: int, count: int, descending: bool = False) -> Tensor:
    """Entries `first` to `first + count` of what `argsort` gives along a dim."""
    return call_along(ARGSELECT, input.detach(), dim, (first, bool(descending), count))


@exported(out="same")
def argsort(input: Tensor, dim: int = -1, descending: bool = False, stable: bool = False) -> Tensor:
    """Positions that sort a dim (always stable); NaN counts as the largest.

    Raises:
        NotImplementedError: complex numbers, which have no order.
    """
    if input.key.dtype.is_complex:
        raise NotImplementedError("[sort] Sort does not support complex dtypes")
    dim = normalize_dim(dim, input.ndim)
    if not input.shape:
        return input.new_zeros(()).to(dt.int64)
    order = _order_in_memory(input)
    if order is None:
        return _places(input, dim, descending)
    moved = permute(input.detach(), order)
    return relaid(_places(moved, order.index(dim), descending), inverse(order))


def _places(input: Tensor, dim: int, descending: bool) -> Tensor:
    return call_along(ARGSORT, input.detach(), dim, (bool(descending),))


def _order_in_memory(input: Tensor) -> tuple[int, ...] | None:
    """The dims as they lie there, the slowest first, which those of results do as well; None if in
    their own order."""
    if input._strides is None:
        return None
    order = order_of_dims(input.shape, input._strides)
    return None if order == tuple(range(input.ndim)) else order


@exported(out="same")
def sort(
    input: Tensor, dim: int = -1, descending: bool = False, stable: bool = False
) -> ValuesIndices:
    """Sorted values of a dim and where they were."""
    order = _order_in_memory(input)
    if order is not None:
        dim = order.index(normalize_dim(dim, input.ndim))
        found = sort(permute(input, order).contiguous(), dim, descending)
        return return_types.sort(*[relaid(t, inverse(order)) for t in found])
    index = argsort(input, dim, descending)
    return return_types.sort(input.gather(dim, index) if input.shape else clone(input), index)


@exported(out="same")
def topk(
    input: Tensor, k: int, dim: int = -1, largest: bool = True, sorted: bool = True
) -> ValuesIndices:
    """The k largest (or smallest) entries of a dim and where they were.

    Raises:
        RuntimeError: k out of range. NotImplementedError: bool or complex numbers.
    """
    dim, k = normalize_dim(dim, input.ndim), position(k)
    if not 0 <= k <= (input.shape[dim] if input.shape else 1):
        raise RuntimeError("selected index k out of range")
    if input.key.dtype.kind in "bc":
        raise NotImplementedError(
            f"[topk] topk does not support {'bool' if input.key.dtype.kind == 'b' else 'complex'} "
            f"dtypes"
        )
    if not input.shape:
        return return_types.topk(input * 1, argsort(input))
    index = selected(input, dim, 0, k, largest)
    return return_types.topk(input.gather(dim, index), index)
