"""Tensors that a module owns: parameters, which are trained, and buffers, which are not."""

from __future__ import annotations

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
