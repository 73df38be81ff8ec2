"""What elementwise ops are made of where a backend has no kernel for them: the longer formulas.

Each is made of kernels of the core alone, at a cost that grows with the number of elements, and
within 12 ulp where those keep their own bounds. What is exact stays exact: powers of two are split
off by multiplications that do not round. The formulas know tensors by their methods only, so that
the declarations can import them.
"""

from __future__ import annotations

import math

from corex import dtypes as dt
from corex.ops.pointwise.elementwise import general
from corex.tensor.schema import REGISTRY
from corex.tensor.tensor import Tensor


# As methods these take no numbers, as in PyTorch; the ops do.
def at_most(a: Tensor, high: float) -> Tensor:
    """min(a, high)."""
    return general(REGISTRY["minimum"], (a, high))


def at_least(a: Tensor, low: float) -> Tensor:
    """max(a, low)."""
    return general(REGISTRY["maximum"], (a, low))


LN2, LN10 = math.log(2.0), math.log(10.0)


def _exponents(a: Tensor) -> tuple[int, int]:
    """Powers of two below and above all numbers of a tensor's dtype."""
    limits = dt.finfo(a.dtype)
    top = math.frexp(limits.max)[1]
    return 2 - top - a.dtype.digits - 4, top + 4


def _limited(a: Tensor, low: float, high: float) -> Tensor:
    """NaN stays NaN."""
    return at_most(at_least(a, low), high)


# ---- rounding ------------------------------------------------------------------------------------
def trunc(a: Tensor) -> Tensor:
    return a.abs().floor().copysign(a)


# ---- powers of two, and of ten -------------------------------------------------------------------
def _power_of_two(k: Tensor) -> Tensor:
    """2 ** k of whole numbers, to the bit: what `pow` is off by is rounded away (Veltkamp)."""
    power: Tensor = 2.0**k
    far = power * 2.0 ** (k.dtype.digits - 4)
    return far - (far - power)


def _scaled(a: Tensor, k: Tensor) -> Tensor:
    """a * 2 ** k, rounded once, where 2 ** k alone may be out of range."""
    half = (k * 0.5).floor()
    power = _power_of_two(half)
    return a * power * (k - half * 2 + 1) * power  # the remainder is 0 or 1


def exp2(a: Tensor) -> Tensor:
    """2 ** a = 2 ** k * exp((a - k) ln 2), where k is the nearest whole number."""
    whole = _limited(a, *_exponents(a)).round()
    return _scaled(((a - whole) * LN2).exp(), whole)


def log2(a: Tensor) -> Tensor:
    """k + log2(a / 2 ** k), where k is the nearest whole number: the quotient is exact."""
    whole = _limited(a.log() * (1 / LN2), *_exponents(a)).round()
    return whole + _scaled(a, -whole).log() * (1 / LN2)


def log10(a: Tensor) -> Tensor:
    """k + log10(a / 10 ** k) for a whole k, limited to the powers of ten that the dtype holds."""
    most = math.floor(a.dtype.digits / math.log2(5.0))
    whole = _limited(a.log() * (1 / LN10), -most, most).round()
    power = (10.0 ** whole.abs() + 0.5).floor()
    small = whole < 0
    return whole + (a * power).where(small, a / power).log() * (1 / LN10)


def hypot(a: Tensor, b: Tensor) -> Tensor:
    """sqrt(a * a + b * b), scaled by a power of two where the squares are out of range."""
    a, b = a.abs(), b.abs()
    most = a.maximum(b)
    top = _exponents(a)[1] // 2
    large, small = most > 2.0 ** (top - 4), most < 2.0 ** (8 - top)
    one = most.new_ones(())
    down, up = 2.0 ** -(top + 4), 2.0 ** (top + a.dtype.digits)
    scale = one.masked_fill(large, down).masked_fill(small, up)
    back = one.masked_fill(large, 1 / down).masked_fill(small, 1 / up)
    a, b, endless = a * scale, b * scale, (a == math.inf) + (b == math.inf)
    return ((a * a + b * b).sqrt() * back).masked_fill(endless, math.inf)


# ---- trigonometric -------------------------------------------------------------------------------
def asin(a: Tensor) -> Tensor:
    return a.atan2(((1 - a) * (1 + a)).sqrt())


def acos(a: Tensor) -> Tensor:
    return ((1 - a) * (1 + a)).sqrt().atan2(a)


# ---- hyperbolic ----------------------------------------------------------------------------------
def sinh(a: Tensor) -> Tensor:
    """(t + t / (t + 1)) / 2 for t = expm1(a); far out exp(a / 2) ** 2 / 2, which overflows last."""
    size = a.abs()
    border = a.dtype.digits * 0.5
    t = at_most(size, border).expm1()
    root = (size * 0.5).exp()
    near = (t + t / (t + 1)) * 0.5
    return near.where(size < border, root * 0.5 * root).copysign(a)


def cosh(a: Tensor) -> Tensor:
    """(exp(a) + exp(-a)) / 2 by way of exp(a / 2), so that nothing overflows before the result."""
    root = (a * 0.5).exp()
    return root * 0.5 * root + 0.5 / root / root


def _far_log(a: Tensor) -> tuple[Tensor, float]:
    """log(2 a), and from where on this is asinh(a) and acosh(a)."""
    return a.log() + LN2, 2.0 ** (a.dtype.digits // 2 + 2)


def asinh(a: Tensor) -> Tensor:
    size = a.abs()
    far, border = _far_log(size)
    near = at_most(size, border)
    square = near * near
    near = (near + square / ((square + 1).sqrt() + 1)).log1p()
    return near.where(size < border, far).copysign(a)


def acosh(a: Tensor) -> Tensor:
    far, border = _far_log(a)
    above = at_most(a, border) - 1
    near = (above + above.sqrt() * (above + 2).sqrt()).log1p()
    return near.where(a < border, far)


def atanh(a: Tensor) -> Tensor:
    return (a.log1p() - (-a).log1p()) * 0.5


def sigmoid(a: Tensor) -> Tensor:
    small = (-a.abs()).exp()  # at most 1: it cannot overflow
    return small.where(a < 0, 1.0) / (small + 1)


# ---- of integers, too ----------------------------------------------------------------------------
def sign(a: Tensor) -> Tensor:
    return (a > 0).to(a.dtype) - (a < 0).to(a.dtype)


def remainder(a: Tensor, b: Tensor) -> Tensor:
    """fmod, moved to the divisor's side of zero."""
    left = a.fmod(b)
    aside = (left != 0) * ((left < 0) != (b < 0))
    return (left + b).where(aside, left)


def bitwise_or(a: Tensor, b: Tensor) -> Tensor:
    return a + b if a.dtype.kind == "b" else a - (a & b) + b


def bitwise_xor(a: Tensor, b: Tensor) -> Tensor:
    if a.dtype.kind == "b":
        return a != b
    both = a & b
    return (a - both) + (b - both)


def right_shift(a: Tensor, b: Tensor) -> Tensor:
    """The floor of a / 2 ** b, where that power is there."""
    signed = a.dtype.kind == "i"
    fits = (b >= 0) * (b < 8 * a.dtype.itemsize - signed)
    shifted = a // 2 ** b.where(fits, 0)
    return shifted.where(fits, -(a < 0).to(a.dtype) if signed else 0)


# ---- comparisons ---------------------------------------------------------------------------------
def le(a: Tensor, b: Tensor) -> Tensor:
    return (a < b) + (a == b) if a.dtype.kind == "f" else ~(b < a)


def fmax(a: Tensor, b: Tensor) -> Tensor:
    return a.where(b.isnan(), b.where(a.isnan(), a.maximum(b)))


def fmin(a: Tensor, b: Tensor) -> Tensor:
    return a.where(b.isnan(), b.where(a.isnan(), a.minimum(b)))


def logical_not(a: Tensor) -> Tensor:
    return a.eq(False if a.dtype.kind == "b" else 0)


def truths(a: Tensor) -> Tensor:
    """Which elements are not zero."""
    return a if a.dtype.kind == "b" else a.to(dt.bool_)
