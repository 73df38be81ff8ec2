"""The autograd graph: nodes, what they save, and the mode that decides whether ops record.

A node computes the gradients of an op's inputs from the gradient of its output. It holds `edges`,
one per differentiable input, each (node or None, output number). The engine that walks the graph
is in `corex.autograd.engine`; the derivative formulas are in the op declarations.
"""

from __future__ import annotations

import weakref
from collections.abc import Callable, Iterable, Sequence
from itertools import repeat
from typing import TYPE_CHECKING, Any

from corex.tensor.modes import mode
from corex.tensor.place import Place
from corex.tensor.plan import Plan

if TYPE_CHECKING:
    from corex.tensor.tensor import Tensor

Edge = tuple["Node | None", int]


_FREED = (
    "Trying to backward through the graph a second time (or directly access saved tensors after "
    "they have already been freed). Saved intermediate values of the graph are freed when you call "
    ".backward() or autograd.grad(). Specify retain_graph=True if you need to backward through the "
    "graph a second time or if you need to access saved tensors after calling backward."
)


class Node:
    """One step of the graph. Subclasses implement `apply`."""

    __slots__ = ("__dict__", "__weakref__", "edges")

    edges: tuple[Edge, ...]
    outputs = 1
    label = "Node"
    runs_without_gradient = False  # whether `apply` wants to be called with None, too
    foreign = False  # whether `apply` is code of the user's, which may keep what it sees
    # Rarely set, so they live in the instance dict and default to None here.
    prehooks: list[Any] | None = None
    posthooks: list[Any] | None = None
    forward_trace: str | None = None

    def name(self) -> str:
        """The name PyTorch prints, such as 'MulBackward0'."""
        return self.label

    @property
    def next_functions(self) -> tuple[Edge, ...]:
        """The edges, as PyTorch names them."""
        return tuple((None, 0) if node is UNREACHED else (node, i) for node, i in self.edges)

    def apply(self, grad: Any) -> Sequence[Tensor | None]:
        """Gradients for `edges`, in order. `grad` is a tensor, or a list if `outputs` > 1."""
        raise NotImplementedError

    def gradients(self, grad: Any, owned: bool) -> tuple[Sequence[Tensor | None], Iterable[bool]]:
        """What `apply` returns, and for each gradient whether nobody else holds its memory.

        `owned` says whether that is so for `grad`, which the caller gives away.
        """
        return self.apply(grad), NOT_OWNED

    def release(self) -> None:
        """Drops saved tensors, once they are not needed any more."""

    def reattach(self) -> None:
        """Called before the node runs in a pass that is recorded itself."""

    def __repr__(self) -> str:
        return f"<{self.name()} object at {id(self):#x}>"

    def register_hook(self, hook: Callable[..., Any]) -> RemovableHandle:
        """Calls `hook(grad_inputs, grad_outputs)` after the node ran; it may return new inputs."""
        if self.posthooks is None:
            self.posthooks = []
        return RemovableHandle(self.posthooks, hook)

    def register_prehook(self, hook: Callable[..., Any]) -> RemovableHandle:
        """Calls `hook(grad_outputs)` before the node runs; it may return new grad_outputs."""
        if self.prehooks is None:
            self.prehooks = []
        return RemovableHandle(self.prehooks, (None, hook))


NOT_OWNED: Iterable[bool] = repeat(False)
NEW: Iterable[bool] = repeat(True)
"""Said of any number of gradients."""


class RemovableHandle:
    """Removes a hook; also usable as a context manager."""

    __slots__ = ("_entry", "_hooks")

    def __init__(self, hooks: list[Any], entry: Any) -> None:
        self._hooks = hooks
        self._entry: Any = [entry]
        hooks.append(self._entry)

    def remove(self) -> None:
        """Removes the hook; doing so twice is harmless."""
        self._hooks[:] = [entry for entry in self._hooks if entry is not self._entry]
        self._entry.clear()  # another list, of what the tensor became, may hold it, too

    def __enter__(self) -> RemovableHandle:
        return self

    def __exit__(self, *exc: object) -> None:
        self.remove()


class OpNode(Node):
    """The node of a declared op.

    `saved` holds tensors and plain numbers, `versions` the storage versions at the time (None for
    a number). `shapes` are the input shapes if broadcasting may have changed them, else None.
    """

    __slots__ = ("params", "plan", "saved", "shapes", "versions")

    plan: Plan
    saved: tuple[Any, ...] | None
    versions: tuple[int | None, ...]
    shapes: tuple[tuple[int, ...] | None, ...] | None
    params: tuple[Any, ...]

    def name(self) -> str:
        return self.plan.label

    def release(self) -> None:
        if self.plan.frees:
            self.saved = None

    def reattach(self) -> None:
        """Gives saved inputs that `detach_` took out of the graph their place in it again."""
        if self.saved is None:
            return
        saved = list(self.saved)
        for i, position in enumerate(self.plan.save):
            version = self.versions[i]
            if version is None or not 0 <= position < len(self.edges):
                continue
            node, number = self.edges[position]
            if type(node) in LEAVES or saved[i].storage_.version != version:
                continue
            if saved[i]._node is None:
                saved[i] = saved[i]._with_node(node)
                saved[i]._output_nr = number
        self.saved = tuple(saved)

    def values(self) -> tuple[Any, ...]:
        """Saved values, then parameters.

        Raises:
            RuntimeError: freed already, or a saved tensor was modified in place since.
        """
        saved = self.saved
        if saved is None:
            saved = self._recomputed()
        for value, version in zip(saved, self.versions):  # noqa: B905 - hot path, equal by design
            if version is not None and value.storage_.version != version:
                raise RuntimeError(self._modified(value, version))
        if self.plan.output_slots and mode.enabled:
            saved = tuple(
                self._own(value, i) if i in self.plan.output_slots else value
                for i, value in enumerate(saved)
            )
        return saved + self.params

    def _own(self, value: Tensor, i: int) -> Tensor:
        """A saved output, with its place in the graph."""
        output = value._with_node(self)
        if self.outputs > 1:
            output._output_nr = self.plan.save[i] - len(self.edges)
        return output

    def _recomputed(self) -> tuple[Any, ...]:
        """What was saved, if the node belongs to a checkpoint, which then runs again."""
        checkpoint = self.__dict__.get("checkpoint")
        if checkpoint is None:
            raise RuntimeError(_FREED)
        checkpoint.restore()
        return self.values()

    def _modified(self, value: Tensor, version: int) -> str:
        origin = self if value._node is None else value._node
        return (
            f"one of the variables needed for gradient computation has been modified by an inplace "
            f"operation: [{value.type_name()} {list(value.shape)}], which is output "
            f"{value._output_nr} of {origin.name()}, is at version {value.storage_.version}; "
            f"expected version {version} instead. It was saved for {self.name()}. Hint: make a "
            f"copy with .clone() before changing it, or enable corex.autograd."
            f"set_detect_anomaly(True) to find the forward operation."
        )

    def apply(self, grad: Any) -> Sequence[Tensor | None]:
        return self.gradients(grad, False)[0]

    def gradients(self, grad: Any, owned: bool) -> tuple[Sequence[Tensor | None], Iterable[bool]]:
        plan = self.plan
        if plan.fast is not None and not mode.enabled:
            quick = plan.fast(self, grad)
            if quick is not None:
                return quick, NEW
        return self.by_formulas(grad, owned)

    def by_formulas(self, grad: Any, owned: bool) -> tuple[Sequence[Tensor | None], Iterable[bool]]:
        """`gradients`, where `plan.fast` has no answer."""
        plan = self.plan
        # `values`, without the call.
        values = self.saved
        if values is None:
            values = self._recomputed()
        if values:
            for value, version in zip(values, self.versions):  # noqa: B905 - as above
                if version is not None and value.storage_.version != version:
                    raise RuntimeError(self._modified(value, version))
            if plan.output_slots and mode.enabled:
                values = self.values()
            elif self.params:
                values = values + self.params
        else:
            values = self.params
        grads: list[Any]
        if plan.joint is not None:
            grads = plan.joint(plan.needs, grad, *values)
        else:
            grads = [None] * len(self.edges)
            for i, formula, pick, picker in plan.calls:
                if pick >= 0:
                    grads[i] = formula(grad, values[pick])
                elif picker is None:
                    grads[i] = formula(grad, *values)
                else:
                    grads[i] = formula(grad, *picker(values))
            if self.shapes is not None:
                for i, shape in enumerate(self.shapes):
                    value = grads[i]
                    if value is not None and value.shape != shape:
                        grads[i] = value.sum_to_size(shape)
                return grads, self._owned(grads, grad, owned)
        known = plan.owned
        return grads, self._owned(grads, grad, owned) if known is None else known[owned]

    def _owned(self, grads: Sequence[Tensor | None], grad: Tensor, owned: bool) -> Iterable[bool]:
        """Which of the gradients are not in the memory of `grad`; a sole one may be, if owned."""
        if self.plan.fresh is None or type(grad.key.place) is not Place:
            return NOT_OWNED
        memory = grad.storage_
        shared = [value is not None and value.storage_ is memory for value in grads]
        if owned and sum(shared) == 1:
            return NEW
        return [not flag for flag in shared]

    @property
    def saved_tensors(self) -> tuple[Any, ...]:
        """The saved tensors, checked."""
        return self.values()[: len(self.versions)]


class SeveralNode(OpNode):
    """The node of an op with several differentiable outputs: `apply` gets the list of their
    gradients. The engine's short ways, which are for an `OpNode`, do not apply to it."""

    __slots__ = ()


class AccumulateGrad(Node):
    """The end of the graph: adds what arrives to a leaf's `.grad`.

    It knows its leaf weakly, because the leaf owns it: a cycle would keep parameters alive until
    the next garbage collection.
    """

    __slots__ = ("leaf",)

    label = "AccumulateGrad"

    def __init__(self, leaf: Tensor) -> None:
        self.leaf = weakref.ref(leaf)
        self.edges = ()

    @property
    def variable(self) -> Tensor | None:
        """The leaf, unless it is gone."""
        return self.leaf()

    def register_hook(self, hook: Callable[..., Any]) -> RemovableHandle:
        """Calls `hook((), (gradient,))` after the gradient was added to the leaf's."""
        if self.posthooks is None:
            self.posthooks = []
        # A bare function in this list is a post-accumulate hook, called with the leaf.
        return RemovableHandle(self.posthooks, (None, hook))


class _Unreached(Node):
    """The node of a view that requires gradients only because its base does, and that no recorded
    op leads to: it is a leaf, and gradients end here."""

    __slots__ = ()

    label = "Unreached"
    edges = ()

    def apply(self, grad: Any) -> Sequence[Tensor | None]:
        return ()


UNREACHED = _Unreached()
LEAVES = frozenset({type(None), AccumulateGrad, _Unreached})
"""The types of what a leaf has in place of an op's node."""
