"""Losses that ask for a margin, between classes or between distances, and likelihoods."""

from __future__ import annotations

import math
from collections.abc import Callable

import corex
from corex import Tensor
from corex.nn.functional.distance import pairwise_distance
from corex.nn.functional.loss import legacy_reduction
from corex.ops.nn.loss import reduced
from corex.ops.promotion import require_kinds


def cosine_embedding_loss(
    input1: Tensor,
    input2: Tensor,
    target: Tensor,
    margin: float = 0,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
) -> Tensor:
    """`1 - cos` of rows whose target is 1, `max(0, cos - margin)` where it is -1.

    Raises:
        RuntimeError: not (N, D), (N, D), (N), or (D), (D), ().
    """
    reduction = legacy_reduction(size_average, reduce, reduction)
    dims = target.dim()
    if dims > 1:
        raise RuntimeError("0D or 1D target tensor expected, multi-target not supported")
    if input1.dim() != dims + 1 or input2.dim() != dims + 1:
        raise RuntimeError(
            f"{dims}D target tensor expects {dims + 1}D input tensors, but found inputs with sizes "
            f"{list(input1.shape)} and {list(input2.shape)}."
        )
    # The small number keeps the gradient of the length of zeros finite.
    first = (input1 * input1).sum(dims) + 1e-12
    second = (input2 * input2).sum(dims) + 1e-12
    cosine = (input1 * input2).sum(dims) / (first * second).sqrt()
    zero = corex.zeros_like(cosine)
    apart = corex.clamp(cosine - margin, min=0.0)
    loss = corex.where(target == 1, 1 - cosine, zero) + corex.where(target == -1, apart, zero)
    return reduced(loss, reduction)


def triplet_margin_loss(
    anchor: Tensor,
    positive: Tensor,
    negative: Tensor,
    margin: float = 1.0,
    p: float = 2,
    eps: float = 1e-6,
    swap: bool = False,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
) -> Tensor:
    """`max(0, margin + |anchor - positive| - |anchor - negative|)`, norms of the last dim.

    Source: Balntas et al., "Learning local feature descriptors with triplets and shallow
    convolutional neural networks" (2016); `swap` takes the negative's nearer partner.

    Raises:
        ValueError: the margin is not positive. RuntimeError: numbers of dims differ.
    """
    reduction = legacy_reduction(size_average, reduce, reduction)
    _check_triplet(anchor, positive, negative, margin)

    def distance(a: Tensor, b: Tensor) -> Tensor:
        return pairwise_distance(a, b, p, eps)

    return reduced(_triplet(anchor, positive, negative, distance, margin, swap), reduction)


def triplet_margin_with_distance_loss(
    anchor: Tensor,
    positive: Tensor,
    negative: Tensor,
    *,
    distance_function: Callable[[Tensor, Tensor], Tensor] | None = None,
    margin: float = 1.0,
    swap: bool = False,
    reduction: str = "mean",
) -> Tensor:
    """`triplet_margin_loss` with any distance; `pairwise_distance` by default.

    Raises:
        ValueError: the margin is not positive, an unknown reduction. RuntimeError: numbers of dims
            differ.
    """
    if reduction not in ("mean", "sum", "none"):
        raise ValueError(f"{reduction} is not a valid value for reduction")
    _check_triplet(anchor, positive, negative, margin)
    distance = pairwise_distance if distance_function is None else distance_function
    return reduced(_triplet(anchor, positive, negative, distance, margin, swap), reduction)


def _check_triplet(anchor: Tensor, positive: Tensor, negative: Tensor, margin: float) -> None:
    if margin <= 0:
        raise ValueError(f"margin must be greater than 0, got {margin}")
    if not anchor.dim() == positive.dim() == negative.dim():
        raise RuntimeError(
            f"The anchor, positive, and negative tensors are expected to have the same number of "
            f"dimensions, but got: anchor {anchor.dim()}D, positive {positive.dim()}D, and "
            f"negative {negative.dim()}D inputs"
        )


def _triplet(
    anchor: Tensor,
    positive: Tensor,
    negative: Tensor,
    distance: Callable[[Tensor, Tensor], Tensor],
    margin: float,
    swap: bool,
) -> Tensor:
    near, far = distance(anchor, positive), distance(anchor, negative)
    if swap:
        far = corex.minimum(far, distance(positive, negative))
    return corex.clamp(margin + near - far, min=0)


# ---- classes -------------------------------------------------------------------------------------
def multi_margin_loss(
    input: Tensor,
    target: Tensor,
    p: int = 1,
    margin: float = 1.0,
    weight: Tensor | None = None,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
) -> Tensor:
    """The mean over classes i of `max(0, margin - input[y] + input[i]) ** p`, without i = y.

    Input (N, C) and int64 target (N), or (C) and (); `weight` is the factor of class y.

    Raises:
        ValueError: p is neither 1 nor 2, or the weight has not one dim. RuntimeError: shapes, or a
            class out of range.
    """
    reduction = _checked_reduction(legacy_reduction(size_average, reduce, reduction))
    if p not in (1, 2):
        raise ValueError("only p == 1 and p == 2 supported")
    if weight is not None and weight.dim() != 1:
        raise ValueError("weight must be one-dimensional")
    rows = _as_rows(input, "multi_margin_loss")
    count, classes = rows.shape
    if target.dim() > 1 or target.numel() != count:
        raise RuntimeError(
            f"inconsistent target size, expected {count} but got {list(target.shape)}"
        )
    if weight is not None and weight.numel() != classes:
        raise RuntimeError(f"inconsistent weight size, expected {classes} but got {weight.shape}")
    require_kinds("multi_margin_loss", "f", input)
    if count and not bool(((target >= 0) & (target < classes)).all()):
        raise RuntimeError("target out of range")
    at = target.reshape((count, 1))
    gap = margin - rows.gather(1, at) + rows
    # At 0 no gradient flows, unlike through clamp.
    loss = corex.where(gap > 0, gap if p == 1 else gap * gap, corex.zeros_like(gap))
    if weight is not None:
        loss = loss * weight.index_select(0, at.reshape((count,))).unsqueeze(1)
    loss = loss.scatter(1, at, 0.0).sum(1) / classes
    return reduced(loss if target.dim() else loss.sum(), reduction)


def multilabel_margin_loss(
    input: Tensor,
    target: Tensor,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
) -> Tensor:
    """The sum of `max(0, 1 - input[y] + input[i])` over labels y and other classes i, over C.

    Input and int64 target (N, C) or (C); a row's labels are those in front of its first -1. The
    pairs of classes are all made: C times the memory of the input.

    Raises:
        RuntimeError: shapes differ, or a label out of range.
    """
    reduction = _checked_reduction(legacy_reduction(size_average, reduce, reduction))
    rows = _as_rows(input, "multilabel_margin_loss")
    if target.shape != input.shape and target.numel() != input.numel():
        raise RuntimeError(
            f"inconsistent target size: {list(target.shape)} for input of size: {list(input.shape)}"
        )
    require_kinds("multilabel_margin_loss", "f", input)
    labels = target.reshape(rows.shape)
    classes = rows.shape[1]
    if labels.numel() and not bool(((labels >= -1) & (labels < classes)).all()):
        raise RuntimeError("target out of range")
    given = (labels < 0).cumsum(1) == 0
    at = corex.where(given, labels, 0)
    is_label = corex.zeros_like(labels).scatter_add(1, at, given.long()) > 0
    gap = 1 - rows.gather(1, at).unsqueeze(2) + rows.unsqueeze(1)
    counted = given.unsqueeze(2) & is_label.logical_not().unsqueeze(1) & (gap > 0)
    loss = corex.where(counted, gap, corex.zeros_like(gap)).sum((1, 2)) / classes
    return reduced(loss if input.dim() == 2 else loss.sum(), reduction)


def _checked_reduction(reduction: str) -> str:
    """
    Raises:
        ValueError: another reduction than there are.
    """
    if reduction not in ("none", "mean", "sum"):
        raise ValueError(f"{reduction} is not a valid value for reduction")
    return reduction


def _as_rows(input: Tensor, op: str) -> Tensor:
    """(N, C) as it is; one sample as one row.

    Raises:
        RuntimeError: another number of dims, or no classes.
    """
    if input.dim() > 2 or (input.dim() and not input.shape[-1]):
        raise RuntimeError(
            f"[{op}] Expected non-empty vector or matrix with optional 0-dim batch size, but got: "
            f"{list(input.shape)}"
        )
    return input if input.dim() == 2 else input.reshape((1, input.numel()))


def multilabel_soft_margin_loss(
    input: Tensor,
    target: Tensor,
    weight: Tensor | None = None,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
) -> Tensor:
    """The mean over the last dim of `-(y log sigmoid(x) + (1 - y) log sigmoid(-x))`.

    Raises:
        ValueError: an unknown reduction.
    """
    reduction = legacy_reduction(size_average, reduce, reduction)
    yes, no = corex.logsigmoid(input), corex.logsigmoid(-input)
    loss = -(target * yes + (1 - target) * no)
    if weight is not None:
        loss = loss * weight
    dim = input.dim() - 1
    loss = loss.sum(dim) / input.size(dim)
    if reduction not in ("none", "mean", "sum"):
        raise ValueError(f"{reduction} is not valid")
    return reduced(loss, reduction)


# ---- likelihoods ---------------------------------------------------------------------------------
def gaussian_nll_loss(
    input: Tensor,
    target: Tensor,
    var: Tensor | float,
    full: bool = False,
    eps: float = 1e-6,
    reduction: str = "mean",
) -> Tensor:
    """`(log(var) + (input - target)² / var) / 2`; `full` adds log(2 pi) / 2.

    Raises:
        ValueError: a negative variance or one of another shape, an unknown reduction.
    """
    if isinstance(var, float):
        if var < 0:
            raise ValueError("var has negative entry/entries")
        var = corex.full_like(input, var)
    elif not isinstance(var, Tensor):
        raise TypeError(f"gaussian_nll_loss(): var must be Tensor or float, not {var!r}")
    elif bool((var < 0).any()):
        raise ValueError("var has negative entry/entries")
    if var.shape != input.shape:
        var = _variance_for(input, var)
    if reduction not in ("none", "mean", "sum"):
        raise ValueError(f"{reduction} is not valid")
    var = var.clone()
    with corex.no_grad():  # the limit takes nothing from the gradient
        var.clamp_(min=eps)
    loss = 0.5 * (corex.log(var) + (input - target) ** 2 / var)
    if full:
        loss = loss + 0.5 * math.log(2 * math.pi)
    return reduced(loss, reduction)


def _variance_for(input: Tensor, var: Tensor) -> Tensor:
    """A variance per row, or one of which a single dim broadcasts."""
    if input.shape[:-1] == var.shape:
        return var.unsqueeze(-1)
    if input.dim() == var.dim():
        differing = [b for a, b in zip(input.shape, var.shape, strict=True) if a != b]
        if sum(differing) == 1:
            return var
    raise ValueError("var is of incorrect size")
