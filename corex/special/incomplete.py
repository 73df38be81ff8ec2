"""The incomplete gamma functions P and Q = 1 - P, of a parameter a and an argument x.

By the series for P up to x = a + 2 (Abramowitz and Stegun, 6.5.29), by the continued fraction for Q
beyond (6.5.31), and by Temme's expansion where a is large and x near to it (NIST's Digital Library
of Mathematical Functions, 8.12.3-8).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import NamedTuple

import corex
from corex.dispatch.resolve import check_places
from corex.dtypes import finfo
from corex.ops.composed import composition
from corex.ops.pointwise.error_function import horner
from corex.ops.promotion import cast
from corex.special import gamma_tables as tables
from corex.special.gamma import BORDER, lgamma, log_gamma_near, stirling
from corex.tensor.tensor import Tensor

_MOST = 2000
_CHECKED = 8
"""Steps between two looks at whether all elements have converged, for which a device is waited."""


class _Parts(NamedTuple):
    """P or Q, whichever was computed, and which it is."""

    value: Tensor
    is_p: Tensor


# ---- the common factor ---------------------------------------------------------------------------
def _deviation(m: Tensor) -> Tensor:
    """m - log1p(m), by 4.1.27 where that cancels."""
    near = m.abs() < 0.5
    inner = corex.where(near, m, 0)
    r = inner / (2 + inner)
    square = r * r
    odd = horner(square, tuple([1 / (2 * k + 3) for k in range(16, -1, -1)]))
    series = r * (inner - 2 * square * odd)
    outer = corex.where(near, 1, m)
    return corex.where(near, series, outer - outer.log1p())


def factor(a: Tensor, x: Tensor) -> Tensor:
    """x**a exp(-x) / gamma(a + 1), for a that are not negative and positive x."""
    large = a >= BORDER - 1
    near = corex.where(large, 1, a)
    moved, product = log_gamma_near(near + 1)
    # By its root, which does not overflow; beyond 10000 the exponential is 0.
    short = x.clamp(max=1e4)
    root = (short * -0.5).exp() * short.pow(near * 0.5)
    gamma = corex.where(near < 0.5, moved.exp() / product, moved.exp() * product)
    left = root * root / gamma
    far = corex.where(large, a, BORDER)
    deviation = _deviation(corex.where(large, (x - far) / far, 0))
    right = (-far * deviation - stirling(far)).exp() / (far * (2 * math.pi)).sqrt()
    return corex.where(large, right, left)


# ---- the three ways ------------------------------------------------------------------------------
def _series(a: Tensor, x: Tensor) -> Tensor:
    """P over the factor: the sum of x**n / ((a + 1) ... (a + n))."""
    term, total = corex.ones_like(x), corex.ones_like(x)
    small = finfo(x.key.dtype).eps / 8
    for n in range(1, _MOST):
        term = term * (x / (a + n))
        total = total + term
        if n % _CHECKED == 0 and not bool((term > total * small).any().item()):
            break
    return total


def _fraction(a: Tensor, x: Tensor) -> Tensor:
    """Q over the factor times a: the even part of the continued fraction, by Lentz's method."""
    eps = finfo(x.key.dtype).eps
    b = x + 1 - a
    d = b.reciprocal()
    c = corex.full_like(x, 1 / finfo(x.key.dtype).tiny)
    value = d
    for n in range(1, _MOST):
        step = n * (a - n)
        b = b + 2
        d = (step * d + b).reciprocal()
        c = b + step / c
        change = c * d
        value = value * change
        if n % _CHECKED == 0 and not bool(((change - 1).abs() > eps).any().item()):
            break
    return value


def _temme(a: Tensor, x: Tensor) -> Tensor:
    """Q."""
    m = (x - a) / a
    half = _deviation(m)
    eta = (half * 2).sqrt().copysign(m)
    total = horner(eta, tables.TEMME[-1])
    for row in tables.TEMME[-2::-1]:
        total = total / a + horner(eta, row)
    rest = (-a * half).exp() / (a * (2 * math.pi)).sqrt() * total
    return (eta * (a * 0.5).sqrt()).erfc() * 0.5 + rest


def _parts(a: Tensor, x: Tensor) -> _Parts:
    """For positive finite a and x."""
    uniform = (a > 20) & ((x - a).abs() < 0.3 * a)
    below = ~uniform & (x <= a + 2)  # a little further: near to a the fraction is slow
    above = ~uniform & ~below
    common = factor(corex.where(uniform, 1, a), corex.where(uniform, 1, x))
    p = common * _series(corex.where(below, a, 1), corex.where(below, x, 0))
    near = corex.where(above, a, 1)
    q = common * near * _fraction(near, corex.where(above, x, 9.0))
    value = corex.where(below, p, q)
    if bool(uniform.any().item()):
        found = _temme(corex.where(uniform, a, 21), corex.where(uniform, x, 21))
        value = corex.where(uniform, found, value)
    return _Parts(value, below)


def _steps(a: Tensor, x: Tensor, upper: bool) -> Tensor:
    known = ~((a > 0) & (x > 0) & a.isfinite() & x.isfinite())
    value, is_p = _parts(corex.where(known, 1, a), corex.where(known, 1, x))
    value = value.clamp(max=1)
    result = corex.where(is_p == upper, 1 - value, value)
    # At the ends P is 0 or 1, whatever the other argument is, unless that says the contrary.
    one = (x == math.inf) | ((a == 0) & (x > 0))
    none = (a == math.inf) | ((x == 0) & (a != 0))
    defined = ~(a < 0) & ~(x < 0) & (one != none)
    end = corex.where(defined, cast(none if upper else one, x.key.dtype), math.nan)
    return corex.where(known, end, result)


def _unknown(name: str) -> Callable[..., Tensor]:
    def formula(g: Tensor) -> Tensor:
        raise NotImplementedError(f"the derivative for '{name}: input' is not implemented.")

    return formula


def _slope(g: Tensor, a: Tensor, x: Tensor) -> Tensor:
    return g * ((a - 1) * x.log() - x - lgamma(a)).exp()


_igamma = composition(
    "igamma", ("a", "x"), lambda a, x: _steps(a, x, False),
    {"a": _unknown("igamma"), "x": _slope},
)  # fmt: skip
_igammac = composition(
    "igammac", ("a", "x"), lambda a, x: _steps(a, x, True),
    {"a": _unknown("igammac"), "x": lambda g, a, x: -_slope(g, a, x)},
)  # fmt: skip


def incomplete(name: str, input: Tensor, other: Tensor) -> Tensor:
    """P ("igamma") or Q ("igammac") in the common dtype of both.

    Raises:
        NotImplementedError: neither is floating-point.
    """
    check_places(name, [input, other], input.key.place)
    dtype = corex.result_type(input, other)
    if not dtype.is_floating_point:
        raise NotImplementedError(f'[{name}] "{name}" not implemented for {dtype!r}')
    wide = dtype.compute or dtype
    function = _igamma if name == "igamma" else _igammac
    return cast(function(cast(input, wide), cast(other, wide)), dtype)
