"""Distances between rows."""

from __future__ import annotations

from corex import Tensor
from corex.nn import functional
from corex.nn.modules.module import Module


class PairwiseDistance(Module):
    """The p-norm of differences.

    Args:
        p: the exponent.
        eps: added to differences.
        keepdim: keep the last dim, with size 1.
    """

    def __init__(self, p: float = 2.0, eps: float = 1e-6, keepdim: bool = False) -> None:
        super().__init__()
        self.norm = p
        self.eps = eps
        self.keepdim = keepdim

    def forward(self, x1: Tensor, x2: Tensor) -> Tensor:
        """Two of (N, D) or (D,) -> (N,) or a scalar."""
        return functional.pairwise_distance(x1, x2, self.norm, self.eps, self.keepdim)


class CosineSimilarity(Module):
    """The cosine of the angle between vectors along `dim`.

    Args:
        dim: along which dim they lie.
        eps: the least norm.
    """

    def __init__(self, dim: int = 1, eps: float = 1e-8) -> None:
        super().__init__()
        self.dim = dim
        self.eps = eps

    def forward(self, x1: Tensor, x2: Tensor) -> Tensor:
        """Two tensors that broadcast -> their shape without `dim`."""
        return functional.cosine_similarity(x1, x2, self.dim, self.eps)
