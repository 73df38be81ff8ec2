"""One optimizer step over lists of parameters, as PyTorch's SGD, Adam and AdamW define it."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from corex.backend import Kernel, View

from .devices import Device
from .layouts import layouts, plan
from .programs import Source, title, type_defines


def _run(op: str, views: Sequence[View], buffers: int, floats: Sequence[float], *rest: Any) -> None:
    """Updates one parameter; `buffers` is how many the kernel has, the first one fills the gap."""
    found = plan(views[0][2], *[view[3] for view in views])
    if found.size == 0:
        return
    device: Device = views[0][0].device
    dtype = views[0][1]
    kernel = device.function(
        (op, dtype),
        op,
        lambda: Source(title(op, [dtype]), ("optim",), type_defines(dtype, device.fp64)),
    )
    scalar = np.float32 if dtype.itemsize == 4 else np.float64
    memory = [view[0].ptr for view in views]
    memory += [memory[0]] * (buffers - len(memory))
    for layout in layouts(found, *[view[4] for view in views]):
        device.launch(kernel, found.size, *memory, layout, *map(scalar, floats), *rest)


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
    floats = (lr, momentum, 1 - dampening, weight_decay, sign)
    flags = tuple(map(np.int32, (bool(momentum), nesterov, first)))
    lists = [params, grads, momenta] if momentum else [params, grads]
    for views in zip(*lists, strict=True):
        _run("sgd_step", views, 3, floats, *flags)


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
    floats = (
        beta1,
        1 - beta1,
        beta2,
        1 - beta2,
        lr / (1 - beta1**step),
        math.sqrt(1 - beta2**step),
        eps,
        0.0 if decoupled else weight_decay,
        1 - lr * weight_decay if decoupled else 1.0,
        -1.0 if maximize else 1.0,
    )
    for views in zip(params, grads, exp_avgs, exp_avg_sqs, strict=True):
        _run("adam_step", views, 4, floats)


KERNELS: Mapping[str, Kernel] = {"sgd_step": sgd_step, "adam_step": adam_step}
