"""Small things that programs written for PyTorch expect."""

from __future__ import annotations

import copy
import pickle

import pytest

import corex


def test_type_names_and_converts() -> None:
    t = corex.tensor([0, 1])
    assert t.type() == "corex.LongTensor"
    assert t.type(corex.float32).dtype is corex.float32
    assert t.type("corex.DoubleTensor").dtype is corex.float64
    with pytest.raises(ValueError, match="invalid type"):
        t.type("corex.Nothing")


def test_size_is_a_tuple_that_counts() -> None:
    size = corex.ones(2, 3).size()
    assert size == (2, 3)
    assert size.numel() == 6
    assert repr(size) == "corex.Size([2, 3])"
    assert corex.ones(2, 3).size(-1) == 3


def test_cuda_is_asked_not_assumed() -> None:
    assert corex.cuda.is_available() == (corex.cuda.device_count() > 0)


def test_copies_and_pickles(each_backend: str) -> None:
    base = corex.arange(6.0).reshape(2, 3)
    first, second = copy.deepcopy([base, base.t()])
    first[0, 1] = 9
    assert second[1, 0].item() == 9
    assert base[0, 1].item() == 1
    leaf = corex.ones(2, requires_grad=True)
    again = pickle.loads(pickle.dumps(leaf))
    assert again.tolist() == [1.0, 1.0]
    assert again.requires_grad
    with pytest.raises(RuntimeError, match="deepcopy"):
        copy.deepcopy(leaf * 2)


def test_tensor_constructor() -> None:
    assert corex.Tensor([1, 2]).dtype is corex.float32
    assert corex.Tensor(2, 0).shape == (2, 0)
    with pytest.raises(TypeError, match="sizes or one sequence"):
        corex.Tensor("a", 1)
