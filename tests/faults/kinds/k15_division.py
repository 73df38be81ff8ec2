"""Rounded division of floats at infinities and signed zeros, and of integers."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from math import inf, nan

import numpy as np

import corex

KIND = "15: div(rounding_mode='trunc') gave NaN at infinities, and lost the sign of zeros"

FLOATS = [
    ("trunc", inf, 2.0, inf), ("trunc", -inf, 2.0, -inf), ("trunc", inf, -2.0, -inf),
    ("trunc", 1.0, 0.0, inf), ("trunc", -1.0, 0.0, -inf), ("trunc", 1.0, -0.0, -inf),
    ("trunc", 0.0, 0.0, nan), ("trunc", inf, inf, nan), ("trunc", 1.0, inf, 0.0),
    ("trunc", -1.0, inf, -0.0), ("trunc", -1.0, 2.0, -0.0), ("trunc", 1.0, -2.0, -0.0),
    ("trunc", -7.0, 2.0, -3.0), ("trunc", 1e20, 3.0, None), ("floor", -7.0, 2.0, -4.0),
    ("floor", 1.0, 0.0, inf), ("floor", -1.0, inf, -1.0), ("floor", 1.0, -inf, -1.0),
    ("floor", 0.0, 0.0, nan), ("floor", -0.0, 2.0, -0.0),
]  # fmt: skip


def _divide(mode: str, a: float, b: float, wanted: float | None, dtype: str) -> None:
    kind = getattr(corex, dtype)
    x, y = corex.tensor([a], dtype=kind), corex.tensor([b], dtype=kind)
    for found in (corex.div(x, y, rounding_mode=mode), corex.div(x, b, rounding_mode=mode)):
        value = found.numpy()[0]
        expected = np.trunc(x.numpy() / y.numpy())[0] if wanted is None else wanted
        np.testing.assert_equal(float(value), float(expected))
        assert np.signbit(value) == np.signbit(expected) or np.isnan(value)


def _integers() -> None:
    x, y = corex.tensor([7, -7, 7, -7]), corex.tensor([2, 2, -2, -2])
    assert corex.div(x, y, rounding_mode="trunc").tolist() == [3, -3, -3, 3]
    assert corex.div(x, y, rounding_mode="floor").tolist() == [3, -4, -4, 3]
    least = corex.tensor([-(2**63)])
    assert corex.div(least, -1, rounding_mode="trunc").tolist() == [-(2**63)]


def _gradient() -> None:
    x = corex.tensor([inf, 1.0, 0.0], requires_grad=True)
    corex.div(x, corex.zeros(3), rounding_mode="trunc").sum().backward()
    assert x.grad.tolist() == [0.0, 0.0, 0.0]


def cases(backend: str) -> Iterator[tuple[str, Callable[[], None]]]:
    """Every pair in both dtypes; integers; the gradient, which is 0."""
    for dtype in ("float32", "float64"):
        for mode, a, b, wanted in FLOATS:
            arguments = (mode, a, b, wanted, dtype)
            yield f"{mode} {a} / {b} {dtype}", lambda arguments=arguments: _divide(*arguments)
    yield "integers", _integers
    yield "gradient", _gradient
