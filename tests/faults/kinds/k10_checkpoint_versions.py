"""What a checkpoint reads again in backward was changed since: an error, not another answer."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import corex
from corex.utils.checkpoint import checkpoint, checkpoint_sequential

KIND = "10: a checkpoint computes from what was changed since"

Program = Callable[[Any, corex.Tensor], corex.Tensor]


def _cube(t: corex.Tensor) -> corex.Tensor:
    return t * t * t


def _added(call: Any, x: corex.Tensor) -> corex.Tensor:
    x += call(_cube, x)
    return x


def _zeroed(call: Any, x: corex.Tensor) -> corex.Tensor:
    y = call(_cube, x)
    x.zero_()
    return y


def _through_a_view(call: Any, x: corex.Tensor) -> corex.Tensor:
    y = call(_cube, x)
    x[:1].mul_(2)
    return y


def _through_detach(call: Any, x: corex.Tensor) -> corex.Tensor:
    y = call(_cube, x)
    x.detach().mul_(2)
    return y


def _without_recording(call: Any, x: corex.Tensor) -> corex.Tensor:
    y = call(_cube, x)
    with corex.no_grad():
        x.mul_(2)
    return y


def _view_of_it(call: Any, x: corex.Tensor) -> corex.Tensor:
    y = call(_cube, x[1:])
    x.mul_(2)
    return y


def _no_gradient(call: Any, x: corex.Tensor) -> corex.Tensor:
    w = corex.tensor([3.0, 4.0])
    y = call(lambda t, u: (t * u).sin(), x, w)
    w.mul_(2)
    return y


def _index(call: Any, x: corex.Tensor) -> corex.Tensor:
    index = corex.tensor([0, 0])
    y = call(lambda t, i: t[i].sin(), x, index)
    index.add_(1)
    return y


def _chain(call: Any, x: corex.Tensor) -> corex.Tensor:
    middle = call(_cube, x)
    y = call(_cube, middle)
    middle.mul_(2)
    return y


def _nested(call: Any, x: corex.Tensor) -> corex.Tensor:
    y = call(lambda t: call(_cube, t) * t, x)
    x.mul_(2)
    return y


def _in_a_tuple(call: Any, x: corex.Tensor) -> corex.Tensor:
    w = corex.tensor([3.0, 4.0])
    y = call(lambda t, pair: t.sin() * pair[0], x, (w, 1))
    w.mul_(2)
    return y


def _captured(call: Any, x: corex.Tensor) -> corex.Tensor:
    w = corex.tensor([3.0, 4.0])
    y = call(lambda t: (t * w).sin(), x)
    w.mul_(2)
    return y


def _captured_index(call: Any, x: corex.Tensor) -> corex.Tensor:
    index = corex.tensor([0, 0])
    y = call(lambda t: (t * t)[index], x)
    index.add_(1)
    return y


def _replaced_and_changed(call: Any, x: corex.Tensor) -> corex.Tensor:
    y = call(_cube, x)
    x.data = corex.tensor([3.0, 4.0])
    x.detach().mul_(2)
    return y


def _own_argument(call: Any, x: corex.Tensor) -> corex.Tensor:
    return call(lambda t: t.mul_(2).sin(), x)


REFUSED: dict[str, Program] = {
    "added to": _added,
    "zeroed": _zeroed,
    "through a view": _through_a_view,
    "through detach()": _through_detach,
    "in no_grad mode": _without_recording,
    "the base of an argument": _view_of_it,
    "an argument without gradient": _no_gradient,
    "an index": _index,
    "a chain": _chain,
    "a checkpoint in another": _nested,
    "in a tuple": _in_a_tuple,
    "captured": _captured,
    "a captured index": _captured_index,
    "replaced, then changed": _replaced_and_changed,
    "the function changes its argument": _own_argument,
}


def cases(backend: str) -> Iterator[tuple[str, Callable[[], None]]]:
    for name, program in REFUSED.items():
        for reentrant in (True, False):
            yield (
                f"{name}, use_reentrant={reentrant}",
                lambda p=program, r=reentrant: _refused(p, r),
            )
    yield "a keyword argument", _keyword
    yield "checkpoint_sequential", _sequential
    yield "an index of a plain op", _plain_index
    for name, (program, expected) in RIGHT.items():
        yield name, lambda p=program, e=expected: _right(p, e)


def _refused(program: Program, reentrant: bool) -> None:
    x0 = corex.tensor([1.0, 2.0], requires_grad=True)

    def call(*args: Any) -> Any:
        return checkpoint(*args, use_reentrant=reentrant)

    _fails(lambda: program(call, x0 * 1).sum().backward())


def _keyword() -> None:
    x, w = corex.tensor([1.0, 2.0], requires_grad=True), corex.tensor([3.0, 4.0])
    y = checkpoint(lambda t, u: t.sin() * u, x, u=w, use_reentrant=False)
    w.mul_(2)
    _fails(lambda: y.sum().backward())


def _sequential() -> None:
    x = corex.tensor([1.0, 2.0], requires_grad=True) * 1
    y = checkpoint_sequential([_cube, corex.sin, corex.exp], 2, x, use_reentrant=False)
    x.mul_(2)
    _fails(lambda: y.sum().backward())


def _plain_index() -> None:
    for pick in (
        lambda x, i: x[i],
        lambda x, i: x.index_select(0, i),
        lambda x, i: x.take(i),
        lambda x, i: (x * 1).index_put((i,), x * 2),
        lambda x, i: corex.nn.functional.embedding(i, x[:, None]),
    ):
        x, index = corex.tensor([1.0, 2.0], requires_grad=True), corex.tensor([0, 0])
        y = pick(x, index)
        index.add_(1)
        _fails(lambda y=y: (y * y).sum().backward())


def _fails(backward: Callable[[], object]) -> None:
    message = ""
    try:
        backward()
    except RuntimeError as error:
        message = str(error)
    assert "inplace" in message, message or "no error"


class _Cube(corex.autograd.Function):
    @staticmethod
    def forward(ctx: Any, t: corex.Tensor) -> corex.Tensor:
        ctx.save_for_backward(t)
        return t**3

    @staticmethod
    def backward(ctx: Any, g: corex.Tensor) -> corex.Tensor:
        (t,) = ctx.saved_tensors
        return g * t * t * 3


def _new_memory(function: Callable[[corex.Tensor], corex.Tensor]) -> Any:
    """What is computed from the memory that an argument was given since, as in plain code."""

    def program(x: corex.Tensor) -> corex.Tensor:
        t = x * 1
        y = checkpoint(function, t)
        t.data = corex.tensor([3.0, 4.0])
        del t
        return y

    return program


RIGHT: dict[str, tuple[Callable[[corex.Tensor], corex.Tensor], list[float]]] = {
    "another tensor is changed": (
        lambda x: checkpoint(_cube, x.clone()) + x.clone().zero_(),
        [3.0, 12.0],
    ),
    "a copy is changed inside": (lambda x: checkpoint(lambda t: (t * 1).mul_(t), x), [2.0, 4.0]),
    "the result is changed": (lambda x: checkpoint(_cube, x).add_(1), [3.0, 12.0]),
    "an argument that is returned": (lambda x: checkpoint(lambda t: t, x * 3), [3.0, 3.0]),
    "a checkpoint in another": (
        lambda x: checkpoint(lambda t: checkpoint(_cube, t) * t, x),
        [4.0, 32.0],
    ),
    "an argument's memory is replaced": (_new_memory(_cube), [27.0, 48.0]),
    "that of a custom function's": (_new_memory(_Cube.apply), [27.0, 48.0]),
    "that of an inner checkpoint's": (
        _new_memory(lambda t: checkpoint(_cube, t) * 1),
        [27.0, 48.0],
    ),
}


def _right(program: Callable[[corex.Tensor], corex.Tensor], expected: list[float]) -> None:
    x = corex.tensor([1.0, 2.0], requires_grad=True)
    program(x).sum().backward()
    assert x.grad.tolist() == expected, x.grad
