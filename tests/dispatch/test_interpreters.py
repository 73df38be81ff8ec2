"""A tape of whole training steps, a batch, and one within the other."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import corex
from corex.dispatch.levels import interpreting
from corex.ops.random.generator import default_generator
from tests.dispatch.interpreters import Tape, batched

nn = corex.nn


# ---- a tape --------------------------------------------------------------------------------------
class Trainer:
    """A model with BatchNorm and Dropout, and steps with a factory, views, writes and numbers."""

    def __init__(self, optimizer: str) -> None:
        corex.manual_seed(3)
        self.model = nn.Sequential(
            nn.Linear(6, 8), nn.BatchNorm1d(8), nn.ReLU(), nn.Dropout(0.25), nn.Linear(8, 4)
        )
        options = {"lr": 0.02, "weight_decay": 0.1}
        self.optimizer = getattr(corex.optim, optimizer)(self.model.parameters(), **options)
        rows = np.random.default_rng(5)
        self.x = corex.tensor(rows.normal(size=(4, 6, 5)).astype(np.float32))
        self.y = corex.tensor(rows.integers(0, 4, size=(4, 5)))
        self.loss = corex.tensor(0.0)

    def load(self, i: int) -> tuple[corex.Tensor, corex.Tensor]:
        return self.x[i], self.y[i]

    def step(self, x: corex.Tensor, y: corex.Tensor) -> corex.Tensor:
        self.optimizer.zero_grad()
        hidden = self.model(x.t())
        hidden = hidden * 0.5 + corex.ones(4).reshape(2, 2).t().flatten()
        hidden[1:3] *= 2
        hidden = hidden.clone().add_(0.125)
        loss = nn.functional.cross_entropy(hidden, y)
        loss = loss + 0.01 * sum((p * p).sum() for p in self.model.parameters())
        loss.backward()
        self.optimizer.step()
        return loss

    def state(self) -> list[Any]:
        found = [t.tolist() for t in self.model.state_dict().values()]
        for state in self.optimizer.state.values():
            found += [v.tolist() for v in state.values() if isinstance(v, corex.Tensor)]
        return found


@pytest.mark.parametrize("optimizer", ["AdamW", "SGD"])
def test_a_tape_of_a_training_step(optimizer: str) -> None:
    """Made beforehand: model, optimizer, its state, and the memory of the batch of inputs."""
    eager, taped = Trainer(optimizer), Trainer(optimizer)
    losses = []
    corex.manual_seed(7)
    for i in range(4):
        losses.append(eager.step(*eager.load(i)).item())

    corex.manual_seed(7)
    assert taped.step(*taped.load(0)).item() == losses[0]  # makes the optimizer's state
    x, y = [t.clone() for t in taped.load(1)]
    tape, start = Tape(), default_generator.get_state()[1].item()
    with interpreting(tape):
        loss = taped.step(x, y)
    draws = default_generator.get_state()[1].item() - start
    assert draws > 0
    assert loss.item() == losses[1]
    for i in (2, 3):
        for memory, t in zip((x, y), taped.load(i), strict=True):
            memory.copy_(t)
        [again] = tape.replay(
            {
                "step": lambda step, i=i: step + i - 1,
                "offset": lambda offset, i=i: offset + (i - 1) * draws,
                "lr": lambda lr: lr,
                "seed": lambda seed: seed,
            },
            loss,
        )
        assert again.item() == losses[i]
    assert taped.state() == eager.state()


def test_the_tape_has_ops_not_kernels_alone() -> None:
    trainer, tape = Trainer("AdamW"), Tape()
    with interpreting(tape):
        trainer.step(*trainer.load(0))
    names = [step[0] if isinstance(step[0], str) else step[0].name for step in tape.steps]
    for op in ("linear", "relu", "add", "mul", "random_uniform", "adam_step", "fill"):
        assert op in names
    numbers = [given[0] for _, spec, given, _ in tape.steps if spec is not None]
    assert any(0.5 in inputs for inputs in numbers), "numbers stay numbers"


def test_other_threads_are_not_on_the_tape() -> None:
    tape, x = Tape(), corex.ones(3)
    with interpreting(tape):
        other = threading.Thread(target=lambda: x + x)
        other.start()
        other.join()
        assert not tape.steps
        assert (x + x).tolist() == [2, 2, 2]
    assert len(tape.steps) == 1
    assert (x * 3).tolist() == [3, 3, 3]
    assert len(tape.steps) == 1


# ---- a batch -------------------------------------------------------------------------------------
def program(a: corex.Tensor, b: corex.Tensor) -> corex.Tensor:
    """Of (3, 4) and (4,): views and pointwise ops, numbers among them."""
    c = a.t()[1:, ::2] * 2 - b[1:].unsqueeze(1)
    d = (c.reshape(2, 3) if c.is_contiguous() else c.reshape(3, 2).t()).exp()
    e = corex.where(d > 1.5, d, 1 / (d + 1)).flatten() - a.diagonal(0, 0, 1).sum_of_ends()
    return (2**e).reshape(3, 2).transpose(0, 1).clamp(max=3.0) + b.expand(3, 4)[:2, :3] / 4


def _sum_of_ends(self: corex.Tensor) -> corex.Tensor:
    return self[0] + self[-1]


@pytest.fixture(autouse=True)
def ends(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(corex.Tensor, "sum_of_ends", _sum_of_ends, raising=False)


def values(*shape: int) -> corex.Tensor:
    return corex.tensor(np.random.default_rng(sum(shape)).normal(size=shape))


def stacked(
    function: Callable[..., corex.Tensor], dims: tuple[int | None, ...], *given: Any
) -> Any:
    size = next(t.shape[0] for t, dim in zip(given, dims, strict=True) if dim == 0)
    rows = [
        function(*[t if dim is None else t[i] for t, dim in zip(given, dims, strict=True)])
        for i in range(size)
    ]
    return corex.stack(rows)


@pytest.mark.parametrize("dims", [(0, None), (None, 0), (0, 0)])
def test_a_batch_equals_the_stacked_program(dims: tuple[int | None, ...]) -> None:
    a = values(5, 3, 4) if dims[0] == 0 else values(3, 4)
    b = values(5, 4) if dims[1] == 0 else values(4)
    result = batched(program, *dims)(a, b)
    assert result.shape == (5, 2, 3)
    assert result.tolist() == stacked(program, dims, a, b).tolist()


def test_gradients_flow_through_a_batch() -> None:
    a, b = values(5, 3, 4).requires_grad_(), values(4).requires_grad_()
    batched(program, 0, None)(a, b).sum().backward()
    other, shared = a.detach().clone().requires_grad_(), b.detach().clone().requires_grad_()
    stacked(program, (0, None), other, shared).sum().backward()
    for found, expected in ((a, other), (b, shared)):
        assert found.grad is not None
        assert expected.grad is not None
        assert corex.allclose(found.grad, expected.grad)


# ---- nested --------------------------------------------------------------------------------------
def test_a_batch_in_a_batch() -> None:
    a, b = values(5, 3, 4), values(6, 4)
    inner = batched(program, None, 0)
    result = batched(lambda one: inner(one, b), 0)(a)
    assert result.shape == (5, 6, 2, 3)
    assert result[2, 3].tolist() == program(a[2], b[3]).tolist()


def test_a_batch_on_a_tape() -> None:
    a, b, tape = values(5, 3, 4), values(4), Tape()
    with interpreting(tape):
        result = batched(program, 0, None)(a, b)
    assert result.tolist() == stacked(program, (0, None), a, b).tolist()
    a.mul_(-0.5)
    b.add_(1)
    [again] = tape.replay({}, result)
    assert again.tolist() == stacked(program, (0, None), a, b).tolist()


def test_a_tape_in_a_batch() -> None:
    a, b, tape = values(5, 3, 4), values(4), Tape()

    def twice(one: corex.Tensor) -> corex.Tensor:
        with interpreting(tape):
            first = program(one, b)
        [second] = tape.replay({}, first)
        return first + second

    result = batched(twice, 0)(a)
    expected = stacked(program, (0, None), a, b) * 2
    assert result.tolist() == expected.tolist()
