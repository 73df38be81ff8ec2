"""Ranges, identities, triangles and grids, by closed forms."""

from __future__ import annotations

import math

import numpy as np
import pytest

import corex
from tests.ops.create.checks import DTYPES, INF, NAN, same

pytestmark = pytest.mark.usefixtures("each_backend")


def test_arange() -> None:
    same(corex.arange(4), [0, 1, 2, 3], corex.int64)
    same(corex.arange(1, 4), [1, 2, 3], corex.int64)
    same(corex.arange(5, 0, -2), [5, 3, 1], corex.int64)
    same(corex.arange(2.0), [0.0, 1.0], corex.float32)
    same(corex.arange(0, 1, 0.25), [0.0, 0.25, 0.5, 0.75], corex.float32)
    same(corex.arange(start=1, end=3), [1, 2], corex.int64)
    same(corex.arange(1, 1), [], corex.int64)
    same(corex.arange(3, dtype=corex.uint8), [0, 1, 2], corex.uint8)
    same(corex.arange(2**62, 2**62 + 2), [2**62, 2**62 + 1], corex.int64)
    same(corex.arange(corex.tensor(2)), [0, 1], corex.int64)
    assert corex.arange(0, 1, 0.1).shape == (10,)


@pytest.mark.parametrize(
    "arguments", [(0, 5, 0), (5, 0), (0, 5, -1), (0, INF), (0, NAN), (-INF, 0)]
)
def test_arange_refuses(arguments: tuple[float, ...]) -> None:
    with pytest.raises(RuntimeError, match="arange"):
        corex.arange(*arguments)


def test_arange_needs_numbers() -> None:
    with pytest.raises(TypeError):
        corex.arange()
    with pytest.raises(TypeError, match="must be Number"):
        corex.arange("a")
    with pytest.raises(NotImplementedError):
        corex.arange(3, dtype=corex.bool)


@pytest.mark.parametrize("dtype", [corex.float32, corex.float64])
@pytest.mark.parametrize("steps", [1, 2, 3, 10, 101])
def test_linspace(dtype: corex.DType, steps: int) -> None:
    t = corex.linspace(-1.3, 2.7, steps, dtype=dtype)
    assert t.dtype is dtype
    np.testing.assert_allclose(t.numpy(), np.linspace(-1.3, 2.7, steps), rtol=3e-7, atol=1e-7)
    if steps > 1:
        assert t.tolist()[-1] == np.array(2.7, dtype.name)


def test_linspace_of_integers_and_none() -> None:
    same(corex.linspace(0, 10, 4, dtype=corex.int64), [0, 3, 6, 10], corex.int64)
    same(corex.linspace(0, 1, 0), [], corex.float32)
    same(corex.linspace(corex.tensor(1.0), 3, 3), [1.0, 2.0, 3.0], corex.float32)
    with pytest.raises(RuntimeError, match="non-negative"):
        corex.linspace(0, 1, -1)
    with pytest.raises(TypeError, match="steps"):
        corex.linspace(0, 1, 2.5)
    with pytest.raises(RuntimeError, match="0-dimensional"):
        corex.linspace(corex.ones(2), 1, 2)


def test_logspace() -> None:
    same(corex.logspace(0, 2, 3), [1.0, 10.0, 100.0], corex.float32)
    same(corex.logspace(0, 3, 4, base=2), [1.0, 2.0, 4.0, 8.0], corex.float32)
    t = corex.logspace(-2, 2, 9, dtype=corex.float64)
    np.testing.assert_allclose(t.numpy(), np.logspace(-2, 2, 9), rtol=1e-14)


@pytest.mark.parametrize("dtype", DTYPES)
def test_eye(dtype: corex.DType) -> None:
    for n, m in ((3, 3), (2, 4), (4, 2), (0, 3), (1, 1)):
        t = corex.eye(n, m, dtype=dtype)
        assert t.dtype is dtype
        assert np.array_equal(t.numpy(), np.eye(n, m, dtype=dtype.name))
    with pytest.raises(RuntimeError, match="greater or equal to 0"):
        corex.eye(-1)
    with pytest.raises(TypeError, match="must be int"):
        corex.eye(2.0)


@pytest.mark.parametrize("shape", [(3, 3), (2, 5), (4, 2), (2, 3, 4), (0, 3), (3, 0)])
@pytest.mark.parametrize("diagonal", [-9, -1, 0, 2, 9])
def test_triangles(shape: tuple[int, ...], diagonal: int) -> None:
    data = np.arange(1, math.prod(shape) + 1).reshape(shape)
    t = corex.tensor(data)
    assert np.array_equal(corex.tril(t, diagonal).numpy(), np.tril(data, diagonal))
    assert np.array_equal(t.triu(diagonal).numpy(), np.triu(data, diagonal))


def test_triangles_drop_nan_and_pass_gradients() -> None:
    assert corex.tril(corex.full((2, 2), NAN)).tolist()[0][1] == 0.0
    x = corex.ones(2, 2, requires_grad=True)
    y = x.triu()
    assert y.grad_fn.name() == "TriuBackward0"
    y.sum().backward()
    assert x.grad.tolist() == [[1.0, 1.0], [0.0, 1.0]]
    with pytest.raises(RuntimeError, match="at least 2 dimensions"):
        corex.tril(corex.ones(3))


@pytest.mark.parametrize("offset", [-2, -1, 0, 1, 3])
def test_triangle_indices(offset: int) -> None:
    for n, m in ((3, 3), (2, 4), (4, 2)):
        lower = corex.tril_indices(n, m, offset)
        assert lower.dtype is corex.int64
        assert np.array_equal(lower.numpy(), np.stack(np.tril_indices(n, offset, m)))
        upper = corex.triu_indices(n, m, offset)
        assert np.array_equal(upper.numpy(), np.stack(np.triu_indices(n, offset, m)))


def test_meshgrid() -> None:
    x, y, z = corex.arange(2), corex.arange(3), corex.arange(4)
    for indexing in ("ij", "xy"):
        for tensors in ((x,), (x, y), (x, y, z)):
            grids = corex.meshgrid(*tensors, indexing=indexing)
            expected = np.meshgrid(*(t.numpy() for t in tensors), indexing=indexing)
            for grid, wanted in zip(grids, expected, strict=True):
                assert np.array_equal(grid.numpy(), wanted)
    assert corex.meshgrid([x, corex.tensor(3)])[1].tolist() == [[3], [3]]
    assert corex.meshgrid(x, y)[0].storage() is x.storage()
    for arguments in ((), (x, y.reshape(1, 3)), (x, corex.ones(2))):
        with pytest.raises(RuntimeError, match="meshgrid"):
            corex.meshgrid(*arguments)
    with pytest.raises(RuntimeError, match="indexing"):
        corex.meshgrid(x, indexing="yx")
