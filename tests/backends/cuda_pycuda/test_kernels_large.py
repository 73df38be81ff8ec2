"""What only larger arrays reach: tiles, pieces of a depth, merges, many values at one place.

The conformance suite has small arrays; here every variant of a kernel that the host chooses by size
is run at least once.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from corex.testing.specs.conv import Geometry, forward, to_input, to_weight
from corex.testing.specs.optim import ADAM, adam

from .arrays import Arrays, View


@pytest.fixture
def arrays(cuda: Any) -> Iterator[Arrays]:
    yield Arrays(cuda)
    cuda.synchronize(0)


def turned(view: View) -> View:
    """The last two dimensions exchanged."""
    buffer, dtype, (*lead, m, n), (*steps, i, j), offset = view
    return (buffer, dtype, (*lead, n, m), (*steps, j, i), offset)


# ---- products --------------------------------------------------------------------------------
# batch, m, n, k: tiles of 64 and of 32, edges, a divided depth, vectors on either side.
PRODUCTS = [
    (1, 160, 160, 40), (2, 65, 129, 17), (1, 32, 32, 3000), (1, 1, 300, 513), (1, 200, 3, 1024),
    (3, 2, 40, 64), (1, 2, 3, 20000), (1, 3, 1, 2048), (2, 40, 72, 24),
]  # fmt: skip


def check_product(arrays: Arrays, sizes: tuple[int, int, int, int], dtype: str) -> None:
    batch, m, n, k = sizes
    a, b = arrays.numbers((batch, m, k), dtype), arrays.numbers((batch, k, n), dtype)
    wanted = np.matmul(a, b)
    for turn_a, turn_b in itertools.product((False, True), repeat=2):
        out = arrays.empty(wanted.shape, dtype)
        left = turned(arrays.up(a.swapaxes(1, 2))) if turn_a else arrays.up(a)
        right = turned(arrays.up(b.swapaxes(1, 2))) if turn_b else arrays.up(b)
        arrays.call("matmul", out, left, right)
        np.testing.assert_array_equal(arrays.down(out), wanted, f"{turn_a} {turn_b}")


@pytest.mark.parametrize("dtype", ["float32", "float64", "uint8"])
@pytest.mark.parametrize("sizes", PRODUCTS, ids=str)
def test_products(arrays: Arrays, sizes: tuple[int, int, int, int], dtype: str) -> None:
    check_product(arrays, sizes, dtype)


def test_the_largest_tiles(arrays: Arrays, monkeypatch: pytest.MonkeyPatch) -> None:
    from corex_cuda_pycuda.ops import matmul

    monkeypatch.setattr(matmul, "tile_side", lambda m, n, k, b, p, large: 128 if large else 64)
    monkeypatch.setattr(matmul, "_plans", type(matmul._plans)())
    check_product(arrays, (1, 200, 136, 40), "float32")


@pytest.mark.parametrize("sizes", [(64, 300, 64), (8, 8, 20000), (1, 300, 256), (300, 2, 100)])
def test_linear_adds_the_bias_once(arrays: Arrays, sizes: tuple[int, int, int]) -> None:
    m, n, k = sizes
    a, weight, bias = (arrays.numbers(s, "float32") for s in ((m, k), (n, k), (n,)))
    out = arrays.empty((m, n), "float32")
    arrays.call("linear", out, a, weight, bias)
    np.testing.assert_array_equal(arrays.down(out), a @ weight.T + bias)


def test_a_product_may_replace_its_operand(arrays: Arrays) -> None:
    a = arrays.numbers((1, 20, 20), "float32")
    out = arrays.up(a)
    arrays.call("matmul", out, out, a)
    np.testing.assert_array_equal(arrays.down(out), a @ a)


# ---- convolutions ----------------------------------------------------------------------------
GEOMETRIES = {
    "tiles": Geometry((2, 16, 9, 9), 40, (3, 3), padding=(1, 1)),
    "strides": Geometry((2, 32, 8, 8), 70, (3, 3), (2, 1), (1, 1), (1, 2)),
    "depthwise": Geometry((4, 8, 10, 10), 8, (3, 3), padding=(1, 1), groups=8),
    "deep": Geometry((1, 600, 3, 3), 33, (1, 1)),
    "groups": Geometry((8, 6, 12, 12), 8, (3, 3), groups=2),
    "few features": Geometry((2, 600, 4, 4), 3, (1, 1)),
}


@pytest.mark.parametrize("name", GEOMETRIES)
def test_convolutions(arrays: Arrays, name: str) -> None:
    c = GEOMETRIES[name]
    x, weight, g = (arrays.numbers(shape, "float32") for shape in (c.x, c.weight, c.out))
    window = (c.stride, c.padding, c.dilation, c.groups)
    for op, inputs, wanted in (
        ("conv2d", (x, weight, None), forward(c, x, weight)),
        ("conv2d_backward_input", (g, weight), to_input(c, g, weight)),
        ("conv2d_backward_weight", (g, x), to_weight(c, g, x)),
    ):
        out = arrays.empty(wanted.shape, "float32")
        arrays.call(op, out, *inputs, *window)
        np.testing.assert_array_equal(arrays.down(out), wanted, op)


def test_gradients_of_max_pooling_meet_at_one_pixel(arrays: Arrays) -> None:
    g = arrays.numbers((2, 3, 100, 100), "float32")  # more places than a block has turns for
    places = arrays.rng.integers(0, 30 * 20, g.shape)
    out = arrays.empty((2, 3, 30, 20), "float32")
    arrays.call("max_pool2d_backward", out, g, places)
    wanted = np.zeros((2, 3, 600), "float32")
    for n, c in np.ndindex(2, 3):
        np.add.at(wanted[n, c], places[n, c].ravel(), g[n, c].ravel())
    np.testing.assert_array_equal(arrays.down(out), wanted.reshape(2, 3, 30, 20))


# ---- sorting and indexing --------------------------------------------------------------------
@pytest.mark.parametrize("dtype", ["float32", "float64", "int64", "uint8", "bool"])
@pytest.mark.parametrize("shape", [(5000,), (3, 1025), (2, 1024), (300, 3), (2, 3, 2100)], ids=str)
def test_sorting_is_stable(arrays: Arrays, shape: tuple[int, ...], dtype: str) -> None:
    values = arrays.rng.integers(0 if dtype in ("uint8", "bool") else -50, 50, shape) // 8
    values = values.astype(dtype)
    if values.dtype.kind == "f":
        values.flat[::7], values.flat[::11] = np.nan, -0.0
    keys = np.where(np.isnan(values), 1e9, values.astype(float))
    for descending in (False, True):
        out = arrays.empty(shape, "int64")
        arrays.call("argsort", out, values, descending)
        wanted = np.argsort(-keys if descending else keys, axis=-1, kind="stable")
        np.testing.assert_array_equal(arrays.down(out), wanted)


@pytest.mark.parametrize("dtype", ["float32", "uint8", "float64"])
@pytest.mark.parametrize("row", [64, 20, 3])
def test_rows_are_taken_in_wide_pieces(arrays: Arrays, row: int, dtype: str) -> None:
    a, at = arrays.numbers((50, row), dtype), arrays.rng.integers(-50, 50, 2000)
    out = arrays.empty((2000, row), dtype)
    arrays.call("index", out, a, at)
    np.testing.assert_array_equal(arrays.down(out), a[at])


@pytest.mark.parametrize("dtype", ["float64", "int64", "uint8", "bool"])
@pytest.mark.parametrize(("n", "row"), [(600, 3), (3000, 1), (512, 5)])
def test_many_values_for_few_places(arrays: Arrays, n: int, row: int, dtype: str) -> None:
    before, values = arrays.numbers((40, row), dtype), arrays.numbers((n, row), dtype)
    at = arrays.rng.integers(-40, 40, n)
    last, summed = before.copy(), before.copy()
    for i, place in enumerate(at):
        last[place] = values[i]
    (np.logical_or if dtype == "bool" else np.add).at(summed, at, values)
    for accumulate, wanted in ((False, last), (True, summed)):
        out = arrays.up(before)
        arrays.call("index_put", out, values, accumulate, at)
        np.testing.assert_array_equal(arrays.down(out), wanted)


@pytest.mark.parametrize("n", [100, 1000])
def test_one_wrong_index_keeps_all_from_being_written(arrays: Arrays, n: int) -> None:
    at = arrays.rng.integers(0, 40, n)
    at[n // 2] = 77
    out = arrays.up(np.zeros((40, 2), "float32"))
    arrays.call("index_put", out, np.ones((n, 2), "float32"), True, at)
    with pytest.raises(IndexError, match="index 77 is out of bounds for dimension 0 with size 40"):
        arrays.backend.synchronize(0)
    assert not arrays.down(out).any()


@pytest.mark.parametrize("op", ["index", "index_put"])
def test_a_wrong_index_of_empty_rows_is_told(arrays: Arrays, op: str) -> None:
    whole, rows = (arrays.empty((n, 0), "float32") for n in (5, 2))
    at = np.array([0, 7])
    arguments = (rows, whole, at) if op == "index" else (whole, rows, False, at)
    arrays.call(op, *arguments)
    with pytest.raises(IndexError, match="index 7 is out of bounds for dimension 0 with size 5"):
        arrays.backend.synchronize(0)


@pytest.mark.parametrize("dtype", ["float64", "int32", "uint8"])
@pytest.mark.parametrize(
    ("shape", "size"), [((3, 2000), 50), ((700, 1), 9), ((5, 513), 600), ((300, 17), 40)]
)
def test_scatter_add(arrays: Arrays, shape: tuple[int, int], size: int, dtype: str) -> None:
    before, src = arrays.numbers((shape[0], size), dtype), arrays.numbers(shape, dtype)
    at = arrays.rng.integers(0, size, shape)
    wanted = before.copy()
    np.add.at(wanted, (np.arange(shape[0])[:, None], at), src)
    out = arrays.up(before)
    arrays.call("scatter_add", out, at, src)
    np.testing.assert_array_equal(arrays.down(out), wanted)


@pytest.mark.parametrize("shape", [(2048,), (5000,), (13, 17, 31), (600_000,)], ids=str)
def test_nonzero(arrays: Arrays, shape: tuple[int, ...]) -> None:
    values = arrays.rng.random(shape) > 0.6
    wanted = np.argwhere(values)
    out = arrays.empty(wanted.shape, "int64")
    arrays.call("nonzero", out, values)
    np.testing.assert_array_equal(arrays.down(out), wanted)


# ---- optimizers ------------------------------------------------------------------------------
@pytest.mark.parametrize("count", [5, 64, 70])
def test_more_tensors_than_a_launch_takes(arrays: Arrays, count: int) -> None:
    sizes = arrays.rng.integers(1, 9000, count)
    lists = [[arrays.rng.random(n).astype("float32") for n in sizes] for _ in range(4)]
    views = [[arrays.up(values) for values in one] for one in lists]
    fields = {**ADAM, "step": 3, "weight_decay": 0.1, "decoupled": True}
    arrays.backend.kernels["adam_step"](*views, *fields.values())
    for i, values in enumerate(zip(*lists, strict=True)):
        wanted, _ = adam(fields, *[v.astype(float) for v in values])
        for view, want in zip((views[0][i], views[2][i], views[3][i]), wanted, strict=True):
            np.testing.assert_allclose(arrays.down(view), want, rtol=1e-5, atol=1e-7)
