"""Dropout (Srivastava et al., 2014)."""

from __future__ import annotations

from corex import Tensor
from corex.nn import functional
from corex.nn.modules.module import Module


class _DropoutNd(Module):
    """What all kinds of dropout share.

    Args:
        p: the probability of an element (or channel) to be zeroed.
        inplace: whether to overwrite the input.

    Raises:
        ValueError: `p` is no probability.
    """

    def __init__(self, p: float = 0.5, inplace: bool = False) -> None:
        super().__init__()
        if p < 0 or p > 1:
            raise ValueError(f"dropout probability has to be between 0 and 1, but got {p}")
        self.p = p
        self.inplace = inplace

    def extra_repr(self) -> str:
        """The probability."""
        return f"p={self.p}, inplace={self.inplace}"


class Dropout(_DropoutNd):
    """Zeroes elements while training and scales the rest, so that the expectation stays."""

    def forward(self, input: Tensor) -> Tensor:
        """The input's shape."""
        return functional.dropout(input, self.p, self.training, self.inplace)


class Dropout1d(_DropoutNd):
    """Zeroes whole channels of (N, C, L) while training."""

    def forward(self, input: Tensor) -> Tensor:
        """The input's shape."""
        return functional.dropout1d(input, self.p, self.training, self.inplace)


class Dropout2d(_DropoutNd):
    """Zeroes whole channels of (N, C, H, W) while training."""

    def forward(self, input: Tensor) -> Tensor:
        """The input's shape."""
        return functional.dropout2d(input, self.p, self.training, self.inplace)


class Dropout3d(_DropoutNd):
    """Zeroes whole channels of (N, C, D, H, W) while training."""

    def forward(self, input: Tensor) -> Tensor:
        """The input's shape."""
        return functional.dropout3d(input, self.p, self.training, self.inplace)


class AlphaDropout(_DropoutNd):
    """Sets elements to the lower limit of `selu` while training, so that mean and variance stay.

    Source: Klambauer et al., "Self-normalizing neural networks" (2017).
    """

    def forward(self, input: Tensor) -> Tensor:
        """The input's shape."""
        return functional.alpha_dropout(input, self.p, self.training)


class FeatureAlphaDropout(_DropoutNd):
    """`AlphaDropout` of whole channels."""

    def forward(self, input: Tensor) -> Tensor:
        """The input's shape."""
        return functional.feature_alpha_dropout(input, self.p, self.training)
