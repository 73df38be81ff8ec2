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


def test_multinomial_follows_the_weights(each_backend: str) -> None:
    corex.manual_seed(3)
    weights = corex.tensor([[1.0, 0.0, 3.0], [0.0, 2.0, 2.0]])
    drawn = corex.multinomial(weights, 2000, replacement=True)
    counts = [[(row == k).sum().item() / 2000 for k in range(3)] for row in drawn]
    for got, want in zip(counts, ([0.25, 0.0, 0.75], [0.0, 0.5, 0.5]), strict=True):
        assert got == pytest.approx(want, abs=0.05)
    rows = corex.multinomial(weights, 2).tolist()
    assert sorted(rows[0]) == [0, 2]
    assert sorted(rows[1]) == [1, 2]


def test_multinomial_refuses_what_is_no_distribution() -> None:
    for weights, count in (([0.0, 0.0], 1), ([1.0, 0.0], 2), ([1.0, -1.0], 1), ([1.0, 2.0], 0)):
        with pytest.raises(RuntimeError):
            corex.multinomial(corex.tensor(weights), count)


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
