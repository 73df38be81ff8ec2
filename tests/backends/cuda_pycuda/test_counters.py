"""Training neither waits for the device nor brings anything back from it."""

from __future__ import annotations

from collections.abc import Callable
from types import ModuleType
from typing import Any

import numpy as np
import pytest

import corex
from corex import Tensor, nn

COMES_BACK = ("device_to_host", "device_to_host_bytes", "synchronisations")
Step = Callable[[], None]


def numbers(*shape: int) -> Tensor:
    return corex.tensor(np.random.default_rng(len(shape)).random(shape, dtype=np.float32))


def trainer(model: nn.Module, optimizer: str, x: Tensor, target: Tensor) -> Step:
    """A step of training on one batch: of numbers, or of classes where the target is one."""
    criterion = nn.MSELoss() if target.is_floating_point() else nn.CrossEntropyLoss()
    update = getattr(corex.optim, optimizer)(model.parameters(), lr=0.01)

    def step() -> None:
        update.zero_grad()
        criterion(model(x), target).backward()
        update.step()

    return step


def mlp() -> Step:
    model = nn.Sequential(nn.Linear(20, 16), nn.Tanh(), nn.LayerNorm(16), nn.Linear(16, 5))
    return trainer(model, "Adam", numbers(6, 20), numbers(6, 5))


def cnn() -> Step:
    model = nn.Sequential(
        nn.Conv2d(1, 4, 3, padding=1),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Flatten(),
        nn.Dropout(0.25),
        nn.Linear(64, 5),
    )
    return trainer(model, "SGD", numbers(4, 1, 8, 8), numbers(4, 5))


class Attention(nn.Module):
    """Attention by hand, and a residual."""

    def __init__(self) -> None:
        super().__init__()
        self.project = nn.Linear(8, 24)
        self.head = nn.Linear(8, 5)

    def forward(self, x: Tensor) -> Tensor:
        query, key, value = self.project(x).chunk(3, -1)
        weights = (query @ key.transpose(-2, -1) * 8**-0.5).softmax(-1)
        return self.head((x + weights @ value).mean(1))


def attention() -> Step:
    return trainer(Attention(), "AdamW", numbers(4, 6, 8), numbers(4, 5))


def classes() -> Step:
    model = nn.Sequential(nn.Linear(20, 16), nn.ReLU(), nn.Linear(16, 5))
    return trainer(model, "SGD", numbers(6, 20), corex.arange(6) % 5)


def words() -> Step:
    model = nn.Sequential(nn.Embedding(11, 8), Attention())
    return trainer(model, "AdamW", corex.arange(24).reshape(4, 6) % 11, numbers(4, 5))


STEPS = [mlp, cnn, attention, classes, words]


@pytest.mark.filterwarnings("error")  # a fallback to another backend warns
@pytest.mark.parametrize("make", STEPS)
def test_a_step_of_training_only_launches(make: Callable[[], Step], cuda: Any) -> None:
    step = make()
    step()  # compiles, and makes the optimizer's state
    corex.cuda.synchronize()
    before = cuda.counters()
    step()
    after = cuda.counters()
    assert {name: after[name] - before[name] for name in COMES_BACK} == dict.fromkeys(COMES_BACK, 0)
    assert after["launches"] > before["launches"]


@pytest.mark.parametrize("make", STEPS)
def test_the_driver_says_so_too(make: Callable[[], Step], cuda: Any, simulated: ModuleType) -> None:
    """The backend counts what it does; the simulated driver, what it is asked."""
    step = make()
    step()
    corex.cuda.synchronize()
    simulated.reset_counters()
    before = cuda.counters()["launches"]
    step()
    asked = simulated.counters()
    assert (asked["dtoh_copies"], asked["synchronizations"], asked["errors"]) == (0, 0, 0)
    assert asked["launches"] == cuda.counters()["launches"] - before


def test_a_class_that_does_not_exist_is_reported_later(cuda: Any) -> None:
    scores, ignored = numbers(3, 5), corex.tensor([4, -100, 0])
    wanted = nn.CrossEntropyLoss()(scores.cpu(), ignored.cpu()).item()
    assert nn.CrossEntropyLoss()(scores, ignored).item() == pytest.approx(wanted, rel=1e-5)
    for wrong in (5, -1):
        loss = nn.CrossEntropyLoss()(scores, corex.tensor([4, wrong, 0]))
        with pytest.raises(IndexError, match="out of bounds"):
            loss.item()
