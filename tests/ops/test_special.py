"""Special functions at the top level, by closed forms, identities and differences."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import corex

BOUNDS = {"float32": 1e-6, "float64": 1e-13}
LINE = np.r_[np.linspace(-12.3, 40, 900), 1e-20, 1e3, 1e6]
POSITIVE = np.r_[np.linspace(0.4, 40, 400), 1e3]
EULER = 0.5772156649015329


def close(found: Any, wanted: Any, bound: float) -> None:
    wanted = np.asarray(wanted)
    error = np.abs(found.numpy() - wanted) / np.maximum(1, np.abs(wanted))
    assert error.max() <= bound


@pytest.mark.parametrize("dtype", BOUNDS)
def test_lgamma(each_backend: str, dtype: str) -> None:
    x = LINE.astype(dtype)
    close(corex.lgamma(corex.tensor(x)), [math.lgamma(v) for v in x], BOUNDS[dtype])
    ends = corex.tensor([0.0, -0.0, -1.0, -20.0, math.inf, -math.inf])
    assert corex.lgamma(ends).isposinf().all()


@pytest.mark.parametrize("dtype", BOUNDS)
def test_digamma(each_backend: str, dtype: str) -> None:
    n = np.arange(1, 30)
    harmonic = np.cumsum(1 / n) - 1 / n - EULER  # 6.3.2
    close(corex.digamma(corex.tensor(n.astype(dtype))), harmonic, BOUNDS[dtype])
    halves = -EULER - 2 * math.log(2) + 2 * np.cumsum(1 / (2.0 * n - 1))  # 6.3.4
    close(corex.digamma(corex.tensor((n + 0.5).astype(dtype))), halves, BOUNDS[dtype])
    # 6.3.7
    x = np.linspace(-5.9, -0.1, 30).astype(dtype)
    reflected = corex.digamma(corex.tensor(1 - x)).numpy() - np.pi / np.tan(np.pi * x)
    close(corex.digamma(corex.tensor(x)), reflected, 100 * BOUNDS[dtype])


@pytest.mark.parametrize("dtype", BOUNDS)
def test_polygamma(each_backend: str, dtype: str) -> None:
    one = corex.tensor([1.0, 0.5], dtype=getattr(corex, dtype))
    close(corex.polygamma(1, one), [math.pi**2 / 6, math.pi**2 / 2], BOUNDS[dtype])
    close(corex.polygamma(3, one), [math.pi**4 / 15, math.pi**4], BOUNDS[dtype])
    close(one.polygamma(0), [-EULER, -EULER - 2 * math.log(2)], BOUNDS[dtype])
    x = corex.tensor(POSITIVE.astype(dtype))
    for n in (1, 2, 4):  # 6.4.6
        step = (-1.0) ** n * math.factorial(n) * POSITIVE.astype(dtype) ** (-n - 1.0)
        close(corex.polygamma(n, x + 1), corex.polygamma(n, x).numpy() + step, 1e3 * BOUNDS[dtype])
    with pytest.raises(RuntimeError, match="negative n"):
        corex.polygamma(-1, x)
    with pytest.raises(TypeError, match="argument 'n'"):
        corex.polygamma(1.5, x)


def test_mvlgamma(each_backend: str) -> None:
    x = np.linspace(1.6, 20, 40)
    total = sum(np.array([math.lgamma(v - k / 2) for v in x]) for k in range(4))
    close(corex.mvlgamma(corex.tensor(x), 4), total + 3 * math.log(math.pi), 1e-13)
    assert corex.mvlgamma(corex.empty(0, 3), 2).shape == (0, 3)
    with pytest.raises(RuntimeError, match="greater than or equal to 1"):
        corex.mvlgamma(corex.tensor(x), 0)
    with pytest.raises(RuntimeError, match="boolean"):
        corex.mvlgamma(corex.tensor([True]), 1)


@pytest.mark.parametrize("dtype", BOUNDS)
def test_erfinv(each_backend: str, dtype: str) -> None:
    y = np.linspace(-2, 2, 401).astype(dtype)
    x = corex.tensor(np.array([math.erf(v) for v in y]))
    close(corex.erfinv(x.to(getattr(corex, dtype))), y, 30 * BOUNDS[dtype])
    tiny = corex.tensor([1e-30, -0.0], dtype=getattr(corex, dtype))
    assert np.allclose(corex.erfinv(tiny).numpy(), tiny.numpy() * math.sqrt(math.pi) / 2)
    assert corex.erfinv(corex.tensor([1.0, -1.0, 1.5])).tolist()[:2] == [math.inf, -math.inf]


@pytest.mark.parametrize("dtype", BOUNDS)
def test_incomplete_gamma(each_backend: str, dtype: str) -> None:
    x = np.r_[np.linspace(0.01, 30, 300)].astype(dtype)
    t = corex.tensor(x)
    one, half = (corex.tensor([v], dtype=t.dtype) for v in (1.0, 0.5))
    close(corex.igamma(one, t), -np.expm1(-x.astype("float64")), BOUNDS[dtype])
    close(corex.igamma(half, t), [math.erf(math.sqrt(v)) for v in x], BOUNDS[dtype])
    close(corex.igammac(half, t), [math.erfc(math.sqrt(v)) for v in x], BOUNDS[dtype])
    for a in (0.3, 5.0, 19.0, 25.0, 300.0):  # 6.5.21
        x = np.linspace(0.5, 1.6, 100).astype(dtype) * np.asarray(a, dtype)
        p, next_p = (corex.igamma(corex.tensor(np.asarray(v, dtype)), corex.tensor(x)).numpy()
                     for v in (a, a + 1))  # fmt: skip
        wide = x.astype("float64")
        step = np.exp(a * np.log(wide) - wide - math.lgamma(a + 1))
        close(corex.tensor(next_p), p - step, 3 * BOUNDS[dtype])
    with pytest.raises(NotImplementedError):
        corex.igamma(corex.tensor([1]), corex.tensor([1]))


def test_i0(each_backend: str) -> None:
    x = np.linspace(-5, 5, 41)
    total = sum((x / 2) ** (2 * k) / math.factorial(k) ** 2 for k in range(40))
    close(corex.i0(corex.tensor(x)), total, 1e-13)


def _igamma(t: Any) -> Any:
    return corex.igamma(corex.tensor([2.0, 0.5, 30.0], dtype=corex.float64), t * 10)


SMOOTH: dict[str, Callable[[Any], Any]] = {
    "lgamma": corex.lgamma,
    "digamma": corex.digamma,
    "polygamma": lambda t: corex.polygamma(1, t),
    "mvlgamma": lambda t: corex.mvlgamma(t + 1, 3),
    "erfinv": lambda t: corex.erfinv(t / 4),
    "igamma": _igamma,
    "i0": corex.i0,
}


@pytest.mark.parametrize("name", SMOOTH)
def test_gradients(each_backend: str, name: str) -> None:
    x = corex.tensor([0.4, 1.3, 3.1], dtype=corex.float64, requires_grad=True)
    assert corex.autograd.gradcheck(SMOOTH[name], (x,))
    assert corex.autograd.gradgradcheck(SMOOTH[name], (x,))


def test_the_parameter_has_no_derivative() -> None:
    a = corex.tensor([1.0], requires_grad=True)
    for name in ("igamma", "igammac"):
        result = getattr(corex, name)(a, corex.tensor([2.0]))
        with pytest.raises(NotImplementedError, match=f"'{name}: input'"):
            result.backward()


def test_in_place() -> None:
    x = corex.tensor([0.5, 2.5])
    assert x.clone().lgamma_().tolist() == corex.lgamma(x).tolist()
    assert x.clone().polygamma_(1).tolist() == corex.polygamma(1, x).tolist()
    with pytest.raises(RuntimeError, match="can't be cast"):
        corex.tensor([1, 2]).digamma_()
