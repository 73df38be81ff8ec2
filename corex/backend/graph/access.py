"""Which values an op reads and writes, and when a storage is in use."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from corex.backend.graph.data import Graph
from corex.backend.graph.parts import Changing, Literal, Number, Op, values_of
from corex.backend.signatures import SIGNATURES, UPDATES
from corex.dtypes import DType


def written(op: Op) -> tuple[int, ...]:
    """The values that an op writes."""
    return op.outputs + tuple([i for part in _written_lists(op) for i in part])


def read(op: Op) -> tuple[int, ...]:
    """The values that an op reads, those among them that it also writes."""
    found = [*values_of(op.inputs), *op.indices]
    if op.kernel in UPDATES:
        found += op.outputs
    lists = op.lists
    if op.kernel == "sgd_step" and op.params[-1:] == (True,):  # `first` sets the momenta
        lists = lists[:2]
    return (*found, *[i for part in lists for i in part])


def _written_lists(op: Op) -> tuple[tuple[int, ...], ...]:
    return (*op.lists[:1], *op.lists[2:])


def lifetimes(graph: Graph) -> list[tuple[int, int] | None]:
    """For each storage the first and the last op that touch it; None if none does."""
    found: list[tuple[int, int] | None] = [None] * len(graph.storages)
    for position, op in enumerate(graph.ops):
        for value in (*read(op), *written(op)):
            storage = graph.values[value].storage
            before = found[storage]
            found[storage] = (position if before is None else before[0], position)
    return found


def arguments(
    op: Op, view: Callable[[int], Any], number: Callable[[Literal | Changing], Any]
) -> tuple[Any, ...]:
    """The arguments of the kernel, by what stands for a value and for a number.

    `number` is asked for literal operands and for everything that changes.
    """

    def one(operand: Any) -> Any:
        if operand is None:
            return None
        return view(operand) if isinstance(operand, int) else number(operand)

    params = [number(p) if isinstance(p, Changing) else p for p in op.params]
    if op.lists:
        return (*[[view(i) for i in part] for part in op.lists], *params)
    return (
        *[view(i) for i in op.outputs],
        *[one(operand) for operand in op.inputs],
        *params,
        *[view(i) for i in op.indices],
    )


def resolved(number: Literal | Changing, numbers: tuple[Number, ...]) -> Number:
    """What a number is in a call with these changing ones."""
    if isinstance(number, Literal):
        return number.number
    return numbers[number.index] + number.plus if number.plus else numbers[number.index]


def number_dtype(graph: Graph, op: Op) -> DType:
    """What an element is that a number among the operands stands for: one of the result or, where
    that is a truth value about operands, one of these."""
    signature = SIGNATURES.get(op.kernel)
    if signature is None or signature.views[0] == "T":
        return graph.values[op.outputs[0]].dtype
    return graph.values[values_of(op.inputs)[-1]].dtype


def op_dtypes(graph: Graph, op: Op) -> tuple[DType, ...]:
    """What the kernel is asked for by: the dtypes of its views, or the one of all of its lists."""
    if op.lists:
        return (graph.values[op.lists[0][0]].dtype,)
    return tuple(
        [
            graph.values[o].dtype if isinstance(o, int) else number_dtype(graph, op)
            for o in (*op.outputs, *op.inputs, *op.indices)
            if o is not None
        ]
    )
