"""Whole training steps, recorded as graphs, run again, and held against eager steps."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pytest

import corex
from corex.backend.graph import from_json, to_json
from corex.compiler import Program, Recording, prepare, record
from corex.dispatch.devices import place_of
from corex.ops.random.generator import default_generator
from corex.tensor.schema import REGISTRY
from tests.compiler.toy import Bare, Functional, Toy, installed
from tests.dispatch.test_interpreters import Trainer


def again(program: Program, recording: Recording, **numbers: Any) -> tuple[corex.Tensor, ...]:
    """The program on the memory of the recording, with numbers by the names of parameters."""
    given = {
        name: numbers.get(name.partition(".")[0], lambda value: value)(value)
        for name, value in recording.numbers.items()
    }
    return program(recording.inputs, recording.states, given)


# ---- training ------------------------------------------------------------------------------------
class Steps:
    """A trainer that was recorded in its second step."""

    def __init__(self, optimizer: str) -> None:
        self.trainer = Trainer(optimizer)
        corex.manual_seed(7)
        self.trainer.step(*self.trainer.load(0))  # makes the optimizer's state
        self.x, self.y = [t.clone() for t in self.trainer.load(1)]
        start = default_generator.get_state()[1].item()
        self.recording, self.first = record(self.trainer.step, self.x, self.y)
        self.draws = default_generator.get_state()[1].item() - start

    def load(self, i: int) -> None:
        for memory, t in zip((self.x, self.y), self.trainer.load(i), strict=True):
            memory.copy_(t)

    def run(self, program: Program, i: int, lr: float = 0.02) -> float:
        self.load(i)
        after = i - 1
        loss, *_ = again(
            program,
            self.recording,
            step=lambda step: step + after,
            offset=lambda offset: offset + after * self.draws,
            lr=lambda _: lr,
        )
        return loss.item()


def eagerly(optimizer: str, rates: list[float]) -> tuple[list[float], list[Any]]:
    trainer, losses = Trainer(optimizer), []
    corex.manual_seed(7)
    for i, rate in enumerate(rates):
        trainer.optimizer.param_groups[0]["lr"] = rate
        losses.append(trainer.step(*trainer.load(i)).item())
    return losses, trainer.state()


RATES = [0.02, 0.02, 0.01, 0.005]


@pytest.mark.parametrize("optimizer", ["AdamW", "SGD"])
def test_a_recorded_training_step(each_backend: str, optimizer: str) -> None:
    losses, state = eagerly(optimizer, RATES)
    steps = Steps(optimizer)
    assert steps.first.item() == losses[1]
    program = prepare(steps.recording.graph, backend=each_backend)
    assert [steps.run(program, i, RATES[i]) for i in (2, 3)] == losses[2:]
    assert steps.trainer.state() == state


@pytest.mark.parametrize("kind", [Bare, Functional, Toy])
def test_a_recorded_training_step_elsewhere(kind: Any) -> None:
    """Where there are few kernels, no arena, or a compiler that does not know all ops."""
    with (
        installed(kind) as name,
        corex.use_backend(name),
        warnings.catch_warnings(),
    ):
        warnings.simplefilter("ignore", corex.FallbackWarning)
        losses, state = eagerly("AdamW", RATES)
        steps = Steps("AdamW")
        program = prepare(steps.recording.graph, backend=name)
        assert program.how == "interpreted"
        assert [steps.run(program, i, RATES[i]) for i in (2, 3)] == losses[2:]
        assert steps.trainer.state() == state
        for op in steps.recording.graph.ops:
            schema = REGISTRY.get(op.kernel)
            native = op.kernel in place_of(name).backend.kernels
            assert native or schema is None or schema.changing or schema.decomposition is None


def test_the_graph_of_a_step(each_backend: str) -> None:
    steps = Steps("AdamW")
    graph = steps.recording.graph
    roles = {role: len(graph.of_role(role)) for role in ("input", "state", "output", "constant")}
    # Six parameters, two states of each, three running statistics.
    assert roles["state"] == 6 * 3 + 3
    assert roles["input"] == 3, "the batch, and a 1 that backward keeps from call to call"
    assert [graph.values[i].shape for i in (0, 1)] == [(6, 5), (5,)]
    grads = [p.grad for p in steps.trainer.model.parameters()]
    escaped = {id(t.storage_) for t in steps.recording.escaped}
    assert all(g is not None and id(g.storage_) in escaped for g in grads)
    assert {name.partition(".")[0] for name in steps.recording.numbers} == {
        "lr", "step", "seed", "offset",
    }  # fmt: skip
    program = prepare(graph, backend=each_backend)
    arena = program.graph.arena
    assert arena is not None
    whole = sum(graph.storages[i].nbytes for i in graph.of_role("temporary"))
    assert arena.nbytes < 0.6 * whole
    assert from_json(to_json(program.graph)) == program.graph


def test_gradients_are_results(each_backend: str) -> None:
    steps = Steps("SGD")
    program = prepare(steps.recording.graph, backend=each_backend)
    steps.load(2)
    _, *found = again(program, steps.recording, offset=lambda offset: offset + steps.draws)
    steps.trainer.optimizer.zero_grad()
    eager = Trainer("SGD")
    corex.manual_seed(7)
    for i in range(3):
        eager.step(*eager.load(i))
    expected = {
        tuple(p.grad.flatten().tolist()) for p in eager.model.parameters() if p.grad is not None
    }
    assert expected <= {tuple(t.flatten().tolist()) for t in found}


# ---- other memory than the recorded one ----------------------------------------------------------
def test_other_inputs(each_backend: str) -> None:
    """Batches that are parts of one tensor, and tensors that are made for the call."""
    data = corex.tensor(np.random.default_rng(1).normal(size=(5, 4, 3)))
    weight = corex.tensor(np.random.default_rng(2).normal(size=(3, 2)))
    x = data[2]
    recording, y = record(lambda x: (x @ weight).relu() - x.sum(), x)
    program = prepare(recording.graph, backend=each_backend)
    for batch in (data[0], data[4], corex.ones(4, 3, dtype=corex.float64)):
        recording.inputs[0] = batch
        [found] = again(program, recording)
        assert found.tolist() == ((batch @ weight).relu() - batch.sum()).tolist()
    assert y.tolist() == ((x @ weight).relu() - x.sum()).tolist()


def test_two_views_of_one_tensor_are_one_storage(each_backend: str) -> None:
    data = corex.arange(12.0).reshape(3, 4)

    def swap() -> corex.Tensor:
        before = data[0].clone()
        data[0] = data[2]
        data[2, 1:] = before[1:] * 2
        return data.sum()

    recording, _ = record(swap)
    assert len(recording.states) == 1
    program = prepare(recording.graph, backend=each_backend)
    expected = data.clone()
    total = again(program, recording)[0]
    first = expected[0].clone()
    expected[0] = expected[2]
    expected[2, 1:] = first[1:] * 2
    assert data.tolist() == expected.tolist()
    assert total.item() == expected.sum().item()


def test_data_of_the_host_is_constant(each_backend: str) -> None:
    x = corex.ones(3)

    def function() -> tuple[corex.Tensor, ...]:
        weights = corex.tensor([1.0, 2.0, 3.0])
        moved = corex.tensor([1.0, 2.0, 3.0])
        moved += x
        return x * weights, moved, corex.tensor([5.0])

    recording, _ = record(function)
    assert len(recording.graph.of_role("constant")) >= 2
    program = prepare(recording.graph, backend=each_backend)
    x.mul_(2)
    for _ in range(2):
        product, moved, fixed = again(program, recording)
        assert product.tolist() == [2, 4, 6]
        assert moved.tolist() == [3, 4, 5]
        assert fixed.tolist() == [5]


def test_data_of_the_host_that_is_written_in_part(each_backend: str) -> None:
    def function(x: corex.Tensor) -> tuple[corex.Tensor, ...]:
        first, second = corex.tensor([1.0, 2.0, 3.0]), corex.tensor([4.0, 5.0, 6.0])
        first[0] = x[0]
        second[corex.tensor([1])] = x[1:2]
        return corex.cat([first, second]), x * 2

    x = corex.tensor([7.0, 8.0])
    recording, _ = record(function, x)
    sizes = [recording.graph.storages[i].nbytes for i in recording.graph.of_role("constant")]
    assert 24 not in sizes, "what `cat` made was not initialised, and need not be known"
    program = prepare(recording.graph, backend=each_backend)
    recording.inputs[0] = corex.tensor([-1.0, -2.0])
    assert again(program, recording)[0].tolist() == [-1, 2, 3, 4, -2, 6]


def test_memory_without_versions_is_the_same_memory(each_backend: str) -> None:
    """`t.data` and replaced memory are further storages of one buffer."""
    x = corex.ones(3)

    def function() -> corex.Tensor:
        x.data.mul_(2)
        y = x + 1
        y.data.add_(x)
        other = corex.zeros(3)
        other.data = y
        del y
        other.data[0] = 9
        return other * 1

    recording, result = record(function)
    assert result.tolist() == [9, 5, 5]
    assert len(recording.states) == 1
    program = prepare(recording.graph, backend=each_backend)
    assert again(program, recording)[0].tolist() == [9, 9, 9]
    assert x.tolist() == [4, 4, 4]


def test_what_is_watched_is_memory_too(each_backend: str) -> None:
    """A storage whose views are to be told of writes is of another class."""
    x = corex.ones(4, requires_grad=True) * 1
    x.requires_grad_()
    part = x[:2]

    def function() -> corex.Tensor:
        x.mul_(3)
        return part + 0

    recording, result = record(function)
    assert len(recording.states) == 1
    program = prepare(recording.graph, backend=each_backend)
    assert result.tolist() == [3, 3]
    assert again(program, recording)[0].tolist() == [9, 9]


def test_a_result_that_is_an_input(each_backend: str) -> None:
    x = corex.arange(6.0).reshape(2, 3)
    recording, _ = record(lambda: (x.t(), x + 1))
    program = prepare(recording.graph, backend=each_backend)
    view, _ = again(program, recording)
    assert view.storage_ is x.storage_
    assert view.tolist() == x.t().tolist()


def test_random_numbers_go_on(each_backend: str) -> None:
    x = corex.ones(50)
    corex.manual_seed(3)
    expected = [(corex.dropout(x, 0.5, True) + corex.randn(50)).tolist() for _ in range(3)]
    corex.manual_seed(3)
    start = default_generator.get_state()[1].item()
    recording, _ = record(lambda: corex.dropout(x, 0.5, True) + corex.randn(50))
    draws = default_generator.get_state()[1].item() - start
    program = prepare(recording.graph, backend=each_backend)
    for i in range(3):
        [found] = again(program, recording, offset=lambda offset, i=i: offset + i * draws)
        assert found.tolist() == expected[i]


def test_parameters_of_several_dtypes(each_backend: str) -> None:
    def made() -> tuple[list[Any], Any]:
        params = [
            corex.arange(3.0, dtype=dtype).requires_grad_()
            for dtype in (corex.float32, corex.float64)
        ]
        return params, corex.optim.AdamW(params, lr=0.1)

    def step(params: list[Any], optimizer: Any) -> corex.Tensor:
        optimizer.zero_grad()
        loss = sum(((p - 1) ** 2).sum().double() for p in params)
        loss.backward()
        optimizer.step()
        return loss

    eager, taped = made(), made()
    step(*taped)
    losses = [step(*eager).item() for _ in range(4)]
    recording, loss = record(lambda: step(*taped))
    assert [op.kernel for op in recording.graph.ops].count("adam_step") == 2
    program = prepare(recording.graph, backend=each_backend)
    found = [loss.item()]
    for i in (1, 2):
        found.append(again(program, recording, step=lambda step, i=i: step + i)[0].item())
    # An eager call with two dtypes is decomposed; the graph has a call of the kernel for each.
    assert found == pytest.approx(losses[1:], rel=1e-10)


def test_one_device_only() -> None:
    here, there = corex.ones(2).to(backend="cpu_c"), corex.ones(2).to(backend="reference_py")

    def function(here: corex.Tensor, there: corex.Tensor) -> corex.Tensor:
        there.add_(1)
        return here + 1

    with pytest.raises(NotImplementedError, match="a graph lives on one device"):
        record(function, here, there)


def test_nothing_of_the_recording_stays() -> None:
    import gc
    import weakref

    x = corex.ones(1000)
    recording, y = record(lambda x: x.exp() * 2, x)
    middle = weakref.ref(y.storage_)
    del y
    gc.collect()
    assert middle() is None, "results are the caller's alone"
    assert len(recording.graph.of_role("temporary")) == 1
