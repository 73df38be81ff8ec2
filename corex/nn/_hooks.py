"""What `Module.__call__` does when hooks are registered."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from typing import Any

from corex import Tensor
from corex.autograd import Function


class HookTable(OrderedDict[int, Callable[..., Any]]):
    """Hooks by handle id; unlike a plain dict it can be referenced weakly."""


class _BackwardPoint(Function):
    """The identity on several tensors; tells `watch` about their gradients, all at once."""

    @staticmethod
    def forward(ctx: Any, watch: Callable[..., Any], *tensors: Tensor) -> tuple[Tensor, ...]:
        """Returns views of the tensors."""
        ctx.watch = watch
        return tuple(tensor.view_as(tensor) for tensor in tensors)

    @staticmethod
    def backward(ctx: Any, *grads: Tensor | None) -> tuple[Any, ...]:
        """Passes the gradients on, unless `watch` gives others."""
        replaced = ctx.watch(grads)
        return (None, *(grads if replaced is None else replaced))


def _as_tuple(value: Any) -> tuple[Any, ...]:
    return value if isinstance(value, tuple) else (value,)


def _wrap(values: tuple[Any, ...], watch: Callable[..., Any]) -> tuple[tuple[Any, ...], bool]:
    """Puts one backward point behind all tensors that require gradients."""
    places = [i for i, v in enumerate(values) if isinstance(v, Tensor) and v.requires_grad]
    if not places:
        return values, False

    def spread(grads: tuple[Any, ...]) -> tuple[Any, ...] | None:
        full: list[Any] = [None] * len(values)
        for i, grad in zip(places, grads, strict=True):
            full[i] = grad
        replaced = watch(tuple(full))
        return None if replaced is None else tuple(replaced[i] for i in places)

    wrapped = list(values)
    for i, tensor in zip(
        places, _as_tuple(_BackwardPoint.apply(spread, *(values[i] for i in places))), strict=True
    ):
        wrapped[i] = tensor
    return tuple(wrapped), True


class BackwardHooks:
    """Runs a module's full backward hooks for one call of the module."""

    def __init__(self, module: Any) -> None:
        self.module = module
        self.pre = list(module._backward_pre_hooks.values())
        self.post = list(module._backward_hooks.values())
        self.grad_output: tuple[Any, ...] | None = None
        self.inputs = 0
        self.input_watched = False

    def around_inputs(self, args: tuple[Any, ...]) -> tuple[Any, ...]:
        """The arguments to run `forward` with."""
        self.inputs = len(args)
        wrapped, self.input_watched = _wrap(args, self._on_grad_input)
        return wrapped

    def around_outputs(self, result: Any) -> Any:
        """The result to give to the caller."""
        if not isinstance(result, tuple | Tensor):
            return result
        wrapped, _ = _wrap(_as_tuple(result), self._on_grad_output)
        return wrapped if isinstance(result, tuple) else wrapped[0]

    def _on_grad_output(self, grads: tuple[Any, ...]) -> tuple[Any, ...] | None:
        for hook in self.pre:
            replaced = hook(self.module, grads)
            if replaced is not None:
                grads = _as_tuple(replaced)
        self.grad_output = grads
        if not self.input_watched:
            self._run((None,) * self.inputs)
        return grads

    def _on_grad_input(self, grads: tuple[Any, ...]) -> tuple[Any, ...]:
        return self._run(grads)

    def _run(self, grads: tuple[Any, ...]) -> tuple[Any, ...]:
        for hook in self.post:
            replaced = hook(self.module, grads, self.grad_output)
            if replaced is not None:
                grads = _as_tuple(replaced)
        return grads


def call_with_hooks(module: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """`module.forward(*args, **kwargs)` with the registered hooks around it."""
    if not (
        module._forward_hooks
        or module._forward_pre_hooks
        or module._backward_hooks
        or module._backward_pre_hooks
    ):
        module.__dict__["_hooked"] = False  # the last one was removed
        return module.forward(*args, **kwargs)

    for key, hook in list(module._forward_pre_hooks.items()):
        if key in module._forward_pre_hooks_with_kwargs:
            replaced = hook(module, args, kwargs)
            if replaced is not None:
                if not (isinstance(replaced, tuple) and len(replaced) == 2):
                    raise RuntimeError(
                        "forward pre-hook must return None or a tuple of (new_args, new_kwargs), "
                        f"but got {replaced}."
                    )
                args, kwargs = replaced
        else:
            replaced = hook(module, args)
            if replaced is not None:
                args = _as_tuple(replaced)

    backward = None
    if module._backward_hooks or module._backward_pre_hooks:
        backward = BackwardHooks(module)
        args = backward.around_inputs(args)

    result = module.forward(*args, **kwargs)

    for key, hook in list(module._forward_hooks.items()):
        if key in module._forward_hooks_with_kwargs:
            replaced = hook(module, args, kwargs, result)
        else:
            replaced = hook(module, args, result)
        if replaced is not None:
            result = replaced
    return result if backward is None else backward.around_outputs(result)
