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
PAIRS = [name for name in SHORT_CUTS if name in REGISTRY and name.endswith("_backward")]
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


def compare(
    closed: Callable[[bool], None], run: Callable[..., Any], name: str, count: int
) -> None:
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
                    told.append((described(result), gradients))
                except (RuntimeError, NotImplementedError, TypeError) as error:
                    told.append(str(error))
            quick, slow = told
            if isinstance(quick, tuple) and isinstance(slow, tuple):
                assert quick[0] == pytest.approx(slow[0], nan_ok=True) or quick[0] == slow[0]
                assert len(quick[1]) == len(slow[1])
                for one, other in zip(quick[1], slow[1], strict=True):
                    assert one[:2] == other[:2]
                    assert corex.tensor(one[2]).allclose(
                        corex.tensor(other[2]), rtol=1e-5, atol=1e-6, equal_nan=True
                    )
            else:
                assert quick == slow


def test_there_are_short_cuts() -> None:
    assert {"add", "exp", "less" if "less" in REGISTRY else "lt", "matmul", "sum"} <= set(FORWARD)


@pytest.mark.parametrize("name", OWN)
def test_ops_with_signatures_of_their_own(closed: Callable[[bool], None], name: str) -> None:
    count = len(SIZES.get(name, [(2, 3)] * (2 if name == "mse_loss" else 1)))
    compare(closed, OWN[name], name, count)


ELEMENTWISE = [
    name
    for name in FORWARD
    if REGISTRY[name].family in ("unary", "binary", "compare", "predicate")
    and hasattr(corex, name)
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
