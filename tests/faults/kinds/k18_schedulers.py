"""Schedulers are chainable."""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable, Iterator
from typing import Any

import pytest

import corex
from corex.optim import lr_scheduler as schedules

KIND = "18: schedulers did not compose, lost rates set by hand and broke on groups added later"

FACTORS: dict[str, tuple[Callable[[Any], Any], Callable[[int], float]]] = {
    "StepLR": (lambda o: schedules.StepLR(o, 2, 0.5), lambda e: 0.5 ** (e // 2)),
    "MultiStepLR": (
        lambda o: schedules.MultiStepLR(o, [1, 3, 3], 0.5),
        lambda e: 0.5 ** ((e >= 1) + 2 * (e >= 3)),
    ),
    "ExponentialLR": (lambda o: schedules.ExponentialLR(o, 0.9), lambda e: 0.9**e),
    "LinearLR": (
        lambda o: schedules.LinearLR(o, 0.5, 1.0, 4),
        lambda e: 0.5 + 0.125 * min(e, 4),
    ),
    "ConstantLR": (lambda o: schedules.ConstantLR(o, 0.25, 3), lambda e: 0.25 if e < 3 else 1.0),
    "CosineAnnealingLR": (
        lambda o: schedules.CosineAnnealingLR(o, 5),
        lambda e: (1 + math.cos(math.pi * e / 5)) / 2,
    ),
}


def _optimizer(lr: Any = 0.8) -> Any:
    parameter = corex.nn.Parameter(corex.ones(2))
    parameter.grad = corex.ones(2)
    return corex.optim.SGD([parameter], lr=lr)


def _step(optimizer: Any, *schedulers: Any) -> None:
    optimizer.step()
    for scheduler in schedulers:
        scheduler.step()


def _rates(optimizer: Any) -> list[float]:
    return [float(group["lr"]) for group in optimizer.param_groups]


def _plain(make: Callable[[Any], Any], factor: Callable[[int], float], lr: Any) -> None:
    optimizer = _optimizer(lr)
    scheduler = make(optimizer)
    for epoch in range(8):
        assert _rates(optimizer) == pytest.approx([0.8 * factor(epoch)], abs=1e-9), epoch
        _step(optimizer, scheduler)
    assert scheduler.get_last_lr() is not optimizer.param_groups


def _composed(first: str, second: str) -> None:
    optimizer = _optimizer()
    schedulers = [FACTORS[name][0](optimizer) for name in (first, second)]
    for epoch in range(5):
        wanted = 0.8 * FACTORS[first][1](epoch) * FACTORS[second][1](epoch)
        assert _rates(optimizer) == pytest.approx([wanted]), epoch
        _step(optimizer, *schedulers)


def _set_by_hand(make: Callable[[Any], Any], factor: Callable[[int], float]) -> None:
    optimizer = _optimizer()
    scheduler = make(optimizer)
    for _ in range(2):
        _step(optimizer, scheduler)
    optimizer.param_groups[0]["lr"] *= 0.5
    for epoch in range(3, 5):
        _step(optimizer, scheduler)
        assert _rates(optimizer) == pytest.approx([0.4 * factor(epoch)])


def _group_added(make: Callable[[Any], Any], factor: Callable[[int], float]) -> None:
    optimizer = _optimizer()
    scheduler = make(optimizer)
    for _ in range(2):
        _step(optimizer, scheduler)
    late = corex.nn.Parameter(corex.ones(2))
    optimizer.add_param_group({"params": [late], "lr": 0.3 * factor(2)})
    for epoch in range(3, 5):
        _step(optimizer, scheduler)
        assert _rates(optimizer) == pytest.approx([0.8 * factor(epoch), 0.3 * factor(epoch)])
    assert len(scheduler.get_last_lr()) == 2


def _moved(make: Callable[[Any], Any], factor: Callable[[int], float]) -> None:
    """A scheduler made where the rate is not the initial one any more goes on from there."""
    optimizer = _optimizer()
    schedules.ExponentialLR(optimizer, 0.5).step()
    scheduler = make(optimizer)
    assert _rates(optimizer) == pytest.approx([0.4 * factor(0)])
    _step(optimizer, scheduler)
    assert _rates(optimizer) == pytest.approx([0.4 * factor(1)])
    assert optimizer.param_groups[0]["initial_lr"] == 0.8


def _by_epoch(make: Callable[[Any], Any], factor: Callable[[int], float]) -> None:
    optimizer = _optimizer()
    scheduler = make(optimizer)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        for epoch in (4, 1, 3):
            scheduler.step(epoch)
            assert _rates(optimizer) == pytest.approx([0.8 * factor(epoch)])


def _tensor_rate() -> None:
    rate = corex.tensor(0.8)
    optimizer = _optimizer(rate)
    scheduler = schedules.ExponentialLR(optimizer, 0.5)
    scheduler.step()
    assert optimizer.param_groups[0]["lr"] is rate
    assert rate.item() == pytest.approx(0.4)
    assert scheduler.base_lrs[0].item() == pytest.approx(0.8)


def _lambda_with_a_late_group() -> None:
    optimizer = _optimizer()
    scheduler = schedules.LambdaLR(optimizer, lambda epoch: 0.5**epoch)
    optimizer.add_param_group({"params": [corex.nn.Parameter(corex.ones(1))]})
    with pytest.raises(ValueError, match="parameter groups"):
        scheduler.step()


def _plateau_with_a_late_group() -> None:
    optimizer = _optimizer()
    scheduler = schedules.ReduceLROnPlateau(optimizer, factor=0.5, patience=0, min_lr=0.3)
    optimizer.add_param_group({"params": [corex.nn.Parameter(corex.ones(1))]})
    for _ in range(4):
        scheduler.step(1.0)
    assert _rates(optimizer) == [0.3, 0.3]


def cases(backend: str) -> Iterator[tuple[str, Callable[[], None]]]:
    for name, (make, factor) in FACTORS.items():
        yield name, lambda m=make, f=factor: _plain(m, f, 0.8)
        yield (
            f"{name}: rate in a tensor",
            lambda m=make, f=factor: _plain(m, f, corex.tensor(0.8, dtype=corex.float64)),
        )
        yield f"{name}: set by hand", lambda m=make, f=factor: _set_by_hand(m, f)
        yield f"{name}: group added later", lambda m=make, f=factor: _group_added(m, f)
        yield f"{name}: made later", lambda m=make, f=factor: _moved(m, f)
        yield f"{name}: step(epoch)", lambda m=make, f=factor: _by_epoch(m, f)
        for other in FACTORS:
            yield f"{name} and {other}", lambda a=name, b=other: _composed(a, b)
    yield "a tensor stays the same one", _tensor_rate
    yield "LambdaLR: group added later", _lambda_with_a_late_group
    yield "ReduceLROnPlateau: group added later", _plateau_with_a_late_group
