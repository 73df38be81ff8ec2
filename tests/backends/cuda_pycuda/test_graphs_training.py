"""CUDA graphs of training steps: the same losses, parameters and gradients as without."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from types import ModuleType
from typing import Any

import numpy as np
import pytest

import corex
from corex import nn

pytest.importorskip("pycuda", reason="PyCUDA is not installed")
pytestmark = pytest.mark.usefixtures("cuda")

STEPS = 20
Step = Callable[[corex.Tensor, corex.Tensor], Any]


@pytest.fixture(params=[False, True], ids=["eager", "deferred"])
def deferred(request: pytest.FixtureRequest, simulated: ModuleType) -> Iterator[bool]:
    """On the simulator: work is done at once, or only when somebody waits."""
    before = simulated.set_deferred(request.param)
    yield request.param
    corex.synchronize("cuda")
    simulated.set_deferred(before)


# ---- training steps ----------------------------------------------------------------------------
def batches(count: int = STEPS, size: int = 5) -> list[tuple[corex.Tensor, corex.Tensor]]:
    rng = np.random.default_rng(3)

    def drawn(width: int) -> corex.Tensor:
        return corex.tensor(rng.normal(size=(size, width))).float()

    return [(drawn(8), drawn(4)) for _ in range(count)]


def training(make: Callable[..., Any], **options: Any) -> tuple[nn.Module, Step]:
    corex.manual_seed(11)
    model = nn.Sequential(
        nn.Linear(8, 16), nn.LayerNorm(16), nn.ReLU(), nn.Dropout(0.25), nn.Linear(16, 4)
    )
    optimizer = make(model.parameters(), **options)

    def step(x: corex.Tensor, y: corex.Tensor) -> corex.Tensor:
        optimizer.zero_grad()
        loss = nn.functional.mse_loss(model(x), y)
        loss.backward()
        optimizer.step()
        return loss

    return model, step


OPTIMIZERS: dict[str, tuple[Any, dict[str, Any]]] = {
    "sgd": (corex.optim.SGD, {"lr": 0.1}),
    "momentum": (corex.optim.SGD, {"lr": 0.05, "momentum": 0.9, "nesterov": True}),
    "adam": (corex.optim.Adam, {"lr": 0.01, "capturable": True, "weight_decay": 0.1}),
    "adamw": (corex.optim.AdamW, {"lr": 0.01, "capturable": True}),
}


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_a_training_step_gives_the_same_losses(name: str, deferred: bool) -> None:
    make, options = OPTIMIZERS[name]
    data = batches()
    model, step = training(make, **options)
    expected = [step(x, y).item() for x, y in data]
    other, step = training(make, **options)
    graphed = corex.cuda.graph(step)
    losses = [graphed(x, y).item() for x, y in data]
    assert losses == expected
    for a, b in zip(model.parameters(), other.parameters(), strict=True):
        assert a.tolist() == b.tolist()
        assert a.grad is not None
        assert b.grad is not None
        assert a.grad.tolist() == b.grad.tolist()


def test_replays_are_one_launch_each(simulated: ModuleType) -> None:
    _, step = training(corex.optim.SGD, lr=0.1)
    graphed = corex.cuda.graph(step, warmup=1)
    data = batches(4)
    for x, y in data[:2]:
        graphed(x, y)
    simulated.reset_counters()
    for x, y in data[2:]:
        graphed(x, y)
    corex.synchronize("cuda")
    assert simulated.counters()["graph_launches"] == 2
    assert simulated.counters()["dtoh_copies"] == 0
    assert simulated.counters()["synchronizations"] == 1


def test_gradients_may_add_up() -> None:
    weight = corex.ones(3, requires_grad=True)

    def step(x: corex.Tensor) -> None:
        (weight * x).sum().backward()

    graphed = corex.cuda.graph(step)
    for _ in range(5):
        graphed(corex.ones(3))
    assert weight.grad is not None
    assert weight.grad.tolist() == [5.0] * 3


def test_a_learning_rate_in_a_tensor_can_change() -> None:
    weight = corex.zeros(1, requires_grad=True)
    lr = corex.tensor(0.5)
    optimizer = corex.optim.Adam([weight], lr=lr, capturable=True)

    def step(x: corex.Tensor) -> None:
        optimizer.zero_grad()
        (weight * x).sum().backward()
        optimizer.step()

    graphed = corex.cuda.graph(step, warmup=1)
    x = corex.ones(1)
    for _ in range(3):
        graphed(x)
    assert weight.item() == pytest.approx(-1.5, abs=1e-4)
    lr.fill_(0)
    graphed(x)
    assert weight.item() == pytest.approx(-1.5, abs=1e-4)


class Language(nn.Module):
    """What a small language model is made of."""

    def __init__(self) -> None:
        super().__init__()
        self.tokens, self.norm = nn.Embedding(20, 16), nn.LayerNorm(16)
        self.mix, self.back = nn.Linear(16, 48), nn.Linear(16, 16)
        self.head, self.drop = nn.Linear(16, 20), nn.Dropout(0.1)

    def forward(self, index: corex.Tensor) -> corex.Tensor:
        x = self.tokens(index)
        q, k, v = self.mix(self.norm(x)).chunk(3, -1)
        attention = (q @ k.transpose(-1, -2) / 4).softmax(-1)
        return self.head(self.drop(x + self.back(attention @ v)))


class Images(nn.Module):
    """What a small convolutional network is made of."""

    def __init__(self) -> None:
        super().__init__()
        self.conv, self.norm, self.out = nn.Conv2d(1, 4, 3), nn.BatchNorm2d(4), nn.Linear(36, 20)

    def forward(self, x: corex.Tensor) -> corex.Tensor:
        y = nn.functional.relu(self.norm(self.conv(x)))
        return self.out(nn.functional.max_pool2d(y, 2).flatten(1))


@pytest.mark.parametrize("kind", [Language, Images])
def test_networks_with_everything(kind: Any) -> None:
    rng = np.random.default_rng(0)

    def batch() -> tuple[corex.Tensor, corex.Tensor]:
        if kind is Language:
            return tuple(corex.tensor(rng.integers(0, 20, (2, 4, 6))))  # type: ignore[return-value]
        return corex.tensor(rng.normal(size=(4, 1, 8, 8))).float(), corex.tensor([3, 0, 19, 7])

    def build() -> tuple[Any, Step]:
        corex.manual_seed(0)
        model = kind()
        optimizer = corex.optim.AdamW(model.parameters(), lr=1e-2, capturable=True)

        def step(x: corex.Tensor, y: corex.Tensor) -> corex.Tensor:
            optimizer.zero_grad()
            loss = nn.functional.cross_entropy(model(x).reshape(-1, 20), y.reshape(-1))
            loss.backward()
            nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimizer.step()
            return loss

        return model, step

    data = [batch() for _ in range(6)]
    model, step = build()
    expected = [step(x, y).item() for x, y in data]
    other, step = build()
    graphed = corex.cuda.graph(step, warmup=1)
    assert [graphed(x, y).item() for x, y in data] == expected
    for (name, a), b in zip(model.named_buffers(), other.buffers(), strict=True):
        assert a.tolist() == b.tolist(), name


def test_losses_look_at_no_values_on_the_host(cuda: Any) -> None:
    scores, classes = corex.ones(4, 3, requires_grad=True), corex.tensor([0, 1, 2, -100])
    rows = corex.ones(3, 2, requires_grad=True)
    before = cuda.counters()
    nn.functional.cross_entropy(scores, classes).backward()
    nn.functional.embedding(classes.clamp(min=0), rows).sum().backward()
    nn.functional.binary_cross_entropy(rows.detach(), rows.detach())
    after = cuda.counters()
    assert after["device_to_host"] == before["device_to_host"]
    assert after["synchronisations"] == before["synchronisations"]
    for wrong in (lambda: nn.functional.cross_entropy(scores, classes + 1),
                  lambda: nn.functional.embedding(classes, rows)):  # fmt: skip
        with pytest.raises(IndexError, match="out of bounds"):
            wrong().sum().item()


# ---- capturable Adam, without a graph ------------------------------------------------------------
@pytest.mark.parametrize("options", [{}, {"weight_decay": 0.1}, {"maximize": True}])
@pytest.mark.parametrize("make", [corex.optim.Adam, corex.optim.AdamW])
def test_capturable_adam_is_adam(make: Any, options: dict[str, Any]) -> None:
    results = []
    for capturable in (False, True):
        corex.manual_seed(5)
        weight = corex.rand(6, dtype=corex.float64, requires_grad=True)
        optimizer = make([weight], lr=0.1, capturable=capturable, **options)
        for k in range(5):
            optimizer.zero_grad()
            (weight**2 * (k + 1)).sum().backward()
            optimizer.step()
            if k == 2:
                saved = optimizer.state_dict()
                assert saved["state"][0]["step"].item() == 3
                optimizer.load_state_dict(saved)
        results.append(weight.tolist())
    assert results[0] == pytest.approx(results[1], rel=1e-5, abs=1e-7)
