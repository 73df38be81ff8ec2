"""copy, fill and arange."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from tests.backends.kernel_cases import cases, check
from tests.backends.kernel_data import ALL, FLOAT, INTEGER, NUMBER, SCENARIOS, In, Out, numbers


@pytest.mark.parametrize("backend, op, to, source, scenario", cases(["copy"], ALL, ALL, SCENARIOS))
def test_copy_converts(backend: str, op: str, to: str, source: str, scenario: str) -> None:
    shape, out_layout, layouts = SCENARIOS[scenario]
    # A fraction outside the integer's range has no defined value, so it does not occur here.
    values = numbers(source, shape, to, edges=not (source in FLOAT and to in INTEGER))
    a = In(np.abs(values) if to == "uint8" and source in FLOAT else values, source, layouts[0])
    with np.errstate(all="ignore"):
        expected = a.array.astype(to)
    check(backend, "copy", Out(expected, to, out_layout, ulps=0), a)


@pytest.mark.parametrize("backend, op, source", cases(["copy"], FLOAT))
def test_fractions_are_truncated_towards_zero(backend: str, op: str, source: str) -> None:
    a = In([1.9, -1.9, 0.5, -0.5, 100.99], source)
    for to in ("int32", "int64"):
        check(backend, "copy", Out([1, -1, 0, 0, 100], to), a)


@pytest.mark.parametrize("backend, op", cases(["copy"]))
def test_large_integers_are_rounded_once(backend: str, op: str) -> None:
    # Through float64 the last digit would be lost and the first value would become a tie.
    above_the_tie = 2**60 + 2**36 + 1
    values = np.array([above_the_tie, -above_the_tie, 2**60 + 2**36, 2**63 - 1, -(2**63)], "int64")
    check(backend, "copy", Out(values.astype("float32"), "float32", ulps=0), In(values))


FILLS: list[tuple[Any, dict[str, Any]]] = [
    (0, dict.fromkeys(ALL, 0)),
    (1, dict.fromkeys(ALL, 1)),
    (True, dict.fromkeys(ALL, 1)),
    (2.75, {"bool": 1, "uint8": 2, "int32": 2, "int64": 2, "float32": 2.75, "float64": 2.75}),
    (2**62 + 1, {"int64": 2**62 + 1, "bool": True, "float64": float(2**62)}),
    (-3, {"int32": -3, "int64": -3, "float32": -3.0, "bool": True}),
    (math.nan, {"bool": True, "float32": math.nan, "float64": math.nan}),
    (-math.inf, {"bool": True, "float32": -math.inf, "float64": -math.inf}),
    (1e300, {"float32": math.inf, "float64": 1e300}),
]


@pytest.mark.parametrize("backend, op, dtype", cases(["fill"], ALL))
@pytest.mark.parametrize("layout", ["dense", "offset", "transposed", "stepped", "negative"])
def test_fill(backend: str, op: str, dtype: str, layout: str) -> None:
    for value, results in FILLS:
        if dtype in results:
            for shape in [(3, 5), (), (0, 2), (1031,)]:
                expected = np.full(shape, results[dtype], dtype)
                check(backend, "fill", Out(expected, dtype, layout, ulps=0), value)


@pytest.mark.parametrize("backend, op, dtype", cases(["arange"], NUMBER))
@pytest.mark.parametrize("layout", ["dense", "offset", "stepped", "negative"])
def test_arange(backend: str, op: str, dtype: str, layout: str) -> None:
    for count, start, step in [(0, 0, 1), (1, 5, 3), (37, 2, 3), (41, 200, -5), (1031, 0, 0)]:
        expected = start + np.arange(count, dtype="int64") * step
        if dtype == "uint8":
            expected = expected % 256
        check(backend, "arange", Out(expected, dtype, layout, ulps=0), start, step)


@pytest.mark.parametrize("backend, op, dtype", cases(["arange"], FLOAT))
def test_arange_of_fractions(backend: str, op: str, dtype: str) -> None:
    expected = 0.1 + np.arange(1000) * 0.3
    check(backend, "arange", Out(expected, dtype, ulps=1), 0.1, 0.3)


@pytest.mark.parametrize("backend, op", cases(["arange"]))
def test_arange_of_large_integers_is_exact(backend: str, op: str) -> None:
    start = 2**62 + 1
    expected = start + np.arange(5, dtype="int64") * 3
    check(backend, "arange", Out(expected, "int64"), start, 3)
