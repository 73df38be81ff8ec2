"""Several schedules for one optimizer."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from typing import Any

from corex.optim.lr_scheduler.schedules import LRScheduler, Rate, ReduceLROnPlateau, _copies
from corex.optim.optimizer import Optimizer


class _Several(LRScheduler):
    _schedulers: list[Any]

    def get_lr(self) -> list[Rate]:
        """The current rates."""
        return _copies(self.optimizer, "lr")

    def state_dict(self) -> dict[str, Any]:
        """Everything but the optimizer, and the state of every schedule."""
        hidden = ("optimizer", "_schedulers")
        state = {name: value for name, value in self.__dict__.items() if name not in hidden}
        state["_schedulers"] = [scheduler.state_dict() for scheduler in self._schedulers]
        return state

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Restores what `state_dict` gave."""
        state = dict(state_dict)
        for scheduler, values in zip(self._schedulers, state.pop("_schedulers"), strict=True):
            scheduler.load_state_dict(values)
        self.__dict__.update(state)


class SequentialLR(_Several):
    """One schedule after the other; each begins at its milestone.

    Args:
        optimizer: whose groups to steer.
        schedulers: the schedules, of this optimizer.
        milestones: the epochs at which the second and later ones begin.
        last_epoch: the number of the last epoch that was trained; -1 at the start.

    Raises:
        ValueError: no schedules, schedules of another optimizer, or another number of milestones.
        TypeError: a schedule by a metric.
    """

    def __init__(
        self,
        optimizer: Optimizer,
        schedulers: Sequence[Any],
        milestones: Sequence[int],
        last_epoch: int = -1,
    ) -> None:
        _check("SequentialLR", optimizer, schedulers)
        if len(milestones) != len(schedulers) - 1:
            raise ValueError(
                "Sequential Schedulers expects number of schedulers provided to be one more than "
                f"the number of milestone points, but got number of schedulers "
                f"{len(schedulers)} and the number of milestones to be equal to {len(milestones)}"
            )
        self._schedulers = list(schedulers)
        self._milestones = list(milestones)
        self.last_epoch = last_epoch + 1
        self.optimizer = optimizer
        # What their constructors did is taken back, but for the first one's.
        for group in optimizer.param_groups:
            group["lr"] = group["initial_lr"]
        for scheduler in self._schedulers:
            scheduler.last_epoch -= 1
        self._schedulers[0]._begin()
        self._last_lr = self._schedulers[0].get_last_lr()

    def step(self, epoch: int | None = None) -> None:
        """Goes to the next epoch; a milestone is a schedule's epoch 0."""
        self.last_epoch += 1
        at = bisect_right(self._milestones, self.last_epoch)
        scheduler = self._schedulers[at]
        begins = at > 0 and self._milestones[at - 1] == self.last_epoch
        scheduler._go(0 if begins else None)
        self._last_lr = scheduler.get_last_lr()


class ChainedScheduler(_Several):
    """Several schedules, all of which take every step.

    Args:
        schedulers: the schedules, of one optimizer.
        optimizer: which; that of the first schedule if None.

    Raises:
        ValueError: no schedules, or schedules of another optimizer. TypeError: one by a metric.
    """

    def __init__(self, schedulers: Sequence[Any], optimizer: Optimizer | None = None) -> None:
        schedulers = list(schedulers)
        if not schedulers:
            raise ValueError(
                "ChainedScheduler expects at least one scheduler to be chained, but got no "
                "scheduler."
            )
        self.optimizer = schedulers[0].optimizer if optimizer is None else optimizer
        _check("ChainedScheduler", self.optimizer, schedulers)
        self._schedulers = schedulers
        self.last_epoch = schedulers[0].last_epoch
        self._last_lr = _copies(self.optimizer, "lr")

    def step(self, epoch: int | None = None) -> None:
        """Steps all schedules."""
        for scheduler in self._schedulers:
            scheduler.step()
        self.last_epoch = self._schedulers[0].last_epoch
        self._last_lr = _copies(self.optimizer, "lr")


def _check(name: str, optimizer: Optimizer, schedulers: Sequence[Any]) -> None:
    if not schedulers:
        raise ValueError(f"{name} expects at least one scheduler, but got no scheduler.")
    for number, scheduler in enumerate(schedulers):
        if not hasattr(scheduler, "optimizer"):
            raise TypeError(f"{name} at index {number} should have `optimizer` as its attribute.")
        if isinstance(scheduler, ReduceLROnPlateau):
            raise ValueError(
                f"{name} does not support `{type(scheduler).__name__}` scheduler as it requires "
                f"additional kwargs to be specified when calling `step`, but got one at index "
                f"{number} in the given schedulers sequence."
            )
        if scheduler.optimizer is not optimizer:
            raise ValueError(
                f"{name} expects all schedulers to belong to the same optimizer, but got "
                f"scheduler {type(scheduler).__name__} at index {number} has another one."
            )
