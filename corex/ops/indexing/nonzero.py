"""Where a tensor is not zero: positions of its elements."""

from __future__ import annotations

from typing import Any

from corex import dtypes as dt
from corex.dispatch.bind import write
from corex.dispatch.resolve import empty
from corex.ops.create.constant import full
from corex.ops.promotion import require_tensor
from corex.ops.reduce.reductions import sum_
from corex.ops.registration import exported
from corex.ops.shape.parts import narrow, select
from corex.ops.shape.views import plain_permute
from corex.tensor.schema import BOOL, OpSchema, declare
from corex.tensor.tensor import Tensor

NONZERO = declare(
    OpSchema(
        "nonzero", ("a",), None, takes=BOOL, family="index", uniform=False,
        doc="Positions of the true elements, row by row.",
    )
)  # fmt: skip


@exported(out="same")
def nonzero(input: Tensor, *, as_tuple: bool = False) -> Any:
    """Positions of non-zero elements: an (n, ndim) int64 tensor, or one tensor per dim."""
    mask = require_tensor("nonzero", input).detach()
    mask = mask if mask.key.dtype is dt.bool_ else mask != 0
    count = int(sum_(mask).item())
    # Column by column, as in PyTorch, so that each of the tuple's parts is dense.
    columns = empty(mask.key.place.key(dt.int64), (mask.ndim, count))
    result = plain_permute(columns, (1, 0))
    write("nonzero", [result], [mask])
    if not as_tuple:
        return result
    if not input.shape:
        return (result.new_zeros((count,)),)  # a 0-d tensor counts as one element
    return tuple([select(result, 1, i) for i in range(input.ndim)])


@exported()
def argwhere(input: Tensor) -> Tensor:
    """Positions of the non-zero elements, one row each."""
    found: Tensor = nonzero(input)
    return found


@exported(out="same")
def nonzero_static(input: Tensor, *, size: int, fill_value: int = -1) -> Tensor:
    """The first `size` rows of `nonzero`, filled up with rows of `fill_value`.

    Raises:
        RuntimeError: a negative size.
    """
    if size < 0:
        raise RuntimeError("nonzero_static: 'size' must be an non-negative integer")
    found: Tensor = nonzero(input)
    result = full((size, input.ndim), fill_value, dtype=dt.int64,
                  device=input.device, backend=input.key.place.name)  # fmt: skip
    count = min(size, found.shape[0])
    narrow(result, 0, 0, count).copy_(narrow(found, 0, 0, count))
    return result
