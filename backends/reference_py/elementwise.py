"""The elementwise ops, one line each: name -> what happens to one element.

Elements arrive as Python bools, ints or floats. Integers may leave their range and bools may
become ints: `views.pack` wraps the former around and stores `value != 0` for the latter (which
makes `+` and `*` of bools `or` and `and`).
"""

from __future__ import annotations

import math
import operator
from collections.abc import Callable, Mapping
from math import copysign, inf, nan

from corex.backend import Kernel, View

from .ieee import divide, fmod, ieee, power, sigmoid, to_inf, to_nan, to_signed_inf, unchanged
from .views import Scalar, load, store


def _rounding(to_integer: Callable[[float], int]) -> Callable[[float], float]:
    """A rounding of Python as a float function that keeps -0.0, NaN and infinities."""
    return ieee(lambda a: copysign(to_integer(a), a), unchanged)


def _integer_pow(a: int, b: int) -> int:
    if b >= 0:
        return pow(a, b, 2**64)  # no dtype sees more than the low 64 bits
    if abs(a) != 1:
        return 0
    return a if b % 2 else 1


def _integer_fmod(a: int, b: int) -> int:
    rest = abs(a) % abs(b)
    return -rest if a < 0 else rest


UNARY: Mapping[str, Callable[[Scalar], Scalar]] = {
    "neg": operator.neg,
    "abs": operator.abs,
    "sign": lambda a: (a > 0) - (a < 0),
    "square": lambda a: a * a,
    "floor": _rounding(math.floor),
    "ceil": _rounding(math.ceil),
    "round": _rounding(round),
    "trunc": _rounding(math.trunc),
    "sqrt": ieee(math.sqrt, to_nan),
    "rsqrt": ieee(lambda a: divide(1.0, math.sqrt(a)), to_nan),
    "reciprocal": lambda a: divide(1.0, a),
    "exp": ieee(math.exp, to_inf),
    "exp2": ieee(lambda a: math.pow(2.0, a), to_inf),
    "expm1": ieee(math.expm1, to_inf),
    "log": ieee(math.log, lambda a: -inf if a == 0 else nan),
    "log2": ieee(math.log2, lambda a: -inf if a == 0 else nan),
    "log10": ieee(math.log10, lambda a: -inf if a == 0 else nan),
    "log1p": ieee(math.log1p, lambda a: -inf if a == -1 else nan),
    "sin": ieee(math.sin, to_nan),
    "cos": ieee(math.cos, to_nan),
    "tan": ieee(math.tan, to_nan),
    "asin": ieee(math.asin, to_nan),
    "acos": ieee(math.acos, to_nan),
    "atan": math.atan,
    "sinh": ieee(math.sinh, to_signed_inf),
    "cosh": ieee(math.cosh, to_inf),
    "tanh": math.tanh,
    "asinh": math.asinh,
    "acosh": ieee(math.acosh, to_nan),
    "atanh": ieee(math.atanh, lambda a: copysign(inf, a) if abs(a) == 1 else nan),
    "sigmoid": sigmoid,
    "erf": math.erf,
    "erfc": math.erfc,
    "relu": lambda a: a if not (a <= 0) else 0,
    "logical_not": lambda a: a == 0,
    "bitwise_not": lambda a: not a if isinstance(a, bool) else ~a,
    "isnan": math.isnan,
    "isinf": math.isinf,
    "isfinite": math.isfinite,
    "signbit": lambda a: copysign(1.0, a) < 0,
}

BINARY: Mapping[str, Callable[[Scalar, Scalar], Scalar]] = {
    "add": operator.add,
    "sub": operator.sub,
    "mul": operator.mul,
    "div": divide,
    "floor_divide": lambda a, b: a // b if b != 0 else divide(a, b),
    "remainder": lambda a, b: a % b if b != 0 else nan,
    "fmod": fmod,
    "pow": power,
    # A comparison with NaN is false: which operand that selects decides who propagates it.
    "maximum": lambda a, b: a if a >= b or a != a else b,
    "minimum": lambda a, b: a if a <= b or a != a else b,
    "fmax": lambda a, b: a if a >= b or b != b else b,
    "fmin": lambda a, b: a if a <= b or b != b else b,
    "atan2": math.atan2,
    "hypot": math.hypot,
    "copysign": copysign,
    "eq": operator.eq,
    "ne": operator.ne,
    "lt": operator.lt,
    "le": operator.le,
    "gt": operator.gt,
    "ge": operator.ge,
    "logical_and": lambda a, b: a != 0 and b != 0,
    "logical_or": lambda a, b: a != 0 or b != 0,
    "logical_xor": lambda a, b: (a != 0) != (b != 0),
    "bitwise_and": operator.and_,
    "bitwise_or": operator.or_,
    "bitwise_xor": operator.xor,
    # Shifts by more than a narrow dtype's width need no case: the result wraps to the right one.
    "bitwise_left_shift": lambda a, b: a << b if 0 <= b < 64 else 0,
    "bitwise_right_shift": lambda a, b: a >> b if b >= 0 else a >> 64,
}

# The ops that mean something else on integers.
INTEGER_BINARY: Mapping[str, Callable[[int, int], int]] = {
    "floor_divide": operator.floordiv,
    "remainder": operator.mod,
    "fmod": _integer_fmod,
    "pow": _integer_pow,
}


def _unary_kernel(name: str) -> Kernel:
    function = UNARY[name]

    def kernel(out: View, a: View) -> None:
        store(out, map(function, load(a)))

    return kernel


def _binary_kernel(name: str) -> Kernel:
    of_numbers = BINARY[name]
    of_integers = INTEGER_BINARY.get(name, of_numbers)

    def kernel(out: View, a: View, b: View) -> None:
        function = of_numbers if a[1].is_floating_point else of_integers
        store(out, map(function, load(a), load(b)))

    return kernel


def where(out: View, condition: View, a: View, b: View) -> None:
    """`a` where the condition holds, else `b`."""
    choices = zip(load(condition), load(a), load(b), strict=True)
    store(out, [x if holds else y for holds, x, y in choices])


KERNELS: Mapping[str, Kernel] = {
    **{name: _unary_kernel(name) for name in UNARY},
    **{name: _binary_kernel(name) for name in BINARY},
    "where": where,
}
