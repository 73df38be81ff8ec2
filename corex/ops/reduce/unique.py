"""Which values there are, and how often: bincount, unique, unique_consecutive."""

from __future__ import annotations

from typing import Any

from corex import dtypes as dt
from corex.ops.indexing.along import index_select
from corex.ops.indexing.brackets import getitem
from corex.ops.promotion import cast, require_tensor
from corex.ops.reduce.order import argsort, cumsum
from corex.ops.registration import exported
from corex.ops.shape.join import cat
from corex.ops.shape.views import reshape, shaped
from corex.tensor.tensor import Tensor


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

    Raises:
        NotImplementedError: `dim` is given.
    """
    if dim is not None:
        raise NotImplementedError("[unique] along a dim is not implemented; leave dim out")
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

    Raises:
        NotImplementedError: `dim` is given.
    """
    if dim is not None:
        raise NotImplementedError("[unique_consecutive] along a dim is not implemented")
    flat = reshape(require_tensor("unique_consecutive", input).detach(), (-1,))
    return _runs(flat, None, input.shape, return_inverse, return_counts)


def _runs(
    line: Tensor, order: Tensor | None, shape: tuple[int, ...], inverse: bool, counts: bool
) -> Any:
    """Values of runs of equals in a line, whose elements come from positions `order`."""
    n = line.shape[0]
    changes = line[1:] != line[:-1]
    starts = cat([changes.new_ones((min(n, 1),)), changes], 0)
    results = [getitem(line, starts)]
    number = cumsum(starts, 0) - 1
    if inverse:
        if order is not None:
            number = number.new_zeros((n,)).scatter(0, order, number)
        results.append(shaped(number, shape))
    if counts:
        results.append(bincount(number, minlength=results[0].shape[0]))
    return results[0] if len(results) == 1 else tuple(results)
