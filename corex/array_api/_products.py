"""The products of matrices and vectors that the namespace and its `linalg` share."""

from __future__ import annotations

from collections.abc import Sequence

import corex
from corex.array_api._promotion import operands, require_array
from corex.tensor.tensor import Tensor

Pairs = int | tuple[Sequence[int], Sequence[int]]


def matmul(x1: Tensor, x2: Tensor, /) -> Tensor:
    """The matrix product."""
    return corex.matmul(*operands("matmul", x1, x2))


def matrix_transpose(x: Tensor, /) -> Tensor:
    """A view with the last two axes exchanged.

    Raises:
        ValueError: fewer than two axes.
    """
    if require_array("matrix_transpose", x).ndim < 2:
        raise ValueError(f"[matrix_transpose] at least two axes are needed, got {tuple(x.shape)}")
    return x.mT


def tensordot(x1: Tensor, x2: Tensor, /, *, axes: Pairs = 2) -> Tensor:
    """The sum of products over pairs of axes: the last of one with the first of the other, or those
    that two sequences name.
    """
    a, b = operands("tensordot", x1, x2)
    pairs = axes if isinstance(axes, int) else [list(each) for each in axes]
    return corex.tensordot(a, b, pairs)


def vecdot(x1: Tensor, x2: Tensor, /, *, axis: int = -1) -> Tensor:
    """The dot products along an axis, with the conjugate of the first.

    Raises:
        ValueError: axes of different sizes.
    """
    a, b = operands("vecdot", x1, x2)
    if a.shape[axis] != b.shape[axis]:
        raise ValueError(f"[vecdot] axis {axis} differs: {tuple(a.shape)} and {tuple(b.shape)}")
    if a.dtype.is_inexact:
        return corex.linalg.vecdot(a, b, dim=axis)
    return corex.sum(a * b, axis, dtype=a.dtype)


__all__ = ["matmul", "matrix_transpose", "tensordot", "vecdot"]
