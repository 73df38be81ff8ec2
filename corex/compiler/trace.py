"""Recording what a thread does, as a graph.

The program runs as usual while it is recorded; afterwards the graph does it again, with other
inputs, states as they are then, and other values of the numbers that change. Ops for which the
place has no kernel are recorded as what they are composed of; those with changing parameters stay
whole, since what their decompositions work out of these is no part of the graph.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from threading import get_ident
from typing import Any

from corex.backend.contract import Buffer
from corex.backend.graph import (
    Changing,
    Graph,
    GraphBuilder,
    Literal,
    Number,
    Op,
    undefined,
    verify,
)
from corex.backend.signatures import UPDATES
from corex.compiler.memory import Buffers, narrowed, storages
from corex.dispatch.bind import NUMBERS, computing, number_tensor, rebind, write
from corex.dispatch.devices import find_place
from corex.dispatch.fallback import on_host
from corex.dispatch.levels import Interpreter, interpreting
from corex.dispatch.lists import bind_lists
from corex.dispatch.record import no_grad
from corex.dispatch.resolve import resolve
from corex.dispatch.views import hidden
from corex.dispatch.write import resolved
from corex.dtypes import DType
from corex.layout import DENSE, broadcast_strides, numel
from corex.tensor.place import Place
from corex.tensor.schema import REGISTRY, OpSchema
from corex.tensor.storage import Storage, noting
from corex.tensor.tensor import Tensor, make
from corex.tensor.view_op import ViewOp

Shape = tuple[int, ...]


class Recording:
    """A graph, and what it was recorded with.

    Attributes:
        graph: with storages of role 'input' and 'state' for memory that was there before, and
            'output' for memory that was made and is still there, or was asked for.
        inputs, states: for each such storage a tensor over the recorded memory, as a program of
            the graph takes it.
        numbers: what the changing numbers were; their names are those of parameters: `lr`,
            `step`, `offset.2`.
        escaped: tensors over memory that was made and is still there, beside the results that
            were asked for: the gradients of a training step, say. They are further results.
    """

    def __init__(
        self,
        graph: Graph,
        inputs: list[Tensor],
        states: list[Tensor],
        numbers: dict[str, Number],
        escaped: list[Tensor],
    ) -> None:
        self.graph = graph
        self.inputs = inputs
        self.states = states
        self.numbers = numbers
        self.escaped = escaped


class Trace(Interpreter):
    """Takes notes of what its thread does on one place, in a block of `recording`.

    `arguments` are tensors that will be others at each call: the graph sees their storages first,
    in this order, each with a first value as its tensor.
    """

    sees_all = True

    def __init__(self, place: Place, arguments: Sequence[Tensor] = (), name: str = "trace") -> None:
        self.place = place
        self.builder = GraphBuilder(name)
        self.numbers: dict[str, Number] = {}
        self._thread = get_ident()
        self._new = Buffers()  # allocated while it was recorded
        self._known = Buffers()
        self._given: dict[int, Storage] = {}  # memory that was there before, kept alive
        self._roles: dict[int, str] = {}
        self._values: dict[tuple[Any, ...], int] = {}
        # What memory held that was first written in part: uninitialised, or data of the host.
        self._drafts: dict[int, tuple[int, Tensor, bytes]] = {}
        for t in arguments:
            self._value(t)

    @contextmanager
    def recording(self) -> Iterator[None]:
        """In the block this thread is recorded."""
        with noting(self._allocated), interpreting(self):
            yield

    def _allocated(self, buffer: Buffer) -> None:
        if get_ident() == self._thread:
            self._new.add(buffer, 0)

    # ---- what the gate hands over ------------------------------------------------------------
    def op(
        self,
        schema: OpSchema,
        inputs: tuple[Any, ...],
        params: tuple[Any, ...],
        spec: tuple[Shape, DType] | None,
        out: Tensor | None,
    ) -> Any:
        """Records an op, or what it is composed of."""
        outs = [spec] if spec is not None else schema.result(*inputs, *params)  # type: ignore[misc]
        dtypes = tuple([dtype for _, dtype in outs])
        if self._is_composed(schema, dtypes, inputs):
            return self._composed(schema, inputs, params, dtypes[0], out)
        shape = None if spec is None else spec[0]
        operands = [self._operand(t, shape) for t in inputs]  # as they are before the op
        result = rebind(schema, inputs, params, spec, out)
        made = result if isinstance(result, tuple) else (result,)
        if out is None:
            for t in made:
                self._make(t, schema.name)
        kernel_params = params[: -schema.rule_params] if schema.rule_params else params
        self.builder.op(
            schema.name,
            [self._written(t) for t in made],
            operands,
            self._params(schema, kernel_params),
        )
        return result

    def view(self, op: ViewOp, t: Tensor, params: tuple[Any, ...]) -> Tensor:
        """Nothing is noted: who reads or writes the view is noted with its geometry."""
        return hidden(op, t, params)

    def write(
        self,
        name: str,
        outs: Sequence[Any],
        inputs: Sequence[Any],
        params: tuple[Any, ...],
        indices: Sequence[Tensor],
    ) -> None:
        """Records a kernel that writes memory that is there."""
        if isinstance(outs[0], list | tuple):
            self._write_lists(REGISTRY[name], outs, params)
            return
        operands = [self._operand(t) for t in inputs]
        positions = [self._value(t) for t in indices]
        targets = [self._written(t, name in UPDATES) for t in outs]
        write(name, outs, inputs, params, indices)
        known = REGISTRY.get(name)
        self.builder.op(name, targets, operands, self._params(known, params), positions)

    def _write_lists(
        self, schema: OpSchema, lists: Sequence[Sequence[Tensor]], params: tuple[Any, ...]
    ) -> None:
        for dtype in dict.fromkeys([t.dtype for t in lists[0]]):  # a kernel takes one dtype
            chosen = [i for i, t in enumerate(lists[0]) if t.dtype is dtype]
            parts = [[part[i] for i in chosen] if part else [] for part in lists]
            grads = [self._value(t) for t in parts[1]]
            positions = [[self._written(t) for t in part] for part in (parts[0], *parts[2:])]
            positions.insert(1, grads)
            self.builder.list_op(schema.name, positions, self._params(schema, params))
        bind_lists(schema, lists, params)

    # ---- ops without a kernel ----------------------------------------------------------------
    def _is_composed(
        self, schema: OpSchema, outs: tuple[DType, ...], inputs: tuple[Any, ...]
    ) -> bool:
        if schema.decomposition is None or schema.changing:
            return False
        own = computing(schema, inputs, outs[0]) if _numeric(inputs) else None
        dtypes = [own if type(t) in NUMBERS else t.dtype for t in inputs if t is not None]
        views: tuple[Any, ...] = (*outs, *dtypes)
        found = resolve(self.place, schema.name, views)
        return found.run is None and not on_host(found, self.place, schema.name, views)

    def _composed(
        self,
        schema: OpSchema,
        inputs: tuple[Any, ...],
        params: tuple[Any, ...],
        dtype: DType,
        out: Tensor | None,
    ) -> Any:
        assert schema.decomposition is not None
        with interpreting(self), no_grad():
            if _numeric(inputs):
                key = self.place.keys[computing(schema, inputs, dtype).index]
                inputs = tuple([number_tensor(t, key) if type(t) in NUMBERS else t for t in inputs])
            result = schema.decomposition(*inputs, *params)
            if out is None:
                return result
            write("copy", [out], [result])
            return out

    # ---- memory --------------------------------------------------------------------------------
    def _make(self, t: Tensor, name: str) -> None:
        """A result whose memory is new."""
        if self._known.find(t.storage_.buffer) is None:
            self._enter(t.storage_, "temporary", name)

    def _enter(self, storage: Storage, role: Any, name: str, data: bytes | None = None) -> int:
        position = self.builder.storage(role, storage.nbytes(), name, data)
        self._known.add(storage.buffer, position)
        self._roles[position] = role
        return position

    def _storage(self, t: Tensor, reads: bool) -> int:
        """The position of a tensor's storage, which may be met for the first time."""
        storage = t.storage_
        position = self._known.find(storage.buffer)
        if position is None:
            if t.key.place is not self.place:
                raise NotImplementedError(
                    f"a graph lives on one device: {self.place} here, but a tensor of "
                    f"{t.key.place} takes part"
                )
            if self._new.find(storage.buffer) is None:
                position = self._enter(storage, "input", "given")
                self._given[position] = storage
            elif reads:  # made from data of the host
                position = self._enter(storage, "constant", "data", storage.tobytes())
            else:
                position = self._enter(storage, "temporary", "made")
                if numel(t.shape) * t.itemsize < storage.nbytes():
                    whole = _whole(storage, t.key)
                    self._drafts[position] = (self.builder.length, whole, storage.tobytes())
        return position

    def _value(self, t: Tensor, shape: Shape | None = None, reads: bool = True) -> int:
        storage = self._storage(t, reads)
        own = self._view(storage, t, t.shape, t.strides)
        if shape is None or t.shape == shape:
            return own
        return self._view(storage, t, shape, broadcast_strides(t.shape, t.strides, shape))

    def _view(self, storage: int, t: Tensor, shape: Shape, strides: Shape) -> int:
        key = (storage, t.dtype, tuple(shape), strides, t.offset)
        found = self._values.get(key)
        if found is None:
            found = self.builder.view(storage, t.dtype, tuple(shape), strides, t.offset)
            self._values[key] = found
        return found

    def _written(self, t: Tensor, reads: bool = False) -> int:
        """The value of a tensor that is written, and read before or not."""
        position = self._storage(t, reads)
        role = self._roles[position]
        if role == "input":
            self._roles[position] = "state"
        elif role == "constant":
            self._thaw(t, position)
        return self._value(t, reads=False)

    def _thaw(self, t: Tensor, constant: int) -> None:
        """Memory that was made from data of the host is written: a copy of it, from now on."""
        whole = _whole(t.storage_, t.key)
        source = self._view(constant, whole, whole.shape, (1,))
        self._enter(t.storage_, "temporary", "made")
        self.builder.op("copy", [self._value(whole)], [source])

    def _settle_drafts(self, results: list[int]) -> None:
        """Memory of which more is read than was written held data of the host."""
        graph = self.builder.build(results)
        wanted = {graph.values[i].storage for _, i in undefined(graph)}
        for position, (before, whole, data) in reversed(self._drafts.items()):
            if position in wanted:
                constant = self.builder.storage("constant", len(data), "data", data)
                source = self._view(constant, whole, whole.shape, (1,))
                target = self._view(position, whole, whole.shape, (1,))
                self.builder.insert(before, Op("copy", (target,), (source,)))

    # ---- numbers -------------------------------------------------------------------------------
    def _operand(self, t: Any, shape: Shape | None = None) -> Any:
        if t is None:
            return None
        return Literal(t) if type(t) in NUMBERS else self._value(t, shape)

    def _params(self, schema: OpSchema | None, params: tuple[Any, ...]) -> list[Any]:
        moving = schema.changing if schema is not None else ()
        names = schema.params if schema is not None else ()
        return [
            self._number(names[i], p) if i < len(names) and names[i] in moving else p
            for i, p in enumerate(params)
        ]

    def _number(self, name: str, value: Number) -> Changing:
        kind: Any = type(value).__name__
        changing = self.builder.number(kind, name)
        self.numbers[self.builder.number_name(changing)] = value
        return changing

    # ---- the end -------------------------------------------------------------------------------
    def finish(self, *results: Tensor) -> Recording:
        """The graph, which gives these tensors, and what else was made and is still there."""
        shown = [self._result(t) for t in results]
        self._settle_drafts(shown)
        asked = {self._storage(t, reads=True) for t in results}
        alive = self._alive(asked)
        first: dict[int, tuple[tuple[Any, ...], int]] = {}
        for key, value in self._values.items():
            first.setdefault(key[0], (key, value))
        escaped = []
        for position, storage in alive.items():
            if position in first:
                (_, dtype, shape, strides, offset), value = first[position]
                shown.append(value)
                escaped.append(_tensor(storage, dtype, shape, strides, offset))
                asked.add(position)
        for position in asked:
            if self._roles[position] == "temporary":
                self._roles[position] = "output"
        for position, role in self._roles.items():
            self.builder.set_role(position, role)  # type: ignore[arg-type]
        graph, starts = narrowed(self.builder.build(shown))
        given = [self._faces(graph, role, starts) for role in ("input", "state")]
        return Recording(verify(graph), given[0], given[1], self.numbers, escaped)

    def _alive(self, asked: set[int]) -> dict[int, Storage]:
        """Memory that was made, and is still there beside what was asked for."""
        found = {}
        for storage in storages():
            position = self._known.find(storage.buffer)
            if position is not None and position not in asked:
                found[position] = storage
        return {i: found[i] for i in sorted(found) if self._roles[i] == "temporary"}

    def _result(self, t: Tensor) -> int:
        position = self._storage(t, reads=True)
        if self._roles[position] == "constant":
            self._thaw(t, position)
        return self._value(t)

    def _faces(self, graph: Graph, role: Any, starts: dict[int, int]) -> list[Tensor]:
        """A tensor for each storage of a role, as the first value of it."""
        faces = {}
        for value in reversed(graph.values):
            faces[value.storage] = value
        found = []
        for position in graph.of_role(role):
            face = faces[position]
            offset = face.offset + starts[position] // face.dtype.itemsize
            storage = self._given[position]
            found.append(_tensor(storage, face.dtype, face.shape, face.strides, offset))
        return found


def record(function: Callable[..., Any], *arguments: Any, name: str = "") -> tuple[Recording, Any]:
    """Calls a function once, and records what it does: the recording, and what it returned.

    Tensors among the arguments come first among the inputs (or states, if they are written) of the
    recording, in their order. Tensors that the function returns are the results of the graph.
    """
    tensors = [t for t in arguments if isinstance(t, Tensor)]
    place = tensors[0].key.own.place if tensors else find_place()
    trace = Trace(place, tensors, name or getattr(function, "__name__", "trace"))
    with trace.recording():
        result = function(*arguments)
        given = result if isinstance(result, list | tuple) else (result,)
        # A graph's results are memory as it is.
        results = [resolved(t) for t in given if isinstance(t, Tensor)]
    return trace.finish(*results), result


def _whole(storage: Storage, key: Any) -> Tensor:
    """All of a storage, as a row."""
    return make(storage, key, (storage.nbytes() // key.dtype.itemsize,))


def _numeric(inputs: tuple[Any, ...]) -> bool:
    return any([type(t) in NUMBERS for t in inputs])


def _tensor(storage: Storage, dtype: DType, shape: Shape, strides: Shape, offset: int) -> Tensor:
    key = storage.place.keys[dtype.index]
    return make(storage, key, shape, None if strides == DENSE[shape] else strides, offset)
