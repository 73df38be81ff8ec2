"""Views of a part of a tensor: slices, entries, windows, diagonals."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from operator import index
from typing import Any

from corex import layout
from corex.dispatch.views import bind_view
from corex.layout import normalize_dim
from corex.ops.registration import exported, method
from corex.ops.shape.views import Shape, sizes_of, unsqueeze
from corex.ops.shown import AS_STRIDED
from corex.tensor.lineage import MULTIPLE, Made
from corex.tensor.tensor import Tensor
from corex.tensor.view_op import Geometry, declare_view


def _sliced(
    shape: Shape, strides: Shape, offset: int, dim: int, start: int, length: int, step: int
) -> Geometry:
    return (
        (*shape[:dim], length, *shape[dim + 1 :]),
        (*strides[:dim], strides[dim] * step, *strides[dim + 1 :]),
        offset + start * strides[dim],
    )


def _into_zeros(g: Tensor, shape: Shape, dim: int, start: int, length: int, step: int) -> Tensor:
    result = g.new_zeros(shape)
    slice_view(result, dim, start, length, step).copy_(g)
    return result


def _selected(shape: Shape, strides: Shape, offset: int, dim: int, at: int) -> Geometry:
    return (
        (*shape[:dim], *shape[dim + 1 :]),
        (*strides[:dim], *strides[dim + 1 :]),
        offset + at * strides[dim],
    )


def _entry_into_zeros(g: Tensor, shape: Shape, dim: int, at: int) -> Tensor:
    return _into_zeros(unsqueeze(g, dim), shape, dim, at, 1, 1)


def _indexed(
    shape: Shape, strides: Shape, offset: int, items: tuple[layout.BasicIndex, ...]
) -> Geometry:
    return layout.basic_index(shape, strides, offset, items)


def _index_into_zeros(g: Tensor, shape: Shape, items: tuple[layout.BasicIndex, ...]) -> Tensor:
    result = g.new_zeros(shape)
    basic_view(result, items).copy_(g)
    return result


SLICE = declare_view("slice", "SliceBackward0", _sliced, _into_zeros, True)
SPLIT = declare_view("split", "SplitBackward0", _sliced, _into_zeros, True)
SPLIT_SIZES = declare_view("split.sizes", "SplitWithSizesBackward0", _sliced, _into_zeros, True)
SELECT = declare_view("select", "SelectBackward0", _selected, _entry_into_zeros, True)
UNBIND = declare_view("unbind", "UnbindBackward0", _selected, _entry_into_zeros, True)
# Several integers, slices and Nones in one step; named after the last of them, as in PyTorch.
INDEX_SLICE = declare_view("index.slice", "SliceBackward0", _indexed, _index_into_zeros, True)
INDEX_SELECT = declare_view("index.select", "SelectBackward0", _indexed, _index_into_zeros, True)


def slice_view(
    input: Tensor, dim: int, start: int, length: int, step: int = 1, made: Made | None = None
) -> Tensor:
    """`length` entries of a dim, every `step`-th from `start`, all known to be in range."""
    return bind_view(SLICE, input, (dim, start, length, step), made)


def basic_view(input: Tensor, items: Sequence[layout.BasicIndex]) -> Tensor:
    """The view made by integers, slices and None from the first dim on, in one step.

    Raises:
        IndexError: an integer out of range. ValueError: a step that is not positive.
    """
    op = INDEX_SLICE if isinstance(items[-1], slice) else INDEX_SELECT
    return bind_view(op, input, (tuple(items),))


@exported(quick="method")
def narrow(input: Tensor, dim: int, start: int | Tensor, length: int) -> Tensor:
    """`length` entries of a dim from `start`.

    Raises:
        RuntimeError: a negative length, or beyond the dim. IndexError: `start` out of range.
    """
    if not input.shape:
        raise RuntimeError("narrow() cannot be applied to a 0-dim tensor.")
    dim = normalize_dim(dim, input.ndim)
    size = input.shape[dim]
    if isinstance(start, Tensor) and (start.shape or start.key.dtype.kind not in "ui"):
        raise RuntimeError("[narrow] start must be an 0-dim integral Tensor.")
    start, length = start.__index__(), length.__index__()
    if length < 0:
        raise RuntimeError("narrow(): length must be non-negative.")
    if not -size <= start <= size:
        raise IndexError(
            f"start out of range (expected to be in range of [{-size}, {size}], but got {start})"
        )
    start = start + size if start < 0 else start
    if start + length > size:
        raise RuntimeError(f"start ({start}) + length ({length}) exceeds dimension size ({size}).")
    return slice_view(input, dim, start, length)


@exported(quick="method")
def select(input: Tensor, dim: int, index: int) -> Tensor:
    """One entry of a dim, which disappears.

    Raises:
        IndexError: a 0-d tensor, or out of range.
    """
    if not input.shape:
        raise IndexError("select() cannot be applied to a 0-dim tensor.")
    if type(index) is not int:
        index = index.__index__()
    dim = normalize_dim(dim, input.ndim)
    size = input.shape[dim]
    if not -size <= index < size:
        raise IndexError(f"index {index} is out of bounds for dimension {dim} with size {size}")
    return bind_view(SELECT, input, (dim, index + size if index < 0 else index))


@exported(quick="method")
def split(
    tensor: Tensor,
    split_size_or_sections: Any = None,
    dim: int = 0,
    *,
    split_size: Any = None,
) -> tuple[Tensor, ...]:
    """Views of consecutive parts of a dim: of one size (the last may be shorter), or of many.

    Raises:
        RuntimeError: sizes that are negative or do not add up.
    """
    if split_size is not None:
        split_size_or_sections = split_size
    if not tensor.shape:
        raise RuntimeError("split expects at least a 1-dimensional tensor")
    dim = normalize_dim(dim, tensor.ndim)
    size = tensor.shape[dim]
    if hasattr(split_size_or_sections, "__index__"):
        step = index(split_size_or_sections)
        if step < 0 or (step == 0 and size):
            raise RuntimeError(
                f"split expects split_size be non-negative, but got split_size={step}"
            )
        sections = [min(step, size - start) for start in range(0, size, step or 1)] or [0]
        op = SPLIT
    else:
        op = SPLIT_SIZES
        sections = [index(section) for section in split_size_or_sections]
        if sum(sections) != size or any(s < 0 for s in sections):
            raise RuntimeError(
                f"split_with_sizes expects split_sizes to sum exactly to {size} (input tensor's "
                f"size at dimension {dim}), but got split_sizes={sections}"
            )
    parts = []
    start = 0
    for length in sections:
        parts.append(bind_view(op, tensor, (dim, start, length, 1), MULTIPLE))
        start += length
    return tuple(parts)


@exported()
def tensor_split(
    input: Tensor, indices_or_sections: int | Sequence[int] | Tensor, dim: int = 0
) -> tuple[Tensor, ...]:
    """Views of parts of a dim: of nearly equal size, or cut before the given positions.

    Raises:
        RuntimeError: a 0-d tensor, or not at least one section.
    """
    if not input.shape:
        raise RuntimeError(
            "tensor_split expected at least a 1-dimensional tensor, but got a tensor with 0 dims"
        )
    dim = normalize_dim(dim, input.ndim)
    if isinstance(indices_or_sections, Tensor):
        indices_or_sections = indices_or_sections.tolist()
    size = input.shape[dim]
    if isinstance(indices_or_sections, int):
        count = indices_or_sections
        if count <= 0:
            raise RuntimeError(f"number of sections must be larger than 0, got {count}")
        base, extra = divmod(size, count)
        cuts = [0]
        for i in range(count):
            cuts.append(cuts[-1] + base + (i < extra))
    else:
        inner = [slice(None, cut).indices(size)[1] for cut in indices_or_sections]
        cuts = [0, *inner, size]
    return tuple([slice_view(input, dim, a, max(0, b - a)) for a, b in pairwise(cuts)])


@exported(quick="method")
def chunk(input: Tensor, chunks: int, dim: int = 0) -> tuple[Tensor, ...]:
    """At most `chunks` views of equal size (the last may be shorter).

    Raises:
        RuntimeError: not at least one chunk, or a 0-d tensor.
    """
    if not input.shape:
        raise RuntimeError("chunk expects at least a 1-dimensional tensor")
    if chunks <= 0:
        raise RuntimeError(f"chunk expects `chunks` to be greater than 0, got: {chunks}")
    dim = normalize_dim(dim, input.ndim)
    size = input.shape[dim]
    return split(input, -(-size // chunks) if size else [0] * chunks, dim)


@exported(quick="method")
def unbind(input: Tensor, dim: int = 0) -> tuple[Tensor, ...]:
    """Every entry of a dim as a view without that dim."""
    dim = normalize_dim(dim, input.ndim)
    if not input.shape:
        raise IndexError("Dimension specified as 0 but tensor has no dimensions")
    return tuple([bind_view(UNBIND, input, (dim, i), MULTIPLE) for i in range(input.shape[dim])])


@exported(quick="method")
def diagonal(input: Tensor, offset: int = 0, dim1: int = 0, dim2: int = 1) -> Tensor:
    """The diagonal of two dims, as a new last dim.

    Raises:
        RuntimeError: the two dims are the same.
    """
    a, b = normalize_dim(dim1, input.ndim), normalize_dim(dim2, input.ndim)
    if a == b:
        raise RuntimeError(f"diagonal dimensions cannot be identical {dim1}, {dim2}")
    return bind_view(DIAGONAL, input, (offset.__index__(), a, b))


def _diagonal(shape: Shape, strides: Shape, start: int, offset: int, a: int, b: int) -> Geometry:
    rows, columns = shape[a], shape[b]
    length = max(0, min(rows, columns - offset) if offset >= 0 else min(rows + offset, columns))
    if length:
        start += offset * strides[b] if offset >= 0 else -offset * strides[a]
    rest = [d for d in range(len(shape)) if d not in (a, b)]
    return (
        (*[shape[d] for d in rest], length),
        (*[strides[d] for d in rest], strides[a] + strides[b]),
        start,
    )


def _diagonal_into_zeros(g: Tensor, shape: Shape, offset: int, a: int, b: int) -> Tensor:
    result = g.new_zeros(shape)
    diagonal(result, offset, a, b).copy_(g)
    return result


DIAGONAL = declare_view("diagonal", "DiagonalBackward0", _diagonal, _diagonal_into_zeros, True)


@method()
def unfold(self: Tensor, dimension: int, size: int, step: int) -> Tensor:
    """All windows of `size` entries of a dim, `step` apart; the window is a new last dim.

    Raises:
        RuntimeError: a window larger than the dim, or a step below 1.
    """
    dim = normalize_dim(dimension, self.ndim)
    size, step = size.__index__(), step.__index__()
    whole = self.shape[dim] if self.shape else 1
    if size > whole or size < 0:
        raise RuntimeError(
            f"maximum size for tensor at dimension {dim} is {whole} but size is {size}"
        )
    if step <= 0:
        raise RuntimeError(f"step is {step} but must be > 0")
    return bind_view(UNFOLD, self, (dim, size, step))


def _unfolded(
    shape: Shape, strides: Shape, offset: int, dim: int, size: int, step: int
) -> Geometry:
    if not shape:
        return (size,), (1,), offset
    count = (shape[dim] - size) // step + 1
    return (
        (*shape[:dim], count, *shape[dim + 1 :], size),
        (*strides[:dim], strides[dim] * step, *strides[dim + 1 :], strides[dim]),
        offset,
    )


def fold_windows(g: Tensor, shape: Shape, dim: int, window: int, step: int) -> Tensor:
    """The derivative of `unfold`: adds every window back to where it came from."""
    if not shape:
        return g.sum()
    result = g.new_zeros(shape)
    count, size = g.shape[dim], g.shape[-1]
    if count:
        for i in range(size):
            slice_view(result, dim, i, count, step).add_(select(g, -1, i))
    return result


UNFOLD = declare_view("unfold", "UnfoldBackward0", _unfolded, fold_windows, True)


@exported(quick="method", inplace_view=True)
def as_strided(
    input: Tensor, size: Sequence[int], stride: Sequence[int], storage_offset: int | None = None
) -> Tensor:
    """A view of the storage with given sizes, strides and offset (in elements).

    Raises:
        RuntimeError: lengths differ, a negative size or stride, or beyond the storage.
    """
    shape, strides = sizes_of((size,)), sizes_of((stride,))
    offset = input.offset if storage_offset is None else storage_offset.__index__()
    if len(shape) != len(strides):
        raise RuntimeError(
            f"mismatch in length of strides and shape: {list(shape)}, {list(strides)}"
        )
    if max((*strides, offset)) > layout.LARGEST:
        raise TypeError(
            f"as_strided(): Overflow when unpacking long long: {list(strides)}, {offset}"
        )
    if any(s < 0 for s in strides) or any(s < 0 for s in shape) or offset < 0:
        raise RuntimeError(
            f"as_strided: Negative sizes, strides and offsets are not supported, got "
            f"{list(shape)}, {list(strides)}, {offset}"
        )
    if layout.numel(shape):
        last = offset + layout.extent(shape, strides)[1]
        available = input.storage_.nbytes() // input.itemsize
        if last >= available:
            raise RuntimeError(
                f"setStorage: sizes {list(shape)}, strides {list(strides)}, storage offset "
                f"{offset} need {last + 1} elements, which are out of bounds for storage of "
                f"{available} elements"
            )
    base = (input.strides, input.offset)
    return bind_view(AS_STRIDED, input, (shape, strides, offset, *base))


@exported()
def slice_inverse(
    input: Tensor,
    src: Tensor,
    dim: int = 0,
    start: int | None = None,
    end: int | None = None,
    step: int = 1,
) -> Tensor:
    """What the input is `src[start:end:step]` of: the view of its memory that lies as `src` does.

    Raises:
        RuntimeError: the memory has not room for it.
    """
    return as_strided(input, src.shape, src.strides, src.offset)
