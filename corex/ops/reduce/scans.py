"""Running products, extremes and log-sums along a dim, and chains, of which derivatives are made.

Without their kernels products and chains are made by halves, extremes and log-sums by doubling: a
pass combines each entry with that `step` before it, which holds what came before, and needs about
two more tensors of its size.
"""

from __future__ import annotations

from collections.abc import Callable

from corex import dtypes as dt
from corex import return_types
from corex.dispatch.bind import bind, order_of
from corex.dtypes import DType
from corex.layout import normalize_dim, numel
from corex.ops.create.ranges import arange
from corex.ops.indexing.gather import gather
from corex.ops.pointwise.select import where
from corex.ops.promotion import cast, counted, require_kinds, require_tensor
from corex.ops.reduce.reductions import prepared
from corex.ops.registration import exported
from corex.ops.shape.join import cat, stack
from corex.ops.shape.parts import slice_view
from corex.ops.shape.views import call_along, clone, contiguous, expand, reshape
from corex.return_types import ValuesIndices
from corex.tensor.schema import ALL, ARITHMETIC, INEXACT, OpSchema, declare, like_first
from corex.tensor.tensor import Tensor


def _from(t: Tensor, dim: int, start: int) -> Tensor:
    return slice_view(t, dim, start, t.shape[dim] - start)


# ---- chains ----------------------------------------------------------------------------------
def _chain_parts(a: Tensor, b: Tensor, reverse: bool) -> Tensor:
    """Pairs of links are one: a chain of half as many, from which the other half follows."""
    dim, n = a.ndim - 1, a.shape[-1]
    if n < 2:
        return a * 1
    if reverse:
        turned = cat([b.new_zeros((*b.shape[:-1], 1)), _from(b, dim, 1).flip(-1)], -1)
        return _chain_parts(a.flip(-1), turned, False).flip(-1)
    half = n // 2
    a0, b0 = (slice_view(t, dim, 0, half, 2) for t in (a, b))
    a1, b1 = (slice_view(t, dim, 1, half, 2) for t in (a, b))
    second = _chain_parts(a1 + b1 * a0, b1 * b0, False)
    behind = slice_view(second, dim, 0, half - 1)
    first = cat([slice_view(a0, dim, 0, 1), _from(a0, dim, 1) + _from(b0, dim, 1) * behind], -1)
    result = reshape(stack([first, second], -1), (*a.shape[:-1], 2 * half))
    if n % 2:
        last = _from(a, dim, n - 1) + _from(b, dim, n - 1) * _from(second, dim, half - 1)
        result = cat([result, last], -1)
    return result


def _chain(a: Tensor, b: Tensor, reverse: bool) -> Tensor:
    result: Tensor = bind(CHAIN, (a, b), (reverse,), order_of(a))
    return result


def _chain_factors(g: Tensor, b: Tensor, y: Tensor, reverse: bool) -> Tensor:
    """The gradient of b: each factor links the results at its place and before it."""
    if not y.shape[-1]:
        return b * 1
    dim, n = y.ndim - 1, y.shape[-1]
    links = _chain(g, b, not reverse)
    here, before = (links, y) if not reverse else (y, links)
    product = _from(here, dim, 1) * slice_view(before, dim, 0, n - 1)
    return cat([y.new_zeros((*y.shape[:-1], 1)), product], -1)


CHAIN = declare(
    OpSchema(
        "chain", ("a", "b"), like_first, ("reverse",),
        derivative={"a": lambda g, b, reverse: _chain(g, b, not reverse), "b": _chain_factors},
        decomposition=_chain_parts,
        tier=2, takes=INEXACT, family="scan", doc="a[j] + b[j] * (the result before), along rows.",
    )
)  # fmt: skip


# ---- running products ------------------------------------------------------------------------
def _products_of_pairs(a: Tensor) -> Tensor:
    """Running products by those of neighbouring pairs, which are half as many."""
    dim, n = a.ndim - 1, a.shape[-1] if a.shape else 1
    result = a.clone()
    if n < 2:
        return result
    half, later = n // 2, (n - 1) // 2
    first, second = (slice_view(a, dim, start, half, 2) for start in (0, 1))
    products = _products_of_pairs(first * second)
    slice_view(result, dim, 1, half, 2).copy_(products)
    slice_view(result, dim, 2, later, 2).mul_(slice_view(products, dim, 0, later))
    return result


def _cumprod_back(g: Tensor, a: Tensor, y: Tensor) -> Tensor:
    """The product of what is before an element, times a chain of those behind: no division."""
    behind = _chain(g, a, True)
    n = a.shape[-1]
    if n < 2:
        return behind
    ones = y.new_ones((*y.shape[:-1], 1))
    return behind * cat([ones, slice_view(y, y.ndim - 1, 0, n - 1)], -1)


CUMPROD = declare(
    OpSchema(
        "cumprod", ("a",), like_first, derivative={"a": _cumprod_back},
        decomposition=_products_of_pairs,
        complex_steps=lambda a: _products_of_pairs(a * 1),  # each begins at 1, which shows in NaN
        tier=2, takes=ARITHMETIC, family="scan", doc="Running products along the last dim.",
    )
)  # fmt: skip


@exported(inplace=True, out="dtype")
def cumprod(input: Tensor, dim: int, *, dtype: DType | None = None) -> Tensor:
    """Running products along a dim; integers become int64."""
    a = prepared("cumprod", input, dtype)
    dim = normalize_dim(dim, a.ndim)
    if a.shape and numel(a.shape):
        require_kinds("cumprod", "uifc", a)
    if not a.shape:
        return a * 1
    return call_along(CUMPROD, a, dim)


# ---- running extremes ------------------------------------------------------------------------
def positions_along(input: Tensor, dim: int) -> Tensor:
    """The position along a dim of every entry, int64, as an expanded view."""
    place = input.key.place
    line = arange(input.shape[dim], device=place.device, backend=place.name)
    return expand(reshape(line, (-1, *[1] * (input.ndim - 1 - dim))), input.shape)


def _running_places(a: Tensor, reached: Callable[[Tensor, Tensor], Tensor]) -> Tensor:
    values, dim = counted(a) if a.key.dtype is dt.bool_ else a, a.ndim - 1
    places, size, step = positions_along(a, dim) + 0, a.shape[dim], 1
    while step < size:
        earlier, later = slice_view(values, dim, 0, size - step), _from(values, dim, step)
        stays = reached(later, earlier)
        if values.is_floating_point():
            stays = later.isnan().logical_or(stays.logical_and(earlier.isnan().logical_not()))
        before = slice_view(places, dim, 0, size - step)
        moved = where(stays, _from(places, dim, step), before)
        places = cat([slice_view(places, dim, 0, step), moved], dim)
        moved = where(stays, later, earlier)
        values = cat([slice_view(values, dim, 0, step), moved], dim)
        step *= 2
    return places


def _places_of(name: str, reached: Callable[[Tensor, Tensor], Tensor], doc: str) -> OpSchema:
    return declare(
        OpSchema(
            name, ("a",), lambda a: [(a.shape, dt.int64)],
            decomposition=lambda a: _running_places(a, reached),
            tier=2, cost="n log^2 n", takes=ALL, family="scan", uniform=False, doc=doc,
        )
    )  # fmt: skip


ARGCUMMAX = _places_of(
    "argcummax", lambda later, it: later >= it, "Where the largest entry so far is."
)
ARGCUMMIN = _places_of(
    "argcummin", lambda later, it: later <= it, "Where the smallest entry so far is."
)


def _running(schema: OpSchema, input: Tensor, dim: int) -> tuple[Tensor, Tensor]:
    dim = normalize_dim(dim, require_tensor(schema.name[3:], input).ndim)
    if not input.shape:
        return clone(input), cast(input.detach(), dt.int64).new_zeros(())
    places = call_along(schema, input.detach(), dim)
    return gather(input, dim, places), places


@exported(out="same")
def cummax(input: Tensor, dim: int) -> ValuesIndices:
    """The largest entry so far along a dim, and where it is: the last of equals; NaN stays."""
    return return_types.cummax(*_running(ARGCUMMAX, input, dim))


@exported(out="same")
def cummin(input: Tensor, dim: int) -> ValuesIndices:
    """The smallest entry so far along a dim, and where it is: the last of equals; NaN stays."""
    return return_types.cummin(*_running(ARGCUMMIN, input, dim))


# ---- logarithms of running sums --------------------------------------------------------------
def _log_sums(a: Tensor) -> Tensor:
    dim, size, step = a.ndim - 1, a.shape[-1], 1
    result = a.clone()
    while step < size:
        sums = _from(result, dim, step).logaddexp(slice_view(result, dim, 0, size - step))
        result = cat([slice_view(result, dim, 0, step), sums], dim)
        step *= 2
    return result


def _ratio(x: Tensor, y: Tensor) -> Tensor:
    """exp(x - y), and 1 of equal infinities."""
    return (x - y).masked_fill(x == y, 0.0).exp()


def _log_sums_back(g: Tensor, a: Tensor, y: Tensor) -> Tensor:
    """exp(a) times the sum, from the end, of g exp(-y): as a chain of ratios, none above 1."""
    if not a.shape[-1]:
        return g * 1
    dim, n = y.ndim - 1, y.shape[-1]
    before = cat([slice_view(y, dim, 0, 1), slice_view(y, dim, 0, n - 1)], -1)
    return _ratio(a, y) * _chain(g, _ratio(before, y), True)


LOGCUMSUMEXP = declare(
    OpSchema(
        "logcumsumexp", ("a",), like_first, derivative={"a": _log_sums_back},
        decomposition=_log_sums,
        tier=2, cost="n log^2 n", takes=INEXACT, family="scan",
        doc="Logarithms of running sums of exponentials along the last dim.",
    )
)  # fmt: skip


@exported(out="same")
def logcumsumexp(input: Tensor, dim: int) -> Tensor:
    """The logarithm of running sums of exponentials along a dim.

    Raises:
        NotImplementedError: not a floating-point tensor.
    """
    dim = normalize_dim(dim, require_tensor("logcumsumexp", input).ndim)
    require_kinds("logcumsumexp", "fc", input)
    return call_along(LOGCUMSUMEXP, contiguous(input), dim) if input.shape else input * 1
