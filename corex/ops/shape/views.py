"""View ops: arithmetic on shape, strides and offset. They never reach a backend.

Each one, here and in `parts.py`, ends in `make_view`, which shares the storage and records the
given derivative.
"""

from __future__ import annotations

import weakref
from collections.abc import Callable, Sequence
from typing import Any

from corex import layout
from corex.dispatch.bind import call, copy_like, dense_copy
from corex.layout import DENSE, contiguous_strides, normalize_dim
from corex.ops.promotion import require_tensor
from corex.tensor.lineage import (
    NO_GRAD,
    Made,
    remember,
    switched,
    watch,
)
from corex.tensor.modes import mode
from corex.tensor.node import UNREACHED, closure_node
from corex.tensor.schema import OpSchema
from corex.tensor.tensor import Tensor, make

Shape = tuple[int, ...]


def make_view(
    t: Tensor,
    shape: Shape,
    strides: Shape,
    offset: int,
    label: str,
    formula: Callable[[Tensor], Tensor],
    made: Made | None = None,
) -> Tensor:
    """A view of `t`'s storage; `formula` takes the view's gradient to `t`'s.

    `made` is given if the view may not be written while ops record.
    """
    # `make` and `lineage.register`, written out: small views are made all the time.
    storage = t.storage_
    result = _new(Tensor)
    result.storage_ = storage
    result.key = t.key
    result.shape = shape
    result._strides = None if strides == DENSE[shape] else strides
    result.offset = offset
    base = t._base
    if base is None:
        base = t
    if mode.enabled:
        node = t._node
        if node is not None:
            node = closure_node(label, (node, t._output_nr), formula)
        if made is None:
            made = t._made
    else:
        node = None if base._node is None else UNREACHED
        made = NO_GRAD
    result._node = node
    result._base = base
    if made is not None:
        result._made = made
    at = storage.version
    if at:
        result._at = at
    views = base._views
    if views is not None and len(views) < base._views_limit:
        views.append(_ref(result))
    else:
        remember(base, result)
    if node is not None and not base._watched:
        watch(base)
    return result


_new = object.__new__
_ref = weakref.ref


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
    return make_view(
        self, target, strides, self.offset, "ViewBackward0", lambda g: g.reshape(source)
    )


def reshape(input: Tensor, *sizes: Any, shape: Sequence[int] | None = None) -> Tensor:
    """Another shape over the same memory where strides allow, else over a copy (-1 is inferred).

    Raises:
        RuntimeError: the shape does not fit.
    """
    wanted = sizes_of(sizes if shape is None else (shape,))
    target = layout.infer_size(wanted, layout.numel(input.shape))
    strides = layout.reshape_strides(input.shape, input.strides, target)
    if strides is None:
        return shaped(contiguous(input), target)
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
    return make_view(
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
    return make_view(
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
    return make_view(
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
    return make_view(
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
    return make_view(
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


# ---- the same elements -----------------------------------------------------------------------
def alias_view(input: Tensor) -> Tensor:
    """A view of all elements."""
    return make_view(input, input.shape, input.strides, input.offset, "AliasBackward0", lambda g: g)


def detach(self: Tensor) -> Tensor:
    """The same memory outside the graph: it requires no gradients."""
    return make(self.storage_, self.key, self.shape, self._strides, self.offset)


def detach_(self: Tensor) -> Tensor:
    """Takes the tensor itself out of the graph.

    Raises:
        RuntimeError: the tensor is a view.
    """
    if self._base is not None:
        raise RuntimeError("Can't detach views in-place. Use detach() instead.")
    self._node = None
    self._output_nr = 0
    if self._views is not None:
        switched(self)
    return self


def contiguous(self: Tensor) -> Tensor:
    """The tensor itself if it is row-major, else a row-major copy."""
    return self if self.is_contiguous() else _recorded_copy(self, dense_copy(self))


def clone(input: Tensor) -> Tensor:
    """A copy with its own memory, in which dims keep their order, as in PyTorch."""
    require_tensor("clone", input)
    return _recorded_copy(input, copy_like(input))


def dense_clone(input: Tensor) -> Tensor:
    """A row-major copy with its own memory."""
    return _recorded_copy(input, dense_copy(input))


def _recorded_copy(source: Tensor, copy: Tensor) -> Tensor:
    if source._node is not None and mode.enabled:
        copy._node = closure_node("CloneBackward0", (source._node, source._output_nr), lambda g: g)
    return copy


def plain_permute(t: Tensor, order: Sequence[int]) -> Tensor:
    """`permute` with valid dims, outside the graph."""
    strides = t.strides
    permuted = tuple([strides[d] for d in order])
    shape = tuple([t.shape[d] for d in order])
    exact = permuted == contiguous_strides(shape)
    return make(t.storage_, t.key, shape, None if exact else permuted, t.offset)


# ---- what ops return ---------------------------------------------------------------------------
# An op that works on other dims than the user sees must not return a view of its result: the user
# gets a tensor that is row-major and no view, as from any other op. `result` is a fresh one, which
# nobody else holds.
def shaped(result: Tensor, shape: Shape) -> Tensor:
    """A fresh result with another shape."""
    if result._strides is not None:
        result = contiguous(result)
    elif result.shape == shape:
        return result
    final = make(result.storage_, result.key, shape, None, result.offset)
    node = result._node
    if node is not None and mode.enabled:
        source = result.shape
        final._node = closure_node(
            "ViewBackward0", (node, result._output_nr), lambda g: g.reshape(source)
        )
    return final


def reordered(result: Tensor, order: Sequence[int]) -> Tensor:
    """A fresh result with its dims in another order."""
    final = relaid(result, order)
    if final.is_contiguous():
        final._strides = None
        return final
    return dense_clone(final)


def relaid(result: Tensor, order: Sequence[int]) -> Tensor:
    """A fresh result with its dims in another order, over the same memory."""
    final = plain_permute(result, order)
    node = result._node
    if node is not None and mode.enabled:
        inverse = tuple(sorted(range(len(order)), key=order.__getitem__))
        final._node = closure_node(
            "PermuteBackward0", (node, result._output_nr), lambda g: permute(g, inverse)
        )
    return final


def order_back(ndim: int, dim: int) -> list[int]:
    """The order of dims that undoes moving `dim` to the end."""
    return [*range(dim), ndim - 1, *range(dim, ndim - 1)]


def call_along(schema: OpSchema, a: Tensor, dim: int, params: tuple[Any, ...] = ()) -> Tensor:
    """Runs an op of one tensor, which works along the last dim, along any dim."""
    ndim = a.ndim
    if dim == ndim - 1:
        result: Tensor = call(schema, (a,), params)
        return result
    back = order_back(ndim, dim)
    moved = permute(a, [*[d for d in range(ndim) if d != dim], dim])
    return reordered(call(schema, (moved,), params), back)


def before_write(self: Tensor, *others: Any) -> Tensor:
    """The tensor as an input, beside `others`, of the op that is about to overwrite it.

    Where that op is recorded it is a copy, because a derivative may need the old values.
    """
    if mode.enabled and any(
        isinstance(other, Tensor) and other._node is not None for other in (self, *others)
    ):
        return clone(self)
    return self
