"""Distances of vectors: row by row, and of all pairs of rows."""

from __future__ import annotations

import corex
from corex import Tensor


def pairwise_distance(
    x1: Tensor, x2: Tensor, p: float = 2.0, eps: float = 1e-6, keepdim: bool = False
) -> Tensor:
    """`norm(x1 - x2 + eps, p)` over the last dim, the other dims broadcast.

    Raises:
        RuntimeError: shapes that do not broadcast.
    """
    return corex.norm(x1 - x2 + eps, p, max(x1.dim(), x2.dim()) - 1, keepdim)


def pdist(input: Tensor, p: float = 2.0) -> Tensor:
    """Distances of all pairs of rows i < j of (N, M), in the order (0, 1), (0, 2), ..., (1, 2).

    Raises:
        RuntimeError: not two dims, integers, or a negative p.
    """
    if input.dim() != 2:
        raise RuntimeError(f"pdist only supports 2D tensors, got: {input.dim()}D")
    if not input.is_floating_point():
        raise RuntimeError("pdist only supports floating-point dtypes")
    if not p >= 0:
        raise RuntimeError("pdist only supports non-negative p values")
    rows = input.shape[0]
    first, second = corex.triu_indices(rows, rows, 1, device=input.device)
    differences = input.index_select(0, first) - input.index_select(0, second)
    return corex.norm(differences, p, 1) if input.shape[1] else differences.sum(1)
