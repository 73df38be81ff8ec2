"""What sparse tensors are made of: indices, values, numbers of dims."""

from __future__ import annotations

from typing import Any

from corex.ops.sparse.convert import sparse_mask
from corex.ops.sparse.graph import recorded
from corex.ops.sparse.places import summed
from corex.ops.sparse.table import compressed_op, coo_op, expected, sparse_op
from corex.ops.sparse.tensor import (
    CompressedTensor,
    CooTensor,
    SparseTensor,
    coo,
    with_values,
)
from corex.tensor.tensor import Tensor, alias


@coo_op("coalesce")
def coalesce(input: CooTensor) -> Any:
    """The tensor with its coordinates sorted, and values of one place added."""
    if input.coalesced_:
        return input
    return recorded(summed(input).shallow(), "Coalesce", (input,), (lambda g: g,))


@coo_op("is_coalesced")
def is_coalesced(input: CooTensor) -> bool:
    """Whether the coordinates are known to be sorted and different."""
    return input.coalesced_


@coo_op("_coalesced_")
def coalesced_(input: CooTensor, coalesced: bool) -> Tensor:
    """Says whether the coordinates are sorted and different."""
    input.coalesced_ = coalesced
    return input


@coo_op("indices", "indices_copy")
def indices(input: CooTensor) -> Tensor:
    """The coordinates, (sparse dims, nnz).

    Raises:
        RuntimeError: the tensor is not coalesced.
    """
    if not input.coalesced_:
        raise RuntimeError(
            "Cannot get indices on an uncoalesced tensor, please call .coalesce() first"
        )
    return alias(input.indices_)


@coo_op("values", "values_copy")
def values(input: CooTensor) -> Tensor:
    """The values, (nnz, *sizes of the dense dims).

    Raises:
        RuntimeError: the tensor is not coalesced.
    """
    if not input.coalesced_:
        raise RuntimeError(
            "Cannot get values on an uncoalesced tensor, please call .coalesce() first"
        )
    return values_of(input)


def values_of(t: Any) -> Tensor:
    """The values, differentiably: the tensor's gradient has them at its places."""
    plain = t.shallow()
    found: Tensor = recorded(
        alias(t.values_), "Values", (t,), (lambda g: at_same_places(plain, g),)
    )
    return found


def _compressed_like(t: CompressedTensor, values: Tensor) -> Any:
    """Values at the places of `t`, differentiably."""
    result = with_values(t, values)
    plain = result.shallow()
    return recorded(
        result, "SparseCompressedTensor", (values,), (lambda g: values_of(sparse_mask(g, plain)),)
    )


compressed_op("values", "values_copy")(values_of)


def constructed(
    indices: Tensor, values: Tensor, shape: tuple[int, ...], coalesced: bool | None = None
) -> Any:
    """Coordinates and values as a tensor, differentiable in the values."""
    result = coo(indices, values, shape, coalesced)
    plain = result.shallow()
    return recorded(
        result, "SparseCooTensorWithDimsAndTensors", (values,),
        (lambda g: values_of(sparse_mask(g, plain)),),
    )  # fmt: skip


def at_same_places(t: Any, values: Tensor) -> Any:
    """New values at the places of `t`, differentiably."""
    if isinstance(t, CooTensor):
        shape = (*t.shape[: t.sparse_dims], *values.shape[1:])
        return constructed(t.indices_, values, shape, t.coalesced_)
    return _compressed_like(t, values)


@coo_op("_indices")
def raw_indices(input: CooTensor) -> Tensor:
    """The coordinates as they are."""
    return alias(input.indices_)


@coo_op("_values")
def raw_values(input: CooTensor) -> Tensor:
    """The values as they are, outside the graph."""
    return alias(input.values_)


@sparse_op("_nnz")
def nnz(input: SparseTensor) -> int:
    """How many elements are stored, of each batch."""
    return input.nnz()


@sparse_op("sparse_dim", "_dimI")
def sparse_dim(input: SparseTensor) -> int:
    """How many dims are sparse."""
    return input.sparse_dims if isinstance(input, CooTensor) else 2


@sparse_op("dense_dim", "_dimV")
def dense_dim(input: Any) -> Any:
    """How many dims are dense, the last ones."""
    if isinstance(input, CooTensor):
        return len(input.shape) - input.sparse_dims
    return input.dense_dims


def _indices_of(name: str, by_row: bool, pointers: bool) -> None:
    what = f"sparse {'row' if by_row else 'column'} compressed"

    def part(input: Any) -> Tensor:
        if not isinstance(input, CompressedTensor) or input.by_row is not by_row:
            raise expected(name, what, input)
        return alias(input.pointers_ if pointers else input.others_)

    part.__name__ = name
    part.__doc__ = f"`{name}` of compressed {'rows' if by_row else 'columns'}."
    sparse_op(name, f"{name}_copy")(part)
    INDICES[name] = part


INDICES: dict[str, Any] = {}
_indices_of("crow_indices", True, True)
_indices_of("col_indices", True, False)
_indices_of("ccol_indices", False, True)
_indices_of("row_indices", False, False)


def _only_coo(name: str) -> None:
    def refuse(input: Any, *args: Any) -> Any:
        raise expected(name, "sparse coordinate", input)

    compressed_op(name)(refuse)


for _name in ("coalesce", "is_coalesced", "indices"):
    _only_coo(_name)
