"""Unary and binary kernels over dtypes and layouts, against NumPy."""

from __future__ import annotations

import math

import numpy as np
import pytest

from tests.backends.cpu_c.layouts import DTYPE, LAYOUTS, as_array, broadcast, empty_view, put, ulps

NUMBERS = (np.uint8, np.int32, np.int64, np.float32, np.float64)
FLOATS = (np.float32, np.float64)
INTEGERS = (np.uint8, np.int32, np.int64)
ALL = (np.bool_, *NUMBERS)


def sample(dtype, shape, seed=0):
    rng = np.random.default_rng(seed)
    if dtype is np.bool_:
        return rng.integers(0, 2, shape).astype(dtype)
    if np.issubdtype(dtype, np.integer):
        info = np.iinfo(dtype)
        small = rng.integers(max(info.min, -9), 10, shape)
        large = rng.integers(info.min, info.max, shape, endpoint=True, dtype=dtype)
        return np.where(rng.random(shape) < 0.7, small, large).astype(dtype)
    values = rng.normal(0, 3, shape)
    special = rng.choice([0.0, -0.0, np.inf, -np.inf, np.nan, 1.0, -1.0], shape)
    return np.where(rng.random(shape) < 0.8, values, special).astype(dtype)


def erf(x):
    return np.vectorize(math.erf, otypes=[float])(x)


UNARY_NUMBER = {
    "neg": np.negative,
    "abs": np.abs,
    "sign": lambda x: np.sign(x) + np.zeros_like(x),
    "square": np.square,
    "relu": lambda x: np.where(x <= 0, np.zeros_like(x), x),
}
UNARY_FLOAT = {
    "floor": np.floor,
    "ceil": np.ceil,
    "round": np.rint,
    "trunc": np.trunc,
    "sqrt": np.sqrt,
    "rsqrt": lambda x: 1 / np.sqrt(x),
    "reciprocal": np.reciprocal,
    "exp": np.exp,
    "exp2": np.exp2,
    "expm1": np.expm1,
    "log": np.log,
    "log2": np.log2,
    "log10": np.log10,
    "log1p": np.log1p,
    "sin": np.sin,
    "cos": np.cos,
    "tan": np.tan,
    "asin": np.arcsin,
    "acos": np.arccos,
    "atan": np.arctan,
    "sinh": np.sinh,
    "cosh": np.cosh,
    "tanh": np.tanh,
    "asinh": np.arcsinh,
    "acosh": np.arccosh,
    "atanh": np.arctanh,
    "sigmoid": lambda x: np.where(x >= 0, 1 / (1 + np.exp(-x)), np.exp(x) / (1 + np.exp(x))),
    "erf": erf,
}
BINARY_FLOAT = {
    "add": np.add,
    "sub": np.subtract,
    "mul": np.multiply,
    "div": np.divide,
    "floor_divide": np.floor_divide,
    "remainder": np.remainder,
    "fmod": np.fmod,
    "pow": np.power,
    "maximum": np.maximum,
    "minimum": np.minimum,
    "fmax": np.fmax,
    "fmin": np.fmin,
    "atan2": np.arctan2,
    "hypot": np.hypot,
    "copysign": np.copysign,
}
BINARY_INTEGER = {
    "add": np.add,
    "sub": np.subtract,
    "mul": np.multiply,
    "floor_divide": np.floor_divide,
    "remainder": np.remainder,
    "fmod": np.fmod,
    "maximum": np.maximum,
    "minimum": np.minimum,
    "bitwise_and": np.bitwise_and,
    "bitwise_or": np.bitwise_or,
    "bitwise_xor": np.bitwise_xor,
}
TO_BOOL = {
    "eq": np.equal,
    "ne": np.not_equal,
    "lt": np.less,
    "le": np.less_equal,
    "gt": np.greater,
    "ge": np.greater_equal,
    "logical_and": np.logical_and,
    "logical_or": np.logical_or,
    "logical_xor": np.logical_xor,
}
DIVISIONS = ("floor_divide", "remainder", "fmod")


def run(backend, op, *arrays, out_dtype=None, layouts=("contiguous",)):
    """Runs a kernel on arrays laid out as asked; the result as an array."""
    views = [put(backend, a, layouts[k % len(layouts)]) for k, a in enumerate(arrays)]
    out = empty_view(
        backend,
        arrays[0].shape,
        DTYPE[np.dtype(out_dtype or arrays[0].dtype)],
        layouts[len(arrays) % len(layouts)],
    )
    backend.kernels[op](out, *views)
    return as_array(out)


@pytest.fixture(autouse=True)
def quiet():
    with np.errstate(all="ignore"):
        yield


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("dtype", NUMBERS)
@pytest.mark.parametrize("op", UNARY_NUMBER)
def test_unary_number(backend, op, dtype, layout):
    a = sample(dtype, (5, 7, 11))
    want = UNARY_NUMBER[op](a).astype(dtype)
    got = run(backend, op, a, layouts=(layout,))
    np.testing.assert_array_equal(got, want)


@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("op", UNARY_FLOAT)
def test_unary_float(backend, op, dtype):
    rng = np.random.default_rng(1)
    a = np.concatenate(
        [
            sample(dtype, 500),
            rng.uniform(-1, 1, 500),
            rng.uniform(-90, 90, 500),
            rng.normal(0, 1, 20) * 10.0 ** rng.integers(-38, 38, 20),
            [1e-40, -1e-40, 88.7, -87.4, -103.9, 3.4e38, 1e-30, 0.0, -0.0],
        ]
    ).astype(dtype)
    wide = a.astype(np.longdouble) if op not in ("erf",) else a.astype(np.float64)
    want = UNARY_FLOAT[op](wide)
    for layouts in (("contiguous",), ("stepped", "contiguous"), ("negative",)):
        got = run(backend, op, a, layouts=layouts)
        assert ulps(got, want) <= 3
        np.testing.assert_array_equal(np.signbit(got[a == 0]), np.signbit(want[a == 0]))


@pytest.mark.parametrize("dtype", FLOATS)
def test_float_tests(backend, dtype):
    a = sample(dtype, (40, 9))
    for op in ("isnan", "isinf", "isfinite", "signbit"):
        got = run(backend, op, a, out_dtype=bool, layouts=("transposed", "contiguous"))
        np.testing.assert_array_equal(got, getattr(np, op)(a))


@pytest.mark.parametrize("dtype", ALL)
def test_logical_not(backend, dtype):
    a = sample(dtype, (13, 5))
    got = run(backend, "logical_not", a, out_dtype=bool)
    np.testing.assert_array_equal(got, np.logical_not(a))


@pytest.mark.parametrize("dtype", [np.bool_, *INTEGERS])
def test_bitwise_not(backend, dtype):
    a = sample(dtype, (13, 5))
    np.testing.assert_array_equal(run(backend, "bitwise_not", a), np.invert(a))


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("op", BINARY_FLOAT)
def test_binary_float(backend, op, dtype, layout):
    a, b = sample(dtype, (6, 5, 9), 2), sample(dtype, (6, 5, 9), 3)
    if op == "floor_divide":  # NumPy gives NaN for inf // x and keeps other signs of zero
        a[np.isinf(a)] = 1
        b[np.isinf(b)] = 2
    want = BINARY_FLOAT[op](a, b)
    if op == "remainder":
        want = np.where(b == 0, np.nan, want)
    got = run(backend, op, a, b, layouts=(layout, "contiguous"))
    limit = 3 if op in ("pow", "atan2", "hypot") else 0
    assert ulps(got, want) <= limit


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("dtype", INTEGERS)
@pytest.mark.parametrize("op", BINARY_INTEGER)
def test_binary_integer(backend, op, dtype, layout):
    a, b = sample(dtype, (6, 5, 9), 2), sample(dtype, (6, 5, 9), 3)
    if op in DIVISIONS:
        b[b == 0] = 1
    want = BINARY_INTEGER[op](a, b)
    got = run(backend, op, a, b, layouts=("contiguous", layout))
    np.testing.assert_array_equal(got, want)


@pytest.mark.parametrize("dtype", ALL)
@pytest.mark.parametrize("op", TO_BOOL)
def test_to_bool(backend, op, dtype):
    a, b = sample(dtype, (8, 12), 2), sample(dtype, (8, 12), 3)
    got = run(backend, op, a, b, out_dtype=bool, layouts=("contiguous", "stepped"))
    np.testing.assert_array_equal(got, TO_BOOL[op](a, b))


@pytest.mark.parametrize("op", ["add", "mul", "maximum", "minimum"])
def test_bool_arithmetic(backend, op):
    a, b = sample(np.bool_, 64, 1), sample(np.bool_, 64, 2)
    want = {"add": a | b, "mul": a & b, "maximum": a | b, "minimum": a & b}[op]
    np.testing.assert_array_equal(run(backend, op, a, b), want)


@pytest.mark.parametrize("dtype", INTEGERS)
def test_integer_pow_and_shifts(backend, dtype):
    info = np.iinfo(dtype)
    bits = info.bits
    bases = [0, 1, 2, 3, 7] + ([-1, -2, -3] if info.min < 0 else [])
    exponents = [0, 1, 2, 5, 31, 40] + ([-1, -2, -3] if info.min < 0 else [])

    def wrap(x):
        x &= (1 << bits) - 1
        return x - (1 << bits) if info.min < 0 and x >> (bits - 1) else x

    def power(x, e):
        if e >= 0:
            return wrap(x**e)
        return 1 if x == 1 else (-1) ** (-e) if x == -1 else 0

    def left(x, e):
        return wrap(x << e) if 0 <= e < bits else 0

    def right(x, e):
        return x >> e if 0 <= e < bits else (-1 if x < 0 else 0)

    pairs = [(x, e) for x in bases for e in exponents]
    a = np.array([x for x, _ in pairs], dtype)
    b = np.array([e for _, e in pairs], dtype)
    for op, scalar in (
        ("pow", power),
        ("bitwise_left_shift", left),
        ("bitwise_right_shift", right),
    ):
        want = np.array([scalar(x, e) for x, e in pairs], dtype)
        np.testing.assert_array_equal(run(backend, op, a, b), want, err_msg=op)


@pytest.mark.parametrize("dtype", INTEGERS)
@pytest.mark.parametrize("op", DIVISIONS)
def test_integer_division_by_zero(backend, op, dtype):
    a = np.arange(6, dtype=dtype).reshape(2, 3)
    b = np.array([[1, 2, 3], [4, 5, 0]], dtype)
    with pytest.raises(ZeroDivisionError):
        run(backend, op, a, b)
    out, x = put(backend, a), put(backend, a)
    zero = broadcast(put(backend, np.zeros((), dtype)), a.shape)
    with pytest.raises(ZeroDivisionError):
        backend.kernels[op](out, x, zero)


@pytest.mark.parametrize(
    "shapes", [((4, 1, 6), (5, 1)), ((1,), (3, 7)), ((), (9,)), ((3, 1), (1, 70000))]
)
def test_broadcast_and_in_place(backend, shapes):
    shape = np.broadcast_shapes(*shapes)
    a, b = (np.random.default_rng(k).normal(size=s) for k, s in enumerate(shapes))
    out = put(backend, np.zeros(shape))
    views = [broadcast(put(backend, x), shape) for x in (a, b)]
    backend.kernels["sub"](out, *views)
    np.testing.assert_array_equal(as_array(out), a - b)
    backend.kernels["mul"](out, out, views[1])
    np.testing.assert_array_equal(as_array(out), (a - b) * b)
    backend.kernels["sub"](out, out, out)
    assert not as_array(out).any()


@pytest.mark.parametrize("shape", [(), (0,), (3, 0, 2), (1,), (1, 1), (2,) * 20, (1,) * 64])
def test_odd_shapes(backend, shape):
    a = np.random.default_rng(0).normal(size=shape if len(shape) < 33 else ())
    out, view = put(backend, a), put(backend, a)
    if len(shape) == 64:
        out, view = ((v[0], v[1], shape, (1,) * 64, v[4]) for v in (out, view))
        backend.kernels["neg"](out, view)
        assert as_array((*out[:2], (), (), out[4])) == -a
        return
    backend.kernels["neg"](out, view)
    np.testing.assert_array_equal(as_array(out), -a)


@pytest.mark.parametrize("size", [40_000, 1_000_003])
def test_large_uses_threads(backend, size):
    a = np.random.default_rng(0).normal(size=size).astype(np.float32)
    np.testing.assert_array_equal(run(backend, "add", a, a), a + a)
    square = a[: size // 200 * 200].reshape(200, -1)
    got = run(backend, "mul", square, square, layouts=("transposed", "contiguous"))
    np.testing.assert_array_equal(got, square * square)


def test_streaming_stores(backend):
    a = np.arange(14_000_001, dtype=np.float32)
    view, out = put(backend, a), empty_view(backend, a.shape, DTYPE[a.dtype])
    backend.kernels["neg"](out, view)
    np.testing.assert_array_equal(as_array(out), -a)
    backend.kernels["neg"](view, view)
    np.testing.assert_array_equal(as_array(view), -a)


def test_neighbours_are_untouched(backend):
    out = put(backend, np.zeros((5, 3), np.float32), "stepped")
    before = bytes(memoryview(out[0]))
    inside = as_array(out)
    inside[...] = 1
    backend.kernels["add"](out, out, out)
    assert (inside == 2).all()
    inside[...] = 0
    assert bytes(memoryview(out[0])) == before
