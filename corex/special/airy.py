"""Airy's function, by polynomials (`tools/gamma_tables.py`) in x, and far out in 1 / zeta with
zeta = 2/3 abs(x)**1.5 (Abramowitz and Stegun, 10.4.59, 10.4.60)."""

from __future__ import annotations

import math

import corex
from corex.ops.pointwise.error_function import horner
from corex.special import gamma_tables as tables
from corex.special.elementary import floats, public
from corex.tensor.tensor import Tensor

_MIDDLE = 2.1
_BETWEEN = 4.6
_LEFT = 7.1


def _zeta(x: Tensor) -> Tensor:
    return x * x.sqrt() * (2 / 3)


def _right(x: Tensor) -> Tensor:
    """For x from 2.1 on."""
    zeta = _zeta(x)
    return horner(4 / zeta - 1, tables.AIRY_RIGHT) * (-zeta).exp() / x.sqrt().sqrt()


# 3 pi, the period of sin(2/3 t), as a number of 11 bits and a rest.
_PERIOD = (9.421875, 3 * math.pi - 9.421875)


def _phase(x: Tensor) -> Tensor:
    """zeta less whole turns: its rounding would be that of a large number. It is 2/3 (s + r)**3
    with s + r = sqrt(x), where s has so few bits that its cube is exact up to x = 1000."""
    root = x.sqrt()
    s = (root * 8).trunc() / 8
    r = (x - s * s) / (root + s)
    cube = s * s * s
    turns = (cube * (1 / (3 * math.pi))).round()
    rest = (cube - turns * _PERIOD[0]) - turns * _PERIOD[1]
    return (rest + r * r * r) * (2 / 3) + 2 * s * r * root


def _waves(x: Tensor) -> Tensor:
    """Of -x, for x from 7.1 on."""
    zeta, phase = _zeta(x), _phase(x)
    u = 312.5 / (zeta * zeta) - 1
    # Of phase - pi / 4, times sqrt(2), these are their sum and difference.
    sine, cosine = phase.sin(), phase.cos()
    wave = (cosine + sine) * horner(u, tables.AIRY_P)
    wave = wave + (sine - cosine) * (horner(u, tables.AIRY_Q) / zeta)
    return wave / (x.sqrt().sqrt() * math.sqrt(2 * math.pi))


@public
def airy_ai(input: Tensor) -> Tensor:
    """Airy's function Ai, without derivative; NaN at both infinities, as in PyTorch."""
    x = floats("airy_ai", input).detach()
    size = x.abs()
    middle = horner(corex.where(size > _MIDDLE, 0, x) / _MIDDLE, tables.AIRY_MIDDLE)
    outer = size > _BETWEEN
    inner = (corex.where(outer | (size < _MIDDLE), 3.35, size) - 3.35) / 1.25
    left = horner(inner, tables.AIRY_LEFT)
    inner = (corex.where(outer & (size <= _LEFT), size, 5.85) - 5.85) / 1.25
    left = corex.where(outer, horner(inner, tables.AIRY_OUTER), left)
    far = corex.where(x < -_LEFT, _waves(corex.where(x < -_LEFT, size, _LEFT)), left)
    right = _right(corex.where(x > _MIDDLE, x, _MIDDLE))
    result = corex.where(size <= _MIDDLE, middle, corex.where(x > 0, right, far))
    return corex.where(x.isfinite(), result, math.nan)
