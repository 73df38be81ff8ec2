"""Normalisation over what one sample has: its channels' elements, or neighbouring channels."""

from __future__ import annotations

import corex
from corex import Tensor
from corex.layout import numel
from corex.ops.shape.views import shaped


def instance_norm(
    input: Tensor,
    running_mean: Tensor | None = None,
    running_var: Tensor | None = None,
    weight: Tensor | None = None,
    bias: Tensor | None = None,
    use_input_stats: bool = True,
    momentum: float = 0.1,
    eps: float = 1e-5,
) -> Tensor:
    """`batch_norm` of each sample by itself: mean 0 and variance 1 per sample and channel.

    The running statistics move towards the means of those of all samples.

    Source: Ulyanov, Vedaldi, Lempitsky, "Instance normalization" (2016).

    Raises:
        ValueError: one element per channel. RuntimeError: no statistics to use.
    """
    if use_input_stats and numel(input.shape[2:]) == 1:
        raise ValueError(
            f"Expected more than 1 spatial element when training, got input size "
            f"{list(input.shape)}"
        )
    if not use_input_stats and (running_mean is None or running_var is None):
        raise RuntimeError(
            "Expected running_mean and running_var to be defined when use_input_stats is false"
        )
    n, channels = input.shape[:2]
    rows = input.reshape((1, n * channels, *input.shape[2:]))
    given = (running_mean, running_var, weight, bias)
    mean, var, scale, shift = (None if t is None else t.repeat(n) for t in given)
    result = corex.batch_norm(rows, scale, shift, mean, var, use_input_stats, momentum, eps)
    if use_input_stats:
        for running, moved in ((running_mean, mean), (running_var, var)):
            if running is not None and moved is not None:
                with corex.no_grad():
                    running.copy_(moved.reshape((n, channels)).mean(0))
    return shaped(result, input.shape)


def local_response_norm(
    input: Tensor, size: int, alpha: float = 1e-4, beta: float = 0.75, k: float = 1.0
) -> Tensor:
    """`input / (k + alpha * mean of squares over `size` neighbouring channels) ** beta`.

    Source: Krizhevsky, Sutskever, Hinton, "ImageNet classification with deep convolutional neural
    networks" (2012).

    Raises:
        ValueError: fewer than three dims.
    """
    if input.dim() < 3:
        raise ValueError(
            f"Expected 3D or higher dimensionality input (got {input.dim()} dimensions)"
        )
    if not input.numel():
        return input
    n, channels, *rest = input.shape
    squares = (input * input).reshape((n, 1, channels, numel(tuple(rest))))
    squares = corex.pad(squares, (0, 0, size // 2, (size - 1) // 2))
    means = corex.avg_pool2d(squares, (size, 1), 1).reshape(input.shape)
    return input / (means * alpha + k) ** beta
