"""Tensors of one value: sizes, dtypes, strides, and what is refused."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import corex
from tests.ops.create.checks import DTYPES, INF, same

pytestmark = pytest.mark.usefixtures("each_backend")


@pytest.mark.parametrize("dtype", DTYPES)
def test_constants(dtype: corex.DType) -> None:
    for shape in [(), (3,), (2, 0), (2, 1, 3)]:
        for function, value in ((corex.zeros, 0), (corex.ones, 1)):
            t = function(shape, dtype=dtype)
            assert t.shape == shape
            assert t.dtype is dtype
            assert (t.numpy() == value).all()
        assert corex.empty(shape, dtype=dtype).shape == shape
        assert (corex.full(shape, 1, dtype=dtype).numpy() == 1).all()


def test_ways_to_give_sizes() -> None:
    for t in (
        corex.zeros(2, 3), corex.zeros((2, 3)), corex.zeros([2, 3]), corex.zeros(size=(2, 3)),
        corex.zeros(np.int64(2), corex.tensor(3)), corex.zeros(corex.ones(2, 3).shape),
    ):  # fmt: skip
        assert t.shape == (2, 3)
    assert corex.zeros(()).shape == corex.zeros([]).shape == ()


@pytest.mark.parametrize("function", [corex.zeros, corex.ones, corex.empty])
def test_bad_sizes(function: Any) -> None:
    with pytest.raises(RuntimeError, match=r"negative dimension -1: \[-1\]"):
        function(-1)
    with pytest.raises(RuntimeError, match=r"negative dimension -3: \[2, -3\]"):
        function((2, -3))
    for sizes in ((2.0,), ("a",), ((2, 1.5),), (None,)):
        with pytest.raises(TypeError, match="size"):
            function(*sizes)
    with pytest.raises(TypeError, match="missing"):
        function()
    with pytest.raises(TypeError, match="multiple values"):
        function(2, size=(2,))
    with pytest.raises(TypeError, match="dtype"):
        function(2, dtype="float32")


def test_out_of_memory_names_the_bytes_and_leaves_all_well() -> None:
    with pytest.raises(corex.OutOfMemoryError, match=str(4 * 10**17)):
        corex.zeros(10**17)
    with pytest.raises(corex.OutOfMemoryError, match=str(4 * 2**80)):
        corex.empty(2**40, 2**40)
    same(corex.ones(2), [1.0, 1.0], corex.float32)


def test_full() -> None:
    same(corex.full((2,), 3), [3, 3], corex.int64)
    same(corex.full((2,), True), [True, True], corex.bool)
    same(corex.full([2], 0.5), [0.5, 0.5], corex.float32)
    same(corex.full((), np.float64(0.5)), 0.5, corex.float32)
    same(corex.full((1,), corex.tensor(4)), [4], corex.int64)
    same(corex.full((1,), INF), [INF], corex.float32)
    with pytest.raises(TypeError, match="fill_value"):
        corex.full((2,), "3")
    with pytest.raises(RuntimeError, match="overflow"):
        corex.full((2,), 1e300)


def test_out() -> None:
    target = corex.ones(3, dtype=corex.int64)
    assert corex.zeros(3, out=target) is target
    same(target, [0, 0, 0], corex.int64)
    corex.arange(3, out=target)
    same(target, [0, 1, 2], corex.int64)


def test_like() -> None:
    t = corex.ones(2, 3, dtype=corex.int32)
    same(corex.zeros_like(t), [[0] * 3] * 2, corex.int32)
    same(corex.ones_like(t, dtype=corex.float64), [[1.0] * 3] * 2, corex.float64)
    same(corex.full_like(t, 7), [[7] * 3] * 2, corex.int32)
    assert corex.empty_like(t).shape == (2, 3)
    assert corex.zeros_like(corex.ones(1), requires_grad=True).requires_grad
    with pytest.raises(TypeError, match="must be Tensor"):
        corex.zeros_like([1])


@pytest.mark.parametrize(
    ("view", "strides"),
    [
        (lambda t: t, (12, 4, 1)),
        (lambda t: t.permute(2, 0, 1), (1, 12, 4)),
        (lambda t: t.narrow(1, 1, 2), (8, 4, 1)),
        (lambda t: t.permute(2, 0, 1).narrow(1, 0, 1), (1, 12, 4)),
        (lambda t: t.narrow(0, 0, 1).expand(5, 3, 4), (12, 4, 1)),
    ],
)
def test_like_keeps_the_order_of_the_strides(view: Any, strides: tuple[int, ...]) -> None:
    t = view(corex.ones(2, 3, 4))
    result = corex.zeros_like(t)
    assert result.stride() == strides
    assert not result.numpy().any()


def test_new_methods() -> None:
    t = corex.ones(2, dtype=corex.int32)
    same(t.new_zeros(1, 2), [[0, 0]], corex.int32)
    same(t.new_ones((2,)), [1, 1], corex.int32)
    same(t.new_full((2,), 2.5), [2, 2], corex.int32)
    same(t.new_tensor([1.5, 2.5]), [1, 2], corex.int32)
    same(t.new_tensor([1.5], dtype=corex.float64), [1.5], corex.float64)
    assert t.new_empty(3).shape == (3,)
    assert t.new_empty_strided((2, 3), (1, 2)).stride() == (1, 2)


def test_strided_and_scalar() -> None:
    t = corex.empty_strided((2, 3), (1, 2), dtype=corex.float64)
    assert (t.stride(), t.storage().nbytes()) == ((1, 2), 48)
    with pytest.raises(RuntimeError, match="dimensionality"):
        corex.empty_strided((2, 3), (1,))
    with pytest.raises(RuntimeError, match="negative"):
        corex.empty_strided((2, 3), (1, -2))
    same(corex.scalar_tensor(3), 3.0, corex.float32)


def test_permuted() -> None:
    assert corex.empty_permuted((2, 3, 4), (0, 2, 1)).stride() == (12, 1, 3)
    with pytest.raises(RuntimeError, match="Duplicate"):
        corex.empty_permuted((2, 3), (0, 0))
    with pytest.raises(RuntimeError, match="out of range"):
        corex.empty_permuted((2, 3), (0, 2))
    with pytest.raises(RuntimeError, match="does not match"):
        corex.empty_permuted((2, 3), (0,))
