"""Adam for sparse gradients."""

from __future__ import annotations

import math
from typing import Any

import corex
from corex import Tensor
from corex.optim.optimizer import Closure, Optimizer, Params, check_betas


class SparseAdam(Optimizer):
    """Adam (Kingma and Ba, 2015) that only touches what a sparse gradient stores: the running means
    of all else stay as they are, and so do the parameters.

    Args:
        params: what to optimise, dense tensors whose gradients are sparse; see `Optimizer`.
        lr: the learning rate.
        betas: how much of the running mean of the gradients and of their squares is kept.
        eps: added to the root of the mean square.
        maximize: ascend instead of descend.

    Raises:
        ValueError: an option outside its range, or sparse parameters.
    """

    def __init__(
        self,
        params: Params,
        lr: float | Tensor = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        maximize: bool = False,
    ) -> None:
        if not lr > 0.0:
            raise ValueError(f"Invalid learning rate: {lr}")
        if not eps > 0.0:
            raise ValueError(f"Invalid epsilon value: {eps}")
        check_betas(betas)
        super().__init__(params, {"lr": lr, "betas": betas, "eps": eps, "maximize": maximize})
        sparse = [
            [i, j]
            for i, group in enumerate(self.param_groups)
            for j, parameter in enumerate(group["params"])
            if parameter.layout is not corex.strided
        ]
        if sparse:
            raise ValueError(
                f"Sparse params at indices {sparse}: SparseAdam requires dense parameter tensors"
            )

    def step(self, closure: Closure | None = None) -> Any:
        """Updates the parameters; see `Optimizer.step`.

        Raises:
            RuntimeError: a dense gradient.
        """
        loss = None if closure is None else self._evaluate(closure)
        with corex.no_grad():
            for group in self.param_groups:
                for parameter in group["params"]:
                    if parameter.grad is not None:
                        self._update(group, parameter, parameter.grad)
        return loss

    def _update(self, group: dict[str, Any], parameter: Tensor, given: Any) -> None:
        if given.layout is not corex.sparse_coo:
            raise RuntimeError(
                "SparseAdam does not support dense gradients, please consider Adam instead"
            )
        state = self.state[parameter]
        if not state:
            state["step"] = 0
            state["exp_avg"] = corex.zeros_like(parameter).detach()
            state["exp_avg_sq"] = corex.zeros_like(parameter).detach()
        state["step"] += 1
        grad = (-given if group["maximize"] else given).coalesce()
        if not grad._nnz():
            return
        beta1, beta2 = group["betas"]
        values = grad.values()

        def moved(mean: Tensor, towards: Tensor, beta: float) -> Tensor:
            """The running mean at the gradient's places, moved there."""
            before: Tensor = mean.sparse_mask(grad).values()
            change = (towards - before) * (1 - beta)
            mean.add_(_at(grad, change))
            return before + change

        mean = moved(state["exp_avg"], values, beta1)
        square = moved(state["exp_avg_sq"], values * values, beta2)
        count = state["step"]
        rate = float(group["lr"]) * math.sqrt(1 - beta2**count) / (1 - beta1**count)
        parameter.add_(_at(grad, mean / (square.sqrt() + group["eps"]) * -rate))


def _at(like: Any, values: Tensor) -> Tensor:
    """Other values at the places of a coalesced tensor."""
    from corex.sparse import sparse_coo_tensor  # loaded by the gradient that was sparse

    found: Tensor = sparse_coo_tensor(
        like.indices(), values, like.shape, is_coalesced=True, check_invariants=False
    )
    return found
