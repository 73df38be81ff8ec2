"""The backward pass: what reaches which leaf, in which order, and what is refused."""

from __future__ import annotations

import math
import threading

import numpy as np
import pytest

import corex
from corex.autograd import GradientEdge, backward, get_gradient_edge, grad


def leaf(values, **kwargs):
    return corex.tensor(values, dtype=corex.float64, requires_grad=True, **kwargs)


def test_chain_and_fan_out() -> None:
    x = leaf(0.7)
    y = x.sin()
    (y * x + y).backward()
    assert x.grad.item() == pytest.approx(math.cos(0.7) * 1.7 + math.sin(0.7), rel=1e-14)


def test_gradients_accumulate_in_place() -> None:
    x = leaf([1.0, 2.0])
    (x * 3).sum().backward()
    first = x.grad
    (x * x).sum().backward()
    assert x.grad is first
    assert x.grad.tolist() == [5.0, 7.0]


def test_gradients_of_two_leaves_are_not_shared() -> None:
    a, b = leaf([1.0, 2.0]), leaf([3.0, 4.0])
    (a + b).sum().backward()
    a.grad.add_(1)
    assert (a.grad.tolist(), b.grad.tolist()) == ([2.0, 2.0], [1.0, 1.0])


def test_the_given_gradient_is_not_kept() -> None:
    x = leaf([1.0, 2.0])
    given = corex.tensor([1.0, 10.0], dtype=corex.float64)
    x.backward(given)
    given.zero_()
    assert x.grad.tolist() == [1.0, 10.0]


def test_the_gradient_of_a_scalar_leaf_is_its_own() -> None:
    x, y = leaf(1.0), leaf(2.0)
    x.backward()
    x.grad.mul_(5)
    y.backward()
    assert (x.grad.item(), y.grad.item()) == (5.0, 1.0)


def test_a_hook_may_keep_and_change_the_first_gradient() -> None:
    kept = []
    for _ in range(2):
        x = leaf(2.0)
        y = x * 3
        y.register_hook(lambda g: kept.append(g))
        y.backward()
        assert x.grad.item() == 3.0
    kept[0].zero_()
    assert kept[1].item() == 1.0
    x = leaf(2.0)
    (x * 3).backward()
    assert x.grad.item() == 3.0


def test_arrays_made_from_gradients_in_hooks_are_left_alone() -> None:
    x, kept = leaf([1.0, 2.0]), []
    y = x + 0
    y.register_hook(lambda g: kept.append(g.numpy()))
    (y * 3).sum().backward()
    x.grad.zero_()
    assert kept[0].tolist() == [3.0, 3.0]


def test_broadcast_gradients_are_summed() -> None:
    a, b = leaf(np.ones((3, 1)).tolist()), leaf(np.arange(4.0).tolist())
    (a * b).sum().backward()
    assert a.grad.tolist() == [[6.0]] * 3
    assert b.grad.tolist() == [3.0] * 4


def test_many_consumers_are_summed_once() -> None:
    x = leaf([1.0, 2.0])
    y = x * 1
    total = y
    for k in range(2, 6):
        total = total + y * k
    calls = []
    y.register_hook(lambda g: calls.append(g.tolist()))
    total.sum().backward()
    assert calls == [[15.0, 15.0]]
    assert x.grad.tolist() == [15.0, 15.0]


def test_summing_does_not_overwrite_what_others_see() -> None:
    x = leaf([1.0, 2.0])
    y, kept = x * 1, []
    parts = [y * 2, y * 3, y * 4]
    for part in parts:
        part.register_hook(lambda g: kept.append(g))
    (parts[0] + parts[1] + parts[2]).sum().backward()
    assert [g.tolist() for g in kept] == [[1.0, 1.0]] * 3
    assert x.grad.tolist() == [9.0, 9.0]


def test_multiple_outputs() -> None:
    x = leaf([[1.0, 2.0], [3.0, 4.0]])
    first, second = x.unbind(0)
    (first * second).sum().backward()
    assert x.grad.tolist() == [[3.0, 4.0], [1.0, 2.0]]
    y = leaf([1.0, 5.0, 2.0])
    y.max(0)[0].backward()
    assert y.grad.tolist() == [0.0, 1.0, 0.0]


def test_third_derivative_of_sine() -> None:
    x = leaf(0.7)
    derivative = x.sin()
    expected = [math.cos(0.7), -math.sin(0.7), -math.cos(0.7), math.sin(0.7)]
    for value in expected:
        (derivative,) = grad(derivative, x, create_graph=True)
        assert derivative.item() == pytest.approx(value, rel=1e-14)


def test_create_graph_leaves_a_differentiable_grad() -> None:
    x = leaf([1.0, 2.0])
    (x**3).sum().backward(create_graph=True)
    assert x.grad.requires_grad
    (second,) = grad(x.grad.sum(), x)
    assert second.tolist() == [6.0, 12.0]
    x.grad = None


def test_grads_do_not_require_grad_without_create_graph() -> None:
    x = leaf([1.0, 2.0])
    direction = leaf([1.0, 1.0])
    (x * 1).backward(direction)
    assert not x.grad.requires_grad


def test_freed_graph_and_retain_graph() -> None:
    x = leaf(2.0)
    y = x * x
    y.backward(retain_graph=True)
    y.backward()
    assert x.grad.item() == 8.0
    with pytest.raises(RuntimeError, match="Trying to backward through the graph a second time"):
        y.backward()


def test_a_graph_that_saved_nothing_may_run_again() -> None:
    x = leaf([2.0, 3.0])
    y = (x + 1).sum()
    y.backward()
    y.backward()
    assert x.grad.tolist() == [2.0, 2.0]


def test_backward_needs_scalars_and_graphs() -> None:
    with pytest.raises(RuntimeError, match="grad can be implicitly created only for scalar"):
        (leaf([1.0, 2.0]) * 2).backward()
    with pytest.raises(
        RuntimeError, match="element 0 of tensors does not require grad and does not have a grad_fn"
    ):
        corex.tensor(1.0).backward()
    with pytest.raises(RuntimeError, match=r"Mismatch in shape: grad_output\[0\] has a shape of"):
        (leaf([1.0, 2.0]) * 2).backward(corex.ones(3, dtype=corex.float64))
    with pytest.raises(TypeError, match="gradients can be either Tensors or None, but got int"):
        leaf(1.0).backward(3)
    with pytest.raises(RuntimeError, match="got 2 tensors and 1 gradients"):
        backward([leaf(1.0), leaf(2.0)], [None])


def test_a_one_element_tensor_counts_as_scalar() -> None:
    x = leaf([[3.0]])
    (x * x).backward()
    assert x.grad.tolist() == [[6.0]]


def test_several_roots_share_one_pass() -> None:
    x = leaf(2.0)
    y = x * 3
    z = y * y
    calls = []
    y.register_hook(lambda g: calls.append(g.item()))
    backward([z, y], [None, corex.tensor(10.0, dtype=corex.float64)])
    assert calls == [22.0]
    assert x.grad.item() == 66.0


def test_backward_with_inputs_fills_only_those() -> None:
    a, b = leaf(2.0), leaf(3.0)
    inner = a * b
    (inner * b).backward(inputs=[a, inner])
    assert a.grad.item() == 9.0
    assert inner.grad.item() == 3.0
    assert b.grad is None
    with pytest.raises(RuntimeError, match="cannot be empty"):
        (a * b).backward(inputs=[])


def test_grad_touches_no_leaf() -> None:
    a, b = leaf(2.0), leaf(3.0)
    inner = a * b
    found = grad(inner * inner, [b, inner, a])
    assert [g.item() for g in found] == [24.0, 12.0, 36.0]
    assert a.grad is None
    assert b.grad is None


def test_grad_runs_only_what_leads_to_the_inputs() -> None:
    a, b = leaf(2.0), leaf(3.0)
    left, right = a.sin(), b.sin()
    calls = []
    right.register_hook(lambda g: calls.append(g))
    grad(left * right, left)
    assert not calls


def test_unused_inputs() -> None:
    x, other = leaf(2.0), leaf([1.0, 1.0])
    with pytest.raises(RuntimeError, match="appears to not have been used in the graph"):
        grad(x * 2, other)
    assert grad(x * 2, [x, other], allow_unused=True)[1] is None
    assert grad(x * 2, [x, other], materialize_grads=True)[1].tolist() == [0.0, 0.0]
    with pytest.raises(ValueError, match="allow_unused"):
        grad(x * 2, x, materialize_grads=True, allow_unused=False)
    with pytest.raises(RuntimeError, match="does not require grad"):
        grad(x * 2, corex.tensor(1.0))


def test_batched_gradients() -> None:
    x = leaf([1.0, 2.0, 3.0])
    y = x * x
    rows = corex.eye(3, dtype=corex.float64)
    (jacobian,) = grad(y, x, rows, is_grads_batched=True)
    assert jacobian.tolist() == [[2.0, 0.0, 0.0], [0.0, 4.0, 0.0], [0.0, 0.0, 6.0]]


def test_gradient_edges() -> None:
    x = leaf(2.0)
    y = x.exp()
    edge = get_gradient_edge(y)
    z = y * y
    del y
    (found,) = grad(z, edge, retain_graph=True)
    assert found.item() == pytest.approx(2 * math.exp(2.0))
    assert grad(z, GradientEdge(x.grad_fn or x._node, 0))[0] is not None
    with pytest.raises(RuntimeError, match="gradient edge"):
        get_gradient_edge(corex.tensor(1.0))


def test_a_deep_chain_does_not_recurse() -> None:
    x = leaf(1.0)
    y = x
    for _ in range(100_000):
        y = y + 0.0
    y.backward()
    assert x.grad.item() == 1.0


def test_a_tall_diamond_is_linear() -> None:
    x = leaf(1.0)
    y = x
    for _ in range(60):
        y = y + y
    y.backward()
    assert x.grad.item() == 2.0**60


def test_backward_inside_a_hook() -> None:
    x, inner = leaf(2.0), leaf(3.0)

    def hook(g):
        with corex.enable_grad():
            (inner * inner).backward()
        return g * inner.grad

    y = x * x
    y.register_hook(hook)
    y.backward()
    assert x.grad.item() == 24.0


def test_grad_mode_is_restored_after_an_exception() -> None:
    x = leaf(2.0)
    y = x * 3

    def hook(g):
        assert not corex.is_grad_enabled()
        raise KeyError("mine")

    y.register_hook(hook)
    with pytest.raises(KeyError, match="mine") as caught:
        y.backward()
    assert corex.is_grad_enabled()
    assert caught.traceback[-1].name == "hook"
    with corex.no_grad(), pytest.raises(KeyError):
        y.backward()


def test_backward_under_no_grad() -> None:
    x = leaf(2.0)
    y = x * x
    with corex.no_grad():
        y.backward()
        assert not corex.is_grad_enabled()
    assert x.grad.item() == 4.0


def test_threads_accumulate_into_one_leaf() -> None:
    x = leaf([1.0] * 8)

    def work():
        for _ in range(50):
            (x * 2).sum().backward()

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert x.grad.tolist() == [400.0] * 8


def test_gradient_follows_the_layout_of_a_dense_leaf() -> None:
    x = corex.ones(2, 3, dtype=corex.float64).t().detach().requires_grad_()
    (x * 2).sum().backward()
    assert x.grad.stride() == x.stride()
    assert x.grad.tolist() == [[2.0, 2.0]] * 3


def test_a_gradient_does_not_fit_the_one_of_a_leaf_that_was_transposed() -> None:
    x = corex.ones(2, 3, requires_grad=True)
    early = x * 2
    x.sum().backward()
    with corex.no_grad():
        x.t_()
    with pytest.raises(RuntimeError, match="2.*3"):
        x.sum().backward()
    early.sum().backward()
    assert x.grad.tolist() == [[3.0] * 3] * 2


def test_gradient_dtype_follows_the_leaf() -> None:
    x = corex.tensor([1.0, 2.0], dtype=corex.float32, requires_grad=True)
    y = leaf([3.0, 4.0])
    (x * y).sum().backward()
    assert (x.grad.dtype, y.grad.dtype) == (corex.float32, corex.float64)


@pytest.mark.parametrize(
    "function",
    [
        lambda x, y: x.lerp(y, 0.25),
        lambda x, y: x.add(y, alpha=2),
        lambda x, y: x.clone().sub_(y, alpha=3),
    ],
)
def test_a_number_is_nothing_to_free(function) -> None:
    """As in PyTorch, where such nodes save no tensor, a second pass needs no `retain_graph`."""
    x, y = (corex.ones(3, dtype=corex.float64, requires_grad=True) for _ in range(2))
    total = function(x, y).sum()
    total.backward()
    once = x.grad.tolist(), y.grad.tolist()
    total.backward()
    assert ((x.grad / 2).tolist(), (y.grad / 2).tolist()) == once
