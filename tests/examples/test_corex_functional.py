"""The example of an awkward device: it conforms by its traits, and runs whole programs."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

import corex
import corex.nn.functional as F
from corex import nn
from corex.compiler import prepare, record
from corex.plugins import manager
from corex.tensor.schema import REGISTRY

pytestmark = pytest.mark.usefixtures("functional")


@pytest.fixture(autouse=True)
def no_help_from_the_host() -> None:
    """Everything is composed on the device: in strict mode nothing else would run."""
    corex.set_strict(True)
    yield
    corex.set_strict(False)


def test_it_brings_the_core_and_nothing_else() -> None:
    core = {name for name, schema in REGISTRY.items() if schema.tier == 1}
    assert set(manager.backend("functional").kernels) == core | {"copy", "fill", "arange"}


@pytest.mark.parametrize(
    ("device", "tiers"),
    [
        ("0", "0,1"),
        pytest.param("0", "0,1,2", marks=pytest.mark.full),
        pytest.param("1", "0,1", marks=pytest.mark.full),
    ],
)
def test_it_conforms_without_a_file_of_exceptions(
    run: Callable[..., str], device: str, tiers: str
) -> None:
    program = "import sys\nfrom corex.cli import main\nsys.exit(main(sys.argv[1:]))"
    sample = ["--reduced", "--tier", tiers]
    # One process: the machine's other processors are busy with other tests.
    told = run(program, "conformance", "functional", "--device", device, "--jobs", "1", *sample)
    assert "functional conforms" in told
    assert "traits, declared: subnormals flushed" in told
    assert "weakened: subnormal numbers are flushed" in told


def network() -> nn.Module:
    corex.manual_seed(0)
    layers = [nn.Conv2d(1, 2, 3), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(8, 3)]
    return nn.Sequential(*layers, nn.LayerNorm(3))


def train(device: str) -> list[float]:
    model = network().to(device)
    step = corex.optim.AdamW(model.parameters(), lr=0.01)
    x = corex.linspace(-1, 1, 4 * 36).reshape(4, 1, 6, 6).to(device)
    y = corex.tensor([0, 1, 2, 1], device=device)
    losses = []
    for _ in range(4):
        step.zero_grad()
        loss = F.cross_entropy(model(x), y)
        loss.backward()
        step.step()
        losses.append(loss.item())
    return losses


@pytest.mark.parametrize("device", ["functional:0", "functional:1"])
def test_training_is_that_of_the_cpu(device: str) -> None:
    assert train(device) == pytest.approx(train("cpu"), rel=1e-4)


def test_a_recorded_step_runs_again_in_buffers_of_its_own() -> None:
    """Memory that is replaced as a whole has no arena: temporaries share buffers."""
    x = corex.linspace(-1, 1, 4 * 36).reshape(4, 1, 6, 6).to("functional")
    y = corex.tensor([0, 1, 2, 1], device="functional")
    model = network().to("functional")
    optimizer = corex.optim.AdamW(model.parameters(), lr=0.01)

    def step(x: corex.Tensor, y: corex.Tensor) -> corex.Tensor:
        optimizer.zero_grad()
        loss = F.cross_entropy(model(x), y)
        loss.backward()
        optimizer.step()
        return loss

    losses = [step(x, y).item()]
    recording, loss = record(step, x, y)
    losses.append(loss.item())
    program = prepare(recording.graph, "functional")
    assert program.graph.arena is None
    assert len(program.graph.slots) < len(program.graph.of_role("temporary"))
    for more in (1, 2):
        numbers = {**recording.numbers, "step": recording.numbers["step"] + more}
        losses.append(program(recording.inputs, recording.states, numbers)[0].item())
    assert losses == train("functional")


def test_subnormal_numbers_are_none() -> None:
    tiny = corex.tensor([1e-40, 1.0], device="functional")
    assert tiny.mul(1.0).tolist() == [0.0, 1.0]
    assert (tiny == 0).tolist() == [True, False]


def test_content_is_replaced_and_never_written() -> None:
    a = corex.ones(3, device="functional")
    a.tolist()
    before = a.storage_.buffer.content
    a.add_(1)
    assert a.tolist() == [2.0, 2.0, 2.0]
    after = a.storage_.buffer.content
    assert before is not after
    assert np.frombuffer(before, np.float32).tolist() == [1.0, 1.0, 1.0]
    with pytest.raises(ValueError, match="read-only"):
        after[0] = 1


def test_errors_come_late_and_name_their_call() -> None:
    a = corex.ones(2, 3, device="functional")
    found = a[corex.tensor([5], device="functional")]
    with pytest.raises(IndexError, match="index 5 is out of bounds") as caught:
        found.tolist()
    notes = "\n".join([str(caught.value), *getattr(caught.value, "__notes__", [])])
    assert "kernel 'index'" in notes
    assert "test_corex_functional.py" in notes
    assert a.sum().item() == 6.0  # the device is usable


def test_what_it_does_not_have_is_refused() -> None:
    with pytest.raises(TypeError, match="holds no float64"):
        corex.ones(2, dtype=corex.float64, device="functional")
    with pytest.raises(corex.OutOfMemoryError, match="32 bits"):
        corex.empty(2**31, dtype=corex.uint8, device="functional")


def test_random_numbers_are_those_of_other_devices() -> None:
    drawn = []
    for device in ("cpu", "functional"):
        corex.manual_seed(3)
        drawn.append([corex.rand(5, device=device), corex.randn(5, device=device)])
    (u, n), (v, m) = drawn
    assert u.tolist() == v.tolist()
    assert m.tolist() == pytest.approx(n.tolist(), rel=1e-5, abs=1e-6)


@pytest.mark.parametrize("count", [1000])
def test_sorting_is_composed_on_the_device(count: int) -> None:
    values = np.random.default_rng(0).standard_normal(count).astype(np.float32)
    a = corex.from_numpy(values).to("functional")
    with corex.placement() as report:
        order = a.argsort(stable=True)
    assert order.tolist() == np.argsort(values, kind="stable").tolist()
    assert report.how("argsort") == {"decomposed"}
