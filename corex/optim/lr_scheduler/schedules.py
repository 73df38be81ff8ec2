"""Learning rates that change from epoch to epoch.

Schedulers are chainable: each computes the next rate from the current one of each group, so that
several may steer one optimizer, a rate that was set by hand is where they go on from, and groups
may join later. `step()` counts epochs; it is called after the optimizer's.
"""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import corex
from corex import Tensor
from corex.errors import warn
from corex.optim.optimizer import Optimizer

Rate = Any
"""A float, or a 0-d tensor where the group's rate is one."""


def _copies(optimizer: Optimizer, name: str) -> list[Rate]:
    """An option of every group; of tensors copies, since rates are written in place."""
    values = [group[name] for group in optimizer.param_groups]
    return [value.clone() if isinstance(value, Tensor) else value for value in values]


def _write(group: dict[str, Any], rate: Rate) -> None:
    """Sets the rate of a group; a rate that is a tensor stays the same one."""
    if isinstance(group["lr"], Tensor):
        with corex.no_grad():
            group["lr"].fill_(float(rate))
    else:
        group["lr"] = rate


class LRScheduler:
    """Sets the learning rate of every group of an optimizer, epoch by epoch.

    Subclasses implement `get_lr`, and perhaps `_get_closed_form_lr`, which `step(epoch)` uses.

    Args:
        optimizer: whose groups to steer.
        last_epoch: the number of the last epoch that was trained; -1 at the start.

    Raises:
        TypeError: not an optimizer.
        KeyError: resuming with groups that have no `initial_lr`.
    """

    _initial = False  # while the constructor sets the rates of the first epoch

    def __init__(self, optimizer: Optimizer, last_epoch: int = -1) -> None:
        if not isinstance(optimizer, Optimizer):
            raise TypeError(f"{type(optimizer).__name__} is not an Optimizer")
        self.optimizer = optimizer
        for number, (group, rate) in enumerate(
            zip(optimizer.param_groups, _copies(optimizer, "lr"), strict=True)
        ):
            if last_epoch == -1:
                group.setdefault("initial_lr", rate)
            elif "initial_lr" not in group:
                raise KeyError(
                    f"param 'initial_lr' is not specified in param_groups[{number}] when resuming "
                    f"scheduler with last_epoch >= 0; load the optimizer's state first"
                )
        self.base_lrs: list[Rate] = _copies(optimizer, "initial_lr")
        self.last_epoch = last_epoch
        self._step_count = 0
        self._last_lr: list[Rate] = []
        self._begin()

    def _begin(self) -> None:
        """Sets the rates of the first epoch."""
        self._initial = True
        try:
            self.step()
        finally:
            del self._initial

    def get_lr(self) -> list[Rate]:
        """The rate of each group for epoch `last_epoch`, from the current ones."""
        raise NotImplementedError

    def get_last_lr(self) -> list[Rate]:
        """The rates that were set last."""
        return self._last_lr

    def step(self, epoch: int | None = None) -> None:
        """Goes to the next epoch.

        Args:
            epoch: deprecated as in PyTorch; the epoch to go to. The rates follow from the initial
                ones then, where the schedule has a formula for them.
        """
        if epoch is not None:
            warn("the epoch argument of step() is deprecated")
        self._go(epoch)

    def _go(self, epoch: int | None) -> None:
        """Goes to the next epoch, or to a given one."""
        self._step_count += 1
        if epoch is None:
            self.last_epoch += 1
            rates = self.get_lr()
        else:
            self.last_epoch = epoch
            rates = getattr(self, "_get_closed_form_lr", self.get_lr)()
        self._set(rates)

    def _set(self, rates: list[Rate]) -> None:
        for group, rate in zip(self.optimizer.param_groups, rates, strict=True):
            _write(group, rate)
        self._last_lr = _copies(self.optimizer, "lr")

    def state_dict(self) -> dict[str, Any]:
        """Everything but the optimizer."""
        return {name: value for name, value in self.__dict__.items() if name != "optimizer"}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Restores what `state_dict` gave."""
        self.__dict__.update(state_dict)


_LRScheduler = LRScheduler  # its name in older programs


class _ScalingLR(LRScheduler):
    """A schedule of factors: in each epoch the current rates are multiplied by one."""

    def _change(self, epoch: int) -> float:
        """By what the rate is multiplied on the way into an epoch."""
        raise NotImplementedError

    def _factor(self, epoch: int) -> float:
        """The product of all changes up to an epoch."""
        raise NotImplementedError

    def get_lr(self) -> list[Rate]:
        """The rate of each group: the current one times the epoch's factor."""
        change = self._change(self.last_epoch)
        rates = _copies(self.optimizer, "lr")
        return rates if change == 1.0 else [rate * change for rate in rates]

    def _get_closed_form_lr(self) -> list[Rate]:
        return [base * self._factor(self.last_epoch) for base in self.base_lrs]


class LambdaLR(LRScheduler):
    """The initial rate times a function of the epoch.

    Args:
        optimizer: whose groups to steer.
        lr_lambda: epoch -> factor; one function, or one for each group.
        last_epoch: the last epoch that was trained.

    Raises:
        ValueError: not as many functions as groups; also in `step`, for a group added later.
    """

    def __init__(
        self,
        optimizer: Optimizer,
        lr_lambda: Callable[[int], float] | Sequence[Callable[[int], float]],
        last_epoch: int = -1,
    ) -> None:
        groups = len(optimizer.param_groups)
        lambdas = [lr_lambda] * groups if callable(lr_lambda) else list(lr_lambda)
        if len(lambdas) != groups:
            raise ValueError(f"Expected {groups} lr_lambdas, but got {len(lambdas)}")
        self.lr_lambdas = lambdas
        super().__init__(optimizer, last_epoch)

    def get_lr(self) -> list[Rate]:
        """The rate of each group."""
        groups = len(self.optimizer.param_groups)
        if groups != len(self.base_lrs):
            raise ValueError(
                f"LambdaLR has functions and initial rates for {len(self.base_lrs)} parameter "
                f"groups, but the optimizer has {groups} now; extend lr_lambdas and base_lrs"
            )
        return [
            base * function(self.last_epoch)
            for base, function in zip(self.base_lrs, self.lr_lambdas, strict=True)
        ]

    def state_dict(self) -> dict[str, Any]:
        """Everything but the optimizer; of the factors only what callable objects hold."""
        state = super().state_dict()
        plain = type(lambda: None)
        state["lr_lambdas"] = [
            None if isinstance(function, plain) else dict(vars(function))
            for function in self.lr_lambdas
        ]
        return state

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Restores what `state_dict` gave; the functions stay."""
        state = dict(state_dict)
        for function, saved in zip(self.lr_lambdas, state.pop("lr_lambdas", ()), strict=False):
            if saved is not None:
                vars(function).update(saved)
        super().load_state_dict(state)


class StepLR(_ScalingLR):
    """Times `gamma` every `step_size` epochs."""

    def __init__(
        self, optimizer: Optimizer, step_size: int, gamma: float = 0.1, last_epoch: int = -1
    ) -> None:
        self.step_size = step_size
        self.gamma = gamma
        super().__init__(optimizer, last_epoch)

    def _change(self, epoch: int) -> float:
        return 1.0 if epoch == 0 or epoch % self.step_size else self.gamma

    def _factor(self, epoch: int) -> float:
        return float(self.gamma ** (epoch // self.step_size))


class MultiStepLR(_ScalingLR):
    """Times `gamma` at each of the epochs `milestones`, for each time that one is named."""

    def __init__(
        self,
        optimizer: Optimizer,
        milestones: Iterable[int],
        gamma: float = 0.1,
        last_epoch: int = -1,
    ) -> None:
        self.milestones = sorted(milestones)
        self.gamma = gamma
        super().__init__(optimizer, last_epoch)

    def _change(self, epoch: int) -> float:
        return float(self.gamma ** self.milestones.count(epoch))

    def _factor(self, epoch: int) -> float:
        return float(self.gamma ** bisect_right(self.milestones, epoch))


class ExponentialLR(_ScalingLR):
    """Times `gamma` in every epoch."""

    def __init__(self, optimizer: Optimizer, gamma: float, last_epoch: int = -1) -> None:
        self.gamma = gamma
        super().__init__(optimizer, last_epoch)

    def _change(self, epoch: int) -> float:
        return 1.0 if self._initial else self.gamma

    def _factor(self, epoch: int) -> float:
        return float(self.gamma**epoch)


class LinearLR(_ScalingLR):
    """From `start_factor` to `end_factor` in `total_iters` epochs, then constant.

    Raises:
        ValueError: a factor outside its range.
    """

    def __init__(
        self,
        optimizer: Optimizer,
        start_factor: float = 1.0 / 3,
        end_factor: float = 1.0,
        total_iters: int = 5,
        last_epoch: int = -1,
    ) -> None:
        if not 0 < start_factor <= 1:
            raise ValueError(
                "Starting multiplicative factor expected to be greater than 0 and less or equal "
                "to 1."
            )
        if not 0 <= end_factor <= 1:
            raise ValueError("Ending multiplicative factor expected to be between 0 and 1.")
        self.start_factor = start_factor
        self.end_factor = end_factor
        self.total_iters = total_iters
        super().__init__(optimizer, last_epoch)

    def _change(self, epoch: int) -> float:
        if epoch == 0:
            return self.start_factor
        if self._initial or epoch > self.total_iters:
            return 1.0
        step = self.end_factor - self.start_factor
        return 1.0 + step / (self.total_iters * self.start_factor + (epoch - 1) * step)

    def _factor(self, epoch: int) -> float:
        part = min(epoch, self.total_iters) / self.total_iters
        return self.start_factor + (self.end_factor - self.start_factor) * part


class ConstantLR(_ScalingLR):
    """Times `factor` for the first `total_iters` epochs.

    Raises:
        ValueError: a factor outside [0, 1].
    """

    def __init__(
        self,
        optimizer: Optimizer,
        factor: float = 1.0 / 3,
        total_iters: int = 5,
        last_epoch: int = -1,
    ) -> None:
        if not 0 <= factor <= 1:
            raise ValueError("Constant multiplicative factor expected to be between 0 and 1.")
        self.factor = factor
        self.total_iters = total_iters
        super().__init__(optimizer, last_epoch)

    def get_lr(self) -> list[Rate]:
        """The rate of each group; after a factor of 0 the initial one, for nothing else is left."""
        if self.factor == 0 and self.last_epoch == self.total_iters:
            return self._get_closed_form_lr()
        return super().get_lr()

    def _change(self, epoch: int) -> float:
        if epoch == 0:
            return self.factor
        return 1.0 / self.factor if epoch == self.total_iters else 1.0

    def _factor(self, epoch: int) -> float:
        return self.factor if epoch < self.total_iters else 1.0


class MultiplicativeLR(LambdaLR):
    """In each epoch times a function of the epoch, or one for each group."""

    def get_lr(self) -> list[Rate]:
        """The current rates, times what the functions say."""
        rates = _copies(self.optimizer, "lr")
        if self._initial:
            return rates
        return [rate * f(self.last_epoch) for f, rate in zip(self.lr_lambdas, rates, strict=True)]


class PolynomialLR(_ScalingLR):
    """Times (1 - epoch / total_iters) ** power, until it is 0."""

    def __init__(
        self, optimizer: Optimizer, total_iters: int = 5, power: float = 1.0, last_epoch: int = -1
    ) -> None:
        self.total_iters = total_iters
        self.power = power
        super().__init__(optimizer, last_epoch)

    def _change(self, epoch: int) -> float:
        if self._initial or epoch > self.total_iters:
            return 1.0
        left, before = 1 - epoch / self.total_iters, 1 - (epoch - 1) / self.total_iters
        return float((left / before) ** self.power)

    def _factor(self, epoch: int) -> float:
        return float((1 - min(epoch, self.total_iters) / self.total_iters) ** self.power)


class CosineAnnealingLR(LRScheduler):
    """From the initial rate to `eta_min` in `T_max` epochs along a cosine, and back again
    (Loshchilov and Hutter, 2017)."""

    def __init__(
        self, optimizer: Optimizer, T_max: int, eta_min: float = 0.0, last_epoch: int = -1
    ) -> None:
        self.T_max = T_max
        self.eta_min = eta_min
        super().__init__(optimizer, last_epoch)

    def _wave(self, epoch: int) -> float:
        return 1 + math.cos(math.pi * epoch / self.T_max)

    def get_lr(self) -> list[Rate]:
        """The rate of each group: its distance to `eta_min` shrinks or grows as the cosine does."""
        rates = _copies(self.optimizer, "lr")
        epoch, lowest = self.last_epoch, self.eta_min
        if self._initial:
            return rates
        if (epoch - 1 - self.T_max) % (2 * self.T_max) == 0:  # from eta_min upwards
            rise = (1 - math.cos(math.pi / self.T_max)) / 2
            bases = [group.get("initial_lr", group["lr"]) for group in self.optimizer.param_groups]
            return [rate + (base - lowest) * rise for rate, base in zip(rates, bases, strict=True)]
        ratio = self._wave(epoch) / self._wave(epoch - 1)
        return [lowest + (rate - lowest) * ratio for rate in rates]

    def _get_closed_form_lr(self) -> list[Rate]:
        wave = self._wave(self.last_epoch) / 2
        return [self.eta_min + (base - self.eta_min) * wave for base in self.base_lrs]


class ReduceLROnPlateau(LRScheduler):
    """Times `factor` when a metric has not improved for more than `patience` epochs.

    Args:
        optimizer: whose groups to steer.
        mode: 'min' or 'max', what improvement means.
        factor: what the rate is multiplied by, below 1.
        patience: epochs without improvement that are accepted.
        threshold: how much counts as improvement.
        threshold_mode: 'rel' or 'abs', what the threshold means.
        cooldown: epochs to wait after a reduction.
        min_lr: the lowest rate; one number, or one for each group.
        eps: smaller reductions are not made.

    Raises:
        ValueError: a factor of 1 or more, or an unknown mode.
    """

    def __init__(
        self,
        optimizer: Optimizer,
        mode: str = "min",
        factor: float = 0.1,
        patience: int = 10,
        threshold: float = 1e-4,
        threshold_mode: str = "rel",
        cooldown: int = 0,
        min_lr: float | Sequence[float] = 0,
        eps: float = 1e-8,
    ) -> None:
        if factor >= 1.0:
            raise ValueError("Factor should be < 1.0.")
        if mode not in ("min", "max"):
            raise ValueError(f"mode {mode} is unknown!")
        if threshold_mode not in ("rel", "abs"):
            raise ValueError(f"threshold mode {threshold_mode} is unknown!")
        if not isinstance(optimizer, Optimizer):
            raise TypeError(f"{type(optimizer).__name__} is not an Optimizer")
        groups = len(optimizer.param_groups)
        single = not isinstance(min_lr, (list, tuple))
        listed = [min_lr] * groups if single else list(min_lr)  # type: ignore[arg-type]
        if len(listed) != groups:
            raise ValueError(f"expected {groups} min_lrs, got {len(listed)}")
        self.optimizer = optimizer
        self.mode = mode
        self.factor = factor
        self.patience = patience
        self.threshold = threshold
        self.threshold_mode = threshold_mode
        self.cooldown = cooldown
        self.min_lrs: list[Any] = listed
        self.default_min_lr = min_lr if single else None
        self.eps = eps
        self.best = math.inf if mode == "min" else -math.inf
        self.num_bad_epochs = 0
        self.cooldown_counter = 0
        self.last_epoch = 0
        self._last_lr = _copies(optimizer, "lr")

    def is_better(self, value: float, best: float) -> bool:
        """Whether `value` improves on `best`."""
        sign = 1 if self.mode == "max" else -1
        if self.threshold_mode == "abs":
            return sign * (value - best) > self.threshold
        return sign * (value - best * (1 + sign * self.threshold)) > 0

    def step(self, metrics: Any = None, epoch: int | None = None) -> None:  # type: ignore[override]
        """Goes to the next epoch, given the metric of the one before.

        Raises:
            TypeError: no metric.
        """
        if metrics is None:
            raise TypeError("step() of ReduceLROnPlateau needs the metric to watch")
        value = float(metrics)
        if epoch is not None:
            warn("the epoch argument of step() is deprecated")
        self.last_epoch = self.last_epoch + 1 if epoch is None else epoch
        if self.is_better(value, self.best):
            self.best = value
            self.num_bad_epochs = 0
        else:
            self.num_bad_epochs += 1
        if self.cooldown_counter > 0:
            self.cooldown_counter -= 1
            self.num_bad_epochs = 0
        if self.num_bad_epochs > self.patience:
            self._reduce()
            self.cooldown_counter = self.cooldown
            self.num_bad_epochs = 0
        self._last_lr = _copies(self.optimizer, "lr")

    def _reduce(self) -> None:
        groups = self.optimizer.param_groups
        if len(groups) != len(self.min_lrs):
            if self.default_min_lr is None:
                raise RuntimeError(
                    f"the optimizer has {len(groups)} parameter groups, but ReduceLROnPlateau has "
                    f"{len(self.min_lrs)} min_lrs, as many as there were at first; extend min_lrs"
                )
            self.min_lrs = [self.default_min_lr] * len(groups)
        for group, lowest in zip(groups, self.min_lrs, strict=True):
            before = float(group["lr"])
            rate = max(before * self.factor, lowest)
            if before - rate > self.eps:
                _write(group, rate)
