"""The hand-over of a graph to a backend, and calls of what came back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from typing import Any

from corex.backend.contract import Compiled, Memory
from corex.backend.graph import Graph, Number, Value, op_dtypes, plan, verify
from corex.compiler.interpreter import Interpreted
from corex.device import device as Device
from corex.dispatch import levels
from corex.dispatch.devices import find_place
from corex.errors import CompilationWarning, warn
from corex.layout import DENSE
from corex.observe import events
from corex.plugins.manager import manager
from corex.tensor import place as places
from corex.tensor.place import Place
from corex.tensor.storage import Storage, allocate
from corex.tensor.tensor import Tensor, make

_KINDS: dict[str, tuple[type, ...]] = {
    "bool": (bool,),
    "int": (int,),
    "float": (float, int),
}


def prepare(
    graph: Graph,
    device: Device | str | int | None = None,
    backend: str | None = None,
    interpret: bool = False,
) -> Program:
    """A graph, verified, planned for the memory of a device, and compiled by its backend if it can.

    With `interpret` the backend's compiler is not asked, to compare with it.

    Raises:
        GraphError: it is no graph.
        TypeError: the device does not hold tensors of one of its dtypes.
    """
    verify(graph)
    place = find_place(device, backend)
    for value in graph.values:
        if not place.holds(value.dtype):
            raise TypeError(f"graph {graph.name}: {place} holds no {value.dtype.name} tensors")
    mutable = place.backend.traits(place.index).memory == "mutable"
    graph = plan(graph, arena=mutable)
    reason = "that was asked for" if interpret else _replaced(graph, place)
    run = None
    if not reason:
        run, reason = _compiled(graph, place)
    if run is None:
        return Program(graph, place, Interpreted(graph, place), "interpreted", reason)
    return Program(graph, place, run, "compiled")


def _replaced(graph: Graph, place: Place) -> str:
    """Which kernel a plugin has put before the backend's, whose compiler does not know of it."""
    if manager.selectors():
        for op in graph.ops:
            for candidate in manager.overrides(place.name, op.kernel, op_dtypes(graph, op)):
                return f"plugin '{candidate.plugin}' replaces the kernel '{op.kernel}'"
    return ""


def _compiled(graph: Graph, place: Place) -> tuple[Compiled | None, str]:
    backend = place.backend
    try:
        run = backend.compile(graph, place.index)
    except Exception as error:
        reason = f"the compiler of backend '{backend.name}' failed: {type(error).__name__}: {error}"
        warn(f"graph {graph.name}: {reason}; it runs op by op instead", CompilationWarning)
        return None, reason
    return run, "" if run is not None else f"backend '{backend.name}' does not compile it"


class Program:
    """A graph that runs.

    Attributes:
        graph: with the plan of its memory.
        run: what runs it, called with memory and numbers as docs/contract.md says.
        how: 'compiled' by the backend, or 'interpreted'.
        reason: why it is interpreted.
    """

    def __init__(
        self, graph: Graph, place: Place, run: Compiled, how: str, reason: str = ""
    ) -> None:
        self.graph = graph
        self.place = place
        self.run = run
        self.how = how
        self.reason = reason
        dtypes = {value.storage: value.dtype for value in reversed(graph.values)}
        self._outputs = {i: dtypes[i] for i in graph.of_role("output")}
        self._faces = [_faces(graph, role) for role in ("input", "state")]

    def __call__(
        self,
        inputs: Sequence[Tensor] = (),
        states: Sequence[Tensor] = (),
        numbers: Mapping[str, Number] | None = None,
    ) -> tuple[Tensor, ...]:
        """Runs the program once, and returns its results. Nothing is recorded for autograd.

        A tensor is given for each storage of the role, as the first value of that storage.

        Raises:
            ValueError: a tensor or number is missing, or is not what the graph says.
            RuntimeError: a state shares memory with something else that is given, or ops of this
                thread are being interpreted.
        """
        if levels.open and levels.busy():
            raise RuntimeError(f"program {self.graph.name} runs kernels, which no interpreter sees")
        given = [
            self._memory(role, faces, tensors)
            for role, faces, tensors in zip(
                ("input", "state"), self._faces, (inputs, states), strict=True
            )
        ]
        self._check_aliases(given[0], given[1])
        storages = [
            allocate(self.place, self.graph.storages[i].nbytes, dtype)
            for i, dtype in self._outputs.items()
        ]
        outputs = tuple([(storage.buffer, 0) for storage in storages])
        values = self._numbers(numbers or {})
        results = self._results(storages, inputs, states)
        told: Any = nullcontext()
        if places.observers and self.how == "compiled":
            name = f"graph {self.graph.name}"
            told = events.Span(
                name, self.place, "compiled", "", results, [*inputs, *states], values
            )
        with told:
            self.run(given[0], given[1], outputs, values)
        for t in states:
            t.storage_.version += 1
        return results

    def _memory(
        self, role: str, faces: Sequence[Value | None], tensors: Sequence[Tensor]
    ) -> tuple[Memory, ...]:
        if len(tensors) != len(faces):
            raise ValueError(
                f"program {self.graph.name} takes {len(faces)} tensors of role {role}, "
                f"got {len(tensors)}"
            )
        found = []
        for face, t in zip(faces, tensors, strict=True):
            if t.key.place is not self.place:
                raise ValueError(f"program {self.graph.name} runs on {self.place}, got a tensor of "
                                 f"{t.key.place}")  # fmt: skip
            if face is None:
                found.append((t.storage_.buffer, 0))
                continue
            if (t.dtype, t.shape, t.strides) != (face.dtype, face.shape, face.strides):
                raise ValueError(
                    f"program {self.graph.name}: {role} {face.name} is {face.dtype.name} of shape "
                    f"{face.shape} and strides {face.strides}, got {t.dtype.name} of shape "
                    f"{tuple(t.shape)} and strides {t.strides}"
                )
            found.append((t.storage_.buffer, (t.offset - face.offset) * t.itemsize))
        return tuple(found)

    def _check_aliases(self, inputs: tuple[Memory, ...], states: tuple[Memory, ...]) -> None:
        """What is written is nobody else's.

        Raises:
            RuntimeError: it is.
        """
        spans: dict[int, list[tuple[int, int, bool, str]]] = {}
        for role, given, written in (("input", inputs, False), ("state", states, True)):
            positions = self.graph.of_role(role)  # type: ignore[arg-type]
            for i, (buffer, start) in zip(positions, given, strict=True):
                storage = self.graph.storages[i]
                if not storage.nbytes:
                    continue
                span = (start, start + storage.nbytes, written, storage.name)
                spans.setdefault(id(buffer), []).append(span)
        for together in spans.values():
            end, last = 0, ("", False)
            for low, high, written, name in sorted(together):
                if low < end and (written or last[1]):
                    raise RuntimeError(
                        f"program {self.graph.name}: {last[0]} and {name} share memory, and the "
                        f"program writes there"
                    )
                if high > end:
                    end, last = high, (name, written)

    def _numbers(self, given: Mapping[str, Number]) -> tuple[Number, ...]:
        names = {number.name for number in self.graph.numbers}
        if names != given.keys():
            raise ValueError(
                f"program {self.graph.name} takes the numbers {sorted(names)}, got {sorted(given)}"
            )
        for number in self.graph.numbers:
            if type(given[number.name]) not in _KINDS[number.kind]:
                raise ValueError(
                    f"program {self.graph.name}: number {number.name} is of kind {number.kind}, "
                    f"got {given[number.name]!r}"
                )
        return tuple([given[number.name] for number in self.graph.numbers])

    def _results(
        self, outputs: list[Storage], inputs: Sequence[Tensor], states: Sequence[Tensor]
    ) -> tuple[Tensor, ...]:
        roots: dict[int, tuple[Storage, int]] = {}
        for i, storage in zip(self._outputs, outputs, strict=True):
            roots[i] = (storage, 0)
        for role, faces, tensors in zip(
            ("input", "state"), self._faces, (inputs, states), strict=True
        ):
            positions = self.graph.of_role(role)  # type: ignore[arg-type]
            for i, face, t in zip(positions, faces, tensors, strict=True):
                start = (t.offset - face.offset) * t.itemsize if face is not None else 0
                roots[i] = (t.storage_, start)
        results: list[Any] = []
        for i in self.graph.results:
            value = self.graph.values[i]
            owner, start = roots[value.storage]
            key = self.place.keys[value.dtype.index]
            offset = value.offset + start // value.dtype.itemsize
            strides = None if value.strides == DENSE[value.shape] else value.strides
            results.append(make(owner, key, value.shape, strides, offset))
        return tuple(results)


def _faces(graph: Graph, role: Any) -> list[Value | None]:
    """How the caller sees each storage of a role: as the first of its values."""
    first: dict[int, Value] = {}
    for value in graph.values:
        first.setdefault(value.storage, value)
    return [first.get(i) for i in graph.of_role(role)]
