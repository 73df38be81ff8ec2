"""Direct kernels that are not elementwise, and what all of them refuse."""

from __future__ import annotations

import numpy as np
import pytest

from corex import dtypes
from tests.backends.cpu_c.layouts import DTYPE, put

FLOATS = (np.float32, np.float64)


def random(*shape, dtype=np.float32, seed=0):
    return np.random.default_rng(seed).normal(size=shape).astype(dtype)


def memory(backend, array):
    """Buffer and offset of a dense operand."""
    view = put(backend, array)
    return view[0], view[4]


def array(buffer, shape, dtype):
    return np.frombuffer(memoryview(buffer), dtype=dtype).reshape(shape)


def close(got, want, dtype):
    tolerance = 2e-5 if dtype is np.float32 else 1e-12
    np.testing.assert_allclose(got, want, rtol=tolerance, atol=tolerance * 10)


SIZES = [(1, 1, 1), (1, 10, 1), (3, 4, 5), (1, 300, 200), (300, 1, 200), (64, 65, 66), (2, 3, 0)]


@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("m, n, k", SIZES)
def test_matmul_and_linear(backend, m, n, k, dtype):
    a, b = random(m, k, dtype=dtype), random(k, n, dtype=dtype, seed=1)
    w, bias = np.ascontiguousarray(b.T), random(n, dtype=dtype, seed=2)
    matmul = backend.direct("matmul", DTYPE[np.dtype(dtype)])
    linear = backend.direct("linear", DTYPE[np.dtype(dtype)])
    want = a.astype(float) @ b.astype(float)
    got = matmul((m, n), *memory(backend, a), a.shape, *memory(backend, b), b.shape)
    close(array(got, (m, n), dtype), want, dtype)
    head = ((m, n), *memory(backend, a), a.shape, *memory(backend, w), w.shape)
    close(array(linear(*head, *memory(backend, bias)), (m, n), dtype), want + bias, dtype)
    close(array(linear(*head, None, 0), (m, n), dtype), want, dtype)


@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("m, n, k", SIZES)
def test_linear_backward(backend, m, n, k, dtype):
    g, a, w = random(m, n, dtype=dtype), random(m, k, dtype=dtype), random(n, k, dtype=dtype)
    run = backend.direct("linear_backward", DTYPE[np.dtype(dtype)])
    operands = [x for y in (g, a, w) for x in (*memory(backend, y), y.shape)]
    grads = run((True, True, True), *operands)
    for got, want in zip(grads, (g @ w, g.T @ a, g.sum(0)), strict=True):
        close(array(got, want.shape, dtype), want, dtype)
    assert run((False, True, False), *operands)[::2] == (None, None)


@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("shape", [(), (4,), (3, 5), (1000, 333)])
def test_losses_and_reductions(backend, shape, dtype):
    a, b, g = random(*shape, dtype=dtype), random(*shape, dtype=dtype, seed=1), random(dtype=dtype)
    kind = DTYPE[np.dtype(dtype)]
    left, right, scale = (memory(backend, np.asarray(x)) for x in (a, b, g))
    d = a.astype(float) - b
    close(array(backend.direct("sum", kind)(shape, *left), (), dtype), a.astype(float).sum(), dtype)
    close(array(backend.direct("mean", kind)(shape, *left), (), dtype), a.mean(), dtype)
    loss = backend.direct("mse_loss", kind)(shape, *left, *right)
    close(array(loss, (), dtype), np.mean(d * d), dtype)
    grad = backend.direct("mse_loss_backward", kind)(shape, *scale, *left, *right)
    close(array(grad, shape, dtype), g * 2 * d / d.size, dtype)


def test_integer_sum_and_matmul(backend):
    a = np.arange(12, dtype=np.int64).reshape(3, 4)
    b = a.reshape(4, 3) - 5
    total = backend.direct("sum", dtypes.int64)(a.shape, *memory(backend, a))
    assert array(total, (), np.int64) == 66
    product = backend.direct("matmul", dtypes.int64)(
        (3, 3), *memory(backend, a), a.shape, *memory(backend, b), b.shape
    )
    np.testing.assert_array_equal(array(product, (3, 3), np.int64), a @ b)


def test_what_has_no_direct_kernel(backend):
    assert backend.direct("sin", dtypes.int64) is None
    assert backend.direct("mean", dtypes.int64) is None
    assert backend.direct("no_such_op", dtypes.float32) is None
    with pytest.raises(TypeError):
        backend.direct("add", "float32")


def test_bad_arguments_raise(backend):
    add = backend.direct("add", dtypes.float32)
    x = backend.allocate(16, 0)
    for shape in ((5,), (-1,), (2**62, 2**62), (2**63 - 1,)):
        with pytest.raises((ValueError, OverflowError)):
            add(shape, x, 0, x, 0)
    for offset in (1, -1, 2**62):
        with pytest.raises(ValueError):
            add((4,), x, offset, x, 0)
    for arguments in (((4,), x, 0), ([4], x, 0, x, 0), ((4,), "x", 0, x, 0), ((4,), x, "", x, 0)):
        with pytest.raises(TypeError):
            add(*arguments)
    with pytest.raises(TypeError):
        backend.direct("add", dtypes.int32)((4,), x, 0, 1.5, 0)
    matmul = backend.direct("matmul", dtypes.float32)
    with pytest.raises(ValueError):
        matmul((2, 2), x, 0, (2, 3), x, 0, (2, 2))
    with pytest.raises(ValueError):
        matmul((4, 4), x, 0, (4, 4), x, 0, (4, 4))
    with pytest.raises(ZeroDivisionError):
        backend.direct("floor_divide", dtypes.int32)((4,), x, 0, 0, 0)


OPERANDS = {"exp": 1, "neg": 1, "logical_not": 1, "sum": 1, "mean": 1, "mse_loss": 2, "add": 2}
OPERANDS |= {"eq": 2, "floor_divide": 2, "sigmoid_backward": 2}


@pytest.mark.parametrize("op", OPERANDS)
def test_nothing_may_lie_anywhere(backend, op):
    buffer, nothing = backend.allocate(20, 0), backend.allocate(0, 0)
    for dtype in (dtypes.float32, dtypes.float64, dtypes.int64):
        run = backend.direct(op, dtype)
        for place in (buffer, nothing):
            for offset in (0, 3, 10**9, 2**63 - 1):
                if run is not None:
                    run((2, 0, 3), *(place, offset) * OPERANDS[op])
            with pytest.raises((ValueError, TypeError)):
                (run or int)((2, 0, 3), *(place, -1) * OPERANDS[op])
            with pytest.raises((ValueError, TypeError)):
                (run or int)((1,), *(place, 10) * OPERANDS[op])
