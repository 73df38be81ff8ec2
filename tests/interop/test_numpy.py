"""Tensors as NumPy arrays and Python numbers: shared memory, conversions, and what is refused."""

from __future__ import annotations

import gc
import math
import operator
import warnings
from typing import Any

import numpy as np
import pytest

import corex
from corex.ops.create import host as create_host

pytestmark = pytest.mark.usefixtures("each_backend")

DTYPES = ["bool", "uint8", "int32", "int64", "float32", "float64"]


# ---- from NumPy --------------------------------------------------------------------------------
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("shape", [(), (3,), (2, 3), (2, 0), (2, 1, 3)])
def test_from_numpy_keeps_everything(dtype: str, shape: tuple[int, ...]) -> None:
    data = np.arange(math.prod(shape)).reshape(shape).astype(dtype)
    t = corex.from_numpy(data)
    assert t.shape == shape
    assert t.dtype.name == dtype
    assert t.tolist() == data.tolist()


VIEWS: dict[str, Any] = {
    "whole": lambda a: a,
    "transposed": lambda a: a.T,
    "steps": lambda a: a[::2, 1::2],
    "column": lambda a: a[:, 1],
    "corner": lambda a: a[1:, 2:].T,
    "new axes": lambda a: a[None, :, None],
    "one element": lambda a: a[1:2, 1:2],
}


@pytest.mark.parametrize("view", VIEWS)
def test_both_sides_see_what_either_writes(view: str) -> None:
    base = np.arange(20.0).reshape(4, 5)
    data = VIEWS[view](base)
    t = corex.from_numpy(data)
    assert t.tolist() == data.tolist()
    data[...] += 100
    assert t.tolist() == data.tolist()
    t.fill_(-1)
    assert (data == -1).all()
    assert (base == -1).sum() == data.size


def test_the_array_lives_as_long_as_the_tensor() -> None:
    t = corex.from_numpy(np.arange(1000.0)[::2])
    gc.collect()
    assert t.tolist() == [float(i) for i in range(0, 1000, 2)]


@pytest.mark.parametrize(
    ("data", "error", "message"),
    [
        ([1], TypeError, r"expected np.ndarray \(got list\)"),
        (np.array(["a"]), TypeError, "numpy.str_. The only supported types are: complex128"),
        (np.array([1], object), TypeError, "numpy.object_"),
        (np.zeros(1, np.longdouble), TypeError, "numpy.longdouble"),
        (np.arange(3)[::-1], ValueError, "negative"),
        (np.arange(3, dtype=">i4"), ValueError, "byte order"),
        (np.zeros(3, [("a", "<f4"), ("b", "i1")])["a"], ValueError, "multiple of the element"),
    ],
)
def test_from_numpy_refuses(data: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        corex.from_numpy(data)


def test_read_only_arrays_warn_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(create_host, "_warned", set())
    data = np.arange(3)
    data.flags.writeable = False
    with pytest.warns(UserWarning, match="not writable"):
        t = corex.from_numpy(data)
    assert t.tolist() == [0, 1, 2]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        corex.from_numpy(data)


# ---- to NumPy ----------------------------------------------------------------------------------
@pytest.mark.parametrize("dtype", DTYPES)
def test_numpy_is_the_same_memory(dtype: str) -> None:
    t = corex.ones(2, 3, dtype=getattr(corex, dtype))
    data = t.numpy()
    assert data.dtype.name == dtype
    data[1, 2] = 0
    assert t.tolist()[1][2] == 0
    t.fill_(0)
    assert not data.any()


def test_numpy_of_views() -> None:
    t = corex.arange(24).reshape(2, 3, 4)
    expected = np.arange(24).reshape(2, 3, 4)
    assert np.array_equal(t.permute(2, 0, 1).numpy(), expected.transpose(2, 0, 1))
    assert t.permute(2, 0, 1).numpy().strides == (8, 96, 32)
    part = t.narrow(1, 1, 2).select(2, 3).numpy()
    assert np.array_equal(part, expected[:, 1:3, 3])
    part[0, 0] = -5
    assert t.tolist()[0][1][3] == -5
    assert corex.ones(3).expand(2, 3).numpy().strides == (0, 4)
    assert corex.zeros(2, 0, 3).numpy().shape == (2, 0, 3)
    assert corex.tensor(3).numpy().shape == ()


def test_the_tensor_s_memory_lives_as_long_as_the_array() -> None:
    data = (corex.arange(1000) + 0).numpy()
    gc.collect()
    corex.zeros(1000, dtype=corex.int64)  # would take the memory if it were free
    assert data.tolist() == list(range(1000))


def test_numpy_and_gradients() -> None:
    t = corex.ones(2, requires_grad=True)
    for convert in (corex.Tensor.numpy, np.asarray):
        with pytest.raises(RuntimeError, match=r"Use tensor.detach\(\).numpy\(\) instead"):
            convert(t)
    assert t.detach().numpy().tolist() == t.numpy(force=True).tolist() == [1.0, 1.0]


def test_array_protocol() -> None:
    t = corex.arange(6).reshape(2, 3)
    assert np.shares_memory(np.asarray(t), t.numpy())
    assert np.shares_memory(t.__array__(copy=False), t.numpy())
    assert not np.shares_memory(np.array(t), t.numpy())
    assert np.asarray(t, dtype=np.float32).dtype == np.float32
    assert np.array(t, dtype=np.int64).tolist() == t.tolist()
    with pytest.raises(ValueError, match="avoid copy"):
        t.__array__(np.float32, copy=False)
    assert np.stack([corex.ones(2), corex.zeros(2)]).tolist() == [[1, 1], [0, 0]]


def test_numpy_functions_give_tensors_back() -> None:
    result = np.sin(corex.tensor([0.0, 0.5]))
    assert isinstance(result, corex.Tensor)
    np.testing.assert_allclose(result.numpy(), np.sin(np.float32([0, 0.5])), rtol=1e-6)
    assert np.isnan(corex.tensor([math.nan, 1.0])).tolist() == [True, False]


def test_numpy_functions_that_call_the_method() -> None:
    data = np.arange(6.0).reshape(2, 3)
    t = corex.from_numpy(data.copy())
    for function in (np.sum, np.mean, np.std, np.var, np.prod, np.cumsum):
        found = function(t, axis=1)
        assert isinstance(found, corex.Tensor)
        np.testing.assert_allclose(found.numpy(), function(data, axis=1))
    assert np.std(t).item() == np.std(data)
    assert np.var(t, axis=0, ddof=1, keepdims=True).tolist() == [[4.5, 4.5, 4.5]]


def test_operators_with_arrays_and_numpy_numbers() -> None:
    t = corex.ones(2)
    both = t + np.ones(2)
    assert isinstance(both, corex.Tensor)
    assert both.dtype is corex.float64
    assert both.tolist() == [2.0, 2.0]
    with pytest.raises(TypeError, match="unsupported operand"):
        np.ones(2) * t
    for product in (np.float64(2) * t, t * np.float64(2), np.int64(2) * t):
        assert product.dtype is corex.float32
        assert product.tolist() == [2.0, 2.0]


@pytest.mark.skipif(
    np.lib.NumpyVersion(np.__version__) < "2.4.0", reason="NumPy asks for its dtype since 2.4"
)
def test_dtypes_are_understood_by_numpy() -> None:
    for name in (*DTYPES, "uint16", "uint64", "int8", "float16", "complex64", "complex128"):
        dtype = getattr(corex, name)
        assert np.dtype(dtype) == np.dtype(name)
        assert np.zeros(2, dtype=dtype).dtype.name == name
    assert np.asarray(corex.ones(2), dtype=corex.float64).dtype == np.float64
    assert np.issubdtype(corex.float32, np.floating)
    for dtype in (corex.bfloat16, corex.complex32):
        assert not hasattr(dtype, "__numpy_dtype__")
        with pytest.raises(TypeError, match="data type"):
            np.dtype(dtype)


# ---- numbers -----------------------------------------------------------------------------------
@pytest.mark.parametrize("dtype", DTYPES)
def test_item_and_tolist(dtype: str) -> None:
    kind = {"bool": bool, "float32": float, "float64": float}.get(dtype, int)
    for t in (
        corex.ones((), dtype=getattr(corex, dtype)),
        corex.ones(1, 1, dtype=getattr(corex, dtype)),
    ):
        assert t.item() == 1
        assert type(t.item()) is kind
    assert corex.ones((), dtype=getattr(corex, dtype)).tolist() == 1
    listed = corex.ones(2, 2, dtype=getattr(corex, dtype)).tolist()
    assert listed == [[1, 1], [1, 1]]
    assert type(listed[0][0]) is kind


def test_item_of_a_view() -> None:
    t = corex.arange(12.0).reshape(3, 4)
    assert t.select(0, 2).select(0, 1).item() == 9.0
    assert t.t().narrow(0, 2, 1).narrow(1, 1, 1).item() == 6.0


@pytest.mark.parametrize("count", [0, 2])
def test_item_needs_one_element(count: int) -> None:
    with pytest.raises(RuntimeError, match=f"a Tensor with {count} elements cannot be converted"):
        corex.ones(count).item()


def test_tolist_of_views_and_nothing() -> None:
    t = corex.arange(24).reshape(2, 3, 4)
    expected = np.arange(24).reshape(2, 3, 4)
    assert t.permute(1, 2, 0).tolist() == expected.transpose(1, 2, 0).tolist()
    assert t.narrow(2, 1, 2).tolist() == expected[:, :, 1:3].tolist()
    assert t.select(0, 1).tolist() == expected[1].tolist()
    assert corex.ones(2, 0, 3).tolist() == [[], []]
    assert corex.ones(0, 3).tolist() == []


def test_python_numbers() -> None:
    assert float(corex.tensor([[2.5]])) == 2.5
    assert int(corex.tensor(-2.7)) == -2
    assert complex(corex.tensor(2)) == 2 + 0j
    assert int(corex.tensor(2**62)) == 2**62
    for convert in (float, int, complex):
        for count in (0, 2):
            with pytest.raises(ValueError, match="only one element tensors"):
                convert(corex.ones(count))
    with pytest.raises(ValueError, match="NaN"):
        int(corex.tensor(math.nan))
    with pytest.raises(OverflowError):
        int(corex.tensor(math.inf))


def test_truth() -> None:
    assert corex.tensor([[True]])
    assert not corex.tensor(0.0)
    assert corex.tensor(math.nan)
    with pytest.raises(RuntimeError, match="more than one value is ambiguous"):
        bool(corex.ones(2))
    with pytest.raises(RuntimeError, match="no values is ambiguous"):
        bool(corex.ones(0))


def test_index() -> None:
    assert "abc"[corex.tensor([1])] == "b"
    assert operator.index(corex.tensor(True)) == 1
    for bad in (corex.tensor(1.0), corex.tensor([1, 2]), corex.ones(0, dtype=corex.int64)):
        with pytest.raises(TypeError, match="only integer tensors of a single element"):
            operator.index(bad)


# ---- containers --------------------------------------------------------------------------------
def test_iteration() -> None:
    rows = list(corex.arange(6).reshape(3, 2))
    assert [row.tolist() for row in rows] == [[0, 1], [2, 3], [4, 5]]
    assert list(corex.ones(0, 2)) == []
    t = corex.zeros(2, 2)
    for row in t:
        row.fill_(1)
    assert t.tolist() == [[1.0, 1.0], [1.0, 1.0]]
    with pytest.raises(TypeError, match="iteration over a 0-d tensor"):
        iter(corex.tensor(1))


def test_contains() -> None:
    t = corex.tensor([[1.0, 2.0], [3.0, 4.0]])
    assert 2 in t
    assert 5.0 not in t
    assert corex.tensor([1.0, 2.0]) in t
    assert np.float32(4) in t
    with pytest.raises(RuntimeError, match="only supports Tensor or scalar"):
        "a" in t  # noqa: B015
