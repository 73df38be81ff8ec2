"""In-place operations: what autograd allows, what it detects, and the gradients that come out."""

from __future__ import annotations

import pytest

import corex
from corex.autograd import gradcheck
from corex.utils.checkpoint import checkpoint


def leaf(values):
    return corex.tensor(values, dtype=corex.float64, requires_grad=True)


def test_in_place_chain() -> None:
    x = leaf([1.0, 2.0])
    y = x * 2
    y.mul_(3).add_(1)
    y.sum().backward()
    assert x.grad.tolist() == [6.0, 6.0]


@pytest.mark.parametrize(
    "change", [lambda t: t.add_(1), lambda t: t.zero_(), lambda t: t.__setitem__(0, 5.0)]
)
def test_leaves_that_require_grad_are_not_written(change) -> None:
    x = leaf([1.0, 2.0])
    with pytest.raises(RuntimeError, match="a leaf Variable that requires grad"):
        change(x)
    with pytest.raises(RuntimeError, match="a view of a leaf Variable that requires grad"):
        x[:1].add_(1)
    with corex.no_grad():
        change(x)
    assert x.is_leaf


def test_a_leaf_without_gradients_may_join_the_graph() -> None:
    buffer, x = corex.zeros(3, dtype=corex.float64), leaf([1.0, 2.0, 3.0])
    buffer.add_(x * 2)
    assert buffer.requires_grad
    assert not buffer.is_leaf
    buffer.sum().backward()
    assert x.grad.tolist() == [2.0, 2.0, 2.0]


def test_modified_inputs_are_detected() -> None:
    x = leaf([1.0, 2.0])
    y = x * 1
    z = y * y
    y.add_(1)
    with pytest.raises(RuntimeError, match="modified by an inplace operation") as caught:
        z.sum().backward()
    assert "is at version 1; expected version 0 instead" in str(caught.value)


def test_modified_outputs_are_detected() -> None:
    x = leaf([1.0, 2.0])
    y = x.exp()
    y.add_(1)
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        y.sum().backward()


def test_changes_through_a_view_are_detected() -> None:
    x = leaf([1.0, 2.0])
    y = x * 1
    z = y * y
    y[:1].add_(1)
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        z.sum().backward()


@pytest.mark.parametrize("change", [lambda y: y.mul_(y), lambda y: y[:1].mul_(y[1:])])
def test_a_change_by_what_it_changes_is_detected(change) -> None:
    y = leaf([1.0, 2.0]) * 2
    change(y)
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        y.sum().backward()


@pytest.mark.parametrize("name", ["sin_", "exp_", "abs_", "sqrt_", "tanh_", "square_", "log_"])
def test_in_place_unary_derivatives_have_the_old_value(name) -> None:
    def function(x):
        y = x * 2
        getattr(y, name)()
        return y

    assert gradcheck(function, leaf([0.5, 1.5]))


@pytest.mark.parametrize("name", ["mul_", "div_", "add_", "sub_", "pow_"])
def test_in_place_binary_derivatives_have_the_old_value(name) -> None:
    def function(x, z):
        y = x * 2
        getattr(y, name)(z)
        return y * y

    inputs = leaf([0.5, 1.5]), leaf([1.25, 0.75])
    assert gradcheck(function, inputs)
    assert corex.autograd.gradgradcheck(function, inputs)


def test_unrelated_changes_are_allowed() -> None:
    x = leaf([1.0, 2.0])
    y = x * 1
    z = y + 5
    y.mul_(10)
    z.sum().backward()
    assert x.grad.tolist() == [1.0, 1.0]


def test_in_place_on_the_saved_output_itself() -> None:
    x = leaf([1.0, -2.0])
    y = (x * 2).relu_()
    y.sum().backward()
    assert x.grad.tolist() == [2.0, 0.0]


def test_copying_onto_itself_is_allowed_where_elements_overlap() -> None:
    x = leaf([1.0, 2.0])
    a, b = x.expand(3, 2), x.detach().expand(3, 2)
    b.copy_(a.detach())
    assert b.tolist() == [[1.0, 2.0]] * 3
    assert x._version == 1
    with pytest.raises(RuntimeError, match="more than one element"):
        b.copy_(a.detach()[:1])
    with pytest.raises(RuntimeError, match="refer to a single memory location"):
        b[:1, :1][...] = b[0, :1]


def test_an_empty_softmax_saves_its_result() -> None:
    for function in (corex.softmax, corex.log_softmax):
        for shape in ((0, 3), (3, 0)):
            y = function(corex.ones(shape, requires_grad=True), -1)
            y.add_(1)
            with pytest.raises(RuntimeError, match="modified by an inplace operation"):
                y.sum().backward()


def test_overlapping_memory_is_refused() -> None:
    with pytest.raises(RuntimeError, match="more than one element of the written-to tensor"):
        corex.ones(1).expand(3).add_(1)


CASES = {
    "slice": lambda y: y[1:].mul_(3),
    "row": lambda y: y[0].mul_(3).add_(1),
    "column": lambda y: y[:, 1].mul_(2),
    "step": lambda y: y[:, ::2].exp_(),
    "transposed": lambda y: y.t()[0].mul_(4),
    "view of view": lambda y: y[1:][:, 1:].mul_(5),
    "reshaped": lambda y: y.reshape(-1)[2:4].mul_(3),
    "filled": lambda y: y[0].fill_(2.0),
    "zeroed": lambda y: y[:, 0].zero_(),
    "assigned": lambda y: y.__setitem__((0, slice(None)), y[1] * 2),
    "copied": lambda y: y[0].copy_(y[1]),
    "by a power": lambda y: y[0].pow_(2),
    "by another part": lambda y: y[0].mul_(y[1].clone()),
    "twice": lambda y: (y[0].mul_(2), y[:, 1].mul_(3)),
    "whole, then part": lambda y: (y.mul_(2), y[0].mul_(3)),
}


@pytest.mark.parametrize("name", CASES)
def test_writing_to_views_against_finite_differences(name) -> None:
    x = leaf([[0.5, 1.0, 1.5], [2.0, 2.5, 3.0]])

    def function(x):
        y = x * 1.5
        CASES[name](y)
        return y * y

    assert gradcheck(function, x)


def test_the_view_and_its_base_both_know_the_write() -> None:
    def function(x):
        y = x * 1.5
        early, other = y[0], y[:, 1]
        late = y[1]
        early.mul_(x[1])
        return early * 2, other * 3, late * 5, y * 7

    assert gradcheck(function, leaf([[0.5, 1.0], [2.0, 2.5]]))


def test_a_view_of_a_plain_base_joins_the_graph() -> None:
    def function(x):
        base = corex.zeros(2, 2, dtype=corex.float64)
        base[0].copy_(x * 2)
        base[1] = x * x
        return base * 3

    assert gradcheck(function, leaf([0.5, 1.0]))


def test_second_derivatives_through_views() -> None:
    def function(x):
        y = x * x
        y[0].mul_(x[1])
        return (y * y).sum()

    assert corex.autograd.gradgradcheck(function, leaf([[0.5, 1.0], [2.0, 2.5]]))


def test_detached_views_share_memory_but_not_the_graph() -> None:
    x = leaf([1.0, 2.0])
    y = x * 1
    y.detach().mul_(5)
    assert y.tolist() == [5.0, 10.0]
    y.sum().backward()
    assert x.grad.tolist() == [1.0, 1.0]


@pytest.mark.parametrize(
    "function",
    [
        lambda y: y * y,
        lambda y: y * y.detach() * y,
        corex.sin,
        lambda y: y @ y,
        lambda y: y.clone().mul_(y),
        lambda y: corex.cat([y[:1] * y[1:], y.cumprod(0)]),
        lambda y: checkpoint(lambda t: t.exp() * t, y),
    ],
)
def test_second_derivatives_through_what_was_detached_in_place(function) -> None:
    def second(detached: bool):
        x = leaf([1.0, 2.0])
        y = x.sin()
        z = function(y)
        if detached:
            y.detach_()
        (g,) = corex.autograd.grad(z.sum(), x, create_graph=True)
        (h,) = corex.autograd.grad(g.sum(), x)
        return g.tolist(), h.tolist()

    assert second(detached=True) == second(detached=False)


def test_gradients_are_no_views() -> None:
    for create_graph in (False, True):
        x = leaf([[1.0, 2.0], [3.0, 4.0]])
        for y in (x.mean(-1), x.t(), x.sum(), x.repeat(2, 1)):
            (g,) = corex.autograd.grad((y * y).sum(), x, create_graph=create_graph)
            assert not g._is_view()
            assert g.requires_grad == create_graph
            assert not g.detach_().requires_grad


# ---- views that were written by another way and have no node any more ------------------------
def _of_several(x):
    return x.split(1)[0]


def _without_grad(x):
    with corex.no_grad():
        return x[:1]


class _Part(corex.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        return x[:1]

    @staticmethod
    def backward(ctx, g):
        return corex.cat([g, g * 0])


LOST = [_of_several, _without_grad, _Part.apply]


def _lost(view):
    x = leaf([1.0, 2.0])
    v = view(x)
    with corex.no_grad():
        x.mul_(2)
    with pytest.raises(RuntimeError, match="its base or another view of its base"):
        v.sin()
    return v


@pytest.mark.parametrize("view", LOST)
def test_a_lost_view_may_be_told_to_require_gradients(view) -> None:
    v = _lost(view)
    assert v.requires_grad_() is v
    assert v.requires_grad


@pytest.mark.parametrize("view", [_of_several, _Part.apply])
def test_a_lost_view_is_no_leaf(view) -> None:
    v = _lost(view)
    with corex.no_grad(), pytest.raises(RuntimeError, match="flags of leaf variables"):
        v.requires_grad_(False)


@pytest.mark.parametrize("view", LOST)
def test_a_checkpoint_takes_a_lost_view_as_long_as_it_does_not_use_it(view) -> None:
    v, w = _lost(view), leaf([3.0])
    assert checkpoint(lambda t: t, v) is v
    assert checkpoint(lambda t: t.detach() * 2, v).tolist() == [4.0]
    checkpoint(lambda t, u: t.detach() * u * u, v, w).backward()
    assert w.grad.tolist() == [12.0]
    with pytest.raises(RuntimeError, match="its base or another view of its base"):
        checkpoint(lambda t: t.sin(), v)
    with pytest.raises(IndexError):
        checkpoint(lambda t: t[1], v)


def test_a_write_to_all_is_one_to_the_tensor_itself() -> None:
    x = corex.ones(2, 3, requires_grad=True)
    total = x.sum(0)
    total[...] = 1.25
    assert total.grad_fn.name() != "CopySlices"
    (found,) = corex.autograd.grad((total * total).sum(), [x], create_graph=True)
    assert not found.requires_grad
    total = x.sum(0)
    total[...] = corex.ones(1, 3)
    assert total.tolist() == [1.0, 1.0, 1.0]
    with pytest.raises(RuntimeError, match="a leaf Variable that requires grad"):
        x[...] = 0
