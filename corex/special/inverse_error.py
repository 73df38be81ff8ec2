"""The inverse of the error function."""

from __future__ import annotations

import math

import corex
from corex.ops.composed import composition
from corex.ops.pointwise.error_function import exp_of_square, horner
from corex.special import gamma_tables as tables
from corex.special.elementary import widened
from corex.tensor.tensor import Tensor

_BORDER = 6.0
"""Of w = -log(1 - x**2): up to here a polynomial in w, beyond one in its root."""


def _steps(x: Tensor) -> Tensor:
    size = x.abs()
    w = -((1 - size) * (1 + size)).log()
    outside = w > _BORDER
    left = size * horner(corex.where(outside, 1.0, w) / 3 - 1, tables.ERFINV_NEAR)
    root = corex.where(outside, w, _BORDER).sqrt()
    right = horner((root - 2.4) / 1.85 - 1, tables.ERFINV_FAR)
    result = corex.where(outside, right, left).copysign(x)
    return corex.where(size == 1, x * math.inf, corex.where(size < 1, result, math.nan))


def _slope(g: Tensor, y: Tensor) -> Tensor:
    # Beyond 30 the exponential is infinite in every dtype, as y is at the ends.
    result: Tensor = g * (exp_of_square(y.clamp(-30, 30), 1.0) * (math.sqrt(math.pi) / 2))
    return result


_erfinv = composition("erfinv", ("a",), _steps, {"a": _slope})


def erfinv(x: Tensor) -> Tensor:
    """The y with erf(y) = x of a floating-point tensor: infinite at -1 and 1, NaN outside."""
    return widened(_erfinv, x)
