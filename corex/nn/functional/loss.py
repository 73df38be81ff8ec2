"""Losses. `reduction` is 'none', 'mean' or 'sum' throughout."""

from __future__ import annotations

import corex
from corex import Tensor
from corex.errors import warn
from corex.ops.nn.classification import cross_entropy as _cross_entropy
from corex.ops.nn.loss import divergence, logits_loss, reduced
from corex.ops.promotion import require_tensor


def legacy_reduction(size_average: bool | None, reduce: bool | None, reduction: str) -> str:
    """The reduction that PyTorch's two deprecated flags ask for."""
    if size_average is None and reduce is None:
        return reduction
    size_average = size_average is None or size_average
    result = "none" if reduce is not None and not reduce else "mean" if size_average else "sum"
    warn(
        "size_average and reduce args will be deprecated, please use "
        f"reduction='{result}' instead.",
    )
    return result


def mse_loss(
    input: Tensor,
    target: Tensor,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
    weight: Tensor | None = None,
) -> Tensor:
    """`(input - target)²`, times weights by whose sum the mean then divides.

    Raises:
        ValueError: weights of another shape.
    """
    if size_average is not None or reduce is not None:
        reduction = legacy_reduction(size_average, reduce, reduction)
    if weight is not None:
        for name, t in (("input", input), ("target", target), ("weight", weight)):
            require_tensor("mse_loss", t, name)
        return _weighted((input - target) ** 2, input, weight, reduction)
    return corex.mse_loss(input, target, reduction)


def _weighted(loss: Tensor, input: Tensor, weight: Tensor, reduction: str) -> Tensor:
    """
    Raises:
        ValueError: weights of another shape, or an unknown reduction.
    """
    if weight.shape != input.shape:
        raise ValueError("Weights and input must have the same size.")
    loss = loss * weight
    if reduction == "mean":
        return loss.sum() / weight.sum()
    return reduced(loss, reduction)


def l1_loss(
    input: Tensor,
    target: Tensor,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
    weight: Tensor | None = None,
) -> Tensor:
    """`|input - target|`, times weights by whose sum the mean then divides.

    Raises:
        ValueError: weights of another shape.
    """
    reduction = legacy_reduction(size_average, reduce, reduction)
    if weight is not None:
        return _weighted((input - target).abs(), input, weight, reduction)
    return corex.l1_loss(input, target, reduction)


def smooth_l1_loss(
    input: Tensor,
    target: Tensor,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
    beta: float = 1.0,
) -> Tensor:
    """Quadratic within `beta` of the target, linear beyond, with slope 1.

    Raises:
        RuntimeError: `beta` is negative.
    """
    if beta < 0:
        raise RuntimeError("smooth_l1_loss does not support negative values for beta.")
    reduction = legacy_reduction(size_average, reduce, reduction)
    return corex.smooth_l1_loss(input, target, reduction, beta)


def huber_loss(
    input: Tensor,
    target: Tensor,
    reduction: str = "mean",
    delta: float = 1.0,
    weight: Tensor | None = None,
) -> Tensor:
    """Quadratic within `delta` of the target, linear beyond, with slope `delta`.

    Raises:
        RuntimeError: `delta` is not positive.
    """
    if delta <= 0:
        raise RuntimeError("huber_loss does not support non-positive values for delta.")
    if weight is None:
        return corex.huber_loss(input, target, reduction, delta)
    return reduced(corex.huber_loss(input, target, "none", delta) * weight, reduction)


def nll_loss(
    input: Tensor,
    target: Tensor,
    weight: Tensor | None = None,
    size_average: bool | None = None,
    ignore_index: int = -100,
    reduce: bool | None = None,
    reduction: str = "mean",
) -> Tensor:
    """`-weight[target] * input[target]` of log-probabilities (N, C, ...)."""
    reduction = legacy_reduction(size_average, reduce, reduction)
    return corex.nll_loss(input, target, weight, ignore_index, reduction)


def cross_entropy(
    input: Tensor,
    target: Tensor,
    weight: Tensor | None = None,
    size_average: bool | None = None,
    ignore_index: int = -100,
    reduce: bool | None = None,
    reduction: str = "mean",
    label_smoothing: float = 0.0,
) -> Tensor:
    """`nll_loss(log_softmax(input))`; the target holds class numbers or probabilities."""
    reduction = legacy_reduction(size_average, reduce, reduction)
    return _cross_entropy(
        input,
        target,
        weight,
        ignore_index=ignore_index,
        reduction=reduction,
        label_smoothing=label_smoothing,
    )


def binary_cross_entropy(
    input: Tensor,
    target: Tensor,
    weight: Tensor | None = None,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
) -> Tensor:
    """`-(t log p + (1 - t) log(1 - p))` of probabilities; logarithms are kept above -100.

    Raises:
        ValueError: input and target differ in size.
        RuntimeError: inputs outside [0, 1].
    """
    reduction = legacy_reduction(size_average, reduce, reduction)
    return corex.binary_cross_entropy(input, target, weight, reduction)


def binary_cross_entropy_with_logits(
    input: Tensor,
    target: Tensor,
    weight: Tensor | None = None,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
    pos_weight: Tensor | None = None,
) -> Tensor:
    """`binary_cross_entropy(sigmoid(input), target)`, without overflow.

    Raises:
        ValueError: input and target differ in size.
    """
    reduction = legacy_reduction(size_average, reduce, reduction)
    return logits_loss(input, target, weight, reduction, pos_weight)


def kl_div(
    input: Tensor,
    target: Tensor,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
    log_target: bool = False,
) -> Tensor:
    """`t (log t - input)` of log-probabilities; 'batchmean' divides the sum by the batch size."""
    asked, reduction = reduction, legacy_reduction(size_average, reduce, reduction)
    loss = divergence(input, target, reduction, log_target)
    # As in PyTorch, what the deprecated flags choose is divided, too.
    return loss / input.shape[0] if asked == "batchmean" != reduction and input.dim() else loss


def soft_margin_loss(
    input: Tensor,
    target: Tensor,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
) -> Tensor:
    """`log(1 + exp(-target * input))`."""
    return corex.soft_margin_loss(input, target, legacy_reduction(size_average, reduce, reduction))


def poisson_nll_loss(
    input: Tensor,
    target: Tensor,
    log_input: bool = True,
    full: bool = False,
    size_average: bool | None = None,
    eps: float = 1e-8,
    reduce: bool | None = None,
    reduction: str = "mean",
) -> Tensor:
    """The negative log likelihood of counts under a Poisson distribution."""
    reduction = legacy_reduction(size_average, reduce, reduction)
    if log_input:
        loss = corex.exp(input) - target * input
    else:
        loss = input - target * corex.log(input + eps)
    if full:
        stirling = target * corex.log(target) - target
        stirling = stirling + 0.5 * corex.log(6.283185307179586 * target)
        loss = loss + stirling.masked_fill(target <= 1, 0.0)
    return reduced(loss, reduction)


def margin_ranking_loss(
    input1: Tensor,
    input2: Tensor,
    target: Tensor,
    margin: float = 0,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
) -> Tensor:
    """`max(0, -target * (input1 - input2) + margin)`.

    Raises:
        RuntimeError: tensors of another number of dims.
    """
    reduction = legacy_reduction(size_average, reduce, reduction)
    if not input1.dim() == input2.dim() == target.dim():
        raise RuntimeError(
            f"margin_ranking_loss: All input tensors should have same dimension but got sizes: "
            f"input1: {list(input1.shape)}, input2: {list(input2.shape)}, "
            f"target: {list(target.shape)}"
        )
    return reduced(corex.clamp(-target * (input1 - input2) + margin, min=0.0), reduction)


def hinge_embedding_loss(
    input: Tensor,
    target: Tensor,
    margin: float = 1.0,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
) -> Tensor:
    """`input` where the target is 1, `max(0, margin - input)` where it is -1."""
    reduction = legacy_reduction(size_average, reduce, reduction)
    zero = corex.zeros_like(input)
    loss = corex.where(target != 1, corex.clamp(margin - input, min=0.0), zero) + corex.where(
        target != -1, input, zero
    )
    return reduced(loss, reduction)
