"""Bessel functions of order 0 and 1, and Hurwitz's zeta function.

Near the origin by polynomials, far from it by Hankel's expansions and their like (Abramowitz and
Stegun, 9.2.5, 9.7.1), whose sums are polynomials, too; `tools/bessel_tables.py` has fitted them.
Between 1e-15 and some ulps of the exact values, as far as the argument's exponential, sine and
cosine are.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import corex
from corex.dtypes import finfo
from corex.ops.composed import composition
from corex.ops.pointwise.error_function import horner
from corex.special import bessel_tables as tables
from corex.special.elementary import floats, pair, public, widened
from corex.tensor.tensor import Tensor


def _two_sides(
    x: Tensor,
    border: float,
    near: Callable[[Tensor], Tensor],
    far: Callable[[Tensor], Tensor],
) -> Tensor:
    """`near(x)` up to a border and `far(x)` beyond it, each of arguments on its side alone."""
    outside = x > border
    left = near(corex.where(outside, border, x))
    return corex.where(outside, far(corex.where(outside, x, border)), left)


# ---- modified, of the first kind -----------------------------------------------------------------
def _i0_scaled(x: Tensor) -> Tensor:
    return _two_sides(
        x, 8.0,
        lambda x: horner(x / 4 - 1, tables.I0_NEAR),
        lambda x: horner(16 / x - 1, tables.I0_FAR) / x.sqrt(),
    )  # fmt: skip


def _i1_scaled(x: Tensor) -> Tensor:
    return _two_sides(
        x, 8.0,
        lambda x: x * horner(x / 4 - 1, tables.I1_NEAR),
        lambda x: horner(16 / x - 1, tables.I1_FAR) / x.sqrt(),
    )  # fmt: skip


def _odd(size: Tensor, x: Tensor) -> Tensor:
    return corex.where(x < 0, -size, size)


def _grown(scaled: Tensor, x: Tensor) -> Tensor:
    return scaled * x.abs().exp()


def _next_to_zero(x: Tensor) -> Tensor:
    return ~(x.abs() > finfo(x.key.dtype).eps)  # and NaN, as in PyTorch


def _i1_slope(g: Tensor, a: Tensor, y: Tensor) -> Tensor:
    near = _next_to_zero(a)
    return g * corex.where(near, 0.5, i0(a) - y / corex.where(near, 1, a))


def _i1e_slope(g: Tensor, a: Tensor, y: Tensor) -> Tensor:
    near = _next_to_zero(a)
    slope = i0e(a) - y * (a.sign() + corex.where(near, 1, a).reciprocal())
    return g * corex.where(near, 0.5, slope)


_i0e = composition(
    "special_i0e", ("a",), lambda x: _i0_scaled(x.abs()),
    {"a": lambda g, a, y: g * (i1e(a) - a.sign() * y)},
)  # fmt: skip
_i1e = composition("special_i1e", ("a",), lambda x: _odd(_i1_scaled(x.abs()), x), {"a": _i1e_slope})
_i0 = composition(
    "i0", ("a",), lambda x: _grown(_i0_scaled(x.abs()), x), {"a": lambda g, a: g * i1(a)}
)
_i1 = composition(
    "special_i1", ("a",), lambda x: _odd(_grown(_i1_scaled(x.abs()), x), x), {"a": _i1_slope}
)


@public
def i0e(input: Tensor) -> Tensor:
    """`exp(-abs(x)) * i0(x)`."""
    return widened(_i0e, floats("i0e", input))


@public
def i1e(input: Tensor) -> Tensor:
    """`exp(-abs(x)) * i1(x)`."""
    return widened(_i1e, floats("i1e", input))


@public
def i0(input: Tensor) -> Tensor:
    """The modified Bessel function of the first kind, of order 0."""
    return widened(_i0, floats("i0", input))


@public
def i1(input: Tensor) -> Tensor:
    """The modified Bessel function of the first kind, of order 1; it is odd."""
    return widened(_i1, floats("i1", input))


# ---- modified, of the second kind ----------------------------------------------------------------
def _k_near(order: int, x: Tensor) -> Tensor:
    u = x * x / 2 - 1
    log = (x / 2).log()
    if order == 0:
        return horner(u, tables.K0_NEAR) - log * (_i0_scaled(x) * x.exp())
    return horner(u, tables.K1_NEAR) / x + log * (_i1_scaled(x) * x.exp())


def _k(name: str, order: int, scaled: bool, input: Any) -> Tensor:
    x = floats(name, input)
    table = (tables.K0_FAR, tables.K1_FAR)[order]

    def near(x: Tensor) -> Tensor:
        positive = corex.where(x > 0, x, 1)
        result = _k_near(order, positive)
        result = result * positive.exp() if scaled else result
        return corex.where(x > 0, result, corex.where(x == 0, math.inf, math.nan).to(x.dtype))

    def far(x: Tensor) -> Tensor:
        result = horner(4 / x - 1, table) / x.sqrt()
        return result if scaled else result * (-x).exp()

    return _two_sides(x, 2.0, near, far)


@public
def modified_bessel_k0(input: Tensor) -> Tensor:
    """The modified Bessel function of the second kind, of order 0; infinite at 0, NaN below."""
    return _k("modified_bessel_k0", 0, False, input)


@public
def modified_bessel_k1(input: Tensor) -> Tensor:
    """The modified Bessel function of the second kind, of order 1; infinite at 0, NaN below."""
    return _k("modified_bessel_k1", 1, False, input)


@public
def scaled_modified_bessel_k0(x: Tensor) -> Tensor:
    """`exp(x) * modified_bessel_k0(x)`."""
    return _k("scaled_modified_bessel_k0", 0, True, x)


@public
def scaled_modified_bessel_k1(x: Tensor) -> Tensor:
    """`exp(x) * modified_bessel_k1(x)`."""
    return _k("scaled_modified_bessel_k1", 1, True, x)


# ---- of the first and second kind ----------------------------------------------------------------
def _waves(order: int, second: bool, x: Tensor) -> Tensor:
    """Hankel's form from 8 on: sqrt(2 / (pi x)) (P cos(c) - Q sin(c)), with sine and cosine changed
    for the second kind; c = x - (2 order + 1) pi / 4, by the sine and cosine of x."""
    u = 128 / (x * x) - 1
    p = horner(u, (tables.P0, tables.P1)[order])
    q = horner(u, (tables.Q0, tables.Q1)[order]) / x
    sine, cosine = x.sin(), x.cos()
    # Times sqrt(2), which the root in front is without.
    cos, sin = (cosine + sine, sine - cosine) if order == 0 else (sine - cosine, -sine - cosine)
    wave = p * sin + q * cos if second else p * cos - q * sin
    return wave / (x * math.pi).sqrt()


def _j(name: str, order: int, input: Any) -> Tensor:
    table = (tables.J0_NEAR, tables.J1_NEAR)[order]

    def near(x: Tensor) -> Tensor:
        result = horner(x * x / 32 - 1, table)
        return result * x if order else result

    x = floats(name, input)
    size = _two_sides(x.abs(), 8.0, near, lambda x: _waves(order, False, x))
    return corex.where(x < 0, -size, size) if order else size


def _y(name: str, order: int, input: Any) -> Tensor:
    table = (tables.Y0_NEAR, tables.Y1_NEAR)[order]

    def near(x: Tensor) -> Tensor:
        positive = corex.where(x > 0, x, 1)
        rest = horner(positive * positive / 32 - 1, table)
        rest = rest / positive if order else rest
        result = rest + (positive / 2).log() * _j(name, order, positive) * (2 / math.pi)
        return corex.where(x > 0, result, corex.where(x == 0, -math.inf, math.nan).to(x.dtype))

    return _two_sides(floats(name, input), 8.0, near, lambda x: _waves(order, True, x))


@public
def bessel_j0(input: Tensor) -> Tensor:
    """The Bessel function of the first kind, of order 0."""
    return _j("bessel_j0", 0, input)


@public
def bessel_j1(input: Tensor) -> Tensor:
    """The Bessel function of the first kind, of order 1; it is odd."""
    return _j("bessel_j1", 1, input)


@public
def bessel_y0(input: Tensor) -> Tensor:
    """The Bessel function of the second kind, of order 0; -inf at 0, NaN below."""
    return _y("bessel_y0", 0, input)


@public
def bessel_y1(input: Tensor) -> Tensor:
    """The Bessel function of the second kind, of order 1; -inf at 0, NaN below."""
    return _y("bessel_y1", 1, input)


# ---- zeta ----------------------------------------------------------------------------------------
_TERMS = 12
# Bernoulli's numbers B(2 j) over (2 j)!, 23.1.
_BERNOULLI = (
    1 / 12, -1 / 720, 1 / 30240, -1 / 1209600, 1 / 47900160, -691 / 1307674368000,
    1 / 74724249600, -3617 / 10670622842880000, 43867 / 5109094217170944000,
)  # fmt: skip


@public
def zeta(input: Any, other: Any) -> Tensor:
    """Hurwitz's zeta function, `sum((k + q)**-x for k >= 0)`, by Euler's and Maclaurin's summation
    (23.2.9): infinite at x = 1 and where q is 0 or a negative integer; NaN for x below 1, and for
    other negative q unless x is an integer.

    Raises:
        TypeError: both are numbers.
    """
    x, q = corex.broadcast_tensors(*pair("zeta", input, other))
    pole = (q <= 0) & (q == q.floor())
    infinite = (pole & ~(x < 1)) | (x == 1)
    known = infinite | (x < 1) | ((q < 0) & (x != x.floor())) | x.isnan() | q.isnan()
    s, start = corex.where(known, 2, x), corex.where(known, 1, q)
    below = start < -1
    total = _zeta_sum(s, corex.where(below, 1, start))
    if bool(below.any().item()):
        total = corex.where(below, _reflected_zeta(s, corex.where(below, start, -1.5)), total)
    special = corex.where(infinite, math.inf, math.nan).to(x.dtype)
    return corex.where(known, special, total)


def _zeta_sum(s: Tensor, q: Tensor) -> Tensor:
    """For q from -1 on."""
    total = sum((q + k).pow(-s) for k in range(_TERMS))
    end = q + float(_TERMS)
    power = end.pow(-s)
    total = total + end * power / (s - 1) + power / 2
    factor = s * power / end
    for j, number in enumerate(_BERNOULLI):
        total = total + factor * number
        factor = factor * (s + (2 * j + 1)) * (s + (2 * j + 2)) / (end * end)
    return total


def _reflected_zeta(s: Tensor, q: Tensor) -> Tensor:
    """For integers s and q below 0, by the sum over all integers k, which depends on the part of q
    behind the decimal point alone."""
    rest = q - q.round()
    sign = 1 - 2 * s.remainder(2)
    return _zeta_sum(s, rest) + sign * (_zeta_sum(s, 1 - rest) - _zeta_sum(s, 1 - q))
