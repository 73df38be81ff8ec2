"""`tensor_split` along the dims that matrices and images have."""

from __future__ import annotations

from typing import Any

from corex.ops.registration import exported
from corex.ops.shape.parts import tensor_split
from corex.tensor.tensor import Tensor


@exported()
def hsplit(input: Tensor, indices_or_sections: Any) -> tuple[Tensor, ...]:
    """`tensor_split` of the second dim (of the first of a vector).

    Raises:
        RuntimeError: a 0-d tensor, or sections that do not divide the size.
    """
    return _split("hsplit", input, indices_or_sections, 0 if input.ndim == 1 else 1, 1)


@exported()
def vsplit(input: Tensor, indices_or_sections: Any) -> tuple[Tensor, ...]:
    """`tensor_split` of the first dim.

    Raises:
        RuntimeError: fewer than two dims, or sections that do not divide the size.
    """
    return _split("vsplit", input, indices_or_sections, 0, 2)


@exported()
def dsplit(input: Tensor, indices_or_sections: Any) -> tuple[Tensor, ...]:
    """`tensor_split` of the third dim.

    Raises:
        RuntimeError: fewer than three dims, or sections that do not divide the size.
    """
    return _split("dsplit", input, indices_or_sections, 2, 3)


def _split(op: str, input: Tensor, sections: Any, dim: int, least: int) -> tuple[Tensor, ...]:
    if input.ndim < least:
        raise RuntimeError(
            f"{op} requires a tensor with at least {least} dimension(s), but got a tensor with "
            f"{input.ndim} dimensions!"
        )
    if isinstance(sections, int) and (sections <= 0 or input.shape[dim] % sections):
        raise RuntimeError(
            f"{op} attempted to split along dimension {dim}, but the size of the dimension "
            f"{input.shape[dim]} is not divisible by the split_size {sections}!"
        )
    return tensor_split(input, sections, dim)
