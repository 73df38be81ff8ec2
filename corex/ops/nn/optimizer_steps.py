"""Optimizer steps over whole lists of parameters, each one kernel call where there is a kernel.

They write in place and record nothing. The decompositions follow PyTorch's order of operations.
"""

from __future__ import annotations

from collections.abc import Sequence

from corex.dispatch.lists import bind_lists
from corex.dispatch.template import direct_write
from corex.ops.registration import function
from corex.tensor.schema import FLOAT, OpSchema, declare
from corex.tensor.tensor import Tensor


def _sgd_steps(
    params: Sequence[Tensor],
    grads: Sequence[Tensor],
    momenta: Sequence[Tensor],
    lr: float,
    momentum: float,
    dampening: float,
    weight_decay: float,
    nesterov: bool,
    maximize: bool,
    first: bool,
) -> None:
    for i, (param, grad) in enumerate(zip(params, grads, strict=True)):
        step = -grad if maximize else grad
        if weight_decay:
            step = step + param * weight_decay
        if momentum:
            buffer = momenta[i]
            if first:
                buffer.copy_(step)
            else:
                buffer.mul_(momentum).add_(step * (1 - dampening))
            step = step + buffer * momentum if nesterov else buffer
        param.add_(step * -lr)


def _adam_steps(
    params: Sequence[Tensor],
    grads: Sequence[Tensor],
    exp_avgs: Sequence[Tensor],
    exp_avg_sqs: Sequence[Tensor],
    step: int,
    lr: float,
    beta1: float,
    beta2: float,
    eps: float,
    weight_decay: float,
    decoupled: bool,
    maximize: bool,
) -> None:
    correction1, correction2 = 1 - beta1**step, 1 - beta2**step
    for param, grad, mean, square in zip(params, grads, exp_avgs, exp_avg_sqs, strict=True):
        g = -grad if maximize else grad
        if weight_decay and decoupled:
            param.mul_(1 - lr * weight_decay)
        elif weight_decay:
            g = g + param * weight_decay
        mean.add_((g - mean) * (1 - beta1))
        square.mul_(beta2).add_(g * g * (1 - beta2))
        scale = square.sqrt() / correction2**0.5 + eps
        param.add_(mean / scale * (-lr / correction1))


SGD_STEP = declare(
    OpSchema(
        "sgd_step", ("params", "grads", "momenta"), None,
        ("lr", "momentum", "dampening", "weight_decay", "nesterov", "maximize", "first"),
        decomposition=_sgd_steps, tier=2, takes=FLOAT, family="optim", uniform=False,
        changing=("lr",),
        doc="One step of stochastic gradient descent on lists of tensors, in place.",
    )
)  # fmt: skip
ADAM_STEP = declare(
    OpSchema(
        "adam_step", ("params", "grads", "exp_avgs", "exp_avg_sqs"), None,
        ("step", "lr", "beta1", "beta2", "eps", "weight_decay", "decoupled", "maximize"),
        decomposition=_adam_steps, tier=2, takes=FLOAT, family="optim", uniform=False,
        changing=("step", "lr"),
        doc="One step of Adam or AdamW on lists of tensors, in place.",
    )
)  # fmt: skip


def _direct_sgd(
    params: Sequence[Tensor],
    grads: Sequence[Tensor],
    lr: float,
    weight_decay: float,
    maximize: bool,
) -> bool:
    """Runs the backend's direct kernel if there is one and every tensor is dense and alike."""
    if not params:
        return False
    key = params[0].key
    targets = [
        t.storage_.buffer for t in params if t.key is key and t._strides is None and not t.offset
    ]
    sources = [
        t.storage_.buffer for t in grads if t.key is key and t._strides is None and not t.offset
    ]
    shapes = [t.shape for t in params]
    if len(targets) != len(params) or len(sources) != len(params):
        return False
    if shapes != [t.shape for t in grads]:
        return False
    if not direct_write(key, "sgd_step", targets, sources, shapes, lr, weight_decay, maximize):
        return False
    for t in params:
        t.storage_.version += 1
    return True


@function()
def sgd_step_(
    params: Sequence[Tensor],
    grads: Sequence[Tensor],
    momenta: Sequence[Tensor],
    *,
    lr: float,
    momentum: float = 0.0,
    dampening: float = 0.0,
    weight_decay: float = 0.0,
    nesterov: bool = False,
    maximize: bool = False,
    first: bool = False,
) -> None:
    """One SGD step in place; `momenta` is empty without momentum, `first` initialises it."""
    if not momentum and _direct_sgd(params, grads, lr, weight_decay, maximize):
        return
    bind_lists(
        SGD_STEP, (params, grads, momenta),
        (lr, momentum, dampening, weight_decay, nesterov, maximize, first),
    )  # fmt: skip


@function()
def adam_step_(
    params: Sequence[Tensor],
    grads: Sequence[Tensor],
    exp_avgs: Sequence[Tensor],
    exp_avg_sqs: Sequence[Tensor],
    *,
    step: int,
    lr: float,
    beta1: float,
    beta2: float,
    eps: float,
    weight_decay: float = 0.0,
    decoupled: bool = False,
    maximize: bool = False,
) -> None:
    """One Adam (or, decoupled, AdamW) step in place; `step` counts from 1."""
    bind_lists(
        ADAM_STEP, (params, grads, exp_avgs, exp_avg_sqs),
        (step, lr, beta1, beta2, eps, weight_decay, decoupled, maximize),
    )  # fmt: skip
