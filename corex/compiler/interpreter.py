"""The reference for what a graph means: its ops one after another, by the kernels of any backend.

A kernel is chosen as the dispatcher chooses it: a plugin's, the backend's own, one for a wider
dtype; where there is none, or it declines the layout, the op is decomposed or runs on the host.
Temporaries live where the graph's plan puts them.
"""

from __future__ import annotations

from collections.abc import Callable
from operator import itemgetter
from typing import Any

from corex.backend.contract import Memory, View
from corex.backend.graph import (
    Changing,
    Graph,
    Literal,
    Number,
    Op,
    arguments,
    number_dtype,
    op_dtypes,
    resolved,
)
from corex.dispatch.bind import copy, number_tensor
from corex.dispatch.fallback import on_host, run_fallback
from corex.dispatch.launch import launch
from corex.dispatch.record import no_grad
from corex.dispatch.resolve import Resolution, resolve
from corex.layout import DENSE, broadcast_strides, numel
from corex.observe import events
from corex.tensor import place as places
from corex.tensor.place import Place
from corex.tensor.schema import REGISTRY, OpSchema
from corex.tensor.storage import adopt, allocate, upload
from corex.tensor.tensor import Tensor, make


class Interpreted:
    """A graph with a memory plan, ready to run on a place; called as what a backend compiles.

    Temporaries are allocated at each call, so calls of several threads and streams do not meet.
    """

    def __init__(self, graph: Graph, place: Place) -> None:
        self.graph = graph
        self.place = place
        self._geometry = [(v.storage, v.dtype, v.shape, v.strides, v.offset) for v in graph.values]
        self._given = [graph.of_role(role) for role in ("input", "state", "output")]
        users = {storage.slot: i for i, storage in enumerate(graph.storages)}
        dtypes = {value.storage: value.dtype for value in reversed(graph.values)}
        self._hints = [dtypes[users[slot]] for slot in range(len(graph.slots))]
        self._constants = self._uploaded()
        self._steps = [_Step(graph, op, place) for op in graph.ops]

    def __call__(
        self,
        inputs: tuple[Memory, ...],
        states: tuple[Memory, ...],
        outputs: tuple[Memory, ...],
        numbers: tuple[Number, ...],
    ) -> None:
        memory: dict[int, Memory] = dict(self._constants)
        for positions, given in zip(self._given, (inputs, states, outputs), strict=True):
            memory.update(zip(positions, given, strict=True))
        self._allocate(memory)
        views: list[View | None] = []
        for storage, dtype, shape, strides, offset in self._geometry:
            if storage in memory:
                buffer, start = memory[storage]
                views.append((buffer, dtype, shape, strides, offset + start // dtype.itemsize))
            else:  # a temporary that no op touches
                views.append(None)
        for step in self._steps:
            step(views, numbers)

    def _uploaded(self) -> dict[int, Memory]:
        found: dict[int, Memory] = {}
        for i in self.graph.of_role("constant"):
            data = self.graph.storages[i].data
            assert data is not None
            memory = allocate(self.place, len(data))
            upload(self.place, memory.buffer, 0, memoryview(data))
            found[i] = (memory.buffer, 0)
        return found

    def _allocate(self, memory: dict[int, Memory]) -> None:
        """Memory for the temporaries: parts of one arena, or a buffer for each slot."""
        graph = self.graph
        if graph.arena is not None:
            whole = allocate(self.place, graph.arena.nbytes).buffer if graph.slots else None
            slots = [(whole, slot.offset or 0) for slot in graph.slots]
        else:
            slots = [
                (allocate(self.place, slot.nbytes, dtype).buffer, 0)
                for slot, dtype in zip(graph.slots, self._hints, strict=True)
            ]
        for i, storage in enumerate(graph.storages):
            if storage.slot is not None:
                memory[i] = slots[storage.slot]


class _Step:
    """One op, prepared: where its arguments are to be found, and what it is asked for by."""

    def __init__(self, graph: Graph, op: Op, place: Place) -> None:
        self.op = op
        self.place = place
        self.params = tuple([p for p in op.params if not isinstance(p, Changing)])
        self.changing = [p for p in (*op.inputs, *op.params) if isinstance(p, Changing)]
        self.numeric = any(isinstance(operand, Literal | Changing) for operand in op.inputs)
        self.count = len(op.outputs)
        self.face = graph.values[op.lists[0][0] if op.lists else op.outputs[0]]
        if self.numeric:
            self.number = number_dtype(graph, op)
        self.dtypes = op_dtypes(graph, op)
        self.arguments = _getter(graph, op)

    def __call__(self, views: list[Any], numbers: tuple[Number, ...]) -> None:
        op, place = self.op, self.place
        found = place.kernels.get((op.kernel, self.dtypes))
        if found is None:
            found = resolve(place, op.kernel, self.dtypes)
        given = self.arguments(views, numbers)
        if self.numeric and not found.numbers:
            given = tuple([self._viewed(i, argument) for i, argument in enumerate(given)])
        shown: Any = ()
        params: tuple[Any, ...] = ()
        if places.observers:
            shown, params = self._shown(given)
        found = launch(found, op.kernel, place, given, shown, self.count or 1, params)
        if found.run is None:
            self._otherwise(given, found)

    def _is_number(self, i: int) -> bool:
        return self.count <= i < self.count + len(self.op.inputs) and isinstance(
            self.op.inputs[i - self.count], Literal | Changing
        )

    def _viewed(self, i: int, argument: Any) -> Any:
        """An argument, and a view of one element instead of an operand that is a number."""
        if not self._is_number(i):
            return argument
        key = self.place.keys[self.number.index]
        buffer = number_tensor(argument, key).storage_.buffer
        return (buffer, key.dtype, self.face.shape, (0,) * len(self.face.shape), 0)

    def _parts(self, given: tuple[Any, ...]) -> tuple[Any, Any, Any, Any]:
        """Outputs, inputs, parameters and indices among the arguments of a kernel."""
        start = self.count + len(self.op.inputs)
        end = start + len(self.op.params)
        return given[: self.count], given[self.count : start], given[start:end], given[end:]

    def _shown(self, given: tuple[Any, ...]) -> tuple[Any, Any]:
        """What observers are shown: the views, and the parameters."""
        if self.op.lists:
            count = len(self.op.lists)
            return given[:count], given[count:]
        outs, ins, params, indices = self._parts(given)
        shape = self.face.shape
        alone = [(None, self.number, shape, (0,) * len(shape), 0) if _plain(v) else v for v in ins]
        return (*outs, *alone, *indices), params

    # ---- where there is no kernel ----------------------------------------------------------
    def _otherwise(self, given: tuple[Any, ...], found: Resolution) -> None:
        schema = REGISTRY.get(self.op.kernel)
        if self.op.lists:
            self._lists_decomposed(given, found.reason)
            return
        outs, ins, params, indices = self._parts(given)
        if self.numeric:
            ins = [self._viewed(self.count + i, v) if _plain(v) else v for i, v in enumerate(ins)]
        targets = [self._tensor(v) for v in outs]
        operands = [None if v is None else self._tensor(v) for v in ins]
        if (
            schema is not None
            and schema.decomposition is not None
            and not on_host(found, self.place, self.op.kernel, self.dtypes)
        ):
            self._decomposed(schema, targets, operands, params, found.reason)
        else:
            there = [self._tensor(v) for v in indices]
            run_fallback(self.op.kernel, targets, operands, params, found, there)

    def _lists_decomposed(self, given: tuple[Any, ...], reason: str) -> None:
        schema = REGISTRY[self.op.kernel]
        assert schema.decomposition is not None
        count = len(self.op.lists)
        lists = [[self._tensor(v) for v in part] for part in given[:count]]
        with no_grad():
            events.run_parts(
                schema.decomposition, (*lists, *given[count:]),
                schema.name, self.place, reason, lists[:1], lists[1:], given[count:],
            )  # fmt: skip

    def _decomposed(
        self, schema: OpSchema, outs: Any, ins: Any, params: tuple[Any, ...], reason: str
    ) -> None:
        assert schema.decomposition is not None
        if schema.family == "random":  # of a key and a count, and dense
            count = numel(outs[0].shape)
            outs, ins = [make(outs[0].storage_, outs[0].key, (count,), None, outs[0].offset)], ()
            given: tuple[Any, ...] = (outs[0].key, count, *params)
        else:  # what only the result rule needs is the shape of the result
            given = (*ins, *params, *(outs[0].shape,) * schema.rule_params)
        with no_grad():
            result = events.run_parts(
                schema.decomposition, given,
                schema.name, self.place, reason, outs, ins, params,
            )  # fmt: skip
            results = [result] if isinstance(result, Tensor) else result
            for target, source in zip(outs, results, strict=True):
                copy(target, _expanded(source, target.shape))

    def _tensor(self, view: View) -> Tensor:
        buffer, dtype, shape, strides, offset = view
        storage, key = adopt(self.place, buffer), self.place.keys[dtype.index]
        return make(storage, key, shape, None if strides == DENSE[shape] else strides, offset)


def _plain(argument: Any) -> bool:
    return isinstance(argument, bool | int | float)


def _expanded(t: Tensor, shape: tuple[int, ...]) -> Tensor:
    if t.shape == shape:
        return t
    strides = broadcast_strides(t.shape, t.strides, shape)
    return make(t.storage_, t.key, shape, strides, t.offset)


def _getter(graph: Graph, op: Op) -> Callable[[list[Any], tuple[Number, ...]], tuple[Any, ...]]:
    """A function of all views and the changing numbers: the arguments of the kernel."""
    moving = any(isinstance(p, Changing) for p in (*op.inputs, *op.params))
    if op.lists or moving or len(graph.values) == 0:

        def general(views: list[Any], numbers: tuple[Number, ...]) -> tuple[Any, ...]:
            return arguments(op, views.__getitem__, lambda n: resolved(n, numbers))

        return general
    # Everything else than views stays as it is: one call in C picks views, the rest is appended.
    fixed = arguments(op, _Position, lambda n: resolved(n, ()))
    picks = [i for i in fixed if isinstance(i, _Position)]
    if len(picks) == len(fixed) > 1:
        pick = itemgetter(*picks)
        return lambda views, numbers: pick(views)
    return lambda views, numbers: tuple(
        [views[item] if type(item) is _Position else item for item in fixed]
    )


class _Position(int):
    """The position of a value, beside arguments that are integers."""
