"""The elementwise ops: one line each, with the C expression for every kind of dtype.

A line is `name: (bool, integer, float)`; None where the op does not have the kind. The operands are
called a, b, c. Integers are stored as T and wrap around in U, its unsigned form; what the
expressions call besides is in `cl/integer.cl` and `cl/floating.cl`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

Row = tuple[str | None, str | None, str | None]


def _all(expression: str) -> Row:
    return (expression, expression, expression)


def _floats(expression: str) -> Row:
    return (None, None, expression)


UNARY: Final[Mapping[str, Row]] = {
    "neg": (None, "-(U)a", "-a"),
    "abs": (None, "NEGATIVE(a) ? -(U)a : (U)a", "fabs(a)"),
    "sign": (None, "(a > 0) - NEGATIVE(a)", "(REAL)((a > 0) - (a < 0))"),
    "square": (None, "(U)a * (U)a", "a * a"),
    "floor": _floats("floor(a)"),
    "ceil": _floats("ceil(a)"),
    "round": _floats("rint(a)"),
    "trunc": _floats("trunc(a)"),
    "sqrt": _floats("sqrt(a)"),
    "rsqrt": _floats("1 / sqrt(a)"),
    "reciprocal": _floats("1 / a"),
    "exp": _floats("exp(a)"),
    "exp2": _floats("exp2(a)"),
    "expm1": _floats("expm1(a)"),
    "log": _floats("log(a)"),
    "log2": _floats("log2(a)"),
    "log10": _floats("log10(a)"),
    "log1p": _floats("log1p(a)"),
    "sin": _floats("sin(a)"),
    "cos": _floats("cos(a)"),
    "tan": _floats("tan(a)"),
    "asin": _floats("asin(a)"),
    "acos": _floats("acos(a)"),
    "atan": _floats("atan(a)"),
    "sinh": _floats("sinh(a)"),
    "cosh": _floats("cosh(a)"),
    "tanh": _floats("tanh(a)"),
    "asinh": _floats("asinh(a)"),
    "acosh": _floats("acosh(a)"),
    "atanh": _floats("atanh(a)"),
    "sigmoid": _floats("logistic(a)"),
    "erf": _floats("erf(a)"),
    "relu": (None, "a <= 0 ? 0 : a", "a <= 0 ? 0 : a"),
    "bitwise_not": ("!a", "~a", None),
    "silu": _floats("silu(a)"),
    "gelu": _floats("gelu(a)"),
    "gelu_tanh": _floats("gelu_tanh(a)"),
}

UNARY_TO_BOOL: Final[Mapping[str, Row]] = {
    "logical_not": _all("a == 0"),
    "isnan": _floats("a != a"),
    "isinf": _floats("fabs(a) == INFINITY"),
    "isfinite": _floats("fabs(a) < INFINITY"),
    "signbit": _floats("signbit(a) != 0"),
}

BINARY: Final[Mapping[str, Row]] = {
    "add": ("a | b", "(U)a + (U)b", "a + b"),
    "sub": (None, "(U)a - (U)b", "a - b"),
    "mul": ("a & b", "(U)a * (U)b", "a * b"),
    "div": _floats("a / b"),
    "floor_divide": (None, "quotient(a, b)", "floor_quotient(a, b)"),
    "remainder": (None, "modulo(a, b)", "real_modulo(a, b)"),
    "fmod": (None, "rest(a, b)", "fmod(a, b)"),
    "pow": (None, "integer_power(a, b)", "pow(a, b)"),
    "maximum": ("a | b", "a >= b ? a : b", "a >= b || a != a ? a : b"),
    "minimum": ("a & b", "a <= b ? a : b", "a <= b || a != a ? a : b"),
    "fmax": _floats("a >= b || b != b ? a : b"),
    "fmin": _floats("a <= b || b != b ? a : b"),
    "atan2": _floats("atan2(a, b)"),
    "hypot": _floats("hypot(a, b)"),
    "copysign": _floats("copysign(a, b)"),
    "bitwise_and": ("a & b", "a & b", None),
    "bitwise_or": ("a | b", "a | b", None),
    "bitwise_xor": ("a ^ b", "a ^ b", None),
    "bitwise_left_shift": (None, "left_shift(a, b)", None),
    "bitwise_right_shift": (None, "right_shift(a, b)", None),
    "sigmoid_backward": _floats("a * b * (1 - b)"),
    "tanh_backward": _floats("a * (1 - b * b)"),
    "relu_backward": _floats("b <= 0 ? 0 : a"),
    "silu_backward": _floats("a * silu_slope(b)"),
    "gelu_backward": _floats("a * gelu_slope(b)"),
    "gelu_tanh_backward": _floats("a * gelu_tanh_slope(b)"),
}

BINARY_TO_BOOL: Final[Mapping[str, Row]] = {
    "eq": _all("a == b"),
    "ne": _all("a != b"),
    "lt": _all("a < b"),
    "le": _all("a <= b"),
    "gt": _all("a > b"),
    "ge": _all("a >= b"),
    "logical_and": _all("a != 0 && b != 0"),
    "logical_or": _all("a != 0 || b != 0"),
    "logical_xor": _all("(a != 0) != (b != 0)"),
}

WIDE: Final = frozenset(
    """rsqrt exp exp2 expm1 log log2 log10 log1p sin cos tan asin acos atan sinh cosh tanh asinh
    acosh atanh sigmoid erf silu gelu gelu_tanh floor_divide pow atan2 hypot
    silu_backward gelu_backward gelu_tanh_backward""".split()
)
"""Ops that compute float32 in double precision, where the device has it, and round once."""

DIVISIONS: Final = frozenset({"floor_divide", "remainder", "fmod"})
"""Ops that raise ZeroDivisionError on integers."""

KIND: Final = {"b": 0, "u": 1, "i": 1, "f": 2}
"""The column of a row, by `DType.kind`."""
