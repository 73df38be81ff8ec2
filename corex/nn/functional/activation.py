"""Activation functions. Those that are declared ops are only given PyTorch's signature here."""

from __future__ import annotations

from typing import Any

import corex
from corex import Tensor, ops

sigmoid = ops.sigmoid
tanh = ops.tanh
relu_ = ops.relu_
gelu = ops.gelu
softplus = ops.softplus


def _result(input: Tensor, output: Tensor, inplace: bool) -> Tensor:
    return input.copy_(output) if inplace else output


def relu(input: Tensor, inplace: bool = False) -> Tensor:
    """`max(input, 0)`."""
    return ops.relu_(input) if inplace else ops.relu(input)


def silu(input: Tensor, inplace: bool = False) -> Tensor:
    """`input * sigmoid(input)`."""
    return _result(input, ops.silu(input), inplace)


def mish(input: Tensor, inplace: bool = False) -> Tensor:
    """`input * tanh(softplus(input))`."""
    return _result(input, input * corex.tanh(ops.softplus(input)), inplace)


def elu(input: Tensor, alpha: float = 1.0, inplace: bool = False) -> Tensor:
    """`input` where positive, else `alpha * (exp(input) - 1)`."""
    return _result(input, ops.elu(input, alpha), inplace)


def leaky_relu(input: Tensor, negative_slope: float = 0.01, inplace: bool = False) -> Tensor:
    """`input` where positive, else `negative_slope * input`."""
    return _result(input, ops.leaky_relu(input, negative_slope), inplace)


_SELU_ALPHA = 1.6732632423543772848170429916717
_SELU_SCALE = 1.0507009873554804934193349852946


def selu(input: Tensor, inplace: bool = False) -> Tensor:
    """The self-normalising `scale * elu(input, alpha)` (Klambauer et al., 2017)."""
    return _result(input, _SELU_SCALE * ops.elu(input, _SELU_ALPHA), inplace)


def celu(input: Tensor, alpha: float = 1.0, inplace: bool = False) -> Tensor:
    """`input` where positive, else `alpha * (exp(input / alpha) - 1)`."""
    negative = alpha * corex.expm1(corex.clamp(input, max=0.0) / alpha)
    return _result(input, corex.where(input > 0, input, negative), inplace)


def hardtanh(
    input: Tensor, min_val: float = -1.0, max_val: float = 1.0, inplace: bool = False
) -> Tensor:
    """`input` kept within [min_val, max_val].

    Raises:
        ValueError: the interval is empty.
    """
    if min_val > max_val:
        raise ValueError("min_val cannot be greater than max_val")
    # Unlike clamp, the gradient is zero on the bounds themselves.
    inside = (input > min_val) & (input < max_val)
    bounds = corex.clamp(input.detach(), min_val, max_val)
    return _result(input, corex.where(inside, input, bounds), inplace)


def relu6(input: Tensor, inplace: bool = False) -> Tensor:
    """`min(max(input, 0), 6)`."""
    return hardtanh(input, 0.0, 6.0, inplace)


def hardsigmoid(input: Tensor, inplace: bool = False) -> Tensor:
    """`relu6(input + 3) / 6`."""
    return _result(input, hardtanh(input + 3.0, 0.0, 6.0) / 6.0, inplace)


def hardswish(input: Tensor, inplace: bool = False) -> Tensor:
    """`input * hardsigmoid(input)`."""
    return _result(input, input * hardtanh(input + 3.0, 0.0, 6.0) / 6.0, inplace)


def softsign(input: Tensor) -> Tensor:
    """`input / (1 + |input|)`."""
    return input / (1.0 + corex.abs(input))


def tanhshrink(input: Tensor) -> Tensor:
    """`input - tanh(input)`."""
    return input - corex.tanh(input)


def hardshrink(input: Tensor, lambd: float = 0.5) -> Tensor:
    """Zero within [-lambd, lambd], else `input`."""
    inside = (input >= -lambd) & (input <= lambd)
    return corex.where(inside, corex.zeros_like(input), input)


def softshrink(input: Tensor, lambd: float = 0.5) -> Tensor:
    """`input` moved by `lambd` towards zero, and zero within [-lambd, lambd].

    Raises:
        RuntimeError: `lambd` is negative.
    """
    if lambd < 0:
        raise RuntimeError(f"lambda must be greater or equal to 0, but found to be {lambd}")
    zero = corex.zeros_like(input)
    moved = corex.where(input > lambd, input - lambd, input + lambd)
    inside = (input >= -lambd) & (input <= lambd)
    return corex.where(inside, zero, moved)


def threshold(input: Tensor, threshold: float, value: float, inplace: bool = False) -> Tensor:
    """`input` where above the threshold, else `value`."""
    low = corex.full_like(input, value)
    # Written with <= so that NaN stays NaN.
    return _result(input, corex.where(input <= threshold, low, input), inplace)


def logsigmoid(input: Tensor) -> Tensor:
    """`log(sigmoid(input))`, without overflow."""
    size = corex.abs(input)
    return 0.5 * (input - size) - corex.log1p(corex.exp(-size))


def prelu(input: Tensor, weight: Tensor) -> Tensor:
    """`input` where positive, else `weight * input`; one weight, or one for each channel.

    Raises:
        RuntimeError: neither one weight nor as many as channels.
    """
    if weight.numel() != 1:
        channels = input.shape[1] if input.dim() > 1 else 1
        if weight.dim() != 1 or weight.shape[0] != channels:
            raise RuntimeError(
                "Mismatch of parameter numbers and input channel size. Found parameter numbers = "
                f"{weight.numel()} and channel size = {channels}."
            )
        weight = weight.reshape((1, -1) + (1,) * (input.dim() - 2))
    return corex.where(input > 0, input, weight * input)


def glu(input: Tensor, dim: int = -1) -> Tensor:
    """The first half of `input` along `dim`, gated by the sigmoid of the second.

    Raises:
        RuntimeError: the dimension cannot be halved.
    """
    if input.dim() == 0:
        raise RuntimeError("glu does not support 0-dimensional tensors")
    size = input.size(dim)
    if size % 2:
        raise RuntimeError(f"Halving dimension must be even, but dimension {dim} is size {size}")
    first, second = corex.chunk(input, 2, dim)
    return first * corex.sigmoid(second)


def softmax(
    input: Tensor, dim: int | None = None, _stacklevel: int = 3, dtype: Any = None
) -> Tensor:
    """Exponentials along `dim`, scaled to sum to 1."""
    input = input if dtype is None else input.to(dtype)
    return ops.softmax(input, _implicit_dim(input) if dim is None else dim)


def log_softmax(
    input: Tensor, dim: int | None = None, _stacklevel: int = 3, dtype: Any = None
) -> Tensor:
    """`log(softmax(input))`, without overflow."""
    input = input if dtype is None else input.to(dtype)
    return ops.log_softmax(input, _implicit_dim(input) if dim is None else dim)


def softmin(
    input: Tensor, dim: int | None = None, _stacklevel: int = 3, dtype: Any = None
) -> Tensor:
    """`softmax(-input)`."""
    return softmax(-input, dim, dtype=dtype)


def _implicit_dim(input: Tensor) -> int:
    # PyTorch's old habit, kept for its modules' dim=None.
    return 0 if input.dim() in (0, 1, 3) else 1


def normalize(input: Tensor, p: float = 2.0, dim: int = 1, eps: float = 1e-12) -> Tensor:
    """`input / max(norm(input, p, dim), eps)`."""
    size = _vector_norm(input, p, dim)
    return input / corex.clamp(size, min=eps)


def cosine_similarity(x1: Tensor, x2: Tensor, dim: int = 1, eps: float = 1e-8) -> Tensor:
    """The cosine of the angle between vectors along `dim`."""
    dot = (x1 * x2).sum(dim)
    size1 = corex.clamp(_vector_norm(x1, 2.0, dim), min=eps).squeeze(dim)
    size2 = corex.clamp(_vector_norm(x2, 2.0, dim), min=eps).squeeze(dim)
    return dot / (size1 * size2)


def _vector_norm(x: Tensor, p: float, dim: int) -> Tensor:
    if p == 2.0:
        return corex.sqrt((x * x).sum(dim, keepdim=True))
    if p == float("inf"):
        return corex.abs(x).amax(dim, keepdim=True)
    return (corex.abs(x) ** p).sum(dim, keepdim=True) ** (1.0 / p)


def dropout(input: Tensor, p: float = 0.5, training: bool = True, inplace: bool = False) -> Tensor:
    """Zeroes elements with probability `p` while training, and scales the rest by 1 / (1 - p).

    Raises:
        ValueError: `p` is no probability.
    """
    _check_probability(p)
    return _result(input, ops.dropout(input, p, training), inplace)


def _check_probability(p: float) -> None:
    if p < 0.0 or p > 1.0:
        raise ValueError(f"dropout probability has to be between 0 and 1, but got {p}")


def dropout2d(
    input: Tensor, p: float = 0.5, training: bool = True, inplace: bool = False
) -> Tensor:
    """Zeroes whole channels of (N, C, H, W) with probability `p` while training.

    Raises:
        ValueError: `p` is no probability.
    """
    _check_probability(p)
    return _result(input, _drop_channels(input, p, training, 2), inplace)


def dropout1d(
    input: Tensor, p: float = 0.5, training: bool = True, inplace: bool = False
) -> Tensor:
    """Zeroes whole channels of (N, C, L) or (C, L) with probability `p` while training.

    Raises:
        ValueError: `p` is no probability.
        RuntimeError: not two or three dimensions.
    """
    _check_probability(p)
    if input.dim() not in (2, 3):
        raise RuntimeError(
            f"dropout1d: Expected 2D or 3D input, but received a {input.dim()}D input."
        )
    channels = 1 if input.dim() == 2 else 2
    return _result(input, _drop_channels(input, p, training, channels), inplace)


def _drop_channels(input: Tensor, p: float, training: bool, channels: int) -> Tensor:
    if not training or p == 0.0:
        return input
    shape = (*input.shape[:channels], *(1,) * (input.dim() - channels))
    kept = ops.dropout(corex.ones(shape, dtype=input.dtype, device=input.device), p, True)
    return input * kept
