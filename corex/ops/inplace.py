"""Rules of writing in place: what autograd allows, and how the graph is rebased afterwards."""

from __future__ import annotations

import weakref
from collections.abc import Callable, Sequence
from typing import Any

from corex import dtypes as dt
from corex.dispatcher import dense_copy, run
from corex.graph import AccumulateGrad, ClosureNode, Node, closure_node, mode
from corex.layout import is_dense, numel, self_overlaps
from corex.recording import no_grad, record
from corex.resolution import check_places, empty, may_overlap, same_view
from corex.schema import OpSchema
from corex.storage import allocate
from corex.tensor import Tensor, alias, make


def check_inplace(op: str, self: Tensor, operands: Sequence[Any]) -> bool:
    """Whether the write must be recorded.

    Raises:
        RuntimeError: a leaf (or a view of one) that requires gradients, or overlapping elements.
    """
    if self._strides is not None and self_overlaps(self.shape, self._strides):
        raise RuntimeError(
            f"[{op}_] unsupported operation: more than one element of the written-to tensor refers "
            f"to a single memory location. Please clone() the tensor before performing the "
            f"operation."
        )
    if not mode.enabled:
        return False
    if self._inplace_error is not None:
        raise RuntimeError(self._inplace_error)
    base = self._base
    if type(self._node) is AccumulateGrad:
        raise RuntimeError(
            f"[{op}_] a leaf Variable that requires grad is being used in an in-place operation."
        )
    if base is not None and type(base._node) is AccumulateGrad:
        raise RuntimeError(
            f"[{op}_] a view of a leaf Variable that requires grad is being used in an in-place "
            f"operation."
        )
    return any(isinstance(o, Tensor) and o._node is not None for o in operands)


def old_value(schema: OpSchema, inputs: Sequence[Tensor]) -> Tensor:
    """What to save of the target of a write, its first input: a copy if the derivative needs it."""
    target = inputs[0]
    if not schema.differentiable:
        return target
    plan = schema.plan(tuple(t._node is not None for t in inputs))
    if 0 not in plan.save:
        return target
    copy = dense_copy(target)
    copy._node = target._node
    copy._output_nr = target._output_nr
    return copy


def finish_inplace(
    schema: OpSchema,
    self: Tensor,
    inputs: Sequence[Tensor],
    params: tuple[Any, ...],
    before: tuple[Node | None, int],
    versions: Sequence[int],
) -> None:
    """Records an in-place op whose first input is `self` as it was `before`."""
    if not schema.differentiable:
        set_history(self, None)
        return
    edges = (before, *[(t._node, t._output_nr) for t in inputs[1:]])
    shapes = tuple(t.shape for t in inputs)
    broadcast = None if all(s == self.shape for s in shapes) else shapes
    holder = alias(self)
    node = record(schema, inputs, params, [holder], broadcast, edges)
    # `record` saw the storage after the write; inputs were read before it.
    positions = node.plan.save
    node.versions = tuple(
        versions[i] if 0 <= i < len(inputs) and version is not None else version
        for i, version in zip(positions, node.versions, strict=True)
    )
    node.saved = tuple(
        alias(self, before[0]) if value is self else value for value in node.saved or ()
    )
    set_history(self, node)


def set_history(self: Tensor, node: Node | None) -> None:
    """Makes `node` the origin of `self` after a write, and updates its base and other views."""
    base = self._base
    if base is None:
        _set_node(self, node)
        _refresh_views(self)
        return
    _set_node(base, CopySlices(base, self, node))
    _refresh_views(base)


def _set_node(t: Tensor, node: Node | None) -> None:
    """Gives a tensor another origin; what `retain_grad` registered follows it."""
    cell = t._retains_grad
    if cell is not None:
        old = t._node
        if old is not None and old.prehooks is not None:
            old.prehooks = [other for other in old.prehooks if other is not cell]
        t._retains_grad = None
    t._node = node
    t._output_nr = 0
    if cell is not None and node is not None:
        t.retain_grad()


def register_view(view: Tensor, source: Tensor) -> None:
    """Remembers that `view` shows `source`'s base, so that writes keep both graphs right."""
    base = source if source._base is None else source._base
    view._base = base
    if type(base._node) is AccumulateGrad:
        return  # nobody may write to it while ops record
    views = base._views
    if views is None:
        base._views = [weakref.ref(view)]
        return
    if len(views) >= base._views_limit:
        base._views = views = [ref for ref in views if ref() is not None]
        base._views_limit = max(8, 2 * len(views))
    views.append(weakref.ref(view))


def _refresh_views(base: Tensor) -> None:
    if base._views is None or base._node is None:
        return
    for ref in base._views:
        view = ref()
        if view is not None:
            _set_node(view, _as_strided_node(base, view))


def _as_strided_node(base: Tensor, view: Tensor) -> ClosureNode:
    assert base._node is not None
    shape, strides, offset = view.shape, view.strides, view.offset - base.offset
    base_shape, base_strides = base.shape, base.strides

    def formula(g: Tensor) -> Tensor:
        return scatter_view(g, base_shape, base_strides, shape, strides, offset)

    return closure_node("AsStridedBackward0", (base._node, base._output_nr), formula)


def scatter_view(
    g: Tensor,
    base_shape: tuple[int, ...],
    base_strides: tuple[int, ...],
    shape: tuple[int, ...],
    strides: tuple[int, ...],
    offset: int,
) -> Tensor:
    """The gradient of a base whose strided view has gradient `g`: zeros outside the view.

    A view in which elements overlap adds up.
    """
    if not is_dense(base_shape, base_strides):
        raise RuntimeError(
            "[as_strided] the derivative needs a base whose elements fill its memory; "
            "call .contiguous() or .clone() on it first"
        )
    result = make(
        allocate(g.key.place, numel(base_shape) * g.key.dtype.itemsize),
        g.key,
        base_shape,
        base_strides,
    )
    flat = make(result.storage_, g.key, (numel(base_shape),))
    run("fill", [flat], [], (0,))
    if numel(shape) == 0:
        return result
    if not self_overlaps(shape, strides):
        target = result.as_strided(shape, strides, offset)
        target.copy_(g)
        return result
    place = g.key.place
    index = empty(place.key(dt.int64), (numel(base_shape),))
    run("arange", [index], [], (0, 1))
    picked = make(index.storage_, index.key, shape, strides, offset)
    flat.index_put_((dense_copy(picked).reshape(-1),), g.reshape(-1), accumulate=True)
    return result


class CopySlices(Node):
    """A write to a view, as seen by its base: the gradient of the written part takes another way.

    `inner` computes the gradients of the write itself; its first edge is the view's old value.
    """

    __slots__ = ("geometry", "inner")

    label = "CopySlices"

    def __init__(self, base: Tensor, view: Tensor, inner: Node | None) -> None:
        rest = () if inner is None else inner.edges[1:]
        self.edges = ((base._node, base._output_nr), *rest)
        self.inner = inner
        self.geometry = (view.shape, view.strides, view.offset - base.offset, base.strides)

    def apply(self, grad: Any) -> Sequence[Tensor | None]:
        shape, strides, offset, base_strides = self.geometry
        whole = make(allocate(grad.key.place, grad.nbytes), grad.key, grad.shape, base_strides)
        whole.copy_(grad)
        part = whole.as_strided(shape, strides, offset)
        if self.inner is None:
            part.zero_()
            return (whole,)
        grads = self.inner.apply(part.clone())
        first = grads[0]
        if first is None:
            part.zero_()
        else:
            part.copy_(first)
        return (whole, *grads[1:])

    def release(self) -> None:
        if self.inner is not None:
            self.inner.release()


def write_out(out: Tensor, result: Tensor, op: str = "") -> Tensor:
    """Copies a result into `out=` (resized only if it was empty), or onto an in-place target.

    Raises:
        RuntimeError: `out` requires gradients, or has another shape, place or dtype category.
    """
    if op:
        check_places(op, [out], result.key.place)
        if out._node is not None and mode.enabled or result._node is not None:
            raise RuntimeError(
                f"{op}(): functions with out=... arguments don't support automatic "
                f"differentiation, but one of the arguments requires grad."
            )
        if not dt.can_cast(result.key.dtype, out.key.dtype):
            raise RuntimeError(
                f"[{op}] result type {result.key.dtype.name} can't be cast to the desired output "
                f"type {out.key.dtype.name}"
            )
        if out.shape != result.shape:
            if numel(out.shape):
                raise RuntimeError(
                    f"[{op}] out has shape {list(out.shape)}, but the result has shape "
                    f"{list(result.shape)}; pass an out of that shape, or an empty one"
                )
            fresh = empty(out.key, result.shape)
            out.storage_, out.shape, out._strides, out.offset = (
                fresh.storage_,
                result.shape,
                None,
                0,
            )
        with no_grad():
            out.copy_(result)
        return out
    return out.copy_(result)


def apply_copy(self: Tensor, source: Tensor, formula: Callable[[Tensor], Tensor]) -> None:
    """Writes `source` (already of the right shape) over `self` and records it."""
    requires = check_inplace("copy", self, (self, source))
    place = self.key.place
    check_places("copy", [source], place)
    if may_overlap(source, self) and not same_view(source, self):
        source_values = dense_copy(source)
    else:
        source_values = source
    run("copy", [self], [source_values])
    self.storage_.version += 1
    if requires and self.key.dtype.is_floating_point:
        node = CopyNode()
        node.label = "CopyBackwards"
        # A write to a whole tensor leaves its old value a gradient of zeros; CopySlices sees to a
        # part.
        before = None if self._base is not None else self._node
        node.edges = ((before, self._output_nr), (source._node, source._output_nr))
        node.formula = formula
        set_history(self, node)


class CopyNode(ClosureNode):
    """The node of `copy_`: the old value gets zeros, the source everything."""

    __slots__ = ()

    def apply(self, grad: Any) -> Sequence[Tensor | None]:
        old = None if self.edges[0][0] is None else grad.new_zeros(grad.shape)
        return (old, self.formula(grad) if self.edges[1][0] is not None else None)
