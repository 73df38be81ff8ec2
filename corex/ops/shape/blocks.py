"""Tensors made of several: block-diagonal matrices and combinations of entries."""

from __future__ import annotations

import itertools

from corex import dtypes as dt
from corex.dispatch.resolve import check_places
from corex.ops.create.data import tensor
from corex.ops.indexing.brackets import getitem
from corex.ops.promotion import cast, require_tensor, result_type
from corex.ops.registration import function
from corex.ops.shape.views import reshape
from corex.tensor.tensor import Tensor


@function()
def block_diag(*tensors: Tensor) -> Tensor:
    """A matrix with the given matrices along its diagonal, and zeros elsewhere.

    Vectors are rows, numbers 1x1; the dtype is what all promote to.

    Raises:
        RuntimeError: more than two dims.
    """
    blocks = []
    for i, one in enumerate(tensors):
        if require_tensor("block_diag", one, "tensors").ndim > 2:
            raise RuntimeError(
                f"block_diag: Input tensors must have 2 or fewer dimensions. Input {i} has "
                f"{one.ndim} dimensions"
            )
        blocks.append(one if one.ndim == 2 else reshape(one, (1, -1)))
    if not blocks:
        return tensor([[]])
    check_places("block_diag", blocks, blocks[0].key.place)
    dtype = result_type(*tensors)
    height, width = (sum(block.shape[d] for block in blocks) for d in (0, 1))
    whole = cast(blocks[0].detach(), dtype).new_zeros((height, width))
    row = column = 0
    for block in blocks:
        below, right = row + block.shape[0], column + block.shape[1]
        getitem(whole, (slice(row, below), slice(column, right))).copy_(cast(block, dtype))
        row, column = below, right
    return whole


@function()
def combinations(input: Tensor, r: int = 2, with_replacement: bool = False) -> Tensor:
    """Every choice of `r` entries of a vector, in order, as rows.

    Raises:
        RuntimeError: not a vector, or a negative `r`.
    """
    if require_tensor("combinations", input).ndim != 1:
        raise RuntimeError(f"Expect a 1D vector, but got shape {list(input.shape)}")
    if r < 0:
        raise RuntimeError(f"Expect a non-negative number, but got {r}")
    if r == 0:
        return input.new_empty((0,))
    choose = itertools.combinations_with_replacement if with_replacement else itertools.combinations
    rows = [list(row) for row in choose(range(input.shape[0]), r)]
    place = input.key.place
    index = tensor(rows, dtype=dt.int64, device=place.device, backend=place.name)
    return getitem(input, reshape(index, (-1, r)))
