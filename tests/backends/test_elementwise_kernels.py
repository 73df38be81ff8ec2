"""Elementwise kernels against NumPy in float64, in every layout, with edge values in place."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from tests.backends.kernel_cases import cases, check, check_raises
from tests.backends.kernel_data import (
    ALL,
    BITS,
    FLOAT,
    INTEGER,
    NUMBER,
    SCENARIOS,
    Array,
    In,
    Out,
    elementwise,
    numbers,
)

Oracle = Callable[..., Any]


def stable_sigmoid(a: Array) -> Array:
    small = np.exp(-np.abs(a))
    return np.asarray(np.where(a < 0, small, 1.0) / (1 + small))


def erf(a: Array) -> Array:
    return elementwise(math.erf, "float64", a)


# op -> dtypes, oracle, whether the result is bool
UNARY: dict[str, tuple[list[str], Oracle, bool]] = {
    "neg": (NUMBER, np.negative, False),
    "abs": (NUMBER, np.abs, False),
    "sign": (NUMBER, np.sign, False),
    "square": (NUMBER, np.square, False),
    "floor": (FLOAT, np.floor, False),
    "ceil": (FLOAT, np.ceil, False),
    "round": (FLOAT, np.rint, False),
    "trunc": (FLOAT, np.trunc, False),
    "sqrt": (FLOAT, np.sqrt, False),
    "rsqrt": (FLOAT, lambda a: 1 / np.sqrt(a), False),
    "reciprocal": (FLOAT, lambda a: 1 / a, False),
    "exp": (FLOAT, np.exp, False),
    "exp2": (FLOAT, np.exp2, False),
    "expm1": (FLOAT, np.expm1, False),
    "log": (FLOAT, np.log, False),
    "log2": (FLOAT, np.log2, False),
    "log10": (FLOAT, np.log10, False),
    "log1p": (FLOAT, np.log1p, False),
    "sin": (FLOAT, np.sin, False),
    "cos": (FLOAT, np.cos, False),
    "tan": (FLOAT, np.tan, False),
    "asin": (FLOAT, np.arcsin, False),
    "acos": (FLOAT, np.arccos, False),
    "atan": (FLOAT, np.arctan, False),
    "sinh": (FLOAT, np.sinh, False),
    "cosh": (FLOAT, np.cosh, False),
    "tanh": (FLOAT, np.tanh, False),
    "asinh": (FLOAT, np.arcsinh, False),
    "acosh": (FLOAT, np.arccosh, False),
    "atanh": (FLOAT, np.arctanh, False),
    "sigmoid": (FLOAT, stable_sigmoid, False),
    "erf": (FLOAT, erf, False),
    "relu": (NUMBER, lambda a: np.where(a <= 0, np.zeros_like(a), a), False),
    "logical_not": (ALL, np.logical_not, True),
    "bitwise_not": (BITS, np.invert, False),
    "isnan": (FLOAT, np.isnan, True),
    "isinf": (FLOAT, np.isinf, True),
    "isfinite": (FLOAT, np.isfinite, True),
    "signbit": (FLOAT, np.signbit, True),
}


def integer_pow(a: int, b: int) -> int:
    if b >= 0:
        return pow(a, b, 2**64)
    return {1: 1, -1: -1 if b % 2 else 1}.get(a, 0)


def left_shift(a: int, b: int) -> int:
    return a << b if 0 <= b < 64 else 0


def right_shift(a: int, b: int) -> int:
    return a >> b if 0 <= b < 64 else -(a < 0)


BINARY: dict[str, tuple[list[str], Oracle, bool]] = {
    "add": (ALL, np.add, False),
    "mul": (ALL, np.multiply, False),
    "sub": (NUMBER, np.subtract, False),
    "div": (FLOAT, np.divide, False),
    "floor_divide": (NUMBER, np.floor_divide, False),
    "remainder": (NUMBER, np.remainder, False),
    "fmod": (NUMBER, np.fmod, False),
    "pow": (NUMBER, np.power, False),
    "maximum": (ALL, np.maximum, False),
    "minimum": (ALL, np.minimum, False),
    "fmax": (FLOAT, np.fmax, False),
    "fmin": (FLOAT, np.fmin, False),
    "atan2": (FLOAT, np.arctan2, False),
    "hypot": (FLOAT, np.hypot, False),
    "copysign": (FLOAT, np.copysign, False),
    "eq": (ALL, np.equal, True),
    "ne": (ALL, np.not_equal, True),
    "lt": (ALL, np.less, True),
    "le": (ALL, np.less_equal, True),
    "gt": (ALL, np.greater, True),
    "ge": (ALL, np.greater_equal, True),
    "logical_and": (ALL, np.logical_and, True),
    "logical_or": (ALL, np.logical_or, True),
    "logical_xor": (ALL, np.logical_xor, True),
    "bitwise_and": (BITS, np.bitwise_and, False),
    "bitwise_or": (BITS, np.bitwise_or, False),
    "bitwise_xor": (BITS, np.bitwise_xor, False),
    "bitwise_left_shift": (INTEGER, left_shift, False),
    "bitwise_right_shift": (INTEGER, right_shift, False),
}
BY_PYTHON = {"bitwise_left_shift": left_shift, "bitwise_right_shift": right_shift}
DIVISIONS = ["floor_divide", "remainder", "fmod"]


@pytest.mark.parametrize(
    "backend, op, dtype, scenario", cases(list(UNARY), lambda op: UNARY[op][0], SCENARIOS)
)
def test_unary(backend: str, op: str, dtype: str, scenario: str) -> None:
    shape, out_layout, layouts = SCENARIOS[scenario]
    _, oracle, to_bool = UNARY[op]
    a = In(numbers(dtype, shape, op, scenario), dtype, layouts[0])
    with np.errstate(all="ignore"):
        expected = oracle(a.exact)
    check(backend, op, Out(expected, "bool" if to_bool else dtype, out_layout), a)


@pytest.mark.parametrize(
    "backend, op, dtype",
    cases([op for op in UNARY if not UNARY[op][2]], lambda op: UNARY[op][0]),
)
def test_unary_in_place(backend: str, op: str, dtype: str) -> None:
    values = numbers(dtype, (4, 9), op)
    with np.errstate(all="ignore"):
        expected = UNARY[op][1](In(values).exact)
    x = Out(expected, dtype, "transposed", initial=values)
    check(backend, op, x, x)


def binary_oracle(op: str, dtype: str, a: Array, b: Array) -> Array:
    if op == "pow" and dtype in INTEGER:
        return elementwise(integer_pow, dtype, a, b)
    if op in BY_PYTHON:
        return elementwise(BY_PYTHON[op], dtype, a, b)
    with np.errstate(all="ignore"):
        result: Array = BINARY[op][1](a, b)
    return result


@pytest.mark.parametrize(
    "backend, op, dtype, scenario", cases(list(BINARY), lambda op: BINARY[op][0], SCENARIOS)
)
def test_binary(backend: str, op: str, dtype: str, scenario: str) -> None:
    shape, out_layout, layouts = SCENARIOS[scenario]
    a = In(numbers(dtype, shape, op, scenario, "a"), dtype, layouts[0])
    divisors = numbers(dtype, shape, op, scenario, "b")
    if op in DIVISIONS and dtype in INTEGER:
        divisors[divisors == 0] = 3
    b = In(divisors, dtype, layouts[1])
    expected = binary_oracle(op, dtype, a.exact, b.exact)
    scale = None
    if op == "remainder" and dtype in FLOAT:  # the sum a % b + b is rounded
        scale = np.fmax(np.abs(expected), np.where(np.isfinite(b.exact), np.abs(b.exact), 0))
    to_bool = BINARY[op][2]
    check(backend, op, Out(expected, "bool" if to_bool else dtype, out_layout, scale=scale), a, b)


@pytest.mark.parametrize(
    "backend, op, dtype", cases(["add", "sub", "mul", "maximum"], lambda op: BINARY[op][0])
)
def test_binary_in_place(backend: str, op: str, dtype: str) -> None:
    a = numbers(dtype, (5, 6), "a", op)
    b = In(numbers(dtype, (5, 6), "b", op), dtype, "broadcast")
    x = Out(binary_oracle(op, dtype, In(a).exact, b.exact), dtype, "stepped", initial=a)
    check(backend, op, x, x, b)


@pytest.mark.parametrize("backend, op, dtype", cases(DIVISIONS, INTEGER))
def test_integer_division_by_zero_raises(backend: str, op: str, dtype: str) -> None:
    dividend, divisor = In([1, 2, 3], dtype), In([1, 0, 2], dtype)
    check_raises(backend, op, ZeroDivisionError, None, Out([0, 0, 0], dtype), dividend, divisor)


@pytest.mark.parametrize("backend, op, dtype", cases(["floor_divide"], ["int32", "int64"]))
def test_most_negative_divided_by_minus_one_wraps(backend: str, op: str, dtype: str) -> None:
    lowest = np.iinfo(dtype).min
    check(backend, "floor_divide", Out([lowest], dtype), In([lowest], dtype), In([-1], dtype))
    check(backend, "remainder", Out([0], dtype), In([lowest], dtype), In([-1], dtype))
    check(backend, "fmod", Out([0], dtype), In([lowest], dtype), In([-1], dtype))


@pytest.mark.parametrize("backend, op, dtype", cases(["floor_divide"], FLOAT))
def test_float_division_edges(backend: str, op: str, dtype: str) -> None:
    inf, nan = math.inf, math.nan
    a = [7.0, -7.0, 7.0, -7.0, 1.0, -1.0, 0.0, inf, 5.0, -5.0, 1.0]
    b = [2.0, 2.0, -2.0, -2.0, 0.0, 0.0, 0.0, 2.0, inf, inf, nan]
    quotient = [3.0, -4.0, -4.0, 3.0, inf, -inf, nan, nan, 0.0, -1.0, nan]
    modulo = [1.0, 1.0, -1.0, -1.0, nan, nan, nan, nan, 5.0, inf, nan]
    rest = [1.0, -1.0, 1.0, -1.0, nan, nan, nan, nan, 5.0, -5.0, nan]
    for name, expected in [("floor_divide", quotient), ("remainder", modulo), ("fmod", rest)]:
        check(backend, name, Out(expected, dtype), In(a, dtype), In(b, dtype))


@pytest.mark.parametrize("backend, op, dtype, scenario", cases(["where"], ALL, SCENARIOS))
def test_where(backend: str, op: str, dtype: str, scenario: str) -> None:
    shape, out_layout, layouts = SCENARIOS[scenario]
    condition = In(numbers("bool", shape, "condition"), "bool", layouts[2])
    a = In(numbers(dtype, shape, "a"), dtype, layouts[0])
    b = In(numbers(dtype, shape, "b"), dtype, layouts[1])
    expected = np.where(condition.array, a.exact, b.exact)
    check(backend, "where", Out(expected, dtype, out_layout, ulps=0), condition, a, b)


@pytest.mark.parametrize("backend, op", cases(["round"]))
def test_round_is_half_to_even_and_keeps_the_sign_of_zero(backend: str, op: str) -> None:
    a = [0.5, 1.5, 2.5, -0.5, -1.5, -2.5, 2.4999999]
    for dtype in FLOAT:
        check(backend, "round", Out([0, 2, 2, 0, -2, -2, 2], dtype), In(a, dtype))


@pytest.mark.parametrize("backend, op, dtype", cases(["exp", "add"], FLOAT))
def test_many_elements(backend: str, op: str, dtype: str) -> None:
    """Enough of them for a backend to bring in its threads."""
    a = In(numbers(dtype, (150_001,), op, edges=False), dtype)
    operands = [a] if op == "exp" else [a, a]
    with np.errstate(all="ignore"):
        expected = np.exp(a.exact) if op == "exp" else 2 * a.exact
    check(backend, op, Out(expected, dtype), *operands)
