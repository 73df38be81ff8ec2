"""The backward engine: walks the graph from the roots and hands every node its gradient once.

A first pass counts, for each node, the edges that will deliver to it; the second runs the nodes
whose count has reached zero. Both are loops over explicit stacks, so depth costs no recursion.
A node with one consumer receives its gradient straight from the stack; only nodes with several
consumers have a place in which the parts are summed.

Every gradient travels with a flag: whether the engine owns its memory, because a node made it for
this pass and handed it to nobody else. What is owned is added to in place, and becomes a leaf's
`.grad` without a copy; what a user may have seen (in a hook, in a function of his own) is never
owned again. Nodes say what is; see `Node.gradients`.

There are two loops: a plain one for training steps, and a general one where only some tensors are
asked for, the gradients are themselves recorded, or anomalies are looked for.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable, Sequence
from typing import Any

from corex.autograd.anomaly import check_nan, explain, is_anomaly_enabled
from corex.autograd.hooks import alike, run_node_prehooks, run_posthooks, run_tensor_hooks
from corex.dispatch.bind import dense_copy, write
from corex.dispatch.resolve import empty_with
from corex.dispatch.template import direct_buffer
from corex.formats import strided
from corex.layout import is_dense, numel
from corex.observe import events
from corex.tensor.modes import mode
from corex.tensor.node import NEW, NOT_OWNED, AccumulateGrad, Node, OpNode
from corex.tensor.tensor import Tensor, alias, wrap

Root = tuple[Node, int, Tensor]
Targets = dict[Node, list[tuple[int, int]]]

_accumulating = threading.RLock()


def run_backward(
    roots: Sequence[Root],
    retain_graph: bool,
    create_graph: bool,
    targets: Targets | None = None,
    accumulate: bool = True,
    captured: list[Tensor | None] | None = None,
) -> bool:
    """Propagates gradients from the roots.

    Args:
        roots: (node, output number, gradient of that output).
        retain_graph: keep what the nodes have saved.
        create_graph: record the computation of the gradients.
        targets: if given, only what leads to these nodes runs; maps each to pairs
            (output number, index in `captured`).
        accumulate: add to the leaves' `.grad`.
        captured: filled with the gradients of the targets.

    Returns whether the user's own code (hooks, functions) may have seen a gradient.
    """
    before = mode.enabled
    mode.enabled = create_graph
    try:
        if targets is None and not create_graph and events.forward_trace is None:
            return _run_plain(roots, retain_graph)
        _run_general(roots, retain_graph, targets, accumulate, captured)
        return True
    finally:
        mode.enabled = before


def _run_plain(roots: Sequence[Root], retain_graph: bool) -> bool:
    """The loop of training steps. Returns whether the user's own code ran in it."""
    counts = _count_edges(roots, None)
    sums: dict[Any, Any] = {}
    ready = _start(roots, counts, sums)
    foreign = False
    grads: Any
    flags: Any
    while ready:
        node, grad, owned = ready.pop()
        if (
            type(node) is OpNode
            and grad is not None
            and node.prehooks is None
            and node.posthooks is None
        ):
            fast = node.plan.fast
            grads = None if fast is None else fast(node, grad)
            if grads is None:
                grads, flags = node.by_formulas(grad, owned)
            else:
                flags = NEW
            if not retain_graph and node.plan.frees:
                node.saved = None
        else:
            if node.foreign or node.prehooks is not None or node.posthooks is not None:
                foreign = True
            if node.prehooks is not None:
                grad, owned = run_tensor_hooks(node, grad), False
            if type(node) is AccumulateGrad:
                _run_leaf(node, grad, owned)
                continue
            grads, flags = _run_node(node, grad, owned)
            if not retain_graph:
                node.release()
        grad = None  # so that memory goes as soon as it can
        for (child, number), value, owned in zip(node.edges, grads, flags):  # noqa: B905 - equal
            if child is None:
                continue
            if counts[child] == 1 and child not in sums:
                if type(child) is OpNode:
                    ready.append((child, value, owned))
                    continue
                if (
                    type(child) is AccumulateGrad
                    and child.prehooks is None
                    and child.posthooks is None
                    and value is not None
                ):
                    leaf = child.leaf()
                    if leaf is not None and leaf._node is not None:
                        _accumulate(leaf, value, owned)
                    continue
            _deliver(counts, sums, ready, child, number, value, owned)
        value = grads = None
    return foreign


def _run_general(
    roots: Sequence[Root],
    retain_graph: bool,
    targets: Targets | None,
    accumulate: bool,
    captured: list[Tensor | None] | None,
) -> None:
    """The loop for all else."""
    counts = _count_edges(roots, targets)
    sums: dict[Any, Any] = {}
    ready = _start(roots, counts, sums)
    node: Any = None
    grads: Any
    try:
        while ready:
            node, grad, owned = ready.pop()
            if node.prehooks is not None:
                grad, owned = run_tensor_hooks(node, grad), False
            if captured is not None and targets is not None and node in targets:
                owned = False
                for number, index in targets[node]:
                    captured[index] = grad[number] if type(grad) is list else grad
            if type(node) is AccumulateGrad:
                if accumulate:
                    _run_leaf(node, grad, owned)
                continue
            # As in PyTorch, a node whose tensor's `.grad` is filled runs nevertheless.
            if not accumulate and not any(child in counts for child, _ in node.edges):
                continue
            grads, flags = _run_node(node, grad, owned)
            if not retain_graph:
                node.release()
            grad = None
            for (child, number), value, owned in zip(node.edges, grads, flags):  # noqa: B905
                if child in counts:
                    _deliver(counts, sums, ready, child, number, value, owned)
            value = grads = None
    except BaseException:
        if node is not None and is_anomaly_enabled():
            explain(node)
        raise


def _run_node(node: Any, grad: Any, owned: bool) -> tuple[Sequence[Any], Iterable[bool]]:
    """The gradients of a node, which its hooks may see and replace; see `Node.gradients`."""
    if node.prehooks is not None:
        grad = run_node_prehooks(node, grad)
    if grad is None and not node.runs_without_gradient:
        return (None,) * len(node.edges), NOT_OWNED
    recorded = mode.enabled
    if recorded:
        node.reattach()
    grads, flags = node.gradients(grad, owned)
    if events.forward_trace is not None:
        check_nan(node, grads)
    if node.posthooks is not None:
        grads, flags = run_posthooks(node, grads, grad), NOT_OWNED
    # The graph of recorded gradients holds them.
    return grads, NOT_OWNED if recorded else flags


# ---- what is left to do --------------------------------------------------------------------------
# `counts`: how many edges will still deliver to each node.
# `ready`: what can run: (node, its gradient or, of several outputs, their list, owned).
# `sums`: what has arrived at nodes that wait for more: (gradient, owned), or a list of gradients.
_Ready = list[tuple[Any, Any, bool]]


def _start(roots: Sequence[Root], counts: dict[Any, int], sums: dict[Any, Any]) -> _Ready:
    """The roots that can run at once; one that others lead to waits for them."""
    if len(roots) == 1 and roots[0][0].outputs == 1 and counts:
        return [(roots[0][0], roots[0][2], False)]
    ready: _Ready = []
    for node, number, grad in roots:
        if node in counts:
            _add(sums, node, number, grad, False)
    for node in list(sums):
        if counts[node] == 0:
            _release(sums, ready, node)
    return ready


def _deliver(
    counts: dict[Any, int],
    sums: dict[Any, Any],
    ready: _Ready,
    node: Any,
    number: int,
    grad: Any,
    owned: bool,
) -> None:
    """Hands a node the gradient of one of its outputs; the last one makes it ready."""
    left = counts[node] = counts[node] - 1
    if left or node in sums or node.outputs > 1:
        _add(sums, node, number, grad, owned)
        if not left:
            _release(sums, ready, node)
    else:
        ready.append((node, grad, owned))


def _add(sums: dict[Any, Any], node: Any, number: int, grad: Any, owned: bool) -> None:
    if node.outputs > 1:
        slots = sums.get(node)
        if slots is None:
            slots = sums[node] = [None] * node.outputs
        slots[number], _ = _sum(slots[number], False, grad, False)
    elif node in sums:
        total, mine = sums[node]
        sums[node] = _sum(total, mine, grad, owned)
    else:
        sums[node] = grad, owned


def _release(sums: dict[Any, Any], ready: _Ready, node: Any) -> None:
    found = sums.pop(node)
    ready.append((node, found, False) if type(found) is list else (node, *found))


# ---- sums ----------------------------------------------------------------------------------------
def _sum(total: Any, mine: bool, value: Any, owned: bool) -> tuple[Any, bool]:
    """The sum of two gradients, in the memory of one that the engine owns, and whether it does."""
    if value is None:
        return total, mine
    if total is None:
        return value, owned
    same = alike(total, value)
    if same is None:
        return _sum_without_memory(total, value), False
    if same and total.key is value.key and total.shape == value.shape:
        for target, free in ((total, mine), (value, owned)):
            if free and target._strides is None:
                write("add", (target,), (total, value))
                return target, True
    return total + value, not mode.enabled


def _sum_without_memory(total: Tensor, value: Tensor) -> Tensor:
    """The sum of gradients of which one or both are sparse; a dense one comes first."""
    return value + total if value.layout is strided else total + value


# ---- leaves --------------------------------------------------------------------------------------
def _run_leaf(node: Any, grad: Any, owned: bool) -> None:
    """A leaf whose node has hooks: they may replace the gradient, and are told afterwards.

    A leaf that requires gradients no more gets none, but its hooks are called as before.
    """
    leaf = node.leaf()
    if node.prehooks is not None:
        grad = run_node_prehooks(node, grad)
    if grad is None:
        return
    hooks = tuple([cell[0] for cell in node.posthooks or ()])
    if leaf is not None and leaf._node is not None:
        # Hooks of the node see the gradient itself, those of the tensor what it has become.
        seen = any([type(hook) is tuple for hook in hooks])
        _accumulate(leaf, grad, owned and not seen)
    for hook in hooks:
        if type(hook) is tuple:
            hook[1]((), (grad,))
        elif leaf is not None:
            hook(leaf)


def _accumulate(leaf: Tensor, grad: Tensor, owned: bool) -> None:
    """Adds `grad` to the leaf's, or makes it the leaf's."""
    with _accumulating:
        if alike(grad, leaf) is None:
            _accumulate_without_memory(leaf, grad)
            return
        if grad.key is not leaf.key:
            grad, owned = grad.to(leaf.key.dtype), False
        old = leaf._grad
        if old is None:
            if grad.shape != leaf.shape:
                grad, owned = grad.sum_to_size(leaf.shape), False
            if not owned or grad._strides is not None or leaf._strides is not None:
                leaf._grad = _copy_for(leaf, grad)
            elif grad._base is None:
                leaf._grad = grad
            else:  # no view to the user, nor one that keeps more memory than it shows
                whole = numel(grad._base.shape) == numel(grad.shape)
                leaf._grad = alias(grad) if whole else _copy_for(leaf, grad)
        elif mode.enabled:
            leaf._grad = _sum_without_memory(old, grad)
        elif (
            type(old) is Tensor
            and type(grad) is Tensor
            and old.key is grad.key
            and old.shape == grad.shape  # not so if the leaf was transposed since
        ):
            write("add", (old,), (old, grad))
            old.storage_.version += 1
        elif old.layout is not strided:
            leaf._grad = _sum_without_memory(old, grad)
        else:
            old.add_(grad)


def _accumulate_without_memory(leaf: Tensor, grad: Tensor) -> None:
    """`_accumulate`, where leaf or gradient is sparse."""
    if grad.dtype is not leaf.dtype:
        grad = grad.to(leaf.dtype)
    old = leaf._grad
    if old is not None and (mode.enabled or old.layout is not strided):
        leaf._grad = _sum_without_memory(old, grad)
    elif old is not None:
        old.add_(grad)
    elif mode.enabled:
        leaf._grad = grad
    else:
        leaf._grad = grad.clone()  # the user may write to it


def _copy_for(leaf: Tensor, grad: Tensor) -> Tensor:
    """A copy of the gradient, with the leaf's strides if the leaf is dense."""
    if grad._node is not None and mode.enabled:
        copy: Tensor = grad.clone()
        return copy
    strides = leaf._strides
    if strides is None and grad._strides is None:
        # The direct kernel is many times faster than a copy for small tensors.
        buffer = direct_buffer(
            grad.key, "mul", grad.shape, grad.storage_.buffer, grad.offset, 1.0, 0
        )
        if buffer is not None:
            return wrap(grad.key, buffer, grad.shape)
    if strides is None or not is_dense(leaf.shape, strides):
        return dense_copy(grad)
    result = empty_with(leaf.key.own, leaf.shape, strides)
    write("copy", (result,), (grad,))
    return result


# ---- counting ------------------------------------------------------------------------------------
def _count_edges(roots: Sequence[Root], targets: Targets | None) -> dict[Node, int]:
    counts: dict[Node, int] = {}
    stack: list[Node] = []
    for node, _, _ in roots:
        if node not in counts:
            counts[node] = 0
            stack.append(node)
    if targets is not None:
        return _count_edges_towards(counts, stack, targets)
    while stack:
        for child, _ in stack.pop().edges:
            if child is not None:
                if child in counts:
                    counts[child] += 1
                else:
                    counts[child] = 1
                    if child.edges:  # a leaf leads nowhere
                        stack.append(child)
    return counts


def _count_edges_towards(
    counts: dict[Node, int], stack: list[Node], targets: Targets
) -> dict[Node, int]:
    """As above, for only the nodes from which a target can be reached."""
    consumers: dict[Node, list[Node]] = {}
    while stack:
        node = stack.pop()
        for child, _ in node.edges:
            if child is not None:
                if child in counts:
                    counts[child] += 1
                else:
                    counts[child] = 1
                    stack.append(child)
                consumers.setdefault(child, []).append(node)
    needed = {target for target in targets if target in counts}
    stack = list(needed)
    while stack:
        for node in consumers.get(stack.pop(), ()):
            if node not in needed:
                needed.add(node)
                stack.append(node)
    # All consumers of a needed node are needed themselves, so the counts stay right.
    return {node: count for node, count in counts.items() if node in needed}
