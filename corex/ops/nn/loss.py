"""Losses of numbers, element by element."""

from __future__ import annotations

from typing import Any

from corex.dispatch import template
from corex.dispatch.bind import bind
from corex.errors import warn
from corex.layout import broadcast_shapes
from corex.ops.nn.activation import softplus
from corex.ops.nn.loss_formulas import binary_entropy, binary_logits, huber, smooth_l1
from corex.ops.pointwise.binary_composed import xlogy
from corex.ops.promotion import cast, real_number, require_kinds, require_tensor
from corex.ops.registration import function
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


def runs_later(t: Tensor) -> bool:
    """Whether work is queued on the tensor's device, so that to look at values means to wait."""
    place = t.key.place
    return place.backend.stream_handle(place.index) is not None


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
    _require_floats("mse_loss", input, target)
    difference = input - target
    return reduced(difference * difference, reduction)


def _require_floats(op: str, input: Tensor, target: Tensor) -> None:
    """
    Raises:
        NotImplementedError: neither is of a floating-point dtype.
    """
    if not target.is_floating_point():
        require_kinds(op, "fc", input)


def _warn_shapes(op: str, input: Tensor, target: Tensor) -> None:
    if require_tensor(op, target, "target").shape != require_tensor(op, input).shape:
        broadcast_shapes(op, input.shape, target.shape)
        warn(
            f"Using a target size ({list(target.shape)}) that is different to the input size "
            f"({list(input.shape)}). This will likely lead to incorrect results due to "
            f"broadcasting. Please ensure they have the same size.",
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
    _require_floats("smooth_l1_loss", input, target)
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
    _require_floats("huber_loss", input, target)
    # As in PyTorch, the one loss that has its input's dtype, whatever the target's is.
    return reduced(cast(huber(input, target, delta), input.key.dtype), reduction)


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
    if not runs_later(input) and not bool((input >= 0).logical_and(input <= 1).all().item()):
        raise RuntimeError("all elements of input should be between 0 and 1")
    loss = binary_entropy(input, target)
    return reduced(loss if weight is None else loss * weight, reduction)


def named_reduction(reduction: Any) -> str:
    """PyTorch's number of a reduction as its name: 0 none, 1 the mean, 2 the sum.

    Raises:
        TypeError: a name.
    """
    if isinstance(reduction, str):
        raise TypeError("argument 'reduction' must be int, not str")
    return {1: "mean", 2: "sum"}.get(reduction, "none")


@function()
def binary_cross_entropy_with_logits(
    input: Tensor,
    target: Tensor,
    weight: Tensor | None = None,
    pos_weight: Tensor | None = None,
    reduction: int = 0,
) -> Tensor:
    """See `nn.functional.binary_cross_entropy_with_logits`; the reduction is a number."""
    return logits_loss(input, target, weight, named_reduction(reduction), pos_weight)


def logits_loss(
    input: Tensor,
    target: Tensor,
    weight: Tensor | None,
    reduction: str,
    pos_weight: Tensor | None,
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
    input: Tensor, target: Tensor, reduction: int = 0, *, log_target: bool = False
) -> Tensor:
    """See `nn.functional.kl_div`; the reduction is a number."""
    return divergence(input, target, named_reduction(reduction), log_target)


def divergence(input: Tensor, target: Tensor, reduction: str, log_target: bool) -> Tensor:
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
    product = -target * input
    if not (product.is_floating_point() and input.is_floating_point()):
        raise RuntimeError(
            f"[soft_margin_loss] a result of a floating point type can't be cast to the desired "
            f"output type {product.key.dtype.scalar}"
        )
    return reduced(softplus(product), reduction)
