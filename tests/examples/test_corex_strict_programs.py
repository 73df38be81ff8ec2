"""Whole programs on the strict devices: training, modules, files, copies, and memory afterwards."""

from __future__ import annotations

import copy
import gc
import importlib
import math
import pickle
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import corex
import corex.nn.functional as F
from corex import Tensor, nn, optim
from corex.plugins import manager
from corex.utils.data import DataLoader, TensorDataset

pytestmark = pytest.mark.usefixtures("strict")

A, B = "strict:0", "strict:1"
STEPS: dict[str, Callable[[Any], optim.Optimizer]] = {
    "SGD": lambda p: optim.SGD(p, lr=0.1),
    "momentum": lambda p: optim.SGD(p, lr=0.1, momentum=0.9, nesterov=True, weight_decay=0.01),
    "Adam": lambda p: optim.Adam(p, lr=0.01),
    "AdamW": lambda p: optim.AdamW(p, lr=0.01),
}


def network(place: str) -> nn.Module:
    corex.manual_seed(0)
    layers = [nn.Linear(3, 8), nn.Tanh(), nn.LayerNorm(8), nn.BatchNorm1d(8), nn.Dropout(0.1)]
    return nn.Sequential(*layers, nn.Linear(8, 2)).to(place)


def train(place: str, optimizer: Callable[[Any], optim.Optimizer]) -> list[float]:
    model = network(place)
    step = optimizer(model.parameters())
    x = corex.randn(6, 3, device=place)
    y = corex.tensor([0, 1, 0, 1, 1, 0], device=place)
    losses = []
    for _ in range(4):
        step.zero_grad()
        loss = F.cross_entropy(model(x), y)
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        step.step()
        losses.append(loss.item())
    assert {str(t.device) for t in model.state_dict().values()} == {place}
    return losses


@pytest.mark.parametrize("name", STEPS)
def test_training_is_the_same_everywhere(name: str) -> None:
    expected = train("cpu", STEPS[name])
    assert all(math.isfinite(loss) for loss in expected)
    for place in (A, B):
        assert train(place, STEPS[name]) == pytest.approx(expected, rel=1e-4)


def test_memory_is_given_back_after_training() -> None:
    backend = manager.backend("strict")
    train(B, STEPS["Adam"])  # whatever is made once is made now
    gc.collect()
    before = [backend.memory_stats(i) for i in (0, 1)]
    train(B, STEPS["Adam"])
    gc.collect()
    after = [backend.memory_stats(i) for i in (0, 1)]
    assert after[1]["allocated_bytes"] == before[1]["allocated_bytes"]
    assert after[1]["allocations"] > before[1]["allocations"]
    assert after[0] == before[0]


def test_parallel_training() -> None:
    """A thread for each device, at once."""
    found: dict[str, list[float]] = {}
    expected = run_alone = {place: train_sine(place) for place in (A, B)}

    def work(place: str) -> None:
        found[place] = train_sine(place)

    threads = [threading.Thread(target=work, args=(place,)) for place in (A, B)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == expected == run_alone


def train_sine(place: str) -> list[float]:
    x = corex.linspace(-3, 3, 32, device=place)
    weights = corex.zeros(4, device=place, requires_grad=True)
    powers = corex.stack([x**i for i in range(4)], 1)
    losses = []
    for _ in range(10):
        loss = ((powers @ weights - x.sin()) ** 2).mean()
        (gradient,) = corex.autograd.grad(loss, weights)
        with corex.no_grad():
            weights -= 1e-3 * gradient
        losses.append(loss.item())
    return losses


# ---- several devices -----------------------------------------------------------------------------
@pytest.mark.parametrize("name", STEPS)
def test_an_optimizer_over_two_devices(name: str) -> None:
    a, b = (corex.full((3,), 2.0, device=d, requires_grad=True) for d in (A, B))
    both = STEPS[name]([a, b])
    c = corex.full((3,), 2.0, requires_grad=True)
    one = STEPS[name]([c])
    for _ in range(3):
        both.zero_grad()
        (a.sum() ** 2 + (b.sum() ** 2).to(A)).backward()
        both.step()
        one.zero_grad()
        (c.sum() ** 2).backward()
        one.step()
    assert a.tolist() == b.tolist() == pytest.approx(c.tolist(), rel=1e-5)
    assert (str(a.device), str(b.device)) == (A, B)
    restored = STEPS[name]([b, a])
    restored.load_state_dict(both.state_dict())
    for parameter, state in restored.state.items():
        tensors = [v for v in state.values() if isinstance(v, Tensor) and v.shape]
        assert {t.device for t in tensors} <= {parameter.device}


def test_a_network_over_three_devices() -> None:
    corex.manual_seed(0)
    first, second, third = nn.Linear(3, 4).to(A), nn.Linear(4, 4).to(B), nn.Linear(4, 1)
    whole = [copy.deepcopy(layer).cpu() for layer in (first, second, third)]
    x = corex.randn(5, 3)
    third(second(first(x.to(A)).relu().to(B)).relu().to("cpu")).sum().backward()
    whole[2](whole[1](whole[0](x).relu()).relu()).sum().backward()
    for layer, other in zip((first, second, third), whole, strict=True):
        for got, want in zip(layer.parameters(), other.parameters(), strict=True):
            assert got.grad is not None
            assert want.grad is not None
            assert got.grad.device == got.device
            assert corex.allclose(got.grad.cpu(), want.grad)
    everything = [p for layer in (first, second, third) for p in layer.parameters()]
    expected = nn.utils.clip_grad_norm_([p for m in whole for p in m.parameters()], 0.5)
    assert nn.utils.clip_grad_norm_(everything, 0.5).item() == pytest.approx(expected.item())


def test_a_leaf_used_on_two_devices() -> None:
    a = corex.ones(3, device=A, requires_grad=True)
    (a.sum() + (a.to(B) * 2).sum().to(A) + a.cpu().sum().to(A)).backward()
    assert a.grad is not None
    assert (str(a.grad.device), a.grad.tolist()) == (A, [4, 4, 4])


def test_state_dicts_across_devices() -> None:
    source = network(B)
    for place in (A, "cpu"):
        target = network(place)
        for parameter in target.parameters():
            parameter.data.zero_()
        target.load_state_dict(source.state_dict())
        for name, value in target.state_dict().items():
            assert str(value.device) == place
            assert value.tolist() == source.state_dict()[name].tolist()
    moved = source.to("cpu").to(1)
    assert {str(p.device) for p in moved.parameters()} == {B}
    assert {str(p.device) for p in nn.Linear(2, 2, device=B).parameters()} == {B}


def test_backends_side_by_side() -> None:
    """The same program on every backend that is there, in turns, and with transfers between."""
    names = [n for n in ("reference_py", "cpu_c", "strict", "numpy") if n in manager.descriptors()]
    if "numpy" not in names:
        plugin = importlib.import_module("corex_numpy.plugin")
        manager.register(plugin, "numpy")
        names.append("numpy")
    else:
        plugin = None
    try:
        values = []
        for name in names:
            with corex.use_backend(name):
                corex.manual_seed(3)
                a = corex.randn(4, 4)
                assert a.backend == name
                values.append((a @ a.t()).softmax(1))
        for name, value in zip(names, values, strict=True):
            for other in values:
                here = other.to(device=value.device, backend=name)
                assert here.backend == name
                assert corex.allclose(here, value)
    finally:
        if plugin is not None:
            manager.unregister(plugin)


# ---- as objects ----------------------------------------------------------------------------------
def test_how_tensors_are_shown() -> None:
    a = corex.tensor([1.0, 2.5], device=A)
    assert repr(a) == "tensor([1.0000, 2.5000], device='strict:0')"
    assert repr(a.long().to(B)) == "tensor([1, 2], device='strict:1')"
    assert repr(a.double()[:0]) == "tensor([], device='strict:0', dtype=corex.float64)"
    a.requires_grad_()
    assert repr(a * 2) == "tensor([2., 5.], device='strict:0', grad_fn=<MulBackward0>)"
    assert "device='strict:1', requires_grad=True" in repr(nn.Parameter(a.detach().to(B)))


def test_numbers_lists_and_arrays() -> None:
    a = corex.arange(6.0, device=B).reshape(2, 3).t()
    assert a.tolist() == [[0, 3], [1, 4], [2, 5]]
    assert (a[2, 1].item(), float(a[1, 0]), int(a[0, 1]), bool(a[0, 0])) == (5, 1, 3, False)
    for convert in (lambda: a.numpy(), lambda: np.asarray(a)):
        with pytest.raises(TypeError, match=r"can't convert strict:1 .* Use Tensor.cpu\(\)"):
            convert()
    np.testing.assert_array_equal(a.cpu().numpy(), a.numpy(force=True))


def test_copies_and_pickles() -> None:
    a = corex.arange(4.0, device=B).reshape(2, 2).t().requires_grad_()
    for other in (copy.deepcopy(a), pickle.loads(pickle.dumps(a)), copy.copy(a)):
        assert (str(other.device), other.tolist(), other.requires_grad) == (B, a.tolist(), True)
    assert copy.deepcopy(a).data_ptr() != a.data_ptr()
    model = copy.deepcopy(network(A))
    x = corex.ones(2, 3, device=A)
    assert pickle.loads(pickle.dumps(model)).eval()(x).tolist() == model.eval()(x).tolist()


def test_files(tmp_path: Path) -> None:
    model = network(B).eval()
    corex.save({"model": model.state_dict(), "x": corex.ones(2, device=A)}, tmp_path / "file")
    for place in (None, A, B, corex.device(B)):
        loaded = corex.load(tmp_path / "file", map_location=place)
        assert str(loaded["x"].device) == str(place or "cpu")
        other = network(A).eval()
        other.load_state_dict(loaded["model"])
        x = corex.ones(1, 3)
        assert other(x.to(A))[0].tolist() == pytest.approx(model(x.to(B))[0].tolist())
    corex.save(corex.ones(2, dtype=corex.float64), tmp_path / "double")
    with pytest.raises(TypeError, match="holds no float64"):
        corex.load(tmp_path / "double", map_location=B)


@pytest.mark.parametrize("place", [A, B])
def test_data_loaders(place: str) -> None:
    x = corex.arange(12.0).reshape(6, 2)
    for data in (TensorDataset(x, x.sum(1)), TensorDataset(x.to(place), x.sum(1).to(place))):
        rows = []
        for batch, sums in DataLoader(data, batch_size=4):
            batch, sums = batch.to(place), sums.to(place)
            assert corex.equal(batch.sum(1), sums)
            rows += batch.tolist()
        assert rows == x.tolist()


def test_running_out_of_memory_is_survived() -> None:
    device = manager.backend("strict").devices[1]
    a = corex.ones(1000, device=B)
    capacity, device.capacity = device.capacity, device.statistics()["allocated_bytes"] + 6000
    try:
        with pytest.raises(corex.OutOfMemoryError, match="strict:1 is out of memory"):
            (a * 2 + 1).exp().sum()
        with pytest.raises(corex.OutOfMemoryError):
            corex.randn(2000, device=B)
        assert (a * 2).sum().item() == 2000
    finally:
        device.capacity = capacity
    assert ((a * 2) + 1).sum().item() == 3000
