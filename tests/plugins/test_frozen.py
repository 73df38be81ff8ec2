"""Backends written for older versions of the contract, which nobody may change, still work."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path

import pytest

import corex
from corex.plugins import manager
from tests.plugins.frozen import backend_1_0

FROZEN = Path(__file__).parent / "frozen"
CHECKSUMS = {"backend_1_0.py": "a49414648a79cb964b07f56755f950fd0c19d8cfdbd80de288f6eef0007609e3"}

pytestmark = pytest.mark.filterwarnings("ignore::corex.FallbackWarning")


@pytest.fixture(autouse=True)
def old() -> Iterator[None]:
    plugin = backend_1_0.Plugin()
    manager.register(plugin, "old")
    yield
    manager.unregister(plugin)


def test_they_are_as_they_were() -> None:
    found = {p.name: hashlib.sha256(p.read_bytes()).hexdigest() for p in FROZEN.glob("b*.py")}
    assert found == CHECKSUMS


def test_version_1_0_computes_and_falls_back() -> None:
    with corex.use_backend("old"), corex.placement() as report:
        a = corex.tensor([[1.0, 2.0], [3.0, 4.0]])
        found = [(a + a.T).tolist(), (a * 2.5).tolist(), (-a).sum(0).tolist(), a.sum().item()]
        rounded = a.exp().log().round().tolist()
        assert corex.tensor([2**62, 5], device="old:1").mul(2).tolist() == [-(2**63), 10]
    assert found == [
        [[2.0, 5.0], [5.0, 8.0]], [[2.5, 5.0], [7.5, 10.0]], [-4.0, -6.0], 10.0,
    ]  # fmt: skip
    assert rounded == [[1.0, 2.0], [3.0, 4.0]]
    for op in ("add", "neg", "mul"):
        assert report.how(op) == {"native"}
    assert report.how("exp") == {"fallback"}


def test_version_1_0_learns() -> None:
    corex.manual_seed(0)
    with corex.use_backend("old"):
        model = corex.nn.Linear(2, 1)
        x = corex.tensor([[0.0, 1.0], [1.0, 0.0], [1.0, 1.0], [0.0, 0.0]])
        y = x.sum(1, keepdim=True)
        optimizer = corex.optim.SGD(model.parameters(), lr=0.3)
        losses = []
        for _ in range(30):
            optimizer.zero_grad()
            loss = corex.nn.functional.mse_loss(model(x), y)
            loss.backward()
            optimizer.step()
            losses.append(loss.item())
    assert losses[-1] < 0.05 < losses[0]


def test_version_1_0_is_told_of() -> None:
    backend = manager.backend("old")
    assert backend.features == {"memory_stats"}
    assert backend.traits(1).ulps == {"unary": 8}
    assert backend.compile(None, 0) is None  # came later, with a default that works
    with pytest.raises(corex.OutOfMemoryError):
        corex.empty(2**29, device="old")
