"""Creation functions: shapes, dtypes, values by closed forms, and what they refuse."""

from __future__ import annotations

import array
import math
import struct
import warnings
from typing import Any

import numpy as np
import pytest

import corex
from corex.dispatch.devices import get_backend

pytestmark = pytest.mark.usefixtures("each_backend")

DTYPES = [corex.bool, corex.uint8, corex.int32, corex.int64, corex.float32, corex.float64]
NUMBERS = DTYPES[1:]
NAN, INF = math.nan, math.inf


def same(t: corex.Tensor, values: Any, dtype: corex.DType) -> None:
    assert t.dtype is dtype
    assert t.tolist() == values


# ---- tensor ------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("data", "dtype"),
    [
        (1.5, corex.float32),
        (3, corex.int64),
        (True, corex.bool),
        ([1, 2, 3], corex.int64),
        ([1.0, 2.5], corex.float32),
        ([True, False], corex.bool),
        ([[1, 2], [3, 4]], corex.int64),
        ([[[0.5]], [[1.5]]], corex.float32),
    ],
)
def test_tensor_infers_the_dtype_and_keeps_the_values(data: Any, dtype: corex.DType) -> None:
    same(corex.tensor(data), data, dtype)


def test_tensor_of_mixed_numbers() -> None:
    same(corex.tensor([1, 2.5]), [1.0, 2.5], corex.float32)
    same(corex.tensor([True, 2]), [1, 2], corex.int64)
    same(corex.tensor([True, 0.5]), [1.0, 0.5], corex.float32)
    same(corex.tensor([np.int32(1), 2.5]), [1.0, 2.5], corex.float32)
    same(corex.tensor([np.float64(0.1), 1]), [0.1, 1.0], corex.float64)
    same(corex.tensor([np.bool_(True), 2]), [1, 2], corex.int64)
    same(corex.tensor((range(2), [2, 3])), [[0, 1], [2, 3]], corex.int64)


@pytest.mark.parametrize("dtype", NUMBERS)
def test_tensor_converts(dtype: corex.DType) -> None:
    same(corex.tensor([0, 1, 2], dtype=dtype), [0, 1, 2], dtype)
    same(corex.tensor([True, False], dtype=dtype), [1, 0], dtype)
    same(corex.tensor(np.array([3.0, 4.0]), dtype=dtype), [3, 4], dtype)


def test_tensor_truncates_and_wraps() -> None:
    same(corex.tensor([1.7, -1.7], dtype=corex.int32), [1, -1], corex.int32)
    same(corex.tensor([-1], dtype=corex.uint8), [255], corex.uint8)
    same(corex.tensor([0.5, 0.0, NAN], dtype=corex.bool), [True, False, True], corex.bool)
    same(corex.tensor([1e300]), [INF], corex.float32)


def test_the_default_dtype_is_that_of_python_floats() -> None:
    corex.set_default_dtype(corex.float64)
    try:
        same(corex.tensor([0.1]), [0.1], corex.float64)
        assert corex.zeros(1).dtype is corex.float64
        assert corex.arange(0.5).dtype is corex.float64
        assert corex.full((1,), 0.5).dtype is corex.float64
    finally:
        corex.set_default_dtype(corex.float32)
    assert corex.zeros(1).dtype is corex.float32


def test_python_types_as_dtypes() -> None:
    assert corex.zeros(1, dtype=float).dtype is corex.float64
    assert corex.zeros(1, dtype=int).dtype is corex.int64
    assert corex.zeros(1, dtype=bool).dtype is corex.bool


def test_tensor_of_nothing() -> None:
    same(corex.tensor([]), [], corex.float32)
    t = corex.tensor([[], []], dtype=corex.int32)
    assert t.shape == (2, 0)
    same(t, [[], []], corex.int32)


@pytest.mark.parametrize(
    ("data", "error", "message"),
    [
        ([[1, 2], [3, 4, 5]], ValueError, "expected sequence of length 2 at dim 1 (got 3)"),
        ([[[1], [2]], [[3], [4, 5]]], ValueError, "expected sequence of length 1 at dim 2 (got 2)"),
        ([[1, 2], 3], TypeError, "not a sequence"),
        ([1, [2]], TypeError, "'list' object"),
        ("abc", TypeError, "invalid data type 'str'"),
        (["abc"], ValueError, "too many dimensions 'str'"),
        ([1, "a"], TypeError, "invalid data type 'str'"),
        (None, RuntimeError, "Could not infer dtype of NoneType"),
        ([object()], RuntimeError, "Could not infer dtype of object"),
        ([1j], TypeError, "complex"),
        ([2**63], ValueError, "Overflow when unpacking long long"),
        (np.array(["a"]), TypeError, "can't convert np.ndarray of type numpy.str_"),
        (np.zeros(2, np.int16), TypeError, "The only supported types are: float64"),
    ],
)
def test_tensor_refuses(data: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error) as caught:
        corex.tensor(data)
    assert message in str(caught.value)


@pytest.mark.parametrize(
    ("value", "dtype"),
    [
        (256, corex.uint8), (-256, corex.uint8), (-0.5, corex.uint8), (2**31, corex.int32),
        (NAN, corex.int64), (INF, corex.int32), (1e20, corex.int64),
    ],
)  # fmt: skip
def test_numbers_that_a_dtype_cannot_hold(value: float, dtype: corex.DType) -> None:
    for make in (
        lambda: corex.tensor(value, dtype=dtype),
        lambda: corex.tensor([0, value], dtype=dtype),
        lambda: corex.full((2,), value, dtype=dtype),
    ):
        with pytest.raises(RuntimeError, match="without overflow"):
            make()


def test_a_list_without_end_is_refused() -> None:
    endless: list[Any] = []
    endless.append(endless)
    with pytest.raises(ValueError, match="too many dimensions"):
        corex.tensor(endless)


def test_tensor_of_tensors() -> None:
    same(corex.tensor([corex.tensor(1), corex.tensor(2.5)]), [1.0, 2.5], corex.float32)
    same(corex.tensor([corex.ones(1, dtype=corex.float64), 2]), [1.0, 2.0], corex.float64)
    with pytest.raises(ValueError, match="only one element"):
        corex.tensor([corex.ones(2), corex.ones(2)])


def test_tensor_copies_a_tensor_and_says_so() -> None:
    source = corex.tensor([1.0, 2.0], requires_grad=True)
    with pytest.warns(UserWarning, match="copy construct"):
        t = corex.tensor(source)
    assert t.storage() is not source.storage()
    assert not t.requires_grad
    same(t, [1.0, 2.0], corex.float32)


def test_requires_grad() -> None:
    assert corex.tensor([1.0], requires_grad=True).requires_grad
    assert corex.zeros(2, requires_grad=True).is_leaf
    with pytest.raises(RuntimeError, match="floating point"):
        corex.tensor([1], requires_grad=True)
    with pytest.raises(RuntimeError, match="floating point"):
        corex.zeros(1, dtype=corex.int64, requires_grad=True)


def test_where_tensors_are_made() -> None:
    other = "cpu_c" if get_backend() == "reference_py" else "reference_py"
    assert corex.tensor([1.0]).backend == get_backend()
    assert corex.tensor([1.0], backend="reference_py").backend == "reference_py"
    assert corex.zeros(2, device="cpu").device == corex.device("cpu")
    assert corex.arange(2, backend="reference_py").backend == "reference_py"
    with pytest.raises(RuntimeError):
        corex.zeros(1, device="nonesuch")
    if corex.plugins.manager.unavailable_reason(other) is None:
        t = corex.ones(2, 3, backend=other)
        assert corex.zeros_like(t).backend == other
        assert t.new_full((2,), 7).backend == other
        same(corex.tensor([[1, 2]], backend=other), [[1, 2]], corex.int64)


def test_large_lists() -> None:
    values = [i * 0.25 for i in range(10_000)]
    same(corex.tensor(values), values, corex.float32)
    rows = [values[i : i + 100] for i in range(0, 10_000, 100)]
    assert corex.tensor(rows, dtype=corex.float64).tolist() == rows


# ---- of one value ------------------------------------------------------------------------------
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


# ---- ranges ------------------------------------------------------------------------------------
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


# ---- matrices ----------------------------------------------------------------------------------
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


# ---- from memory -------------------------------------------------------------------------------
def test_frombuffer_shares_memory() -> None:
    data = bytearray(struct.pack("4f", 1, 2, 3, 4))
    t = corex.frombuffer(data, dtype=corex.float32, count=2, offset=4)
    same(t, [2.0, 3.0], corex.float32)
    data[4:8] = struct.pack("f", 9)
    assert t.tolist() == [9.0, 3.0]
    t.fill_(7)
    assert struct.unpack("4f", data) == (1, 7, 7, 4)


@pytest.mark.parametrize(
    ("data", "options", "message"),
    [
        (b"", {}, "must not be 0"),
        (b"abcd", {"count": 0}, "must not be 0"),
        (b"abcde", {}, "multiple of element size"),
        (b"abcd", {"offset": 4}, "no greater than buffer length"),
        (b"abcd", {"offset": -1}, "no greater than buffer length"),
        (b"abcdefgh", {"count": 3}, "must not be greater"),
        (3, {}, "buffer protocol"),
    ],
)
def test_frombuffer_refuses(data: Any, options: dict[str, int], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        corex.frombuffer(data if data == 3 else bytearray(data), dtype=corex.int32, **options)


def test_as_tensor_and_asarray_share_what_they_can() -> None:
    t = corex.ones(2)
    assert corex.as_tensor(t) is t
    assert corex.asarray(t) is t
    assert corex.asarray(t, copy=True) is not t
    same(corex.as_tensor(t, dtype=corex.int32), [1, 1], corex.int32)
    data = np.zeros(3)
    for shared in (corex.as_tensor(data), corex.asarray(data), corex.asarray(data, copy=False)):
        data[0] += 1
        assert shared.tolist() == data.tolist()
    copied = corex.asarray(data, copy=True)
    data[0] = 50
    assert copied.tolist()[0] == 3.0
    same(corex.asarray([1, 2]), [1, 2], corex.int64)
    same(corex.as_tensor([[1.5]], dtype=corex.float64), [[1.5]], corex.float64)
    same(corex.asarray(array.array("i", [1, 2]), dtype=corex.int32), [1, 2], corex.int32)
    for obj in ([1, 2], 3):
        with pytest.raises(ValueError, match="alias"):
            corex.asarray(obj, copy=False)
    with pytest.raises(ValueError, match="alias"):
        corex.asarray(data, dtype=corex.int32, copy=False)


def test_what_cannot_be_shared_is_copied() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        same(corex.as_tensor(np.arange(3)[::-1]), [2, 1, 0], corex.int64)
        same(corex.asarray(np.broadcast_to(np.ones(1), (2,))), [1.0, 1.0], corex.float64)
        same(corex.tensor(np.arange(4.0).reshape(2, 2).T), [[0, 2], [1, 3]], corex.float64)
