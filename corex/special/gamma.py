"""The gamma function's logarithm and that logarithm's derivatives.

For arguments below 8 by recurrence to [1.5, 2.5], where a polynomial is known
(`tools/gamma_tables.py` has fitted it), or from there to 8; beyond by Stirling's series (Abramowitz
and Stegun, 6.1.40, 6.3.18, 6.4.12), and for negative ones by reflection (6.1.17, 6.3.7, 6.4.7).
"""

from __future__ import annotations

import math

import corex
from corex.dtypes import finfo
from corex.ops.composed import composition
from corex.ops.pointwise.error_function import horner
from corex.special import gamma_tables as tables
from corex.special.bessel import zeta
from corex.special.elementary import widened
from corex.tensor.tensor import Tensor

BORDER = 8.0
"""Where Stirling's series begins to be exact."""

# Bernoulli's numbers B(2 j), from the highest down, over (2 j) (2 j - 1), 2 j and nothing.
_STIRLING = (
    43867 / 244188, -3617 / 122400, 1 / 156, -691 / 360360, 1 / 1188, -1 / 1680, 1 / 1260, -1 / 360,
    1 / 12,
)  # fmt: skip
_DIGAMMA = (-3617 / 8160, 1 / 12, -691 / 32760, 1 / 132, -1 / 240, 1 / 252, -1 / 120, 1 / 12)
_TRIGAMMA = (-3617 / 510, 7 / 6, -691 / 2730, 5 / 66, -1 / 30, 1 / 42, -1 / 30, 1 / 6)


# ---- the logarithm -------------------------------------------------------------------------------
def log_gamma_near(x: Tensor) -> tuple[Tensor, Tensor]:
    """For x in (0, 8): the logarithm of gamma at x moved by whole steps into [1.5, 2.5], and the
    product by which gamma(x) is greater (as x is above that) or less."""
    nearest = x.round()
    rest = x - nearest
    product = corex.where(nearest == 1, x, corex.where(nearest == 0, x * (x + 1), 1))
    for step in range(1, int(BORDER) - 1):
        product = corex.where(nearest >= step + 2, product * (x - step), product)
    return rest * horner(rest * 2, tables.LOG_GAMMA), product


def stirling(x: Tensor) -> Tensor:
    """What is missing in `(x - 1/2) log(x) - x + log(2 pi) / 2` from 8 on."""
    inverse = x.reciprocal()
    return inverse * horner(inverse * inverse, _STIRLING)


def _positive(x: Tensor) -> Tensor:
    outside = x >= BORDER
    near = corex.where(outside, 2, x)
    moved, product = log_gamma_near(near)
    log = product.log()
    left = moved + corex.where(near < 1.5, -log, log)
    right = corex.where(outside, x, BORDER)
    far = (right - 0.5) * (right.log() - 1) + (stirling(right) + (math.log(2 * math.pi) - 1) / 2)
    return corex.where(outside, far, left)


def _lgamma_steps(x: Tensor) -> Tensor:
    size = x.abs()
    right = _positive(size)
    rest = size - size.round()
    left = math.log(math.pi) - (rest * math.pi).sin().abs().log() - size.log() - right
    left = corex.where(size < finfo(x.key.dtype).tiny, right, left)  # the sine has few digits
    left = corex.where(rest == 0, math.inf, corex.where(size.isinf(), size, left))
    return corex.where(x < 0, left, right)


_lgamma = composition("lgamma", ("a",), _lgamma_steps, {"a": lambda g, a: g * digamma(a)})


def lgamma(x: Tensor) -> Tensor:
    """log(abs(gamma(x))) of a floating-point tensor."""
    return widened(_lgamma, x)


def mvlgamma(x: Tensor, p: int) -> Tensor:
    """The logarithm of the multivariate gamma function with dimension p."""
    halves = corex.arange(p, dtype=x.key.dtype, device=x.device) * -0.5
    return lgamma(x.unsqueeze(-1) + halves).sum(-1) + p * (p - 1) * math.log(math.pi) / 4


# ---- its derivatives -----------------------------------------------------------------------------
def _shifted(x: Tensor) -> tuple[Tensor, Tensor]:
    """For positive x: x moved by 8 if below 8, and which are."""
    near = x < BORDER
    return corex.where(near, x + BORDER, x), near


def _steps(x: Tensor, near: Tensor, power: int, first: int = 0) -> Tensor:
    """The sum of 1 / (x + k)**power over the steps from the first on, 0 where none is taken."""
    start = corex.where(near, x, 1)
    total = (start + (BORDER - 1)).pow(-power)
    for k in range(int(BORDER) - 2, first - 1, -1):  # the smallest first
        total = total + (start + float(k)).pow(-power)
    return corex.where(near, total, 0)


def _digamma_steps(x: Tensor) -> Tensor:
    size = x.abs()
    far, near = _shifted(size)
    inverse = far.reciprocal()
    square = inverse * inverse
    moved = far.log() - inverse / 2 - square * horner(square, _DIGAMMA) - _steps(size, near, 1, 1)
    moved = moved + corex.where(near, 0, inverse)  # at 1 + size
    right = moved - x.reciprocal()
    rest = size - size.round()
    left = moved + math.pi / (rest * math.pi).tan()
    left = corex.where((rest == 0) | size.isinf(), math.nan, left)
    return corex.where(x < 0, left, right)


_digamma = composition("digamma", ("a",), _digamma_steps, {"a": lambda g, a: g * polygamma(1, a)})


def digamma(x: Tensor) -> Tensor:
    """The derivative of `lgamma`, of a floating-point tensor."""
    return widened(_digamma, x)


def _trigamma(x: Tensor) -> Tensor:
    low = x < 0.5
    right = corex.where(low, 1 - x, x)
    far, near = _shifted(right)
    inverse = far.reciprocal()
    square = inverse * inverse
    total = inverse + square / 2 + inverse * square * horner(square, _TRIGAMMA)
    total = total + _steps(right, near, 2)
    # Not reduced first: the huge values at negative integers are PyTorch's.
    sine = (corex.where(low, x, 0.5) * math.pi).sin()
    return corex.where(low, (math.pi / sine) ** 2 - total, total)


def _polygamma_steps(x: Tensor, n: int) -> Tensor:
    if n == 1:
        return _trigamma(x)
    result: Tensor = zeta(n + 1, x) * ((-1.0) ** (n + 1) * math.gamma(n + 1))
    return result


_polygamma = composition(
    "polygamma", ("a",), _polygamma_steps, {"a": lambda g, a, n: g * polygamma(n + 1, a)}, ("n",)
)


def polygamma(n: int, x: Tensor) -> Tensor:
    """The nth derivative of `digamma`, of a floating-point tensor."""
    return digamma(x) if n == 0 else widened(lambda x: _polygamma(x, n), x)
