"""`Variable`, by which older programs say that a tensor takes part in graphs."""

from __future__ import annotations

from typing import Any

from corex.tensor.tensor import Tensor, alias


class _Kind(type):
    def __instancecheck__(cls, instance: object) -> bool:
        return isinstance(instance, Tensor)


class Variable(metaclass=_Kind):
    """`Variable(data, requires_grad=False)` is a tensor over the memory of `data`, a leaf.

    `volatile=True` is accepted, and means that it does not require gradients. Every tensor is an
    instance.

    Raises:
        TypeError: `data` is no tensor.
    """

    def __new__(  # type: ignore[misc]
        cls, data: Tensor, requires_grad: bool = False, volatile: Any = None
    ) -> Tensor:
        if not isinstance(data, Tensor):
            raise TypeError(f"Variable data has to be a tensor, but got {type(data).__name__}")
        return alias(data).requires_grad_(bool(requires_grad and not volatile))
