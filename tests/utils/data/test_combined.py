"""Datasets made of datasets, and samples drawn by weights."""

from __future__ import annotations

import pytest

import corex
from corex.utils.data import (
    ChainDataset,
    IterableDataset,
    StackDataset,
    TensorDataset,
    WeightedRandomSampler,
    get_worker_info,
)


class Stream(IterableDataset):
    def __init__(self, *values: int) -> None:
        self.values = values

    def __iter__(self):
        return iter(self.values)

    def __len__(self) -> int:
        return len(self.values)


def test_chained_streams() -> None:
    chained = ChainDataset([Stream(1, 2), Stream(), Stream(3)])
    assert list(chained) == [1, 2, 3]
    assert len(chained) == 3
    added = Stream(1) + Stream(2, 3)
    assert isinstance(added, ChainDataset)
    assert list(added) == [1, 2, 3]
    with pytest.raises(AssertionError, match="only supports IterableDataset"):
        list(ChainDataset([[1]]))


def test_stacked_datasets() -> None:
    stacked = StackDataset(TensorDataset(corex.arange(3)), [4, 5, 6])
    assert len(stacked) == 3
    (first,), second = stacked[1]
    assert (first.item(), second) == (1, 5)
    assert [b for _, b in stacked.__getitems__([2, 0])] == [6, 4]
    assert StackDataset(a=[1, 2], b=[3, 4])[1] == {"a": 2, "b": 4}
    for args, kwargs in (([[1], [2, 3]], {}), ([], {}), ([[1]], {"a": [1]})):
        with pytest.raises(ValueError, match=r"mismatch|At least|both types"):
            StackDataset(*args, **kwargs)


def test_weighted_samples() -> None:
    corex.manual_seed(0)
    drawn = list(WeightedRandomSampler([0.0, 1.0, 3.0], 4000))
    assert len(drawn) == 4000
    assert set(drawn) == {1, 2}
    assert abs(drawn.count(2) / 4000 - 0.75) < 0.03
    once = WeightedRandomSampler([1.0, 2.0, 3.0], 3, replacement=False)
    assert sorted(once) == [0, 1, 2]
    for arguments in (([1.0], 0), ([1.0], 1, "x"), ([[1.0]], 1)):
        with pytest.raises(ValueError, match=r"positive integer|boolean|1d sequence"):
            WeightedRandomSampler(*arguments)


def test_a_variable_is_a_tensor_over_the_same_memory() -> None:
    data = corex.ones(2)
    variable = corex.autograd.Variable(data, requires_grad=True)
    assert type(variable) is corex.Tensor
    assert variable.data_ptr() == data.data_ptr()
    assert variable.is_leaf
    assert variable.requires_grad
    assert not corex.autograd.Variable(variable * 2).requires_grad
    assert isinstance(data, corex.autograd.Variable)
    assert not isinstance(3, corex.autograd.Variable)
    with pytest.raises(TypeError, match="has to be a tensor"):
        corex.autograd.Variable(3)


def test_the_program_itself_is_no_worker() -> None:
    assert get_worker_info() is None
