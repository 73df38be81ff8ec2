"""Exact comparisons of integer tensors with numbers that their dtype does not hold.

Arithmetic wraps such a number around; a comparison must not: 300 is larger than every uint8. It is
replaced by one with a number that the dtype does hold, of which every element has the same answer.
"""

from __future__ import annotations

from typing import Any

from corex.ops.promotion import check_bits, limits
from corex.tensor.schema import REGISTRY, OpSchema
from corex.tensor.tensor import Tensor

_SWAPPED = {"lt": "gt", "gt": "lt", "le": "ge", "ge": "le", "eq": "eq", "ne": "ne"}
_TRUE_BELOW = ("lt", "le", "ne")
"""What holds for every element beside a number above them all."""
_TRUE_ABOVE = ("gt", "ge", "ne")


def exact(schema: OpSchema, operands: tuple[Any, ...]) -> tuple[OpSchema, tuple[Any, ...]]:
    """The op of family "compare" and the operands whose result is the exact one of these.

    Raises:
        OverflowError: an integer of more than 64 bits.
    """
    first, second = operands
    if isinstance(first, Tensor) is isinstance(second, Tensor):
        return schema, operands
    name = schema.name
    if name not in _SWAPPED:  # logical ops: a truth value cannot wrap around to zero
        return schema, tuple([o if isinstance(o, Tensor) else bool(o) for o in operands])
    if isinstance(first, Tensor):
        tensor, number = first, second
    else:
        tensor, number, name = second, first, _SWAPPED[name]
    dtype = tensor.key.dtype
    if not isinstance(number, int) or dtype.is_inexact:
        return schema, operands
    low, high = limits(dtype)
    if low <= number <= high:
        return schema, operands
    check_bits(number)
    holds = name in (_TRUE_BELOW if number > high else _TRUE_ABOVE)
    least = 0 if dtype.kind == "b" else low
    return REGISTRY["ge" if holds else "lt"], (tensor, least)
