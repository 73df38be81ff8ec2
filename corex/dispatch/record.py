"""Recording: the node that an op leaves in the graph."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from corex.observe import events
from corex.tensor.modes import mode
from corex.tensor.node import Edge, Node, OpNode, SeveralNode
from corex.tensor.plan import Plan
from corex.tensor.schema import OpSchema
from corex.tensor.tensor import TENSOR_TYPES, Tensor, alias

Shape = tuple[int, ...]


@contextmanager
def no_grad() -> Iterator[None]:
    """Ops inside record nothing; for the runtime itself (`corex.no_grad` is the public one)."""
    before = mode.enabled
    mode.enabled = False
    try:
        yield
    finally:
        mode.enabled = before


def new_node(
    plan: Plan,
    edges: tuple[Edge, ...],
    params: tuple[Any, ...],
    saved: tuple[Any, ...] = (),
    versions: tuple[int | None, ...] = (),
    shapes: tuple[Shape | None, ...] | None = None,
    outputs: int = 1,
) -> OpNode:
    """The one place where the node of an op is made, beside the short cuts of `template.py`."""
    if outputs == 1:
        node = _new(OpNode)
    else:
        node = _new(SeveralNode)
        node.outputs = outputs
    node.plan = plan
    node.edges = edges
    node.params = params
    node.saved = saved
    node.versions = versions
    node.shapes = shapes
    trace = events.forward_trace
    if trace is not None:
        node.forward_trace = trace()
    return node


_new = object.__new__


def finish(
    schema: OpSchema,
    inputs: Sequence[Tensor | None],
    params: tuple[Any, ...],
    outs: list[Tensor],
) -> Any:
    """Records the op if it must be, and returns its one output or the tuple of them."""
    if mode.enabled and schema.differentiable:
        for t in inputs:
            if type(t) in TENSOR_TYPES and t._node is not None:  # type: ignore[union-attr]
                record(schema, inputs, params, outs)
                break
    return outs[0] if len(outs) == 1 else tuple(outs)


def record(
    schema: OpSchema,
    inputs: Sequence[Any],
    params: tuple[Any, ...],
    outs: Sequence[Tensor],
    shapes: tuple[Shape | None, ...] | None = None,
    edges: tuple[Edge, ...] | None = None,
) -> OpNode:
    """Hangs the node of an op on its differentiable outputs, the first `schema.outputs`.

    `inputs` may hold numbers and None beside tensors; `edges` overrides their edges (an in-place
    op's input is its output, with another place in the graph).
    """
    if edges is None:
        found: list[Edge] = []
        for t in inputs:
            if type(t) in TENSOR_TYPES:
                found.append((t._node, t._output_nr) if t._node is not None else _NO_EDGE)
            else:
                found.append(_NO_EDGE)
        edges = tuple(found)
    needs = tuple([edge[0] is not None for edge in edges])
    if outs[0].key.dtype.is_complex:
        plan = schema.complex_plan(needs)
    else:
        plan = schema._plans.get(needs) or schema.plan(needs)
    save = plan.save
    if not save:
        node = new_node(plan, edges, params, (), (), shapes, schema.outputs)
    else:
        count = len(inputs)
        saved = []
        versions: list[int | None] = []
        for i in save:
            if i < 0:
                saved.append(inputs[-1 - i].shape)
                versions.append(None)
                continue
            value = inputs[i] if i < count else alias(outs[i - count])
            saved.append(value)
            versions.append(value.storage_.version if type(value) in TENSOR_TYPES else None)
        node = new_node(plan, edges, params, tuple(saved), tuple(versions), shapes, schema.outputs)
    outs[0]._node = node
    for number in range(1, schema.outputs):
        outs[number]._node = node
        outs[number]._output_nr = number
    return node


def unhurried(node: Node | None) -> None:
    """Has the node of an op on twins do without `Plan.fast`, which reads memory as it lies."""
    if isinstance(node, OpNode) and node.plan.fast is not None:
        plan = node.plan
        node.plan = Plan(
            plan.label, plan.needs, plan.save, plan.output_slots, plan.steps, plan.joint, plan.fresh
        )


_NO_EDGE = (None, 0)
