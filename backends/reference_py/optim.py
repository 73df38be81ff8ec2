"""One optimizer step over lists of parameters, as PyTorch's SGD, Adam and AdamW define it."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from corex.backend import Kernel, View

from .views import load, store


def _decayed(param: list[float], grad: list[float], weight_decay: float) -> list[float]:
    """grad + weight_decay * param, but untouched by infinite parameters when there is no decay."""
    if weight_decay == 0:
        return grad
    return [g + weight_decay * p for g, p in zip(grad, param, strict=True)]


def sgd_step(
    params: Sequence[View],
    grads: Sequence[View],
    momenta: Sequence[View],
    lr: float,
    momentum: float,
    dampening: float,
    weight_decay: float,
    nesterov: bool,
    maximize: bool,
    first: bool,
) -> None:
    """p -= lr * d, where d is the gradient, decayed and smoothed as asked for."""
    sign = -1.0 if maximize else 1.0
    for i, (param, grad) in enumerate(zip(params, grads, strict=True)):
        p = load(param)
        d = _decayed(p, [sign * g for g in load(grad)], weight_decay)
        if momentum:
            if first:
                smooth = d
            else:
                pairs = zip(load(momenta[i]), d, strict=True)
                smooth = [momentum * m + (1 - dampening) * x for m, x in pairs]
            store(momenta[i], smooth)
            ahead = [x + momentum * m for x, m in zip(d, smooth, strict=True)]
            d = ahead if nesterov else smooth
        store(param, [x - lr * step for x, step in zip(p, d, strict=True)])


def adam_step(
    params: Sequence[View],
    grads: Sequence[View],
    exp_avgs: Sequence[View],
    exp_avg_sqs: Sequence[View],
    step: int,
    lr: float,
    beta1: float,
    beta2: float,
    eps: float,
    weight_decay: float,
    decoupled: bool,
    maximize: bool,
) -> None:
    """p -= lr * m' / (sqrt(v') + eps), m' and v' being the bias-corrected moments."""
    sign = -1.0 if maximize else 1.0
    shrink = 1 - lr * weight_decay if decoupled else 1.0
    coupled = 0.0 if decoupled else weight_decay
    step_size = lr / (1 - beta1**step)
    root_correction = math.sqrt(1 - beta2**step)
    for param, grad, exp_avg, exp_avg_sq in zip(params, grads, exp_avgs, exp_avg_sqs, strict=True):
        p = load(param)
        g = _decayed(p, [sign * d for d in load(grad)], coupled)
        m = [a * beta1 + d * (1 - beta1) for a, d in zip(load(exp_avg), g, strict=True)]
        v = [a * beta2 + d * d * (1 - beta2) for a, d in zip(load(exp_avg_sq), g, strict=True)]
        store(exp_avg, m)
        store(exp_avg_sq, v)
        store(
            param,
            [
                x * shrink - step_size * a / (math.sqrt(b) / root_correction + eps)
                for x, a, b in zip(p, m, v, strict=True)
            ],
        )


KERNELS: Mapping[str, Kernel] = {"sgd_step": sgd_step, "adam_step": adam_step}
