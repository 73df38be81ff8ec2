"""PyTorch's older methods, and functions that few programs call."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import corex

pytestmark = [
    pytest.mark.usefixtures("each_backend"),
    pytest.mark.filterwarnings("ignore::corex.FallbackWarning"),
]


# ---- Python functions over the elements ----------------------------------------------------------
def test_functions_over_elements() -> None:
    x = corex.arange(6.0).reshape(2, 3)
    assert x.t().apply_(lambda value: value + 1).tolist() == [[1, 4], [2, 5], [3, 6]]
    assert x.map_(corex.tensor([1.0, 2, 3]), lambda a, b: a * b).tolist() == [
        [1, 4, 9],
        [4, 10, 18],
    ]
    assert x.map2_(x, x, lambda a, b, c: a + b - c).tolist() == [[1, 4, 9], [4, 10, 18]]
    whole = corex.tensor([1, 2])
    assert whole.apply_(lambda value: value * 1.75) is whole
    assert whole.tolist() == [1, 3]


def test_functions_over_elements_refuse() -> None:
    x = corex.ones(2)
    leaf = corex.ones(2, requires_grad=True)
    wrong: list[tuple[Any, type[Exception], str]] = [
        (lambda: leaf.apply_(lambda value: value), RuntimeError, "requires grad"),
        (lambda: leaf.map_(x, lambda a, b: a), RuntimeError, "requires grad"),
        (lambda: x.apply_(lambda value: "1"), TypeError, "real number"),
        (lambda: x.apply_(3), TypeError, "not callable"),
        (lambda: x.map_(x.long(), lambda a, b: a), TypeError, "LongTensor"),
        (lambda: x.map_(3, lambda a, b: a), TypeError, "must be Tensor"),
    ]
    for call, error, text in wrong:
        with pytest.raises(error, match=text):
            call()
    assert x.tolist() == [1, 1]


# ---- other memory --------------------------------------------------------------------------------
def test_set_shows_other_memory() -> None:
    source = corex.arange(6.0)
    x = corex.ones(2, 2)
    assert x.set_(source, 1, (2, 2), (1, 2)) is x
    assert x.tolist() == [[1, 3], [2, 4]]
    source[1] = 7
    assert x[0, 0] == 7
    assert x.set_(source.untyped_storage()).tolist() == source.tolist()
    assert x.set_(source.untyped_storage(), 4, (2,)).tolist() == [4, 5]
    assert x.set_(source.reshape(2, 3).t()).stride() == (1, 3)
    assert x.set_().shape == (0,)
    assert source.tolist() == [0, 7, 2, 3, 4, 5]


def test_set_refuses() -> None:
    x, leaf = corex.ones(2), corex.ones(2, requires_grad=True)
    wrong: list[tuple[Any, type[Exception], str]] = [
        (lambda: x.set_(corex.tensor([1])), RuntimeError, "Long"),
        (lambda: x.set_(x.untyped_storage(), 1, (2,)), RuntimeError, "out of bounds"),
        (lambda: x.set_(x, 0, (2,), (2,)), RuntimeError, "out of bounds"),
        (lambda: x.set_(3), TypeError, "Tensor or Storage"),
        (lambda: leaf.set_(x), RuntimeError, "leaf"),
    ]
    for call, error, text in wrong:
        with pytest.raises(error, match=text):
            call()
    assert (x.tolist(), leaf.tolist()) == ([1, 1], [1, 1])


def test_new_tensors_of_the_same_type() -> None:
    x = corex.tensor([[1, 2], [3, 4]])
    assert [x.new(2, 3).shape, x.new().shape, x.new(size=(3,)).shape] == [(2, 3), (0,), (3,)]
    assert x.new([1.5, 2]).tolist() == [1, 2]
    assert {t.backend for t in (x.new(1), x.new([1]))} == {x.backend}
    assert x.new(x).is_set_to(x)
    assert x.new(x.untyped_storage()).tolist() == [1, 2, 3, 4]
    for given in ("ab", 2.5, corex.ones(2)):
        with pytest.raises(TypeError):
            x.new(given)


def test_other_shapes() -> None:
    x = corex.arange(6.0).requires_grad_()
    with pytest.warns(UserWarning, match="resize is deprecated"):
        y = x.resize(2, 3)
    with pytest.warns(UserWarning, match="resize_as is deprecated"):
        (y.resize_as(corex.ones(3, 2))[2] * 2).sum().backward()
    assert x.grad is not None
    assert x.grad.tolist() == [0, 0, 0, 0, 2, 2]
    with pytest.warns(match="deprecated"), pytest.raises(RuntimeError, match="2x2 .4 elements"):
        x.resize(2, 2)


class Named(corex.Tensor):
    """A subclass with a method."""

    def twice(self) -> corex.Tensor:
        return self * 2


def test_subclasses() -> None:
    x = corex.ones(2, requires_grad=True)
    other = x.as_subclass(Named)
    assert isinstance(other, Named)
    other.twice().sum().backward()
    assert x.grad is not None
    assert x.grad.tolist() == [2, 2]
    with pytest.raises(TypeError, match="does not inherit"):
        x.as_subclass(int)


def test_loading_a_state() -> None:
    x, y = corex.zeros(2, requires_grad=True), corex.tensor([1.0, 2])
    with corex.no_grad():
        assert x.module_load(y).is_set_to(x)
    assert x.tolist() == [1, 2]
    assert x.module_load(y, assign=True).is_set_to(y)


# ---- bits and parts ------------------------------------------------------------------------------
def hashed(values: Any, axis: int | None = None) -> Any:
    bits = np.asarray(values, np.float64).view(np.uint64)
    return np.bitwise_xor.reduce(bits.ravel() if axis is None else bits, axis=axis or 0)


def test_hashes(each_backend: str) -> None:
    values = np.random.default_rng(0).normal(size=(3, 5))
    x = corex.tensor(values)
    assert corex.hash_tensor(x).numpy() == hashed(values)
    for dim in (0, 1):
        assert (corex.hash_tensor(x, dim).numpy() == hashed(values, dim)).all()
    assert corex.hash_tensor(x, (0, 1), keepdim=True).shape == (1, 1)
    assert x.t().hash_tensor().item() == x.float().double().copy_(x).hash_tensor().item()
    whole = corex.tensor([[5, 3], [1, 1]], dtype=corex.uint8)
    assert whole.hash_tensor(1).tolist() == [6, 0]
    assert corex.hash_tensor(corex.ones(0, 3), 1).shape == (0,)
    with pytest.raises(IndexError, match="non-zero size"):
        corex.hash_tensor(corex.ones(0, 3), 0)
    for call, text in ((lambda: corex.hash_tensor(x, mode=1), "mode: 1"),
                       (lambda: corex.hash_tensor(corex.ones(0)), "to be specified"),
                       (lambda: corex.hash_tensor(x, (0, 0)), "multiple times")):  # fmt: skip
        with pytest.raises(RuntimeError, match=text):
            call()
    with pytest.raises(NotImplementedError):
        corex.hash_tensor(x.cfloat())


@pytest.mark.parametrize("shape", [(3, 3), (7, 2), (2, 7), (3, 3, 3), (0, 3)])
def test_diagonals(shape: tuple[int, ...]) -> None:
    for wrap in (False, True):
        want = np.ones(shape)
        np.fill_diagonal(want, 5, wrap=wrap) if want.size else None
        x = corex.ones(shape)
        assert x.fill_diagonal_(5, wrap) is x
        assert x.tolist() == want.tolist()
        assert corex.ones(shape[::-1]).permute(*range(len(shape))[::-1]).fill_diagonal_(
            5, wrap
        ).tolist() == want.tolist()  # fmt: skip
    with pytest.raises(RuntimeError, match="larger than 1"):
        corex.ones(2).fill_diagonal_(1)
    with pytest.raises(RuntimeError, match="equal length"):
        corex.ones(2, 3, 2).fill_diagonal_(1)


def test_what_a_slice_is_of() -> None:
    x = corex.arange(12.0).reshape(4, 3)
    part = x[1:3]
    assert part.slice_inverse(x).is_set_to(x)
    with pytest.raises(RuntimeError):
        corex.ones(2).slice_inverse(x)


def test_copies_of_pairs() -> None:
    x = corex.arange(4.0).reshape(2, 2)
    z = corex.view_as_complex_copy(x)
    assert z.tolist() == [1j, 2 + 3j]
    assert corex.view_as_real_copy(z).tolist() == x.tolist()
    assert not z.is_set_to(corex.view_as_complex(x))
