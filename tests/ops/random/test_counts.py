"""Poisson and binomial numbers: moments, ends, refusals."""

from __future__ import annotations

import math

import pytest

import corex

COUNT = 20000


def moments(x: corex.Tensor) -> tuple[float, float]:
    values = x.to(corex.float64)
    assert (x == x.floor()).all()
    assert (x >= 0).all()
    return values.mean().item(), values.var().item()


@pytest.mark.parametrize("rate", [0.3, 4.0, 9.99, 10.0, 50.0, 1e6])
def test_poisson(rate: float) -> None:
    corex.manual_seed(5)
    mean, var = moments(corex.poisson(corex.full((COUNT,), rate)))
    assert mean == pytest.approx(rate, abs=5 * math.sqrt(rate / COUNT))
    assert var == pytest.approx(rate, rel=0.06)


@pytest.mark.parametrize(
    ("count", "prob"),
    [(10, 0.5), (10, 0.03), (60, 0.4), (60, 0.7), (1e5, 0.25), (1e5, 1e-5), (1e5, 0.9999)],
)
def test_binomial(count: float, prob: float) -> None:
    corex.manual_seed(6)
    drawn = corex.binomial(corex.full((COUNT,), float(count)), corex.tensor(prob))
    mean, var = moments(drawn)
    spread = count * prob * (1 - prob)
    assert mean == pytest.approx(count * prob, abs=5 * math.sqrt(spread / COUNT))
    assert var == pytest.approx(spread, rel=0.06)
    assert (drawn <= count).all()


def test_ends(each_backend: str) -> None:
    assert corex.poisson(corex.zeros(3)).tolist() == [0, 0, 0]
    assert corex.poisson(corex.empty(0, 2)).shape == (0, 2)
    n = corex.tensor([5.0, 5.0, 0.0, -2.0])
    assert corex.binomial(n, corex.tensor([0.0, 1.0, 0.5, 0.5])).tolist() == [0, 5, 0, 0]
    rate = corex.tensor([1.0, 20.0], requires_grad=True)
    corex.poisson(rate).sum().backward()
    assert rate.grad.tolist() == [0, 0]


def test_a_seed_fixes_them(each_backend: str) -> None:
    for draw in (
        lambda: corex.poisson(corex.tensor([3.0, 30.0])),
        lambda: corex.binomial(corex.tensor([9.0, 90.0]), corex.tensor(0.4)),
    ):
        corex.manual_seed(7)
        first = draw().tolist()
        corex.manual_seed(7)
        assert draw().tolist() == first


def test_refusals() -> None:
    with pytest.raises(RuntimeError, match="non-negative"):
        corex.poisson(corex.tensor([-1.0]))
    with pytest.raises(NotImplementedError):
        corex.poisson(corex.tensor([1]))
    with pytest.raises(ValueError, match="floating-point"):
        corex.binomial(corex.tensor([1]), corex.tensor([0.5]))
