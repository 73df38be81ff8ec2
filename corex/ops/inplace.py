"""Rules of writing in place: what autograd allows, and how the graph is rebased afterwards."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import islice
from typing import Any

from corex.dispatch.bind import dense_copy, write
from corex.dispatch.record import record
from corex.dispatch.resolve import check_overlap, check_places, may_overlap, same_view
from corex.layout import extent, numel, self_overlaps
from corex.ops.shown import look, shown
from corex.tensor.lineage import hang, rebased, renew
from corex.tensor.modes import mode
from corex.tensor.node import NEW, AccumulateGrad, Node
from corex.tensor.plan import passed
from corex.tensor.schema import OpSchema, unlisted
from corex.tensor.storage import allocate
from corex.tensor.tensor import Tensor, alias, make

Shape = tuple[int, ...]


def check_inplace(op: str, self: Tensor, operands: Sequence[Any], repeats: bool = False) -> bool:
    """Whether the write must be recorded.

    Raises:
        RuntimeError: the graph does not allow it (a leaf that requires gradients, a view of one, a
            view that was made where nothing was recorded), or elements of the target overlap and
            it matters (not `repeats`).
    """
    base = self._base
    if base is not None and mode.enabled and type(base._node) is AccumulateGrad:
        _check_graph(op, self)  # before its node is asked for, with which its hooks would move
    requires = mode.enabled and any(isinstance(o, Tensor) and o._node is not None for o in operands)
    if requires:
        _check_graph(op, self)
    if self._strides is not None and not repeats and self_overlaps(self.shape, self._strides):
        raise RuntimeError(
            f"[{op}_] unsupported operation: more than one element of the written-to tensor refers "
            f"to a single memory location. Please clone() the tensor before performing the "
            f"operation."
        )
    return requires


def _check_graph(op: str, self: Tensor) -> None:
    if self._made is not None:
        raise self._made.written()
    base = self._base
    if base is not None and base.is_leaf and (base._node or self._node) is not None:
        raise RuntimeError(
            f"[{op}_] a view of a leaf Variable that requires grad is being used in an in-place "
            f"operation."
        )
    if type(self._node) is AccumulateGrad:
        raise RuntimeError(
            f"[{op}_] a leaf Variable that requires grad is being used in an in-place operation."
        )


def old_value(schema: OpSchema, inputs: Sequence[Any]) -> Tensor:
    """What to save of the target of a write, its first input: a copy if the derivative needs it."""
    target: Tensor = inputs[0]
    if not schema.differentiable:
        return target
    plan = schema.plan(tuple(isinstance(t, Tensor) and t._node is not None for t in inputs))
    if 0 not in plan.save:
        return target
    copy = dense_copy(target)
    copy._node = target._node
    copy._output_nr = target._output_nr
    return copy


def finish_inplace(
    schema: OpSchema,
    self: Tensor,
    inputs: Sequence[Any],
    params: tuple[Any, ...],
    edges: tuple[tuple[Node | None, int], ...],
    versions: Sequence[int | None],
) -> None:
    """Records an in-place op whose first input is `self`; `edges` and `versions` are those that
    the inputs had before the write, by which views among them may have become stale."""
    if not schema.differentiable:
        set_history(self, None)
        return
    shapes = tuple(t.shape if isinstance(t, Tensor) else None for t in inputs)
    broadcast = None if all(s is None or s == self.shape for s in shapes) else shapes
    holder = alias(self)
    node = record(schema, inputs, params, [holder], broadcast, edges)
    # `record` saw the storage after the write; inputs were read before it.
    positions = node.plan.save
    node.versions = tuple(
        versions[i] if 0 <= i < len(inputs) and version is not None else version
        for i, version in zip(positions, node.versions, strict=True)
    )
    node.saved = tuple(
        alias(self, edges[0][0]) if value is self else value for value in node.saved or ()
    )
    set_history(self, node)


def set_history(self: Tensor, node: Node | None) -> None:
    """Makes `node` the origin of `self` after a write; a view's base gets a node that knows it."""
    base = self._base
    if base is None:
        base = self
        hang(self, node)
    else:
        hang(base, CopySlices(base, self, node))
    if base._views is not None:
        rebased(base)
    if base is not self:
        renew(self)  # what becomes of the base from now on is another matter


def _with_strides(like: Tensor, strides: tuple[int, ...]) -> Tensor:
    """An uninitialised tensor of the same shape, in memory of its own."""
    low, high = extent(like.shape, strides) if numel(like.shape) else (0, 0)
    key = like.key.own
    storage = allocate(key.place, (high - low + 1) * key.dtype.itemsize, key.dtype)
    return make(storage, key, like.shape, strides, -low)


class CopySlices(Node):
    """A write to a view, as seen by its base: the gradient of the written part takes another way.

    `inner` computes the gradients of the write itself; its first edge is the view's old value.
    """

    __slots__ = ("inner", "shown", "strides")

    label = "CopySlices"

    def __init__(self, base: Tensor, view: Tensor, inner: Node | None) -> None:
        rest = () if inner is None else inner.edges[1:]
        self.edges = ((base._node, base._output_nr), *rest)
        self.inner = inner
        if inner is not None and inner.foreign:
            self.foreign = True
        self.shown, self.strides = shown(view, base), base.strides

    def apply(self, grad: Any) -> Sequence[Tensor | None]:
        return self.gradients(grad, False)[0]

    def gradients(self, grad: Any, owned: bool) -> tuple[Sequence[Tensor | None], Iterable[bool]]:
        whole = _with_strides(grad, self.strides)
        whole.copy_(grad)
        part = look(whole, self.shown)
        if self.inner is None:
            part.zero_()
            return (whole,), NEW
        grads, flags = self.inner.gradients(part.clone(), True)
        first = grads[0]
        if first is None:
            part.zero_()
        else:
            part.copy_(first)
        return (whole, *grads[1:]), (True, *islice(flags, 1, len(grads)))

    def release(self) -> None:
        if self.inner is not None:
            self.inner.release()

    def reattach(self) -> None:
        if self.inner is not None:
            self.inner.reattach()


COPY = unlisted(
    "copy_", ("old", "source"), {"old": lambda g: g.new_zeros(g.shape), "source": passed},
    label="CopyBackwards",
)  # fmt: skip


def apply_copy(self: Tensor, source: Tensor, repeats: bool) -> None:
    """Writes `source` (already of the right shape) over `self`, in which elements may overlap if
    `repeats`, and records it."""
    requires = check_inplace("copy", self, (self, source), repeats)
    place = self.key.place
    check_places("copy", [source], place)
    check_overlap("copy_", self, source)
    # Before the write, by which views become stale. It leaves the old value of a whole tensor a
    # gradient of zeros; CopySlices sees to a part.
    before = (None, 0) if self._base is not None else (self._node, self._output_nr)
    edges = (before, (source._node, source._output_nr))
    if not may_overlap(source, self):
        write("copy", [self], [source])
    elif not same_view(source, self):
        write("copy", [self], [dense_copy(source)])
    self.storage_.version += 1
    if requires and self.key.dtype.is_inexact:
        set_history(self, record(COPY, (self, source), (), (alias(self),), edges=edges))
