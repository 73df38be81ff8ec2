"""Noise while training: dropout that keeps mean and variance, or whole channels; random slopes."""

from __future__ import annotations

import corex
from corex import Tensor
from corex.errors import warn
from corex.ops.random.generator import Generator
from corex.ops.shape.views import contiguous

# What SELU tends to for very negative inputs: -alpha * scale.
_SATURATION = 1.7580993408473766


def dropout3d(
    input: Tensor, p: float = 0.5, training: bool = True, inplace: bool = False
) -> Tensor:
    """Zeroes whole channels of (N, C, D, H, W) or (C, D, H, W) with probability `p`.

    Raises:
        ValueError: `p` is no probability.
    """
    _check_probability(p)
    if input.dim() not in (4, 5):
        warn(
            f"dropout3d: Received a {input.dim()}-D input to dropout3d, which is deprecated and "
            f"will result in an error in a future release. To retain the behavior and silence "
            f"this warning, please use dropout instead."
        )
    if not training or p == 0.0:
        # One sample goes through a batch of one, also here: the result is a view of it.
        return input if inplace or input.dim() == 5 else input.unsqueeze(0).squeeze(0)
    kept = corex.dropout(input.new_ones(_features(input, 2 if input.dim() == 5 else 1)), p, True)
    return input.mul_(kept) if inplace else input * kept


def alpha_dropout(
    input: Tensor, p: float = 0.5, training: bool = False, inplace: bool = False
) -> Tensor:
    """Sets elements to SELU's saturation with probability `p`, and keeps mean and variance.

    Source: Klambauer et al., "Self-normalizing neural networks" (2017).

    Raises:
        ValueError: `p` is no probability.
    """
    _check_probability(p)
    return _alpha_dropout(input, tuple(input.shape), p, training, inplace)


def feature_alpha_dropout(
    input: Tensor, p: float = 0.5, training: bool = False, inplace: bool = False
) -> Tensor:
    """`alpha_dropout` of whole channels of (N, C, ...).

    Raises:
        ValueError: `p` is no probability. RuntimeError: fewer than two dims.
    """
    _check_probability(p)
    if training and p > 0 and input.numel() and input.dim() < 2:
        raise RuntimeError("Feature dropout requires at least 2 dimensions in the input")
    return _alpha_dropout(input, _features(input, 2), p, training, inplace)


def _alpha_dropout(
    input: Tensor, shape: tuple[int, ...], p: float, training: bool, inplace: bool
) -> Tensor:
    if not training or p == 0.0 or not input.numel():
        return input
    if p == 1.0:
        return input.mul_(0.0) if inplace else input * 0.0
    scale = 1.0 / ((_SATURATION**2 * p + 1.0) * (1.0 - p)) ** 0.5
    kept = (corex.rand(shape, dtype=input.dtype, device=input.device) >= p).to(input.dtype)
    shift = (kept - 1.0) * (_SATURATION * scale) + _SATURATION * scale * p
    kept = kept * scale
    return input.mul_(kept).add_(shift) if inplace else input * kept + shift


def _features(input: Tensor, lead: int) -> tuple[int, ...]:
    """One number for all that follows the leading dims."""
    return (*input.shape[:lead], *(1,) * (input.dim() - lead))


def _check_probability(p: float) -> None:
    if p < 0.0 or p > 1.0:
        raise ValueError(f"dropout probability has to be between 0 and 1, but got {p}")


def rrelu(
    input: Tensor,
    lower: float = 1.0 / 8,
    upper: float = 1.0 / 3,
    training: bool = False,
    inplace: bool = False,
) -> Tensor:
    """Leaky ReLU whose slopes are drawn from [lower, upper) while training, and else their mean.

    Source: Xu et al., "Empirical evaluation of rectified activations" (2015).

    Raises:
        RuntimeError: bounds that are no interval.
    """
    return sloped(input, lower, upper, training, inplace, None)


def sloped(
    input: Tensor,
    lower: float,
    upper: float,
    training: bool,
    inplace: bool,
    generator: Generator | None,
) -> Tensor:
    """`rrelu` by the numbers of a generator."""
    if not lower <= upper:
        raise RuntimeError(
            f"Lower bound should be less than or equal to the upper bound: {lower}, {upper}"
        )
    if not training:
        result = corex.leaky_relu(contiguous(input), (lower + upper) / 2)
    else:
        slopes = corex.rand(
            input.shape, generator=generator, dtype=input.dtype, device=input.device
        )
        slopes = slopes * (upper - lower) + lower
        result = contiguous(input) * corex.where(
            input.detach() <= 0, slopes, corex.ones_like(slopes)
        )
    return input.copy_(result) if inplace else result


def rrelu_(
    input: Tensor,
    lower: float = 1.0 / 8,
    upper: float = 1.0 / 3,
    training: bool = False,
    generator: Generator | None = None,
) -> Tensor:
    """`rrelu`, written over its input."""
    return sloped(input, lower, upper, training, True, generator)


def gumbel_softmax(
    logits: Tensor, tau: float = 1, hard: bool = False, eps: float = 1e-10, dim: int = -1
) -> Tensor:
    """A sample of the Gumbel-softmax distribution; `hard` ones are one-hot, with its gradient.

    Source: Jang, Gu, Poole, "Categorical reparameterization with Gumbel-softmax" (2017).
    """
    if eps != 1e-10:
        warn("`eps` parameter is deprecated and has no effect.")
    # 1 - rand is never 0, so the first logarithm is finite, and it is 0 with no gradient to lose.
    tiny = corex.finfo(logits.dtype).tiny
    waits = -corex.log1p(-corex.rand_like(logits.detach()))
    soft = corex.softmax((logits - corex.log(corex.clamp(waits, min=tiny))) / tau, dim)
    if not hard:
        return soft
    index = soft.detach().argmax(dim, keepdim=True)
    one_hot = corex.zeros_like(soft).scatter(dim, index, 1.0)
    return one_hot - soft.detach() + soft
