"""The backward engine: walks the graph from the roots and hands every node its gradient once.

A first pass counts, for each node, the edges that will deliver to it; the second runs the nodes
whose count has reached zero. Both are loops over explicit stacks, so depth costs no recursion.
A node with one consumer receives its gradient straight from the stack; only nodes with several
consumers have a buffer in which the parts are summed.

What may be overwritten or kept is decided by reference counts: a gradient that nobody but the
engine can reach is added to in place, and becomes a leaf's `.grad` without a copy. (A NumPy array
made from a gradient in a hook holds the buffer alone, so that is counted too.)
"""

from __future__ import annotations

import sys
import threading
from collections.abc import Sequence
from typing import Any

from corex.autograd.anomaly import check_nan, explain, is_anomaly_enabled
from corex.autograd.hooks import run_node_prehooks, run_posthooks, run_tensor_hooks
from corex.dispatch.bind import dense_copy, write
from corex.dispatch.template import direct_buffer
from corex.layout import is_dense
from corex.observe import events
from corex.tensor.modes import mode
from corex.tensor.node import AccumulateGrad, Node, OpNode
from corex.tensor.storage import adopt, allocate
from corex.tensor.tensor import Tensor, make

Root = tuple[Node, int, Tensor]

_getrefcount = sys.getrefcount


class _Holder:
    __slots__ = ("storage_",)


def _baseline() -> tuple[int, int]:
    # How many references the engine itself causes depends on the interpreter; so it is measured,
    # on an object that travels the way gradients do.
    holder = _Holder()
    holder.storage_ = object()  # type: ignore[attr-defined]
    stack = [(None, holder)]
    del holder
    _, value = stack.pop()
    return _getrefcount(value), _getrefcount(value.storage_)  # type: ignore[attr-defined]


_SOLE, _SOLE_STORAGE = _baseline()
_accumulating = threading.RLock()


def run_backward(
    roots: Sequence[Root],
    retain_graph: bool,
    create_graph: bool,
    targets: dict[Node, list[tuple[int, int]]] | None = None,
    accumulate: bool = True,
    captured: list[Tensor | None] | None = None,
) -> None:
    """Propagates gradients from the roots.

    Args:
        roots: (node, output number, gradient of that output).
        retain_graph: keep what the nodes have saved.
        create_graph: record the computation of the gradients.
        targets: if given, only what leads to these nodes runs; maps each to pairs
            (output number, index in `captured`).
        accumulate: add to the leaves' `.grad`.
        captured: filled with the gradients of the targets.
    """
    before = mode.enabled
    mode.enabled = create_graph
    node: Any = None
    try:
        anomaly = events.forward_trace is not None
        plain = targets is None and not create_graph and not anomaly
        counts = _count_edges(roots, targets)
        ready: list[tuple[Any, Any]] = []
        sums: dict[Any, Any] = {}
        if len(roots) == 1 and counts and roots[0][0].outputs == 1:
            ready.append((roots[0][0], roots[0][2]))
        else:
            _start(roots, counts, ready, sums)
        grads: Any
        value: Any
        while ready:
            node, grad = ready.pop()
            # ---- a leaf --------------------------------------------------------------------
            if type(node) is AccumulateGrad and targets is None and grad is not None:
                leaf = node.leaf()
                if node.prehooks is None and node.posthooks is None:
                    if leaf is None or leaf._node is None:
                        continue
                    with _accumulating:
                        if (
                            leaf._grad is None
                            and _getrefcount(grad) <= _SOLE
                            and grad._strides is None
                            and leaf._strides is None
                            and grad.key is leaf.key
                            and grad.shape == leaf.shape
                            and not create_graph
                            and grad._node is None
                            and type(grad) is Tensor
                            and _getrefcount(grad.storage_) <= _SOLE_STORAGE
                            and _getrefcount(grad.storage_.buffer) <= _SOLE_STORAGE
                        ):
                            leaf._grad = grad
                        else:
                            _accumulate(leaf, grad, create_graph)
                    continue
                _run_leaf(node, leaf, grad, create_graph)
                continue
            # ---- hooks and captured gradients ----------------------------------------------
            if node.prehooks is not None or targets is not None:
                if node.prehooks is not None:
                    grad = run_tensor_hooks(node, grad)
                if targets is not None:
                    found = targets.get(node)
                    if found is not None and captured is not None:
                        for number, index in found:
                            captured[index] = grad[number] if type(grad) is list else grad
                    if type(node) is AccumulateGrad:
                        if accumulate and grad is not None:
                            _run_leaf(node, node.leaf(), grad, create_graph, hooked=True)
                        continue
                    # As in PyTorch, a node whose tensor's `.grad` is filled runs nevertheless.
                    if not accumulate and not any(child in counts for child, _ in node.edges):
                        continue
                if node.prehooks is not None:
                    grad = run_node_prehooks(node, grad)
            # ---- run the node ----------------------------------------------------------------
            grads = None
            fresh = False
            if plain and type(node) is OpNode and node.posthooks is None and grad is not None:
                fast = node.plan.fast
                if fast is not None:
                    # New dense tensors of the inputs' shapes that nobody else has seen.
                    grads = fast(node, grad)
                    fresh = grads is not None
            if fresh:
                pass
            elif grad is not None or node.runs_without_gradient:
                if create_graph:
                    node.reattach()
                grads = node.apply(grad)
                if anomaly:
                    check_nan(node, grads)
                if node.posthooks is not None:
                    grads = run_posthooks(node, grads, grad)
            else:
                grads = (None,) * len(node.edges)
            if not retain_graph:
                if fresh:
                    node.saved = None
                else:
                    node.release()
            grad = None
            # ---- deliver ---------------------------------------------------------------------
            for (child, number), value in zip(node.edges, grads):  # noqa: B905 - equal by design
                if child is None or (targets is not None and child not in counts):
                    continue
                left = counts[child]
                if (
                    fresh
                    and left == 1
                    and type(child) is AccumulateGrad
                    and child.prehooks is None
                    and child.posthooks is None
                    and child not in sums
                ):
                    leaf = child.leaf()
                    if leaf is not None and leaf._node is not None:
                        with _accumulating:
                            if leaf._grad is None and leaf._strides is None:
                                leaf._grad = value
                            else:
                                _accumulate(leaf, value, False)
                elif child.outputs > 1:
                    _deliver(sums, child, number, value, create_graph)
                    if left == 1:
                        ready.append((child, sums.pop(child, None)))
                    else:
                        counts[child] = left - 1
                elif left == 1:
                    if child in sums:
                        value = _add(sums, child, value, create_graph)
                        del sums[child]
                    ready.append((child, value))
                else:
                    counts[child] = left - 1
                    if value is not None:
                        sums[child] = (
                            _add(sums, child, value, create_graph) if child in sums else value
                        )
            value = grads = None
    except BaseException:
        if node is not None and is_anomaly_enabled():
            explain(node)
        raise
    finally:
        mode.enabled = before


def _count_edges(
    roots: Sequence[Root], targets: dict[Node, list[tuple[int, int]]] | None
) -> dict[Node, int]:
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
    counts: dict[Node, int], stack: list[Node], targets: dict[Node, list[tuple[int, int]]]
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


def _start(
    roots: Sequence[Root],
    counts: dict[Node, int],
    ready: list[tuple[Any, Any]],
    sums: dict[Any, Any],
) -> None:
    for node, number, grad in roots:
        if node not in counts:
            continue
        if node.outputs > 1:
            _deliver(sums, node, number, grad, mode.enabled)
        elif node in sums:
            sums[node] = _add(sums, node, grad, mode.enabled)
        else:
            sums[node] = grad
    ready.extend((node, sums.pop(node)) for node in list(sums) if counts[node] == 0)


def _add(sums: dict[Any, Any], node: Any, value: Any, create_graph: bool) -> Any:
    total = sums[node]
    if value is None:
        return total
    if total is None:
        return value
    if (
        not create_graph
        # One reference more than in the loop: `sums` holds it too.
        and _getrefcount(total) <= _SOLE + 1
        and type(total) is Tensor
        and total._strides is None
        and total._node is None
        and total.shape == value.shape
        and total.key is value.key
        and _getrefcount(total.storage_) <= _SOLE_STORAGE
        and _getrefcount(total.storage_.buffer) <= _SOLE_STORAGE
    ):
        write("add", (total,), (total, value))
        return total
    return total + value


def _deliver(sums: dict[Any, Any], node: Any, number: int, value: Any, create_graph: bool) -> None:
    """Adds one gradient to the buffer of a node with several outputs."""
    slots = sums.get(node)
    if slots is None:
        slots = sums[node] = [None] * node.outputs
    if value is not None:
        slots[number] = value if slots[number] is None else slots[number] + value


def _run_leaf(
    node: Any, leaf: Tensor | None, grad: Any, create_graph: bool, hooked: bool = False
) -> None:
    """A leaf with hooks: they see and may replace the gradient, and are told afterwards.

    A leaf that requires gradients no more gets none, but its hooks are called as before.
    """
    if node.prehooks is not None:
        if not hooked:
            grad = run_tensor_hooks(node, grad)
        grad = run_node_prehooks(node, grad)
    if grad is None:
        return
    if leaf is not None and leaf._node is not None:
        with _accumulating:
            _accumulate(leaf, grad, create_graph)
    for cell in tuple(node.posthooks or ()):
        entry = cell[0]
        if type(entry) is tuple:
            entry[1]((), (grad,))
        elif leaf is not None:
            entry(leaf)


def _accumulate(leaf: Tensor, grad: Tensor, create_graph: bool) -> None:
    """Adds `grad`, which others may see, to the leaf's."""
    if grad.key is not leaf.key:
        grad = grad.to(leaf.key.dtype)
    old = leaf._grad
    if old is None:
        if grad.shape != leaf.shape:
            grad = grad.sum_to_size(leaf.shape)
        leaf._grad = _fresh_copy(leaf, grad, create_graph)
    elif create_graph:
        leaf._grad = old + grad
    elif (
        old.key is grad.key
        and old.shape == grad.shape  # not so if the leaf was transposed since
        and type(old) is Tensor
        and type(grad) is Tensor
    ):
        write("add", (old,), (old, grad))
        old.storage_.version += 1
    else:
        old.add_(grad)


def _adopt_buffer(like: Tensor, buffer: Any) -> Tensor:
    return make(adopt(like.key.place, buffer), like.key, like.shape)


def _fresh_copy(leaf: Tensor, grad: Tensor, create_graph: bool) -> Tensor:
    """A copy of the gradient, with the leaf's strides if the leaf is dense."""
    if create_graph and grad._node is not None:
        copy: Tensor = grad.clone()
        return copy
    strides = leaf._strides
    if strides is None and grad._strides is None:
        # The direct kernel is many times faster than a copy for small tensors.
        buffer = direct_buffer(
            grad.key, "mul", grad.shape, grad.storage_.buffer, grad.offset, 1.0, 0
        )
        if buffer is not None:
            return _adopt_buffer(grad, buffer)
    if strides is None or not is_dense(leaf.shape, strides):
        return dense_copy(grad)
    storage = allocate(leaf.key.place, grad.nbytes)
    result = make(storage, leaf.key, leaf.shape, strides)
    write("copy", (result,), (grad,))
    return result
