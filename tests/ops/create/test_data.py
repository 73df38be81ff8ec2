"""`corex.tensor`: which dtype and values data become, and what is refused."""

from __future__ import annotations

from collections.abc import Iterator
from enum import Enum, IntEnum
from typing import Any

import numpy as np
import pytest

import corex
from corex.dispatch.devices import get_backend
from tests.ops.create.checks import INF, NAN, NUMBERS, same

pytestmark = pytest.mark.usefixtures("each_backend")


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
        ([2**63], ValueError, "Overflow when unpacking long long"),
        (np.array(["a"]), TypeError, "can't convert np.ndarray of type numpy.str_"),
        (np.zeros(2, "M8[s]"), TypeError, "The only supported types are: complex128"),
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


class Column:
    """A column of a table: a sequence by name, whose truth value is refused."""

    def __init__(self, elements: list[Any], first: int = 0) -> None:
        self.elements = dict(enumerate(elements, first))

    def __len__(self) -> int:
        return len(self.elements)

    def __getitem__(self, key: Any) -> Any:
        return self.elements[key]

    def __iter__(self) -> Iterator[Any]:
        return iter(self.elements.values())

    def __bool__(self) -> bool:
        raise ValueError("the truth value of a column is ambiguous")


def test_sequences_without_a_truth_value() -> None:
    for make in (corex.tensor, corex.as_tensor, corex.asarray):
        assert make(Column([1.5, 2.5])).tolist() == [1.5, 2.5]
        assert make([Column([1, 2]), Column([3, 4])]).tolist() == [[1, 2], [3, 4]]
        assert make(Column([])).shape == (0,)
    with pytest.raises(ValueError, match="determine the shape of object type 'Column'"):
        corex.tensor(Column([1, 2], first=5))


def test_members_of_an_enumeration() -> None:
    class Level(IntEnum):
        LOW = 3
        HIGH = 7

    class Word(Enum):
        LOW = 3

    assert corex.tensor(Level.HIGH).item() == 7
    assert corex.tensor([Level.LOW, Level.HIGH]).tolist() == [3, 7]
    assert corex.tensor([0.5, Level.LOW]).tolist() == [0.5, 3.0]
    with pytest.raises(RuntimeError, match="Could not infer dtype of Word"):
        corex.tensor(Word.LOW)


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
