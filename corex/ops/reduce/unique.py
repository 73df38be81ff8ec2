"""Which values there are, and how often: bincount, unique, unique_consecutive."""

from __future__ import annotations

from typing import Any

from corex import dtypes as dt
from corex.layout import normalize_dim, numel
from corex.ops.indexing.along import index_select
from corex.ops.indexing.brackets import getitem
from corex.ops.promotion import cast, require_tensor
from corex.ops.reduce.order import argsort, cumsum
from corex.ops.registration import exported
from corex.ops.shape.join import cat
from corex.ops.shape.views import contiguous, plain_permute, reshape, shaped
from corex.tensor.tensor import Tensor, alias


@exported()
def bincount(input: Tensor, weights: Tensor | None = None, minlength: int = 0) -> Tensor:
    """How often each non-negative integer occurs, or the sum of its weights.

    Raises:
        RuntimeError: not a vector of non-negative integers. NotImplementedError: not integers.
    """
    if require_tensor("bincount", input).key.dtype.kind not in "ui":
        raise NotImplementedError(f'[bincount] "bincount" not implemented for {input.dtype!r}')
    if input.ndim != 1:
        raise RuntimeError("bincount only supports 1-d non-negative integral inputs.")
    if minlength < 0:
        raise RuntimeError("minlength should be >= 0")
    size = minlength
    if not input.shape[0]:
        return cast(input, dt.int64).new_zeros((size,))
    if input.amin().item() < 0:
        raise RuntimeError("bincount only supports 1-d non-negative integral inputs.")
    size = max(size, int(input.amax().item()) + 1)
    index = cast(input, dt.int64)
    if weights is None:
        return index.new_zeros((size,)).scatter_add(0, index, index.new_ones(index.shape))
    if weights.shape != input.shape:
        raise RuntimeError("weights should be 1-d and have the same length as input")
    values = weights if weights.key.dtype is dt.float32 else cast(weights, dt.float64)
    return values.new_zeros((size,)).scatter_add(0, index, values.detach())


@exported()
def unique(
    input: Tensor,
    sorted: bool = True,
    return_inverse: bool = False,
    return_counts: bool = False,
    dim: int | None = None,
) -> Any:
    """The different values in order; on request where each element's is, and how many there are.

    Along a dim, the different slices in the order of their elements.

    Raises:
        IndexError: a dim that is none. RuntimeError: another dim is empty.
    """
    if dim is not None:
        slices = _slices("unique", input, dim)
        order, starts = _sorted_slices(slices)
        return _kept(slices, starts, order, input, dim, return_inverse, return_counts)
    flat = reshape(require_tensor("unique", input).detach(), (-1,))
    order = argsort(flat, 0)
    return _runs(index_select(flat, 0, order), order, input.shape, return_inverse, return_counts)


@exported()
def unique_consecutive(
    input: Tensor,
    return_inverse: bool = False,
    return_counts: bool = False,
    dim: int | None = None,
) -> Any:
    """The values without direct repetitions, and on request as `unique`.

    Along a dim, the slices without direct repetitions.

    Raises:
        IndexError: a dim that is none. RuntimeError: another dim is empty.
    """
    if dim is not None:
        slices = _slices("unique_consecutive", input, dim)
        changes = (slices[1:] != slices[:-1]).any(1)
        starts = _begun(changes, slices.shape[0])
        return _kept(slices, starts, None, input, dim, return_inverse, return_counts)
    flat = reshape(require_tensor("unique_consecutive", input).detach(), (-1,))
    return _runs(flat, None, input.shape, return_inverse, return_counts)


def _runs(
    line: Tensor, order: Tensor | None, shape: tuple[int, ...], inverse: bool, counts: bool
) -> Any:
    """Values of runs of equals in a line, whose elements come from positions `order`."""
    n = line.shape[0]
    starts = _begun(line[1:] != line[:-1], n)
    return _results(getitem(line, starts), starts, order, shape, inverse, counts)


def _begun(changes: Tensor, count: int) -> Tensor:
    """Where runs begin: at the first of `count` entries, and after changes."""
    return cat([changes.new_ones((min(count, 1), *changes.shape[1:])), changes], 0)


def _results(
    values: Tensor,
    starts: Tensor,
    order: Tensor | None,
    shape: tuple[int, ...],
    inverse: bool,
    counts: bool,
) -> Any:
    results, number = [values], cumsum(starts, 0) - 1
    count = int(numel(starts.shape) and number[-1].item() + 1)
    if counts:
        sizes = bincount(number, minlength=count)
    if inverse:
        if order is not None:
            number = number.new_zeros(number.shape).scatter(0, order, number)
        results.append(shaped(number, shape))
    if counts:
        results.append(sizes)
    return results[0] if len(results) == 1 else tuple(results)


# ---- slices --------------------------------------------------------------------------------------
def _slices(op: str, input: Tensor, dim: int) -> Tensor:
    """The slices along a dim, flat: (n, size).

    Raises:
        IndexError: a dim that is none. RuntimeError: another dim is empty.
    """
    if not require_tensor(op, input).shape:
        raise IndexError(f"Dimension specified as {dim} but tensor has no dimensions")
    dim = normalize_dim(dim, input.ndim)
    rest = input.shape[:dim] + input.shape[dim + 1 :]
    if 0 in rest:
        raise RuntimeError(
            f"There are 0 sized dimensions, and they aren't selected, so {op} cannot be applied"
        )
    moved = plain_permute(input.detach(), [dim, *[d for d in range(input.ndim) if d != dim]])
    return reshape(contiguous(moved), (input.shape[dim], numel(rest)))


def _ranks(columns: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """What sorts each column, where equals begin there, and the rank of every element."""
    order = argsort(columns, 0)
    ordered = columns.gather(0, order)
    starts = _begun(ordered[1:] != ordered[:-1], columns.shape[0])
    ranks = cumsum(starts, 0) - 1
    return order, starts, ranks.new_zeros(ranks.shape).scatter(0, order, ranks)


def _sorted_slices(slices: Tensor) -> tuple[Tensor, Tensor]:
    """What sorts slices by their elements, and where equals begin: neighbouring columns are joined
    to one of pairs of ranks, until a single one is left."""
    order, starts, ranks = _ranks(slices)
    count = max(slices.shape[0], 1)
    while ranks.shape[1] > 1:
        if ranks.shape[1] % 2:
            ranks = cat([ranks, ranks.new_zeros((ranks.shape[0], 1))], 1)
        order, starts, ranks = _ranks(ranks[:, ::2] * count + ranks[:, 1::2])
    return reshape(order, (-1,)), reshape(starts, (-1,))


def _kept(
    slices: Tensor,
    starts: Tensor,
    order: Tensor | None,
    input: Tensor,
    dim: int,
    inverse: bool,
    counts: bool,
) -> Any:
    """The slices at which runs begin, put together as the input's were."""
    dim = normalize_dim(dim, input.ndim)
    found = getitem(slices if order is None else index_select(slices, 0, order), starts)
    shape = [found.shape[0], *input.shape[:dim], *input.shape[dim + 1 :]]
    back = [*range(1, dim + 1), 0, *range(dim + 1, input.ndim)]
    values = alias(plain_permute(shaped(found, tuple(shape)), back))
    return _results(values, starts, order, starts.shape, inverse, counts)
