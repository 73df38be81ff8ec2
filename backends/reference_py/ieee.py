"""IEEE 754 where Python's `math` raises: NaN for a domain error, an infinity for a pole.

Everything is computed in double precision; `views.pack` rounds float32 results.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from math import copysign, inf, nan

Function = Callable[[float], float]


def ieee(function: Function, otherwise: Function) -> Function:
    """`function`, but `otherwise` where it raises a domain or range error."""

    def total(x: float) -> float:
        try:
            return function(x)
        except (ValueError, OverflowError):
            return otherwise(x)

    return total


def to_nan(x: float) -> float:
    """The value outside a function's domain."""
    return nan


def to_inf(x: float) -> float:
    """The value of a function that grows beyond all bounds."""
    return inf


def to_signed_inf(x: float) -> float:
    """The value of an odd function that grows beyond all bounds."""
    return copysign(inf, x)


def unchanged(x: float) -> float:
    """What rounding does to NaN and infinities."""
    return x


def divide(a: float, b: float) -> float:
    """a / b, also for b = 0."""
    if b != 0:
        return a / b
    return nan if a == 0 or a != a else copysign(inf, a) * copysign(1.0, b)


def power(a: float, b: float) -> float:
    """C's `pow`."""
    try:
        return math.pow(a, b)
    except OverflowError:
        return -inf if a < 0 and b % 2 == 1 else inf
    except ValueError:  # a negative power of 0 is a pole, a broken power of a negative NaN
        if a == 0:
            return copysign(inf, a) if b % 2 == 1 else inf
        return nan


def fmod(a: float, b: float) -> float:
    """C's `fmod`."""
    return nan if b == 0 or math.isinf(a) else math.fmod(a, b)


def sigmoid(x: float) -> float:
    """1 / (1 + exp(-x)), with an exponential that cannot overflow."""
    if x < 0:
        small = math.exp(x)
        return small / (1 + small)
    return 1 / (1 + math.exp(-x))


def add_up(terms: Sequence[float]) -> float:
    """The correctly rounded sum, so that the judge of other sums has no rounding of its own.

    `fsum` raises on opposite infinities and on overflow; the plain sum then has the answer.
    """
    try:
        return math.fsum(terms)
    except (ValueError, OverflowError):
        return sum(terms)
