"""Python functions over the elements of tensors, one by one: PyTorch's oldest methods."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from corex.ops.create.data import tensor as from_data
from corex.ops.promotion import require_tensor
from corex.ops.shape.views import expand, reshape
from corex.tensor.tensor import Tensor

_PYTHON: dict[str, Callable[[Any], Any]] = {"b": bool, "u": int, "i": int, "f": float, "c": complex}


def _written(name: str, self: Tensor, function: Callable[..., Any], *others: Tensor) -> Tensor:
    """The tensor with what a function gives for its elements, and others that broadcast to it.

    Raises:
        RuntimeError: the tensor requires gradients. TypeError: no function, one that gives no
            number, or tensors of another dtype.
    """
    if self._node is not None:
        raise RuntimeError(
            f"Can't call {name}() on Variable that requires grad. Use "
            f"var.detach().{name}() instead."
        )
    if not callable(function):
        raise TypeError(f"'{type(function).__name__}' object is not callable")
    for other in others:
        if require_tensor(name, other, "other").key.own is not self.key.own:
            raise TypeError(
                f"{name}: expected {self.type_name()} for 'other' (got {other.type_name()})"
            )
    operands = [expand(t, self.shape).detach().reshape(-1).tolist() for t in (self, *others)]
    number = _PYTHON[self.key.dtype.kind]
    values = [function(*elements) for elements in zip(*operands, strict=True)]
    if any([isinstance(value, str) for value in values]):
        raise TypeError("must be real number, not str")
    values = [number(value) for value in values]
    result = from_data(values, dtype=self.dtype, device=self.device, backend=self.backend)
    return self.copy_(reshape(result, self.shape))


def _apply(self: Tensor, callable: Callable[[Any], Any]) -> Tensor:
    """In place: what a function gives for each element; as slow as Python.

    Raises:
        RuntimeError: the tensor requires gradients. TypeError: the function gives no number.
    """
    return _written("apply_", self, callable)


def _map(self: Tensor, other: Tensor, callable: Callable[[Any, Any], Any]) -> Tensor:
    """In place: what a function gives for each element and one of another tensor, which broadcasts.

    Raises:
        RuntimeError: the tensor requires gradients. TypeError: the function gives no number, or
            the other tensor has another dtype or place.
    """
    return _written("map_", self, callable, other)


def _map2(self: Tensor, x: Tensor, y: Tensor, callable: Callable[[Any, Any, Any], Any]) -> Tensor:
    """As `map_` with two more tensors."""
    return _written("map2_", self, callable, x, y)


def install(tensor: type[Tensor]) -> None:
    """Sets the methods."""
    for name, method in (("apply_", _apply), ("map_", _map), ("map2_", _map2)):
        method.__name__, method.__qualname__ = name, f"Tensor.{name}"
        setattr(tensor, name, method)
