"""Coordinates as numbers: where the stored elements of a sparse tensor are."""

from __future__ import annotations

from collections.abc import Sequence

from corex import dtypes as dt
from corex.dispatch.record import no_grad
from corex.layout import contiguous_strides, numel
from corex.ops.create.constant import empty, zeros
from corex.ops.create.data import tensor
from corex.ops.create.ranges import arange
from corex.ops.reduce.search import searchsorted
from corex.ops.reduce.unique import unique
from corex.ops.shape.join import cat, stack
from corex.ops.sparse.tensor import CompressedTensor, CooTensor, coo
from corex.tensor.tensor import Tensor


def integers(values: Sequence[int], like: Tensor) -> Tensor:
    """int64, 1-d, where `like` is."""
    return tensor(list(values), dtype=dt.int64, device=like.device, backend=like.backend)


def counting(count: int, like: Tensor) -> Tensor:
    """0, 1, ... count - 1, where `like` is."""
    return arange(count, dtype=dt.int64, device=like.device, backend=like.backend)


def zeros_at(shape: Sequence[int], like: Tensor, dtype: dt.DType = dt.int64) -> Tensor:
    """Zeros where `like` is."""
    return zeros(tuple(shape), dtype=dtype, device=like.device, backend=like.backend)


def no_indices(dims: int, like: Tensor) -> Tensor:
    """(dims, 0) coordinates."""
    return empty((dims, 0), dtype=dt.int64, device=like.device, backend=like.backend)


# ---- coordinates ---------------------------------------------------------------------------------
def flat(indices: Tensor, sizes: Sequence[int]) -> Tensor:
    """(dims, n) coordinates -> (n,) positions in row-major order."""
    if not len(sizes):
        return zeros_at((indices.shape[1],), indices)
    if len(sizes) == 1:
        return indices.select(0, 0)
    steps = integers(contiguous_strides(tuple(sizes)), indices)
    return (indices * steps.unsqueeze(1)).sum(0)


def spread(positions: Tensor, sizes: Sequence[int]) -> Tensor:
    """The inverse of `flat`."""
    if not len(sizes):
        return zeros_at((0, positions.shape[0]), positions)
    if len(sizes) == 1:
        return positions.unsqueeze(0)
    rows = []
    for step, size in zip(contiguous_strides(tuple(sizes)), sizes, strict=True):
        rows.append(positions.floor_divide(max(step, 1)).remainder(max(size, 1)))
    return stack(rows)


def sparse_sizes(t: CooTensor) -> tuple[int, ...]:
    """The sizes of the dims that have coordinates."""
    return tuple(t.shape[: t.sparse_dims])


def positions(t: CooTensor) -> Tensor:
    """Where each value of `t` is among its sparse dims, in row-major order."""
    return flat(t.indices_, sparse_sizes(t))


def summed(t: CooTensor) -> CooTensor:
    """`t` with its coordinates sorted and different, values of the same place added; no graph."""
    if t.coalesced_:
        return t
    with no_grad():
        sizes = sparse_sizes(t)
        places, group = unique(positions(t), return_inverse=True)
        values = zeros_at((places.shape[0], *t.values_.shape[1:]), t.values_, t.dtype)
        values = values.index_add(0, group, t.values_)
        return coo(spread(places, sizes), values, t.shape, True)


def joined(parts: Sequence[Tensor], dim: int) -> Tensor:
    """`cat`, of what may be one."""
    return parts[0] if len(parts) == 1 else cat(parts, dim)


# ---- finding places ------------------------------------------------------------------------------
def found_at(known: Tensor, wanted: Tensor) -> tuple[Tensor, Tensor]:
    """Where each wanted number is among sorted known ones, 0 if nowhere; and whether it is."""
    if not known.shape[0]:
        return zeros_at(wanted.shape, wanted), zeros_at(wanted.shape, wanted, dt.bool_)
    at = searchsorted(known, wanted).clamp(max=known.shape[0] - 1)
    return at, known.index_select(0, at) == wanted


def ranges(starts: Tensor, counts: Tensor) -> tuple[Tensor, Tensor]:
    """For ranges of numbers, one after the other: (whose each number is, the numbers)."""
    whose = counting(counts.shape[0], counts).repeat_interleave(counts)
    before = counts.cumsum(0) - counts
    number = counting(whose.shape[0], counts) - before.index_select(0, whose)
    return whose, starts.index_select(0, whose) + number


# ---- compressed rows -----------------------------------------------------------------------------
def row_of_each(pointers: Tensor, nnz: int) -> Tensor:
    """(batch, rows + 1) beginnings -> (batch, nnz) rows: how many ended before each element."""
    batch, ends = pointers.shape[0], pointers.shape[1] - 1
    marks = zeros_at((batch, nnz + 1), pointers)
    if ends > 1:
        inner = pointers.narrow(1, 1, ends - 1).long()
        marks = marks.scatter_add(1, inner, inner * 0 + 1)
    return marks.cumsum(1).narrow(1, 0, nnz)


def beginnings(rows: Tensor, count: int) -> Tensor:
    """(batch, nnz) sorted rows, of `count` -> (batch, count + 1) where each begins."""
    marks = zeros_at((rows.shape[0], count + 1), rows)
    return marks.scatter_add(1, rows + 1, rows * 0 + 1).cumsum(1)


def block_grid(t: CompressedTensor) -> tuple[int, int]:
    """How many rows and columns of blocks there are."""
    rows, cols = t.shape[t.batch_dims], t.shape[t.batch_dims + 1]
    height, width = t.blocksize
    return rows // max(height, 1), cols // max(width, 1)


def batches(t: CompressedTensor) -> int:
    """How many matrices there are."""
    return numel(t.shape[: t.batch_dims])


def coordinates(t: CompressedTensor) -> tuple[Tensor, Tensor, Tensor]:
    """(batch, row, column) of each block, in the order of the values, all of (batches * nnz,)."""
    count, nnz = batches(t), t.nnz()
    pointers = t.pointers_.reshape((count, t.pointers_.shape[-1]))
    one = row_of_each(pointers, nnz).reshape((-1,))
    other = t.others_.reshape((-1,)).long()
    batch = counting(count, t.others_).repeat_interleave(nnz) if count != 1 else one * 0
    return (batch, one, other) if t.by_row else (batch, other, one)


def flat_values(t: CompressedTensor) -> tuple[int, ...]:
    """The shape of the values with one dim for batches and nnz, and two for blocks."""
    height, width = t.blocksize
    return (batches(t) * t.nnz(), height, width, *t.shape[len(t.shape) - t.dense_dims :])
