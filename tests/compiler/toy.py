"""Backends with a compiler: one writes NumPy code, one declines, one breaks."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, ClassVar

import numpy as np

from corex.backend import Backend, BackendDescriptor, Traits
from corex.backend.graph import Changing, Graph, Literal, Op, Value
from corex.plugins import hookimpl, manager
from corex_reference_py.backend import ReferenceBackend

EXPRESSIONS = {
    "copy": "{0}",
    "fill": "np.array({0})",
    "neg": "-{0}",
    "relu": "np.maximum({0}, 0)",
    "add": "{0} + {1}",
    "mul": "{0} * {1}",
    "maximum": "np.maximum({0}, {1})",
    "gt": "{0} > {1}",
    "matmul": "{0} @ {1}",
    "sum": "{0}.sum(tuple(range({0}.ndim - {1}, {0}.ndim)))",
    "index": "{0}[{1}]",
}


def source(graph: Graph) -> str:
    """A function in NumPy; KeyError for a kernel that is not known."""
    lines = ["def run(inputs, states, outputs, numbers):"]
    name = {}
    for role in ("input", "state", "output"):
        for position, i in enumerate(graph.of_role(role)):
            name[i] = f"*{role}s[{position}]"
    lines.append(f"    arena = bytearray({graph.arena.nbytes if graph.arena else 0})")
    for i, storage in enumerate(graph.storages):
        if storage.slot is not None:
            name[i] = f"arena, {graph.slots[storage.slot].offset}"
        if storage.data is not None:
            name[i] = f"{storage.data!r}, 0"
    for i, value in enumerate(graph.values):
        if value.storage in name:
            lines.append(f"    v{i} = view({name[value.storage]}, {geometry(value)})")
    lines += [f"    {statement(op)}" for op in graph.ops]
    return "\n".join(lines) + "\n"


def geometry(value: Value) -> str:
    size = value.dtype.itemsize
    steps = tuple(step * size for step in value.strides)
    return f"{value.dtype.name!r}, {value.shape}, {steps}, {value.offset * size}"


def statement(op: Op) -> str:
    expression = EXPRESSIONS[op.kernel]
    given = [operand(o) for o in op.inputs]
    given += [operand(p) if isinstance(p, Changing) else repr(p) for p in op.params]
    return f"v{op.outputs[0]}[...] = {expression.format(*given)}"


def operand(o: Any) -> str:
    if isinstance(o, Changing):
        return f"(numbers[{o.index}] + {o.plus})"
    if isinstance(o, Literal):
        return repr(o.number)
    return f"v{o}"


def view(buffer: Any, start: int, dtype: str, shape: Any, strides: Any, offset: int) -> Any:
    if 0 in shape:
        return np.empty(shape, dtype)
    return np.ndarray(shape, dtype, buffer, start + offset, strides)


class Toy(ReferenceBackend):
    name = "toy"
    device_type = "toy"

    def __init__(self) -> None:
        super().__init__()
        self.sources: list[str] = []

    def compile(self, graph: Graph, device: int) -> Any:
        try:
            text = source(graph)
        except KeyError:
            return None
        self.sources.append(text)
        scope = {"np": np, "view": view}
        exec(compile(text, f"<{graph.name}>", "exec"), scope)
        return scope["run"]


class Declines(ReferenceBackend):
    name = "declines"
    device_type = "toy"

    def compile(self, graph: Graph, device: int) -> Any:
        return None


class Breaks(ReferenceBackend):
    name = "breaks"
    device_type = "toy"

    def compile(self, graph: Graph, device: int) -> Any:
        raise SyntaxError(f"cannot read {graph.name}")


class Functional(ReferenceBackend):
    """Says that its memory is replaced as a whole, so that there shall be no arena."""

    name = "functional"
    device_type = "toy"

    def __init__(self) -> None:
        super().__init__()
        self.sizes: list[int] = []

    def traits(self, device: int) -> Traits:
        return Traits(memory="functional")

    def allocate(self, nbytes: int, device: int, dtype: Any = None, shape: Any = None) -> Any:
        self.sizes.append(nbytes)
        return super().allocate(nbytes, device)


class Bare(ReferenceBackend):
    """Has memory and a few kernels: the rest is decomposed, or runs on the host."""

    name = "bare"
    device_type = "toy"
    kernels: ClassVar = {
        name: ReferenceBackend.kernels[name]
        for name in ("copy", "fill", "add", "sub", "mul", "div", "sqrt", "neg", "arange")
    }


class _Plugin:
    def __init__(self, kind: type[Backend]) -> None:
        self.kind = kind

    @hookimpl
    def corex_backends(self) -> list[BackendDescriptor]:
        kind = self.kind
        return [BackendDescriptor(kind.name, kind.device_type, lambda: None, kind)]


@contextmanager
def installed(kind: type[Backend]) -> Iterator[str]:
    """The backend, while the block runs; its name."""
    manager.register(_Plugin(kind), kind.name)
    try:
        yield kind.name
    finally:
        manager.unregister(kind.name)
