"""The points at which formulas break, as inputs by name, in float32 and float64.

A lower-case name is differentiated, an upper-case one is not. `a` has the points of a function of
one number and `p`, `q` all pairs for one of two; the others are for ops that take more than that.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import inf, nan
from typing import Any

import numpy as np

Array = np.ndarray[Any, Any]

DTYPES = ("float32", "float64")


def _limits(dtype: str) -> tuple[float, float, float, float]:
    info = np.finfo(dtype)
    return tuple(float(x) for x in (info.smallest_subnormal, info.tiny, info.eps, info.max))  # type: ignore[return-value]


def line(dtype: str) -> list[float]:
    """Zeros, units, ties of roundings and thresholds, saturation, the ends of the dtype, NaN."""
    least, tiny, eps, most = _limits(dtype)
    signed = [
        0.0, 0.5, 1.0, 1.5, 2.0, 2.5, 3.0, 6.0, 17.5, 20.0, 40.0, 88.0, 104.0, 708.0, 720.0, 1e-8,
        1.0 - eps, least, tiny, 1e20, most, inf,
    ]  # fmt: skip
    return [x for point in signed for x in (point, -point)] + [1.0 + eps, nan]


def plane(dtype: str) -> list[tuple[float, float]]:
    """All pairs of what is special for functions of two numbers; equal ones are the ties."""
    least, _, _, most = _limits(dtype)
    values = [0.0, -0.0, 1.0, -1.0, -2.5, least, 1e20, most, inf, -inf, nan]
    return [(p, q) for p in values for q in values]


def rows(dtype: str) -> list[list[float]]:
    """Rows for what works along a dim: constant, tied, huge, tiny, infinite, with NaN."""
    least, tiny, _, most = _limits(dtype)
    return [
        [0.0, 0.0, 0.0, 0.0],
        [1.0, 1.0, 1.0, 1.0],
        [3.0, 1.0, 3.0, 2.0],
        [-2.0, 0.0, -2.0, 5.0],
        [0.0, -0.0, 4.0, -4.0],
        [0.0, 2.0, 3.0, -1.0],
        [1e20, 1e20, 1e20, 1e20],
        [1e20, -1e20, 1e20, 3.0],
        [-1e20, 1.0, 2.0, 3.0],
        [most, 1.0, 2.0, 3.0],
        [least, 0.0, -least, least],
        [tiny, tiny, -tiny, 0.0],
        [1e-20, 2e-20, -4e-20, 0.0],
        [inf, 0.0, 1.0, 2.0],
        [inf, inf, 1.0, 2.0],
        [-inf, 0.0, 1.0, 2.0],
        [-inf, -inf, -inf, -inf],
        [inf, -inf, 0.0, 1.0],
        [nan, 0.0, 1.0, 2.0],
        [1.0, nan, nan, inf],
        [0.0, nan, 3.0, 3.0],
        [104.0, -104.0, 710.0, -710.0],
    ]


def finite_rows(dtype: str) -> list[list[float]]:
    """Those rows that hold neither an infinity nor NaN."""
    return [row for row in rows(dtype) if np.isfinite(row).all()]


def calm_rows(dtype: str, special: bool) -> list[list[float]]:
    """Rows whose squares neither overflow nor vanish; on request those with infinities and NaN."""
    wanted = rows(dtype) if special else finite_rows(dtype)
    sizes = [max([abs(x) for x in row if np.isfinite(x)], default=0.0) for row in wanted]
    return [row for row, size in zip(wanted, sizes, strict=True) if size == 0 or 1e-18 < size < 1e5]


def probabilities(dtype: str) -> list[float]:
    """The ends of [0, 1], what is next to them, and the middle."""
    least, tiny, eps, _ = _limits(dtype)
    return [0.0, 1.0, 0.5, 0.25, least, tiny, 1e-8, eps, 1.0 - eps, 1.0 - eps / 2]


def _product(first: Sequence[float], second: Sequence[float], which: int) -> list[float]:
    return [(x, y)[which] for x in first for y in second]


def _rotated(rows_of: list[list[float]]) -> list[list[float]]:
    return [row[1:] + row[:1] for row in rows_of[::-1]]


INPUTS: dict[str, Callable[[str], Any]] = {
    "a": line,
    "p": lambda d: [pair[0] for pair in plane(d)],
    "q": lambda d: [pair[1] for pair in plane(d)],
    "prob": lambda d: _product(probabilities(d), [0.0, 1.0, 0.3], 0),
    "target": lambda d: _product(probabilities(d), [0.0, 1.0, 0.3], 1),
    "logits": lambda d: _product(line(d), [0.0, 1.0, 0.3], 0),
    "labels": lambda d: _product(line(d), [0.0, 1.0, 0.3], 1),
    "r": rows,
    "f": finite_rows,
    "c": lambda d: calm_rows(d, True),
    "e": lambda d: calm_rows(d, False),
    "r2": lambda d: _rotated(rows(d)),
    "f2": lambda d: _rotated(finite_rows(d)),
    "ninf": lambda d: [[-inf, -inf, -inf, 1.0], [-inf, -inf, -inf, -inf], [nan, -inf, 2.0, nan]],
    "soft": lambda d: [[1.0, 0.0, 0.0, 0.0], [0.25, 0.25, 0.5, 0.0]] * (len(rows(d)) // 2),
    "fsoft": lambda d: [[0.5, 0.0, 0.5, 0.0]] * len(finite_rows(d)),
    "one": lambda d: [[3.0]],
    "constant": lambda d: [[2.0, 2.0, 2.0], [-1e20, -1e20, -1e20]],
    "same": lambda d: [[2.0, 2.0, 2.0], [-7.0, -7.0, -7.0]],
    "zeros": lambda d: [[0.0, 0.0, 0.0], [0.0, 0.0, 0.0]],
    "mixed": lambda d: [[0.0, 2.0, 0.0], [1.0, 0.0, -3.0]],
    "ones": lambda d: [[1.0, 1.0, 1.0], [1.0, 1.0, 1.0]],
    "scale": lambda d: [3.0],
    "slope": lambda d: [0.25],
    "weight": lambda d: [2.0, 0.0, 1.0, -1.0],
    "shift": lambda d: [1.0, 0.5, 0.0, inf],
    "middle": lambda d: [1.0, 0.0, -2.0, 3.0],
    "spread": lambda d: [1.0, 0.0, 1e-20, 1e20],
    "mat": lambda d: [[1.0, 0.0], [0.0, 1.0], [2.0, -1.0], [0.5, 0.5]],
    "kernel": lambda d: [[[1.0, -1.0]]],
    "CLASSES": lambda d: [0, 1, 2, 3] * 5 + [0, 3],
    "SOME": lambda d: [1, 2, -100, 0] * 3 + [3, -100],
    "IGNORED": lambda d: [1, 2, 1, 0] * 3 + [3, 1],
    "NONE": lambda d: [-100] * len(rows(d)),
    "PLACES": lambda d: [[0, 1, 1, 3]] * len(finite_rows(d)),
    "ZEROES": lambda d: [0] * len(finite_rows(d)),
}
"""An upper-case name that is not here is the lower-case one without gradients."""


def make(name: str, dtype: str) -> Array:
    """The input of that name; of whole numbers for indices."""
    found = INPUTS.get(name) or INPUTS[name.lower()]
    return np.array(found(dtype), "int64" if name in INPUTS and name.isupper() else dtype)
