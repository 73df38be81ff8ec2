"""Whose memory gradients are in: what the engine keeps or overwrites, and what it must copy."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

import pytest

import corex
from corex import nn
from corex.autograd import Function, grad
from corex.nn import functional as F
from corex.ops import OpSchema, call
from tests.autograd.ownership import allocations, checked, own_allocations

Program = tuple[list[corex.Tensor], Callable[[], corex.Tensor]]


def leaf(*shape: int) -> corex.Tensor:
    return corex.randn(*shape).requires_grad_()


def mlp() -> Program:
    model = nn.Sequential(nn.Linear(6, 8), nn.ReLU(), nn.Linear(8, 8), nn.Tanh(), nn.Linear(8, 3))
    x, target = corex.randn(5, 6), corex.tensor([0, 1, 2, 0, 1])
    return list(model.parameters()), lambda: F.cross_entropy(model(x), target)


def cnn() -> Program:
    model = nn.Sequential(
        nn.Conv2d(1, 4, 3), nn.BatchNorm2d(4), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(),
        nn.Linear(36, 3),
    )  # fmt: skip
    x, target = corex.randn(2, 1, 8, 8), corex.tensor([0, 1])
    return list(model.parameters()), lambda: F.cross_entropy(model(x), target)


def attention() -> Program:
    table, norm, project, out = nn.Embedding(10, 8), nn.LayerNorm(8), nn.Linear(8, 24), leaf(8, 8)
    ids = corex.tensor([[1, 2, 3, 1]])

    def loss() -> corex.Tensor:
        x = table(ids)
        q, k, v = project(norm(x)).split(8, -1)
        x = x + F.linear((q @ k.transpose(-1, -2)).softmax(-1) @ v, out)
        return F.gelu(x).mean()

    leaves = [*table.parameters(), *norm.parameters(), *project.parameters(), out]
    return leaves, loss


def shared() -> Program:
    w, b, x = leaf(4, 4), leaf(4), corex.randn(3, 4)
    return [w, b], lambda: F.linear(F.linear(x, w, b).tanh(), w, b).square().mean()


def shared_often() -> Program:
    w = leaf(4)
    return [w], lambda: (w * w.exp() * w.sin() + w * 3).sum()


def residual() -> Program:
    layers, x = [nn.Linear(4, 4) for _ in range(3)], leaf(5, 4)

    def loss() -> corex.Tensor:
        h = x
        for layer in layers:
            h = h + layer(h).relu()
        return h.square().mean()

    return [x, *[p for layer in layers for p in layer.parameters()]], loss


def bias() -> Program:
    w, b, x = leaf(4, 3), leaf(3), corex.randn(5, 4)
    return [w, b], lambda: ((x @ w + b).tanh() * 2).mean()


def bias_of_same_shape() -> Program:
    w, b, x = leaf(4, 3), leaf(5, 3), corex.randn(5, 4)
    return [w, b], lambda: ((x @ w + b).tanh() * 2).mean()


def added() -> Program:
    w, v = leaf(4), leaf(4)
    return [w, v], lambda: ((w + v) * (w + w + v)).sum()


def summed() -> Program:
    w = leaf(4)
    return [w], lambda: w.sum()


def copied() -> Program:
    w = leaf(4)
    return [w], lambda: (w.clone() * 2).sum()


def viewed() -> Program:
    w = leaf(4, 2)
    return [w], lambda: (w.reshape(8) * 2 + w.t().reshape(8) * w.reshape(8)).sum()


def sliced() -> Program:
    w = leaf(6)
    return [w], lambda: (w[:3] * w[3:] + w[1:4]).sum()


def joined() -> Program:
    w, v = leaf(4), leaf(4)
    return [w, v], lambda: (corex.cat((w, v)) * 2 + corex.cat((v, v * w))).sum()


def written() -> Program:
    w, v = leaf(4), leaf(2)

    def loss() -> corex.Tensor:
        y = w * 2
        y[1:3] += v
        y[:2].mul_(v)
        y.add_(w)
        return (y * y).sum()

    return [w, v], loss


def indexed() -> Program:
    w, v, at = leaf(5), leaf(3), corex.tensor([0, 2, 2])
    return [w, v], lambda: (w.index_put((at,), v, accumulate=True) * w[at].sum()).sum()


# How many copies and sums in new memory a backward makes beside the gradients themselves: the first
# one, one that adds to what is there, and `grad` (which makes the gradient of the loss anew).
PROGRAMS: dict[Callable[[], Program], tuple[int, int, int]] = {
    mlp: (0, 0, 1),
    cnn: (0, 0, 1),
    attention: (0, 0, 1),
    shared: (0, 0, 1),
    shared_often: (0, 0, 1),
    residual: (0, 0, 1),
    bias: (0, 0, 1),
    bias_of_same_shape: (1, 0, 1),
    added: (2, 2, 3),
    summed: (1, 0, 1),
    copied: (0, 0, 1),
    viewed: (0, 0, 1),
    sliced: (0, 0, 1),
    joined: (0, 0, 1),
    written: (7, 7, 8),  # of which the writes to parts make six
    indexed: (0, 0, 1),
}
programs = pytest.mark.parametrize("program", PROGRAMS, ids=lambda program: program.__name__)


def prepared(program: Callable[[], Program]) -> Program:
    """The same program with the same numbers each time, after a backward of it."""
    corex.manual_seed(3)
    leaves, loss = program()
    loss().backward()
    for parameter in leaves:
        parameter.grad = None
    return leaves, loss


def gradients(program: Callable[[], Program]) -> list[Any]:
    leaves, loss = prepared(program)
    loss().backward()
    return [parameter.grad.tolist() for parameter in leaves]


# ---- how much is copied ------------------------------------------------------------------------
@programs
def test_gradients_are_not_copied_without_need(program: Callable[[], Program]) -> None:
    with corex.use_backend("reference_py"):
        leaves, loss = prepared(program)
        value = loss()
        first = own_allocations(value.backward)
        value = loss()
        again = own_allocations(value.backward)
        value = loss()
        asked = own_allocations(lambda: grad(value, leaves))
    most = PROGRAMS[program]
    assert (first <= most[0], again <= most[1], asked <= most[2]) == (True, True, True), (
        f"{(first, again, asked)} and not {most}"
    )


def test_every_allocation_of_a_training_step_is_a_gradient() -> None:
    """On cpu_c, by its direct kernels: formulas make more than their results."""
    with corex.use_backend("cpu_c"):
        model = nn.Sequential(nn.Linear(6, 8), nn.ReLU(), nn.Linear(8, 3))
        x, target = corex.randn(5, 6), corex.randn(5, 3)
        F.mse_loss(model(x), target).backward()
        model.zero_grad()
        loss = F.mse_loss(model(x), target)
        # Of the loss 1, of the layers' weights and biases 4, of the second's input 1, of relu 1.
        assert allocations(loss.backward) == 7


# ---- that nobody sees a gradient change --------------------------------------------------------
@programs
def test_what_is_owned_may_be_overwritten(program: Callable[[], Program]) -> None:
    expected = gradients(program)
    with checked() as seen:
        assert gradients(program) == expected
    assert seen
    leaves, loss = prepared(program)
    with checked():
        assert [g.tolist() for g in grad(loss(), leaves)] == expected


@programs
def test_gradients_of_leaves_share_no_memory(
    program: Callable[[], Program], each_backend: str
) -> None:
    leaves, loss = prepared(program)
    loss().backward(retain_graph=True)
    found = [*leaves, *[parameter.grad for parameter in leaves]]
    assert len({id(t.storage()) for t in found}) == 2 * len(leaves)
    assert not any(parameter.grad._is_view() for parameter in leaves)
    for parameter, g in zip(leaves, grad(loss(), leaves), strict=True):
        assert g.storage() is not parameter.grad.storage()


def nodes_of(loss: corex.Tensor) -> list[Any]:
    found: dict[Any, None] = {}
    stack = [loss.grad_fn]
    while stack:
        node = stack.pop()
        if node is not None and node not in found:
            found[node] = None
            stack += [child for child, _ in node.next_functions]
    return list(found)


@pytest.mark.parametrize("keep", [lambda g: g, lambda g: g.numpy()], ids=["tensors", "arrays"])
@pytest.mark.parametrize("kind", ["before", "after"])
@programs
def test_what_hooks_keep_does_not_change(
    program: Callable[[], Program], kind: str, keep: Callable[[Any], Any]
) -> None:
    """Every node has hooks that keep what they see."""
    expected = gradients(program)
    leaves, loss = prepared(program)
    kept: list[tuple[Any, Any]] = []

    def see(*seen: Any) -> None:
        kept.extend((keep(g), g.tolist()) for part in seen for g in part if g is not None)

    value = loss()
    for node in nodes_of(value):
        if kind == "before":
            node.register_prehook(see)
        else:
            node.register_hook(see)
    value.backward(retain_graph=True)
    assert [parameter.grad.tolist() for parameter in leaves] == expected
    value.backward()
    for parameter in leaves:
        parameter.grad.zero_()
    assert len(kept) > len(leaves)
    assert all(g.tolist() == numbers for g, numbers in kept)


def test_hooks_may_write_to_what_they_see() -> None:
    x = leaf(3)
    y = x * 2
    y.register_hook(lambda g: g.mul_(2))
    (y * 3 + y.detach()).sum().backward()
    assert x.grad.tolist() == [12.0] * 3
    seen: list[corex.Tensor] = []
    x.grad = None
    x.register_hook(lambda g: seen.append(g))
    (x * 2).sum().backward()
    seen[0].zero_()
    assert x.grad.tolist() == [2.0] * 3


def test_a_hook_after_accumulation_gets_the_leaf_and_no_copy() -> None:
    x, seen = leaf(3), []
    x.register_post_accumulate_grad_hook(lambda t: seen.append(t.grad))
    with corex.use_backend("reference_py"):
        assert own_allocations((x * 2).sum().backward) <= 1
    assert seen[0] is x.grad


class Keeps(Function):
    """Keeps its gradient, and hands it on to both inputs."""

    kept: ClassVar[list[corex.Tensor]] = []

    @staticmethod
    def forward(ctx: Any, a: corex.Tensor, b: corex.Tensor) -> corex.Tensor:
        return a + b

    @staticmethod
    def backward(ctx: Any, g: corex.Tensor) -> Any:
        Keeps.kept.append(g)
        return g, g


def test_gradients_of_functions_are_the_users() -> None:
    Keeps.kept.clear()
    a, b = leaf(3), leaf(3)
    for factor in (1, 2):
        (Keeps.apply(a, b) * factor + a).sum().backward()
        a.grad.mul_(1)
        assert a.grad.storage() is not b.grad.storage()
    for g, factor in zip(Keeps.kept, (1, 2), strict=True):
        assert g.tolist() == [float(factor)] * 3
    assert (a.grad.tolist(), b.grad.tolist()) == ([5.0] * 3, [3.0] * 3)


def test_the_first_gradient_is_not_used_again_once_a_function_has_seen_it() -> None:
    Keeps.kept.clear()
    for _ in range(2):
        Keeps.apply(leaf(), leaf()).backward()
        Keeps.kept[0].mul_(3)
    assert [g.item() for g in Keeps.kept] == [9.0, 1.0]


def test_nothing_is_assumed_of_the_formulas_of_plugins() -> None:
    kept: ClassVar[list[corex.Tensor]] = []

    def keeping(g: corex.Tensor) -> corex.Tensor:
        kept.append(g * 2)
        return kept[-1]

    double = OpSchema(
        "double", ("a",), derivative={"a": keeping}, family="unary", decomposition=lambda a: a * 2
    )
    x = leaf(3)
    (call(double, (x,)) + call(double, (x,))).sum().backward()
    x.grad.zero_()
    call(double, (x,)).sum().backward()
    assert [g.tolist() for g in kept] == [[2.0] * 3] * 3
    assert x.grad.tolist() == [2.0] * 3


# ---- other ways through the engine -------------------------------------------------------------
@programs
def test_all_ways_give_the_same_bits(program: Callable[[], Program]) -> None:
    """The plain loop, and the general one for each of its reasons."""
    expected = gradients(program)
    leaves, loss = prepared(program)
    loss().backward(inputs=leaves)
    assert [parameter.grad.tolist() for parameter in leaves] == expected
    with corex.autograd.set_detect_anomaly(True):
        assert gradients(program) == expected
    leaves, loss = prepared(program)
    for g, right in zip(grad(loss(), leaves, create_graph=True), expected, strict=True):
        assert corex.allclose(g, corex.tensor(right), 1e-4, 1e-6)  # by other formulas


def test_recorded_gradients_are_not_written_to() -> None:
    x = leaf(3)
    y = x * x
    (first,) = grad((y * y + y * x + x * x).sum(), x, create_graph=True)
    before = first.tolist()
    first.sum().backward(retain_graph=True)
    (first * first).sum().backward()
    assert first.tolist() == before


def test_captured_gradients_stay_as_they_were() -> None:
    x = leaf(3)
    y = x * 1
    z = y + 0
    loss = (z * z + z).sum()
    found = grad(loss, [z, y, x], retain_graph=True)
    numbers = [g.tolist() for g in found]
    loss.backward()
    x.grad.zero_()
    assert [g.tolist() for g in found] == numbers
