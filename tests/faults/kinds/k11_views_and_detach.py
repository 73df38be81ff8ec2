"""Views and what is written to their memory: the gradients follow, or it is an error."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import corex
from corex.utils.checkpoint import checkpoint

KIND = "11: the gradient of a view leaves a write out"


def _leaf(*values: float) -> corex.Tensor:
    return corex.tensor(values, dtype=corex.float64, requires_grad=True)


class _Same(corex.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: corex.Tensor) -> corex.Tensor:
        return x

    @staticmethod
    def backward(ctx: Any, g: corex.Tensor) -> corex.Tensor:
        return g * 3


# Each takes leaves x = (1, 2, 3, 4) and w = (5, 6, 7, 8) and returns what is summed; then the
# gradients of x and w.
Program = Callable[[corex.Tensor, corex.Tensor], corex.Tensor]
PROGRAMS: dict[str, tuple[Program, list[float] | None, list[float] | None]] = {}


def _program(x: list[float] | None, w: list[float] | None) -> Callable[[Program], Program]:
    def enter(program: Program) -> Program:
        name = program.__name__.strip("_").replace("_", " ")
        PROGRAMS[name] = (program, x, w)
        return program

    return enter


@_program(None, [1.0, 2.0, 0.0, 0.0])
def _view_of_a_leaf_then_detach(x: corex.Tensor, w: corex.Tensor) -> corex.Tensor:
    v = x[:2]
    x.detach_()
    x.mul_(w)
    return v


@_program(None, [2.0, 4.0, 0.0, 0.0])
def _view_of_a_result_then_detach(x: corex.Tensor, w: corex.Tensor) -> corex.Tensor:
    y = x * 2
    v = y[:2]
    y.detach_()
    y.mul_(w)
    return v


@_program(None, None)
def _detach_then_a_plain_write(x: corex.Tensor, w: corex.Tensor) -> corex.Tensor:
    y = x * 2
    v = y[:2]
    y.detach_()
    y.mul_(3)
    return v


@_program(None, [0.0, 2.0, 0.0, 0.0])
def _a_chain_of_views(x: corex.Tensor, w: corex.Tensor) -> corex.Tensor:
    v = x.view(2, 2)[0][1:]
    x.detach_()
    x.mul_(w)
    return v


@_program(None, [1.0, 0.0, 3.0, 0.0])
def _a_write_to_a_sibling(x: corex.Tensor, w: corex.Tensor) -> corex.Tensor:
    y = x * 1
    v, s = y[::2], y[:3]
    y.detach_()
    s.mul_(w[:3]) if not s.requires_grad else y[:3].copy_(y[:3].clone() * w[:3])
    return v


@_program(None, [1.0, 1.0, 0.0, 0.0])
def _a_view_made_before_requires_grad(x: corex.Tensor, w: corex.Tensor) -> corex.Tensor:
    b = corex.zeros(4, dtype=corex.float64)
    v = b[:2]
    b.copy_(w)
    return v


@_program(None, None)
def _a_view_made_before_its_base_is_a_leaf(x: corex.Tensor, w: corex.Tensor) -> corex.Tensor:
    b = corex.ones(4, dtype=corex.float64)
    v = b[:2]
    b.requires_grad_()
    assert v.requires_grad
    assert v.is_leaf
    return v * 2


@_program(None, [1.0, 2.0, 3.0, 4.0])
def _switched_off_and_written(x: corex.Tensor, w: corex.Tensor) -> corex.Tensor:
    v = x.view(2, 2)
    x.requires_grad_(False)
    x.mul_(w)
    return v


@_program([1.0, 0.0, 0.0, 1.0], [0.0, 1.0, 0.0, 0.0])
def _fill_copy_and_index(x: corex.Tensor, w: corex.Tensor) -> corex.Tensor:
    y = x * 1
    v = y.view(2, 2)
    v[0, 1] = w[1]
    v[1][:1].fill_(7)
    return v


@_program([1.0, 0.0, 1.0, 0.0], [0.0, 0.0, 0.0, 1.0])
def _index_put_and_mask(x: corex.Tensor, w: corex.Tensor) -> corex.Tensor:
    y = x * 1
    v = y.view(2, 2).t()
    v.index_put_((corex.tensor([1]), corex.tensor([1])), w[3:])
    y[corex.tensor([False, True, False, False])] = 0.5
    return v


@_program([5.0, 6.0, 1.0, 1.0], [1.0, 2.0, 0.0, 0.0])
def _written_through_a_view_of_a_view(x: corex.Tensor, w: corex.Tensor) -> corex.Tensor:
    y = x * 1
    early = y.view(2, 2)
    early[0].mul_(w[:2])
    return early


@_program([3.0, 3.0, 3.0, 3.0], None)
def _an_accidental_leaf_of_a_function(x: corex.Tensor, w: corex.Tensor) -> corex.Tensor:
    return _Same.apply(x)


def _refusals(x: corex.Tensor, w: corex.Tensor) -> dict[str, Callable[[], object]]:
    y = x * 1
    a, b = y.split(2)
    with corex.no_grad():
        silent = y[:2]
    over = y.clone()
    first = over.chunk(2)[0]
    rows = over.view(2, 2).unbind()
    over.mul_(2)
    passed = _Same.apply(y)
    changed = _Same.apply(over)
    over.mul_(2)
    leaf = _leaf(1, 2)
    plain, detached = leaf[:1], leaf * 1
    old = detached[:1]
    detached.detach_()
    return {
        "a part of split": lambda: a.mul_(2),
        "a view of a part": lambda: b[:1].add_(1),
        "an entry of unbind": lambda: (x * 1).unbind()[0].mul_(2),
        "a part of chunk": lambda: (x * 1).chunk(2)[0].zero_(),
        "a view made in no_grad mode": lambda: silent.mul_(2),
        "a part whose base was written": lambda: first * 2,
        "a row whose base was written": lambda: rows[0].sum(),
        "the result of a function": lambda: passed.mul_(2),
        "such a result whose base was written": lambda: changed * 2,
        "a view of a leaf": lambda: plain.add_(1),
        "a view of what was detached": lambda: old.add_(1),
        "plain parts and gradients": lambda: corex.zeros(4).split(2)[0].copy_(w[:2]),
        "detach_ of a view": lambda: y[:2].detach_(),
        "detach_ of a plain view": lambda: corex.zeros(3)[:2].detach_(),
        "one element twice": lambda: corex.ones(1).expand(3).add_(1),
        "a partial overlap": lambda: corex.ones(4)[1:].add_(corex.ones(4)) or _overlap(),
    }


def _overlap() -> None:
    t = corex.ones(4)
    t[1:].add_(t[:-1])


def cases(backend: str) -> Iterator[tuple[str, Callable[[], None]]]:
    for name, (program, x, w) in PROGRAMS.items():
        yield name, lambda p=program, x=x, w=w: _gradients(p, x, w)
    for name in _refusals(_leaf(1, 2, 3, 4), _leaf(5, 6, 7, 8)):
        yield f"refused: {name}", lambda n=name: _refused(n)
    yield "allowed", _allowed
    yield "overtaken views", _overtaken
    yield "a view that leads nowhere", _nowhere
    yield "data", _data


def _gradients(program: Program, x: list[float] | None, w: list[float] | None) -> None:
    leaf, other = _leaf(1, 2, 3, 4), _leaf(5, 6, 7, 8)
    program(leaf, other).sum().backward()
    for found, expected in ((leaf.grad, x), (other.grad, w)):
        shown = None if found is None else found.tolist()
        assert shown == expected, f"{shown} instead of {expected}"


def _refused(name: str) -> None:
    action = _refusals(_leaf(1, 2, 3, 4), _leaf(5, 6, 7, 8))[name]
    refused = False
    try:
        action()
    except RuntimeError:
        refused = True
    assert refused, "no error"


def _allowed() -> None:
    x = _leaf(1, 2, 3, 4)
    a, b = corex.zeros(4).split(2)
    a.add_(1)
    assert b.tolist() == [0.0, 0.0]
    y = x * 1
    a, b = y.split(2)
    with corex.no_grad():
        a.mul_(2)
        assert (a * 1).tolist() == [2.0, 4.0]
    e = corex.ones(1).expand(3)
    assert e.zero_().tolist() == [0.0] * 3
    t = corex.ones(4)
    t.add_(t)
    assert t.tolist() == [2.0] * 4


def _overtaken() -> None:
    """A view that may not be used any more can be looked at, passed on and made a leaf."""
    y = _leaf(1, 2, 3, 4) * 1
    with corex.no_grad():
        plain = y[:2]
    part = y.split(2)[0]
    y.mul_(2)
    for view, leaf in ((plain, True), (part, False)):
        assert view.requires_grad
        assert "grad_fn=<Invalid>" in repr(view)
        assert checkpoint(lambda t: t, view) is view
        assert view.requires_grad_() is view
        switched_off = True
        try:
            view.requires_grad_(False)
        except RuntimeError:
            switched_off = False
        assert switched_off == leaf
        refused = False
        try:
            checkpoint(lambda t: t * 2, view)
        except RuntimeError as error:
            refused = "has been modified inplace" in str(error)
        assert refused


def _nowhere() -> None:
    x = _leaf(1, 2, 3, 4)
    v = x[:2]
    x.detach_()
    x.mul_(2)  # by which the view is stale
    y = checkpoint(lambda t: t * v, corex.ones(2, dtype=corex.float64))
    assert v.requires_grad
    assert y.requires_grad
    y.sum().backward()
    assert x.grad is None


def _data() -> None:
    x = _leaf(1, 2)
    y = x * 1
    z = y * y
    y.data.mul_(3)  # nobody notices, as in PyTorch
    z.sum().backward()
    assert x.grad.tolist() == [6.0, 12.0]
    assert y._version == 0
    assert y.detach().add_(1)._version == y._version == 1
