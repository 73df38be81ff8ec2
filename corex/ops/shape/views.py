"""View ops: arithmetic on shape, strides and offset. They never reach a backend."""

from __future__ import annotations

from collections.abc import Sequence
from operator import index
from typing import Any

from corex import layout
from corex.dispatch.bind import bind, copy_like, dense_copy
from corex.dispatch.record import record
from corex.dispatch.views import bind_view, hidden, transformed
from corex.dtypes import DType
from corex.errors import MissingAttributeError
from corex.formats import MemoryFormat, contiguous_format, order_in, preserve_format
from corex.layout import normalize_dim
from corex.ops.promotion import require_tensor
from corex.ops.registration import exported, function, method, tensor_property
from corex.ops.shape.reinterpret import reinterpreted
from corex.tensor.lineage import node_from_base, replace_memory, switched
from corex.tensor.modes import mode
from corex.tensor.node import AccumulateGrad, Node
from corex.tensor.pinned import beside
from corex.tensor.plan import passed
from corex.tensor.schema import OpSchema, unlisted
from corex.tensor.tensor import Tensor, make
from corex.tensor.view_op import Geometry, declare_view

Shape = tuple[int, ...]


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
        if len(args) == 1 and hasattr(args[0], "__index__"):  # a 0-d tensor, or one of NumPy's
            return (index(args[0]),)
        raise TypeError(
            f"sizes must be integers or one sequence of integers, got {args!r}"
        ) from None


# ---- reshaping -------------------------------------------------------------------------------
def _viewed(shape: Shape, strides: Shape, offset: int, target: Shape) -> Geometry:
    found = layout.reshape_strides(shape, strides, target)
    if found is None:
        raise RuntimeError(
            f"view size is not compatible with input tensor's size and stride (at least one "
            f"dimension spans across two contiguous subspaces). Use .reshape(...) instead: shape "
            f"{list(shape)}, strides {list(strides)}, wanted {list(target)}"
        )
    return target, found, offset


VIEW = declare_view("view", "ViewBackward0", _viewed, lambda g, shape, target: g.reshape(shape))


@method(quick=True)
def view(
    self: Tensor, *shape: Any, size: Sequence[int] | None = None, dtype: DType | None = None
) -> Tensor:
    """The same memory with another shape (-1 is inferred), or as elements of another dtype.

    Raises:
        RuntimeError: the shape or dtype does not fit, or the strides do not allow it.
    """
    if dtype is None and shape and type(shape[0]) is DType:
        (dtype,) = shape
    if dtype is not None:
        same = dtype is self.key.dtype and not self.key.place.bits
        return view(self, self.shape) if same else reinterpreted(self, dtype)
    if size is None and not shape:
        raise TypeError("view() received an invalid combination of arguments: a size or a dtype")
    sizes = sizes_of(shape if size is None else (size,))
    return bind_view(VIEW, self, (layout.infer_size(sizes, layout.numel(self.shape)),))


@exported(quick="method")
def reshape(input: Tensor, *sizes: Any, shape: Sequence[int] | None = None) -> Tensor:
    """Another shape over the same memory where strides allow, else over a copy (-1 is inferred).

    Raises:
        RuntimeError: the shape does not fit.
    """
    wanted = sizes_of(sizes if shape is None else (shape,))
    target = layout.infer_size(wanted, layout.numel(input.shape))
    strides = input._strides
    if strides is not None and layout.reshape_strides(input.shape, strides, target) is None:
        return shaped(contiguous(input), target)
    return bind_view(VIEW, input, (target,))


@method()
def view_as(self: Tensor, other: Tensor) -> Tensor:
    """`self.view(other.shape)`."""
    return view(self, other.shape)


@method()
def reshape_as(self: Tensor, other: Tensor) -> Tensor:
    """`self.reshape(other.shape)`."""
    return reshape(self, other.shape)


@exported(quick="method")
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


@exported(quick="method")
def ravel(input: Tensor) -> Tensor:
    """All elements in one dimension, next to each other in memory."""
    if input.is_contiguous():
        return reshape(input, -1)
    return shaped(dense_clone(input), (layout.numel(input.shape),))


@exported()
def unflatten(input: Tensor, dim: int, sizes: Sequence[int]) -> Tensor:
    """Splits a dim into several (-1 is inferred).

    Raises:
        RuntimeError: the sizes do not multiply to the dim's size, or there are no dims.
    """
    dim = normalize_dim(dim, input.ndim)
    if not input.shape:
        raise RuntimeError("unflatten: the tensor has no dimensions to split")
    try:
        parts = layout.infer_size(tuple(sizes), input.shape[dim])
    except RuntimeError:
        raise RuntimeError(
            f"unflatten: Provided sizes {list(sizes)} don't multiply up to the size of dim {dim} "
            f"({input.shape[dim]}) in the input tensor"
        ) from None
    return view(input, (*input.shape[:dim], *parts, *input.shape[dim + 1 :]))


# ---- order of dims ---------------------------------------------------------------------------
def _permuted(shape: Shape, strides: Shape, offset: int, order: Shape) -> Geometry:
    return tuple([shape[d] for d in order]), tuple([strides[d] for d in order]), offset


def _permute_back(g: Tensor, shape: Shape, order: Shape) -> Tensor:
    inverse = tuple(sorted(range(len(order)), key=order.__getitem__))
    # Outside the graph no view: a leaf may keep the memory of a gradient that nobody else holds.
    return permute(g, inverse) if mode.enabled else plain_permute(g, inverse)


def _transposed(shape: Shape, strides: Shape, offset: int, a: int, b: int) -> Geometry:
    sizes, steps = list(shape), list(strides)
    if sizes:
        sizes[a], sizes[b] = sizes[b], sizes[a]
        steps[a], steps[b] = steps[b], steps[a]
    return tuple(sizes), tuple(steps), offset


def _transpose_back(g: Tensor, shape: Shape, a: int, b: int) -> Tensor:
    return transpose(g, a, b)


PERMUTE = declare_view("permute", "PermuteBackward0", _permuted, _permute_back)
TRANSPOSE = declare_view("transpose", "TransposeBackward0", _transposed, _transpose_back)
T = declare_view("t", "TBackward0", _transposed, _transpose_back)


@exported(quick="method")
def permute(input: Tensor, *args: Any, dims: Sequence[int] | None = None) -> Tensor:
    """The dims in another order.

    Raises:
        RuntimeError: not a permutation of the tensor's dims.
    """
    order = layout.permutation(sizes_of(args if dims is None else (dims,)), input.ndim)
    return bind_view(PERMUTE, input, (order,))


@exported("transpose", "swapaxes", "swapdims", quick="method", inplace_view=True)
def transpose(input: Tensor, dim0: int, dim1: int) -> Tensor:
    """Two dims exchanged."""
    ndim = len(input.shape)
    return bind_view(TRANSPOSE, input, (normalize_dim(dim0, ndim), normalize_dim(dim1, ndim)))


@exported(quick="method", inplace_view=True)
def t(input: Tensor) -> Tensor:
    """The transposed matrix; tensors of fewer dims unchanged.

    Raises:
        RuntimeError: more than two dims.
    """
    if input.ndim > 2:
        raise RuntimeError(f"t() expects a tensor with <= 2 dimensions, but self is {input.ndim}D")
    return alias_view(input) if input.ndim < 2 else bind_view(T, input, (0, 1))


@exported(quick="method")
def adjoint(self: Tensor) -> Tensor:
    """The last two dims exchanged, conjugated if complex (`mH`); a 0-d tensor keeps its shape.

    Raises:
        RuntimeError: one dim.
    """
    return _conjugated(_turned("adjoint()", self))


@tensor_property("mH", doc="The last two dims exchanged, conjugated if complex.")
def matrix_adjoint(self: Tensor) -> Tensor:
    """The last two dims exchanged, conjugated if complex (`mH`).

    Raises:
        RuntimeError, AttributeError: one dim.
    """
    return _conjugated(_turned("mH", self))


@tensor_property("H", doc="The transposed matrix, conjugated if complex.")
def matrix_hermitian(self: Tensor) -> Tensor:
    """The transposed matrix, conjugated if complex (`H`).

    Raises:
        RuntimeError, AttributeError: one dim, or more than two.
    """
    if self.ndim in (0, 2):
        return _conjugated(_turned("H", self))
    more = " For batches of matrices, consider using tensor.mH" if self.ndim > 2 else ""
    raise MissingAttributeError(
        f"tensor.H is only supported on matrices (2-D tensors). Got {self.ndim}-D tensor.{more}"
    )


@tensor_property("mT", doc="The last two dims exchanged.")
def matrix_transposed(self: Tensor) -> Tensor:
    """The last two dims exchanged (`mT`).

    Raises:
        RuntimeError, AttributeError: one dim.
    """
    return _turned("mT", self)


def _turned(name: str, self: Tensor) -> Tensor:
    if not self.ndim:
        return self
    if self.ndim == 1:
        raise MissingAttributeError(
            f"tensor.{name} is only supported on matrices or batches of matrices. Got 1-D tensor."
        )
    return transpose(self, -2, -1)


def _conjugated(turned: Tensor) -> Tensor:
    return turned.conj() if turned.key.dtype.is_complex else turned


@tensor_property("T", doc="All dims in reverse order.")
def all_transposed(self: Tensor) -> Tensor:
    """All dims in reverse order (`T`)."""
    return permute(self, tuple(range(self.ndim))[::-1])


@exported("movedim", "moveaxis", quick="method")
def movedim(input: Tensor, source: int | Sequence[int], destination: int | Sequence[int]) -> Tensor:
    """Moves dims to new positions, the others keep their order.

    Raises:
        RuntimeError: the lists differ in length or repeat a dim.
    """
    # A tensor without dims has one for this, as for whatever takes a dim.
    sources = list(source) if isinstance(source, Sequence) else [index(source)]
    targets = list(destination) if isinstance(destination, Sequence) else [index(destination)]
    ndim = input.ndim
    if len(sources) != len(targets):
        mixed = isinstance(source, Sequence) is not isinstance(destination, Sequence)
        raise (TypeError if mixed else RuntimeError)(
            f"movedim: Invalid source or destination dims: source ({sources} dims) should contain "
            f"the same number of dims as destination ({targets} dims)"
        )
    moved = [normalize_dim(d, ndim) for d in sources]
    places = [normalize_dim(d, ndim) for d in targets]
    if len(set(moved)) < len(moved) or len(set(places)) < len(places):
        raise RuntimeError(f"movedim: repeated dim in source {sources} or destination {targets}")
    if not ndim:
        return alias_view(input)
    order = [-1] * ndim
    for place, dim in zip(places, moved, strict=True):
        order[place] = dim
    rest = iter([d for d in range(ndim) if d not in moved])
    return permute(input, [next(rest) if d < 0 else d for d in order])


# ---- sizes of 1 ------------------------------------------------------------------------------
def _squeezed(shape: Shape, strides: Shape, offset: int, dims: Shape) -> Geometry:
    keep = [d for d, size in enumerate(shape) if size != 1 or d not in dims]
    return tuple([shape[d] for d in keep]), tuple([strides[d] for d in keep]), offset


def _squeeze_back(g: Tensor, shape: Shape, dims: Shape) -> Tensor:
    return g.reshape(shape)


def _unsqueezed(shape: Shape, strides: Shape, offset: int, dim: int) -> Geometry:
    step = shape[dim] * strides[dim] if dim < len(shape) else 1
    return (*shape[:dim], 1, *shape[dim:]), (*strides[:dim], step, *strides[dim:]), offset


def _unsqueeze_back(g: Tensor, shape: Shape, dim: int) -> Tensor:
    return squeeze(g, dim)


SQUEEZE_ALL = declare_view("squeeze", "SqueezeBackward0", _squeezed, _squeeze_back)
SQUEEZE_ONE = declare_view("squeeze.dim", "SqueezeBackward1", _squeezed, _squeeze_back)
SQUEEZE = declare_view("squeeze.dims", "SqueezeBackward2", _squeezed, _squeeze_back)
UNSQUEEZE = declare_view("unsqueeze", "UnsqueezeBackward0", _unsqueezed, _unsqueeze_back)


@exported(quick="method", inplace_view=True)
def squeeze(input: Tensor, dim: int | Sequence[int] | None = None, *more: int) -> Tensor:
    """Without its dims of size 1, or without those of the given dims that have size 1."""
    ndim = len(input.shape)
    if more:
        dim = sizes_of((dim, *more))
    if dim is None:
        return bind_view(SQUEEZE_ALL, input, (tuple(range(ndim)),))
    none = isinstance(dim, tuple | list) and not dim
    dims = () if none else layout.normalize_dims(dim, ndim)
    return bind_view(SQUEEZE_ONE if isinstance(dim, int) else SQUEEZE, input, (dims,))


@exported(quick="method", inplace_view=True)
def unsqueeze(input: Tensor, dim: int) -> Tensor:
    """With a new dim of size 1 at `dim`."""
    return bind_view(UNSQUEEZE, input, (normalize_dim(dim, len(input.shape) + 1),))


# ---- broadcasting ----------------------------------------------------------------------------
def _expanded(shape: Shape, strides: Shape, offset: int, sizes: Shape) -> Geometry:
    return (*layout.expand(shape, strides, sizes), offset)


EXPAND = declare_view(
    "expand", "ExpandBackward0", _expanded, lambda g, shape, sizes: g.sum_to_size(shape)
)


@method(quick=True)
def expand(
    self: Tensor, *sizes: Any, size: Sequence[int] | None = None, implicit: bool = False
) -> Tensor:
    """Broadcast to larger sizes without copying (-1 keeps a size).

    Raises:
        RuntimeError: a size other than 1 would change.
    """
    return bind_view(EXPAND, self, (sizes_of(sizes if size is None else (size,)),))


@method()
def expand_as(self: Tensor, other: Tensor) -> Tensor:
    """`self.expand(other.shape)`."""
    return expand(self, other.shape)


@exported()
def broadcast_to(input: Tensor, size: Sequence[int] | int, *more: int) -> Tensor:
    """`input.expand(size)`."""
    return expand(input, size, *more)


@function()
def broadcast_tensors(*tensors: Tensor) -> tuple[Tensor, ...]:
    """All tensors expanded to their common shape; those that have it are returned themselves.

    Raises:
        RuntimeError: the shapes do not broadcast.
    """
    shape = layout.broadcast_shapes("broadcast_tensors", *[t.shape for t in tensors])
    return tuple([t if t.shape == shape else expand(t, shape) for t in tensors])


# ---- the same elements -----------------------------------------------------------------------
ALIAS = declare_view(
    "alias", "AliasBackward0",
    lambda shape, strides, offset: (shape, strides, offset), lambda g, shape: g,
)  # fmt: skip


def alias_view(input: Tensor) -> Tensor:
    """A view of all elements."""
    return bind_view(ALIAS, input, ())


@exported(quick="method")
def detach(self: Tensor) -> Tensor:
    """The same memory outside the graph: it requires no gradients."""
    return make(self.storage_, self.key, self.shape, self._strides, self.offset)


def _set_data(self: Tensor, value: Tensor) -> None:
    """Replaces the memory, keeping the tensor's identity and graph.

    Raises:
        TypeError: not a tensor.
    """
    if not isinstance(value, Tensor):
        raise TypeError(f"data must be a Tensor, not {type(value).__name__}")
    replace_memory(self, value)


@tensor_property("data", doc="The memory without the graph.", setter=_set_data)
def data(self: Tensor) -> Tensor:
    """The memory without the graph; its versions are counted apart, so no write is noticed."""
    storage = beside(self.storage_)
    return make(storage, self.key, self.shape, self._strides, self.offset)


@method(quick=True)
def detach_(self: Tensor) -> Tensor:
    """Takes the tensor itself out of the graph.

    Raises:
        RuntimeError: the tensor is a view.
    """
    if self._base is not None:
        raise RuntimeError("Can't detach views in-place. Use detach() instead.")
    node = self._node
    if type(node) is AccumulateGrad:
        self._idle = node
    elif node is not None and node.prehooks is not None:
        self._idle = _with_hooks_of(self, node)
    self._node = None
    self._output_nr = 0
    if self._views is not None:
        switched(self)
    return self


def _with_hooks_of(t: Tensor, node: Node) -> AccumulateGrad:
    """What ends the graph at `t`, should it require gradients again: its hooks stay with it."""
    end = AccumulateGrad(t)
    own = [cell for cell in node.prehooks or () if cell and cell[0][0] == t._output_nr]
    end.prehooks = [cell for cell in own if cell is not t._retains_grad]
    return end


@method(quick=True)
def contiguous(self: Tensor, *, memory_format: MemoryFormat = contiguous_format) -> Tensor:
    """The tensor itself if it is row-major (or lies as another format says), else such a copy.

    Raises:
        RuntimeError: a format that follows another tensor, or is one of other numbers of dims.
    """
    if memory_format is not contiguous_format:
        return formatted(self, memory_format)
    return self if self.is_contiguous() else recorded_copy(self, dense_copy(self))


@exported(quick="method")
def clone(input: Tensor, *, memory_format: MemoryFormat | None = None) -> Tensor:
    """A copy with its own memory, in which dims keep their order, or have that of a format.

    Raises:
        RuntimeError: a format of other numbers of dims.
    """
    require_tensor("clone", input)
    if memory_format is not None and memory_format is not preserve_format:
        order = order_in(memory_format, input.ndim)
        return recorded_copy(input, dense_copy(input, order=order))
    return recorded_copy(input, copy_like(input))


def formatted(t: Tensor, memory_format: MemoryFormat) -> Tensor:
    """The tensor itself if it lies in memory as the format says, else a copy that does."""
    if memory_format is preserve_format or t.is_contiguous(memory_format=memory_format):
        return t
    return clone(t, memory_format=memory_format)


def dense_clone(input: Tensor) -> Tensor:
    """A row-major copy with its own memory."""
    return recorded_copy(input, dense_copy(input))


CLONE = unlisted("clone", ("a",), {"a": passed})


def recorded_copy(source: Tensor, copy: Tensor) -> Tensor:
    if source._node is not None and mode.enabled:
        record(CLONE, (source,), (), (copy,))
    return copy


def plain_permute(t: Tensor, order: Sequence[int]) -> Tensor:
    """`permute` with valid dims, outside the graph."""
    return hidden(PERMUTE, t, (tuple(order),))


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
    return transformed(VIEW, result, (shape,))


def reordered(result: Tensor, order: Sequence[int]) -> Tensor:
    """A fresh result with its dims in another order."""
    final = relaid(result, order)
    if final.is_contiguous():
        final._strides = None
        return final
    return dense_clone(final)


def relaid(result: Tensor, order: Sequence[int]) -> Tensor:
    """A fresh result with its dims in another order, over the same memory."""
    return transformed(PERMUTE, result, (tuple(order),))


def order_back(ndim: int, dim: int) -> Shape:
    """The order of dims that undoes moving `dim` to the end."""
    return (*range(dim), ndim - 1, *range(dim, ndim - 1))


def call_along(schema: OpSchema, a: Tensor, dim: int, params: tuple[Any, ...] = ()) -> Tensor:
    """Runs an op of one tensor, which works along the last dim, along any dim.

    The op writes its result where the user will see it, so that nothing has to be moved back.
    """
    ndim = a.ndim
    if dim == ndim - 1:
        result: Tensor = bind(schema, (a,), params)
        return result
    order = (*[d for d in range(ndim) if d != dim], dim)
    recorded = a._node is not None and mode.enabled
    moved = permute(a, order) if recorded else plain_permute(a, order)
    back = order_back(ndim, dim)
    return reordered(bind(schema, (moved,), params, back), back)


def before_write(self: Tensor, *others: Any) -> Tensor:
    """The tensor as an input, beside `others`, of the op that is about to overwrite it.

    Where that op is recorded it is a copy, because a derivative may need the old values. The copy
    of a view leads to the view's base: hooks on the view's own node are not called any more, as the
    write replaces that node.
    """
    if not mode.enabled or not any(
        [isinstance(other, Tensor) and other._node is not None for other in (self, *others)]
    ):
        return self
    base = self._base
    if base is None or base._node is None or self._node is None:
        return clone(self)
    copy = copy_like(self)
    record(CLONE, (self,), (), (copy,), edges=((node_from_base(self, base), 0),))
    return copy
