"""`backward` and `grad`: checking what the user passes, and choosing the roots and targets."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from corex.autograd.engine import Root, run_backward
from corex.autograd.hooks import alike
from corex.dispatch.bind import write
from corex.dispatch.resolve import empty
from corex.errors import LayoutError
from corex.formats import strided
from corex.layout import numel
from corex.ops.shape.join import stack
from corex.tensor.node import UNREACHED, Node, _Unreached
from corex.tensor.place import DispatchKey
from corex.tensor.tensor import Tensor, alias


class GradientEdge(NamedTuple):
    """A place in the graph where a gradient can be asked for: output `output_nr` of `node`."""

    node: Node
    output_nr: int


def get_gradient_edge(tensor: Tensor) -> GradientEdge:
    """The place in the graph at which the gradient of `tensor` arrives.

    Raises:
        RuntimeError: the tensor does not require gradients.
    """
    if tensor._node is None:
        raise RuntimeError(
            "It is not possible to get the gradient edge for a Tensor that does not require "
            "gradients"
        )
    return GradientEdge(tensor._node, tensor._output_nr)


# ---- the gradient of a scalar with respect to itself -----------------------------------------
_ones: dict[DispatchKey, Tensor] = {}


def _new_one(key: DispatchKey) -> Tensor:
    if key.dtype.is_complex:
        raise _not_real(key)
    one = empty(key.own, ())
    write("fill", (one,), (), (1,))
    return one


def _not_real(key: DispatchKey) -> RuntimeError:
    return RuntimeError(
        f"grad can be implicitly created only for real scalar outputs but got {key.dtype!r}"
    )


def _ones_like(tensor: Tensor) -> Tensor:
    ones = empty(tensor.key.own, tensor.shape)
    write("fill", (ones,), (), (1,))
    return ones


def backward_from_scalar(node: Node, number: int, key: DispatchKey, keep: bool) -> None:
    """The plain `loss.backward()` of a 0-d loss.

    The gradient to begin with, a 0-d one, is taken out of a store while it is in use, and put back
    if nobody but the engine can have seen it.
    """
    one = _ones.pop(key, None)
    if one is None or one.storage_.version:
        one = _new_one(key)
    if not run_backward([(node, number, one)], keep, False):
        _ones[key] = one


# ---- checking arguments ----------------------------------------------------------------------
def _as_tuple(value: Any) -> tuple[Any, ...]:
    if isinstance(value, Tensor | GradientEdge) or not isinstance(value, Sequence):
        return (value,)
    return tuple(value)


def _edge_of(value: Any) -> tuple[Node | None, int]:
    if isinstance(value, GradientEdge):
        return value.node, value.output_nr
    return value._node, value._output_nr


def _first_gradient(output: Any, grad: Any, index: int) -> Tensor | None:
    """The gradient to start with at one output."""
    if grad is None:
        if isinstance(output, GradientEdge):
            raise RuntimeError(
                "grad can be implicitly created only for scalar outputs, and a GradientEdge has no "
                "shape: pass its gradient"
            )
        if output._node is None or output._node is UNREACHED:
            return None
        if numel(output.shape) != 1:
            raise RuntimeError("grad can be implicitly created only for scalar outputs")
        try:
            key = output.key
        except LayoutError:
            raise RuntimeError(
                "grad can be implicitly created only for dense outputs; pass the gradient"
            ) from None
        if key.dtype.is_complex:
            raise _not_real(key)
        return _ones_like(output)
    if not isinstance(grad, Tensor):
        raise TypeError(f"gradients can be either Tensors or None, but got {type(grad).__name__}")
    if isinstance(output, GradientEdge):
        return grad
    if grad.shape != output.shape:
        raise RuntimeError(
            f"Mismatch in shape: grad_output[{index}] has a shape of {list(grad.shape)} and "
            f"output[{index}] has a shape of {list(output.shape)}."
        )
    same = alike(grad, output)
    if same is None:
        other: Tensor = grad.to(dtype=output.dtype)
        return other
    if not same:
        if grad.key.own.place is not output.key.own.place:
            raise RuntimeError(
                f"grad_output[{index}] is on {grad.key.place}, but output[{index}] is on "
                f"{output.key.place}: move it there first"
            )
        if not grad.key.dtype.is_inexact:
            raise RuntimeError(
                f"grad_output[{index}] has dtype {grad.key.dtype!r}, but gradients are "
                f"floating-point"
            )
        converted: Tensor = grad.to(output.key.dtype)
        return converted
    return grad


def _roots(outputs: tuple[Any, ...], grads: tuple[Any, ...]) -> list[Root]:
    if len(outputs) != len(grads):
        raise RuntimeError(f"got {len(outputs)} tensors and {len(grads)} gradients")
    roots: list[Root] = []
    for i, (output, grad) in enumerate(zip(outputs, grads, strict=True)):
        if not isinstance(output, Tensor | GradientEdge):
            raise TypeError(
                f"element {i} of tensors must be a Tensor or a GradientEdge, not "
                f"{type(output).__name__}"
            )
        first = _first_gradient(output, grad, i)
        node, number = _edge_of(output)
        if node is None or node is UNREACHED or first is None:
            raise RuntimeError(
                f"element {i} of tensors does not require grad and does not have a grad_fn"
            )
        roots.append((node, number, first))
    return roots


def _grads_for(outputs: tuple[Any, ...], grads: Any) -> tuple[Any, ...]:
    return (None,) * len(outputs) if grads is None else _as_tuple(grads)


# ---- the public functions --------------------------------------------------------------------
def backward(
    tensors: Any,
    grad_tensors: Any = None,
    retain_graph: bool | None = None,
    create_graph: bool = False,
    inputs: Any = None,
) -> None:
    """Adds the gradients of `tensors` to the `.grad` of the leaves they depend on.

    Args:
        tensors: one or several tensors (or gradient edges).
        grad_tensors: the gradient at each of them; None for a scalar stands for one.
        retain_graph: keep the graph for another pass; by default, if `create_graph`.
        create_graph: record the computation itself, for derivatives of higher order.
        inputs: only these tensors get a gradient; by default, all leaves.

    Raises:
        RuntimeError: nothing requires gradients, a gradient is missing for a non-scalar or does
            not fit, or the graph was freed.
    """
    keep = create_graph if retain_graph is None else retain_graph
    outputs = _as_tuple(tensors)
    if inputs is not None:
        inputs = _as_tuple(inputs)
        if not inputs:
            raise RuntimeError("`inputs` argument to `backward()` cannot be empty.")
    roots = _roots(outputs, _grads_for(outputs, grad_tensors))
    if inputs is None:
        run_backward(roots, keep, create_graph)
        return
    targets: dict[Node, list[tuple[int, int]]] = {}
    for value in inputs:
        node, number = _edge_of(value)
        if node is UNREACHED:
            node = _Unreached()  # one that no graph leads to
        if node is None:
            raise RuntimeError("One of the differentiated Tensors does not require grad")
        if isinstance(value, Tensor):
            value.retain_grad()
        targets.setdefault(node, []).append((number, 0))
    run_backward(roots, keep, create_graph, targets)


def grad(
    outputs: Any,
    inputs: Any,
    grad_outputs: Any = None,
    retain_graph: bool | None = None,
    create_graph: bool = False,
    only_inputs: bool = True,
    allow_unused: bool | None = None,
    is_grads_batched: bool = False,
    materialize_grads: bool = False,
) -> tuple[Any, ...]:
    """The gradients of `outputs` with respect to `inputs`, without touching any `.grad`.

    Args:
        outputs, grad_outputs, retain_graph, create_graph: as for `backward`.
        inputs: tensors or gradient edges.
        allow_unused: give None for an input that the outputs do not depend on.
        is_grads_batched: `grad_outputs` have a first dim more, and so have the results.
        materialize_grads: give zeros instead of None.

    Raises:
        RuntimeError: as for `backward`, or an input is unused.
    """
    if not only_inputs:
        raise ValueError("only_inputs=False was removed; use backward() to fill every .grad")
    if materialize_grads and allow_unused is False:
        raise ValueError(
            "Expected allow_unused to be True or not passed when materialize_grads=True, but got: "
            "allow_unused=False."
        )
    allowed = materialize_grads if allow_unused is None else allow_unused
    given_outputs, given_inputs = _as_tuple(outputs), _as_tuple(inputs)
    if not given_inputs:
        raise RuntimeError("`inputs` argument to `grad()` cannot be empty.")
    firsts = _grads_for(given_outputs, grad_outputs)
    keep = create_graph if retain_graph is None else retain_graph
    if is_grads_batched:
        return _batched(given_outputs, given_inputs, firsts, keep, create_graph, allowed)
    found = _gradients(given_outputs, given_inputs, firsts, keep, create_graph, allowed)
    if materialize_grads:
        if any(
            value is None and isinstance(given, GradientEdge)
            for value, given in zip(found, given_inputs, strict=True)
        ):
            raise RuntimeError(
                "materialize_grads cannot be used when the given input is a GradientEdge"
            )
        return tuple(
            _zeros_like(given) if value is None else value
            for value, given in zip(found, given_inputs, strict=True)
        )
    return tuple(found)


def _zeros_like(tensor: Tensor) -> Tensor:
    if tensor.layout is not strided:
        return tensor.new_zeros(tensor.shape)
    zeros = empty(tensor.key.own, tensor.shape)
    write("fill", (zeros,), (), (0,))
    return zeros


def _gradients(
    outputs: tuple[Any, ...],
    inputs: tuple[Any, ...],
    firsts: tuple[Any, ...],
    keep: bool,
    create_graph: bool,
    allow_unused: bool,
) -> list[Tensor | None]:
    roots = _roots(outputs, firsts)
    targets: dict[Node, list[tuple[int, int]]] = {}
    for i, value in enumerate(inputs):
        node, number = _edge_of(value)
        if node is UNREACHED:
            node = _Unreached()  # one that no graph leads to
        if node is None:
            raise RuntimeError("One of the differentiated Tensors does not require grad")
        targets.setdefault(node, []).append((number, i))
    captured: list[Tensor | None] = [None] * len(inputs)
    run_backward(roots, keep, create_graph, targets, False, captured)
    if not allow_unused:
        for i, value in enumerate(captured):
            if value is None:
                raise RuntimeError(
                    f"The differentiated Tensor at index {i} appears to not have been used in the "
                    f"graph. Set allow_unused=True if this is the desired behavior."
                )
    return [_own(value) for value in captured]


def _own(value: Tensor | None) -> Tensor | None:
    """A gradient as the caller gets it: no view of what only the engine knew."""
    if value is None or value._base is None:
        return value
    own = alias(value, value._node)
    own._output_nr = value._output_nr
    return own


def _batched(
    outputs: tuple[Any, ...],
    inputs: tuple[Any, ...],
    firsts: tuple[Any, ...],
    keep: bool,
    create_graph: bool,
    allow_unused: bool,
) -> tuple[Any, ...]:
    sizes = {first.shape[0] for first in firsts if first is not None}
    if len(sizes) != 1:
        raise RuntimeError(
            f"is_grads_batched=True needs grad_outputs with one common batch size, got "
            f"{sorted(sizes)}"
        )
    size = sizes.pop()
    rows = []
    for i in range(size):
        picked = tuple(None if first is None else first[i] for first in firsts)
        last = i == size - 1
        rows.append(
            _gradients(outputs, inputs, picked, keep or not last, create_graph, allow_unused)
        )
    return tuple(None if column[0] is None else stack(column) for column in zip(*rows, strict=True))
