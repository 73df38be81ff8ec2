"""Kinds of Adam: optimizers by running means of the gradients and of their magnitudes."""

from __future__ import annotations

from typing import Any

import corex
from corex import Tensor
from corex.optim.each import EachOptimizer, State, decayed, zeros
from corex.optim.optimizer import Params, check_betas, check_not_negative

Group = dict[str, Any]


def _check(betas: tuple[float, float], eps: float, weight_decay: float) -> None:
    check_not_negative("epsilon value", eps)
    check_betas(betas)
    check_not_negative("weight_decay value", weight_decay)


def _moments(parameter: Tensor) -> State:
    return {"exp_avg": zeros(parameter), "exp_avg_sq": zeros(parameter)}


def _moved(state: State, grad: Tensor, beta1: float, beta2: float) -> tuple[Tensor, Tensor]:
    """The running means of gradients and squares, a step later."""
    mean = state["exp_avg"].lerp_(grad, 1 - beta1)
    square = state["exp_avg_sq"].mul_(beta2).addcmul_(grad, grad, value=1 - beta2)
    return mean, square


class Adamax(EachOptimizer):
    """Adam by the largest gradient instead of the mean square (Kingma and Ba, 2015).

    Args:
        params: what to optimise; see `Optimizer`.
        lr: the learning rate.
        betas: how much of the running mean of the gradients and of their maximum is kept.
        eps: added to gradients' magnitudes.
        weight_decay: factor of the parameters added to the gradients.
        foreach: accepted for PyTorch's sake.
        maximize: ascend instead of descend.
        differentiable: not supported.
        capturable: not supported.

    Raises:
        ValueError: an option outside its range.
    """

    def __init__(
        self,
        params: Params,
        lr: float | Tensor = 2e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0,
        foreach: bool | None = None,
        *,
        maximize: bool = False,
        differentiable: bool = False,
        capturable: bool = False,
    ) -> None:
        _check(betas, eps, weight_decay)
        options = {
            "lr": lr, "betas": betas, "eps": eps, "weight_decay": weight_decay,
            "foreach": foreach, "maximize": maximize, "differentiable": differentiable,
            "capturable": capturable,
        }  # fmt: skip
        super().__init__(params, options, differentiable, capturable)

    def _begin(self, group: Group, parameter: Tensor, grad: Tensor) -> State:
        return {"exp_avg": zeros(parameter), "exp_inf": zeros(parameter)}

    def _update(self, group: Group, parameter: Tensor, grad: Tensor, state: State) -> None:
        beta1, beta2 = group["betas"]
        grad = decayed(group, parameter, grad)
        mean = state["exp_avg"].lerp_(grad, 1 - beta1)
        largest = state["exp_inf"]
        largest.copy_(corex.maximum(largest.mul_(beta2), grad.abs().add_(group["eps"])))
        rate = float(group["lr"]) / (1 - beta1 ** state["step"])
        parameter.addcdiv_(mean, largest, value=-rate)


class NAdam(EachOptimizer):
    """Adam with Nesterov's momentum (Dozat, 2016).

    Args:
        params: what to optimise; see `Optimizer`.
        lr: the learning rate.
        betas: how much of the running mean of the gradients and of their squares is kept.
        eps: added to the root of the mean square.
        weight_decay: factor of the parameters added to the gradients.
        momentum_decay: how fast the momentum grows to its limit.
        decoupled_weight_decay: shrink the parameters themselves instead.
        foreach: accepted for PyTorch's sake.
        maximize: ascend instead of descend.
        capturable: not supported.
        differentiable: not supported.

    Raises:
        ValueError: an option outside its range.
    """

    def __init__(
        self,
        params: Params,
        lr: float | Tensor = 2e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0,
        momentum_decay: float = 4e-3,
        decoupled_weight_decay: bool = False,
        *,
        foreach: bool | None = None,
        maximize: bool = False,
        capturable: bool = False,
        differentiable: bool = False,
    ) -> None:
        _check(betas, eps, weight_decay)
        check_not_negative("momentum_decay value", momentum_decay)
        options = {
            "lr": lr, "betas": betas, "eps": eps, "weight_decay": weight_decay,
            "momentum_decay": momentum_decay, "decoupled_weight_decay": decoupled_weight_decay,
            "maximize": maximize, "foreach": foreach, "capturable": capturable,
            "differentiable": differentiable,
        }  # fmt: skip
        super().__init__(params, options, differentiable, capturable)

    def _begin(self, group: Group, parameter: Tensor, grad: Tensor) -> State:
        product = corex.ones((), dtype=corex.get_default_dtype())
        return {"mu_product": product, **_moments(parameter)}

    def _update(self, group: Group, parameter: Tensor, grad: Tensor, state: State) -> None:
        beta1, beta2 = group["betas"]
        rate, step = float(group["lr"]), state["step"]
        if group["decoupled_weight_decay"]:
            parameter.mul_(1 - rate * group["weight_decay"])
        else:
            grad = decayed(group, parameter, grad)
        now, then = (
            beta1 * (1 - 0.5 * 0.96 ** (at * group["momentum_decay"])) for at in (step, step + 1)
        )
        state["mu_product"] *= now
        product = state["mu_product"].item()
        mean, square = _moved(state, grad, beta1, beta2)
        scale = square.div(1 - beta2**step).sqrt_().add_(group["eps"])
        parameter.addcdiv_(grad, scale, value=-rate * (1 - now) / (1 - product))
        parameter.addcdiv_(mean, scale, value=-rate * then / (1 - product * then))


class RAdam(EachOptimizer):
    """Adam whose rate is rectified while the mean square is uncertain (Liu et al., 2020).

    Args:
        params: what to optimise; see `Optimizer`.
        lr: the learning rate.
        betas: how much of the running mean of the gradients and of their squares is kept.
        eps: added to the root of the mean square.
        weight_decay: factor of the parameters added to the gradients.
        decoupled_weight_decay: shrink the parameters themselves instead.
        foreach: accepted for PyTorch's sake.
        maximize: ascend instead of descend.
        capturable: not supported.
        differentiable: not supported.

    Raises:
        ValueError: an option outside its range.
    """

    def __init__(
        self,
        params: Params,
        lr: float | Tensor = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0,
        decoupled_weight_decay: bool = False,
        *,
        foreach: bool | None = None,
        maximize: bool = False,
        capturable: bool = False,
        differentiable: bool = False,
    ) -> None:
        _check(betas, eps, weight_decay)
        options = {
            "lr": lr, "betas": betas, "eps": eps, "weight_decay": weight_decay,
            "maximize": maximize, "foreach": foreach, "capturable": capturable,
            "decoupled_weight_decay": decoupled_weight_decay, "differentiable": differentiable,
        }  # fmt: skip
        super().__init__(params, options, differentiable, capturable)

    def _begin(self, group: Group, parameter: Tensor, grad: Tensor) -> State:
        return _moments(parameter)

    def _update(self, group: Group, parameter: Tensor, grad: Tensor, state: State) -> None:
        beta1, beta2 = group["betas"]
        rate, step = float(group["lr"]), state["step"]
        if group["weight_decay"] and group["decoupled_weight_decay"]:
            parameter.mul_(1 - rate * group["weight_decay"])
        else:
            grad = decayed(group, parameter, grad)
        mean, square = _moved(state, grad, beta1, beta2)
        change = mean / (1 - beta1**step) * rate
        correction = 1 - beta2**step
        limit = 2 / (1 - beta2) - 1
        length = limit - 2 * step * beta2**step / correction  # of the mean, in steps
        if length > 5.0:
            sure = (length - 4) * (length - 2) * limit
            rectified = (sure / ((limit - 4) * (limit - 2) * length)) ** 0.5
            change = change * (correction**0.5 / square.sqrt().add_(group["eps"])) * rectified
        parameter.add_(change, alpha=-1)
