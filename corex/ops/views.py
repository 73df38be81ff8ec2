"""View ops: arithmetic on shape, strides and offset. They never reach a backend.

Each one ends in `_view`, which shares the storage and records the given derivative.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Any

from corex import layout
from corex.dispatcher import dense_copy
from corex.graph import closure_node, mode
from corex.layout import contiguous_strides, normalize_dim
from corex.ops.inplace import register_view, scatter_view
from corex.ops.promotion import require_tensor
from corex.tensor import Tensor, make

Shape = tuple[int, ...]


def _view(
    t: Tensor,
    shape: Shape,
    strides: Shape,
    offset: int,
    label: str,
    formula: Callable[[Tensor], Tensor],
) -> Tensor:
    exact = strides == contiguous_strides(shape)
    result = make(t.storage_, t.key, shape, None if exact else strides, offset)
    node = t._node
    if mode.enabled:
        if node is not None:
            result._node = closure_node(label, (node, t._output_nr), formula)
        register_view(result, t)
    return result


def sizes_of(args: tuple[Any, ...]) -> Shape:
    """Sizes given as separate integers or as one sequence.

    Raises:
        TypeError: something else was given.
    """
    sizes = args[0] if len(args) == 1 and not isinstance(args[0], int) else args
    if type(sizes) is tuple:
        for size in sizes:
            if type(size) is not int:
                break
        else:
            return sizes
    try:
        return tuple([size.__index__() for size in sizes])
    except (AttributeError, TypeError):
        raise TypeError(
            f"sizes must be integers or one sequence of integers, got {args!r}"
        ) from None


# ---- reshaping -------------------------------------------------------------------------------
def view(self: Tensor, *shape: Any, size: Sequence[int] | None = None) -> Tensor:
    """The same memory with another shape (-1 is inferred).

    Raises:
        RuntimeError: the shape does not fit, or the strides do not allow it.
    """
    sizes = sizes_of(shape if size is None else (size,))
    target = layout.infer_size(sizes, layout.numel(self.shape))
    strides = layout.reshape_strides(self.shape, self.strides, target)
    if strides is None:
        raise RuntimeError(
            f"view size is not compatible with input tensor's size and stride (at least one "
            f"dimension spans across two contiguous subspaces). Use .reshape(...) instead: shape "
            f"{list(self.shape)}, strides {list(self.strides)}, wanted {list(target)}"
        )
    return _reshaped(self, target, strides)


def _reshaped(self: Tensor, target: Shape, strides: Shape) -> Tensor:
    source = self.shape
    return _view(self, target, strides, self.offset, "ViewBackward0", lambda g: g.reshape(source))


def reshape(input: Tensor, *sizes: Any, shape: Sequence[int] | None = None) -> Tensor:
    """Another shape over the same memory where strides allow, else over a copy (-1 is inferred).

    Raises:
        RuntimeError: the shape does not fit.
    """
    wanted = sizes_of(sizes if shape is None else (shape,))
    target = layout.infer_size(wanted, layout.numel(input.shape))
    strides = layout.reshape_strides(input.shape, input.strides, target)
    if strides is None:
        return _reshaped(input.contiguous(), target, contiguous_strides(target))
    return _reshaped(input, target, strides)


def view_as(self: Tensor, other: Tensor) -> Tensor:
    """`self.view(other.shape)`."""
    return view(self, other.shape)


def reshape_as(self: Tensor, other: Tensor) -> Tensor:
    """`self.reshape(other.shape)`."""
    return reshape(self, other.shape)


def flatten(input: Tensor, start_dim: int = 0, end_dim: int = -1) -> Tensor:
    """Merges the dims from `start_dim` to `end_dim` into one.

    Raises:
        RuntimeError: start_dim after end_dim. IndexError: a dim out of range.
    """
    start, end = normalize_dim(start_dim, input.ndim), normalize_dim(end_dim, input.ndim)
    if start > end:
        raise RuntimeError("flatten() has invalid args: start_dim cannot come after end_dim")
    if not input.shape:
        return reshape(input, 1)
    if start == end:
        return input
    merged = layout.numel(input.shape[start : end + 1])
    return reshape(input, (*input.shape[:start], merged, *input.shape[end + 1 :]))


def ravel(input: Tensor) -> Tensor:
    """All elements in one dimension."""
    return reshape(input, -1)


def unflatten(input: Tensor, dim: int, sizes: Sequence[int]) -> Tensor:
    """Splits a dim into several (-1 is inferred).

    Raises:
        RuntimeError: the sizes do not multiply to the dim's size.
    """
    dim = normalize_dim(dim, input.ndim)
    try:
        parts = layout.infer_size(tuple(sizes), input.shape[dim])
    except RuntimeError:
        raise RuntimeError(
            f"unflatten: Provided sizes {list(sizes)} don't multiply up to the size of dim {dim} "
            f"({input.shape[dim]}) in the input tensor"
        ) from None
    return view(input, (*input.shape[:dim], *parts, *input.shape[dim + 1 :]))


# ---- order of dims ---------------------------------------------------------------------------
def permute(input: Tensor, *args: Any, dims: Sequence[int] | None = None) -> Tensor:
    """The dims in another order.

    Raises:
        RuntimeError: not a permutation of the tensor's dims.
    """
    order = layout.permutation(sizes_of(args if dims is None else (dims,)), input.ndim)
    shape, strides = input.shape, input.strides
    inverse = tuple(sorted(range(len(order)), key=order.__getitem__))
    return _view(
        input,
        tuple([shape[d] for d in order]),
        tuple([strides[d] for d in order]),
        input.offset,
        "PermuteBackward0",
        lambda g: permute(g, inverse),
    )


def transpose(input: Tensor, dim0: int, dim1: int) -> Tensor:
    """Two dims exchanged."""
    a, b = normalize_dim(dim0, input.ndim), normalize_dim(dim1, input.ndim)
    shape, strides = list(input.shape), list(input.strides)
    if shape:
        shape[a], shape[b] = shape[b], shape[a]
        strides[a], strides[b] = strides[b], strides[a]
    return _view(
        input,
        tuple(shape),
        tuple(strides),
        input.offset,
        "TransposeBackward0",
        lambda g: transpose(g, a, b),
    )


def t(input: Tensor) -> Tensor:
    """The transposed matrix; tensors of fewer dims unchanged.

    Raises:
        RuntimeError: more than two dims.
    """
    if input.ndim > 2:
        raise RuntimeError(f"t() expects a tensor with <= 2 dimensions, but self is {input.ndim}D")
    if input.ndim < 2:
        return alias_view(input)
    result = transpose(input, 0, 1)
    if result._node is not None and type(result._node).__name__ == "ClosureNode":
        result._node.label = "TBackward0"
    return result


def adjoint(self: Tensor) -> Tensor:
    """The last two dims exchanged (`mT`, `mH`, `adjoint()` of real tensors).

    Raises:
        RuntimeError: fewer than two dims.
    """
    if self.ndim < 2:
        raise RuntimeError(
            f"tensor.mT is only supported on matrices or batches of matrices. Got {self.ndim}-D "
            f"tensor."
        )
    return transpose(self, -2, -1)


def all_transposed(self: Tensor) -> Tensor:
    """All dims in reverse order (`T`)."""
    return permute(self, tuple(range(self.ndim))[::-1])


def movedim(input: Tensor, source: int | Sequence[int], destination: int | Sequence[int]) -> Tensor:
    """Moves dims to new positions, the others keep their order.

    Raises:
        RuntimeError: the lists differ in length or repeat a dim.
    """
    sources = [source] if isinstance(source, int) else list(source)
    targets = [destination] if isinstance(destination, int) else list(destination)
    ndim = input.ndim
    if len(sources) != len(targets):
        raise RuntimeError(
            f"movedim: Invalid source or destination dims: source ({sources} dims) should contain "
            f"the same number of dims as destination ({targets} dims)"
        )
    moved = [normalize_dim(d, ndim) for d in sources]
    places = [normalize_dim(d, ndim) for d in targets]
    if len(set(moved)) < len(moved) or len(set(places)) < len(places):
        raise RuntimeError(f"movedim: repeated dim in source {sources} or destination {targets}")
    order = [-1] * ndim
    for place, dim in zip(places, moved, strict=True):
        order[place] = dim
    rest = iter([d for d in range(ndim) if d not in moved])
    return permute(input, [next(rest) if d < 0 else d for d in order])


# ---- sizes of 1 ------------------------------------------------------------------------------
def squeeze(input: Tensor, dim: int | Sequence[int] | None = None) -> Tensor:
    """Without its dims of size 1, or without those of the given dims that have size 1."""
    ndim = input.ndim
    if dim is None:
        dims: Sequence[int] = range(ndim)
    else:
        dims = () if dim == () or dim == [] else layout.normalize_dims(dim, ndim)
    drop = {d for d in dims if input.shape[d] == 1}
    keep = [d for d in range(ndim) if d not in drop]
    source = input.shape
    return _view(
        input,
        tuple([input.shape[d] for d in keep]),
        tuple([input.strides[d] for d in keep]),
        input.offset,
        "SqueezeBackward0",
        lambda g: g.reshape(source),
    )


def unsqueeze(input: Tensor, dim: int) -> Tensor:
    """With a new dim of size 1 at `dim`."""
    dim = normalize_dim(dim, input.ndim + 1)
    shape, strides = input.shape, input.strides
    step = shape[dim] * strides[dim] if dim < len(shape) else 1
    return _view(
        input,
        (*shape[:dim], 1, *shape[dim:]),
        (*strides[:dim], step, *strides[dim:]),
        input.offset,
        "UnsqueezeBackward0",
        lambda g: squeeze(g, dim),
    )


# ---- broadcasting ----------------------------------------------------------------------------
def expand(self: Tensor, *sizes: Any) -> Tensor:
    """Broadcast to larger sizes without copying (-1 keeps a size).

    Raises:
        RuntimeError: a size other than 1 would change.
    """
    shape, strides = layout.expand(self.shape, self.strides, sizes_of(sizes))
    source = self.shape
    return _view(
        self, shape, strides, self.offset, "ExpandBackward0", lambda g: g.sum_to_size(source)
    )


def expand_as(self: Tensor, other: Tensor) -> Tensor:
    """`self.expand(other.shape)`."""
    return expand(self, other.shape)


def broadcast_to(input: Tensor, size: Sequence[int]) -> Tensor:
    """`input.expand(size)`."""
    return expand(input, size)


def broadcast_tensors(*tensors: Tensor) -> tuple[Tensor, ...]:
    """All tensors expanded to their common shape.

    Raises:
        RuntimeError: the shapes do not broadcast.
    """
    shape = layout.broadcast_shapes("broadcast_tensors", *[t.shape for t in tensors])
    return tuple([expand(t, shape) for t in tensors])


# ---- parts -----------------------------------------------------------------------------------
def slice_view(input: Tensor, dim: int, start: int, length: int, step: int = 1) -> Tensor:
    """`length` entries of a dim, every `step`-th from `start`, all known to be in range."""
    shape, strides = input.shape, input.strides
    return _view(
        input,
        (*shape[:dim], length, *shape[dim + 1 :]),
        (*strides[:dim], strides[dim] * step, *strides[dim + 1 :]),
        input.offset + start * strides[dim],
        "SliceBackward0",
        lambda g: _into_zeros(g, shape, dim, start, length, step),
    )


def _into_zeros(g: Tensor, shape: Shape, dim: int, start: int, length: int, step: int) -> Tensor:
    result = g.new_zeros(shape)
    slice_view(result, dim, start, length, step).copy_(g)
    return result


def basic_view(input: Tensor, items: Sequence[layout.BasicIndex]) -> Tensor:
    """The view made by integers, slices and None from the first dim on, in one step.

    Raises:
        IndexError: an integer out of range. ValueError: a step that is not positive.
    """
    source = input.shape
    shape, strides, offset = layout.basic_index(source, input.strides, input.offset, items)
    label = "SliceBackward0" if isinstance(items[-1], slice) else "SelectBackward0"
    return _view(
        input, shape, strides, offset, label, lambda g: _index_into_zeros(g, source, items)
    )


def _index_into_zeros(g: Tensor, shape: Shape, items: Sequence[layout.BasicIndex]) -> Tensor:
    result = g.new_zeros(shape)
    basic_view(result, items).copy_(g)
    return result


def plain_permute(t: Tensor, order: Sequence[int]) -> Tensor:
    """`permute` with valid dims, outside the graph."""
    strides = t.strides
    permuted = tuple([strides[d] for d in order])
    shape = tuple([t.shape[d] for d in order])
    exact = permuted == contiguous_strides(shape)
    return make(t.storage_, t.key, shape, None if exact else permuted, t.offset)


def narrow(input: Tensor, dim: int, start: int | Tensor, length: int) -> Tensor:
    """`length` entries of a dim from `start`.

    Raises:
        RuntimeError: a negative length, or beyond the dim. IndexError: `start` out of range.
    """
    dim = normalize_dim(dim, input.ndim)
    if not input.shape:
        raise RuntimeError("narrow() cannot be applied to a 0-dim tensor.")
    size = input.shape[dim]
    start = start.__index__()
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


def select(input: Tensor, dim: int, index: int) -> Tensor:
    """One entry of a dim, which disappears.

    Raises:
        IndexError: a 0-d tensor, or out of range.
    """
    if not input.shape:
        raise IndexError("select() cannot be applied to a 0-dim tensor.")
    dim = normalize_dim(dim, input.ndim)
    size = input.shape[dim]
    if not -size <= index < size:
        raise IndexError(f"index {index} is out of bounds for dimension {dim} with size {size}")
    at = index + size if index < 0 else index
    shape, strides = input.shape, input.strides
    return _view(
        input,
        (*shape[:dim], *shape[dim + 1 :]),
        (*strides[:dim], *strides[dim + 1 :]),
        input.offset + at * strides[dim],
        "SelectBackward0",
        lambda g: _into_zeros(unsqueeze(g, dim), shape, dim, at, 1, 1),
    )


def split(
    tensor: Tensor, split_size_or_sections: int | Sequence[int], dim: int = 0
) -> tuple[Tensor, ...]:
    """Views of consecutive parts of a dim: of one size (the last may be shorter), or of many.

    Raises:
        RuntimeError: sizes that are negative or do not add up.
    """
    dim = normalize_dim(dim, tensor.ndim)
    if not tensor.shape:
        raise RuntimeError("split expects at least a 1-dimensional tensor")
    size = tensor.shape[dim]
    if isinstance(split_size_or_sections, int):
        step = split_size_or_sections
        if step < 0 or (step == 0 and size):
            raise RuntimeError(
                f"split expects split_size be non-negative, but got split_size={step}"
            )
        sections = [min(step, size - start) for start in range(0, size, step or 1)] or [0]
    else:
        sections = list(split_size_or_sections)
        if sum(sections) != size or any(s < 0 for s in sections):
            raise RuntimeError(
                f"split_with_sizes expects split_sizes to sum exactly to {size} (input tensor's "
                f"size at dimension {dim}), but got split_sizes={sections}"
            )
    parts = []
    start = 0
    for length in sections:
        parts.append(slice_view(tensor, dim, start, length))
        start += length
    return tuple(parts)


def tensor_split(
    input: Tensor, indices_or_sections: int | Sequence[int] | Tensor, dim: int = 0
) -> tuple[Tensor, ...]:
    """Views of parts of a dim: of nearly equal size, or cut before the given positions.

    Raises:
        RuntimeError: a 0-d tensor, or not at least one section.
    """
    dim = normalize_dim(dim, input.ndim)
    if not input.shape:
        raise RuntimeError(
            "tensor_split expected at least a 1-dimensional tensor, but got a tensor with 0 dims"
        )
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


def chunk(input: Tensor, chunks: int, dim: int = 0) -> tuple[Tensor, ...]:
    """At most `chunks` views of equal size (the last may be shorter).

    Raises:
        RuntimeError: not at least one chunk, or a 0-d tensor.
    """
    if chunks <= 0:
        raise RuntimeError(f"chunk expects `chunks` to be greater than 0, got: {chunks}")
    dim = normalize_dim(dim, input.ndim)
    if not input.shape:
        raise RuntimeError("chunk expects at least a 1-dimensional tensor")
    size = input.shape[dim]
    return split(input, -(-size // chunks) if size else [0] * chunks, dim)


def unbind(input: Tensor, dim: int = 0) -> tuple[Tensor, ...]:
    """Every entry of a dim as a view without that dim."""
    dim = normalize_dim(dim, input.ndim)
    if not input.shape:
        raise IndexError("Dimension specified as 0 but tensor has no dimensions")
    return tuple([select(input, dim, i) for i in range(input.shape[dim])])


def diagonal(input: Tensor, offset: int = 0, dim1: int = 0, dim2: int = 1) -> Tensor:
    """The diagonal of two dims, as a new last dim.

    Raises:
        RuntimeError: the two dims are the same.
    """
    a, b = normalize_dim(dim1, input.ndim), normalize_dim(dim2, input.ndim)
    if a == b:
        raise RuntimeError(f"diagonal dimensions cannot be identical {dim1}, {dim2}")
    shape, strides = input.shape, input.strides
    rows, columns = shape[a], shape[b]
    length = max(0, min(rows, columns - offset) if offset >= 0 else min(rows + offset, columns))
    start = input.offset
    if length:
        start += offset * strides[b] if offset >= 0 else -offset * strides[a]
    rest = [d for d in range(input.ndim) if d not in (a, b)]
    return _view(
        input,
        (*[shape[d] for d in rest], length),
        (*[strides[d] for d in rest], strides[a] + strides[b]),
        start,
        "DiagonalBackward0",
        lambda g: _diagonal_into_zeros(g, shape, offset, a, b),
    )


def _diagonal_into_zeros(g: Tensor, shape: Shape, offset: int, a: int, b: int) -> Tensor:
    result = g.new_zeros(shape)
    diagonal(result, offset, a, b).copy_(g)
    return result


def unfold(self: Tensor, dimension: int, size: int, step: int) -> Tensor:
    """All windows of `size` entries of a dim, `step` apart; the window is a new last dim.

    Raises:
        RuntimeError: a window larger than the dim, or a step below 1.
    """
    dim = normalize_dim(dimension, self.ndim)
    shape, strides = self.shape, self.strides
    whole = shape[dim] if shape else 1
    if size > whole or size < 0:
        raise RuntimeError(
            f"maximum size for tensor at dimension {dim} is {whole} but size is {size}"
        )
    if step <= 0:
        raise RuntimeError(f"step is {step} but must be > 0")
    if not shape:
        return _view(self, (size,), (1,), self.offset, "UnfoldBackward0", lambda g: g.sum())
    count = (whole - size) // step + 1
    return _view(
        self,
        (*shape[:dim], count, *shape[dim + 1 :], size),
        (*strides[:dim], strides[dim] * step, *strides[dim + 1 :], strides[dim]),
        self.offset,
        "UnfoldBackward0",
        lambda g: fold_windows(g, shape, dim, step),
    )


def fold_windows(g: Tensor, shape: Shape, dim: int, step: int) -> Tensor:
    """The derivative of `unfold`: adds every window back to where it came from."""
    result = g.new_zeros(shape)
    count, size = g.shape[dim], g.shape[-1]
    if count:
        for i in range(size):
            slice_view(result, dim, i, count, step).add_(select(g, -1, i))
    return result


def as_strided(
    input: Tensor, size: Sequence[int], stride: Sequence[int], storage_offset: int | None = None
) -> Tensor:
    """A view of the storage with given sizes, strides and offset (in elements).

    Raises:
        RuntimeError: lengths differ, a negative size or stride, or beyond the storage.
    """
    shape, strides = sizes_of((size,)), sizes_of((stride,))
    offset = input.offset if storage_offset is None else storage_offset
    if len(shape) != len(strides):
        raise RuntimeError(
            f"mismatch in length of strides and shape: {list(shape)}, {list(strides)}"
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
    base_shape, base_strides, base_offset = input.shape, input.strides, input.offset
    return _view(
        input,
        shape,
        strides,
        offset,
        "AsStridedBackward0",
        lambda g: scatter_view(g, base_shape, base_strides, shape, strides, offset - base_offset),
    )


# ---- the same elements -----------------------------------------------------------------------
def alias_view(input: Tensor) -> Tensor:
    """A view of all elements."""
    return _view(input, input.shape, input.strides, input.offset, "AliasBackward0", lambda g: g)


def detach(self: Tensor) -> Tensor:
    """The same memory outside the graph: it requires no gradients."""
    return make(self.storage_, self.key, self.shape, self._strides, self.offset)


def detach_(self: Tensor) -> Tensor:
    """Takes the tensor itself out of the graph.

    Raises:
        RuntimeError: the tensor is a view.
    """
    if self._base is not None and self._node is not None:
        raise RuntimeError("Can't detach views in-place. Use detach() instead.")
    self._node = None
    self._output_nr = 0
    return self


def contiguous(self: Tensor) -> Tensor:
    """The tensor itself if it is row-major, else a row-major copy."""
    return self if self.is_contiguous() else _recorded_copy(self, dense_copy(self))


def clone(input: Tensor) -> Tensor:
    """A copy with its own memory; dense layouts keep their order of dims, as in PyTorch."""
    require_tensor("clone", input)
    strides = input._strides
    if strides is not None and layout.is_dense(input.shape, strides):
        order = sorted(range(input.ndim), key=lambda d: -strides[d])
        flat = dense_copy(plain_permute(input, order))
        inverse = sorted(range(input.ndim), key=order.__getitem__)
        result = plain_permute(flat, inverse)
    else:
        result = dense_copy(input)
    return _recorded_copy(input, result)


def _recorded_copy(source: Tensor, copy: Tensor) -> Tensor:
    if source._node is not None and mode.enabled:
        copy._node = closure_node("CloneBackward0", (source._node, source._output_nr), lambda g: g)
    return copy


def before_write(self: Tensor, *others: Any) -> Tensor:
    """The tensor as an input, beside `others`, of the op that is about to overwrite it.

    Where that op is recorded it is a copy, because a derivative may need the old values.
    """
    if mode.enabled and any(
        isinstance(other, Tensor) and other._node is not None for other in (self, *others)
    ):
        return clone(self)
    return self
