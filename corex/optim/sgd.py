"""Stochastic gradient descent."""

from __future__ import annotations

from typing import Any

import corex
from corex import Tensor
from corex.errors import LayoutError
from corex.ops.nn.optimizer_steps import sgd_step_
from corex.optim.optimizer import Closure, Optimizer, Params, check_not_negative, unsupported
from corex.tensor.modes import refuse


class SGD(Optimizer):
    """Stochastic gradient descent, with momentum if wanted (Sutskever et al., 2013).

    Args:
        params: what to optimise; see `Optimizer`.
        lr: the learning rate.
        momentum: how much of the last update is kept.
        dampening: how much of the gradient does not enter the momentum.
        weight_decay: factor of the parameters added to the gradients.
        nesterov: look ahead along the momentum.
        maximize: ascend instead of descend.
        foreach: accepted for PyTorch's sake; all parameters are updated by one call anyway.
        differentiable: not supported.
        fused: accepted for PyTorch's sake, as `foreach`.

    Raises:
        ValueError: a negative option, or nesterov without momentum.
    """

    def __init__(
        self,
        params: Params,
        lr: float | Tensor = 1e-3,
        momentum: float = 0,
        dampening: float = 0,
        weight_decay: float = 0,
        nesterov: bool = False,
        *,
        maximize: bool = False,
        foreach: bool | None = None,
        differentiable: bool = False,
        fused: bool | None = None,
    ) -> None:
        unsupported("SGD", differentiable=differentiable)
        check_not_negative("learning rate", lr)
        check_not_negative("momentum value", momentum)
        check_not_negative("weight_decay value", weight_decay)
        if nesterov and (momentum <= 0 or dampening != 0):
            raise ValueError("Nesterov momentum requires a momentum and zero dampening")
        defaults = {
            "lr": lr,
            "momentum": momentum,
            "dampening": dampening,
            "weight_decay": weight_decay,
            "nesterov": nesterov,
            "maximize": maximize,
            "foreach": foreach,
            "differentiable": differentiable,
            "fused": fused,
        }
        super().__init__(params, defaults)

    def step(self, closure: Closure | None = None) -> Any:
        """Updates the parameters; see `Optimizer.step`."""
        loss = None if closure is None else self._evaluate(closure)
        for group in self.param_groups:
            params = []
            grads = []
            for parameter in group["params"]:
                grad = parameter.grad
                if grad is not None:
                    params.append(parameter)
                    grads.append(grad)
            if params:
                if group["momentum"]:
                    state = self.state
                    try:
                        momenta = [state[parameter]["momentum_buffer"] for parameter in params]
                    except KeyError:
                        self._start_momentum(group, params, grads)
                    else:
                        _update(group, params, grads, momenta, False)
                else:
                    _update(group, params, grads, [], False)
        return loss

    def _start_momentum(
        self, group: dict[str, Any], params: list[Tensor], grads: list[Tensor]
    ) -> None:
        """A step in which some parameters have no momentum yet: it becomes their gradient."""
        refuse("the first step of SGD with momentum, unlike all later ones,")
        fresh: tuple[list[Tensor], ...] = ([], [], [])
        known: tuple[list[Tensor], ...] = ([], [], [])
        for parameter, grad in zip(params, grads, strict=True):
            state = self.state[parameter]
            lists = known if "momentum_buffer" in state else fresh
            momentum = state.setdefault("momentum_buffer", corex.empty_like(parameter).detach())
            for items, item in zip(lists, (parameter, grad, momentum), strict=True):
                items.append(item)
        for lists, first in ((fresh, True), (known, False)):
            if lists[0]:
                _update(group, lists[0], lists[1], lists[2], first)


def _update(
    group: dict[str, Any],
    params: list[Tensor],
    grads: list[Tensor],
    momenta: list[Tensor],
    first: bool,
) -> None:
    options = {
        "lr": float(group["lr"]),
        "momentum": group["momentum"],
        "dampening": group["dampening"],
        "weight_decay": group["weight_decay"],
        "nesterov": group["nesterov"],
        "maximize": group["maximize"],
        "first": first,
    }
    try:
        sgd_step_(params, grads, momenta, **options)
    except LayoutError:  # before anything was written
        _update_each(params, grads, momenta, options)


def _update_each(
    params: list[Tensor], grads: list[Tensor], momenta: list[Tensor], options: dict[str, Any]
) -> None:
    """The same, one parameter after the other: some gradients are sparse."""
    with corex.no_grad():
        for i, (parameter, grad) in enumerate(zip(params, grads, strict=True)):
            momentum = momenta[i : i + 1]
            if grad.layout is corex.strided:
                sgd_step_([parameter], [grad], momentum, **options)
            else:
                _update_rows(parameter, grad, *momentum, **options)


def _update_rows(
    parameter: Tensor,
    grad: Tensor,
    buffer: Tensor | None = None,
    *,
    lr: float,
    momentum: float,
    dampening: float,
    weight_decay: float,
    nesterov: bool,
    maximize: bool,
    first: bool,
) -> None:
    """The step of one parameter with a sparse gradient; without momentum, only its rows change."""
    if weight_decay:
        raise RuntimeError("add(sparse, dense) is not supported. Use add(dense, sparse) instead.")
    step = -grad if maximize else grad
    if buffer is not None:
        if first:
            buffer.zero_().add_(step)
        else:
            buffer.mul_(momentum).add_(step, alpha=1 - dampening)
        step = (buffer * momentum).add_(step) if nesterov else buffer
    parameter.add_(step, alpha=-lr)
