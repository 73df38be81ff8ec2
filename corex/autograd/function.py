"""Custom functions: operations with a backward of their own."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from functools import wraps
from typing import Any

from corex.autograd.context import FunctionCtx
from corex.autograd.grad_mode import no_grad
from corex.dispatch.bind import write
from corex.dispatch.resolve import empty
from corex.errors import warn
from corex.observe import events
from corex.ops.inplace import check_inplace, set_history
from corex.ops.shape.views import alias_view, detach
from corex.tensor.lineage import Made, register
from corex.tensor.modes import mode
from corex.tensor.node import UNREACHED, AccumulateGrad, Node
from corex.tensor.tensor import Tensor, alias

__all__ = ["Function", "FunctionCtx", "FunctionNode", "once_differentiable"]


class FunctionNode(Node):
    """The node of one call of a custom Function. Unknown attributes are looked up on its `ctx`."""

    runs_without_gradient = True
    foreign = True

    def __init__(self, function: type[Function], ctx: FunctionCtx, args: Sequence[Any]) -> None:
        self.function = function
        self.ctx = ctx
        self.label = f"{function.__name__}Backward"
        self.tensor_args = tuple(isinstance(a, Tensor) for a in args)
        tensors = [a for a in args if isinstance(a, Tensor)]
        self.edges = tuple((t._node, t._output_nr) for t in tensors)
        self.inputs = tuple((t.key.own, t.shape) for t in tensors)
        self.results: tuple[Any, ...] = ()

    def __getattr__(self, name: str) -> Any:
        if name == "ctx":
            raise AttributeError(name)
        return getattr(self.ctx, name)

    def apply(self, grad: Any) -> Sequence[Tensor | None]:
        """Calls backward and checks what it returns."""
        grads = list(grad) if isinstance(grad, list) else [grad] * len(self.results)
        if grad is None:
            grads = [None] * len(self.results)
        if self.ctx._materialize:
            for i, (value, result) in enumerate(zip(grads, self.results, strict=True)):
                if value is None and result is not None:
                    grads[i] = _zeros(*result)
        given = self.function._backward()(self.ctx, *grads)
        return self._checked(given if isinstance(given, tuple) else (given,))

    def release(self) -> None:
        self.ctx._release()

    def _checked(self, given: tuple[Any, ...]) -> list[Tensor | None]:
        count = len(self.tensor_args)
        if len(given) > count and all(value is None for value in given[count:]):
            given = given[:count]
        if len(given) != count:
            raise RuntimeError(
                f"function {self.label} returned an incorrect number of gradients "
                f"(expected {count}, got {len(given)})"
            )
        result: list[Tensor | None] = []
        for i, (value, is_tensor) in enumerate(zip(given, self.tensor_args, strict=True)):
            if not is_tensor:
                if value is not None:
                    raise RuntimeError(
                        f"function {self.label} returned a gradient different than None at "
                        f"position {i + 1}, but the corresponding forward input was not a Variable"
                    )
                continue
            if value is not None and not isinstance(value, Tensor):
                raise TypeError(
                    f"function {self.label} must return Tensors or None: expected Variable or None "
                    f"(got {type(value).__name__})"
                )
            index = len(result)
            needed = self.edges[index][0] is not None
            result.append(self._fitted(value, index) if value is not None and needed else None)
        return result

    def _fitted(self, value: Tensor, index: int) -> Tensor:
        key, shape = self.inputs[index]
        if value.shape != shape:
            if not _expands_to(shape, value.shape):
                raise RuntimeError(
                    f"Function {self.label} returned an invalid gradient at index {index} - got "
                    f"{list(value.shape)} but expected shape compatible with {list(shape)}"
                )
            value = value.sum_to_size(shape)
        if value.key.own is not key:
            if value.key.own.place is not key.place:
                raise RuntimeError(
                    f"Function {self.label} returned an invalid gradient at index {index} - "
                    f"expected device {key.place.device} but got {value.key.place.device} "
                    f"({key.place} and {value.key.place})"
                )
            value = value.to(key.dtype)
        return value


_VIEW = (
    "This view was created inside a custom Function (or because an input was returned as-is) and "
    "the autograd logic to handle view+inplace would override the custom backward associated with "
    "the custom Function, leading to incorrect gradients. This behavior is forbidden. You can fix "
    "this by cloning the output of the custom Function."
)


def _zeros(key: Any, shape: tuple[int, ...]) -> Tensor:
    result = empty(key, shape)
    write("fill", (result,), (), (0,))
    return result


def _expands_to(shape: tuple[int, ...], target: tuple[int, ...]) -> bool:
    if len(shape) > len(target):
        return False
    tail = target[len(target) - len(shape) :]
    return all(a in (1, b) for a, b in zip(shape, tail, strict=True))


class Function:
    """Base of custom functions; see PyTorch's `torch.autograd.Function`.

    A subclass gives static methods `forward(ctx, *args)` and `backward(ctx, *grad_outputs)`, or
    `forward(*args)`, `setup_context(ctx, inputs, output)` and `backward`. It is called by
    `Subclass.apply(*args)`.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        warn(
            f"{type(self)} should not be instantiated. Methods on autograd functions are all "
            f"static, so you should invoke them on the class itself. Instantiating an autograd "
            f"function will raise an error in a future version.",
            DeprecationWarning,
        )

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        raise RuntimeError(
            "Legacy autograd function with non-static forward method is deprecated. Please use "
            "new-style autograd function with static forward method, and call it with apply()."
        )

    @staticmethod
    def forward(*args: Any, **kwargs: Any) -> Any:
        """Computes the outputs; nothing in it is recorded."""
        raise NotImplementedError(
            "You must implement the forward function for custom autograd.Function."
        )

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: Any) -> Any:
        """Prepares `ctx` after a forward that does not take it."""
        raise NotImplementedError("setup_context is not implemented.")

    @staticmethod
    def backward(ctx: Any, *grad_outputs: Any) -> Any:
        """Computes one gradient (or None) per argument of forward."""
        raise NotImplementedError(
            "You must implement either the backward or vjp method for your custom "
            "autograd.Function to use it with backward mode AD."
        )

    vjp = backward

    @classmethod
    def _backward(cls) -> Callable[..., Any]:
        if cls.vjp is Function.vjp:
            return cls.backward
        if cls.backward is not Function.backward:
            raise RuntimeError(
                "Implementing both 'backward' and 'vjp' for a custom Function is not allowed. You "
                "should only implement one of them."
            )
        return cls.vjp

    @classmethod
    def apply(cls, *args: Any, **kwargs: Any) -> Any:
        """Runs forward, and records the call if an argument requires gradients."""
        separate = cls.setup_context is not Function.setup_context
        if separate:
            args = _bind(cls.forward, args, kwargs)
        elif kwargs:
            raise TypeError(f"{cls.__name__}.apply() takes no keyword arguments")
        ctx = FunctionCtx()
        ctx._label = f"{cls.__name__}Backward"
        ctx.needs_input_grad = tuple(isinstance(a, Tensor) and a._node is not None for a in args)
        node = None
        if mode.enabled and any(ctx.needs_input_grad):
            node = FunctionNode(cls, ctx, args)
        with no_grad():
            if separate:
                raw = cls.forward(*args)
                cls.setup_context(ctx, args, raw)
            else:
                raw = cls.forward(ctx, *args)
        raws = raw if isinstance(raw, tuple) else (raw,)
        outputs = _wrap(cls.__name__, ctx, node, args, raws)
        if node is not None:
            ctx._keep(_originals(raws, outputs), node)
            trace = events.forward_trace
            if trace is not None:
                node.forward_trace = trace()
        return outputs if isinstance(raw, tuple) else outputs[0]


def _bind(
    forward: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]
) -> tuple[Any, ...]:
    bound = inspect.signature(forward).bind(*args, **kwargs)
    bound.apply_defaults()
    return bound.args


def _among(value: Any, group: Sequence[Any]) -> bool:
    return any(value is other for other in group)


def _is_recorded(value: Tensor) -> bool:
    return value._node is not None and value._node is not UNREACHED


def _originals(raws: tuple[Any, ...], outputs: tuple[Any, ...]) -> tuple[Any, ...]:
    # What forward saved is what it returned, which is not what the caller gets if that was an
    # input: such a saved input is kept as the input it is.
    return tuple(raw if raw is output else None for raw, output in zip(raws, outputs, strict=True))


def _wrap(
    name: str,
    ctx: FunctionCtx,
    node: FunctionNode | None,
    args: tuple[Any, ...],
    raws: tuple[Any, ...],
) -> tuple[Any, ...]:
    """The outputs as the caller gets them, hung on the node."""
    outputs: list[Any] = []
    for value in ctx._dirty:
        if not _among(value, raws):
            raise RuntimeError(
                "Some elements marked as dirty during the forward method were not returned as "
                "output. The inputs that are modified inplace must all be outputs of the Function."
            )
    for i, value in enumerate(raws):
        if not isinstance(value, Tensor):
            outputs.append(value)
            continue
        is_input = _among(value, args)
        differentiable = (
            node is not None and not _among(value, ctx._constant) and value.key.dtype.is_inexact
        )
        if is_input and _among(value, ctx._dirty):
            value.storage_.version += 1
            if differentiable:
                assert node is not None
                _rebase(name, value, node, i, len(raws) == 1 and _first_tensor(args) is value)
            elif node is None and value._node is not None:
                value = detach(value)
        elif not differentiable:
            if is_input and node is None and value._node is None:
                with no_grad():
                    value = alias_view(value)
            elif is_input or _is_recorded(value):
                value = alias(value)
        else:
            if is_input or _is_recorded(value) or _among(value, outputs):
                value = alias(value)
            value._node = node
            value._output_nr = i
            made = Made(f"Output {i} of {name}Backward is a view", _VIEW)
            if value._base is not None:
                value._made = made
            else:
                for a in args:
                    if isinstance(a, Tensor) and a.storage_.buffer is value.storage_.buffer:
                        register(value, a, made)
                        break
        outputs.append(value)
    if node is not None:
        node.outputs = len(raws)
        node.results = tuple(
            (value.key.own, value.shape) if isinstance(value, Tensor) else None for value in outputs
        )
    return tuple(outputs)


def _first_tensor(args: tuple[Any, ...]) -> Tensor | None:
    return next((a for a in args if isinstance(a, Tensor)), None)


def _rebase(name: str, value: Tensor, node: FunctionNode, number: int, alone: bool) -> None:
    """Makes `node` the origin of an input that forward changed in place."""
    if type(value._node) is not AccumulateGrad:
        value._grad = None  # it was that of what is overwritten
    check_inplace(name, value, (value,))
    if value._base is not None and not alone:
        raise RuntimeError(
            f"{name}: a view can be marked as dirty only if it is the first tensor argument and "
            f"the only output"
        )
    set_history(value, node)
    value._output_nr = number


class _Once(Node):
    """The origin of gradients that cannot be differentiated."""

    label = "Error"
    edges = ()

    def apply(self, grad: Any) -> Sequence[Tensor | None]:
        raise RuntimeError(
            "trying to differentiate twice a function that was marked with @once_differentiable"
        )


def once_differentiable(backward: Callable[..., Any]) -> Callable[..., Any]:
    """Decorates a backward that is not differentiable: a second derivative is an error."""

    @wraps(backward)
    def wrapper(ctx: Any, *grads: Any) -> Any:
        with no_grad():
            outputs = backward(ctx, *grads)
        if not mode.enabled or not any(isinstance(g, Tensor) and g._node for g in grads):
            return outputs
        several = isinstance(outputs, tuple)
        node = _Once()
        found = tuple(
            alias(value, node) if isinstance(value, Tensor) else value
            for value in (outputs if several else (outputs,))
        )
        return found if several else found[0]

    return wrapper
