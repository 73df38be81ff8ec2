"""Losses, and embedding, which shares their way of picking rows."""

from __future__ import annotations

import warnings
from typing import Any

from corex import dtypes as dt
from corex.dispatch import template
from corex.dispatch.bind import bind
from corex.dispatch.record import no_grad
from corex.dispatch.resolve import check_places
from corex.layout import broadcast_shapes, numel
from corex.ops.indexing.brackets import getitem
from corex.ops.indexing.gather import gather
from corex.ops.indexing.rows import refuse_negative
from corex.ops.linalg.matmul import matmul
from corex.ops.linalg.norms import norm
from corex.ops.nn.activation import log_softmax, softplus
from corex.ops.nn.loss_formulas import (
    binary_entropy,
    binary_logits,
    huber,
    smooth_l1,
)
from corex.ops.pointwise.binary_composed import xlogy
from corex.ops.pointwise.select import clamp, where
from corex.ops.promotion import cast, real_number, require_tensor
from corex.ops.reduce.reductions import amin
from corex.ops.registration import function
from corex.ops.shape.views import (
    clone,
    expand,
    movedim,
    reshape,
    shaped,
    squeeze,
    unsqueeze,
)
from corex.tensor.modes import mode
from corex.tensor.schema import OpSchema, declare
from corex.tensor.tensor import Tensor


def reduced(loss: Tensor, reduction: str) -> Tensor:
    """The mean or the sum of elementwise losses, or all of them.

    Raises:
        ValueError: another reduction.
    """
    if reduction == "mean":
        return loss.mean()
    if reduction == "sum":
        return loss.sum()
    if reduction != "none":
        raise ValueError(f"{reduction} is not a valid value for reduction")
    return loss


# ---- mean squared error ------------------------------------------------------------------------
def _mse_backward(g: Tensor, a: Tensor, b: Tensor) -> Tensor:
    result: Tensor = bind(MSE_LOSS_BACKWARD, (g, a, b))
    return result


# The dense case whose target needs no gradient.
_mse_backward_direct = template.backward(
    ("mse_loss_backward",),
    ("a", "b"),
    "buffer = mse_loss_backward_kernel(a.shape, {grad}, {a}, {b})\n"
    "return (wrap(key, buffer, a.shape), None)",
    guard="not node.plan.needs[1]",
)


MSE_LOSS = declare(
    OpSchema(
        "mse_loss", ("a", "b"), lambda a, b: [((), a.key.dtype)],
        derivative={
            "a": lambda g, a, b: _mse_backward(g, a, b),
            "b": lambda g, a, b: _mse_backward(g, b, a),
        },
        decomposition=lambda a, b: ((a - b) * (a - b)).mean(),
        fast=_mse_backward_direct,
        tier=2, family="loss", doc="Mean of (a - b) ** 2.",
    )
)  # fmt: skip
MSE_LOSS_BACKWARD = declare(
    OpSchema(
        "mse_loss_backward", ("g_out", "a", "b"), lambda g_out, a, b: [(a.shape, a.key.dtype)],
        derivative={
            "g_out": lambda g, a, b: (g * (a - b)).sum() * (2.0 / a.numel()),
            "a": lambda g, g_out, a: g * (g_out * (2.0 / a.numel())),
            "b": lambda g, g_out, a: -g * (g_out * (2.0 / a.numel())),
        },
        decomposition=lambda g_out, a, b: (a - b) * (g_out * (2.0 / max(a.numel(), 1))),
        tier=2, family="loss", doc="Gradient of mse_loss's first input.",
    )
)  # fmt: skip


_flat_mse = template.flat(MSE_LOSS, ("a", "b"), "a.shape, {a}, {b}", shape="()")


@function(quick=True)
def mse_loss(input: Tensor, target: Tensor, reduction: str = "mean") -> Tensor:
    """(input - target) ** 2, averaged by default.

    Raises:
        RuntimeError: shapes that do not broadcast. ValueError: an unknown reduction.
    """
    try:
        key = input.key
        fits = (
            reduction == "mean"
            and target.key is key
            and input.shape == target.shape
            and key.dtype.is_floating_point
        )
    except AttributeError:  # no tensor among them; nothing is asked where all is well
        require_tensor("mse_loss", input)
        require_tensor("mse_loss", target, "target")
        raise
    if fits:
        mean = _flat_mse(input, target)
        return bind(MSE_LOSS, (input, target)) if mean is None else mean
    _warn_shapes("mse_loss", input, target)
    difference = input - target
    return reduced(difference * difference, reduction)


def _warn_shapes(op: str, input: Tensor, target: Tensor) -> None:
    if require_tensor(op, target, "target").shape != require_tensor(op, input).shape:
        broadcast_shapes(op, input.shape, target.shape)
        warnings.warn(
            f"Using a target size ({list(target.shape)}) that is different to the input size "
            f"({list(input.shape)}). This will likely lead to incorrect results due to "
            f"broadcasting. Please ensure they have the same size.",
            stacklevel=3,
        )


@function()
def l1_loss(input: Tensor, target: Tensor, reduction: str = "mean") -> Tensor:
    """|input - target|, averaged by default."""
    _warn_shapes("l1_loss", input, target)
    return reduced((input - target).abs(), reduction)


@function()
def smooth_l1_loss(
    input: Tensor, target: Tensor, reduction: str = "mean", beta: float = 1.0
) -> Tensor:
    """Quadratic below beta, linear above: 0.5 d^2 / beta, or d - 0.5 beta."""
    beta = real_number(beta, "smooth_l1_loss", "beta")
    if not beta >= 0:
        raise RuntimeError(f"smooth_l1_loss does not support negative values for beta: {beta}")
    _warn_shapes("smooth_l1_loss", input, target)
    if beta == 0.0:
        return reduced((input - target).abs(), reduction)
    return reduced(smooth_l1(input, target, beta), reduction)


@function()
def huber_loss(
    input: Tensor, target: Tensor, reduction: str = "mean", delta: float = 1.0
) -> Tensor:
    """0.5 d^2 below delta, delta (d - 0.5 delta) above."""
    delta = real_number(delta, "huber_loss", "delta")
    if not delta > 0:
        raise RuntimeError(f"huber_loss does not support non-positive values for delta: {delta}")
    _warn_shapes("huber_loss", input, target)
    return reduced(huber(input, target, delta), reduction)


# ---- classification ----------------------------------------------------------------------------
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
    if weight is not None:
        _check_weight(weight, input.shape[0 if input.ndim == 1 else 1])
    if len(input.shape) == 1:
        one = nll_loss(unsqueeze(input, 0), unsqueeze(target, 0), weight, ignore_index, "none")
        loss, used = squeeze(one, 0), _class_weights(target, weight, ignore_index, input)
        return loss if reduction == "none" or reduction == "sum" else loss / used
    later = _runs_later(target)
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


def _runs_later(t: Tensor) -> bool:
    """Whether work is queued on the tensor's device, so that to look at values means to wait."""
    place = t.key.place
    return place.backend.stream_handle(place.index) is not None


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


@function()
def binary_cross_entropy(
    input: Tensor, target: Tensor, weight: Tensor | None = None, reduction: str = "mean"
) -> Tensor:
    """-(t log p + (1 - t) log(1 - p)), logs limited from below by -100.

    Raises:
        ValueError: shapes differ. RuntimeError: an integer target, or an input outside of [0, 1].
    """
    if input.shape != target.shape:
        raise ValueError(
            f"Using a target size ({list(target.shape)}) that is different to the input size "
            f"({list(input.shape)}) is deprecated. Please ensure they have the same size."
        )
    if not target.is_floating_point():
        raise RuntimeError(f"Found dtype {target.key.dtype!r} but expected {input.key.dtype!r}")
    if not _runs_later(input) and not bool((input >= 0).logical_and(input <= 1).all().item()):
        raise RuntimeError("all elements of input should be between 0 and 1")
    loss = binary_entropy(input, target)
    return reduced(loss if weight is None else loss * weight, reduction)


@function()
def binary_cross_entropy_with_logits(
    input: Tensor,
    target: Tensor,
    weight: Tensor | None = None,
    reduction: str = "mean",
    pos_weight: Tensor | None = None,
) -> Tensor:
    """`binary_cross_entropy` of sigmoid(input), without overflow.

    Raises:
        ValueError: shapes differ.
    """
    if input.shape != target.shape:
        raise ValueError(
            f"Target size ({list(target.shape)}) must be the same as input size "
            f"({list(input.shape)})"
        )
    loss = binary_logits(input, target, pos_weight)
    return reduced(loss if weight is None else loss * weight, reduction)


@function()
def kl_div(
    input: Tensor, target: Tensor, reduction: str = "mean", log_target: bool = False
) -> Tensor:
    """Kullback-Leibler divergence of log-probabilities `input` from `target`."""
    if log_target:
        loss = target.exp() * (target - input)
    else:
        loss = xlogy(target, target) - target * input
    if reduction == "batchmean":
        return loss.sum() / input.shape[0]
    return reduced(loss, reduction)


@function()
def soft_margin_loss(input: Tensor, target: Tensor, reduction: str = "mean") -> Tensor:
    """log(1 + exp(-target * input))."""
    return reduced(softplus(-target * input), reduction)


@function()
def cosine_similarity(x1: Tensor, x2: Tensor, dim: int = 1, eps: float = 1e-8) -> Tensor:
    """Inner product of the directions of two tensors along a dim."""
    shape = broadcast_shapes("cosine_similarity", x1.shape, x2.shape)
    a, b = [expand(x, shape) if x.shape != shape else x for x in (x1, x2)]
    # Divided first, as in PyTorch: the product of the lengths may not exist.
    return (a / _length(a, dim, eps) * (b / _length(b, dim, eps))).sum(dim)


def _length(x: Tensor, dim: int, eps: float) -> Tensor:
    """The norm along a dim, at least eps; the limit takes nothing from the gradient."""
    length = clone(norm(x, 2, dim, True))
    with no_grad():
        length.copy_(clamp(length.detach(), min=eps))
    return length


# ---- embedding and friends ---------------------------------------------------------------------
@function()
def embedding(input: Tensor, weight: Tensor, padding_idx: int | None = None) -> Tensor:
    """Rows of `weight` picked by integer `input`; the padding row gets no gradient.

    Raises:
        RuntimeError: an index that is not an integer tensor. IndexError: out of range.
    """
    if require_tensor("embedding", input, "indices").key.dtype.kind != "i":
        raise RuntimeError(
            f"Expected tensor for argument #1 'indices' to have one of the following scalar types: "
            f"Long, Int; but got {input.key.dtype!r} instead"
        )
    if require_tensor("embedding", weight, "weight").ndim != 2:
        raise RuntimeError(f"[embedding] 'weight' must be 2-D, but has shape {list(weight.shape)}")
    rows, width = weight.shape
    check_places("embedding", [input], weight.key.place)
    if not rows and numel(input.shape):
        raise RuntimeError(
            f"[embedding] indices of shape {list(input.shape)} point into a weight without rows, "
            f"of shape {list(weight.shape)}"
        )
    flat = getitem(weight, reshape(refuse_negative("embedding", input, rows), (-1,)))
    if padding_idx is not None and weight._node is not None and mode.enabled:
        if not -rows <= padding_idx < rows:
            raise AssertionError("Padding_idx must be within num_embeddings")
        row = padding_idx + rows if padding_idx < 0 else padding_idx
        padding = expand(unsqueeze(reshape(input, (-1,)) == row, 1), flat.shape)
        flat = where(padding, flat.detach(), flat)
    return shaped(flat, (*input.shape, width))


@function()
def one_hot(tensor: Tensor, num_classes: int = -1) -> Tensor:
    """int64 rows with a 1 at the given class.

    Raises:
        RuntimeError: a class outside 0 .. num_classes - 1.
    """
    if tensor.key.dtype is not dt.int64:
        raise RuntimeError("one_hot is only applicable to index tensor of type LongTensor.")
    if tensor.numel() and tensor.min().item() < 0:
        raise RuntimeError("Class values must be non-negative.")
    if num_classes < 0 and not tensor.numel():
        raise RuntimeError("Can not infer total number of classes from empty tensor.")
    largest = int(tensor.max()) if tensor.numel() else -1
    if num_classes == -1:
        if not tensor.numel():
            raise RuntimeError("Can not infer total number of classes from empty tensor.")
        num_classes = largest + 1
    elif largest >= num_classes:
        raise RuntimeError("Class values must be smaller than num_classes.")
    zeros = tensor.new_zeros((*tensor.shape, num_classes))
    return zeros.scatter(-1, unsqueeze(tensor, -1), 1)


@function()
def bilinear(input1: Tensor, input2: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """x1^T W_k x2 + b_k for every output k; weight is (out, in1, in2)."""
    outs, width1, width2 = weight.shape
    lead = input1.shape[:-1]
    rows = numel(lead)
    x1, x2 = reshape(input1, (rows, width1)), reshape(input2, (rows, width2))
    # (n, in1) x (in1, out * in2), then the inner product with x2 for each output.
    left = matmul(x1, reshape(movedim(weight, 0, 1), (width1, outs * width2)))
    result = (reshape(left, (rows, outs, width2)) * unsqueeze(x2, 1)).sum(-1)
    if bias is not None:
        result = result + bias
    return shaped(result, (*lead, outs))
