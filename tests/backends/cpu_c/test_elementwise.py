"""What the C kernels promise beyond the contract: 3 ulp, signed zeros, many threads, large arrays.

Values, layouts and guards are the conformance suite's business.
"""

from __future__ import annotations

import numpy as np
import pytest

from corex.tensor.schema import FLOAT, REGISTRY
from corex.testing.specs import formulas
from tests.backends.cpu_c.layouts import DTYPE, as_array, empty_view, put, ulps

FLOAT_ONLY = [op for op in formulas.UNARY if REGISTRY[op].takes == FLOAT]
TO_FLOAT = [op for op in FLOAT_ONLY if REGISTRY[op].family == "unary"]


def run(backend, op, *arrays, layouts=("contiguous",)):
    """Runs a kernel on arrays laid out as asked; the result as an array."""
    views = [put(backend, a, layouts[k % len(layouts)]) for k, a in enumerate(arrays)]
    layout = layouts[len(arrays) % len(layouts)]
    out = empty_view(backend, arrays[0].shape, DTYPE[arrays[0].dtype], layout)
    backend.kernels[op](out, *views)
    return as_array(out)


def wide_range(dtype):
    rng = np.random.default_rng(1)
    special = [0.0, -0.0, np.inf, -np.inf, np.nan, 1.0, -1.0]
    edges = [1e-40, -1e-40, 88.7, -87.4, -103.9, 3.4e38, 1e-30]
    scaled = rng.normal(0, 1, 20) * 10.0 ** rng.integers(-38, 38, 20)
    parts = [rng.normal(0, 3, 500), rng.uniform(-1, 1, 500), rng.uniform(-90, 90, 500), scaled]
    return np.concatenate([*parts, edges, special]).astype(dtype)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("op", TO_FLOAT)
def test_functions_are_within_three_ulp(backend, op, dtype):
    a = wide_range(dtype)
    with np.errstate(all="ignore"):
        # The longest float that NumPy computes the function in, and erf's only in Python.
        wide = np.float64 if op in ("erf", "erfc") else np.longdouble
        want = formulas.unary(op, a.astype(wide))
        for layouts in (("contiguous",), ("stepped", "contiguous"), ("negative",)):
            got = run(backend, op, a, layouts=layouts)
            assert ulps(got, want) <= (4 if op == "erfc" else 3)
            zero = (a == 0) & (op not in ("sign", "relu"))
            np.testing.assert_array_equal(np.signbit(got[zero]), np.signbit(want[zero]))


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_the_tail_of_erfc_keeps_its_digits(backend, dtype):
    a = np.linspace(-6, 27, 300_001).astype(dtype)
    got = run(backend, "erfc", a)
    assert ulps(got, formulas.unary("erfc", a.astype(np.float64))) <= 4


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
