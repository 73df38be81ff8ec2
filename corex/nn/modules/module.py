"""The base class of all layers and networks."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any, TypeVar

import corex
from corex import Tensor
from corex.dtypes import DType, as_dtype
from corex.nn._hooks import HookTable, call_with_hooks
from corex.nn._registry import Registry
from corex.nn._state import StateMixin
from corex.nn._tree import TreeMixin
from corex.nn.parameter import (
    Buffer,
    Parameter,
    UninitializedBuffer,
    UninitializedParameter,
)
from corex.utils.hooks import RemovableHandle

T = TypeVar("T", bound="Module")

_TABLES = ("_parameters", "_buffers", "_modules")
_HOOK_TABLES = (
    "_forward_hooks",
    "_forward_hooks_with_kwargs",
    "_forward_pre_hooks",
    "_forward_pre_hooks_with_kwargs",
    "_backward_hooks",
    "_backward_pre_hooks",
    "_state_dict_hooks",
    "_state_dict_pre_hooks",
    "_load_state_dict_pre_hooks",
    "_load_state_dict_post_hooks",
)


def _type_name(value: object) -> str:
    if isinstance(value, Tensor) and type(value) is Tensor:
        return value.type_name()
    cls = type(value)
    prefix = "" if cls.__module__ == "builtins" else f"{cls.__module__}."
    return prefix + cls.__qualname__


def _indented(text: str) -> str:
    first, *rest = text.split("\n")
    return "\n".join([first, *("  " + line for line in rest)])


class Module(TreeMixin, StateMixin):
    """A tree of modules, with parameters and buffers at its nodes, and a function to call.

    Assigning a `Parameter`, a `Buffer` or a `Module` to an attribute registers it. Subclasses call
    `super().__init__()` first and implement `forward`.

    Attributes:
        training: whether the module is in training mode (dropout, batch norm).
    """

    training: bool
    _hooked = False
    _forward_hooks: HookTable
    _forward_hooks_with_kwargs: HookTable
    _forward_pre_hooks: HookTable
    _forward_pre_hooks_with_kwargs: HookTable
    _backward_hooks: HookTable
    _backward_pre_hooks: HookTable

    def __init__(self) -> None:
        fields = self.__dict__
        fields["training"] = True
        for table in _TABLES:
            fields[table] = Registry(self)
        fields["_non_persistent_buffers_set"] = set()
        for table in _HOOK_TABLES:
            fields[table] = HookTable()

    # ---- calling ---------------------------------------------------------------------------
    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        if self._hooked:
            return call_with_hooks(self, args, kwargs)
        if kwargs:
            return self.forward(*args, **kwargs)
        return self.forward(*args)

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        """The computation; every subclass has its own."""
        raise NotImplementedError(
            f'Module [{type(self).__name__}] is missing the required "forward" function'
        )

    def _add_hook(
        self,
        table: HookTable,
        hook: Callable[..., Any],
        prepend: bool,
        with_kwargs: HookTable | None = None,
    ) -> RemovableHandle:
        handle = RemovableHandle(table, () if with_kwargs is None else (with_kwargs,))
        table[handle.id] = hook
        if with_kwargs is not None:
            with_kwargs[handle.id] = hook
        if prepend:
            table.move_to_end(handle.id, last=False)
        self.__dict__["_hooked"] = True
        return handle

    def register_forward_pre_hook(
        self, hook: Callable[..., Any], *, prepend: bool = False, with_kwargs: bool = False
    ) -> RemovableHandle:
        """Calls `hook(module, args)` before `forward`; a result other than None replaces the
        arguments. With `with_kwargs`: `hook(module, args, kwargs)` -> (args, kwargs)."""
        extra = self._forward_pre_hooks_with_kwargs if with_kwargs else None
        return self._add_hook(self._forward_pre_hooks, hook, prepend, extra)

    def register_forward_hook(
        self, hook: Callable[..., Any], *, prepend: bool = False, with_kwargs: bool = False
    ) -> RemovableHandle:
        """Calls `hook(module, args, output)` after `forward`; a result other than None replaces
        the output. With `with_kwargs`: `hook(module, args, kwargs, output)`."""
        extra = self._forward_hooks_with_kwargs if with_kwargs else None
        return self._add_hook(self._forward_hooks, hook, prepend, extra)

    def register_full_backward_pre_hook(
        self, hook: Callable[..., Any], prepend: bool = False
    ) -> RemovableHandle:
        """Calls `hook(module, grad_output)` before the module's backward; it may replace them."""
        return self._add_hook(self._backward_pre_hooks, hook, prepend)

    def register_full_backward_hook(
        self, hook: Callable[..., Any], prepend: bool = False
    ) -> RemovableHandle:
        """Calls `hook(module, grad_input, grad_output)` when the gradients of the module's
        inputs are known; a result other than None replaces `grad_input`."""
        return self._add_hook(self._backward_hooks, hook, prepend)

    # ---- registering -----------------------------------------------------------------------
    def _check_name(self, kind: str, name: Any, table: dict[str, Any]) -> None:
        if not isinstance(name, str):
            raise TypeError(f"{kind} name should be a string. Got {_type_name(name)}")
        if "." in name:
            raise KeyError(f'{kind} name can\'t contain ".", got: "{name}"')
        if name == "":
            raise KeyError(f'{kind} name can\'t be empty string ""')
        if name not in table and hasattr(self, name):
            raise KeyError(f"attribute '{name}' already exists")

    def register_parameter(self, name: str, param: Parameter | None) -> None:
        """Adds a parameter; None reserves the name.

        Raises:
            TypeError: the name is no string or the value no Parameter.
            KeyError: the name is empty, has a dot, or is taken.
            ValueError: the parameter is the result of a computation.
        """
        if "_parameters" not in self.__dict__:
            raise AttributeError("cannot assign parameter before Module.__init__() call")
        self._check_name("parameter", name, self._parameters)
        if param is not None and not isinstance(param, Parameter):
            raise TypeError(
                f"cannot assign '{_type_name(param)}' object to parameter '{name}' "
                "(corex.nn.Parameter or None required)"
            )
        if param is not None and param.grad_fn is not None:
            raise ValueError(
                f"Cannot assign non-leaf Tensor to parameter '{name}'. Model parameters must be "
                f"created explicitly. To express '{name}' as a function of another Tensor, compute "
                "the value in the forward() method."
            )
        self._parameters[name] = param

    def register_buffer(self, name: str, tensor: Tensor | None, persistent: bool = True) -> None:
        """Adds a tensor that is moved and saved with the module, but not trained.

        Args:
            name: the attribute's name.
            tensor: the buffer; None reserves the name.
            persistent: whether it is part of `state_dict`.

        Raises:
            TypeError: the name is no string or the value no Tensor.
            KeyError: the name is empty, has a dot, or is taken.
        """
        if "_buffers" not in self.__dict__:
            raise AttributeError("cannot assign buffer before Module.__init__() call")
        self._check_name("buffer", name, self._buffers)
        if tensor is not None and not isinstance(tensor, Tensor):
            raise TypeError(
                f"cannot assign '{_type_name(tensor)}' object to buffer '{name}' "
                "(corex Tensor or None required)"
            )
        self._buffers[name] = tensor
        if persistent:
            self._non_persistent_buffers_set.discard(name)
        else:
            self._non_persistent_buffers_set.add(name)

    def add_module(self, name: str, module: Module | None) -> None:
        """Adds a child module.

        Raises:
            TypeError: the name is no string or the value no Module.
            KeyError: the name is empty, has a dot, or is taken.
        """
        if module is not None and not isinstance(module, Module):
            raise TypeError(f"{_type_name(module)} is not a Module subclass")
        self._check_name("module", name, self._modules)
        self._modules[name] = module

    def register_module(self, name: str, module: Module | None) -> None:
        """Another name of `add_module`."""
        self.add_module(name, module)

    # ---- attributes ------------------------------------------------------------------------
    def __setattr__(self, name: str, value: Any) -> None:
        fields = self.__dict__
        parameters = fields.get("_parameters")
        if isinstance(value, Parameter):
            if parameters is None:
                raise AttributeError("cannot assign parameters before Module.__init__() call")
            self._evict(name, "_parameters")
            self.register_parameter(name, value)
            return
        if parameters is not None and name in parameters:
            if value is not None:
                raise TypeError(
                    f"cannot assign '{_type_name(value)}' as parameter '{name}' "
                    "(corex.nn.Parameter or None expected)"
                )
            self.register_parameter(name, None)
            return
        modules = fields.get("_modules")
        if isinstance(value, Module):
            if modules is None:
                raise AttributeError("cannot assign module before Module.__init__() call")
            self._evict(name, "_modules")
            modules[name] = value
        elif modules is not None and name in modules:
            if value is not None:
                raise TypeError(
                    f"cannot assign '{_type_name(value)}' as child module '{name}' "
                    "(corex.nn.Module or None expected)"
                )
            modules[name] = None
        elif isinstance(value, Buffer) or name in fields.get("_buffers", ()):
            self._set_buffer(name, value)
        elif name in _TABLES and name in fields:
            entries = dict(value)
            fields[name].clear()
            fields[name] = Registry(self, entries)
        else:
            object.__setattr__(self, name, value)

    def _set_buffer(self, name: str, value: Any) -> None:
        if value is not None and not isinstance(value, Tensor):
            raise TypeError(
                f"cannot assign '{_type_name(value)}' as buffer '{name}' "
                "(corex.nn.Buffer, corex.Tensor or None expected)"
            )
        if isinstance(value, Buffer):
            self._evict(name, "_buffers")
            self.register_buffer(name, value, value.persistent)
        else:
            self._buffers[name] = value

    def _evict(self, name: str, keep: str) -> None:
        """Frees an attribute's name from everything but the table `keep`."""
        fields = self.__dict__
        for table in _TABLES:
            if table != keep and table in fields:
                fields[table].pop(name, None)
        self._non_persistent_buffers_set.discard(name)
        if name not in fields[keep]:
            fields.pop(name, None)

    def __getattr__(self, name: str) -> Any:
        # Only reached when the mirror in __dict__ has no such name.
        for table in _TABLES:
            entries = self.__dict__.get(table)
            if entries is not None and name in entries:
                return entries[name]
        raise AttributeError(f"'{type(self).__name__}' object has no attribute '{name}'")

    def __delattr__(self, name: str) -> None:
        for table in _TABLES:
            entries = self.__dict__.get(table)
            if entries is not None and name in entries:
                del entries[name]
                self._non_persistent_buffers_set.discard(name)
                return
        object.__delattr__(self, name)

    def __dir__(self) -> list[str]:
        return sorted(name for name in super().__dir__() if not name[:1].isdigit())

    def __getstate__(self) -> dict[str, Any]:
        state = self.__dict__.copy()
        for table in _TABLES:
            entries = state.get(table, {})
            for name in entries:
                state.pop(name, None)
            state[table] = dict(entries)
        return state

    def __setstate__(self, state: dict[str, Any]) -> None:
        fields = self.__dict__
        fields.update(state)
        for table in _TABLES:
            fields[table] = Registry(self, fields.get(table, {}))
        for table in _HOOK_TABLES:
            fields.setdefault(table, HookTable())

    # ---- changing everything at once -------------------------------------------------------
    def apply(self: T, fn: Callable[[Module], Any]) -> T:
        """Calls `fn` on every module of the tree, children first; returns the module."""
        for module in self.children():
            module.apply(fn)
        fn(self)
        return self

    def _apply(self: T, fn: Callable[[Tensor], Tensor], recurse: bool = True) -> T:
        """Replaces the memory of parameters, their gradients and buffers by `fn` of it."""
        if recurse:
            for module in self.children():
                module._apply(fn)
        with corex.no_grad():
            for parameter in self._parameters.values():
                if parameter is None:
                    continue
                if isinstance(parameter, UninitializedParameter):
                    parameter.convert(fn)
                    continue
                grad = parameter.grad
                new = fn(parameter)
                if new is not parameter:
                    parameter.grad = None
                    parameter.data = new
                    if grad is not None:
                        parameter.grad = fn(grad).detach()
            for name, buffer in list(self._buffers.items()):
                if isinstance(buffer, UninitializedBuffer):
                    buffer.convert(fn)
                elif buffer is not None:
                    self._buffers[name] = fn(buffer)
        return self

    def to(self: T, *args: Any, **kwargs: Any) -> T:
        """Moves and converts parameters and buffers in place; returns the module.

        `to(device)`, `to(dtype)`, `to(device, dtype)`, `to(tensor)`, `to(backend=name)`. A dtype
        applies to floating-point tensors only.

        Raises:
            TypeError: the dtype is not a floating-point one.
        """
        dtype = kwargs.pop("dtype", None)
        where = dict(kwargs)
        for arg in args:
            if isinstance(arg, DType | type):
                dtype = arg
            elif isinstance(arg, Tensor):
                dtype = arg.dtype
                where.setdefault("device", arg.device)
                where.setdefault("backend", arg.backend)
            elif arg is not None and not isinstance(arg, bool):
                where.setdefault("device", arg)
        dtype = None if dtype is None else as_dtype("to", dtype)
        if dtype is not None and not dtype.is_inexact:
            raise TypeError(
                "nn.Module.to only accepts floating point or complex dtypes, but got desired "
                f"dtype={dtype}"
            )

        def convert(tensor: Tensor) -> Tensor:
            wanted = dict(where)
            if dtype is not None and tensor.dtype.is_inexact:
                wanted["dtype"] = dtype
            return tensor.to(**wanted) if wanted else tensor

        # On nothing first, so that what cannot be done is an error before anything has moved.
        tensors = [*self.parameters(), *self.buffers()]
        for kind in {(t.dtype, t.device): t for t in tensors}.values():
            convert(kind.new_empty(0))
        return self._apply(convert)

    def type(self: T, dst_type: DType | str) -> T:
        """Converts all parameters and buffers, whatever their kind, to a dtype."""
        return self._apply(lambda tensor: tensor.type(dst_type))

    def float(self: T) -> T:
        """Converts floating-point parameters and buffers to float32."""
        return self.to(corex.float32)

    def double(self: T) -> T:
        """Converts floating-point parameters and buffers to float64."""
        return self.to(corex.float64)

    def half(self: T) -> T:
        """Converts floating-point parameters and buffers to float16."""
        return self.to(corex.float16)

    def bfloat16(self: T) -> T:
        """Converts floating-point parameters and buffers to bfloat16."""
        return self.to(corex.bfloat16)

    def cpu(self: T) -> T:
        """Moves parameters and buffers to the CPU."""
        return self.to(device="cpu")

    def cuda(self: T, device: int | None = None) -> T:
        """Moves parameters and buffers to a GPU."""
        return self.to(device="cuda" if device is None else f"cuda:{device}")

    def train(self: T, mode: bool = True) -> T:
        """Switches the whole tree to training mode (or evaluation mode); returns the module.

        Raises:
            ValueError: `mode` is not a bool.
        """
        if not isinstance(mode, bool):
            raise ValueError("training mode is expected to be boolean")
        self.training = mode
        for module in self.children():
            module.train(mode)
        return self

    def eval(self: T) -> T:
        """Switches the whole tree to evaluation mode; returns the module."""
        return self.train(False)

    def requires_grad_(self: T, requires_grad: bool = True) -> T:
        """Sets whether parameters are trained; returns the module."""
        for parameter in self.parameters():
            parameter.requires_grad_(requires_grad)
        return self

    def zero_grad(self, set_to_none: bool = True) -> None:
        """Drops the gradients of all parameters, or sets them to zero."""
        for parameter in self.parameters():
            grad = parameter.grad
            if grad is not None:
                if set_to_none:
                    parameter.grad = None
                else:
                    parameter.grad = corex.zeros_like(grad) if grad.requires_grad else grad.zero_()

    # ---- printing --------------------------------------------------------------------------
    def extra_repr(self) -> str:
        """What the module's line in `repr` says between the parentheses."""
        return ""

    def __repr__(self) -> str:
        extra = self.extra_repr()
        lines = extra.split("\n") if extra else []
        children = [f"({name}): {_indented(repr(m))}" for name, m in self._modules.items()]
        if len(lines) == 1 and not children:
            return f"{self._get_name()}({lines[0]})"
        body = "".join(f"\n  {line}" for line in itertools.chain(lines, children))
        return f"{self._get_name()}({body}{chr(10) if body else ''})"
