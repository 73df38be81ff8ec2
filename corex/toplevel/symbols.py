"""PyTorch's functions of sizes that may be symbols there: of corex's, which are numbers."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

Number = int | float


def _checked(*values: Any) -> None:
    """
    Raises:
        AssertionError: not a number.
    """
    for value in values:
        if not isinstance(value, int | float):
            raise AssertionError(f"expected a number, got {type(value)}")


def sym_int(a: Any) -> int:
    """The integer next to 0."""
    whole: int = math.trunc(a)
    return whole


def sym_float(a: Any) -> float:
    """The number as a float."""
    return float(a)


def sym_not(a: Any) -> bool:
    """The opposite of a truth value."""
    return not a


def sym_max(a: Number, b: Number) -> Number:
    """The larger one, a float if one of them is."""
    _checked(a, b)
    return float(max(a, b)) if isinstance(a, float) or isinstance(b, float) else max(a, b)


def sym_min(a: Number, b: Number) -> Number:
    """The smaller one, a float if one of them is."""
    _checked(a, b)
    return float(min(a, b)) if isinstance(a, float) or isinstance(b, float) else min(a, b)


def sym_sum(args: Sequence[Number]) -> Number:
    """The sum of numbers."""
    return sum(args)


def sym_sqrt(a: Number) -> float:
    """The square root of a number."""
    return math.sqrt(a)


def sym_ite(b: bool, t: Any, f: Any) -> Any:
    """One of two values of one type.

    Raises:
        AssertionError: no truth value, or values of different types.
    """
    if not isinstance(b, bool) or type(t) is not type(f):
        raise AssertionError(f"expected a bool and two of one type, got {b!r}, {t!r}, {f!r}")
    return t if b else f


def sym_constrain_range(size: Number, *, min: int | None = None, max: int | None = None) -> None:
    """Tells that a size is between bounds.

    Raises:
        RuntimeError: it is not.
    """
    low = -math.inf if min is None else min
    high = math.inf if max is None else max
    if not low <= size <= high:
        raise RuntimeError(f"Invalid value range for {size} between [{low}, {high}].")


def sym_constrain_range_for_size(
    size: Number, *, min: int | None = None, max: int | None = None
) -> None:
    """As `sym_constrain_range`, from 0 on if `min` is left out."""
    sym_constrain_range(size, min=0 if min is None else min, max=max)
