"""Checkpointed parts have the same derivatives, and keep nothing in between."""

from __future__ import annotations

import gc
import weakref

import pytest

import corex
from corex.autograd import grad
from corex.autograd.checkpoint import CheckpointError, checkpoint, checkpoint_sequential


def leaf(values):
    return corex.tensor(values, dtype=corex.float64, requires_grad=True)


def block(x):
    return (x.sin() * x).exp() * x


def test_same_gradients() -> None:
    x, y = leaf([0.3, 0.7]), leaf([0.3, 0.7])
    checkpoint(block, x * 2).sum().backward()
    block(y * 2).sum().backward()
    assert x.grad.tolist() == y.grad.tolist()


def test_parameters_of_a_closure_get_gradients() -> None:
    weight, x = leaf([2.0, 3.0]), corex.tensor([0.5, 1.0], dtype=corex.float64)
    out = checkpoint(lambda a: (a * weight).sin() * weight, x)
    (found,) = grad(out.sum(), weight, retain_graph=True)
    (expected,) = grad(((x * weight).sin() * weight).sum(), weight)
    assert found.tolist() == expected.tolist()
    out.sum().backward()
    assert weight.grad.tolist() == expected.tolist()


def test_intermediate_values_are_dropped_and_computed_once_more() -> None:
    runs, inner = [], []

    def function(x):
        runs.append(1)
        y = x.sin()
        inner.append(weakref.ref(y.storage()))
        return y * y

    x = leaf([0.3, 0.7])
    out = checkpoint(function, x).sum()
    assert inner[0]() is None
    out.backward()
    assert len(runs) == 2
    assert inner[1]() is None
    with pytest.raises(RuntimeError, match="second time"):
        out.backward()


def test_higher_derivatives_and_nesting() -> None:
    x = leaf(0.7)

    def twice(a):
        return checkpoint(block, checkpoint(block, a))

    (first,) = grad(checkpoint(twice, x), x, create_graph=True)
    (second,) = grad(first, x)
    (plain,) = grad(block(block(x)), x, create_graph=True)
    assert first.item() == plain.item()
    assert second.item() == pytest.approx(grad(plain, x)[0].item(), rel=1e-13)


def test_an_unused_checkpoint_dies_with_its_result() -> None:
    gc.collect()
    gc.disable()
    try:
        x = leaf([0.3, 0.7])
        out = checkpoint(block, x)
        node = weakref.ref(out.grad_fn)
        del out
        assert node() is None
    finally:
        gc.enable()


def test_values_from_outside_keep_their_graph() -> None:
    x, z = leaf([0.3, 0.7]), leaf([1.0, 2.0])
    outside = z.exp()
    checkpoint(lambda a: a * outside.sin(), x).sum().backward()
    expected = (x.detach() * z.detach().exp().cos() * z.detach().exp()).tolist()
    assert z.grad.tolist() == pytest.approx(expected)


def test_random_numbers_are_repeated() -> None:
    x = leaf([1.0] * 8)

    def function(a):
        return a * corex.rand(8, dtype=corex.float64)

    corex.manual_seed(3)
    out = checkpoint(function, x)
    after = corex.rand(3).tolist()
    corex.manual_seed(3)
    corex.rand(8, dtype=corex.float64)
    assert corex.rand(3).tolist() == after
    out.sum().backward()
    assert x.grad.tolist() == out.tolist()


def test_other_operations_the_second_time() -> None:
    state = []

    def function(a):
        state.append(1)
        return a.sin() if len(state) == 1 else a.cos()

    with pytest.raises(CheckpointError, match="SinBackward0"):
        checkpoint(function, leaf(1.0)).backward()


def test_nothing_to_differentiate() -> None:
    assert not checkpoint(block, corex.tensor(1.0)).requires_grad
    with corex.no_grad():
        assert not checkpoint(block, leaf(1.0)).requires_grad


def test_sequential() -> None:
    x, plain = leaf([0.1, 0.2]), leaf([0.1, 0.2])
    steps = [corex.sin, corex.exp, corex.cos, corex.tanh, corex.sin]
    checkpoint_sequential(steps, 2, x).sum().backward()
    value = plain
    for step in steps:
        value = step(value)
    value.sum().backward()
    assert x.grad.tolist() == plain.grad.tolist()
