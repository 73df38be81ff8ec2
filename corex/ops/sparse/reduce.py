"""Sums, norms and softmax of sparse tensors: compositions of functions of the values."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from corex import dtypes as dt
from corex.dispatch.record import no_grad
from corex.dtypes import DType
from corex.layout import normalize_dim, numel
from corex.ops.promotion import require_tensor
from corex.ops.sparse.components import at_same_places, coalesce, constructed, values_of
from corex.ops.sparse.graph import recorded, titled
from corex.ops.sparse.places import beginnings, coordinates, flat, integers, sparse_sizes, zeros_at
from corex.ops.sparse.table import compressed_op, coo_op, unsupported
from corex.ops.sparse.tensor import CompressedTensor, CooTensor, compressed
from corex.tensor.tensor import Tensor


def _dims(input: Any, dim: Any) -> list[int]:
    if dim is None or (isinstance(dim, Sequence) and not dim):
        return list(range(len(input.shape)))
    several = [dim] if isinstance(dim, int) else list(dim)
    found = [normalize_dim(one, len(input.shape)) for one in several]
    if len(set(found)) < len(found):
        raise RuntimeError(f"dim {several} appears multiple times in the list of dims")
    return found


# ---- sums ----------------------------------------------------------------------------------------
@coo_op("sum")
def sum_(input: Any, dim: Any = None, keepdim: bool = False, *, dtype: DType | None = None) -> Any:
    """The sum over dims: dense, if all sparse dims are summed, else sparse.

    Raises:
        IndexError: a dim out of range.
    """
    if len(_dims(input, dim)) == len(input.shape) and not keepdim:
        return _whole_sum(input, dtype)
    if dtype is None and not input.dtype.is_inexact:
        dtype = dt.int64
    found = sparse_sum(input, _dims(input, dim), dtype=dtype)
    if not keepdim:
        return found
    for one in sorted(_dims(input, dim)):
        found = found.unsqueeze(one)
    if isinstance(found, CooTensor):
        found.coalesced_ = False
    return found


def _whole_sum(input: Any, dtype: DType | None) -> Any:
    """The sum of all elements, whose gradient is dense."""
    with no_grad():
        result = input.values_.sum(dtype=dtype)
    return recorded(result, "Sum", (input,), (lambda g: g.to(input.dtype).expand(input.shape),))


def sparse_sum(input: Any, dim: Any = None, dtype: DType | None = None) -> Any:
    """The sum over dims of a tensor in coordinates; dense, if all sparse dims are summed.

    Raises:
        RuntimeError: another layout. IndexError: a dim out of range.
    """
    require_tensor("sum", input)
    t: Any = input.coalesce()  # refuses other layouts
    dims = _dims(input, dim)
    sparse = t.sparse_dims
    values = values_of(t)
    inner = [one - sparse + 1 for one in dims if one >= sparse]
    if inner or len(dims) == len(input.shape):
        everything = [0, *inner] if all([one in dims for one in range(sparse)]) else inner
        summed = values.sum(everything, dtype=dtype)
        if 0 in everything:
            return titled(summed, "Sum")
    elif all([one in dims for one in range(sparse)]):
        return values.sum(0, dtype=dtype)
    else:
        summed = values
    if dtype is not None:
        summed = summed.to(dtype)
    kept = [one for one in range(sparse) if one not in dims]
    shape = [size for one, size in enumerate(input.shape) if one not in dims]
    with no_grad():
        indices = t.indices_.index_select(0, integers(kept, t.indices_))
    fresh = constructed(indices, summed, tuple(shape), len(kept) == sparse)
    return titled(coalesce(fresh), "SparseSum")


@compressed_op("sum")
def compressed_sum(
    input: Any, dim: Any = None, keepdim: bool = False, *, dtype: DType | None = None
) -> Any:
    """The sum of all elements, or, with `keepdim`, of rows or columns.

    Raises:
        RuntimeError: `dim` without `keepdim`.
    """
    if dim is None:
        return _whole_sum(input, dtype)
    if not keepdim:
        raise RuntimeError("reduction operations on CSR tensors with keepdim=False is unsupported")
    if input.batch_dims or input.dense_dims or input.blocksize != (1, 1):
        raise unsupported("sum", input)
    dims = _dims(input, dim)
    shape = tuple([1 if one in dims else size for one, size in enumerate(input.shape)])
    with no_grad():
        _, row, col = coordinates(input)
        whole = input.values_.sum(dtype=dtype)
        places = zeros_at((row.shape[0],), row)
        steps = [1 if one in dims else size for one, size in enumerate(input.shape)]
        at = (places if 0 in dims else row) * steps[1] + (places if 1 in dims else col)
        sums = zeros_at((numel(shape),), whole, whole.dtype)
        sums = sums.index_add(0, at, input.values_.to(whole.dtype))
        stored = zeros_at((numel(shape),), at).index_add(0, at, at * 0 + 1).nonzero()
        stored = stored.reshape((-1,))
        rows, cols = stored.floor_divide(max(shape[1], 1)), stored.remainder(max(shape[1], 1))
        lines, others = (rows, cols) if input.by_row else (cols, rows)
        count = shape[0] if input.by_row else shape[1]
        pointers = beginnings(lines.unsqueeze(0), count).select(0, 0)
        return compressed(input.layout_, pointers, others, sums.index_select(0, stored), shape)


@coo_op("any")
def any_(input: Any) -> Any:
    """Whether any element is not zero."""
    t: Any = coalesce(input)
    return t.values_.any()


@coo_op("norm", "native_norm")
def norm(
    input: Any, p: Any = "fro", dim: Any = None, keepdim: bool = False, dtype: Any = None
) -> Tensor:
    """The norm of all elements, as a vector.

    Raises:
        RuntimeError: some dims alone.
    """
    if dim is not None and len(_dims(input, dim)) != len(input.shape):
        raise RuntimeError(
            "norm_sparse currently only supports full reductions, so 'dim' must either be empty or "
            "contain all dimensions of the input"
        )
    if keepdim:
        raise RuntimeError("norm_sparse currently does not support keepdim=True")
    values = values_of(coalesce(input)).reshape((-1,))
    return values.norm(2 if p in (None, "fro") else p, dtype=dtype)


@coo_op("dist")
def dist(input: Any, other: Any, p: Any = 2) -> Tensor:
    """The norm of the difference."""
    return norm(input - other, p)


# ---- softmax -------------------------------------------------------------------------------------
def softmax(input: Any, dim: int, *, dtype: DType | None = None) -> Any:
    """softmax over a dim of the stored elements alone: others count as minus infinity.

    Raises:
        NotImplementedError: other layouts than coordinates.
    """
    return _softmax(input, dim, dtype, False)


def log_softmax(input: Any, dim: int, *, dtype: DType | None = None) -> Any:
    """The logarithm of `softmax`."""
    return _softmax(input, dim, dtype, True)


def _softmax(input: Any, dim: int, dtype: Any, log: bool) -> Any:
    name, title = ("log_softmax", "SparseLogSoftmax") if log else ("softmax", "SparseSoftmax")
    require_tensor(name, input)
    if not isinstance(input, CooTensor):
        if isinstance(input, CompressedTensor):
            raise unsupported(name, input)
        raise NotImplementedError(f"[{name}] a sparse tensor is needed, but it is dense")
    given: Any = input if dtype is None else input.to(dtype)
    t: Any = coalesce(given)
    if not t.nnz():
        return t
    if not t.is_floating_point():
        raise NotImplementedError(f'[{name}] "{name}" not implemented for {t.dtype!r}')
    at = normalize_dim(dim, len(t.shape))
    values = values_of(t)
    if at >= t.sparse_dims:
        inner = at - t.sparse_dims + 1
        found = values.log_softmax(inner) if log else values.softmax(inner)
    else:
        found = _by_groups(t, values, at, log)
    return titled(at_same_places(t, found), title)


def _by_groups(t: Any, values: Tensor, dim: int, log: bool) -> Tensor:
    """softmax over the values whose other coordinates are the same."""
    with no_grad():
        sizes = sparse_sizes(t)
        kept = [one for one in range(len(sizes)) if one != dim]
        others = t.indices_.index_select(0, integers(kept, t.indices_))
        group = flat(others, [sizes[one] for one in kept])
        count = numel(tuple([sizes[one] for one in kept]))
        plain = values.detach()
        largest = plain.new_zeros((count, *plain.shape[1:]))
        largest = largest.index_reduce(0, group, plain, "amax", include_self=False)
        top = largest.index_select(0, group)
    shifted = values - top
    powers = shifted.exp()
    total = powers.new_zeros((count, *plain.shape[1:])).index_add(0, group, powers)
    if log:
        return shifted - total.index_select(0, group).log()
    return powers / total.index_select(0, group)
