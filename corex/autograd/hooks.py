"""Calling the hooks of nodes and tensors during backward."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from corex.errors import LayoutError
from corex.tensor.tensor import Tensor


def run_tensor_hooks(node: Any, grad: Any) -> Any:
    """Lets the hooks of a node's outputs see and replace their gradients; returns the new ones.

    Hooks that fill `.grad` of a non-leaf tensor come last, whenever they were registered.
    """
    cells = [cell[0] for cell in node.prehooks if cell]
    hooks = [entry for entry in cells if entry[0] is not None]
    if not hooks:
        return grad
    several = node.outputs > 1
    if several:
        grad = list(grad)
    for entry in sorted(hooks, key=len):
        number, hook = entry[0], entry[1]
        before = grad[number] if several else grad
        if before is None:
            continue
        after = hook(before)
        if after is None:
            continue
        _check(hook, before, after)
        if several:
            grad[number] = after
        else:
            grad = after
    return grad


def run_node_prehooks(node: Any, grad: Any) -> Any:
    """Lets a node's prehooks see and replace the gradients of all its outputs."""
    several = node.outputs > 1
    for entry in [cell[0] for cell in node.prehooks if cell]:
        if entry[0] is not None:
            continue
        given = tuple(grad) if several else (grad,)
        after = entry[1](given)
        if after is None:
            continue
        replaced = after if isinstance(after, tuple) else (after,)
        _check_count(entry[1], given, replaced)
        grad = list(replaced) if several else replaced[0]
    return grad


def run_posthooks(node: Any, grads: Sequence[Any], grad: Any) -> Sequence[Any]:
    """Lets a node's hooks see (grad_inputs, grad_outputs) and replace the former."""
    outputs = tuple(grad) if node.outputs > 1 else (grad,)
    for hook in [cell[0] for cell in node.posthooks]:
        after = hook(tuple(grads), outputs)
        if after is not None:
            replaced = after if isinstance(after, tuple) else (after,)
            _check_count(hook, tuple(grads), replaced)
            grads = replaced
    return grads


def _check_count(hook: Any, before: tuple[Any, ...], after: tuple[Any, ...]) -> None:
    if len(before) != len(after):
        raise RuntimeError(
            f"hook '{_name(hook)}' has returned an incorrect number of values "
            f"(got {len(after)}, but expected {len(before)})"
        )
    for old, new in zip(before, after, strict=True):
        if old is not None and new is not None:
            _check(hook, old, new)


def alike(a: Tensor, b: Tensor) -> bool | None:
    """Whether dtype and place are the same; None if one of both has no memory of its own."""
    try:
        return a.key.own is b.key.own
    except LayoutError:
        return None


def _check(hook: Any, before: Any, after: Any) -> None:
    if not isinstance(after, Tensor):
        raise TypeError(f"expected Variable, but hook returned '{type(after).__name__}'")
    if after.shape != before.shape:
        raise RuntimeError(f"hook '{_name(hook)}' has changed the size of value")
    same = alike(after, before)
    if not (after.dtype is before.dtype if same is None else same):
        raise RuntimeError(f"hook '{_name(hook)}' has changed the type of value")


def _name(hook: Any) -> str:
    return getattr(hook, "__name__", type(hook).__name__)
