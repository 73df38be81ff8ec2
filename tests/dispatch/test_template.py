"""Every generated short cut does what the gate does: values, layout, and the node it hangs on."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from typing import Any

import pytest

import corex
from corex.dispatch.template import SHORT_CUTS
from corex.tensor.node import OpNode
from corex.tensor.place import change_observers
from corex.tensor.schema import REGISTRY

FORWARD = [name for name in SHORT_CUTS if name in REGISTRY and not name.endswith("_backward")]
OWN: dict[str, Callable[..., Any]] = {
    "matmul": lambda a, b: corex.matmul(a, b),
    "linear": lambda a, weight, bias: corex.nn.functional.linear(a, weight, bias),
    "linear without bias": lambda a, weight: corex.nn.functional.linear(a, weight),
    "linear of three dims": lambda a, weight, bias: corex.nn.functional.linear(
        a[None].clone(), weight, bias
    ),
    "mse_loss": lambda a, b: corex.nn.functional.mse_loss(a, b),
    "sum": lambda a: a.sum(),
    "mean": lambda a: a.mean(),
}
SIZES: dict[str, list[tuple[int, ...]]] = {
    "matmul": [(3, 4), (4, 5)],
    "linear": [(3, 4), (5, 4), (5,)],
    "linear without bias": [(3, 4), (5, 4)],
    "linear of three dims": [(3, 4), (5, 4), (5,)],
}


@pytest.fixture
def closed() -> Iterator[Callable[[bool], None]]:
    """Closes and opens the short cuts."""
    state = [0]

    def set_closed(value: bool) -> None:
        change_observers(int(value) - state[0])
        state[0] = int(value)

    yield set_closed
    set_closed(False)


def described(t: corex.Tensor) -> tuple[Any, ...]:
    node = t.grad_fn
    recorded: Any = None
    if node is not None:
        assert type(node) is OpNode
        saved = [
            (value.shape, value.tolist(), version)
            if isinstance(value, corex.Tensor)
            else (value, version)
            for value, version in zip(node.saved or (), node.versions, strict=True)
        ]
        shapes = node.shapes if node.shapes and len(set(node.shapes)) > 1 else None
        edges = [edge[0] is not None for edge in node.edges]
        recorded = (node.plan.label, node.plan.needs, saved, node.params, shapes, edges)
    return (t.dtype, t.shape, t.stride(), t.requires_grad, t.tolist(), recorded)


def leaves(name: str, needs: tuple[bool, ...], dtype: corex.dtype) -> list[corex.Tensor]:
    sizes = SIZES.get(name, [(2, 3)] * len(needs))
    found = []
    for k, (size, need) in enumerate(zip(sizes, needs, strict=True)):
        count = corex.empty(size).numel()
        values = (corex.arange(count) * 3 + k * 5) % 7
        t = (values.reshape(size).to(dtype) + 1) / 8 if dtype.is_floating_point else values
        t = t.reshape(size).to(dtype)
        found.append(t.requires_grad_(need and dtype.is_floating_point))
    return found


def compare(closed: Callable[[bool], None], run: Callable[..., Any], name: str, count: int) -> None:
    for dtype in (corex.float32, corex.float64, corex.int64):
        for needs in itertools.product((False, True), repeat=count):
            given = leaves(name, needs, dtype)
            told = []
            for value in (False, True):
                closed(value)
                try:
                    result = run(*given)
                    gradients = []
                    if result.requires_grad:
                        inputs = [t for t in given if t.requires_grad]
                        weights = corex.ones_like(result) * 0.5
                        found = corex.autograd.grad(result, inputs, weights, retain_graph=True)
                        gradients = [(g.shape, g.stride(), g.tolist()) for g in found]
                    # The gate makes rows of the dims before the last, by a view that is recorded.
                    node = described(result)[: 5 if name == "linear of three dims" else None]
                    told.append((node, gradients))
                except (RuntimeError, TypeError, ZeroDivisionError) as error:
                    # Python 3.10 has the note of the call in the message, with the views of it.
                    told.append(str(error).partition("\n")[0])
            assert alike(told[0], told[1]), (name, dtype, needs, told)


def alike(one: Any, other: Any) -> bool:
    """Whether two structures are the same, numbers to the last few bits."""
    if isinstance(one, (list, tuple)):
        return (
            type(one) is type(other)
            and len(one) == len(other)
            and all(alike(a, b) for a, b in zip(one, other, strict=True))
        )
    if isinstance(one, float) and isinstance(other, float):
        return one == pytest.approx(other, rel=1e-5, abs=1e-6, nan_ok=True)
    return type(one) is type(other) and bool(one == other)


def test_there_are_short_cuts() -> None:
    assert {"add", "exp", "lt", "matmul", "linear", "sum", "mse_loss"} <= set(FORWARD)


@pytest.mark.parametrize("name", OWN)
def test_ops_with_signatures_of_their_own(closed: Callable[[bool], None], name: str) -> None:
    count = len(SIZES.get(name, [(2, 3)] * (2 if name == "mse_loss" else 1)))
    compare(closed, OWN[name], name, count)


ELEMENTWISE = [
    name
    for name in FORWARD
    if REGISTRY[name].family in ("unary", "binary", "compare", "predicate") and hasattr(corex, name)
]


@pytest.mark.parametrize("name", ELEMENTWISE)
def test_elementwise_ops(closed: Callable[[bool], None], name: str) -> None:
    run = getattr(corex, name)
    count = len(REGISTRY[name].inputs)
    compare(closed, run, name, count)
    if count == 2:
        compare(closed, lambda a: run(a, 3), name, 1)
        compare(closed, lambda a: run(a, 0.25), name, 1)
        if name in ("sub", "div", "pow", "add", "mul"):
            symbol = {"sub": "-", "div": "/", "pow": "**", "add": "+", "mul": "*"}[name]
            compare(closed, lambda a: eval(f"3 {symbol} a", {"a": a}), name, 1)
            compare(closed, lambda a: eval(f"0.5 {symbol} a", {"a": a}), name, 1)
