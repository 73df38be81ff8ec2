"""Hooks on tensors, leaves and nodes: when they run, what they see, what they may change."""

from __future__ import annotations

import pytest

import corex
from corex.autograd import grad


def leaf(values):
    return corex.tensor(values, dtype=corex.float64, requires_grad=True)


def test_tensor_hook_replaces_the_gradient() -> None:
    x = leaf(2.0)
    y = x * 3
    handle = y.register_hook(lambda g: g * 10)
    y.backward(retain_graph=True)
    assert x.grad.item() == 30.0
    handle.remove()
    handle.remove()
    y.backward()
    assert x.grad.item() == 33.0


def test_hooks_of_one_tensor_run_in_order() -> None:
    x = leaf(1.0)
    x.register_hook(lambda g: g + 1)
    x.register_hook(lambda g: g * 10)
    (x * 1).backward()
    assert x.grad.item() == 20.0


def test_order_of_all_hooks_of_a_leaf() -> None:
    x, calls = leaf(1.0), []
    x.register_post_accumulate_grad_hook(lambda t: calls.append(("after", t.grad.item())))
    x._node.register_prehook(lambda grads: calls.append(("prehook", grads[0].item())))
    x.register_hook(lambda g: calls.append(("tensor", g.item())))
    (x * 4).backward()
    assert calls == [("tensor", 4.0), ("prehook", 4.0), ("after", 4.0)]


def test_order_of_all_hooks_of_a_node() -> None:
    x, calls = leaf(1.0), []
    y = x * 4
    y.retain_grad()
    y.grad_fn.register_hook(lambda inputs, outputs: calls.append("posthook"))
    y.grad_fn.register_prehook(lambda outputs: calls.append("prehook"))
    y.register_hook(lambda g: calls.append("tensor"))
    x.register_hook(lambda g: calls.append("leaf"))
    y.backward()
    assert calls == ["tensor", "prehook", "posthook", "leaf"]


def test_retain_grad_sees_what_later_hooks_made() -> None:
    x = leaf(2.0)
    y = x * 3
    y.retain_grad()
    y.register_hook(lambda g: g * 7)
    y.backward()
    assert y.grad.item() == 7.0
    assert y.retains_grad
    assert x.grad.item() == 21.0


def test_retained_gradients_are_copies() -> None:
    x = leaf([1.0, 1.0])
    y = x + 0
    z = y + 0
    y.retain_grad()
    z.retain_grad()
    z.sum().backward()
    y.grad.zero_()
    assert z.grad.tolist() == [1.0, 1.0]
    assert x.grad.tolist() == [1.0, 1.0]


def test_retain_grad_needs_a_graph() -> None:
    with pytest.raises(RuntimeError, match="can't retain_grad"):
        corex.tensor(1.0).retain_grad()
    x = leaf(1.0)
    x.retain_grad()
    assert not x.retains_grad


def test_node_hook_replaces_grad_inputs() -> None:
    x, y = leaf(2.0), leaf(3.0)
    z = x * y
    seen = []

    def hook(inputs, outputs):
        seen.append(([g.item() for g in inputs], [g.item() for g in outputs]))
        return tuple(g * 2 for g in inputs)

    z.grad_fn.register_hook(hook)
    z.backward()
    assert seen == [([3.0, 2.0], [1.0])]
    assert (x.grad.item(), y.grad.item()) == (6.0, 4.0)


def test_node_prehook_replaces_grad_outputs() -> None:
    x = leaf(2.0)
    y = x * 3
    y.grad_fn.register_prehook(lambda outputs: (outputs[0] * 5,))
    y.backward()
    assert x.grad.item() == 15.0


def test_hooks_of_one_output_among_several() -> None:
    x = leaf([[1.0, 2.0], [3.0, 4.0]])
    first, second = x.unbind(0)
    second.register_hook(lambda g: g * 10)
    (first + second).sum().backward()
    assert x.grad.tolist() == [[1.0, 1.0], [10.0, 10.0]]


def test_post_accumulate_hook_may_free_the_gradient() -> None:
    x = leaf([1.0, 2.0])

    def step(t):
        with corex.no_grad():
            t.sub_(t.grad)
        t.grad = None

    x.register_post_accumulate_grad_hook(step)
    (x * 2).sum().backward()
    assert x.grad is None
    assert x.tolist() == [-1.0, 0.0]


def test_node_hook_on_a_leaf() -> None:
    x, seen = leaf(2.0), []
    x._node.register_hook(lambda inputs, outputs: seen.append((inputs, outputs[0].item())))
    (x * 3).backward()
    assert seen == [((), 3.0)]


def test_hooks_see_captured_gradients() -> None:
    x = leaf(2.0)
    after = []
    x.register_hook(lambda g: g * 100)
    x.register_post_accumulate_grad_hook(after.append)
    assert grad(x * 3, x)[0].item() == 300.0
    assert not after


@pytest.mark.parametrize(
    "returned, error, text",
    [
        (lambda g: 3, TypeError, "expected Variable, but hook returned 'int'"),
        (lambda g: g.reshape(1, 1), RuntimeError, "has changed the size of value"),
        (lambda g: g.float(), RuntimeError, "has changed the type of value"),
    ],
)
def test_what_a_hook_may_return(returned, error, text) -> None:
    y = leaf(1.0) * 2
    y.register_hook(returned)
    with pytest.raises(error, match=text):
        y.backward()


def test_hooks_need_a_graph() -> None:
    with pytest.raises(RuntimeError, match="cannot register a hook on a tensor that doesn't"):
        corex.tensor(1.0).register_hook(print)
    with pytest.raises(RuntimeError, match="post accumulate grad hooks cannot be registered"):
        (leaf(1.0) * 2).register_post_accumulate_grad_hook(print)


def test_a_handle_is_a_context_manager() -> None:
    x = leaf(1.0)
    with x.register_hook(lambda g: g * 5):
        (x * 1).backward()
    (x * 1).backward()
    assert x.grad.item() == 6.0


def test_retain_grad_follows_an_in_place_change() -> None:
    x = leaf([1.0, 1.0])
    y = x * 1
    y.retain_grad()
    y.mul_(2)
    (y * 5).sum().backward()
    assert y.grad.tolist() == [5.0, 5.0]
    assert x.grad.tolist() == [10.0, 10.0]


@pytest.mark.parametrize("off", [lambda x: x.requires_grad_(False), lambda x: x.detach_()])
def test_a_leaf_that_is_switched_off_and_on_keeps_its_hooks(off) -> None:
    x, calls = leaf(1.0), []
    x.register_hook(lambda g: calls.append("tensor"))
    x.register_post_accumulate_grad_hook(lambda t: calls.append("after"))
    before = x * 2
    off(x)
    before.backward(retain_graph=True)
    assert calls == ["tensor", "after"]
    assert x.grad is None
    x.requires_grad_()
    (x * 3).backward()
    before.backward()
    assert calls == ["tensor", "after"] * 3
    assert x.grad.item() == 5.0


def test_node_hooks_of_a_leaf_that_requires_gradients_no_more() -> None:
    x, calls = leaf(1.0), []
    y = x * 2
    node = y.grad_fn.next_functions[0][0]
    node.register_prehook(lambda grads: calls.append("prehook"))
    node.register_hook(lambda inputs, outputs: calls.append("posthook"))
    x.requires_grad_(False)
    y.backward()
    assert calls == ["prehook", "posthook"]
    assert x.grad is None


def test_hooks_stay_with_a_result_that_is_detached_and_required_again() -> None:
    x, calls = leaf(1.0), []
    y = x * 2
    y.register_hook(lambda g: calls.append(g.item()) or g * 10)
    gone = y.register_hook(lambda g: calls.append("removed later"))
    y.grad_fn.register_prehook(lambda grads: calls.append("of the node"))
    before = y * 3
    y.detach_()
    gone.remove()
    y.requires_grad_()
    (y * 2).backward()
    assert (calls, y.grad.item()) == ([2.0], 20.0)
    before.backward()  # as in PyTorch, the old node has the hook, too
    assert (calls, x.grad.item()) == ([2.0, 3.0, "of the node"], 60.0)


def test_no_retained_gradient_stays_with_a_detached_result() -> None:
    y = leaf(1.0) * 2
    y.retain_grad()
    y.detach_()
    y.requires_grad_()
    (y * 3).backward()
    assert y.grad.item() == 3.0


# ---- what in-place ops leave where it was (values are PyTorch 2.13's) ---------------------------
@pytest.mark.parametrize("view", [lambda x: x.flatten(0, 1), lambda x: x.flatten(0, 1).clone()])
@pytest.mark.parametrize("reshape", ["t_", "transpose_", "unsqueeze_", "squeeze_"])
def test_a_retained_gradient_is_of_the_shape_before_a_change_of_shape(view, reshape) -> None:
    x = leaf([[[1.0, 2.0, 3.0]], [[4.0, 5.0, 6.0]]])
    y = view(x.abs())
    y.retain_grad()
    dims = {"transpose_": (0, 1), "unsqueeze_": (0,)}.get(reshape, ())
    assert getattr(y, reshape)(*dims) is y
    weight = corex.arange(6, dtype=corex.float64).reshape(y.shape)
    (y * weight).sum().backward()
    assert y.grad.shape == (2, 3)
    assert y.grad.tolist() == x.grad.flatten(0, 1).tolist()


def test_a_write_after_a_change_of_shape_moves_the_retained_gradient() -> None:
    x = leaf([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]])
    y = x.abs()
    y.retain_grad()
    y.t_()
    y.mul_(2)
    y.sum().backward()
    assert y.grad.tolist() == [[1.0, 1.0]] * 3
    assert x.grad.tolist() == [[2.0, 2.0, 2.0]] * 2


WRITES = [
    lambda v: v.clamp_(min=0), lambda v: v.mul_(2), lambda v: v.cumsum_(0), lambda v: v.tril_(),
    lambda v: v.div_(2, rounding_mode="trunc"), lambda v: corex.nn.functional.silu(v, inplace=True),
]  # fmt: skip


@pytest.mark.parametrize("write", WRITES)
def test_hooks_of_the_node_that_a_write_replaces_are_not_called(write) -> None:
    x, calls = leaf([[1.0, 2.0], [3.0, 4.0]]), []
    base = x.sin()
    view = base.t()
    view.grad_fn.register_hook(lambda *_: calls.append("view"))
    view.register_hook(lambda g: calls.append("gradient of the view"))
    base.grad_fn.register_hook(lambda *_: calls.append("base"))
    write(view)
    view.sum().backward()
    assert calls == ["base"]


@pytest.mark.parametrize("write", [lambda v, w: v.mul_(w), lambda v, w: v.copy_(w)])
def test_a_view_that_was_written_is_no_leaf_at_once(write) -> None:
    weight = leaf([[1.0, 2.0], [3.0, 4.0]])
    view = corex.ones(4, dtype=corex.float64).reshape(2, 2)
    write(view, weight)
    with pytest.raises(RuntimeError, match="leaf variables"):
        view.requires_grad_(False)


def test_retain_grad_of_a_view_that_nobody_may_ask_for_its_node() -> None:
    base = leaf([1.0, 2.0]) * 2
    with corex.no_grad():
        view = base[:1]
    base.mul_(2)
    view.retain_grad()  # as far as it knows, it is a leaf
    with pytest.raises(RuntimeError, match="created in no_grad mode"):
        view.sum()


def test_a_write_that_is_refused_moves_no_hooks() -> None:
    x = leaf([1.0, 2.0])
    view = x.view(-1)
    result = view * 2
    result.sum().backward(retain_graph=True, inputs=[view])
    view.detach().copy_(3)
    with pytest.raises(RuntimeError, match="a view of a leaf Variable"):
        view.neg_()
    result.sum().backward()
    assert view.grad.tolist() == [4.0, 4.0]
