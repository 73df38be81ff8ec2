"""Sparse tensors like another one, and other shapes and values in place."""

from __future__ import annotations

from typing import Any

from corex.dispatch.record import no_grad
from corex.dtypes import DType
from corex.formats import Layout, sparse_coo
from corex.ops.sparse.create import checked_sizes, zeros_of_layout
from corex.ops.sparse.places import no_indices, zeros_at
from corex.ops.sparse.table import compressed_op, coo_op, expected, sparse_op, unsupported
from corex.ops.sparse.tensor import (
    KINDS,
    CompressedTensor,
    CooTensor,
    SparseTensor,
    coo,
    with_values,
)
from corex.tensor.tensor import Size, Tensor


# ---- like another --------------------------------------------------------------------------------
def _values_like(input: Any, shape: Any, dtype: DType | None, device: Any) -> Tensor:
    """Zeros of another dtype or place, if they are given, than the tensor has."""
    found = zeros_at(shape, input, dtype or input.dtype)
    return found if device is None else found.to(device)


def _like(name: str) -> None:
    @sparse_op(name)
    def create(
        input: Any,
        *,
        dtype: DType | None = None,
        device: Any = None,
        requires_grad: bool = False,
        layout: Layout | None = None,
        **options: Any,
    ) -> Any:
        wanted = input.layout_ if layout is None else layout
        if wanted not in KINDS:
            result: Any = _values_like(input, input.shape, dtype, device)
        elif isinstance(input, CooTensor) and wanted is sparse_coo:
            values = _values_like(input, (0, *input.values_.shape[1:]), dtype, device)
            result = coo(no_indices(input.sparse_dims, values), values, input.shape, True)
        elif name == "empty_like" and wanted is input.layout_ and device is None:
            values = _values_like(input, input.values_.shape, dtype, device)
            result = with_values(input, values)
        else:
            like = _values_like(input, (0,), dtype, device)
            result = zeros_of_layout(input.shape, wanted, like)
        return result.requires_grad_() if requires_grad else result


for _name in ("zeros_like", "empty_like"):
    _like(_name)


@compressed_op("ones_like")
def ones_like(input: Any, *, dtype: DType | None = None, **options: Any) -> Any:
    """Ones where elements are stored."""
    with no_grad():
        return with_values(input, input.values_.new_ones(input.values_.shape, dtype=dtype))


@sparse_op("new_zeros", "new_empty")
def new_zeros(
    input: Any, *sizes: Any, size: Any = None, dtype: DType | None = None, device: Any = None,
    layout: Layout | None = None, **options: Any,
) -> Any:  # fmt: skip
    """A tensor without elements, of this dtype, layout and place."""
    shape = size if size is not None else sizes
    if len(shape) == 1 and isinstance(shape[0], list | tuple):
        shape = shape[0]
    wanted = input.layout_ if layout is None else layout
    if wanted not in KINDS:
        return _values_like(input, tuple(shape), dtype, device)
    like = _values_like(input, (0,), dtype, device)
    return zeros_of_layout(tuple(shape), wanted, like)


# ---- other shapes in place -----------------------------------------------------------------------
@coo_op("sparse_resize_")
def sparse_resize_(input: CooTensor, size: Any, sparse_dim: int, dense_dim: int) -> Tensor:
    """Gives the tensor another shape; its elements stay.

    Raises:
        RuntimeError: a shape in which they would not.
    """
    shape = checked_sizes(size)
    _check_dims(shape, sparse_dim, dense_dim)
    if input.nnz():
        if sparse_dim != input.sparse_dims or dense_dim != len(input.shape) - input.sparse_dims:
            raise RuntimeError(
                "changing the number of sparse or dense dimensions on a non-empty sparse tensor is "
                "not supported"
            )
        if any([new < old for new, old in zip(shape, input.shape, strict=True)]):
            raise RuntimeError(
                "shrinking the size of sparse or dense dimensions on a non-empty sparse tensor is "
                "not supported"
            )
    values_shape = (input.nnz(), *shape[sparse_dim:])
    if tuple(input.values_.shape) != values_shape:
        found = zeros_at(values_shape, input.values_, input.dtype)
        if input.nnz():
            corner = tuple([slice(0, n) for n in input.values_.shape])
            found[corner] = input.values_
        input.values_ = found
    if sparse_dim != input.sparse_dims:
        input.indices_ = no_indices(sparse_dim, input.values_)
    input.shape = Size(shape)
    return input


def _check_dims(shape: tuple[int, ...], sparse_dim: int, dense_dim: int) -> None:
    if sparse_dim + dense_dim != len(shape):
        raise RuntimeError(
            f"'len(size) == sparse_dim + dense_dim' is not satisfied: len(size) = {len(shape)}, "
            f"sparse_dim = {sparse_dim}, dense_dim = {dense_dim}"
        )


@coo_op("sparse_resize_and_clear_")
def sparse_resize_and_clear_(
    input: CooTensor, size: Any, sparse_dim: int, dense_dim: int
) -> Tensor:
    """Gives the tensor another shape, and takes its elements.

    Raises:
        RuntimeError: not as many sizes as dims.
    """
    shape = checked_sizes(size)
    _check_dims(shape, sparse_dim, dense_dim)
    values = zeros_at((0, *shape[sparse_dim:]), input.values_, input.dtype)
    input.adopt(coo(no_indices(sparse_dim, values), values, shape, True))
    return input


@coo_op("resize_as_sparse_")
def resize_as_sparse_(input: CooTensor, the_template: Any) -> Tensor:
    """Gives the tensor another's shape; its elements stay if it had it already."""
    other = the_template
    if not isinstance(other, CooTensor):
        raise unsupported("resize_as_sparse_", other if isinstance(other, SparseTensor) else input)
    if input.shape == other.shape and input.sparse_dims == other.sparse_dims:
        return input
    if input.nnz():
        return sparse_resize_(
            input, other.shape, other.sparse_dims, len(other.shape) - other.sparse_dims
        )
    return sparse_resize_and_clear_(
        input, other.shape, other.sparse_dims, len(other.shape) - other.sparse_dims
    )


@compressed_op("resize_as_sparse_")
def resize_as_compressed_(input: CompressedTensor, the_template: Any) -> Tensor:
    """Gives the tensor another's shape and places."""
    if not isinstance(the_template, CompressedTensor):
        raise expected("resize_as_sparse_compressed_", "sparse compressed", the_template)
    if input.shape != the_template.shape or input.nnz() != the_template.nnz():
        with no_grad():
            values = zeros_at(the_template.values_.shape, input.values_, input.dtype)
            input.adopt(with_values(the_template, values))
    return input


@sparse_op("zero_")
def zero_(input: SparseTensor) -> Tensor:
    """Takes all elements."""
    if isinstance(input, CooTensor):
        dims = input.sparse_dims
        return sparse_resize_and_clear_(input, input.shape, dims, len(input.shape) - dims)
    input.adopt(zeros_of_layout(input.shape, input.layout_, input.values_))
    return input


@compressed_op("fill_")
def fill_(input: Any, value: Any) -> Any:
    """Sets all stored elements to a number."""
    with no_grad():
        input.values_.fill_(value)
    return input
