"""Between layouts: from and to dense tensors, coordinates, compressed rows and columns."""

from __future__ import annotations

from typing import Any

from corex.dispatch.record import no_grad
from corex.dtypes import DType
from corex.formats import Layout, sparse_coo, sparse_csc, sparse_csr, strided
from corex.layout import numel
from corex.ops.sparse.graph import recorded
from corex.ops.sparse.places import (
    batches,
    beginnings,
    block_grid,
    coordinates,
    flat,
    flat_values,
    found_at,
    joined,
    positions,
    sparse_sizes,
    spread,
    summed,
    zeros_at,
)
from corex.ops.sparse.table import compressed_op, coo_op, sparse_op
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
from corex.tensor.tensor import Tensor, alias


# ---- to dense ------------------------------------------------------------------------------------
@sparse_op("to_dense")
def to_dense(input: Any, dtype: DType | None = None, *, masked_grad: bool | None = None) -> Any:
    """All elements, also the zeros. The gradient is that of the stored elements alone, unless
    `masked_grad` is False.

    Raises:
        RuntimeError: a dtype.
    """
    if dtype is not None:
        kind = "csr_" if isinstance(input, CompressedTensor) else ""
        raise RuntimeError(f"dtype argument is not supported by sparse_{kind}to_dense")
    with no_grad():
        if isinstance(input, CooTensor):
            result = _dense_of_coo(input)
        else:
            result = _dense_of_compressed(input)

    def back(g: Tensor) -> Any:
        if masked_grad is False and isinstance(input, CooTensor):
            return to_sparse_dense(g, input.sparse_dims)
        return sparse_mask(g, summed(input) if isinstance(input, CooTensor) else input)

    return recorded(result, "ToDense", (input,), (back,))


def _dense_of_coo(t: CooTensor) -> Tensor:
    rows = zeros_at((numel(sparse_sizes(t)), *t.values_.shape[1:]), t.values_, t.dtype)
    return rows.index_add(0, positions(t), t.values_).reshape(t.shape)


def _dense_of_compressed(t: CompressedTensor) -> Tensor:
    batch, row, col = coordinates(t)
    rows, cols = block_grid(t)
    values = t.values_.reshape(flat_values(t))
    whole = zeros_at((batches(t) * rows * cols, *values.shape[1:]), values, t.dtype)
    whole = whole.index_add(0, (batch * rows + row) * cols + col, values)
    return _from_blocks(whole, batches(t), rows, cols).reshape(t.shape)


def _from_blocks(blocks: Tensor, count: int, rows: int, cols: int) -> Tensor:
    """(count * rows * cols, height, width, *dense) -> (count, all rows, all columns, *dense)."""
    height, width, *dense = blocks.shape[1:]
    grid = blocks.reshape((count, rows, cols, height, width, *dense)).transpose(2, 3)
    return grid.reshape((count, rows * height, cols * width, *dense))


def _to_blocks(t: Tensor, batch_dims: int, size: tuple[int, int]) -> Tensor:
    """(*batch, rows, cols, *dense) -> (batches, rows, cols of blocks, height, width, *dense)."""
    height, width = size
    rows, cols = t.shape[batch_dims : batch_dims + 2]
    dense = t.shape[batch_dims + 2 :]
    grid = t.reshape(
        (numel(t.shape[:batch_dims]), rows // height, height, cols // width, width, *dense)
    )
    return grid.transpose(2, 3)


# ---- from dense ----------------------------------------------------------------------------------
def to_sparse_dense(input: Tensor, sparse_dim: int | None = None) -> Any:
    """The coordinates and values of what is not zero, sorted; the last dims stay dense.

    Raises:
        RuntimeError: `sparse_dim` is out of range.
    """
    if isinstance(input, SparseTensor):
        return to_sparse(input, sparse_dim)
    ndim = len(input.shape)
    dims = ndim if sparse_dim is None else sparse_dim
    if not 0 <= dims <= ndim:
        raise RuntimeError(
            f"dense_to_sparse: sparse_dim argument must be in [0,{ndim}] range, but {dims} is given"
        )
    if ndim and not dims:
        raise RuntimeError("dense_to_sparse: sparse_dim argument must be in >0 when self.dim()>0")
    with no_grad():
        rows = alias(input).reshape((numel(input.shape[:dims]), *input.shape[dims:]))
        stored = _not_zero(rows, 1).nonzero().reshape((-1,))
        indices = spread(stored, input.shape[:dims])
        result = coo(indices, rows.index_select(0, stored), input.shape, True)
    title = "ToSparseBackward1" if sparse_dim is None else "ToSparseBackward0"
    return recorded(result, title, (input,), (_dense_gradient,))


def _dense_gradient(g: Tensor) -> Tensor:
    return g.to_dense()


def _not_zero(rows: Tensor, dims: int) -> Tensor:
    """Which slices behind the first dims have an element that is not zero."""
    mask = rows != 0
    sizes = mask.shape[:dims]
    return mask.reshape((*sizes, -1)).any(-1) if numel(mask.shape) else mask.new_zeros(sizes)


def to_compressed_dense(
    input: Tensor, layout: Layout, blocksize: Any = None, dense_dim: int | None = None
) -> Any:
    """What is not zero of a matrix, or of batches of matrices, as compressed rows or columns.

    Raises:
        RuntimeError: less than two dims, blocks that do not fit, or batches of which one has more
            elements than another.
    """
    dense = dense_dim or 0
    batch_dims = len(input.shape) - 2 - dense
    if batch_dims < 0:
        raise RuntimeError(
            f"dense_to_sparse: a tensor of layout {layout!r} has at least two dims that are not "
            f"dense, but got shape {list(input.shape)} and dense_dim {dense}"
        )
    size = _checked_blocks(input, layout, blocksize, batch_dims)
    by_row = layout in BY_ROW
    with no_grad():
        grid = _to_blocks(alias(input), batch_dims, size)
        if not by_row:
            grid = grid.transpose(1, 2)
        count, lines, across = grid.shape[:3]
        stored = _not_zero(grid, 3).reshape((count, lines * across))
        nnz = _same_count(stored)
        where = stored.nonzero()
        at = where.select(1, 0) * (lines * across) + where.select(1, 1)
        flat_at = where.select(1, 1).reshape((count, nnz))
        pointers = beginnings(flat_at.floor_divide(max(across, 1)), lines)
        others = flat_at.remainder(max(across, 1))
        values = grid.reshape((count * lines * across, *grid.shape[3:])).index_select(0, at)
        batch = input.shape[:batch_dims]
        blocks = size if layout in BLOCKS else ()
        result = compressed(
            layout, pointers.reshape((*batch, lines + 1)), others.reshape((*batch, nnz)),
            values.reshape((*batch, nnz, *blocks, *input.shape[batch_dims + 2 :])), input.shape,
        )  # fmt: skip
    return recorded(result, f"To{_camel(layout)}", (input,), (_dense_gradient,))


def _camel(layout: Layout) -> str:
    return "".join(word.capitalize() for word in layout.name.split("_"))


def _same_count(stored: Tensor) -> int:
    counts = stored.sum(1).tolist()
    if len(set(counts)) > 1:
        raise RuntimeError("Expect the same number of specified elements per batch.")
    return counts[0] if counts else 0


def _checked_blocks(
    input: Tensor, layout: Layout, blocksize: Any, batch_dims: int
) -> tuple[int, int]:
    kind = KINDS[input.layout_] if isinstance(input, SparseTensor) else "Strided"
    if layout not in BLOCKS:
        if blocksize is not None:
            raise RuntimeError(
                f"dense_to_sparse: conversion from {kind} to {KINDS[layout]} with blocksize "
                f"argument given is not supported"
            )
        return 1, 1
    if blocksize is None:
        raise RuntimeError(
            f"dense_to_sparse: conversion from {kind} to {KINDS[layout]} without blocksize "
            f"argument given is not supported"
        )
    height, width = blocksize
    if height <= 0 or width <= 0:
        raise RuntimeError(
            f"dense_to_sparse: blocksize needs to be positive, but got ({height}, {width})"
        )
    rows, cols = input.shape[batch_dims : batch_dims + 2]
    if rows % height or cols % width:
        raise RuntimeError(
            f"dense_to_sparse: tensor sparse size ({rows},{cols}) must be divisible by given "
            f"blocksize ({height},{width})"
        )
    return int(height), int(width)


# ---- between sparse layouts ----------------------------------------------------------------------
@sparse_op("to_sparse")
def to_sparse(
    input: Any,
    sparse_dim: int | None = None,
    *,
    layout: Layout | None = None,
    blocksize: Any = None,
    dense_dim: int | None = None,
) -> Any:
    """The tensor in another sparse layout, by default in coordinates.

    Raises:
        RuntimeError: arguments that do not fit together, or the layout.
    """
    if sparse_dim is not None and (layout, blocksize, dense_dim) == (None, None, None):
        return _of_sparse_dim(input, sparse_dim)
    if sparse_dim is not None:
        raise RuntimeError("to_sparse: sparse_dim and layout, blocksize or dense_dim exclude")
    wanted = sparse_coo if layout is None else layout
    if wanted is strided:
        return input.to_dense() if isinstance(input, SparseTensor) else input
    if not isinstance(input, SparseTensor):
        if wanted is sparse_coo:
            return to_sparse_dense(input, None if dense_dim is None else input.ndim - dense_dim)
        return to_compressed_dense(input, wanted, blocksize, dense_dim)
    if wanted is input.layout_ and (blocksize is None or tuple(blocksize) == _blocks_of(input)):
        return input
    if wanted is sparse_coo:
        return _coo_of_compressed(input)  # type: ignore[arg-type]
    if isinstance(input, CooTensor):
        return _compressed_of_coo(input, wanted, blocksize)
    return _recompressed(input, wanted, blocksize)


def _blocks_of(t: SparseTensor) -> Any:
    return t.blocksize if isinstance(t, CompressedTensor) and t.layout_ in BLOCKS else None


def _of_sparse_dim(input: Any, sparse_dim: int) -> Any:
    if not isinstance(input, SparseTensor):
        return to_sparse_dense(input, sparse_dim)
    if isinstance(input, CooTensor):
        if sparse_dim != input.sparse_dims:
            raise RuntimeError(
                "to_sparse: conversion from Sparse to Sparse with sparse_dim argument "
                "!=self.sparse_dim() is not supported"
            )
        return input
    if sparse_dim != 2:
        raise RuntimeError(
            f"sparse_compressed_to_sparse: conversion from {KINDS[input.layout_]} to Sparse with "
            f"sparse_dim argument !=2 is not supported"
        )
    return _coo_of_compressed(input)  # type: ignore[arg-type]


def element_places(t: CompressedTensor) -> tuple[Tensor, Tensor]:
    """((batch dims + 2, n) coordinates, (n, *dense) values) of single elements, in no order; the
    values outside the graph."""
    batch, row, col = coordinates(t)
    height, width = t.blocksize
    values = t.values_.reshape(flat_values(t))
    if (height, width) != (1, 1):
        count = values.shape[0]
        down, right = zeros_at((height,), row), zeros_at((width,), row)
        down, right = (down + 1).cumsum(0) - 1, (right + 1).cumsum(0) - 1
        sizes = (count, height, width)
        row = (row.reshape((-1, 1, 1)) * height + down.reshape((-1, 1))).expand(sizes)
        col = (col.reshape((-1, 1, 1)) * width + right).expand(sizes)
        batch = batch.reshape((-1, 1, 1)).expand(sizes)
        batch, row, col = [one.reshape((-1,)) for one in (batch, row, col)]
    values = values.reshape((row.shape[0], *values.shape[3:]))
    lead = spread(batch, t.shape[: t.batch_dims])
    return joined([lead, row.unsqueeze(0), col.unsqueeze(0)], 0), values


def _coo_of_compressed(t: CompressedTensor) -> Any:
    with no_grad():
        indices, values = element_places(t)
        result = coo(indices, values, t.shape, False)
        if t.layout_ is sparse_csr:  # rows follow each other
            result.coalesced_ = True
        else:
            result = summed(result)
    return recorded(result, "ToSparse", (t,), (lambda g: sparse_mask(g, t),))


def _compressed_of_coo(t: CooTensor, layout: Layout, blocksize: Any) -> Any:
    with no_grad():
        whole = summed(t)
        batch_dims = t.sparse_dims - 2
        if batch_dims != 0 or layout in BLOCKS:
            dense = len(t.shape) - t.sparse_dims
            result = to_compressed_dense(to_dense(whole), layout, blocksize, dense)
        else:
            row, col = whole.indices_.select(0, 0), whole.indices_.select(0, 1)
            rows, cols = t.shape[:2]
            result = _csr_or_csc(row, col, whole.values_, rows, cols, layout, t.shape)
    return recorded(result, f"To{_camel(layout)}", (t,), (lambda g: sparse_mask(g, summed(t)),))


def _csr_or_csc(
    row: Tensor, col: Tensor, values: Tensor, rows: int, cols: int, layout: Layout, shape: Any
) -> Tensor:
    """From coordinates sorted by row."""
    if layout is sparse_csc:
        order = col.argsort(stable=True)
        row, col = row.index_select(0, order), col.index_select(0, order)
        values = values.index_select(0, order)
        pointers = beginnings(col.unsqueeze(0), cols).select(0, 0)
        return compressed(layout, pointers, row, values, shape)
    pointers = beginnings(row.unsqueeze(0), rows).select(0, 0)
    return compressed(layout, pointers, col, values, shape)


def _recompressed(t: Any, layout: Layout, blocksize: Any) -> Any:
    with no_grad():
        if t.layout_ in BLOCKS or layout in BLOCKS or t.batch_dims:
            result = to_compressed_dense(to_dense(t), layout, blocksize, t.dense_dims)
        else:
            _, row, col = coordinates(t)
            rows, cols = t.shape[:2]
            values = t.values_
            if layout is sparse_csr:
                order = row.argsort(stable=True)
                row, col = row.index_select(0, order), col.index_select(0, order)
                values = values.index_select(0, order)
            result = _csr_or_csc(row, col, values, rows, cols, layout, t.shape)
    return recorded(result, f"To{_camel(layout)}", (t,), (lambda g: sparse_mask(g, t),))


def _named(layout: Layout) -> None:
    """`to_sparse_csr` and its kin."""

    def convert(input: Any, blocksize: Any = None, *, dense_dim: int | None = None) -> Any:
        return to_sparse(input, layout=layout, blocksize=blocksize, dense_dim=dense_dim)

    def plain(input: Any, dense_dim: int | None = None) -> Any:
        return to_sparse(input, layout=layout, dense_dim=dense_dim)

    convert.__doc__ = plain.__doc__ = f"The tensor in layout {layout!r}."
    function = convert if layout in BLOCKS else plain
    sparse_op(f"to_{layout.name}")(function)
    CONVERTERS[f"to_{layout.name}"] = function


CONVERTERS: dict[str, Any] = {}
for _layout in COMPRESSED:
    _named(_layout)


@sparse_op("to_sparse_coo")
def to_sparse_coo(input: Any) -> Any:
    """The tensor in coordinates."""
    return to_sparse(input)


# ---- the elements at given places ----------------------------------------------------------------
@coo_op("sparse_mask")
def sparse_mask(input: Any, mask: Any) -> Any:
    """The elements of `input` where `mask`, which is sparse, has stored elements.

    Raises:
        RuntimeError: shapes that differ, or a mask that is dense.
    """
    if not isinstance(mask, SparseTensor):
        raise RuntimeError("sparse_mask: mask must be a sparse tensor, but it is dense")
    if input.shape != mask.shape:
        raise RuntimeError(
            f"sparse_mask(): operands have incompatible sizes; self has size {list(input.shape)} "
            f"but mask has size {list(mask.shape)}"
        )
    with no_grad():
        result: Any
        if isinstance(mask, CompressedTensor):
            result = _masked_compressed(input, mask)
        elif isinstance(mask, CooTensor):
            values = values_at(input, mask.indices_, mask.sparse_dims)
            result = coo(mask.indices_, values, mask.shape, mask.coalesced_)

    def back(g: Tensor) -> Any:
        found = sparse_mask(g, mask)
        return found if isinstance(input, SparseTensor) else found.to_dense()

    return recorded(result, "SparseMask", (input,), (back,))


compressed_op("sparse_mask")(sparse_mask)


def values_at(t: Any, indices: Tensor, dims: int) -> Tensor:
    """The elements (or slices behind the first `dims` dims) at coordinates, outside the graph."""
    sizes = t.shape[:dims]
    wanted = flat(indices, sizes)
    if isinstance(t, CompressedTensor):
        t = _coo_of_compressed(t)
    if not isinstance(t, CooTensor):
        rows = alias(t).reshape((numel(sizes), *t.shape[dims:]))
        return rows.index_select(0, wanted)
    if t.sparse_dims != dims:
        return values_at(to_dense(t), indices, dims)
    whole = summed(t)
    at, there = found_at(positions(whole), wanted)
    if not whole.values_.shape[0]:
        return zeros_at((wanted.shape[0], *whole.values_.shape[1:]), whole.values_, t.dtype)
    found = whole.values_.index_select(0, at)
    missing = ~there.reshape((-1, *[1] * (len(found.shape) - 1)))
    return found.masked_fill(missing, 0)


def _masked_compressed(t: Any, mask: CompressedTensor) -> Any:
    same = isinstance(t, CompressedTensor) and t.layout_ is mask.layout_
    if same and t.pointers_ is mask.pointers_ and t.others_ is mask.others_:
        return with_values(mask, t.values_)
    indices, _ = element_places(mask)
    values = values_at(t, indices, mask.batch_dims + 2)
    return with_values(mask, values.reshape(mask.values_.shape))
