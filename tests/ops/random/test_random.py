"""Random functions: the same bits everywhere, ranges, moments, and what a seed fixes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import corex
import corex.nn.functional as F

pytestmark = [
    pytest.mark.usefixtures("each_backend"),
    pytest.mark.filterwarnings("ignore::corex.FallbackWarning"),
]

FLOATS = [corex.float32, corex.float64]
DRAWS = {
    "rand": lambda: corex.rand(3, 5),
    "randn": lambda: corex.randn(3, 5, dtype=corex.float64),
    "rand_like": lambda: corex.rand_like(corex.zeros(4)),
    "randn_like": lambda: corex.randn_like(corex.zeros(4)),
    "randint": lambda: corex.randint(-5, 5, (20,)),
    "randperm": lambda: corex.randperm(9),
    "normal": lambda: corex.normal(1.0, 2.0, (7,)),
    "normal of tensors": lambda: corex.normal(corex.ones(3), corex.ones(3)),
    "bernoulli": lambda: corex.bernoulli(corex.full((20,), 0.3)),
    "multinomial": lambda: corex.multinomial(corex.arange(1.0, 9.0), 4),
    "dropout": lambda: F.dropout(corex.ones(20), 0.4),
    "uniform_": lambda: corex.zeros(6).uniform_(-1, 2),
    "normal_": lambda: corex.zeros(6).normal_(3, 0.1),
    "bernoulli_": lambda: corex.zeros(16).bernoulli_(0.4),
    "random_": lambda: corex.zeros(16, dtype=corex.int64).random_(2, 9),
}


@pytest.mark.parametrize("name", DRAWS)
def test_a_seed_fixes_the_draw_on_every_backend(name: str) -> None:
    results = []
    for backend in ("reference_py", "cpu_c", corex.get_backend()):
        with corex.use_backend(backend):
            corex.manual_seed(123)
            first, second = DRAWS[name](), DRAWS[name]()
            assert not corex.equal(first, second)
            results.append(first.numpy().copy())
    for other in results[1:]:
        assert other.dtype == results[0].dtype
        if other.dtype.kind == "f":
            np.testing.assert_allclose(other, results[0], rtol=1e-6, atol=1e-6)
        else:
            np.testing.assert_array_equal(other, results[0])


@pytest.mark.parametrize("dtype", FLOATS)
def test_uniform_and_normal_moments(dtype: corex.DType) -> None:
    corex.manual_seed(7)
    flat = corex.rand(2000, dtype=dtype).numpy()
    assert flat.min() >= 0
    assert flat.max() < 1
    assert abs(flat.mean() - 0.5) < 0.03
    assert abs(flat.var() - 1 / 12) < 0.01
    bell = corex.randn(2000, dtype=dtype).numpy()
    assert abs(bell.mean()) < 0.08
    assert abs(bell.std() - 1) < 0.06


def test_ranges() -> None:
    corex.manual_seed(1)
    assert set(corex.randint(3, 6, (200,)).tolist()) == {3, 4, 5}
    assert set(corex.randint(2, (50,)).tolist()) == {0, 1}
    assert sorted(corex.randperm(8).tolist()) == list(range(8))
    assert set(corex.bernoulli(corex.tensor([0.0, 1.0] * 20)).tolist()[::2]) == {0.0}
    kept = F.dropout(corex.ones(400), 0.25)
    assert sorted(set(kept.tolist())) == pytest.approx([0.0, 4 / 3])
    assert abs(kept.mean().item() - 1) < 0.1
    drawn = corex.zeros(100).uniform_(2, 3)
    assert 2 <= drawn.amin().item() <= drawn.amax().item() < 3


def test_states() -> None:
    corex.manual_seed(5)
    assert corex.initial_seed() == 5
    corex.rand(3)
    state = corex.get_rng_state()
    first = corex.randn(4)
    corex.set_rng_state(state)
    assert corex.equal(corex.randn(4), first)
    assert corex.seed() != 5
    own = corex.Generator().manual_seed(5)
    before = corex.get_rng_state()
    corex.rand(3, generator=own)
    assert corex.equal(corex.get_rng_state(), before)


def test_dropout_is_differentiable() -> None:
    leaf = corex.ones(50, requires_grad=True)
    result = F.dropout(leaf, 0.5)
    result.sum().backward()
    assert leaf.grad is not None
    assert corex.equal(leaf.grad, result.detach())


def test_refusals() -> None:
    with pytest.raises(RuntimeError, match="less than"):
        corex.randint(3, 3, (2,))
    with pytest.raises(RuntimeError, match="negative"):
        corex.rand(2, -1)
    with pytest.raises(RuntimeError, match="std"):
        corex.zeros(2).normal_(0, -1)
    with pytest.raises(RuntimeError, match="rand"):
        corex.rand(2, dtype=corex.int64)
    with pytest.raises(RuntimeError, match="from"):
        corex.zeros(2).uniform_(2, 1)
    with pytest.raises(ValueError, match="probability"):
        F.dropout(corex.ones(2), 1.5)
    with pytest.raises(RuntimeError, match="negative"):
        corex.randperm(-1)


def test_randint_like() -> None:
    t = corex.zeros(40, 50)
    drawn = corex.randint_like(t, 2, 5)
    assert (drawn.dtype, drawn.shape) == (t.dtype, t.shape)
    assert sorted(drawn.unique().tolist()) == [2.0, 3.0, 4.0]
    assert corex.randint_like(t.t(), 3, dtype=corex.int32).stride() == (1, 50)
    with pytest.raises(RuntimeError, match="less than"):
        corex.randint_like(t, 5, 5)


@pytest.mark.parametrize(
    ("fill", "below"),
    [
        (lambda t: t.exponential_(2.0), {0.25: 1 - np.exp(-0.5), 1.0: 1 - np.exp(-2.0)}),
        (lambda t: t.geometric_(0.3), {1.5: 0.3, 2.5: 1 - 0.7**2, 4.5: 1 - 0.7**4}),
        (lambda t: t.cauchy_(1.0, 2.0), {-1.0: 0.25, 1.0: 0.5, 3.0: 0.75}),
        (lambda t: t.log_normal_(0.5, 0.25), {np.exp(0.5): 0.5, np.exp(0.75): 0.8413447}),
    ],
)  # fmt: skip
def test_distributions_in_place(fill: Callable[[Any], Any], below: dict[float, float]) -> None:
    corex.manual_seed(1)
    t = corex.empty(40_000, dtype=corex.float64)
    assert fill(t) is t
    for bound, share in below.items():
        assert abs((t < bound).double().mean().item() - share) < 0.01


def test_distributions_refuse() -> None:
    t, whole = corex.zeros(3), corex.zeros(3, dtype=corex.int64)
    for wrong in (
        lambda: t.exponential_(0), lambda: t.geometric_(1), lambda: t.cauchy_(0, 0),
        lambda: t.log_normal_(0, 0), lambda: whole.exponential_(), lambda: whole.cauchy_(),
        lambda: whole.log_normal_(),
    ):  # fmt: skip
        with pytest.raises((RuntimeError, NotImplementedError)):
            wrong()
    assert whole.geometric_(0.5).amin().item() >= 1
