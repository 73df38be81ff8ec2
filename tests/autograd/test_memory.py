"""What a graph holds, and when it lets go."""

from __future__ import annotations

import gc
import weakref
from collections.abc import Iterator

import pytest

import corex
from corex.autograd import grad


@pytest.fixture(autouse=True)
def _without_collector() -> Iterator[None]:
    """Memory must go by reference counts alone."""
    gc.collect()
    gc.disable()
    yield
    gc.enable()


def leaf(values):
    return corex.tensor(values, dtype=corex.float64, requires_grad=True)


def live() -> int:
    return int(corex.memory_stats()["allocated_bytes"])


def test_a_graph_dies_with_its_last_tensor() -> None:
    x = leaf([1.0, 2.0])
    y = x.exp() * x
    node, saved = weakref.ref(y.grad_fn), weakref.ref(y.grad_fn.saved_tensors[0].storage())
    del y
    assert node() is None
    assert saved() is None


def test_backward_frees_what_was_saved() -> None:
    x = leaf([1.0, 2.0])
    y = x.exp()
    inner = weakref.ref(y.storage())
    loss = (y * x).sum()
    del y
    assert inner() is not None
    loss.backward()
    assert inner() is None


def test_retain_graph_keeps_it() -> None:
    x = leaf([1.0, 2.0])
    y = x.exp()
    inner = weakref.ref(y.storage())
    loss = (y * x).sum()
    del y
    loss.backward(retain_graph=True)
    assert inner() is not None


def test_memory_is_freed_while_backward_proceeds() -> None:
    x = leaf([1.0] * 4)
    y = x
    refs = []
    for _ in range(10):
        y = y * y
        refs.append(weakref.ref(y.storage()))
    seen = []
    x.register_hook(lambda g: seen.append(sum(ref() is not None for ref in refs)))
    loss = y.sum()
    del y
    loss.backward()
    assert seen == [0]


def test_ten_thousand_steps_leave_memory_where_it_was() -> None:
    x = leaf([1.0, 2.0, 3.0])

    def step():
        y = (x * 2).sin() + x
        y.mul_(x)
        y[:2].add_(1)
        y.sum().backward()

    step()
    before, objects = live(), len(gc.get_objects())
    for _ in range(2_000):
        step()
    assert live() == before
    assert len(gc.get_objects()) - objects < 50


def test_a_long_chain_is_freed_without_recursion() -> None:
    x = leaf(1.0)
    y = x * 1.5
    before = live()
    for _ in range(100_000):
        y = y * 1.5
    node = weakref.ref(y.grad_fn)
    y = None
    assert node() is None
    assert live() < before


def test_a_chain_of_saved_tensors_is_freed_without_recursion() -> None:
    x = leaf(1.0)
    y = x
    for _ in range(100_000):
        y = y.sin()
    first = weakref.ref(y.grad_fn)
    y.backward()
    del y
    assert first() is None


def test_a_leaf_dies_while_its_graph_lives() -> None:
    x = leaf([1.0, 2.0])
    ref = weakref.ref(x)
    y = (x + 1).sum()
    del x
    assert ref() is None
    y.backward()


def test_a_failed_backward_holds_nothing() -> None:
    x = leaf([1.0, 2.0])
    y = x.exp()

    def hook(g):
        raise ValueError("stop")

    y.register_hook(hook)
    loss = y.sum()
    for _ in range(2):
        with pytest.raises(ValueError):
            loss.backward(retain_graph=True)
    ref = weakref.ref(y.grad_fn)
    del y, loss, hook
    gc.collect()
    assert ref() is None


def test_create_graph_result_holds_its_graph_only() -> None:
    x = leaf([1.0, 2.0])
    (first,) = grad((x**3).sum(), x, create_graph=True)
    ref = weakref.ref(first.grad_fn)
    del first
    assert ref() is None
