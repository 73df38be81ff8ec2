"""Entries combined at the positions that an index names: `scatter_reduce`, `index_reduce`, `put`.

Sums come from `scatter_add`. For products and extremes the source is sorted by position, and each
run of one position reduced by doubling: log2(n) passes over tensors of the source's size.
"""

from __future__ import annotations

from collections.abc import Callable

from corex import dtypes as dt
from corex.dispatch.resolve import check_places
from corex.layout import contiguous_strides, normalize_dim, numel
from corex.ops.composed import composition
from corex.ops.create.like import empty_like
from corex.ops.create.ranges import arange
from corex.ops.indexing.along import index_select
from corex.ops.indexing.brackets import getitem, index_put
from corex.ops.indexing.gather import gather, scatter, scatter_add
from corex.ops.pointwise.select import where
from corex.ops.promotion import cast, require_kinds, require_tensor
from corex.ops.reduce.order import argsort
from corex.ops.registration import exported
from corex.ops.shape.join import cat
from corex.ops.shape.parts import slice_view
from corex.ops.shape.views import clone, expand, reshape, shaped
from corex.tensor.tensor import Tensor

_JOIN: dict[str, Callable[[Tensor, Tensor], Tensor]] = {
    "prod": lambda x, y: x.logical_and(y) if x.key.dtype is dt.bool_ else x * y,
    "amax": lambda x, y: x.maximum(y),
    "amin": lambda x, y: x.minimum(y),
}


def _places(shape: tuple[int, ...], dim: int, index: Tensor) -> Tensor:
    """For each entry of the index its position in the flat row-major tensor of a shape."""
    steps = contiguous_strides(shape)
    place = index.key.place
    found = index * steps[dim]
    for d, size in enumerate(index.shape):
        if d != dim:
            line = arange(size, device=place.device, backend=place.name) * steps[d]
            found = found + reshape(line, (-1, *[1] * (index.ndim - 1 - d)))
    return reshape(found, -1)


def _joined_runs(
    places: Tensor, values: Tensor, join: Callable[[Tensor, Tensor], Tensor]
) -> tuple[Tensor, Tensor]:
    """Each place that occurs, once, and its values reduced."""
    order = argsort(places, 0)
    places, values = index_select(places, 0, order), index_select(values, 0, order)
    size, step = places.shape[0], 1
    while step < size:
        rest = size - step
        same = slice_view(places, 0, 0, rest) == slice_view(places, 0, step, rest)
        later = slice_view(values, 0, step, rest)
        both = join(slice_view(values, 0, 0, rest), later)
        values = cat([slice_view(values, 0, 0, step), where(same, both, later)], 0)
        step *= 2
    ends = slice_view(places, 0, 0, size - 1) != slice_view(places, 0, 1, size - 1)
    ends = cat([ends, ends.new_ones((1,))], 0)
    return getitem(places, ends), getitem(values, ends)


def _ones_at(a: Tensor, dim: int, index: Tensor, include_self: bool) -> Tensor:
    """How many entries each element of the result is made of."""
    counts = cast(a.detach(), dt.int64)
    counts = counts.new_ones(a.shape) if include_self else counts.new_zeros(a.shape)
    return scatter_add(counts, dim, index, counts.new_ones(index.shape))


def _forgotten(a: Tensor, dim: int, index: Tensor, include_self: bool) -> Tensor:
    """`a`, with 0 where it has no part in the result."""
    return a if include_self else scatter(a, dim, index, 0)


def _steps(
    a: Tensor, index: Tensor, src: Tensor, dim: int, reduce: str, include_self: bool
) -> Tensor:
    if not numel(index.shape):
        return clone(a)
    if reduce in ("sum", "mean"):
        base = _forgotten(a, dim, index, include_self)
        if a.key.dtype is dt.bool_:
            some = scatter_add(cast(base, dt.int64), dim, index, cast(src, dt.int64))
            return some != 0
        total = scatter_add(base, dim, index, src)
        if reduce == "sum":
            return total
        counts = _ones_at(a, dim, index, include_self).clamp(min=1)
        if a.key.dtype.is_inexact:
            return total / cast(counts, a.key.dtype)
        return cast(total.floor_divide(counts), a.key.dtype)
    join = _JOIN[reduce]
    flat = reshape(a, -1)
    at, values = _joined_runs(_places(a.shape, dim, index), reshape(src, -1), join)
    if include_self:
        values = join(index_select(flat, 0, at), values)
    return shaped(index_put(flat, (at,), values), a.shape)


def _self_back(
    g: Tensor, a: Tensor, index: Tensor, src: Tensor, y: Tensor,
    dim: int, reduce: str, include_self: bool,
) -> Tensor:  # fmt: skip
    if not numel(index.shape) or reduce == "sum":
        return _forgotten(g, dim, index, include_self or not numel(index.shape))
    if not include_self:
        return scatter(g, dim, index, 0)
    if reduce == "mean":
        return g / cast(_ones_at(a, dim, index, True), g.key.dtype)
    if reduce == "prod":
        known = a.masked_fill(a == 0, 1)
        return g * _steps(known, index, src, dim, reduce, True) / known
    mine, theirs = a == y, src == gather(y, dim, index)
    return mine * (g / _sharing(mine, theirs, g, dim, index))


def _sharing(mine: Tensor | None, theirs: Tensor, g: Tensor, dim: int, index: Tensor) -> Tensor:
    """Among how many equals the gradient of an extreme is shared."""
    start = g.new_zeros(g.shape) if mine is None else cast(mine, g.key.dtype)
    return scatter_add(start, dim, index, cast(theirs, g.key.dtype))


def _source_back(
    g: Tensor, a: Tensor, index: Tensor, src: Tensor, y: Tensor,
    dim: int, reduce: str, include_self: bool,
) -> Tensor:  # fmt: skip
    if not numel(index.shape):
        return src.new_zeros(src.shape)
    if reduce == "sum":
        return gather(g, dim, index)
    if reduce == "mean":
        counts = _ones_at(a, dim, index, include_self).clamp(min=1)
        return gather(g / cast(counts, g.key.dtype), dim, index)
    if reduce == "prod":
        zero = src == 0
        zeros = scatter_add(g.new_zeros(g.shape), dim, index, cast(zero, g.key.dtype))
        alone = zero.logical_and(gather(zeros, dim, index) == 1)
        others = _steps(a, index, src.masked_fill(alone, 1), dim, reduce, include_self)
        usual = gather(g * y, dim, index) / src.masked_fill(zero, 1)
        return where(alone, gather(g * others, dim, index), usual)
    theirs = src == gather(y, dim, index)
    mine = a == y if include_self else None
    share = g / _sharing(mine, theirs, g, dim, index)
    return theirs * gather(share, dim, index)


_reduced = composition(
    "scatter_reduce", ("a", "index", "src"), _steps, {"a": _self_back, "src": _source_back},
    ("dim", "reduce", "include_self"), broadcasts=False,
)  # fmt: skip


def _combined(
    input: Tensor, dim: int, index: Tensor, src: Tensor, reduce: str, include_self: bool
) -> Tensor:
    if reduce == "mean":
        require_kinds("scatter_reduce", "uifc", input)
    index = cast(index, dt.int64)
    if numel(index.shape):
        _check_range(dim, input.shape[dim], int(index.amin().item()), int(index.amax().item()))
    return _reduced(input, index, src, dim, reduce, include_self)


def _check_range(dim: int, size: int, lowest: int, highest: int) -> None:
    if lowest < 0 or highest >= size:
        wrong = lowest if lowest < 0 else highest
        raise RuntimeError(f"index {wrong} is out of bounds for dimension {dim} with size {size}")


@exported(inplace=True, out="same")
def scatter_reduce(
    input: Tensor,
    dim: int,
    index: Tensor,
    src: Tensor,
    reduce: str,
    *,
    include_self: bool = True,
) -> Tensor:
    """`input` with the entries of `src` combined with those at the index, as in `scatter_add`.

    `reduce` is "sum", "prod", "mean", "amax" or "amin"; without `include_self` what was at an index
    has no part in the result.

    Raises:
        RuntimeError: another `reduce`, dtypes or sizes that do not fit, or out of range.
    """
    dim = normalize_dim(dim, require_tensor("scatter_reduce", input).ndim)
    if reduce not in ("sum", "mean", *_JOIN):
        raise RuntimeError(
            f"reduce argument must be either sum, prod, mean, amax or amin, got {reduce}"
        )
    require_tensor("scatter_reduce", index, "index")
    require_tensor("scatter_reduce", src, "src")
    check_places("scatter_reduce", [index, src], input.key.place)
    _check_scattered(input, dim, index, src)
    if not input.shape:
        vectors = [reshape(t, (-1,)) for t in (input, index, src)]
        whole = _combined(vectors[0], 0, vectors[1], vectors[2], reduce, include_self)
        return shaped(whole, ())
    part = src
    if src.shape != index.shape:
        part = getitem(src, tuple([slice(0, n) for n in index.shape]))
    return _combined(input, dim, index, part, reduce, include_self)


def _check_scattered(input: Tensor, dim: int, index: Tensor, src: Tensor) -> None:
    if index.key.dtype.kind != "i":
        raise RuntimeError("scatter(): Expected dtype int32/int64 for index")
    if src.key.dtype is not input.key.dtype:
        raise RuntimeError("scatter(): Expected self.dtype to be equal to src.dtype")
    if not numel(index.shape):
        return
    shapes = [t.shape or (1,) for t in (input, index, src)]
    if len({len(shape) for shape in shapes}) != 1:
        raise RuntimeError(
            f"Index tensor must have the same number of dimensions as self tensor and src tensor: "
            f"{index.ndim}, {input.ndim}, {src.ndim}"
        )
    for d, (have, size, given) in enumerate(zip(shapes[1], shapes[0], shapes[2], strict=True)):
        if have > given or (d != dim and have > size):
            raise RuntimeError(
                f"Expected index {list(index.shape)} to be no larger than self "
                f"{list(input.shape)} apart from dimension {dim} and to be no larger than src "
                f"{list(src.shape)}"
            )


@exported(inplace=True, out="same")
def index_reduce(
    input: Tensor,
    dim: int,
    index: Tensor,
    source: Tensor,
    reduce: str,
    *,
    include_self: bool = True,
) -> Tensor:
    """`input` with the entries of `source` combined with those of a dim that a vector names.

    `reduce` is "prod", "mean", "amax" or "amin"; `include_self` as of `scatter_reduce`.

    Raises:
        RuntimeError: another `reduce`, dtypes or sizes that do not fit. IndexError: out of range,
            or an index that is no vector.
    """
    dim = normalize_dim(dim, require_tensor("index_reduce", input).ndim)
    if reduce not in ("mean", *_JOIN):
        raise RuntimeError(
            f"index_reduce(): Expected reduce to be one of prod, mean, amax or amin but got "
            f"{reduce}."
        )
    require_tensor("index_reduce", source, "source")
    if require_tensor("index_reduce", index, "index").key.dtype.kind != "i":
        raise RuntimeError(
            f"index_reduce_(): Expected dtype int32/int64 for index but got: {index.key.dtype!r}"
        )
    check_places("index_reduce", [index, source], input.key.place)
    if index.ndim > 1:
        raise IndexError(
            f"index_reduce_(): Index is supposed to be a vector, but got dim: {index.ndim} with "
            f"size: {list(index.shape)}"
        )
    if source.key.dtype is not input.key.dtype:
        raise RuntimeError(
            f"index_reduce_(): self ({input.key.dtype!r}) and source ({source.key.dtype!r}) must "
            f"have the same scalar type"
        )
    if not include_self:
        require_kinds("index_func_", "uifc", input)
    whole, part = (t if t.shape else reshape(t, (1,)) for t in (input, source))
    count = numel(index.shape)
    want = (*whole.shape[:dim], count, *whole.shape[dim + 1 :])
    if part.shape != want:
        raise RuntimeError(
            f"index_reduce_(): {count} positions of dim {dim} of shape {list(input.shape)} take a "
            f"source of shape {list(want)}, but got {list(source.shape)}"
        )
    if count and not -1 < int(index.amin().item()) <= int(index.amax().item()) < whole.shape[dim]:
        nothing = not include_self and not whole.shape[dim]  # PyTorch clears first, which fails
        raise (RuntimeError if nothing else IndexError)("index out of range in self")
    at = expand(reshape(index, (-1, *[1] * (whole.ndim - 1 - dim))), part.shape)
    result = _combined(whole, dim, at, part, reduce, include_self)
    return result if input.shape else shaped(result, ())


@exported(inplace=True)
def put(input: Tensor, index: Tensor, source: Tensor, accumulate: bool = False) -> Tensor:
    """`input` with the elements at positions of the flattened tensor replaced, or added to.

    Raises:
        RuntimeError: an index that is not int64, or another dtype. IndexError: out of range, or not
            as many elements as positions.
    """
    require_tensor("put", source, "source")
    if require_tensor("put", index, "index").key.dtype is not dt.int64:
        raise RuntimeError(f"put_(): Expected a long tensor for index, but got {index.key.dtype!r}")
    if source.key.dtype is not input.key.dtype:
        raise RuntimeError(
            f"put_(): self and source expected to have the same dtype, but got self.dtype = "
            f"{input.key.dtype!r} and source.dtype = {source.key.dtype!r}"
        )
    check_places("put", [index, source], input.key.place)
    count, size = numel(index.shape), numel(input.shape)
    if numel(source.shape) != count:
        raise IndexError(
            f"put_(): Expected source and index to have the same number of elements, but got "
            f"source.numel() = {numel(source.shape)}, index.numel() = {count}"
        )
    if not count:
        return clone(input)
    if not size:
        raise IndexError("put_(): Tried to put elements into an empty tensor")
    at, values = reshape(index, (-1,)), reshape(source, (-1,))
    result = shaped(index_put(reshape(input, (-1,)), (at,), values, accumulate), input.shape)
    return result if input._strides is None else empty_like(input).copy_(result)
