"""New sparse tensors, and what they are made of."""

from __future__ import annotations

from typing import Any

from corex import dtypes as dt
from corex.dispatch.record import no_grad
from corex.dtypes import DType
from corex.formats import Layout, sparse_bsc, sparse_bsr, sparse_coo, sparse_csc, sparse_csr
from corex.ops.create.constant import zeros as dense_zeros
from corex.ops.create.data import as_tensor
from corex.ops.sparse import checks
from corex.ops.sparse.convert import sparse_mask
from corex.ops.sparse.graph import recorded
from corex.ops.sparse.places import no_indices, summed, zeros_at
from corex.ops.sparse.table import compressed_op, coo_op, expected, sparse_op, unsupported
from corex.ops.sparse.tensor import (
    BLOCKS,
    BY_ROW,
    COMPRESSED,
    KINDS,
    CompressedTensor,
    CooTensor,
    SparseTensor,
    compressed,
    coo,
    with_values,
)
from corex.tensor.tensor import Size, Tensor, alias


# ---- constructors --------------------------------------------------------------------------------
def _values(values: Any, dtype: Any, device: Any) -> Tensor:
    return as_tensor(values, dtype=dtype, device=device)


def sparse_coo_tensor(
    indices: Any = None,
    values: Any = None,
    size: Any = None,
    *,
    dtype: DType | None = None,
    device: Any = None,
    pin_memory: bool = False,
    requires_grad: bool = False,
    check_invariants: bool | None = None,
    is_coalesced: bool | None = None,
) -> Any:
    """A tensor of `values` (nnz, *dense sizes) at coordinates `indices` (sparse dims, nnz).

    Coordinates may come several times: then the element is the sum. Without `size` it is the
    smallest that holds all. A shape alone makes a tensor without elements.

    Raises:
        RuntimeError: sizes that do not fit, or an index out of range, unless `check_invariants` is
            False.
    """
    if values is None:
        shape = tuple(indices if size is None else size)
        result = zeros_of_layout(shape, sparse_coo, dense_zeros((0,), dtype=dtype, device=device))
        return result.requires_grad_() if requires_grad else result
    given = _values(values, dtype, device)
    places = as_tensor(indices, device=given.device if device is None else device)
    places = places.to(dt.int64).to(backend=given.backend)
    if len(places.shape) == 1 and size is not None:
        places = places.unsqueeze(1)
    if not given.shape and len(places.shape) == 2 and places.shape[1] == 1:
        given = given.unsqueeze(0)
    checks.check_coo_parts(places, given)
    shape = _smallest(places, given) if size is None else _sizes(size)
    wanted = checks.enabled if check_invariants is None else check_invariants
    checks.check_coo(places, given, shape, wanted is not False)
    result = constructed(places.detach(), given, shape, is_coalesced)
    return result.detach().requires_grad_() if requires_grad else result


def _sizes(size: Any) -> tuple[int, ...]:
    shape = tuple([int(n) for n in size])
    if any([n < 0 for n in shape]):
        raise RuntimeError(f"Trying to create tensor with negative dimension: {list(shape)}")
    return shape


def _smallest(indices: Tensor, values: Tensor) -> tuple[int, ...]:
    dims = indices.shape[0]
    if not indices.shape[1] or not dims:
        return (*[0] * dims, *values.shape[1:])
    if min(indices.amin(1).tolist()) < 0:
        low = min(indices.amin(1).tolist())
        raise RuntimeError(f"found negative index {low}")
    return (*[n + 1 for n in indices.amax(1).tolist()], *values.shape[1:])


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


def sparse_compressed_tensor(
    compressed_indices: Any,
    plain_indices: Any,
    values: Any,
    size: Any = None,
    *,
    dtype: DType | None = None,
    layout: Layout | None = None,
    device: Any = None,
    pin_memory: bool = False,
    requires_grad: bool = False,
    check_invariants: bool | None = None,
) -> Any:
    """A tensor of compressed rows or columns, as `layout` says.

    Args:
        compressed_indices: (*batch, rows + 1), where each row begins among the elements.
        plain_indices: (*batch, nnz), their columns.
        values: (*batch, nnz, *block sizes, *dense sizes).

    Raises:
        RuntimeError: no such layout, or indices and values that do not fit.
    """
    if layout not in COMPRESSED:
        kind = "none" if layout is None else KINDS.get(layout, "Strided")
        raise RuntimeError(
            f"sparse_compressed_tensor expected sparse compressed tensor layout but got {kind}"
        )
    given = _values(values, dtype, device)
    where = given.device if device is None else device
    pointers, others = [
        as_tensor(part, device=where).to(backend=given.backend)
        for part in (compressed_indices, plain_indices)
    ]
    shape = _compressed_shape(layout, pointers, others, given) if size is None else _sizes(size)
    if len(shape) < 2:
        raise RuntimeError("tensor dimensionality must be at least 2")
    fresh = compressed(layout, pointers, others, given, shape)
    plain = fresh.shallow()
    wanted = checks.enabled if check_invariants is None else check_invariants
    if wanted is not False:
        checks.check_compressed(fresh, bool(wanted))
    result = recorded(
        fresh, "SparseCompressedTensor", (given,),
        (lambda g: values_of(sparse_mask(g, plain)),),
    )  # fmt: skip
    return result.detach().requires_grad_() if requires_grad else result


def _compressed_shape(
    layout: Layout, pointers: Tensor, others: Tensor, values: Tensor
) -> tuple[int, ...]:
    """The smallest shape that holds all."""
    lines = pointers.shape[-1] - 1
    across = int(others.amax()) + 1 if others.numel() else 0
    at = len(others.shape)
    height, width = values.shape[at : at + 2] if layout in BLOCKS else (1, 1)
    dense = values.shape[at + 2 :] if layout in BLOCKS else values.shape[at:]
    rows, cols = (lines, across) if layout in BY_ROW else (across, lines)
    return (*pointers.shape[:-1], rows * height, cols * width, *dense)


def _of_layout(layout: Layout) -> Any:
    first, second = checks.names(layout)

    def create(pointers: Any, others: Any, values: Any, size: Any = None, **options: Any) -> Any:
        return sparse_compressed_tensor(pointers, others, values, size, layout=layout, **options)

    def by_name(*args: Any, **options: Any) -> Any:
        given = list(args)
        for name in (first, second, "values"):
            if name in options:
                given.append(options.pop(name))
        return create(*given, **options)

    by_name.__name__ = by_name.__qualname__ = f"{layout.name}_tensor"
    by_name.__doc__ = (
        f"A tensor of layout {layout!r} of `{first}`, `{second}` and `values`; see "
        f"`sparse_compressed_tensor`."
    )
    return by_name


sparse_csr_tensor = _of_layout(sparse_csr)
sparse_csc_tensor = _of_layout(sparse_csc)
sparse_bsr_tensor = _of_layout(sparse_bsr)
sparse_bsc_tensor = _of_layout(sparse_bsc)


def zeros_of_layout(shape: tuple[int, ...], layout: Layout, like: Tensor) -> Any:
    """A tensor without elements, of the dtype and place of a dense one.

    Raises:
        RuntimeError: less than two dims of compressed rows or columns.
    """
    if layout is sparse_coo:
        values = zeros_at((0,), like, like.dtype)
        return coo(no_indices(len(shape), values), values, _sizes(shape), True)
    if len(shape) < 2:
        raise RuntimeError(
            f"torch.empty: Only batched sparse compressed (non-block) tensors are supported, but "
            f"got size {list(shape)}"
        )
    if layout in BLOCKS:
        raise RuntimeError(
            "torch.empty: Only batched sparse compressed (non-block) tensors are supported"
        )
    batch = shape[:-2]
    values = zeros_at((*batch, 0), like, like.dtype)
    lines = shape[-2] if layout in BY_ROW else shape[-1]
    pointers, others = zeros_at((*batch, lines + 1), values), zeros_at((*batch, 0), values)
    return compressed(layout, pointers, others, values, _sizes(shape))


# ---- what a tensor is made of --------------------------------------------------------------------
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
    shape = _sizes(size)
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
    shape = _sizes(size)
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
