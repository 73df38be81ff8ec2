"""Losses with PyTorch's parameters of the functions in `torch`: the reduction is a number, 0 for
none (which it is unless told, other than in `nn.functional`), 1 for the mean, 2 for the sum."""

from __future__ import annotations

from typing import Any

import corex.nn.functional as F
from corex.ops.nn.loss import named_reduction
from corex.tensor.tensor import Tensor


def cosine_embedding_loss(
    input1: Tensor, input2: Tensor, target: Tensor, margin: float = 0.0, reduction: int = 0
) -> Tensor:
    """See `nn.functional.cosine_embedding_loss`."""
    result: Tensor = F.cosine_embedding_loss(
        input1, input2, target, margin, reduction=named_reduction(reduction)
    )
    return result


def ctc_loss(
    log_probs: Tensor,
    targets: Tensor,
    input_lengths: Any,
    target_lengths: Any,
    blank: int = 0,
    reduction: int = 0,
    zero_infinity: bool = False,
) -> Tensor:
    """See `nn.functional.ctc_loss`."""
    result: Tensor = F.ctc_loss(
        log_probs,
        targets,
        input_lengths,
        target_lengths,
        blank,
        named_reduction(reduction),
        zero_infinity,
    )
    return result


def hinge_embedding_loss(
    input: Tensor, target: Tensor, margin: float = 1.0, reduction: int = 0
) -> Tensor:
    """See `nn.functional.hinge_embedding_loss`."""
    result: Tensor = F.hinge_embedding_loss(
        input, target, margin, reduction=named_reduction(reduction)
    )
    return result


def margin_ranking_loss(
    input1: Tensor, input2: Tensor, target: Tensor, margin: float = 0.0, reduction: int = 0
) -> Tensor:
    """See `nn.functional.margin_ranking_loss`."""
    result: Tensor = F.margin_ranking_loss(
        input1, input2, target, margin, reduction=named_reduction(reduction)
    )
    return result


def poisson_nll_loss(
    input: Tensor, target: Tensor, log_input: bool, full: bool, eps: float, reduction: int
) -> Tensor:
    """See `nn.functional.poisson_nll_loss`."""
    result: Tensor = F.poisson_nll_loss(
        input, target, log_input, full, eps=eps, reduction=named_reduction(reduction)
    )
    return result


def triplet_margin_loss(
    anchor: Tensor,
    positive: Tensor,
    negative: Tensor,
    margin: float = 1.0,
    p: float = 2.0,
    eps: float = 1e-6,
    swap: bool = False,
    reduction: int = 0,
) -> Tensor:
    """See `nn.functional.triplet_margin_loss`."""
    result: Tensor = F.triplet_margin_loss(
        anchor, positive, negative, margin, p, eps, swap, reduction=named_reduction(reduction)
    )
    return result
