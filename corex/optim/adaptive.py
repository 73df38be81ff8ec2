"""Optimizers with a rate for each element, from the gradients that it had."""

from __future__ import annotations

from typing import Any

import corex
from corex import Tensor
from corex.optim.each import EachOptimizer, State, decayed, zeros
from corex.optim.optimizer import Params, check_not_negative

Group = dict[str, Any]


class Adadelta(EachOptimizer):
    """Rates from the ratio of past changes to past gradients (Zeiler, 2012).

    Args:
        params: what to optimise; see `Optimizer`.
        lr: a factor of the change.
        rho: how much of the running means of squares is kept.
        eps: added to them.
        weight_decay: factor of the parameters added to the gradients.
        foreach: accepted for PyTorch's sake.
        capturable: not supported.
        maximize: ascend instead of descend.
        differentiable: not supported.

    Raises:
        ValueError: an option outside its range.
    """

    def __init__(
        self,
        params: Params,
        lr: float | Tensor = 1.0,
        rho: float = 0.9,
        eps: float = 1e-6,
        weight_decay: float = 0,
        foreach: bool | None = None,
        *,
        capturable: bool = False,
        maximize: bool = False,
        differentiable: bool = False,
    ) -> None:
        if not 0.0 <= rho <= 1.0:
            raise ValueError(f"Invalid rho value: {rho}")
        check_not_negative("epsilon value", eps)
        check_not_negative("weight_decay value", weight_decay)
        options = {
            "lr": lr, "rho": rho, "eps": eps, "weight_decay": weight_decay, "maximize": maximize,
            "capturable": capturable, "foreach": foreach, "differentiable": differentiable,
        }  # fmt: skip
        super().__init__(params, options, differentiable, capturable)

    def _begin(self, group: Group, parameter: Tensor, grad: Tensor) -> State:
        return {"square_avg": zeros(parameter), "acc_delta": zeros(parameter)}

    def _update(self, group: Group, parameter: Tensor, grad: Tensor, state: State) -> None:
        rho, eps = group["rho"], group["eps"]
        grad = decayed(group, parameter, grad)
        squares, changes = state["square_avg"], state["acc_delta"]
        squares.mul_(rho).addcmul_(grad, grad, value=1 - rho)
        delta = changes.add(eps).sqrt_().div_(squares.add(eps).sqrt_()).mul_(grad)
        changes.mul_(rho).addcmul_(delta, delta, value=1 - rho)
        parameter.add_(delta, alpha=-float(group["lr"]))


class Adagrad(EachOptimizer):
    """Rates from the sum of all past squares (Duchi et al., 2011).

    Args:
        params: what to optimise; see `Optimizer`.
        lr: the learning rate.
        lr_decay: how fast it falls from step to step.
        weight_decay: factor of the parameters added to the gradients.
        initial_accumulator_value: the sum before the first step.
        eps: added to its root.
        foreach: accepted for PyTorch's sake.
        maximize: ascend instead of descend.
        differentiable: not supported.
        fused: accepted for PyTorch's sake.

    Raises:
        ValueError: an option outside its range.
    """

    def __init__(
        self,
        params: Params,
        lr: float | Tensor = 1e-2,
        lr_decay: float = 0,
        weight_decay: float = 0,
        initial_accumulator_value: float = 0,
        eps: float = 1e-10,
        foreach: bool | None = None,
        *,
        maximize: bool = False,
        differentiable: bool = False,
        fused: bool | None = None,
    ) -> None:
        check_not_negative("lr_decay value", lr_decay)
        check_not_negative("weight_decay value", weight_decay)
        check_not_negative("initial_accumulator_value value", initial_accumulator_value)
        check_not_negative("epsilon value", eps)
        options = {
            "lr": lr, "lr_decay": lr_decay, "eps": eps, "weight_decay": weight_decay,
            "initial_accumulator_value": initial_accumulator_value, "foreach": foreach,
            "maximize": maximize, "differentiable": differentiable, "fused": fused,
        }  # fmt: skip
        super().__init__(params, options, differentiable, False)
        for group in self.param_groups:
            for parameter in group["params"]:
                self.state[parameter] = {"step": 0, **self._begin(group, parameter, parameter)}

    def share_memory(self) -> None:
        """Has other processes see the sums."""
        for entries in self.state.values():
            entries["sum"].share_memory_()

    def _dense(self, grad: Tensor, group: Group) -> Tensor:
        if grad.layout is corex.strided:
            return grad
        if group["weight_decay"]:
            raise RuntimeError("weight_decay option is not compatible with sparse gradients")
        return grad.to_dense()  # a row without a gradient stays as it is

    def _begin(self, group: Group, parameter: Tensor, grad: Tensor) -> State:
        start = group["initial_accumulator_value"]
        return {"sum": corex.full_like(parameter, start).detach()}

    def _update(self, group: Group, parameter: Tensor, grad: Tensor, state: State) -> None:
        grad = decayed(group, parameter, grad)
        rate = float(group["lr"]) / (1 + (state["step"] - 1) * group["lr_decay"])
        state["sum"].addcmul_(grad, grad, value=1)
        parameter.addcdiv_(grad, state["sum"].sqrt().add_(group["eps"]), value=-rate)


class RMSprop(EachOptimizer):
    """Rates from the running mean of squares (Hinton, 2012); centred, Graves, 2013.

    Args:
        params: what to optimise; see `Optimizer`.
        lr: the learning rate.
        alpha: how much of the running mean is kept.
        eps: added to its root.
        weight_decay: factor of the parameters added to the gradients.
        momentum: how much of the last change is kept.
        centered: whether to divide by the root of the variance instead.
        capturable: not supported.
        foreach: accepted for PyTorch's sake.
        maximize: ascend instead of descend.
        differentiable: not supported.

    Raises:
        ValueError: an option outside its range.
    """

    def __init__(
        self,
        params: Params,
        lr: float | Tensor = 1e-2,
        alpha: float = 0.99,
        eps: float = 1e-8,
        weight_decay: float = 0,
        momentum: float = 0,
        centered: bool = False,
        capturable: bool = False,
        foreach: bool | None = None,
        maximize: bool = False,
        differentiable: bool = False,
    ) -> None:
        check_not_negative("epsilon value", eps)
        check_not_negative("momentum value", momentum)
        check_not_negative("weight_decay value", weight_decay)
        check_not_negative("alpha value", alpha)
        options = {
            "lr": lr, "momentum": momentum, "alpha": alpha, "eps": eps, "centered": centered,
            "weight_decay": weight_decay, "capturable": capturable, "foreach": foreach,
            "maximize": maximize, "differentiable": differentiable,
        }  # fmt: skip
        super().__init__(params, options, differentiable, capturable)

    def _begin(self, group: Group, parameter: Tensor, grad: Tensor) -> State:
        names = ["square_avg"]
        names += ["momentum_buffer"] if group["momentum"] > 0 else []
        names += ["grad_avg"] if group["centered"] else []
        return {name: zeros(parameter) for name in names}

    def _update(self, group: Group, parameter: Tensor, grad: Tensor, state: State) -> None:
        alpha, rate = group["alpha"], float(group["lr"])
        grad = decayed(group, parameter, grad)
        squares = state["square_avg"]
        squares.mul_(alpha).addcmul_(grad, grad, value=1 - alpha)
        if group["centered"]:
            mean = state["grad_avg"].lerp_(grad, 1 - alpha)
            scale = squares.addcmul(mean, mean, value=-1).sqrt_()
        else:
            scale = squares.sqrt()
        scale = scale.add_(group["eps"])
        if group["momentum"] > 0:
            change = state["momentum_buffer"].mul_(group["momentum"]).addcdiv_(grad, scale)
            parameter.add_(change, alpha=-rate)
        else:
            parameter.addcdiv_(grad, scale, value=-rate)


class Rprop(EachOptimizer):
    """Steps that grow while a gradient keeps its sign, and shrink when it changes (Riedmiller and
    Braun, 1993).

    Args:
        params: what to optimise; see `Optimizer`.
        lr: the first step.
        etas: by what steps shrink and grow.
        step_sizes: the least and the largest step.
        capturable: not supported.
        foreach: accepted for PyTorch's sake.
        maximize: ascend instead of descend.
        differentiable: not supported.

    Raises:
        ValueError: an option outside its range.
    """

    def __init__(
        self,
        params: Params,
        lr: float | Tensor = 1e-2,
        etas: tuple[float, float] = (0.5, 1.2),
        step_sizes: tuple[float, float] = (1e-6, 50),
        *,
        capturable: bool = False,
        foreach: bool | None = None,
        maximize: bool = False,
        differentiable: bool = False,
    ) -> None:
        if not 0.0 < etas[0] < 1.0 < etas[1]:
            raise ValueError(f"Invalid eta values: {etas[0]}, {etas[1]}")
        options = {
            "lr": lr, "etas": etas, "step_sizes": step_sizes, "foreach": foreach,
            "maximize": maximize, "differentiable": differentiable, "capturable": capturable,
        }  # fmt: skip
        super().__init__(params, options, differentiable, capturable)

    def _begin(self, group: Group, parameter: Tensor, grad: Tensor) -> State:
        size = corex.full_like(grad, float(group["lr"])).detach()
        return {"prev": zeros(parameter), "step_size": size}

    def _update(self, group: Group, parameter: Tensor, grad: Tensor, state: State) -> None:
        shrink, grow = group["etas"]
        sign = grad.mul(state["prev"]).sign()
        factor = corex.ones_like(sign).masked_fill_(sign > 0, grow).masked_fill_(sign < 0, shrink)
        size = state["step_size"].mul_(factor).clamp_(*group["step_sizes"])
        grad = grad.masked_fill(sign < 0, 0)
        parameter.addcmul_(grad.sign(), size, value=-1)
        state["prev"].copy_(grad)


class Adafactor(EachOptimizer):
    """Rates from factored means of squares (Shazeer and Stern, 2018).

    Args:
        params: what to optimise; see `Optimizer`.
        lr: the largest relative step.
        beta2_decay: the exponent of the step's number that tells how much a gradient counts.
        eps: the least mean square (the dtype's epsilon, squared, if None), and the least scale of
            a parameter.
        d: to what root mean square a change is clipped.
        weight_decay: fraction, times `lr`, by which parameters shrink in every step.
        foreach: accepted for PyTorch's sake.
        maximize: ascend instead of descend.

    Raises:
        ValueError: an option outside its range.
    """

    def __init__(
        self,
        params: Params,
        lr: float | Tensor = 1e-2,
        beta2_decay: float = -0.8,
        eps: tuple[float | None, float] = (None, 1e-3),
        d: float = 1.0,
        weight_decay: float = 0.0,
        *,
        foreach: bool | None = None,
        maximize: bool = False,
    ) -> None:
        check_not_negative("learning rate", lr)
        if not beta2_decay <= 0.0:
            raise ValueError(f"beta2_decay should be <= 0 but is: {beta2_decay}")
        if eps[0] is not None and not eps[0] >= 0.0:
            raise ValueError(f"epsilon1 should be >= 0 but is: {eps[0]}")
        if not eps[1] >= 0.0:
            raise ValueError(f"epsilon2 should be >= 0 but is: {eps[1]}")
        if not d >= 1.0:
            raise ValueError(f"Clipping threshold d should be >= 1 but is: {d}")
        if not weight_decay >= 0.0:
            raise ValueError(f"weight_decay should be >= 0 but is: {weight_decay}")
        options = {
            "lr": lr, "beta2_decay": beta2_decay, "eps": eps, "d": d,
            "weight_decay": weight_decay, "foreach": foreach, "maximize": maximize,
        }  # fmt: skip
        super().__init__(params, options, False, False)

    def _begin(self, group: Group, parameter: Tensor, grad: Tensor) -> State:
        if grad.dim() < 2:
            return {"variance": zeros(grad)}
        rows, cols = list(grad.shape), list(grad.shape)
        rows[-1] = cols[-2] = 1
        return {"row_var": grad.new_zeros(rows), "col_var": grad.new_zeros(cols)}

    def _update(self, group: Group, parameter: Tensor, grad: Tensor, state: State) -> None:
        least, smallest = group["eps"]
        if least is None:
            least = corex.finfo(parameter.dtype).eps
        rate, step = float(group["lr"]), float(state["step"])
        share = step ** group["beta2_decay"]
        root = parameter.numel() ** 0.5
        scale = max(smallest, parameter.norm(2).item() / root) * min(rate, step**-0.5)
        if group["weight_decay"]:
            parameter.mul_(1 - rate * group["weight_decay"])
        if grad.dim() > 1:
            for name, dim in (("row_var", -1), ("col_var", -2)):
                mean = grad.norm(dim=dim, keepdim=True).square_().div_(grad.size(dim))
                state[name].lerp_(mean, share)
            rows = state["row_var"]
            estimate = rows @ state["col_var"]
            estimate.div_(rows.mean(dim=-2, keepdim=True).clamp_(min=least))
        else:
            estimate = state["variance"].lerp_(grad.square(), share).clone()
        update = estimate.clamp_(min=least * least).rsqrt_().mul_(grad)
        excess = max(1.0, update.norm(2).item() / (root * group["d"]))
        parameter.add_(update, alpha=-scale / excess)
