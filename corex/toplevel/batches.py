"""The steps of batch normalisation by themselves, as programs of several processes use them: each
computes the statistics of its part, gathers those of all, and normalises by them.

Source: Ioffe and Szegedy, "Batch normalization" (2015); variances are joined by Chan, Golub,
LeVeque, "Updating formulae and a pairwise algorithm for computing sample variances" (1979).
"""

from __future__ import annotations

import corex
from corex.dispatch.record import no_grad
from corex.tensor.tensor import Tensor


def _dims(input: Tensor) -> list[int]:
    return [d for d in range(input.ndim) if d != 1]


def _wide(values: Tensor, input: Tensor) -> Tensor:
    """One value for each channel, beside the input."""
    return values.reshape(1, -1, *[1] * (input.ndim - 2))


def batch_norm_stats(input: Tensor, eps: float) -> tuple[Tensor, Tensor]:
    """Mean and 1 / sqrt(variance + eps) of every channel."""
    var, mean = corex.var_mean(input, _dims(input), correction=0)
    return mean, (var + eps).rsqrt()


def batch_norm_update_stats(
    input: Tensor, running_mean: Tensor | None, running_var: Tensor | None, momentum: float
) -> tuple[Tensor, Tensor]:
    """Mean and (biased) variance of every channel, which also move the running ones."""
    var, mean = corex.var_mean(input, _dims(input), correction=0)
    count = input.numel() // max(mean.numel(), 1)
    _move(running_mean, mean, momentum)
    _move(running_var, var * (count / max(count - 1, 1)), momentum)
    return mean, var


def _move(running: Tensor | None, value: Tensor, momentum: float) -> None:
    if running is not None:
        with no_grad():
            running.mul_(1 - momentum).add_(value * momentum)


def batch_norm_elemt(
    input: Tensor,
    weight: Tensor | None,
    bias: Tensor | None,
    mean: Tensor,
    invstd: Tensor,
    eps: float,
) -> Tensor:
    """The input less the mean, times `invstd`, times weight plus bias."""
    scale = invstd if weight is None else invstd * weight
    result = (input - _wide(mean, input)) * _wide(scale, input)
    return result if bias is None else result + _wide(bias, input)


def batch_norm_gather_stats(
    input: Tensor,
    mean: Tensor,
    invstd: Tensor,
    running_mean: Tensor | None,
    running_var: Tensor | None,
    momentum: float,
    eps: float,
    count: int,
) -> tuple[Tensor, Tensor]:
    """Mean and 1 / sqrt(variance + eps) of all parts, (parts, channels), each of `count` values."""
    counts = mean.new_full((mean.shape[0],), count)
    return batch_norm_gather_stats_with_counts(
        input, mean, invstd, running_mean, running_var, momentum, eps, counts
    )


def batch_norm_gather_stats_with_counts(
    input: Tensor,
    mean: Tensor,
    invstd: Tensor,
    running_mean: Tensor | None,
    running_var: Tensor | None,
    momentum: float,
    eps: float,
    counts: Tensor,
) -> tuple[Tensor, Tensor]:
    """As `batch_norm_gather_stats`, of parts of different numbers of values."""
    weights = counts.reshape(-1, 1).to(mean.dtype)
    total = weights.sum()
    whole = (mean * weights).sum(0) / total
    squares = ((invstd**-2 - eps + (mean - whole) ** 2) * weights).sum(0)
    _move(running_mean, whole, momentum)
    _move(running_var, squares / (total - 1), momentum)
    return whole, (squares / total + eps).rsqrt()


def batch_norm_backward_reduce(
    grad_out: Tensor,
    input: Tensor,
    mean: Tensor,
    invstd: Tensor,
    weight: Tensor | None,
    input_g: bool,
    weight_g: bool,
    bias_g: bool,
) -> tuple[Tensor | None, Tensor | None, Tensor | None, Tensor | None]:
    """Of every channel the sums of gradients and of gradients times distances from the mean, and
    the gradients of weight and bias; None for what is not asked for."""
    dims = _dims(input)
    plain = grad_out.sum(dims)
    distances = (grad_out * (input - _wide(mean, input))).sum(dims)
    return (
        plain if input_g else None,
        distances if input_g else None,
        distances * invstd if weight_g else None,
        plain.clone() if bias_g else None,
    )


def batch_norm_backward_elemt(
    grad_out: Tensor,
    input: Tensor,
    mean: Tensor,
    invstd: Tensor,
    weight: Tensor | None,
    sum_dy: Tensor,
    sum_dy_xmu: Tensor,
    count: Tensor,
) -> Tensor:
    """The gradient of the input, from the sums over all parts and how many values these have."""
    share = 1 / count.sum().to(mean.dtype)
    scale = invstd if weight is None else invstd * weight
    along = _wide(invstd * invstd * sum_dy_xmu * share, input)
    centred = input - _wide(mean, input)
    return (grad_out - _wide(sum_dy * share, input) - centred * along) * _wide(scale, input)
