"""Kernels along an outer dimension, whose rows lie side by side: each by itself, or all at once."""

from __future__ import annotations

import contextlib
import itertools

import numpy as np
import pytest

from tests.backends.cpu_c.layouts import DTYPE, as_array, broadcast, empty_view, put

FLOATS = (np.float32, np.float64)
WAYS = ("line", "columns", "auto")

# (rows' leading dims, elements of a row): few neighbours and many, around what is taken at once and
# what is added up at once.
SHAPES = [
    (7, 3), (8, 3), (9, 70), (63, 5), (64, 64), (65, 63), (129, 65), (511, 2), (513, 130),
    (1100, 3), (2, 3, 67, 9), (5, 1), (1, 9), (3, 1, 2, 4), (0, 3), (3, 0),
]  # fmt: skip


@pytest.fixture(scope="module")
def native():
    return pytest.importorskip("corex_cpu_c._native")


@pytest.fixture(params=[*itertools.product(("baseline", "v3", "v4"), WAYS)], ids="-".join)
def forced(request, native, backend):
    level, way = request.param
    if level not in native.levels():
        pytest.skip(f"level {level} is not to be had here")
    before = [
        (path, native.force(path, value)) for path, value in (("level", level), ("rows", way))
    ]
    yield
    for path, value in before:
        native.force(path, value)


@contextlib.contextmanager
def quick_threads(native, backend):
    """Several threads for the smallest work."""
    before = [
        (path, native.force(path, value)) for path, value in (("grain", 1), ("unlock_above", 0))
    ]
    threads = backend.get_num_threads()
    backend.set_num_threads(3)
    try:
        yield
    finally:
        backend.set_num_threads(threads)
        for path, value in before:
            native.force(path, value)


def numbers(shape, dtype, seed=0):
    rng = np.random.default_rng(seed)
    if np.issubdtype(dtype, np.integer):
        return rng.integers(0, 200, shape).astype(dtype)
    return (rng.normal(size=shape) * 3).astype(dtype)


def outward(backend, array, step=1):
    """A view whose last dimension is the outermost in memory; every `step`-th of each line."""
    moved = np.moveaxis(array, -1, 0)
    view = put(backend, np.repeat(moved, step, -1) if moved.ndim > 1 else moved)
    buffer, dtype, shape, strides, offset = view
    if moved.ndim > 1:
        shape, strides = (*shape[:-1], shape[-1] // step), (*strides[:-1], strides[-1] * step)
    return (buffer, dtype, (*shape[1:], shape[0]), (*strides[1:], strides[0]), offset)


def softmax(x, log=False):
    e = x - x.max(-1, keepdims=True)
    return (
        e - np.log(np.exp(e).sum(-1, keepdims=True))
        if log
        else np.exp(e) / np.exp(e).sum(-1, keepdims=True)
    )


FORMULAS = {
    "softmax": (1, softmax),
    "log_softmax": (1, lambda x: softmax(x, True)),
    "softmax_backward": (2, lambda g, y: y * (g - (g * y).sum(-1, keepdims=True))),
    "log_softmax_backward": (2, lambda g, y: g - np.exp(y) * g.sum(-1, keepdims=True)),
    "cumsum": (1, lambda x: x.cumsum(-1, dtype=x.dtype)),
    "logcumsumexp": (1, lambda x: np.logaddexp.accumulate(x, -1)),
}


def right_result(op, arrays):
    wide = [a.astype(np.float64) if a.dtype == np.float32 else a for a in arrays]
    if 0 in arrays[0].shape:
        return np.zeros(arrays[0].shape)
    return FORMULAS[op][1](*wide)


def arrays_of(op, shape, dtype):
    found = [numbers(shape, dtype, seed) for seed in range(FORMULAS[op][0])]
    if op.endswith("backward"):  # of what softmax may give
        found[1] = right_result(op.removesuffix("_backward"), found[1:]).astype(dtype)
    return found


def check(got, right, dtype):
    tolerance = {np.float32: 2e-5, np.float64: 1e-11}.get(dtype, 0)
    np.testing.assert_allclose(got, right, tolerance, tolerance * 10)


CASES = [(op, dtype) for op in FORMULAS for dtype in FLOATS]
CASES += [("cumsum", dtype) for dtype in (np.uint8, np.int32, np.int64)]


@pytest.mark.parametrize("op, dtype", CASES)
def test_neighbours(backend, native, forced, op, dtype):
    """Dense in another order of dims, with steps between, and reversed; on several threads."""
    kernel = backend.select(op, (DTYPE[np.dtype(dtype)],) * (FORMULAS[op][0] + 1)).run
    for shape in SHAPES:
        arrays = arrays_of(op, shape, dtype)
        right = right_result(op, arrays)
        ways = [lambda a: outward(backend, a), lambda a: outward(backend, a, 2)]
        ways.append(lambda a: put(backend, a, "negative"))
        ways.append(lambda a: put(backend, a))
        for k, laid in enumerate(ways):
            inputs = [laid(a) for a in arrays]
            out = laid(np.zeros(shape, dtype))
            with quick_threads(native, backend) if k % 2 else contextlib.nullcontext():
                kernel(out, *inputs)
            check(as_array(out), right, dtype)


@pytest.mark.parametrize("op, dtype", CASES)
def test_operands_of_different_layouts(backend, forced, op, dtype):
    count = FORMULAS[op][0]
    kernel = backend.select(op, (DTYPE[np.dtype(dtype)],) * (count + 1)).run
    for shape in ((9, 70), (130, 65), (4, 33, 20)):
        arrays = arrays_of(op, shape, dtype)
        right = right_result(op, arrays)
        dense, moved = (lambda a: put(backend, a)), (lambda a: outward(backend, a))
        for laid in itertools.product((dense, moved), repeat=count + 1):
            out = laid[0](np.zeros(shape, dtype))
            kernel(out, *[lay(a) for lay, a in zip(laid[1:], arrays, strict=True)])
            check(as_array(out), right, dtype)


@pytest.mark.parametrize("op, dtype", CASES)
def test_a_result_over_its_operand(backend, forced, op, dtype):
    count = FORMULAS[op][0]
    kernel = backend.select(op, (DTYPE[np.dtype(dtype)],) * (count + 1)).run
    for k in range(count):
        arrays = arrays_of(op, (3, 70, 66), dtype)
        views = [outward(backend, a) for a in arrays]
        kernel(views[k], *views)
        check(as_array(views[k]), right_result(op, arrays), dtype)


@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("op", ["softmax_backward", "log_softmax_backward"])
def test_a_gradient_that_is_one_number(backend, forced, op, dtype):
    """As that of a sum: strides of zero."""
    kernel = backend.select(op, (DTYPE[np.dtype(dtype)],) * 3).run
    shape = (70, 9)
    _, y = arrays_of(op, shape, dtype)
    g = broadcast(put(backend, np.full((1, 1), 0.5, dtype)), shape)
    out = empty_view(backend, shape, DTYPE[np.dtype(dtype)], "transposed")
    kernel(out, g, outward(backend, y))
    check(as_array(out), right_result(op, [np.full(shape, 0.5, dtype), y]), dtype)


@pytest.mark.parametrize("dtype", FLOATS)
def test_what_is_not_finite(backend, forced, dtype):
    """Columns with NaN, infinities, huge numbers; their neighbours do not see it."""
    a = numbers((40, 70), dtype)
    a[1, 3], a[2, 5], a[3, 69], a[4, :], a[5, 66] = np.nan, np.inf, -np.inf, -np.inf, np.nan
    a[6, ::2], a[7, 1] = -1e30, 1e30
    with np.errstate(all="ignore"):
        right = {op: right_result(op, [a]) for op in ("softmax", "log_softmax", "cumsum")}
    for op, wanted in right.items():
        kernel = backend.select(op, (DTYPE[np.dtype(dtype)],) * 2).run
        out = outward(backend, np.zeros_like(a))
        kernel(out, outward(backend, a))
        np.testing.assert_allclose(as_array(out), wanted, 2e-5, 1e-5, err_msg=op)


def test_long_columns_are_added_up_accurately(backend, forced):
    """A running sum in float32 would be off by more than one in a thousand."""
    n, rng = 200_003, np.random.default_rng(0)
    a = (rng.random((9, n)) * 1e-3).astype(np.float32)
    kernel = backend.select("log_softmax", (DTYPE[np.dtype(np.float32)],) * 2).run
    out = outward(backend, np.zeros_like(a))
    kernel(out, outward(backend, a))
    np.testing.assert_allclose(as_array(out), right_result("log_softmax", [a]), 3e-7)


# ---- by position -------------------------------------------------------------------------------
KINDS = (np.bool_, np.uint8, np.int32, np.int64, *FLOATS)


def positions(shape, size, seed=5):
    return np.random.default_rng(seed).integers(0, max(size, 1), shape)


@pytest.mark.parametrize("dtype", KINDS)
def test_gather(backend, native, forced, dtype):
    kind, index_kind = DTYPE[np.dtype(dtype)], DTYPE[np.dtype(np.int64)]
    kernel = backend.select("gather", (kind, kind, index_kind)).run
    dense, moved = (lambda a: put(backend, a)), (lambda a: outward(backend, a))
    for shape, size in (((9, 70), 5), ((130, 65), 200), ((4, 33, 20), 1), ((3, 0), 4), ((5,), 7)):
        index = positions(shape, size)
        # more rows than are asked for
        a = numbers((*[n + 1 for n in shape[:-1]], size), np.uint8).astype(dtype)
        used = a[tuple(slice(n) for n in shape[:-1])]
        right = np.take_along_axis(used, index, -1)
        for k, laid in enumerate(itertools.product((dense, moved), repeat=3)):
            out = laid[0](np.zeros(shape, dtype))
            with quick_threads(native, backend) if k % 2 else contextlib.nullcontext():
                kernel(out, laid[1](a), laid[2](index))
            np.testing.assert_array_equal(as_array(out), right)


@pytest.mark.parametrize("dtype", KINDS[1:])
def test_scatter_add(backend, native, forced, dtype):
    kind, index_kind = DTYPE[np.dtype(dtype)], DTYPE[np.dtype(np.int64)]
    kernel = backend.select("scatter_add", (kind, index_kind, kind)).run
    dense, moved = (lambda a: put(backend, a)), (lambda a: outward(backend, a))
    one = lambda a: broadcast(put(backend, a[(slice(1),) * a.ndim]), a.shape)  # noqa: E731
    for shape, size in (((9, 70), 5), ((130, 65), 200), ((4, 33, 20), 1), ((5,), 7)):
        index = positions(shape, size)
        for k, laid in enumerate(itertools.product((dense, moved), (dense, moved), (dense, one))):
            start = numbers((*[n + 1 for n in shape[:-1]], size), np.uint8, 1).astype(dtype)
            src = as_array(laid[2](numbers(tuple(n + 2 for n in shape), np.uint8).astype(dtype)))
            right = start.copy()
            used = src[tuple(slice(n) for n in shape)]
            np.add.at(right, (*np.indices(shape)[:-1], index), used)
            out = laid[0](start)
            with quick_threads(native, backend) if k % 2 else contextlib.nullcontext():
                kernel(out, laid[1](index), laid[2](src))
            np.testing.assert_array_equal(as_array(out), right)


@pytest.mark.parametrize("op", ["gather", "scatter_add"])
def test_positions_out_of_range(backend, forced, op):
    index_kind, kind = DTYPE[np.dtype(np.int64)], DTYPE[np.dtype(np.float32)]
    dtypes = (kind, kind, index_kind) if op == "gather" else (kind, index_kind, kind)
    kernel = backend.select(op, dtypes).run
    for bad in (-1, 20, 2**40, -(2**62)):
        index = positions((12, 30), 20)
        index[11, 7] = bad
        a = outward(backend, np.zeros((12, 20), np.float32))
        at, same = outward(backend, index), outward(backend, np.ones((12, 30), np.float32))
        with pytest.raises(IndexError, match=f"index {bad} is out of bounds for dimension 1"):
            kernel(*((same, a, at) if op == "gather" else (a, at, same)))
        assert not as_array(a).any()


def inward(backend, array):
    """A view whose first dimension is the innermost in memory."""
    buffer, dtype, shape, strides, offset = put(backend, np.moveaxis(array, 0, -1))
    return (buffer, dtype, (shape[-1], *shape[:-1]), (strides[-1], *strides[:-1]), offset)


@pytest.mark.parametrize("dtype", KINDS)
def test_index(backend, native, forced, dtype):
    kind, index_kind = DTYPE[np.dtype(dtype)], DTYPE[np.dtype(np.int64)]
    kernel = backend.select("index", (kind, kind, index_kind)).run
    dense, moved = (lambda a: put(backend, a)), (lambda a: inward(backend, a))
    for shape, n in (((9, 70), 30), ((20, 3, 5), 130), ((7,), 9), ((4, 6), 0), ((4, 0), 3)):
        a = numbers(shape, np.uint8).astype(dtype)
        rows = positions((n,), shape[0]) - (shape[0] // 2)  # negative ones too
        right = a[rows]
        for k, laid in enumerate(itertools.product((dense, moved), repeat=2)):
            out = laid[0](np.zeros(right.shape, dtype))
            with quick_threads(native, backend) if k % 2 else contextlib.nullcontext():
                kernel(out, laid[1](a), put(backend, rows))
            np.testing.assert_array_equal(as_array(out), right)
