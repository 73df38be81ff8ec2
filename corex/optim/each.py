"""What optimizers share that update one parameter after the other, by ops."""

from __future__ import annotations

from typing import Any

import corex
from corex import Tensor
from corex.optim.optimizer import Closure, Optimizer, Params, check_not_negative, unsupported
from corex.tensor.modes import refuse

State = dict[str, Any]


class EachOptimizer(Optimizer):
    """An optimizer whose subclass says how one parameter is updated.

    The entry `step` of a parameter's state is a number here, and a tensor in a `state_dict`, as in
    PyTorch.
    """

    counts = True
    """Whether steps are counted, as the first entry of the state."""

    def __init__(
        self, params: Params, options: dict[str, Any], differentiable: bool, capturable: bool
    ) -> None:
        unsupported(type(self).__name__, differentiable=differentiable, capturable=capturable)
        check_not_negative("learning rate", options["lr"])
        super().__init__(params, options)

    def _begin(self, group: dict[str, Any], parameter: Tensor, grad: Tensor) -> State:
        """The state of a parameter before its first step, without the count."""
        raise NotImplementedError

    def _update(self, group: dict[str, Any], parameter: Tensor, grad: Tensor, state: State) -> None:
        """Changes a parameter and its state; nothing is recorded."""
        raise NotImplementedError

    def _dense(self, grad: Tensor, group: dict[str, Any]) -> Tensor:
        if grad.layout is not corex.strided:
            raise RuntimeError(f"{type(self).__name__} does not support sparse gradients")
        return grad

    def step(self, closure: Closure | None = None) -> Any:
        """Updates the parameters; see `Optimizer.step`.

        Raises:
            RuntimeError: a graph is captured, or a gradient is sparse.
        """
        refuse(f"a step of {type(self).__name__}, whose numbers change from step to step,")
        loss = None if closure is None else self._evaluate(closure)
        with corex.no_grad():
            for group in self.param_groups:
                for parameter in group["params"]:
                    if parameter.grad is not None:
                        self._step_of(group, parameter, parameter.grad.detach())
        return loss

    def _step_of(self, group: dict[str, Any], parameter: Tensor, grad: Tensor) -> None:
        grad = self._dense(grad, group)
        state = self.state[parameter]
        if not state:
            if self.counts:
                state["step"] = 0
            state.update(self._begin(group, parameter, grad))
        if self.counts:
            state["step"] += 1
        if group.get("maximize"):
            grad = -grad
        self._update(group, parameter, grad, state)

    def _saved(self, name: str, value: Any) -> Any:
        return corex.tensor(float(value)) if name == "step" else value

    def _restored(self, parameter: Tensor, name: str, value: Any) -> Any:
        if name == "step":
            return int(value.item() if isinstance(value, Tensor) else value)
        if isinstance(value, Tensor) and not value.shape and name in ("eta", "mu", "mu_product"):
            return value.detach().clone()
        return super()._restored(parameter, name, value)


def zeros(parameter: Tensor) -> Tensor:
    """Zeros that lie as the parameter does."""
    return corex.zeros_like(parameter).detach()


def decayed(group: dict[str, Any], parameter: Tensor, grad: Tensor) -> Tensor:
    """The gradient, to which weight decay is added."""
    decay = group["weight_decay"]
    return grad.add(parameter, alpha=decay) if decay else grad
