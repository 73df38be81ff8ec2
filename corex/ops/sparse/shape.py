"""Other shapes of sparse tensors, and parts of them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from corex.dispatch.record import no_grad
from corex.formats import sparse_bsc, sparse_bsr, sparse_csc, sparse_csr
from corex.layout import normalize_dim
from corex.ops.promotion import result_type
from corex.ops.sparse.components import constructed, values_of
from corex.ops.sparse.convert import to_sparse
from corex.ops.sparse.graph import recorded, titled
from corex.ops.sparse.places import integers, joined, ranges, zeros_at
from corex.ops.sparse.table import INPLACE, compressed_op, coo_op, sparse_op, unsupported
from corex.ops.sparse.tensor import CompressedTensor, CooTensor, SparseTensor, compressed, coo
from corex.tensor.tensor import Tensor


# ---- dims in another order -----------------------------------------------------------------------
@coo_op("permute")
def permute(input: CooTensor, *dims: Any) -> Any:
    """The dims in another order; sparse and dense ones stay apart.

    Raises:
        RuntimeError: not each dim once, or a sparse one behind a dense one.
    """
    given = dims[0] if len(dims) == 1 and not isinstance(dims[0], int) else dims
    order = [normalize_dim(int(one), len(input.shape)) for one in given]
    if sorted(order) != list(range(len(input.shape))):
        raise RuntimeError(
            f"permute(sparse_coo): number of dimensions in the tensor input does not match the "
            f"length of the desired ordering of dimensions i.e. input.dim() = {len(input.shape)} "
            f"is not equal to len(dims) = {len(order)}"
        )
    sparse = input.sparse_dims
    if any([one >= sparse for one in order[:sparse]]):
        raise RuntimeError(
            "permute(sparse_coo): transpositions between sparse and dense dimensions are not "
            f"allowed. Got sparse_dim: {sparse}, dims: {order}"
        )
    return _permuted(input, order, "Permute")


def _permuted(t: CooTensor, order: Sequence[int], title: str) -> Any:
    sparse = t.sparse_dims
    with no_grad():
        indices = t.indices_
        if list(order[:sparse]) != list(range(sparse)):
            indices = indices.index_select(0, integers(order[:sparse], indices))
        values = t.values_
        dense = [one - sparse + 1 for one in order[sparse:]]
        if dense != sorted(dense):
            values = values.permute((0, *dense))
        shape = tuple([t.shape[one] for one in order])
        kept = t.coalesced_ and indices is t.indices_
        result = coo(indices, values, shape, kept or None)
    back = [order.index(one) for one in range(len(order))]
    return recorded(result, title, (t,), (lambda g: g.permute(back),))


@coo_op("transpose")
def transpose(input: CooTensor, dim0: int, dim1: int) -> Any:
    """Two dims exchanged, both sparse or both dense.

    Raises:
        RuntimeError: one of each kind.
    """
    return _transposed(input, dim0, dim1, "Transpose")


def _transposed(t: CooTensor, dim0: int, dim1: int, title: str) -> Any:
    a, b = [normalize_dim(one, len(t.shape)) for one in (dim0, dim1)]
    if (a < t.sparse_dims) is not (b < t.sparse_dims):
        raise RuntimeError(
            f"sparse transpose: transposed dimensions must be sparse Got sparse_dim: "
            f"{t.sparse_dims}, d0: {a}, d1: {b}"
        )
    order = list(range(len(t.shape)))
    order[a], order[b] = order[b], order[a]
    return _permuted(t, order, title)


@coo_op("t")
def t_(input: CooTensor) -> Tensor:
    """The transpose of a matrix.

    Raises:
        RuntimeError: more than two sparse dims, or dense ones.
    """
    if input.sparse_dims > 2 or len(input.shape) != input.sparse_dims:
        raise RuntimeError(
            f"t() expects a tensor with <= 2 sparse and 0 dense dimensions, but got "
            f"{input.sparse_dims} sparse and {len(input.shape) - input.sparse_dims} dense "
            f"dimensions"
        )
    return _transposed(input, 0, 1, "T") if len(input.shape) == 2 else input


_TURNED = {
    sparse_csr: sparse_csc, sparse_csc: sparse_csr,
    sparse_bsr: sparse_bsc, sparse_bsc: sparse_bsr,
}  # fmt: skip


@compressed_op("transpose")
def transpose_compressed(input: CompressedTensor, dim0: int, dim1: int) -> Any:
    """Rows and columns exchanged: the same elements in the layout of the other.

    Raises:
        RuntimeError: other dims.
    """
    a, b = sorted([normalize_dim(one, len(input.shape)) for one in (dim0, dim1)])
    batch = input.batch_dims
    if a == b:
        return input
    if (a, b) != (batch, batch + 1):
        raise RuntimeError(
            f"transpose(): can only transpose the sparse dimensions {batch} and {batch + 1} of "
            f"layout {input.layout!r}, but got {dim0} and {dim1}"
        )
    shape = list(input.shape)
    shape[a], shape[b] = shape[b], shape[a]
    with no_grad():
        values = input.values_
        if input.blocksize != (1, 1):
            values = values.transpose(batch + 1, batch + 2)
        result = compressed(
            _TURNED[input.layout_], input.pointers_, input.others_, values, tuple(shape)
        )
    return recorded(result, "Transpose", (input,), (lambda g: g.transpose(a, b),))


@compressed_op("t")
def t_compressed(input: CompressedTensor) -> Any:
    """The transpose of a matrix.

    Raises:
        RuntimeError: batches or dense dims.
    """
    if len(input.shape) != 2:
        raise RuntimeError(
            f"t() expects a tensor with <= 2 dimensions, but self is {len(input.shape)}D"
        )
    return titled(transpose_compressed(input, 0, 1), "T")


INPLACE.update(("t", "transpose"))


compressed_op("mT")(lambda input: input.transpose(-2, -1))
compressed_op("mH", "adjoint")(lambda input: input.conj().transpose(-2, -1))


@coo_op("movedim")
def movedim(input: CooTensor, source: Any, destination: Any) -> Any:
    """Dims moved to other places; the others keep their order.

    Raises:
        RuntimeError: not as many places as dims.
    """
    ndim = len(input.shape)
    froms, tos = [
        [normalize_dim(one, ndim) for one in ([dims] if isinstance(dims, int) else dims)]
        for dims in (source, destination)
    ]
    if len(froms) != len(tos):
        raise RuntimeError(
            f"movedim: Invalid source or destination dims: source ({froms} dims) should contain "
            f"the same number of dims as destination ({tos} dims)"
        )
    order = [dim for dim in range(ndim) if dim not in froms]
    for to, dim in sorted(zip(tos, froms, strict=True)):
        order.insert(to, dim)
    return _permuted(input, order, "Permute")


@coo_op("T", "mT")
def turned(input: CooTensor) -> Any:
    """The transpose of a matrix."""
    return transpose(input, -2, -1)


@coo_op("H", "mH", "adjoint")
def adjoint(input: CooTensor) -> Tensor:
    """The conjugate of the transpose of a matrix."""
    return (input.conj() if input.is_complex() else input).transpose(-2, -1)


# ---- more dims -----------------------------------------------------------------------------------
@coo_op("unsqueeze")
def unsqueeze(input: CooTensor, dim: int) -> Any:
    """With a dim of size 1 more, sparse if it lies before or among the sparse ones.

    Raises:
        IndexError: out of range.
    """
    at = normalize_dim(dim, len(input.shape) + 1)
    sparse = input.sparse_dims
    shape = (*input.shape[:at], 1, *input.shape[at:])
    with no_grad():
        if at <= sparse:
            row = zeros_at((1, input.nnz()), input.indices_)
            rows = [input.indices_[:at], row, input.indices_[at:]]
            result = coo(joined(rows, 0), input.values_, shape, input.coalesced_)
        else:
            values = input.values_.unsqueeze(at - sparse + 1)
            result = coo(input.indices_, values, shape, input.coalesced_)
        if at <= sparse and not (at == sparse and len(input.shape) == sparse):
            result.coalesced_ = input.coalesced_
    return recorded(result, "Unsqueeze", (input,), (lambda g: g.select(at, 0),))


# ---- parts ---------------------------------------------------------------------------------------
def _stored(t: CooTensor, mask: Tensor) -> tuple[Tensor, Tensor]:
    """The coordinates and (differentiably) values that a mask names."""
    at = mask.nonzero().reshape((-1,))
    return t.indices_.index_select(1, at), values_of(t).index_select(0, at)


def _part_of(title: str, *parts: Any) -> Any:
    return titled(constructed(*parts), title)


def _merged_for_graph(t: Any) -> Any:
    """The tensor, coalesced if its gradient is asked for."""
    return t.coalesce() if t.requires_grad else t


@coo_op("select")
def select(input: CooTensor, dim: int, index: int) -> Any:
    """The slice at a place of a dim: dense, if that was the only sparse one.

    Raises:
        IndexError: out of range.
    """
    if not input.shape:
        raise IndexError("select() cannot be applied to a 0-dim tensor.")
    at = normalize_dim(dim, len(input.shape))
    size = input.shape[at]
    if not -size <= index < size:
        raise IndexError(
            f"select(): index {index} out of range for tensor of size {list(input.shape)} at "
            f"dimension {at}"
        )
    place = int(index) % size
    t = _merged_for_graph(input)
    shape = (*input.shape[:at], *input.shape[at + 1 :])
    if at >= t.sparse_dims:
        values = values_of(t).select(at - t.sparse_dims + 1, place)
        return _part_of("Select", t.indices_, values, shape, t.coalesced_)
    with no_grad():
        mask = t.indices_.select(0, at) == place
    indices, values = _stored(t, mask)
    if t.sparse_dims == 1:
        return values.sum(0).to(t.dtype)
    kept = [one for one in range(t.sparse_dims) if one != at]
    with no_grad():
        indices = indices.index_select(0, integers(kept, indices))
    return _part_of("Select", indices, values, shape, t.coalesced_ or None)


@compressed_op("select", "select_copy")
def select_compressed(input: CompressedTensor, dim: int, index: int) -> Any:
    """A matrix of a batch, or a row or column in coordinates."""
    at = normalize_dim(dim, len(input.shape))
    if at >= input.batch_dims:
        return to_sparse(input).select(at, index)
    size = input.shape[at]
    if not -size <= index < size:
        raise IndexError(
            f"select(): index {index} out of range for tensor of size {list(input.shape)} at "
            f"dimension {at}"
        )
    shape = (*input.shape[:at], *input.shape[at + 1 :])
    if input.requires_grad:
        raise unsupported("select", input)
    with no_grad():
        pointers, others, values = [part.select(at, index) for part in input.parts]
        return compressed(input.layout_, pointers, others, values, shape)


@coo_op("index_select")
def index_select(input: CooTensor, dim: int, index: Tensor) -> Any:
    """The slices at places of a dim, which may come several times.

    Raises:
        IndexError: out of range. RuntimeError: `index` is no vector.
    """
    if len(index.shape) > 1:
        raise IndexError("index_select(): Index is supposed to be a vector")
    at = normalize_dim(dim, len(input.shape))
    size = input.shape[at]
    wanted = index.reshape((-1,)).long()
    if wanted.numel():
        low, high = int(wanted.amin()), int(wanted.amax())
        if low < -size or high >= size:
            raise IndexError(
                f"index_select(): index contains {low if low < -size else high} that is out of "
                f"range for tensor of size {list(input.shape)} at dimension {at}"
            )
    wanted = wanted.remainder(max(size, 1))
    t = _merged_for_graph(input)
    shape = (*input.shape[:at], wanted.shape[0], *input.shape[at + 1 :])
    if at >= t.sparse_dims:
        values = values_of(t).index_select(at - t.sparse_dims + 1, wanted)
        return _part_of("IndexSelect", t.indices_, values, shape, t.coalesced_)
    with no_grad():
        places = t.indices_.select(0, at)
        order = places.argsort(stable=True)
        marks = zeros_at((size + 1,), places).index_add(0, places + 1, places * 0 + 1).cumsum(0)
        begin = marks.index_select(0, wanted)
        number, found = ranges(begin, marks.index_select(0, wanted + 1) - begin)
        stored = order.index_select(0, found)
        indices = t.indices_.index_select(1, stored)
        rows = [indices[:at], number.unsqueeze(0), indices[at + 1 :]]
        places = joined([row for row in rows if row.shape[0]], 0)
    values = values_of(t).index_select(0, stored)
    return _part_of("IndexSelect", places, values, shape)


@coo_op("narrow_copy")
def narrow_copy(input: CooTensor, dim: int, start: int, length: int) -> Any:
    """`length` places of a dim, from `start` on.

    Raises:
        RuntimeError: out of range.
    """
    at = normalize_dim(dim, len(input.shape))
    first = int(start) % max(input.shape[at], 1) if start < 0 else int(start)
    if length < 0 or first + length > input.shape[at]:
        raise RuntimeError(
            f"Invalid range to narrow. range(start, start+length) = range({first}, "
            f"{first + length}) must be a subset of range(0, {input.shape[at]})"
        )
    t = _merged_for_graph(input)
    shape = (*input.shape[:at], length, *input.shape[at + 1 :])
    if at >= t.sparse_dims:
        values = values_of(t).narrow(at - t.sparse_dims + 1, first, length)
        return _part_of("NarrowCopy", t.indices_, values, shape, t.coalesced_)
    with no_grad():
        places = t.indices_.select(0, at)
        mask = (places >= first) & (places < first + length)
    indices, values = _stored(t, mask)
    with no_grad():
        rows = [indices[:at], indices[at : at + 1] - first, indices[at + 1 :]]
        indices = joined([row for row in rows if row.shape[0]], 0)
    return _part_of("NarrowCopy", indices, values, shape, t.coalesced_)


# ---- several tensors -----------------------------------------------------------------------------
@coo_op("cat")
def cat(tensors: Sequence[Any], dim: int = 0) -> Any:
    """Tensors joined along a dim.

    Raises:
        RuntimeError: a dense one among them, or sizes that differ.
    """
    for position, one in enumerate(tensors):
        if not isinstance(one, CooTensor):
            raise RuntimeError(
                f"Concatenating sparse tensors, but a dense tensor was found at position "
                f"{position}."
            )
    first = tensors[0]
    at = normalize_dim(dim, len(first.shape))
    for position, one in enumerate(tensors[1:], 1):
        _check_joinable(first, one, at, position)
    dtype = result_type(*[one.values_ for one in tensors])
    total = sum([one.shape[at] for one in tensors])
    shape = (*first.shape[:at], total, *first.shape[at + 1 :])
    starts = [sum([one.shape[at] for one in tensors[:i]]) for i in range(len(tensors))]
    sparse = first.sparse_dims
    with no_grad():
        indices = [one.indices_ for one in tensors]
        if at < sparse:
            shift = [[start if row == at else 0 for row in range(sparse)] for start in starts]
            indices = [
                one + integers(by, one).unsqueeze(1) for one, by in zip(indices, shift, strict=True)
            ]
            values = [one.values_.to(dtype) for one in tensors]
        else:
            values = [
                _padded(one.values_.to(dtype), at - sparse + 1, start, total)
                for one, start in zip(tensors, starts, strict=True)
            ]
        result = coo(joined(indices, 1), joined(values, 0), shape)

    def of(position: int) -> Any:
        one, start = tensors[position], starts[position]
        return lambda g: _part(g, at, start, one.shape[at]).to(one.dtype)

    return recorded(result, "Cat", tensors, [of(position) for position in range(len(tensors))])


def _part(g: Any, dim: int, start: int, length: int) -> Any:
    if isinstance(g, SparseTensor):
        return g.narrow_copy(dim, start, length)
    return g.narrow(dim, start, length)


def _padded(values: Tensor, dim: int, start: int, total: int) -> Tensor:
    shape = list(values.shape)
    size, shape[dim] = shape[dim], total
    whole = zeros_at(shape, values, values.dtype)
    whole.narrow(dim, start, size).copy_(values)
    return whole


def _check_joinable(first: CooTensor, one: CooTensor, at: int, position: int) -> None:
    if len(one.shape) != len(first.shape) or one.sparse_dims != first.sparse_dims:
        raise RuntimeError(
            f"All tensors must have the same number of sparse dimensions and the same number of "
            f"dims: got {first.sparse_dims} of {len(first.shape)} and {one.sparse_dims} of "
            f"{len(one.shape)} at position {position}"
        )
    for dim, (a, b) in enumerate(zip(first.shape, one.shape, strict=True)):
        if dim != at and a != b:
            raise RuntimeError(
                f"Sizes of tensors must match except in dimension {at}. Expected size {a} in "
                f"dimension {dim} but got size {b} at position {position}"
            )


@coo_op("stack")
def stack(tensors: Sequence[Any], dim: int = 0) -> Any:
    """Tensors of one shape joined along a new dim."""
    for one in tensors:
        if not isinstance(one, CooTensor):
            raise unsupported("stack", tensors[0])
    at = normalize_dim(dim, len(tensors[0].shape) + 1)
    return titled(cat([unsqueeze(one, at) for one in tensors], at), "Stack")


@sparse_op("unbind")
def unbind(input: Any, dim: int = 0) -> tuple[Tensor, ...]:
    """All slices of a dim."""
    return tuple([input.select(dim, i) for i in range(input.shape[dim])])


# ---- brackets ------------------------------------------------------------------------------------
@sparse_op("__getitem__")
def getitem(input: Any, key: Any) -> Any:
    """t[key] for integers, `:`, `...` and None.

    Raises:
        IndexError: out of range. NotImplementedError: other keys.
    """
    keys = list(key) if isinstance(key, tuple) else [key]
    used = len([one for one in keys if one is not None and one is not Ellipsis])
    if Ellipsis in [one for one in keys if not isinstance(one, Tensor)]:
        at = next(i for i, one in enumerate(keys) if one is Ellipsis)
        keys[at : at + 1] = [slice(None)] * (len(input.shape) - used)
    result, dim = input, 0
    for one in keys:
        if one is None:
            result, dim = result.unsqueeze(dim), dim + 1
        elif isinstance(one, slice) and one in (slice(None), slice(None, None, 1)):
            dim += 1
        elif hasattr(type(one), "__index__") and not isinstance(one, bool | Tensor):
            if dim >= len(result.shape):
                raise IndexError(f"too many indices for tensor of dimension {len(input.shape)}")
            size = result.shape[dim]
            if not -size <= int(one) < size:
                raise IndexError(
                    f"index {int(one)} is out of bounds for dimension {dim} with size {size}"
                )
            result = result.select(dim, int(one))
        else:
            raise unsupported("as_strided" if isinstance(one, slice) else "index", input)
    return result


@sparse_op("__iter__")
def iterate(input: Any) -> Any:
    """The slices of the first dim."""
    if not input.shape:
        raise TypeError("iteration over a 0-d tensor")
    return iter(unbind(input))
