"""ASGD and Muon: gradient descent whose parameters are averaged, or whose changes are made
orthogonal."""

from __future__ import annotations

from typing import Any

import corex
from corex import Tensor
from corex.optim.each import EachOptimizer, State, decayed, zeros
from corex.optim.optimizer import Params, check_not_negative

Group = dict[str, Any]


class ASGD(EachOptimizer):
    """Averaged stochastic gradient descent (Polyak and Juditsky, 1992).

    Args:
        params: what to optimise; see `Optimizer`.
        lr: the learning rate.
        lambd: by how much of the rate parameters shrink, and rates fall.
        alpha: the exponent by which rates fall.
        t0: the step at which averaging begins.
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
        lr: float | Tensor = 1e-2,
        lambd: float = 1e-4,
        alpha: float = 0.75,
        t0: float = 1e6,
        weight_decay: float = 0,
        foreach: bool | None = None,
        maximize: bool = False,
        differentiable: bool = False,
        capturable: bool = False,
    ) -> None:
        check_not_negative("weight_decay value", weight_decay)
        options = {
            "lr": lr, "lambd": lambd, "alpha": alpha, "t0": t0, "weight_decay": weight_decay,
            "foreach": foreach, "maximize": maximize, "differentiable": differentiable,
            "capturable": capturable,
        }  # fmt: skip
        super().__init__(params, options, differentiable, capturable)

    def _begin(self, group: Group, parameter: Tensor, grad: Tensor) -> State:
        rate = corex.tensor(float(group["lr"]))
        return {"eta": rate, "mu": corex.ones(()), "ax": zeros(parameter)}

    def _update(self, group: Group, parameter: Tensor, grad: Tensor, state: State) -> None:
        lambd, rate = group["lambd"], float(group["lr"])
        grad = decayed(group, parameter, grad)
        eta, mu, mean = state["eta"].item(), state["mu"].item(), state["ax"]
        parameter.mul_(1 - lambd * eta).add_(grad, alpha=-eta)
        if mu == 1:
            mean.copy_(parameter)
        else:
            mean.add_(parameter.sub(mean).mul_(mu))
        step = state["step"]
        state["eta"] = corex.tensor(rate / (1 + lambd * rate * step) ** group["alpha"])
        state["mu"] = corex.tensor(1 / max(1.0, step - group["t0"]))


_COEFFICIENTS = (3.4445, -4.775, 2.0315)


class Muon(EachOptimizer):
    """Momentum whose changes are made orthogonal by Newton-Schulz steps (Jordan, 2024).

    Args:
        params: matrices to optimise; see `Optimizer`.
        lr: the learning rate.
        weight_decay: fraction, times `lr`, by which parameters shrink in every step.
        momentum: how much of the running mean of the gradients is kept.
        nesterov: look ahead along the momentum.
        ns_coefficients: of the polynomial of a Newton-Schulz step.
        eps: the least norm.
        ns_steps: how many of those steps.
        adjust_lr_fn: 'original' (also None) or 'match_rms_adamw': how the rate depends on the
            matrix's shape.

    Raises:
        ValueError: an option outside its range, or a parameter that is no matrix.
    """

    counts = False

    def __init__(
        self,
        params: Params,
        lr: float | Tensor = 1e-3,
        weight_decay: float = 0.1,
        momentum: float = 0.95,
        nesterov: bool = True,
        ns_coefficients: tuple[float, float, float] = _COEFFICIENTS,
        eps: float = 1e-7,
        ns_steps: int = 5,
        adjust_lr_fn: str | None = None,
    ) -> None:
        if isinstance(lr, Tensor) and lr.numel() != 1:
            raise ValueError("Tensor lr must be 1-element")
        if not lr >= 0.0:
            raise ValueError(f"Learning rate should be >= 0 but is: {lr}")
        if not momentum >= 0.0:
            raise ValueError(f"momentum should be >= 0 but is: {momentum}")
        if not weight_decay >= 0.0:
            raise ValueError(f"weight decay should be >= 0 but is: {weight_decay}")
        if adjust_lr_fn not in (None, "original", "match_rms_adamw"):
            raise ValueError(f"Adjust learning rate function {adjust_lr_fn} is not supported")
        options = {
            "lr": lr, "weight_decay": weight_decay, "momentum": momentum, "nesterov": nesterov,
            "ns_coefficients": ns_coefficients, "eps": eps, "ns_steps": ns_steps,
            "adjust_lr_fn": adjust_lr_fn,
        }  # fmt: skip
        super().__init__(params, options, False, False)

    def _check_group(self, group: Group) -> None:
        for parameter in group["params"]:
            if parameter.dim() != 2:
                raise ValueError(
                    f"Muon only supports 2D parameters whereas we found a parameter with size: "
                    f"{parameter.shape}"
                )

    def _begin(self, group: Group, parameter: Tensor, grad: Tensor) -> State:
        return {"momentum_buffer": zeros(grad)}

    def _update(self, group: Group, parameter: Tensor, grad: Tensor, state: State) -> None:
        momentum, rate = group["momentum"], float(group["lr"])
        buffer = state["momentum_buffer"].lerp_(grad, 1 - momentum)
        change = grad.lerp(buffer, momentum) if group["nesterov"] else buffer
        change = _orthogonal(change, group["ns_coefficients"], group["ns_steps"], group["eps"])
        rows, cols = parameter.shape
        if group["adjust_lr_fn"] == "match_rms_adamw":
            factor = 0.2 * max(rows, cols) ** 0.5
        else:
            factor = max(1.0, rows / cols) ** 0.5
        parameter.mul_(1 - rate * group["weight_decay"])
        parameter.add_(change, alpha=-rate * factor)


def _orthogonal(
    t: Tensor, coefficients: tuple[float, float, float], steps: int, eps: float
) -> Tensor:
    """A matrix with the singular vectors of `t`, and singular values near 1; in bfloat16."""
    if steps >= 100:
        raise ValueError("Number of steps must be less than 100 for computational efficiency")
    if len(coefficients) != 3:
        raise ValueError("Coefficients must be a tuple of exactly 3 values")
    a, b, c = coefficients
    result = t.bfloat16()
    tall = t.size(0) > t.size(1)
    if tall:
        result = result.T
    result = result / result.norm().clamp(min=eps)
    for _ in range(steps):
        gram = result @ result.T
        result = corex.addmm(result, corex.addmm(gram, gram, gram, beta=b, alpha=c), result, beta=a)
    return result.T if tall else result
