"""Checks the claims of nodes about memory, while backward runs: for the tests of ownership."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import pairwise
from typing import Any
from unittest import mock

import corex
from corex.dispatch.bind import write
from corex.tensor.node import OpNode
from corex.tensor.tensor import Tensor


def _tensors(value: Any) -> Iterator[Tensor]:
    if isinstance(value, Tensor):
        yield value
    elif isinstance(value, tuple | list):
        for item in value:
            yield from _tensors(item)


def _check(node: OpNode, saved: Any, grad: Tensor, owned: bool, grads: Any, flags: Any) -> None:
    # Of what is new memory in every call.
    always = node.plan.owned[False] if node.plan.owned is not None else [False] * len(grads)
    held = {id(t.storage_): "a saved value" for t in _tensors((saved, node.params))}
    if not owned:
        held[id(grad.storage_)] = "the output's gradient"
    for i, (value, flag) in enumerate(zip(grads, flags, strict=False)):
        if value is None:
            continue
        where = held.get(id(value.storage_))
        if always[i] and value.storage_ is grad.storage_:
            where = "the output's gradient"
        assert not (flag and where), f"{node.plan.label}: gradient {i} is in the memory of {where}"
        held[id(value.storage_)] = f"gradient {i}"


@contextmanager
def checked() -> Iterator[set[str]]:
    """Meanwhile no gradient said to be owned is in memory that others hold; and a gradient that the
    engine owned, and has given to a node which did not hand it on, is overwritten with NaN.

    Yields the labels of the nodes that ran.
    """
    original, seen = OpNode.by_formulas, set()

    def by_formulas(self: OpNode, grad: Tensor, owned: bool) -> Any:
        saved = self.saved
        grads, flags = original(self, grad, owned)
        _check(self, saved, grad, owned, grads, flags)
        seen.add(self.plan.label)
        if owned and not any(t.storage_ is grad.storage_ for t in _tensors(list(grads))):
            write("fill", [grad], [], (float("nan"),))
        return grads, flags

    with mock.patch.object(OpNode, "by_formulas", by_formulas):
        yield seen


def allocations(function: Callable[[], Any]) -> int:
    """How often a call takes memory."""
    before = corex.memory_stats()["allocations"]
    function()
    return int(corex.memory_stats()["allocations"] - before)


def own_allocations(backward: Callable[[], Any]) -> int:
    """How often a backward takes memory that no node asks for: copies and sums of gradients.

    On a backend without direct kernels, by which gradients are made elsewhere.
    """
    original, marks = OpNode.by_formulas, []

    def by_formulas(self: OpNode, grad: Tensor, owned: bool) -> Any:
        marks.append(corex.memory_stats()["allocations"])
        found = original(self, grad, owned)
        marks.append(corex.memory_stats()["allocations"])
        return found

    with mock.patch.object(OpNode, "by_formulas", by_formulas):
        total = allocations(backward)
    return total - sum(after - before for before, after in list(pairwise(marks))[::2])
