"""Tensors that a module owns: parameters, which are trained, and buffers, which are not."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import corex
from corex import Tensor
from corex.interop.objects import deep_copied

_FIELDS = ("storage_", "key", "shape", "_strides", "offset")


def _take_over(target: Tensor, source: Tensor) -> None:
    for field in _FIELDS:
        setattr(target, field, getattr(source, field))


def _alias(cls: type[Any], data: Tensor | None) -> Any:
    if data is None:
        data = corex.empty(0)
    if not isinstance(data, Tensor):
        raise TypeError(
            f"{cls.__name__} data must be a Tensor, got {type(data).__name__}; "
            "make one with corex.tensor(...)"
        )
    result = object.__new__(cls)
    _take_over(result, data)
    result._node = None
    return result


class Parameter(Tensor):
    """A tensor that is registered as a parameter when it is assigned to a module.

    It shares the memory of `data`, is a leaf, and requires gradients.

    Args:
        data: the values; an empty tensor if left out.
        requires_grad: whether gradients are computed for it.

    Raises:
        TypeError: `data` is not a tensor.
        RuntimeError: `requires_grad` for a dtype that has no gradients.
    """

    __slots__ = ()

    def __new__(cls, data: Tensor | None = None, requires_grad: bool = True) -> Parameter:
        result: Parameter = _alias(cls, data)
        if requires_grad:
            result.requires_grad_(True)
        return result

    def __repr__(self, **kwargs: Any) -> str:
        return "Parameter containing:\n" + super().__repr__(**kwargs)

    def __deepcopy__(self, memo: dict[int, Any]) -> Tensor:
        return deep_copied(self, memo, grad=False)


class Buffer(Tensor):
    """A tensor that is registered as a buffer when it is assigned to a module.

    Args:
        data: the values; an empty tensor if left out.
        persistent: whether it is part of the module's `state_dict`.
    """

    __slots__ = ()
    persistent: bool

    def __new__(cls, data: Tensor | None = None, *, persistent: bool = True) -> Buffer:
        result: Buffer = _alias(cls, data)
        result.persistent = persistent
        return result

    def __repr__(self, **kwargs: Any) -> str:
        return "Buffer containing:\n" + super().__repr__(**kwargs)


# ---- without a shape ---------------------------------------------------------------------------


class _Uninitialized:
    """A parameter or buffer that has a dtype and a device, and no shape until `materialize`."""

    __slots__ = ()
    cls_to_become: type[Any]

    def materialize(self, shape: Any, device: Any = None, dtype: Any = None) -> None:
        """Gives it a shape, and memory that is not initialised, and makes it an ordinary one."""
        plain: Any = self
        data = corex.empty(
            shape, device=plain.device if device is None else device, dtype=dtype or plain.dtype
        )
        self.__class__ = self.cls_to_become
        plain.data = data

    def convert(self, function: Callable[[Tensor], Tensor]) -> None:
        """Takes the dtype and the device that a function gives to an empty tensor."""
        plain: Any = self
        with corex.no_grad():
            plain.data = function(Tensor.detach(plain))

    def __repr__(self, **kwargs: Any) -> str:
        return f"<{type(self).__name__}>"


def is_lazy(value: Any) -> bool:
    """Whether it is a parameter or buffer without a shape."""
    return isinstance(value, _Uninitialized)


class UninitializedParameter(_Uninitialized, Parameter):
    """A parameter whose shape is not known yet; see `LazyModuleMixin`.

    Args:
        requires_grad: whether gradients are computed for it.
        device: where it will be made.
        dtype: its element type.
    """

    __slots__ = ()
    cls_to_become = Parameter

    def __new__(
        cls, requires_grad: bool = True, device: Any = None, dtype: Any = None
    ) -> UninitializedParameter:
        data = corex.empty(0, device=device, dtype=dtype)
        return Parameter.__new__(cls, data, requires_grad)  # type: ignore[return-value]


class UninitializedBuffer(_Uninitialized, Buffer):
    """A buffer whose shape is not known yet; see `LazyModuleMixin`.

    Args:
        requires_grad: whether gradients are computed for it.
        device: where it will be made.
        dtype: its element type.
        persistent: whether it is part of the module's `state_dict`.
    """

    __slots__ = ()
    cls_to_become = Buffer

    def __new__(
        cls,
        requires_grad: bool = False,
        device: Any = None,
        dtype: Any = None,
        persistent: bool = True,
    ) -> UninitializedBuffer:
        data = corex.empty(0, device=device, dtype=dtype)
        result: Any = Buffer.__new__(cls, data, persistent=persistent)
        if requires_grad:
            result.requires_grad_(True)
        return result  # type: ignore[no-any-return]
