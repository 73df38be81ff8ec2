"""Losses of classes: the log-likelihood of what is picked, cross entropy."""

from __future__ import annotations

from typing import Any

from corex import dtypes as dt
from corex.ops.indexing.brackets import getitem
from corex.ops.indexing.gather import gather
from corex.ops.nn.loss import reduced, runs_later
from corex.ops.nn.softmax import log_softmax
from corex.ops.pointwise.select import where
from corex.ops.promotion import cast, real_number, require_kinds, require_tensor
from corex.ops.reduce.reductions import amin
from corex.ops.registration import function
from corex.ops.shape.views import reshape, squeeze, unsqueeze
from corex.tensor.tensor import Tensor


@function()
def nll_loss(
    input: Tensor,
    target: Tensor,
    weight: Tensor | None = None,
    ignore_index: int = -100,
    reduction: str = "mean",
) -> Tensor:
    """Minus the log-probability of the target class; (N, C, ...) and int64 (N, ...).

    Raises:
        ValueError: batch sizes differ. IndexError: a class out of range. RuntimeError: dtype.
    """
    _check_classes(input, target)
    require_kinds("nll_loss", "f", input)
    if weight is not None:
        _check_weight(weight, input.shape[0 if input.ndim == 1 else 1])
    if len(input.shape) == 1:
        one = nll_loss(unsqueeze(input, 0), unsqueeze(target, 0), weight, ignore_index, "none")
        loss, used = squeeze(one, 0), _class_weights(target, weight, ignore_index, input)
        return loss if reduction == "none" or reduction == "sum" else loss / used
    later = runs_later(target)
    plain = weight is None and ignore_index < 0 and target.numel() and not later
    if plain and amin(target).item() >= 0:
        return -reduced(_picked(input, target), reduction)
    ignored = target == ignore_index
    if not later:  # else `gather` finds what is out of range
        _check_range(target, ignored, input.shape[1])
    safe = target.masked_fill(ignored, 0)
    picked = squeeze(gather(input, 1, unsqueeze(safe, 1)), 1)
    scale = _class_weights(target, weight, ignore_index, input)
    loss = where(ignored, 0.0, -picked * scale)
    if reduction == "mean":
        return loss.sum() / scale.sum()
    return reduced(loss, reduction)


def _picked(input: Tensor, target: Tensor) -> Tensor:
    """The entries of dim 1 that non-negative targets name."""
    try:
        return squeeze(gather(input, 1, unsqueeze(target, 1)), 1)
    except (IndexError, RuntimeError) as error:
        if "out of bounds" not in str(error):
            raise
        raise IndexError(f"Target {target.amax().item()} is out of bounds.") from None


def _class_weights(
    target: Tensor, weight: Tensor | None, ignore_index: int, like: Tensor
) -> Tensor:
    ignored = target == ignore_index
    if weight is None:
        return cast(ignored.logical_not(), like.key.dtype)
    return getitem(weight, target.masked_fill(ignored, 0)).masked_fill(ignored, 0)


def _check_classes(input: Tensor, target: Tensor) -> None:
    require_tensor("nll_loss", input)
    require_tensor("nll_loss", target, "target")
    if target.key.dtype is not dt.int64:
        raise RuntimeError(f"expected scalar type Long but found {target.key.dtype!r}")
    sizes = input.shape
    if not sizes:
        raise RuntimeError("input must have at least one dimension of classes")
    if len(sizes) == 1 or (sizes[0], *sizes[2:]) == target.shape:
        return
    if not target.shape or sizes[0] != target.shape[0]:
        raise ValueError(
            f"Expected input batch_size ({sizes[0]}) to match target batch_size "
            f"({target.shape[0] if target.shape else 0})."
        )
    raise RuntimeError(f"Expected target size {[sizes[0], *sizes[2:]]}, got {list(target.shape)}")


def _check_weight(weight: Tensor, classes: int) -> None:
    if require_tensor("nll_loss", weight, "weight").shape != (classes,):
        raise RuntimeError(
            f"weight tensor should be defined either for all {classes} classes or no classes but "
            f"got weight tensor of shape: {list(weight.shape)}"
        )


def _check_range(target: Tensor, ignored: Tensor, classes: int) -> None:
    bad = (target < 0).logical_or(target >= classes).logical_and(ignored.logical_not())
    if bad.any().item():
        worst = target[bad].flatten()[0].item()
        raise IndexError(f"Target {worst} is out of bounds.")


@function()
def cross_entropy(
    input: Tensor,
    target: Tensor,
    weight: Tensor | None = None,
    size_average: Any = None,
    ignore_index: int = -100,
    reduce: Any = None,
    reduction: str = "mean",
    label_smoothing: float = 0.0,
) -> Tensor:
    """log_softmax, then nll_loss; or with class probabilities as target.

    Raises:
        ValueError: batch sizes differ. IndexError: a class out of range. RuntimeError: shapes.
    """
    if label_smoothing != 0.0:
        label_smoothing = _checked_smoothing(label_smoothing)
    sizes = input.shape
    axis = 0 if len(sizes) == 1 else 1
    if weight is not None and sizes:
        _check_weight(weight, sizes[axis])
    logs = log_softmax(input, axis)
    if target.shape == input.shape and target.is_floating_point():
        return _soft_targets(logs, target, weight, axis, reduction, label_smoothing)
    hard = nll_loss(logs, target, weight, ignore_index, reduction)
    if not label_smoothing:
        return hard
    scaled = logs if weight is None else logs * _per_class(weight, logs, axis)
    spread = -scaled.sum(axis)
    ignored = target == ignore_index
    spread = where(ignored, 0.0, spread)
    if reduction == "mean":
        smooth = spread.sum() / _class_weights(target, weight, ignore_index, input).sum()
    else:
        smooth = reduced(spread, reduction)
    classes = input.shape[axis]
    return hard * (1 - label_smoothing) + smooth * (label_smoothing / max(classes, 1))


def _checked_smoothing(given: float) -> float:
    smoothing = real_number(given, "cross_entropy", "label_smoothing")
    if smoothing > 1.0:
        raise RuntimeError(f"label_smoothing must be between 0.0 and 1.0. Got: {smoothing}")
    return smoothing if smoothing > 0.0 else 0.0  # PyTorch smooths nothing below


def _per_class(weight: Tensor, like: Tensor, axis: int) -> Tensor:
    shape = [1] * like.ndim
    shape[axis] = like.shape[axis]
    return reshape(weight, shape)


def _soft_targets(
    logs: Tensor,
    target: Tensor,
    weight: Tensor | None,
    axis: int,
    reduction: str,
    smoothing: float,
) -> Tensor:
    if smoothing:
        target = target * (1 - smoothing) + smoothing / max(logs.shape[axis], 1)
    product = logs * target
    if weight is not None:
        product = product * _per_class(weight, logs, axis)
    loss = -product.sum(axis)
    if reduction == "mean":
        count = logs.numel() // max(logs.shape[axis], 1)
        return loss.sum() / count
    return reduced(loss, reduction)
