"""Elementwise losses whose derivative is a formula of the whole, finite where its parts are not."""

from __future__ import annotations

from corex.ops.composed import composition
from corex.ops.nn.activation import logsigmoid
from corex.ops.pointwise.select import clamp, where
from corex.tensor.tensor import Tensor


# ---- distances -------------------------------------------------------------------------------
def _smooth_l1_steps(a: Tensor, b: Tensor, beta: float) -> Tensor:
    d = (a - b).abs()
    return where(d < beta, d * d * (0.5 / beta), d - 0.5 * beta)


def _smooth_l1_slope(g: Tensor, a: Tensor, b: Tensor, beta: float) -> Tensor:
    d = a - b
    return where(d <= -beta, -g, where(d >= beta, g, g * d / beta))


smooth_l1 = composition(
    "smooth_l1_loss", ("a", "b"), _smooth_l1_steps,
    {
        "a": _smooth_l1_slope,
        "b": lambda g, a, b, beta: -_smooth_l1_slope(g, a, b, beta),
    },
    ("beta",),
)  # fmt: skip


def _huber_steps(a: Tensor, b: Tensor, delta: float) -> Tensor:
    d = (a - b).abs()
    return where(d <= delta, d * d * 0.5, (d - 0.5 * delta) * delta)


def _huber_slope(g: Tensor, a: Tensor, b: Tensor, delta: float) -> Tensor:
    d = a - b
    return where(d <= -delta, g * -delta, where(d >= delta, g * delta, g * d))


huber = composition(
    "huber_loss", ("a", "b"), _huber_steps,
    {
        "a": _huber_slope,
        "b": lambda g, a, b, delta: -_huber_slope(g, a, b, delta),
    },
    ("delta",),
)  # fmt: skip


# ---- cross entropies -------------------------------------------------------------------------
def _entropy_steps(p: Tensor, t: Tensor) -> Tensor:
    yes, no = clamp(p.log(), min=-100.0), clamp((-p).log1p(), min=-100.0)
    return (t - 1) * no - t * yes


def _entropy_slope(g: Tensor, p: Tensor, t: Tensor) -> Tensor:
    """As in PyTorch the denominator is at least 1e-12, so that the ends have a finite slope."""
    return g * ((p - t) / clamp((1 - p) * p, min=1e-12))


binary_entropy = composition(
    "binary_cross_entropy", ("p", "t"), _entropy_steps,
    {"p": _entropy_slope, "t": lambda g, p: g * ((1 - p).log() - p.log())},
)  # fmt: skip


def _logits_steps(a: Tensor, t: Tensor, weight: Tensor | None) -> Tensor:
    tail = -logsigmoid(a)
    if weight is None:
        return (1 - t) * a + tail
    return (1 - t) * a + ((weight - 1) * t + 1) * tail


def _logits_slope(g: Tensor, a: Tensor, t: Tensor, weight: Tensor | None) -> Tensor:
    if weight is None:
        return g * (a.sigmoid() - t)
    wanted = weight * t
    return g * ((wanted + 1 - t) * a.sigmoid() - wanted)


def _target_slope(g: Tensor, a: Tensor, weight: Tensor | None) -> Tensor:
    if weight is None:
        return -g * a
    return g * (logsigmoid(-a) - weight * logsigmoid(a))


binary_logits = composition(
    "binary_cross_entropy_with_logits", ("a", "t", "weight"), _logits_steps,
    {
        "a": _logits_slope,
        "t": _target_slope,
        "weight": lambda g, a, t: -g * t * logsigmoid(a),
    },
)  # fmt: skip
