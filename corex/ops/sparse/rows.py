"""Rows of a table whose gradient is sparse, and updates of the rows that a gradient has."""

from __future__ import annotations

from typing import Any

from corex.dispatch.record import no_grad
from corex.layout import numel
from corex.ops.nn.embedding import embedding as dense_embedding
from corex.ops.sparse.convert import element_places
from corex.ops.sparse.graph import recorded
from corex.ops.sparse.places import flat
from corex.ops.sparse.pointwise import add, result_type_of
from corex.ops.sparse.table import assigned, coo_op, sparse_op
from corex.ops.sparse.tensor import CooTensor, SparseTensor, coo
from corex.tensor.modes import mode
from corex.tensor.tensor import Tensor, alias


def embedding(input: Tensor, weight: Tensor, padding_idx: int | None = None) -> Any:
    """Rows of `weight` picked by integer `input`. The gradient of `weight` has coordinates: one row
    for each index, in their order, but for those of the padding row.

    Raises:
        RuntimeError: an index that is not an integer tensor. IndexError: out of range.
    """
    with no_grad():
        result: Tensor = alias(dense_embedding(input, weight))
    shape, places = weight.shape, input.reshape((-1,)).long()

    def back(g: Tensor) -> Any:
        rows = g.reshape((-1, shape[1]))
        at = places
        if padding_idx is not None:
            used = (places != padding_idx % shape[0]).nonzero().reshape((-1,))
            rows, at = rows.index_select(0, used), places.index_select(0, used)
        return coo(at.unsqueeze(0), rows, shape)

    return recorded(result, "Embedding", (weight,), (back,))


@sparse_op("add_")
def add_(input: Any, other: Any, *, alpha: Any = 1) -> Any:
    """In place: input += alpha * other. Of a dense tensor only what `other` stores is touched."""
    if isinstance(input, SparseTensor) or not isinstance(other, SparseTensor):
        return assigned("add_", input, add(input, other, alpha=alpha))
    recorded_write = mode.enabled and (input.requires_grad or other.requires_grad)
    if recorded_write or input.shape != other.shape or not input.is_contiguous():
        return assigned("add_", input, add(input, other, alpha=alpha))
    if result_type_of(input, other) is not input.dtype:
        return assigned("add_", input, add(input, other, alpha=alpha))
    with no_grad():
        indices, values, dims = stored(other)
        values = values.to(input.dtype)
        rows = input.view((numel(input.shape[:dims]), *input.shape[dims:]))
        rows.index_add_(0, flat(indices, input.shape[:dims]), values, alpha=alpha)
    return input


@coo_op("sub_")
def sub_(input: Any, other: Any, *, alpha: Any = 1) -> Any:
    """In place: input -= alpha * other; see `add_`."""
    return add_(input, other, alpha=-alpha)


def stored(t: Any) -> tuple[Tensor, Tensor, int]:
    """Coordinates, values, and how many dims the coordinates have."""
    if isinstance(t, CooTensor):
        return t.indices_, t.values_, t.sparse_dims
    indices, values = element_places(t)
    return indices, values, t.batch_dims + 2
