"""The pieces of the reference backend against closed forms and published answers."""

from __future__ import annotations

import ast
import math
from pathlib import Path

import pytest

import corex_reference_py
from corex import dtypes
from corex_reference_py import ieee, random, views
from corex_reference_py.elementwise import BINARY, UNARY

inf, nan = math.inf, math.nan


def same(a: float, b: float) -> bool:
    """Equal, also as NaN and in the sign of zero."""
    return (a != a and b != b) or (a == b and math.copysign(1, a) == math.copysign(1, b))


@pytest.mark.parametrize(
    "op, argument, result",
    [
        ("exp", 1000.0, inf),
        ("exp", -inf, 0.0),
        ("exp2", 5000.0, inf),
        ("expm1", 1000.0, inf),
        ("log", 0.0, -inf),
        ("log", -0.0, -inf),
        ("log", -1.0, nan),
        ("log2", 0.0, -inf),
        ("log10", -inf, nan),
        ("log1p", -1.0, -inf),
        ("log1p", -2.0, nan),
        ("sqrt", -1.0, nan),
        ("sqrt", -0.0, -0.0),
        ("rsqrt", 0.0, inf),
        ("rsqrt", -0.0, -inf),
        ("rsqrt", -2.0, nan),
        ("reciprocal", 0.0, inf),
        ("reciprocal", -0.0, -inf),
        ("reciprocal", -inf, -0.0),
        ("sin", inf, nan),
        ("tan", -inf, nan),
        ("asin", 1.5, nan),
        ("acos", -2.0, nan),
        ("sinh", -1000.0, -inf),
        ("cosh", -1000.0, inf),
        ("tanh", -inf, -1.0),
        ("acosh", 0.5, nan),
        ("atanh", 1.0, inf),
        ("atanh", -1.0, -inf),
        ("atanh", 2.0, nan),
        ("sigmoid", -1000.0, 0.0),
        ("sigmoid", 1000.0, 1.0),
        ("round", 2.5, 2.0),
        ("round", 3.5, 4.0),
        ("round", -0.5, -0.0),
        ("ceil", -0.5, -0.0),
        ("trunc", -0.9, -0.0),
        ("floor", -inf, -inf),
        ("floor", nan, nan),
        ("floor", 1e300, 1e300),
        ("relu", nan, nan),
    ],
)
def test_unary_edges(op: str, argument: float, result: float) -> None:
    assert same(UNARY[op](argument), result)


@pytest.mark.parametrize(
    "op, a, b, result",
    [
        ("div", 1.0, 0.0, inf),
        ("div", 1.0, -0.0, -inf),
        ("div", 0.0, 0.0, nan),
        ("div", nan, 0.0, nan),
        ("pow", 0.0, -1.0, inf),
        ("pow", -0.0, -1.0, -inf),
        ("pow", -0.0, -2.0, inf),
        ("pow", -2.0, 0.5, nan),
        ("pow", -10.0, 401.0, -inf),
        ("pow", nan, 0.0, 1.0),
        ("fmod", 5.0, 0.0, nan),
        ("fmod", inf, 2.0, nan),
        ("fmod", -5.0, inf, -5.0),
        ("fmod", nan, 2.0, nan),
        ("remainder", -1.0, inf, inf),
        ("remainder", 5.0, 0.0, nan),
        ("floor_divide", -1.0, 0.0, -inf),
        ("maximum", nan, 1.0, nan),
        ("maximum", 1.0, nan, nan),
        ("minimum", 1.0, nan, nan),
        ("fmax", nan, 1.0, 1.0),
        ("fmax", 1.0, nan, 1.0),
        ("fmin", nan, nan, nan),
        ("hypot", inf, nan, inf),
    ],
)
def test_binary_edges(op: str, a: float, b: float, result: float) -> None:
    assert same(BINARY[op](a, b), result)


def test_sums_survive_what_fsum_does_not() -> None:
    assert ieee.add_up([1e100, 1.0, -1e100]) == 1.0
    assert ieee.add_up([inf, -inf]) != ieee.add_up([inf, -inf])
    assert ieee.add_up([1e308, 1e308, 1.0]) == inf


@pytest.mark.parametrize(
    "name, values, stored",
    [
        ("bool", [0, 2, nan, 0.0, True], [0, 1, 1, 0, 1]),
        ("uint8", [-1, 256, 255], [255, 0, 255]),
        ("int32", [2**31, -(2**31) - 1, 2**32], [-(2**31), 2**31 - 1, 0]),
        ("int64", [2**63, -(2**63) - 1], [-(2**63), 2**63 - 1]),
        ("float32", [1e39, -1e39, 16777217.0], [inf, -inf, 16777216.0]),
    ],
)
def test_storing_wraps_and_rounds(name: str, values: list[float], stored: list[float]) -> None:
    assert views.pack(dtypes.by_name(name), values).tolist() == stored


@pytest.mark.parametrize(
    "shape, strides, offset, expected",
    [
        ((2, 3), (3, 1), 4, [4, 5, 6, 7, 8, 9]),
        ((2, 3), (1, 2), 0, [0, 2, 4, 1, 3, 5]),
        ((3,), (-2,), 9, [9, 7, 5]),
        ((2, 2), (0, 1), 1, [1, 2, 1, 2]),
        ((), (), 6, [6]),
        ((2, 0), (1, 1), 0, []),
        ((1, 3), (99, 1), 2, [2, 3, 4]),
    ],
)
def test_positions(
    shape: tuple[int, ...], strides: tuple[int, ...], offset: int, expected: list[int]
) -> None:
    view = (bytearray(), dtypes.float32, shape, strides, offset)
    assert list(views.positions(view)) == expected


def test_bools_are_read_as_bools_whatever_their_byte() -> None:
    view = (bytearray(b"\x00\x01\x02\xff"), dtypes.bool_, (4,), (1,), 0)
    assert views.load(view) == [False, True, True, True]


def test_a_buffer_need_not_end_with_a_whole_element() -> None:
    view = (bytearray(11), dtypes.float32, (2,), (1,), 0)
    views.store(view, [1.5, -2.0])
    assert views.load(view) == [1.5, -2.0]


@pytest.mark.parametrize(
    "counter, key, expected",
    [
        ("00000000 " * 4, "00000000 " * 2, "6627e8d5 e169c58d bc57ac4c 9b00dbd8"),
        ("ffffffff " * 4, "ffffffff " * 2, "408f276d 41c83b0e a20bc7c6 6d5451fd"),
        (
            "243f6a88 85a308d3 13198a2e 03707344",
            "a4093822 299f31d0",
            "d16cfe09 94fdcceb 5001e420 24126ea1",
        ),
    ],
)
def test_philox_gives_the_published_answers(counter: str, key: str, expected: str) -> None:
    a, b, c, d = (int(word, 16) for word in counter.split())
    low, high = (int(word, 16) for word in key.split())
    words = random.philox((a, b, c, d), (low, high))
    assert " ".join(f"{word:08x}" for word in words) == expected


def test_the_package_imports_no_numpy_and_only_the_contract_of_corex() -> None:
    folder = Path(corex_reference_py.__file__).parent
    imported = set()
    for path in folder.glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Import):
                imported |= {alias.name for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.level == 0:
                imported.add(str(node.module))
    assert {name for name in imported if name.startswith("corex")} == {
        "corex.backend",
        "corex.dtypes",
    }
    assert not [name for name in imported if name.split(".")[0] == "numpy"]
