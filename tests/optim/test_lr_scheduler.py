"""Learning-rate schedules, against their formulas."""

from __future__ import annotations

import math
from typing import Any

import pytest

import corex
from corex import optim
from corex.optim import lr_scheduler as schedules


def optimizer(lr: float = 0.8) -> optim.SGD:
    return optim.SGD([corex.nn.Parameter(corex.ones(1))], lr=lr)


def rates(scheduler: Any, epochs: int = 12) -> list[float]:
    found = []
    for _ in range(epochs):
        found.append(scheduler.get_last_lr()[0])
        scheduler.step()
    return found


@pytest.mark.parametrize(
    ("make", "formula"),
    [
        (lambda o: schedules.StepLR(o, 3, 0.5), lambda e: 0.8 * 0.5 ** (e // 3)),
        (lambda o: schedules.MultiStepLR(o, [5, 2], 0.1),
         lambda e: 0.8 * 0.1 ** ((e >= 2) + (e >= 5))),
        (lambda o: schedules.ExponentialLR(o, 0.9), lambda e: 0.8 * 0.9**e),
        (lambda o: schedules.LambdaLR(o, lambda e: 1 / (1 + e)), lambda e: 0.8 / (1 + e)),
        (lambda o: schedules.CosineAnnealingLR(o, 10, 0.1),
         lambda e: 0.1 + 0.35 * (1 + math.cos(math.pi * e / 10))),
        (lambda o: schedules.LinearLR(o, 0.5, 1.0, 4), lambda e: 0.8 * (0.5 + 0.5 * min(e, 4) / 4)),
        (lambda o: schedules.ConstantLR(o, 0.25, 3), lambda e: 0.8 * (0.25 if e < 3 else 1)),
        (lambda o: schedules.MultiplicativeLR(o, lambda e: 0.9), lambda e: 0.8 * 0.9**e),
        (lambda o: schedules.PolynomialLR(o, 6, 2.0), lambda e: 0.8 * (1 - min(e, 6) / 6) ** 2),
        (lambda o: schedules.CosineAnnealingWarmRestarts(o, 5, eta_min=0.1),
         lambda e: 0.1 + 0.35 * (1 + math.cos(math.pi * (e % 5) / 5))),
        (lambda o: schedules.CyclicLR(o, 0.1, 0.5, 4, cycle_momentum=False),
         lambda e: 0.1 + 0.4 * (1 - abs((e % 8) / 4 - 1))),
        (lambda o: schedules.OneCycleLR(o, 0.8, 21, pct_start=0.5, anneal_strategy="linear",
                                        cycle_momentum=False, div_factor=4.0,
                                        final_div_factor=1.0),
         lambda e: 0.2 + 0.6 * (e / 9.5 if e <= 9.5 else (20 - e) / 10.5)),
        (lambda o: schedules.SequentialLR(
            o, [schedules.ConstantLR(o, 0.5, 3), schedules.ExponentialLR(o, 0.9)], [3]),
         lambda e: 0.8 * (0.5 if e < 3 else 0.9 ** (e - 3))),
        (lambda o: schedules.ChainedScheduler(
            [schedules.ConstantLR(o, 0.5, 3), schedules.ExponentialLR(o, 0.9)]),
         lambda e: 0.8 * (0.5 if e < 3 else 1) * 0.9**e),
    ],
)  # fmt: skip
def test_schedule(make: Any, formula: Any) -> None:
    sgd = optimizer()
    scheduler = make(sgd)
    assert sgd.param_groups[0]["lr"] == pytest.approx(formula(0))
    assert rates(scheduler) == pytest.approx([formula(e) for e in range(12)])
    state = scheduler.state_dict()
    resumed = optimizer()
    other = make(resumed)
    resumed.load_state_dict(sgd.state_dict())  # the current rates are the optimizer's
    other.load_state_dict(state)
    assert other.last_epoch == 12
    other.step()
    assert other.get_last_lr() == pytest.approx([formula(13)])


def test_reduce_on_plateau() -> None:
    sgd = optimizer(1.0)
    scheduler = schedules.ReduceLROnPlateau(sgd, factor=0.5, patience=1, cooldown=1, min_lr=0.2)
    seen = []
    for metric in [5.0, 4.0, 4.0, 4.0, 4.0, 4.0, 4.0, 4.0, 4.0]:
        scheduler.step(metric)
        seen.append(sgd.param_groups[0]["lr"])
    assert seen == [1.0, 1.0, 1.0, 0.5, 0.5, 0.5, 0.25, 0.25, 0.25]
    up = schedules.ReduceLROnPlateau(optimizer(), mode="max", threshold_mode="abs")
    assert up.is_better(2.0, 1.0)
    assert not up.is_better(1.00001, 1.0)
    with pytest.raises(TypeError, match="needs the metric"):
        up.step()


@pytest.mark.parametrize(
    ("make", "error"),
    [
        (lambda o: schedules.StepLR(3, 1), TypeError),
        (lambda o: schedules.StepLR(o, 1, last_epoch=4), KeyError),
        (lambda o: schedules.LambdaLR(o, [abs, abs]), ValueError),
        (lambda o: schedules.LinearLR(o, 0.0), ValueError),
        (lambda o: schedules.LinearLR(o, 1.0, 2.0), ValueError),
        (lambda o: schedules.ConstantLR(o, 2.0), ValueError),
        (lambda o: schedules.ReduceLROnPlateau(o, factor=1.0), ValueError),
        (lambda o: schedules.ReduceLROnPlateau(o, mode="best"), ValueError),
        (lambda o: schedules.ReduceLROnPlateau(o, threshold_mode="x"), ValueError),
        (lambda o: schedules.ReduceLROnPlateau(o, min_lr=[1, 2]), ValueError),
        (lambda o: schedules.ReduceLROnPlateau(3), TypeError),
    ],
)
def test_bad_arguments(make: Any, error: type) -> None:
    with pytest.raises(error):
        make(optimizer())
