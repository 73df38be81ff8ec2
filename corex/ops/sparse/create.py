"""New sparse tensors."""

from __future__ import annotations

from typing import Any

from corex import dtypes as dt
from corex.dtypes import DType
from corex.formats import Layout, sparse_bsc, sparse_bsr, sparse_coo, sparse_csc, sparse_csr
from corex.ops.create.constant import zeros as dense_zeros
from corex.ops.create.data import as_tensor
from corex.ops.sparse import checks
from corex.ops.sparse.components import constructed, values_of
from corex.ops.sparse.convert import sparse_mask
from corex.ops.sparse.graph import recorded
from corex.ops.sparse.places import no_indices, zeros_at
from corex.ops.sparse.tensor import (
    BLOCKS,
    BY_ROW,
    COMPRESSED,
    KINDS,
    compressed,
    coo,
)
from corex.tensor.tensor import Tensor


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
    shape = _smallest(places, given) if size is None else checked_sizes(size)
    wanted = checks.enabled if check_invariants is None else check_invariants
    checks.check_coo(places, given, shape, wanted is not False)
    result = constructed(places.detach(), given, shape, is_coalesced)
    return result.detach().requires_grad_() if requires_grad else result


def checked_sizes(size: Any) -> tuple[int, ...]:
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
    shape = (
        _compressed_shape(layout, pointers, others, given) if size is None else checked_sizes(size)
    )
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
        return coo(no_indices(len(shape), values), values, checked_sizes(shape), True)
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
    return compressed(layout, pointers, others, values, checked_sizes(shape))
