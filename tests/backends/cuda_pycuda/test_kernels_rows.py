"""softmax, layer_norm and reductions of rows of every length around a threshold, wherever they lie.

The host chooses a kernel by length, strides and addresses; here each choice is made at least once,
those for very long rows by telling the host that blocks are small.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
import pytest

from .arrays import Array, Arrays

LENGTHS = [
    1, 2, 3, 4, 5, 7, 8, 9, 15, 16, 17, 31, 32, 33, 63, 64, 65, 127, 128, 129, 1023, 1024, 1025,
    4095, 4096, 4097, 8191, 8192, 8193,
]  # fmt: skip
LONG = [40_000]
DTYPES = ["float32", "float64"]


class Layout(NamedTuple):
    """Where the input and the output lie; see `Arrays.placed`."""

    of_input: tuple[int, int, int]
    of_output: tuple[int, int, int]


LAYOUTS = {
    "dense": Layout((0, 0, 1), (0, 0, 1)),
    "both one element later": Layout((1, 0, 1), (1, 0, 1)),
    "output elsewhere": Layout((3, 0, 1), (0, 0, 1)),
    "rows apart": Layout((0, 3, 1), (0, 4, 1)),
    "elements apart": Layout((1, 1, 2), (0, 0, 3)),
}


@pytest.fixture
def arrays(cuda: Any) -> Iterator[Arrays]:
    yield Arrays(cuda)
    cuda.synchronize(0)


@pytest.fixture
def small_blocks(cuda: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Rows of more than 256 elements have parts, which are counted in two dimensions."""
    from corex_cuda_pycuda.ops import geometry, rows

    monkeypatch.setattr(rows, "MOST_THREADS", 32)
    monkeypatch.setattr(geometry, "MOST_BLOCKS_Y", 3)
    rows._choose.cache_clear()
    rows._norm_choose.cache_clear()
    yield
    rows._choose.cache_clear()
    rows._norm_choose.cache_clear()


# ---- what is right, in float64 -----------------------------------------------------------------
def softmax(a: Array) -> Array:
    with np.errstate(invalid="ignore"):
        e = np.exp(a - a.max(-1, keepdims=True))
        return np.asarray(e / e.sum(-1, keepdims=True))


def log_softmax(a: Array) -> Array:
    with np.errstate(invalid="ignore"):
        shifted = a - a.max(-1, keepdims=True)
        return np.asarray(shifted - np.log(np.exp(shifted).sum(-1, keepdims=True)))


def softmax_backward(g: Array, y: Array) -> Array:
    return np.asarray(y * (g - (g * y).sum(-1, keepdims=True)))


def log_softmax_backward(g: Array, y: Array) -> Array:
    return np.asarray(g - np.exp(y) * g.sum(-1, keepdims=True))


def near(got: Array, wanted: Array, message: str = "") -> None:
    tolerance = 1e-5 if got.dtype == np.float32 else 1e-12
    np.testing.assert_allclose(got, wanted, tolerance, tolerance, err_msg=message)


def check_softmax(arrays: Arrays, layout: Layout, shape: tuple[int, ...], dtype: str) -> None:
    a = (arrays.rng.standard_normal(shape) * 3).astype(dtype)
    g = arrays.rng.standard_normal(shape).astype(dtype)
    wide = a.astype(float)
    y, z = softmax(wide).astype(dtype), log_softmax(wide).astype(dtype)
    for op, inputs, wanted in (
        ("softmax", (a,), y),
        ("log_softmax", (a,), z),
        ("softmax_backward", (g, y), softmax_backward(g.astype(float), y.astype(float))),
        ("log_softmax_backward", (g, z), log_softmax_backward(g.astype(float), z.astype(float))),
    ):
        out = arrays.placed(np.zeros(shape, dtype), *layout.of_output)
        given = [arrays.placed(value, *layout.of_input) for value in inputs]
        arrays.call(op, out, *given)
        near(arrays.taken(out), wanted, f"{op} of {shape}")


def check_norm(
    arrays: Arrays, layout: Layout, rows: int, n: int, dtype: str, affine: bool = True
) -> None:
    a = (arrays.rng.standard_normal((rows, n)) * 2 + 5).astype(dtype)
    g = arrays.rng.standard_normal((rows, n)).astype(dtype)
    w, b = (arrays.rng.standard_normal(n).astype(dtype) if affine else None for _ in range(2))
    scale = 1.0 if w is None else w.astype(float)
    wide, eps = a.astype(float), 1e-5
    mean = wide.mean(-1)
    rstd = 1 / np.sqrt(wide.var(-1) + eps)
    x = (wide - mean[:, None]) * rstd[:, None]
    out = arrays.placed(np.zeros((rows, n), dtype), *layout.of_output)
    of_rows = [arrays.empty((rows,), dtype) for _ in range(2)]
    arrays.call("layer_norm", out, *of_rows, arrays.placed(a, *layout.of_input), w, b, eps)
    loose = 10 if n == 1 or dtype == "float32" else 1
    wanted = x * scale + (0.0 if b is None else b.astype(float))
    np.testing.assert_allclose(arrays.taken(out), wanted, 1e-4, 1e-5 * loose, err_msg=f"{n}")
    near(arrays.down(of_rows[0]), mean)
    np.testing.assert_allclose(arrays.down(of_rows[1]), rstd, 1e-4)
    h = g.astype(float) * scale
    wanted = rstd[:, None] * (h - h.mean(-1)[:, None] - x * (h * x).mean(-1)[:, None])
    out = arrays.placed(np.zeros((rows, n), dtype), *layout.of_output)
    given = [arrays.placed(value, *layout.of_input) for value in (g, a)]
    arrays.call("layer_norm_backward", out, *given, mean.astype(dtype), rstd.astype(dtype), w)
    top = np.abs(wanted).max() + rstd.max()
    np.testing.assert_allclose(arrays.taken(out), wanted, 1e-4, 2e-5 * top, err_msg=f"{n}")


# ---- every length, every place -----------------------------------------------------------------
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", LAYOUTS)
def test_softmax_of_rows(arrays: Arrays, name: str, dtype: str) -> None:
    long = LONG if name in ("dense", "rows apart") else []
    for n in LENGTHS + long:
        check_softmax(arrays, LAYOUTS[name], (3 if n < 5000 else 2, n), dtype)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", LAYOUTS)
def test_layer_norm_of_rows(arrays: Arrays, name: str, dtype: str) -> None:
    long = LONG if name in ("dense", "both one element later") else []
    for n in LENGTHS + long:
        check_norm(arrays, LAYOUTS[name], 3 if n < 5000 else 2, n, dtype, n % 2 == 1)


@pytest.mark.usefixtures("small_blocks")
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", LAYOUTS)
def test_rows_in_parts(arrays: Arrays, name: str, dtype: str) -> None:
    for n in (127, 128, 129, 255, 256, 257, 259, 513, 1500):
        check_softmax(arrays, LAYOUTS[name], (5, n), dtype)
        check_norm(arrays, LAYOUTS[name], 5, n, dtype, n % 2 == 0)


def test_rows_of_more_dimensions(arrays: Arrays) -> None:
    for n in (4, 10, 64):
        check_softmax(arrays, LAYOUTS["dense"], (2, 3, 5, n), "float32")


# ---- special values ----------------------------------------------------------------------------
INF, NAN = np.inf, np.nan
SPECIAL = {"one": {7: -INF}, "top": {7: INF}, "nan": {300: NAN}, "far": {3: 1e30, 500: -1e30}}


@pytest.mark.parametrize("in_parts", [False, True])
@pytest.mark.parametrize("dtype", DTYPES)
def test_infinities_and_nan(
    arrays: Arrays, request: pytest.FixtureRequest, dtype: str, in_parts: bool
) -> None:
    if in_parts:
        request.getfixturevalue("small_blocks")
    rows = [np.zeros(600) for _ in SPECIAL]
    for row, values in zip(rows, SPECIAL.values(), strict=True):
        row[list(values)] = list(values.values())
    nothing, half = np.full(600, -INF), np.full(600, -INF)
    half[560:] = np.arange(40.0)  # the first parts have nothing but -infinity
    low = np.full(600, -1000.0)
    a = np.array([*rows, nothing, half, half[::-1], low, low / 1e4]).astype(dtype)
    for op, function in (("softmax", softmax), ("log_softmax", log_softmax)):
        out = arrays.empty(a.shape, dtype)
        arrays.call(op, out, a)
        near(arrays.down(out), function(a.astype(float)), op)


@pytest.mark.parametrize("in_parts", [False, True])
def test_an_output_may_be_its_input(
    arrays: Arrays, request: pytest.FixtureRequest, in_parts: bool
) -> None:
    if in_parts:
        request.getfixturevalue("small_blocks")
    a = arrays.rng.standard_normal((3, 601)).astype("float32")
    for op, function in (("softmax", softmax), ("log_softmax", log_softmax)):
        out = arrays.placed(a, 1, 2)
        arrays.call(op, out, out)
        near(arrays.taken(out), function(a.astype(float)), op)


def test_a_variance_of_nothing(arrays: Arrays) -> None:
    """As 1 / sqrt(variance + eps) in float64, also where that is no normal float32."""
    a = np.ones((1, 8), "float32")
    for eps, wanted in ((0.0, INF), (1e-60, 1e30), (1e-5, 1e5**0.5)):
        out, mean, rstd = (arrays.empty(shape, "float32") for shape in ((1, 8), (1,), (1,)))
        arrays.call("layer_norm", out, mean, rstd, a, None, None, eps)
        np.testing.assert_allclose(arrays.down(rstd), [wanted], 1e-6)


# ---- reductions --------------------------------------------------------------------------------
REDUCTIONS = {
    "sum": np.sum, "amax": np.max, "amin": np.min, "argmax": np.argmax, "argmin": np.argmin,
}  # fmt: skip


def check_reductions(arrays: Arrays, view: Any, values: Array, axis: int) -> None:
    for op, function in REDUCTIONS.items():
        dtype = "int64" if op.startswith("arg") else values.dtype.name
        wanted = np.asarray(function(values, axis=axis)).astype(dtype)
        out = arrays.empty(wanted.shape, dtype)
        arrays.call(op, out, view, 1)
        np.testing.assert_array_equal(arrays.down(out), wanted, f"{op} of {values.shape}")


@pytest.mark.parametrize("dtype", ["float32", "float64", "int32", "int64", "uint8"])
@pytest.mark.parametrize("name", ["dense", "both one element later", "rows apart"])
def test_reductions_of_rows(arrays: Arrays, name: str, dtype: str) -> None:
    for n in (1, 3, 4, 5, 31, 33, 127, 128, 129, 1023, 1025, 8193):
        values = arrays.numbers((3, n), dtype)
        check_reductions(arrays, arrays.placed(values, *LAYOUTS[name].of_input), values, -1)


@pytest.mark.parametrize("offset", [0, 1, 4])
@pytest.mark.parametrize("dtype", ["float32", "float64", "int32", "int64", "uint8"])
def test_reductions_across_rows(arrays: Arrays, dtype: str, offset: int) -> None:
    for rows, columns, gap in ((5, 4, 0), (300, 64, 0), (70, 12, 4), (9, 7, 0), (33, 130, 2)):
        values = arrays.numbers((rows, columns), dtype)
        buffer, kind, (m, n), (i, j), start = arrays.placed(values, offset, gap)
        check_reductions(arrays, (buffer, kind, (n, m), (j, i), start), values, 0)


def test_products(arrays: Arrays) -> None:
    for shape in ((3, 1001), (3, 5)):
        values = arrays.rng.choice([-1.0, 1.0, 2.0, 0.5], shape)
        out = arrays.empty((3,), "float64")
        arrays.call("prod", out, arrays.placed(values, 1), 1)
        np.testing.assert_allclose(arrays.down(out), values.prod(-1), 1e-12)


# ---- others that go along rows -----------------------------------------------------------------
@pytest.mark.parametrize("dtype", ["float64", "int32", "int64", "uint8", "float32"])
@pytest.mark.parametrize("name", LAYOUTS)
def test_cumulative_sums(arrays: Arrays, name: str, dtype: str) -> None:
    for n in (1, 3, 4, 5, 33, 128, 1027, 9000):
        values = arrays.numbers((3, n), dtype)
        out = arrays.placed(np.zeros((3, n), dtype), *LAYOUTS[name].of_output)
        arrays.call("cumsum", out, arrays.placed(values, *LAYOUTS[name].of_input))
        wanted = values.cumsum(-1, dtype=dtype)
        np.testing.assert_array_equal(arrays.taken(out), wanted, f"{n}")


@pytest.mark.parametrize("dtype", DTYPES)
def test_mean_of_squares(arrays: Arrays, dtype: str) -> None:
    for n in (1, 3, 4, 31, 33, 1025, 100_001):
        a, b = (arrays.rng.integers(-3, 4, n).astype(dtype) for _ in range(2))
        for offsets in ((0, 0), (1, 1), (0, 2), (4, 8)):
            out = arrays.empty((), dtype)
            views = [arrays.placed(v, o) for v, o in zip((a, b), offsets, strict=True)]
            arrays.call("mse_loss", out, *views)
            near(arrays.down(out), ((a - b).astype(float) ** 2).mean(), f"{n} {offsets}")


@pytest.mark.parametrize("dtype", ["float32", "bool", "int64"])
@pytest.mark.parametrize("shape", [(1, 1), (7, 300), (2, 33, 40)], ids=str)
def test_bands(arrays: Arrays, shape: tuple[int, ...], dtype: str) -> None:
    values = arrays.rng.integers(0, 2, shape).astype(dtype)
    for diagonal in (-40, -3, 0, 2, 300):
        for op, function in (("tril", np.tril), ("triu", np.triu)):
            out = arrays.placed(np.zeros(shape, dtype), 1, 3)
            arrays.call(op, out, arrays.placed(values, 2, 1), diagonal)
            np.testing.assert_array_equal(arrays.taken(out), function(values, diagonal))
