"""Reductions, and the kernels that work along the last dimension."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from tests.backends.kernel_cases import cases, check
from tests.backends.kernel_data import ALL, FLOAT, NUMBER, Array, In, Out, numbers

LAYOUTS = ["dense", "offset", "transposed", "stepped", "negative", "broadcast", "broadcast_last"]

# input shape, number of reduced dimensions
REDUCED = [((3, 5), 1), ((4, 3, 5), 2), ((7,), 1), ((3, 4), 0), ((), 0), ((2, 3), 2), ((3, 131), 1)]

ORACLES: dict[str, Callable[..., Any]] = {
    "sum": np.sum,
    "prod": np.prod,
    "amax": np.max,
    "amin": np.min,
    "argmax": np.argmax,
    "argmin": np.argmin,
    "any": np.any,
    "all": np.all,
    "mean": np.mean,
}


def reduced_dtypes(op: str) -> list[str]:
    if op in ("any", "all"):
        return ["bool"]
    return {"amax": ALL, "amin": ALL, "mean": FLOAT}.get(op, NUMBER)


def flat(a: Array, n: int) -> Array:
    """The array with its last n dimensions made one."""
    lead = a.shape[: a.ndim - n]
    return a.reshape(*lead, math.prod(a.shape[a.ndim - n :]))


def result_dtype(op: str, dtype: str) -> str:
    return {"argmax": "int64", "argmin": "int64", "any": "bool", "all": "bool"}.get(op, dtype)


def reduced(op: str, a: In, n: int, out_layout: str = "dense") -> Out:
    """What the reduction gives."""
    rows = flat(a.exact, n)
    options = {"dtype": a.dtype} if op in ("sum", "prod") and a.dtype not in FLOAT else {}
    with np.errstate(all="ignore"):
        expected = ORACLES[op](rows, axis=-1, **options)
        scale = None
        if op in ("sum", "mean"):
            scale = ORACLES[op](np.abs(rows.astype(np.float64)), axis=-1)
    # Pairwise sums are asked of float32 only; float64 may be summed one after the other.
    n_terms = rows.shape[-1]
    ulps = 4 + (math.log2(n_terms + 1) if op != "prod" and a.dtype == "float32" else n_terms)
    return Out(expected, result_dtype(op, a.dtype), out_layout, ulps=ulps, scale=scale)


@pytest.mark.parametrize(
    "backend, op, dtype, layout", cases(list(ORACLES), reduced_dtypes, LAYOUTS)
)
def test_reductions(backend: str, op: str, dtype: str, layout: str) -> None:
    for shape, n in REDUCED:
        # Sums and products of edge values would only ever be infinite.
        calm = op in ("sum", "prod", "mean") and dtype in FLOAT
        values = numbers(dtype, shape, op, edges=not calm)
        if op == "prod" and dtype in FLOAT:
            values = np.clip(values, -2, 2)
        a = In(values, dtype, layout)
        check(backend, op, reduced(op, a, n, "stepped"), a, n)


@pytest.mark.parametrize("backend, op, dtype", cases(["sum", "mean", "prod", "amax"], FLOAT))
def test_reductions_of_special_values(backend: str, op: str, dtype: str) -> None:
    inf, nan = math.inf, math.nan
    rows = [[1, inf, 2], [inf, -inf, 1], [nan, 1, 2], [-inf, -inf, 0], [1, 2, nan], [0, inf, 1]]
    a = In(np.array(rows, dtype))
    check(backend, op, reduced(op, a, 1), a, 1)


@pytest.mark.parametrize("backend, op, dtype", cases(["argmax", "argmin"], FLOAT))
def test_the_first_nan_wins_else_the_first_of_equals(backend: str, op: str, dtype: str) -> None:
    nan = math.nan
    rows = np.array([[1, nan, 5, nan], [2, 2, 2, 2], [3, 1, 3, 1], [nan, 9, -9, 0]], dtype)
    expected = [1, 0, 0 if op == "argmax" else 1, 0]
    check(backend, op, Out(expected, "int64"), In(rows), 1)


@pytest.mark.parametrize("backend, op", cases(["argmax"]))
def test_positions_count_in_row_major_order_of_the_reduced_dims(backend: str, op: str) -> None:
    values = np.arange(2 * 3 * 4).reshape(2, 3, 4)
    values[0, 1, 2] = 100
    a = In(values, "int64", "transposed")
    check(backend, "argmax", Out([6, 11], "int64"), a, 2)


@pytest.mark.parametrize(
    "backend, op, dtype", cases(["sum", "prod", "any", "all", "mean"], reduced_dtypes)
)
def test_empty_reductions(backend: str, op: str, dtype: str) -> None:
    empty = {"sum": 0, "prod": 1, "any": False, "all": True, "mean": math.nan}[op]
    to = result_dtype(op, dtype)
    for shape, n in [((3, 0), 1), ((2, 0, 4), 2), ((0,), 1)]:
        expected = np.full(shape[: len(shape) - n], empty)
        check(backend, op, Out(expected, to), In(np.zeros(shape), dtype), n)
    check(backend, op, Out(np.zeros((0,)), to), In(np.zeros((0, 3)), dtype), 1)


@pytest.mark.parametrize("backend, op, dtype", cases(["sum"], FLOAT))
def test_long_sums_stay_accurate(backend: str, op: str, dtype: str) -> None:
    values = (np.arange(100_003) % 17 * 0.1 + 1).astype(dtype)
    a = In(values, dtype, "offset")
    ulps = 4 if dtype == "float32" else 100
    check(backend, "sum", Out(math.fsum(a.exact.tolist()), dtype, ulps=ulps), a, 1)


@pytest.mark.parametrize("backend, op, dtype", cases(["sum", "prod"], ["uint8", "int32", "int64"]))
def test_integer_reductions_wrap(backend: str, op: str, dtype: str) -> None:
    top = np.iinfo(dtype).max
    values = np.array([[top, top, 3], [top, 2, 5]], dtype)
    with np.errstate(all="ignore"):
        expected = ORACLES[op](values, axis=1, dtype=dtype)
    check(backend, op, Out(expected, dtype), In(values), 1)


# ---- along the last dimension ----------------------------------------------------------------
@pytest.mark.parametrize("backend, op, dtype, layout", cases(["cumsum"], NUMBER, LAYOUTS))
def test_cumsum(backend: str, op: str, dtype: str, layout: str) -> None:
    for shape in [(3, 5), (2, 3, 4), (37,), (3, 0), (0, 3)]:
        a = In(numbers(dtype, shape, edges=False), dtype, layout)
        expected = np.cumsum(a.exact, axis=-1, dtype="float64" if dtype in FLOAT else dtype)
        scale = np.cumsum(np.abs(a.exact.astype(np.float64)), axis=-1)
        out = Out(expected, dtype, "stepped", ulps=4 + shape[-1], scale=scale)
        check(backend, "cumsum", out, a)


@pytest.mark.parametrize("backend, op, dtype, layout", cases(["argsort"], ALL, LAYOUTS))
@pytest.mark.parametrize("descending", [False, True])
def test_argsort(backend: str, op: str, dtype: str, layout: str, descending: bool) -> None:
    for shape in [(3, 9), (2, 3, 5), (40,), (2, 0), (0, 4)]:
        values = numbers(dtype, shape)
        a = In(values // 8 if dtype in NUMBER and dtype not in FLOAT else values, dtype, layout)

        def order(row: Array) -> list[int]:
            def key(i: int) -> tuple[bool, Any]:
                value = row[i].item()
                return (value != value, 0 if value != value else value)

            return sorted(range(len(row)), key=key, reverse=descending)

        rows = a.array.reshape(math.prod(shape[:-1]), shape[-1])
        expected = np.array([order(row) for row in rows], "int64").reshape(shape)
        check(backend, "argsort", Out(expected, "int64", "transposed"), a, descending)


def softmax(a: Array) -> Array:
    powers = np.exp(a - a.max(axis=-1, keepdims=True))
    return np.asarray(powers / powers.sum(axis=-1, keepdims=True))


def log_softmax(a: Array) -> Array:
    shifted = a - a.max(axis=-1, keepdims=True)
    return np.asarray(shifted - np.log(np.exp(shifted).sum(axis=-1, keepdims=True)))


ROWS = [(3, 5), (2, 3, 4), (131,), (3, 1), (5, 64), (0, 3)]


@pytest.mark.parametrize(
    "backend, op, dtype, layout", cases(["softmax", "log_softmax"], FLOAT, LAYOUTS)
)
def test_softmax(backend: str, op: str, dtype: str, layout: str) -> None:
    for shape in ROWS:
        a = In(numbers(dtype, shape, edges=False), dtype, layout)
        if op == "softmax":
            expected = softmax(a.exact)
            out = Out(expected, dtype, "stepped", ulps=100, scale=expected + 1e-3)
        else:
            expected = log_softmax(a.exact)
            out = Out(expected, dtype, "stepped", ulps=16, scale=np.abs(expected) + 1)
        check(backend, op, out, a)


@pytest.mark.parametrize("backend, op, dtype", cases(["softmax", "log_softmax"], FLOAT))
def test_softmax_of_large_and_masked_values(backend: str, op: str, dtype: str) -> None:
    a = In(np.array([[1e4, 1e4, -math.inf], [-math.inf, 0, 0]], dtype))
    half = 0.5 if op == "softmax" else math.log(0.5)
    none = 0.0 if op == "softmax" else -math.inf
    check(backend, op, Out([[half, half, none], [none, half, half]], dtype, ulps=8), a)


@pytest.mark.parametrize(
    "backend, op, dtype, layout",
    cases(["softmax_backward", "log_softmax_backward"], FLOAT, LAYOUTS),
)
def test_softmax_backward(backend: str, op: str, dtype: str, layout: str) -> None:
    for shape in ROWS:
        g = In(numbers(dtype, shape, "g", edges=False), dtype, layout)
        raw = numbers(dtype, shape, "y", edges=False).astype(np.float64)
        if raw.size == 0:
            y = In(raw, dtype)
        else:
            y = In((softmax if op == "softmax_backward" else log_softmax)(raw), dtype, "offset")
        if op == "softmax_backward":
            expected = y.exact * (g.exact - (g.exact * y.exact).sum(-1, keepdims=True))
        else:
            expected = g.exact - np.exp(y.exact) * g.exact.sum(-1, keepdims=True)
        scale = np.broadcast_to(np.abs(g.exact).sum(-1, keepdims=True), shape)
        check(backend, op, Out(expected, dtype, "transposed", ulps=8, scale=scale), g, y)
