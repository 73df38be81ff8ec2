"""Checkpointing: backward computes a part of the forward pass again instead of remembering it."""

from __future__ import annotations

import weakref
from collections.abc import Callable, Sequence
from typing import Any

from corex.autograd.grad_mode import enable_grad
from corex.dispatch.record import new_node
from corex.ops.indexing.rows import Indices
from corex.ops.random.generator import default_generator
from corex.tensor.lineage import Made, follow, is_overtaken, register
from corex.tensor.modes import mode
from corex.tensor.node import Node, OpNode
from corex.tensor.plan import Plan, passed
from corex.tensor.schema import unlisted
from corex.tensor.storage import Storage
from corex.tensor.tensor import Tensor, alias

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
        RuntimeError: the function writes to an argument; or, in backward, an argument (or a tensor
            from elsewhere that an operation saved) was modified in place since.
        CheckpointError: in backward, if the second run recorded other operations.
    """
    if not mode.enabled or any(map(is_overtaken, _tensors((args, kwargs)))):
        return function(*args, **kwargs)
    region = _Region(function, args, kwargs, preserve_rng_state)
    outputs, nodes = region.run(args, kwargs)
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


GATE = unlisted("checkpoint", ("a",), {"a": passed}, label="CheckpointBackward")

_ARGUMENT = Made(
    "An argument of a checkpointed function (or a view of one)",
    "The function runs once more in backward, and could not find there what it overwrote: let it "
    "work on a .clone().",
)


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
        # What the second run gets: the same places in the graph, whatever becomes of the caller's
        # tensors, and the same memory, unless theirs is replaced by assigning to `.data`.
        # `versions` tells if its values are still the same.
        self.args, self.kwargs = _kept(args), _kept(kwargs)
        self.versions = [(t, t.storage_.version) for t in _tensors((self.args, self.kwargs))]
        floats = [i for i, a in enumerate(args) if isinstance(a, Tensor) and a.key.dtype.is_inexact]
        self.gated = [i for i in floats if self.args[i]._node is not None] or floats
        self.random = default_generator.get_state() if preserve_rng_state else None
        # Weakly, for the nodes hold the region.
        self.nodes: list[weakref.ref[OpNode]] = []
        self.traces: list[tuple[str, Plan]] = []
        self.outside: list[list[tuple[weakref.ref[Storage], int] | None]] = []

    def run(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[Any, list[OpNode]]:
        """The function's result, and the nodes that depend on its arguments, in a fixed order."""
        # Arguments pass a gate, by which the nodes of this call are told from all others.
        gates: list[Node] = []
        passed = list(args)
        for i in self.gated:
            source = self.args[i]
            edge = (source._node, source._output_nr)
            gate = new_node(GATE.plan((source._node is not None,)), (edge,), ())
            gates.append(gate)
            passed[i] = alias(source, gate)
            follow(args[i], passed[i])
            if source._node is not None:
                register(passed[i], args[i], _ARGUMENT)
        outputs = self.function(*passed, **kwargs)
        results = [t for t in _tensors(outputs) if t._node is not None]
        order, inside = _depending([t._node for t in results], gates)
        if not _needs_gradients(order, gates):
            for t in results:
                t._node = None
            return _replaced(outputs, passed, args), []
        return _replaced(outputs, passed, args), [
            n for n in order if n in inside and type(n) is OpNode and n not in gates
        ]

    def forget(self, nodes: list[OpNode]) -> None:
        """Drops what the nodes saved."""
        self.nodes = [weakref.ref(node) for node in nodes]
        self.traces = [(node.name(), node.plan) for node in nodes]
        for node in nodes:
            self.outside.append(_stamps(node))
            if node.plan.frees:
                node.saved = None
                node.checkpoint = self  # type: ignore[attr-defined]

    def restore(self) -> None:
        """Runs the function again and gives the nodes back what they saved.

        Raises:
            RuntimeError: it cannot do the same again, because a tensor that it reads was modified.
            CheckpointError: it did not do the same again.
        """
        for t, version in self.versions:
            if t.storage_.version != version:
                raise RuntimeError(_modified(t, version))
        before = default_generator.get_state()
        if self.random is not None:
            default_generator.set_state(self.random)
        try:
            with enable_grad():
                _, again = self.run(self.args, self.kwargs)
        finally:
            if self.random is not None:
                default_generator.set_state(before)
        traces = [(node.name(), node.plan) for node in again]
        if self.traces != traces:
            names, found = [name for name, _ in self.traces], [name for name, _ in traces]
            raise CheckpointError(
                f"checkpoint: the function recorded {len(names)} operations when it was called, "
                f"and {len(found)} in backward: {names} and {found}. It must do the same each time"
            )
        for other, stamps in zip(again, self.outside, strict=True):
            _check_stamps(other, stamps)
        for ref, other in zip(self.nodes, again, strict=True):
            node = ref()
            if node is not None and node.__dict__.pop("checkpoint", None) is not None:
                _take_over(node, other)
        self.nodes = []


def _kept(value: Any) -> Any:
    """The same structure with tensors of their own over the same memory."""
    if isinstance(value, Tensor):
        copy = alias(value, value._node)
        copy._output_nr = value._output_nr
        follow(value, copy)
        return copy
    if type(value) in (tuple, list):
        return type(value)([_kept(item) for item in value])
    if type(value) is dict:
        return {key: _kept(item) for key, item in value.items()}
    return value


def _replaced(outputs: Any, passed: Sequence[Any], args: Sequence[Any]) -> Any:
    """The outputs, where an argument that was returned as it came is the caller's tensor."""
    if isinstance(outputs, Tensor):
        return next((a for a, p in zip(args, passed, strict=True) if p is outputs), outputs)
    if type(outputs) in (tuple, list):
        return type(outputs)([_replaced(item, passed, args) for item in outputs])
    return outputs


def _stamps(node: OpNode) -> list[tuple[weakref.ref[Storage], int] | None]:
    """The memory that a node's saved tensors show, and its versions. What lives on when the saved
    tensors are dropped came from outside of the checkpoint."""
    stamps: list[tuple[weakref.ref[Storage], int] | None] = [
        None if version is None else (weakref.ref(value.storage_), version)
        for value, version in zip(node.saved or (), node.versions, strict=False)
    ]
    for indices in node.params:
        if isinstance(indices, Indices):
            versions = zip(indices, indices.versions, strict=True)
            stamps += [(weakref.ref(t.storage_), version) for t, version in versions]
    return stamps


def _check_stamps(other: OpNode, stamps: Sequence[tuple[weakref.ref[Storage], int] | None]) -> None:
    """A tensor from outside must have the values that it had the first time."""
    values = [*(other.saved or ())]
    for indices in other.params:
        if isinstance(indices, Indices):
            values += indices
    for value, stamp in zip(values, stamps, strict=False):
        if stamp is None:
            continue
        before, version = stamp[0](), stamp[1]
        if before is value.storage_ and value._version != version:
            raise RuntimeError(_modified(value, version))


def _modified(value: Tensor, version: int) -> str:
    return (
        f"one of the variables needed for gradient computation has been modified by an inplace "
        f"operation: [{value.type_name()} {list(value.shape)}], which a checkpointed function "
        f"reads, is at version {value.storage_.version}; expected version {version} instead. Hint: "
        f"make a copy with .clone() before changing it."
    )


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


def _needs_gradients(nodes: Sequence[Node], gates: Sequence[Node]) -> bool:
    """Whether anything below requires gradients, and not the gates alone: a leaf, or a view whose
    base was detached and leads nowhere."""
    passed = set(gates)
    return any(
        node.edges[0][0] is not None
        if node in passed
        else all(child is None for child, _ in node.edges)
        for node in nodes
    )
