"""Adam and AdamW."""

from __future__ import annotations

import math
from typing import Any

import corex
from corex import Tensor
from corex.errors import LayoutError
from corex.ops.nn.optimizer_steps import adam_step_
from corex.optim.optimizer import (
    Closure,
    Optimizer,
    Params,
    check_betas,
    check_not_negative,
    unsupported,
)
from corex.tensor.modes import capturing, refuse


class Adam(Optimizer):
    """Adaptive moment estimation (Kingma and Ba, 2015).

    Args:
        params: what to optimise; see `Optimizer`.
        lr: the learning rate.
        betas: how much of the running mean of the gradients and of their squares is kept.
        eps: added to the root of the mean square.
        weight_decay: factor of the parameters added to the gradients.
        amsgrad: not supported.
        foreach: accepted for PyTorch's sake; all parameters are updated by one call anyway.
        maximize: ascend instead of descend.
        capturable: count steps on the parameters' device, as a captured graph needs it.
        differentiable: not supported.
        fused: accepted for PyTorch's sake, as `foreach`.
        decoupled_weight_decay: shrink the parameters themselves instead, as AdamW does.

    Raises:
        ValueError: an option outside its range.
        NotImplementedError: an option that is not supported.
    """

    def __init__(
        self,
        params: Params,
        lr: float | Tensor = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0,
        amsgrad: bool = False,
        *,
        foreach: bool | None = None,
        maximize: bool = False,
        capturable: bool = False,
        differentiable: bool = False,
        fused: bool | None = None,
        decoupled_weight_decay: bool = False,
    ) -> None:
        unsupported(
            type(self).__name__,
            amsgrad=amsgrad,
            differentiable=differentiable,
        )
        check_not_negative("learning rate", lr)
        check_not_negative("epsilon value", eps)
        check_betas(betas)
        check_not_negative("weight_decay value", weight_decay)
        defaults = {
            "lr": lr,
            "betas": betas,
            "eps": eps,
            "weight_decay": weight_decay,
            "amsgrad": amsgrad,
            "maximize": maximize,
            "foreach": foreach,
            "capturable": capturable,
            "differentiable": differentiable,
            "fused": fused,
            "decoupled_weight_decay": decoupled_weight_decay,
        }
        super().__init__(params, defaults)

    def _saved(self, name: str, value: Any) -> Any:
        # PyTorch keeps the count in a tensor; a plain number is what the update needs.
        return corex.tensor(float(value)) if name == "step" else value

    def _restored(self, parameter: Tensor, name: str, value: Any) -> Any:
        if name == "step" and self._is_capturable(parameter):
            return corex.tensor(float(value), dtype=corex.float32, device=parameter.device)
        if name == "step":
            return int(value.item() if isinstance(value, Tensor) else value)
        return super()._restored(parameter, name, value)

    def _is_capturable(self, parameter: Tensor) -> bool:
        groups = [g for g in self.param_groups if any(p is parameter for p in g["params"])]
        return any(group["capturable"] for group in groups)

    def step(self, closure: Closure | None = None) -> Any:
        """Updates the parameters; see `Optimizer.step`.

        Raises:
            RuntimeError: a graph is captured, and the optimizer is not `capturable`; or a gradient
                is sparse.
        """
        loss = None if closure is None else self._evaluate(closure)
        for group in self.param_groups:
            if group["capturable"]:
                self._step_on_device(group)
                continue
            if capturing.active:
                refuse(
                    f"the count of steps of {type(self).__name__}, unless it is constructed with "
                    "capturable=True,"
                )
            # Parameters that had a gradient in every step so far share one count, and one call.
            by_step: dict[int, tuple[list[Tensor], ...]] = {}
            for parameter in group["params"]:
                grad = parameter.grad
                if grad is None:
                    continue
                state = self.state[parameter]
                if not state:
                    state["step"] = 0
                    state["exp_avg"] = corex.zeros_like(parameter).detach()
                    state["exp_avg_sq"] = corex.zeros_like(parameter).detach()
                state["step"] += 1
                lists = by_step.get(state["step"])
                if lists is None:
                    lists = by_step[state["step"]] = ([], [], [], [])
                lists[0].append(parameter)
                lists[1].append(grad)
                lists[2].append(state["exp_avg"])
                lists[3].append(state["exp_avg_sq"])
            for step, lists in by_step.items():
                beta1, beta2 = group["betas"]
                try:
                    adam_step_(
                        *lists,
                        step=step,
                        lr=float(group["lr"]),
                        beta1=beta1,
                        beta2=beta2,
                        eps=group["eps"],
                        weight_decay=group["weight_decay"],
                        decoupled=group["decoupled_weight_decay"],
                        maximize=group["maximize"],
                    )
                except LayoutError as reached:
                    raise RuntimeError(
                        "Adam does not support sparse gradients, please consider SparseAdam instead"
                    ) from reached
        return loss

    def _step_on_device(self, group: dict[str, Any]) -> None:
        """The same update, with counts of steps that are tensors; by ops, in PyTorch's order."""
        beta1, beta2 = group["betas"]
        lr, decay = group["lr"], group["weight_decay"]
        with corex.no_grad():
            for parameter in group["params"]:
                if parameter.grad is None:
                    continue
                state = self.state[parameter]
                if not state:
                    refuse("the first step of Adam, which makes its state,")
                    state["step"] = corex.zeros((), dtype=corex.float32, device=parameter.device)
                    state["exp_avg"] = corex.zeros_like(parameter).detach()
                    state["exp_avg_sq"] = corex.zeros_like(parameter).detach()
                step, mean, square = state["step"], state["exp_avg"], state["exp_avg_sq"]
                step.add_(1)
                grad = -parameter.grad if group["maximize"] else parameter.grad
                if decay and group["decoupled_weight_decay"]:
                    parameter.mul_(1 - lr * decay)
                elif decay:
                    grad = grad + parameter * decay
                mean.add_((grad - mean) * (1 - beta1))
                square.mul_(beta2).add_(grad * grad * (1 - beta2))
                scale = square.sqrt() / _correction(beta2, step).sqrt() + group["eps"]
                parameter.add_(mean / scale * (-lr / _correction(beta1, step)))


def _correction(beta: float, step: Tensor) -> Tensor:
    """1 - beta ** step, without the cancellation that this has in float32."""
    return -(step * (math.log(beta) if beta else -math.inf)).expm1()


class AdamW(Adam):
    """Adam whose weight decay shrinks the parameters themselves (Loshchilov and Hutter, 2019).

    Args:
        params: what to optimise; see `Optimizer`.
        lr: the learning rate.
        betas: how much of the running mean of the gradients and of their squares is kept.
        eps: added to the root of the mean square.
        weight_decay: fraction, times `lr`, by which parameters shrink in every step.
        amsgrad: not supported.
        maximize: ascend instead of descend.
        foreach: accepted for PyTorch's sake; all parameters are updated by one call anyway.
        capturable: as Adam's.
        differentiable: not supported.
        fused: accepted for PyTorch's sake, as `foreach`.

    Raises:
        ValueError: an option outside its range.
        NotImplementedError: an option that is not supported.
    """

    def __init__(
        self,
        params: Params,
        lr: float | Tensor = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 1e-2,
        amsgrad: bool = False,
        *,
        maximize: bool = False,
        foreach: bool | None = None,
        capturable: bool = False,
        differentiable: bool = False,
        fused: bool | None = None,
    ) -> None:
        super().__init__(
            params,
            lr,
            betas,
            eps,
            weight_decay,
            amsgrad,
            foreach=foreach,
            maximize=maximize,
            capturable=capturable,
            differentiable=differentiable,
            fused=fused,
            decoupled_weight_decay=True,
        )
