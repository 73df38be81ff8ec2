"""matmul and linear; reading and writing at indices, with their range checks."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from tests.backends.kernel_cases import cases, check, check_raises
from tests.backends.kernel_data import ALL, FLOAT, NUMBER, SCENARIOS, Array, In, Out, numbers, rng

LAYOUTS = ["dense", "offset", "transposed", "stepped", "negative", "broadcast", "broadcast_last"]
SIZES = [
    (1, 2, 3, 4),
    (3, 5, 7, 2),
    (2, 1, 1, 1),
    (2, 3, 0, 4),
    (0, 2, 3, 4),
    (1, 0, 3, 4),
    (2, 17, 33, 9),
    (1, 1, 40, 9),
    (1, 9, 40, 1),
]


@pytest.mark.parametrize("backend, op, dtype, layout", cases(["matmul"], NUMBER, LAYOUTS))
@pytest.mark.parametrize("swap", [False, True])
def test_matmul(backend: str, op: str, dtype: str, layout: str, swap: bool) -> None:
    for batch, m, k, n in SIZES:
        one, other = ("dense", layout) if swap else (layout, "transposed")
        a = In(numbers(dtype, (batch, m, k), "a", edges=False), dtype, one)
        b = In(numbers(dtype, (batch, k, n), "b", edges=False), dtype, other)
        with np.errstate(all="ignore"):
            expected = np.matmul(a.exact, b.exact)
            scale = np.matmul(np.abs(a.exact.astype(float)), np.abs(b.exact.astype(float)))
        for out_layout in ("dense", "stepped"):
            check(backend, "matmul", Out(expected, dtype, out_layout, ulps=8, scale=scale), a, b)


@pytest.mark.parametrize("backend, op", cases(["matmul"]))
def test_matmul_of_a_transposed_matrix_view(backend: str, op: str) -> None:
    """What `a @ b.T` hands over: a stride of one in the middle dimension."""
    a = In(numbers("float32", (1, 6, 5), "a", edges=False), "float32")
    b = In(numbers("float32", (1, 7, 5), "b", edges=False), "float32")
    b.array = b.array.transpose(0, 2, 1)
    expected = np.matmul(a.exact, b.exact)
    scale = np.matmul(np.abs(a.exact), np.abs(b.exact))
    check(backend, "matmul", Out(expected, "float32", "offset", ulps=8, scale=scale), a, b)


@pytest.mark.parametrize("backend, op, dtype, layout", cases(["linear"], FLOAT, LAYOUTS))
@pytest.mark.parametrize("with_bias", [False, True])
def test_linear(backend: str, op: str, dtype: str, layout: str, with_bias: bool) -> None:
    for m, k, n in [(3, 5, 4), (1, 7, 1), (0, 3, 2), (4, 0, 3), (33, 17, 20)]:
        a = In(numbers(dtype, (m, k), "a", edges=False), dtype, layout)
        weight = In(numbers(dtype, (n, k), "w", edges=False), dtype, layout)
        bias = In(numbers(dtype, (n,), "b", edges=False), dtype, "stepped") if with_bias else None
        added = bias.exact if bias else np.zeros(n)
        expected = a.exact @ weight.exact.T + added
        scale = np.abs(a.exact) @ np.abs(weight.exact).T + np.abs(added)
        check(backend, "linear", Out(expected, dtype, ulps=8, scale=scale), a, weight, bias)


# ---- indices ---------------------------------------------------------------------------------
# shape of the indexed array, number of index views, number of indices
INDEXED = [((5,), 1, 4), ((4, 3), 1, 6), ((4, 3), 2, 7), ((3, 2, 4), 2, 5), ((6, 2), 1, 0)]


def random_indices(shape: tuple[int, ...], k: int, n: int) -> list[Array]:
    source = rng(shape, k, n)
    return [source.integers(-shape[d], shape[d], n) for d in range(k)]


@pytest.mark.parametrize("backend, op, dtype, layout", cases(["index"], ALL, LAYOUTS))
def test_index(backend: str, op: str, dtype: str, layout: str) -> None:
    for shape, k, n in INDEXED:
        a = In(numbers(dtype, shape), dtype, layout)
        indices = random_indices(shape, k, n)
        views = [In(i, "int64", "stepped") for i in indices]
        expected = a.array[tuple(indices)]
        check(backend, "index", Out(expected, dtype, "transposed", ulps=0), a, *views)


@pytest.mark.parametrize("backend, op, dtype, layout", cases(["index_put"], ALL, LAYOUTS[:5]))
@pytest.mark.parametrize("accumulate", [False, True])
def test_index_put(backend: str, op: str, dtype: str, layout: str, accumulate: bool) -> None:
    for shape, k, n in INDEXED:
        before = numbers(dtype, shape, "before", edges=False)
        indices = random_indices(shape, k, n)
        values = In(numbers(dtype, (n, *shape[k:]), "new", edges=False), dtype, "negative")
        expected = before.astype(np.float64) if dtype in FLOAT else before.copy()
        scale = np.abs(before.astype(np.float64))
        for i, place in enumerate(zip(*(i.tolist() for i in indices), strict=True)):
            if accumulate:
                expected[place] += values.array[i]
                scale[place] += np.abs(values.exact[i])
            else:
                expected[place] = values.array[i]
        out = Out(expected, dtype, layout, ulps=8 * accumulate, scale=scale, initial=before)
        views = [In(i, "int64") for i in indices]
        check(backend, "index_put", out, values, accumulate, *views)


@pytest.mark.parametrize("backend, op", cases(["index_put"]))
def test_the_last_of_equal_indices_wins(backend: str, op: str) -> None:
    out = Out([7, 3, 9], "int32", initial=[7, 8, 9])
    check(backend, "index_put", out, In([1, 2, 3], "int32"), False, In([1, -2, 1], "int64"))


@pytest.mark.parametrize("backend, op", cases(["index", "index_put"]))
@pytest.mark.parametrize(
    "indices, message",
    [
        ([[0, 5]], "index 5 is out of bounds for dimension 0 with size 3"),
        ([[-4, 0]], "index -4 is out of bounds for dimension 0 with size 3"),
        ([[0, 1], [1, 4]], "index 4 is out of bounds for dimension 1 with size 4"),
    ],
)
def test_index_out_of_range(backend: str, op: str, indices: list[list[int]], message: str) -> None:
    views = [In(i, "int64") for i in indices]
    a = numbers("float32", (3, 4), edges=False)
    result = numbers("float32", (2, 4)[: 3 - len(indices)], edges=False)
    if op == "index":
        arguments: list[Any] = [Out(result, "float32"), In(a), *views]
    else:
        arguments = [Out(a, "float32", initial=a), In(result), False, *views]
    check_raises(backend, op, IndexError, message, *arguments)


@pytest.mark.parametrize("backend, op", cases(["index_put"]))
@pytest.mark.parametrize("accumulate", [False, True])
def test_nothing_is_written_if_any_index_is_wrong(backend: str, op: str, accumulate: bool) -> None:
    out = Out(np.zeros(3), "float64", initial=np.arange(3.0))
    index = In([0, 3], "int64")
    check_raises(backend, op, IndexError, None, out, In([10.0, 20.0]), accumulate, index)


@pytest.mark.parametrize("backend, op, scenario", cases(["nonzero"], SCENARIOS))
def test_nonzero(backend: str, op: str, scenario: str) -> None:
    shape, out_layout, layouts = SCENARIOS[scenario]
    a = In(numbers("bool", shape, scenario), "bool", layouts[0])
    expected = np.argwhere(a.array)
    check(backend, "nonzero", Out(expected, "int64", out_layout), a)


def along_last(shape: tuple[int, ...], size: int) -> Array:
    source = rng("along", shape, size)
    return source.integers(0, size, shape)


@pytest.mark.parametrize("backend, op, dtype, layout", cases(["gather"], ALL, LAYOUTS))
def test_gather(backend: str, op: str, dtype: str, layout: str) -> None:
    for shape, wanted in [((3, 5), (3, 4)), ((4, 5), (2, 7)), ((6,), (9,)), ((2, 3, 4), (2, 2, 3))]:
        a = In(numbers(dtype, shape), dtype, layout)
        index = In(along_last(wanted, shape[-1]), "int64", "stepped")
        used = a.array[tuple(slice(n) for n in wanted[:-1])]
        expected = np.take_along_axis(used, index.array % shape[-1], axis=-1)
        check(backend, "gather", Out(expected, dtype, "transposed", ulps=0), a, index)


@pytest.mark.parametrize("backend, op, dtype, layout", cases(["scatter_add"], NUMBER, LAYOUTS[:5]))
def test_scatter_add(backend: str, op: str, dtype: str, layout: str) -> None:
    for shape, given in [((3, 5), (3, 4)), ((4, 5), (2, 7)), ((6,), (20,)), ((2, 3, 4), (2, 2, 3))]:
        before = numbers(dtype, shape, "before", edges=False)
        index = In(along_last(given, shape[-1]), "int64", "negative")
        src = In(numbers(dtype, given, "src", edges=False), dtype, "transposed")
        expected = before.astype(np.float64) if dtype in FLOAT else before.copy()
        scale = np.abs(before.astype(np.float64))
        for place in np.ndindex(*given):
            at = (*place[:-1], int(index.array[place]))
            with np.errstate(over="ignore"):
                expected[at] += src.array[place]
            scale[at] += abs(float(src.array[place]))
        out = Out(expected, dtype, layout, ulps=8, scale=scale, initial=before)
        check(backend, "scatter_add", out, index, src)


@pytest.mark.parametrize("backend, op", cases(["gather", "scatter_add"]))
def test_range_check_along_the_last_dimension(backend: str, op: str) -> None:
    index = In([[0, 3], [1, 2]], "int64")
    a = numbers("float32", (2, 3), edges=False)
    picked = numbers("float32", (2, 2), edges=False)
    if op == "gather":
        arguments: list[Any] = [Out(picked, "float32"), In(a), index]
    else:
        arguments = [Out(a, "float32", initial=a), index, In(picked)]
    message = "index 3 is out of bounds for dimension 1 with size 3"
    check_raises(backend, op, IndexError, message, *arguments)
    arguments[arguments.index(index)] = In([[0, -1], [1, 2]], "int64")
    message = "index -1 is out of bounds for dimension 1 with size 3"
    check_raises(backend, op, IndexError, message, *arguments)
