"""Checkpointing: backward computes a part of the forward pass again instead of remembering it."""

from __future__ import annotations

import weakref
from collections.abc import Callable, Sequence
from typing import Any

from corex.autograd.grad_mode import enable_grad
from corex.graph import AccumulateGrad, Node, OpNode, closure_node, mode
from corex.ops.random import default_generator
from corex.tensor import Tensor, alias

__all__ = ["CheckpointError", "checkpoint", "checkpoint_sequential"]


class CheckpointError(RuntimeError):
    """The function did something else when it ran again."""


def checkpoint(
    function: Callable[..., Any],
    *args: Any,
    use_reentrant: bool | None = None,
    preserve_rng_state: bool = True,
    **kwargs: Any,
) -> Any:
    """Calls `function(*args, **kwargs)` without keeping what its derivative needs.

    When backward first needs it, the function runs once more. It must do the same again; random
    numbers are repeated if `preserve_rng_state`. Views and custom functions inside keep what they
    saved, and so does what does not depend on `args`. `use_reentrant` is accepted for PyTorch's
    sake: derivatives of any order, `grad` and `inputs=` work in any case.

    Raises:
        CheckpointError: in backward, if the second run recorded other operations.
    """
    if not mode.enabled:
        return function(*args, **kwargs)
    region = _Region(function, args, kwargs, preserve_rng_state)
    outputs, nodes = region.run()
    region.forget(nodes)
    return outputs


def checkpoint_sequential(
    functions: Any, segments: int, input: Any, use_reentrant: bool | None = None, **kwargs: Any
) -> Any:
    """Calls functions (or a Sequential) one after the other, in `segments` checkpoints; the last
    segment, which backward needs first, is not one."""
    steps = list(functions.children()) if hasattr(functions, "children") else list(functions)
    size = len(steps) // segments

    def run(first: int, last: int) -> Callable[[Any], Any]:
        def segment(value: Any) -> Any:
            for step in steps[first:last]:
                value = step(value)
            return value

        return segment

    end = 0
    for first in range(0, size * (segments - 1), size):
        end = first + size
        input = checkpoint(run(first, end), input, use_reentrant=use_reentrant, **kwargs)
    return run(end, len(steps))(input)


class _Region:
    """One checkpointed call, and the nodes whose saved tensors it dropped."""

    def __init__(
        self,
        function: Callable[..., Any],
        args: tuple[Any, ...],
        kwargs: dict[str, Any],
        preserve_rng_state: bool,
    ) -> None:
        self.function = function
        self.args = args
        self.kwargs = kwargs
        self.random = default_generator.get_state() if preserve_rng_state else None
        # Weakly, for the nodes hold the region.
        self.nodes: list[weakref.ref[OpNode]] = []
        self.names: list[str] = []

    def run(self) -> tuple[Any, list[OpNode]]:
        """The function's result, and the nodes that depend on its arguments, in a fixed order."""
        floats = [a for a in self.args if isinstance(a, Tensor) and a.is_floating_point()]
        wanted = [a for a in floats if a._node is not None] or floats
        # Arguments pass a gate, by which the nodes of this call are told from all others.
        gates: list[Node] = []
        passed = []
        for value in self.args:
            if any(value is other for other in wanted):
                gate = closure_node(
                    "CheckpointBackward", (value._node, value._output_nr), lambda g: g
                )
                gates.append(gate)
                value = alias(value, gate)
            passed.append(value)
        outputs = self.function(*passed, **self.kwargs)
        results = [t for t in _tensors(outputs) if t._node is not None]
        order, inside = _depending([t._node for t in results], gates)
        if not _needs_gradients(order):
            for t in results:
                t._node = None
            return outputs, []
        return outputs, [n for n in order if n in inside and type(n) is OpNode]

    def forget(self, nodes: list[OpNode]) -> None:
        """Drops what the nodes saved."""
        self.nodes = [weakref.ref(node) for node in nodes]
        self.names = [node.name() for node in nodes]
        for node in nodes:
            if node.plan.frees:
                node.saved = None
                node.checkpoint = self  # type: ignore[attr-defined]

    def restore(self) -> None:
        """Runs the function again and gives the nodes back what they saved."""
        before = default_generator.get_state()
        if self.random is not None:
            default_generator.set_state(self.random)
        try:
            with enable_grad():
                _, again = self.run()
        finally:
            if self.random is not None:
                default_generator.set_state(before)
        names, found = self.names, [node.name() for node in again]
        if names != found:
            raise CheckpointError(
                f"checkpoint: the function recorded {len(names)} operations when it was called, "
                f"and {len(found)} in backward: {names} and {found}. It must do the same each time"
            )
        for ref, other in zip(self.nodes, again, strict=True):
            node = ref()
            if node is not None and node.__dict__.pop("checkpoint", None) is not None:
                _take_over(node, other)
        self.nodes = []


class _Twin:
    """Stands in for a checkpoint within a checkpoint: `other` belongs to its second run."""

    def __init__(self, node: OpNode, other: OpNode) -> None:
        self.node = weakref.ref(node)
        self.other = other

    def restore(self) -> None:
        self.other.values()
        node = self.node()
        if node is not None:
            node.__dict__.pop("checkpoint", None)
            _take_over(node, self.other)


def _take_over(node: OpNode, other: OpNode) -> None:
    node.saved, node.versions = other.saved, other.versions
    if other.saved is None:
        node.checkpoint = _Twin(node, other)  # type: ignore[attr-defined]


def _tensors(value: Any) -> list[Tensor]:
    if isinstance(value, Tensor):
        return [value]
    if isinstance(value, tuple | list):
        return [t for item in value for t in _tensors(item)]
    if isinstance(value, dict):
        return [t for item in value.values() for t in _tensors(item)]
    return []


def _depending(roots: Sequence[Node | None], gates: Sequence[Node]) -> tuple[list[Node], set[Node]]:
    """All nodes below the roots, in a fixed order, and those of them that lead to a gate."""
    order: dict[Node, None] = {}
    consumers: dict[Node, list[Node]] = {}
    stack = [node for node in roots if node is not None]
    passed = set(gates)
    while stack:
        node = stack.pop()
        if node in order:
            continue
        order[node] = None
        if node in passed:
            continue
        for child, _ in node.edges:
            if child is not None:
                consumers.setdefault(child, []).append(node)
                stack.append(child)
    inside: set[Node] = set()
    stack = [gate for gate in gates if gate in order]
    while stack:
        for node in consumers.get(stack.pop(), ()):
            if node not in inside:
                inside.add(node)
                stack.append(node)
    return list(order), inside


def _needs_gradients(nodes: Sequence[Node]) -> bool:
    """Whether anything below requires gradients, and not the gates alone."""
    for node in nodes:
        if type(node) is AccumulateGrad:
            return True
        if node.name() == "CheckpointBackward" and node.edges[0][0] is not None:
            return True
    return False
