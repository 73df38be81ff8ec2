"""The elementwise functions of the standard: a row each.

A function of two operands takes a Python number for one of them, converts both to their common
dtype (`_promotion.operands`) and calls the op of corex, which broadcasts and is differentiable.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import corex
from corex.array_api._promotion import as_array, named, operands, require_array
from corex.tensor.tensor import Tensor

Unary = Callable[[Tensor], Tensor]
Binary = Callable[[Any, Any], Tensor]


def _unary(name: str, op: Callable[..., Tensor]) -> Unary:
    def function(x: Tensor, /) -> Tensor:
        return op(require_array(name, x))

    return named(function, name, op)


def _binary(name: str, op: Callable[..., Tensor]) -> Binary:
    def function(x1: Any, x2: Any, /) -> Tensor:
        return op(*operands(name, x1, x2))

    return named(function, name, op)


# ---- what PyTorch does not define for complex numbers --------------------------------------------
def _by_parts(op: Unary) -> Unary:
    """An op of real numbers, for complex ones on each part."""

    def apply(x: Tensor) -> Tensor:
        return corex.complex(op(x.real), op(x.imag)) if x.is_complex() else op(x)

    apply.__doc__ = op.__doc__
    return apply


def _imag(x: Tensor) -> Tensor:
    """The imaginary part of each element, which is 0 for real numbers."""
    return corex.imag(x) if x.is_complex() else corex.zeros_like(x)


# ---- special values of the standard that PyTorch has not ----------------------------------------
def _expm1(x: Tensor) -> Tensor:
    """exp(x) - 1, without loss next to 0."""
    if not x.is_complex():
        return corex.expm1(x)
    # The formula for complex numbers, which is PyTorch's, loses infinities and keeps -0.
    found = corex.where(corex.isfinite(x), corex.expm1(x), corex.exp(x) - 1)
    return corex.complex(found.real + 0, found.imag)


def _sign(x: Tensor) -> Tensor:
    """The sign, of complex numbers the direction; NaN of NaN."""
    return corex.where(corex.isnan(x), x, corex.sgn(x)) if x.dtype.is_inexact else corex.sgn(x)


def _tanh(x: Tensor) -> Tensor:
    """The hyperbolic tangent; next to infinity its imaginary part has the sign of the angle."""
    found = corex.tanh(x)
    if not x.is_complex():
        return found
    end = corex.isinf(x.real)
    im = corex.where(end, corex.copysign(corex.zeros_like(x.imag), x.imag), found.imag)
    return corex.complex(found.real, im)


def _floor_divide(x1: Tensor, x2: Tensor) -> Tensor:
    """The quotient, rounded down; of infinities as of the true quotient."""
    found = corex.floor_divide(x1, x2)
    if not x1.is_floating_point():
        return found
    quotient = x1 / x2
    return corex.where(corex.isinf(x1) | corex.isinf(x2), corex.floor(quotient), found)


# ---- one operand ---------------------------------------------------------------------------------
abs = _unary("abs", corex.abs)
acos = _unary("acos", corex.acos)
acosh = _unary("acosh", corex.acosh)
asin = _unary("asin", corex.asin)
asinh = _unary("asinh", corex.asinh)
atan = _unary("atan", corex.atan)
atanh = _unary("atanh", corex.atanh)
bitwise_invert = _unary("bitwise_invert", corex.bitwise_not)
ceil = _unary("ceil", corex.ceil)
conj = _unary("conj", corex.conj_physical)  # for whoever reads memory then
cos = _unary("cos", corex.cos)
cosh = _unary("cosh", corex.cosh)
exp = _unary("exp", corex.exp)
expm1 = _unary("expm1", _expm1)
floor = _unary("floor", corex.floor)
imag = _unary("imag", _imag)
isfinite = _unary("isfinite", corex.isfinite)
isinf = _unary("isinf", corex.isinf)
isnan = _unary("isnan", corex.isnan)
log = _unary("log", corex.log)
log10 = _unary("log10", corex.log10)
log1p = _unary("log1p", corex.log1p)
log2 = _unary("log2", corex.log2)
logical_not = _unary("logical_not", corex.logical_not)
negative = _unary("negative", corex.negative)
positive = _unary("positive", corex.positive)
real = _unary("real", corex.real)
reciprocal = _unary("reciprocal", corex.reciprocal)
round = _unary("round", _by_parts(corex.round))
sign = _unary("sign", _sign)
signbit = _unary("signbit", corex.signbit)
sin = _unary("sin", corex.sin)
sinh = _unary("sinh", corex.sinh)
sqrt = _unary("sqrt", corex.sqrt)
square = _unary("square", corex.square)
tan = _unary("tan", corex.tan)
tanh = _unary("tanh", _tanh)
trunc = _unary("trunc", corex.trunc)

# ---- two -----------------------------------------------------------------------------------------
add = _binary("add", corex.add)
atan2 = _binary("atan2", corex.atan2)
bitwise_and = _binary("bitwise_and", corex.bitwise_and)
bitwise_left_shift = _binary("bitwise_left_shift", corex.bitwise_left_shift)
bitwise_or = _binary("bitwise_or", corex.bitwise_or)
bitwise_right_shift = _binary("bitwise_right_shift", corex.bitwise_right_shift)
bitwise_xor = _binary("bitwise_xor", corex.bitwise_xor)
copysign = _binary("copysign", corex.copysign)
divide = _binary("divide", corex.divide)
equal = _binary("equal", corex.eq)
floor_divide = _binary("floor_divide", _floor_divide)
greater = _binary("greater", corex.gt)
greater_equal = _binary("greater_equal", corex.ge)
hypot = _binary("hypot", corex.hypot)
less = _binary("less", corex.lt)
less_equal = _binary("less_equal", corex.le)
logaddexp = _binary("logaddexp", corex.logaddexp)
logical_and = _binary("logical_and", corex.logical_and)
logical_or = _binary("logical_or", corex.logical_or)
logical_xor = _binary("logical_xor", corex.logical_xor)
maximum = _binary("maximum", corex.maximum)
minimum = _binary("minimum", corex.minimum)
multiply = _binary("multiply", corex.multiply)
nextafter = _binary("nextafter", corex.nextafter)
not_equal = _binary("not_equal", corex.ne)
pow = _binary("pow", corex.pow)
remainder = _binary("remainder", corex.remainder)
subtract = _binary("subtract", corex.subtract)


# ---- three ---------------------------------------------------------------------------------------
def clip(x: Tensor, /, min: Any = None, max: Any = None) -> Tensor:
    """Each element within bounds, which are numbers or arrays and have no say in the dtype.

    Raises:
        TypeError: `x` is no array.
    """
    require_array("clip", x)
    if min is None and max is None:
        return x.clone()
    low, high = [None if b is None else as_array(b, x.dtype, x) for b in (min, max)]
    return corex.clip(x, low, high)


__all__ = [
    "abs", "acos", "acosh", "add", "asin", "asinh", "atan", "atan2", "atanh", "bitwise_and",
    "bitwise_invert", "bitwise_left_shift", "bitwise_or", "bitwise_right_shift", "bitwise_xor",
    "ceil", "clip", "conj", "copysign", "cos", "cosh", "divide", "equal", "exp", "expm1", "floor",
    "floor_divide", "greater", "greater_equal", "hypot", "imag", "isfinite", "isinf", "isnan",
    "less", "less_equal", "log", "log10", "log1p", "log2", "logaddexp", "logical_and",
    "logical_not", "logical_or", "logical_xor", "maximum", "minimum", "multiply", "negative",
    "nextafter", "not_equal", "positive", "pow", "real", "reciprocal", "remainder", "round", "sign",
    "signbit", "sin", "sinh", "sqrt", "square", "subtract", "tan", "tanh", "trunc",
]  # fmt: skip
