"""Ops without kernels go to a host where a backend says so, or could compose them of nothing."""

from __future__ import annotations

import warnings
from collections.abc import Iterator

import pytest

import corex
from corex.testing.select import sample
from corex.testing.suite import generate, run_case
from tests.ops.core import installed, restricted

OPS = frozenset({"argsort", "tanh", "le", "sigmoid", "scatter_add", "random_uniform", "sgd_step"})


@pytest.fixture(scope="module")
def preferring() -> Iterator[str]:
    """A backend that prefers the host for some ops, for one of which it has a kernel."""
    with installed(restricted("preferring", preferred=OPS)) as name:
        yield name


def program(device: str) -> list[float]:
    a = corex.tensor([0.5, -1.0, 2.0], device=device)
    i = corex.tensor([2, 0, 2], device=device)
    corex.manual_seed(3)
    parts = [a.argsort(), a <= 0.5, a.tanh(), a.sinh(), a.sigmoid(), a.scatter_add(0, i, a)]
    return [x for t in (*parts, corex.rand(4, device=device)) for x in t.tolist()]


def test_what_is_preferred_runs_on_the_host_without_a_warning(preferring: str) -> None:
    with warnings.catch_warnings(), corex.placement() as report:
        warnings.simplefilter("error")
        found = program(preferring)
    assert found == pytest.approx(program("cpu"))
    how = {row.op: row.how for row in report.rows() if row.backend == preferring}
    assert {op for op in OPS if how.get(op) == "fallback"} == OPS - {"tanh", "sgd_step"}
    assert (how["tanh"], how["sinh"]) == ("native", "decomposed")
    reasons = {row.reason for row in report.rows() if row.op == "argsort"}
    assert any("prefers the host" in reason for reason in reasons)


def test_strict_mode_decomposes_it_all_the_same(preferring: str) -> None:
    corex.set_strict(True)
    try:
        with corex.placement() as report:
            found = program(preferring)
    finally:
        corex.set_strict(False)
    assert found == pytest.approx(program("cpu"))
    assert report.how("argsort") == report.how("le") == {"decomposed"}


def test_an_optimizer_step_is_decomposed(preferring: str) -> None:
    weight = corex.ones(2, device=preferring, requires_grad=True)
    (weight * weight).sum().backward()
    with corex.placement() as report:
        corex.optim.SGD([weight], lr=0.25).step()
    assert weight.tolist() == [0.5, 0.5]
    assert report.how("sgd_step") == {"decomposed"}


@pytest.mark.parametrize("op", ["argsort", "le", "sigmoid"])
def test_the_suite_expects_it(op: str, preferring: str) -> None:
    for case in sample([case for case in generate(["test", "grad"]) if case.op == op]):
        result = run_case(preferring, 0, case)
        assert result.status in ("unsupported", "passed"), result


def test_a_device_that_adds_nothing_leaves_whole_ops_to_the_host() -> None:
    """With memory and `copy` alone nothing is composed of steps that would each go to the host."""
    with installed(restricted("copying", kernels={"copy"})) as name, warnings.catch_warnings():
        warnings.simplefilter("ignore", corex.FallbackWarning)
        with corex.placement() as report:
            a = corex.linspace(-1, 1, 6, device=name).reshape(2, 3)
            found = [a.softmax(1), a.sinh(), a.t() <= 0, a.argsort(), a.var(0)]
        corex.manual_seed(0)
        model = corex.nn.Sequential(corex.nn.Linear(3, 4), corex.nn.GELU(), corex.nn.Linear(4, 1))
        model = model.to(name)
        optimizer = corex.optim.Adam(model.parameters(), lr=0.1)
        losses = []
        for _ in range(20):
            optimizer.zero_grad()
            loss = (model(a) ** 2).mean()
            loss.backward()
            optimizer.step()
            losses.append(loss.item())
    b = corex.linspace(-1, 1, 6).reshape(2, 3)
    wanted = [b.softmax(1), b.sinh(), b.t() <= 0, b.argsort(), b.var(0)]
    assert [t.tolist() for t in found] == [t.tolist() for t in wanted]
    how = {row.op: row.how for row in report.rows() if row.backend == name}
    assert how["softmax"] == how["sinh"] == how["le"] == how["argsort"] == "fallback"
    assert "decomposed" not in how.values()
    assert losses[-1] < 0.1 * losses[0]


def test_a_dtype_that_is_only_stored_is_left_to_the_host() -> None:
    class Storing(restricted("storing")):  # type: ignore[misc]
        def select(self, op: str, dtypes: tuple[corex.DType, ...]) -> object:
            stored = corex.float64 in dtypes and op not in ("copy", "fill")
            return None if stored else super().select(op, dtypes)

    with installed(Storing) as name, warnings.catch_warnings():
        warnings.simplefilter("ignore", corex.FallbackWarning)
        with corex.placement() as report:
            corex.ones(3, dtype=corex.float64, device=name).sinh()
            corex.ones(3, device=name).cosh()
    how = {row.op: row.how for row in report.rows() if row.backend == name}
    assert (how["sinh"], how["cosh"]) == ("fallback", "decomposed")
