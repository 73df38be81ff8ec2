"""Activations and dropout. Most are ops already; here is what only this namespace has."""

from __future__ import annotations

import corex
from corex import Tensor
from corex.dtypes import DType
from corex.ops.nn import softmax as _soft
from corex.ops.nn.activation import dropout as dropout

celu = corex.celu
cosine_similarity = corex.cosine_similarity
elu = corex.elu
gelu = corex.gelu
glu = corex.glu
hardshrink = corex.hardshrink
hardsigmoid = corex.hardsigmoid
hardswish = corex.hardswish
hardtanh = corex.hardtanh
leaky_relu = corex.leaky_relu
logsigmoid = corex.logsigmoid
mish = corex.mish
prelu = corex.prelu
relu6 = corex.relu6
selu = corex.selu
sigmoid = corex.sigmoid
silu = corex.silu
softmin = corex.softmin
softplus = corex.softplus
softshrink = corex.softshrink
softsign = corex.softsign
tanh = corex.tanh
tanhshrink = corex.tanhshrink
threshold = _threshold = corex.threshold


_relu = corex.relu


def relu(input: Tensor, inplace: bool = False) -> Tensor:
    """`max(input, 0)`."""
    return input.relu_() if inplace else _relu(input)


def relu_(input: Tensor) -> Tensor:
    """`relu`, written over its input."""
    return input.relu_()


# PyTorch's Python has a place for the depth of a warning, which nobody gives.
def softmax(
    input: Tensor, dim: int | None = None, _stacklevel: int = 3, dtype: DType | None = None
) -> Tensor:
    """See `corex.softmax`."""
    return _soft.softmax(input, dim, dtype)


def log_softmax(
    input: Tensor, dim: int | None = None, _stacklevel: int = 3, dtype: DType | None = None
) -> Tensor:
    """See `corex.log_softmax`."""
    return _soft.log_softmax(input, dim, dtype)


def normalize(input: Tensor, p: float = 2.0, dim: int = 1, eps: float = 1e-12) -> Tensor:
    """`input / max(norm(input, p, dim), eps)`."""
    return input / corex.clamp(corex.norm(input, p, dim, keepdim=True), min=eps)


def dropout2d(
    input: Tensor, p: float = 0.5, training: bool = True, inplace: bool = False
) -> Tensor:
    """Zeroes whole channels of (N, C, H, W) with probability `p` while training.

    Raises:
        ValueError: `p` is no probability.
    """
    return _drop_channels(input, p, training, inplace, 2)


def dropout1d(
    input: Tensor, p: float = 0.5, training: bool = True, inplace: bool = False
) -> Tensor:
    """Zeroes whole channels of (N, C, L) or (C, L) with probability `p` while training.

    Raises:
        ValueError: `p` is no probability.
        RuntimeError: not two or three dimensions.
    """
    if input.dim() not in (2, 3):
        raise RuntimeError(
            f"dropout1d: Expected 2D or 3D input, but received a {input.dim()}D input."
        )
    return _drop_channels(input, p, training, inplace, 1 if input.dim() == 2 else 2)


def _drop_channels(input: Tensor, p: float, training: bool, inplace: bool, channels: int) -> Tensor:
    shape = (*input.shape[:channels], *(1,) * (input.dim() - channels))
    kept = dropout(input.new_ones(shape), p, training)
    if not training or p == 0.0:
        return input
    return input.mul_(kept) if inplace else input * kept


# ---- written over the input ----------------------------------------------------------------------
def celu_(input: Tensor, alpha: float = 1.0) -> Tensor:
    """`celu`, written over its input."""
    return celu(input, alpha, True)


def elu_(input: Tensor, alpha: float = 1.0) -> Tensor:
    """`elu`, written over its input."""
    return elu(input, alpha, True)


def hardtanh_(input: Tensor, min_val: float = -1.0, max_val: float = 1.0) -> Tensor:
    """`hardtanh`, written over its input."""
    return hardtanh(input, min_val, max_val, True)


def leaky_relu_(input: Tensor, negative_slope: float = 0.01) -> Tensor:
    """`leaky_relu`, written over its input."""
    return leaky_relu(input, negative_slope, True)


def selu_(input: Tensor) -> Tensor:
    """`selu`, written over its input."""
    return selu(input, True)


def threshold_(input: Tensor, threshold: float, value: float) -> Tensor:
    """`threshold`, written over its input."""
    return _threshold(input, threshold, value, True)
