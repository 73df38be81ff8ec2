"""The elementwise ops in NumPy, written from the contract and from nothing else."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, Final

import numpy as np

from corex.testing.arrays import INTEGER, Array, by_python, joined

Formula = Callable[..., Any]


def sigmoid(a: Array) -> Array:
    if a.dtype.kind == "c":
        return np.asarray(1 / (1 + np.exp(-a)))
    small = np.exp(-np.abs(a))
    return np.asarray(np.where(a < 0, small, 1.0) / (1 + small))


def exp2(a: Array) -> Array:
    """Not NumPy's of complex numbers, whose product with log 2 is that of complex numbers."""
    if a.dtype.kind != "c":
        return np.asarray(np.exp2(a))
    return np.asarray(np.exp(joined(a.real * math.log(2), a.imag * math.log(2), "complex128")))


def log1p(a: Array) -> Array:
    """NumPy's rounds 1 + a first where it is complex: log |1 + a| = log1p(x (2 + x) + y^2) / 2."""
    if a.dtype.kind != "c":
        return np.asarray(np.log1p(a))
    x, y = a.real, a.imag
    near = np.log1p(x * (2 + x) + y * y) / 2
    size = np.where(np.maximum(np.abs(x), np.abs(y)) < 0.5, near, np.log(np.hypot(1 + x, y)))
    return joined(size, np.arctan2(y, 1 + x), "complex128")


def near_poles(a: Array) -> Array:
    """By how much an error of exp(-a) grows in the sigmoid of complex numbers, at least 1."""
    power = np.exp(-a)
    return np.asarray(1 + np.abs(power) / np.abs(1 + power))


def erf(a: Array) -> Array:
    return by_python(math.erf, "float64", a)


def erfc(a: Array) -> Array:
    return by_python(math.erfc, "float64", a)


def phi(a: Array) -> Array:
    """The normal distribution function."""
    return by_python(lambda x: 0.5 * math.erfc(-x / math.sqrt(2)), "float64", a)


def integer_pow(a: int, b: int) -> int:
    if b >= 0:
        return pow(a, b, 2**64)
    return {1: 1, -1: -1 if b % 2 else 1}.get(a, 0)


def left_shift(a: int, b: int) -> int:
    return a << b if 0 <= b < 64 else 0


def right_shift(a: int, b: int) -> int:
    return a >> b if 0 <= b < 64 else -(a < 0)


UNARY: Final[dict[str, Formula]] = {
    "neg": np.negative,
    "abs": np.abs,
    "sign": lambda a: (a > 0) * 1 - (a < 0),
    "square": np.square,
    "floor": np.floor,
    "ceil": np.ceil,
    "round": np.rint,
    "trunc": np.trunc,
    "sqrt": np.sqrt,
    "rsqrt": lambda a: 1 / np.sqrt(a),
    "reciprocal": lambda a: 1 / a,
    "exp": np.exp,
    "exp2": exp2,
    "expm1": np.expm1,
    "log": np.log,
    "log2": np.log2,
    "log10": np.log10,
    "log1p": log1p,
    "sin": np.sin,
    "cos": np.cos,
    "tan": np.tan,
    "asin": np.arcsin,
    "acos": np.arccos,
    "atan": np.arctan,
    "sinh": np.sinh,
    "cosh": np.cosh,
    "tanh": np.tanh,
    "asinh": np.arcsinh,
    "acosh": np.arccosh,
    "atanh": np.arctanh,
    "sigmoid": sigmoid,
    "erf": erf,
    "erfc": erfc,
    "relu": lambda a: np.where(a <= 0, np.zeros_like(a), a),
    "logical_not": np.logical_not,
    "bitwise_not": np.invert,
    "isnan": np.isnan,
    "isinf": np.isinf,
    "isfinite": np.isfinite,
    "signbit": np.signbit,
}

BINARY: Final[dict[str, Formula]] = {
    "add": np.add,
    "mul": np.multiply,
    "sub": np.subtract,
    "div": np.divide,
    "floor_divide": np.floor_divide,
    "remainder": np.remainder,
    "fmod": np.fmod,
    "pow": np.power,
    "maximum": np.maximum,
    "minimum": np.minimum,
    "fmax": np.fmax,
    "fmin": np.fmin,
    "atan2": np.arctan2,
    "hypot": np.hypot,
    "copysign": np.copysign,
    "eq": np.equal,
    "ne": np.not_equal,
    "lt": np.less,
    "le": np.less_equal,
    "gt": np.greater,
    "ge": np.greater_equal,
    "logical_and": np.logical_and,
    "logical_or": np.logical_or,
    "logical_xor": np.logical_xor,
    "bitwise_and": np.bitwise_and,
    "bitwise_or": np.bitwise_or,
    "bitwise_xor": np.bitwise_xor,
    "sigmoid_backward": lambda g, y: g * y * (1 - y),
    "tanh_backward": lambda g, y: g * (1 - y * y),
    "relu_backward": lambda g, y: np.where(y <= 0, 0, g),
}


def _power(a: Array, b: Array) -> Array:
    """exp(b log a) with the product of annex G (G.5.1); NumPy's has other values at 0."""
    x, y, log = b.real, b.imag, np.log(a)
    u, v = log.real, log.imag
    re, im = x * u - y * v, x * v + y * u
    first, second = np.isinf(x) | np.isinf(y), np.isinf(u) | np.isinf(v)
    over = np.isinf(x * u) | np.isinf(y * v) | np.isinf(x * v) | np.isinf(y * u)
    lost = np.isnan(re) & np.isnan(im) & (first | second | over)

    def turned(part: Array, infinite: Array) -> Array:
        finite = np.where(np.isnan(part), 0, part)
        return np.copysign(np.where(infinite, np.isinf(part), finite), part)

    x, y, u, v = turned(x, first), turned(y, first), turned(u, second), turned(v, second)
    re = np.where(lost, np.inf * (x * u - y * v), re)
    im = np.where(lost, np.inf * (x * v + y * u), im)
    return np.asarray(np.exp(joined(re, im, str(log.dtype))))


def _limited(a: Array) -> Array:
    """The sigmoid of what is infinite: 0 to the left, where 1 / (1 + inf) of NumPy's is NaN."""
    return np.where(a.real == -math.inf, 0, sigmoid(a))


_CONTINUOUS: Final = (
    "square reciprocal sqrt rsqrt exp exp2 expm1 log log2 log10 sin cos tan sinh cosh tanh asin "
    "acos atan asinh acosh atanh"
)
AT_SPECIAL: Final[dict[str, Formula]] = {
    **{name: UNARY[name] for name in _CONTINUOUS.split()},
    "sigmoid": _limited,
    "mul": np.multiply,
    "div": np.divide,
    "pow": _power,
}
"""What is the same everywhere where a part of a complex number is 0, infinite or NaN: NumPy's
functions are those of the C library (annex G of C99), and so are PyTorch's; products and quotients
are what the plain four and Smith's algorithm make of such parts."""

# By how much errors of the steps grow in functions of complex numbers, at least 1: of an angle or
# an exponent that is rounded, and next to a pole.
GROWTH: Final[dict[str, Formula]] = {
    "pow": lambda a, b: 1 + np.abs(b * np.log(a)),
    "exp2": lambda a: 1 + np.abs(a),
    "sigmoid": near_poles,
}

_ON_INTEGERS: Final[dict[str, Callable[[int, int], int]]] = {
    "pow": integer_pow,
    "bitwise_left_shift": left_shift,
    "bitwise_right_shift": right_shift,
}


def binary(op: str, dtype: str, a: Array, b: Array) -> Array | None:
    """The op of two arrays, or None if there is no formula for it."""
    if dtype in INTEGER and op in _ON_INTEGERS:
        return by_python(_ON_INTEGERS[op], dtype, a, b)
    formula = BINARY.get(op)
    return None if formula is None else np.asarray(formula(a, b))


def unary(op: str, a: Array) -> Array | None:
    """The op of an array, or None if there is no formula for it."""
    formula = UNARY.get(op)
    return None if formula is None else np.asarray(formula(a))


# Where the arguments of a gradient case come from: an interval on which the op is smooth, for the
# last input. Others come from (-2, 2).
DOMAINS: Final[dict[str, tuple[float, float]]] = {
    "sqrt": (0.3, 3.0),
    "rsqrt": (0.3, 3.0),
    "reciprocal": (0.4, 3.0),
    "log": (0.3, 3.0),
    "log2": (0.3, 3.0),
    "log10": (0.3, 3.0),
    "log1p": (-0.6, 3.0),
    "tan": (-1.2, 1.2),
    "asin": (-0.9, 0.9),
    "acos": (-0.9, 0.9),
    "acosh": (1.2, 3.0),
    "atanh": (-0.9, 0.9),
    "div": (0.4, 3.0),
    "floor_divide": (1.3, 1.4),
    "remainder": (2.3, 2.4),
    "fmod": (2.3, 2.4),
    "pow": (-2.0, 2.0),
    "hypot": (0.4, 3.0),
    "atan2": (0.4, 3.0),
    "sigmoid_backward": (0.1, 0.9),
    "tanh_backward": (-0.9, 0.9),
}
BASES: Final[dict[str, tuple[float, float]]] = {"pow": (0.4, 2.0)}
"""The interval of the first input, where it is not (-2, 2)."""
