"""Whether a graph is one: types, shapes, aliases, order, results and the memory plan."""

from __future__ import annotations

from collections.abc import Iterator

from corex.backend.graph.access import lifetimes, op_dtypes, read, written
from corex.backend.graph.coverage import undefined
from corex.backend.graph.data import GRAPH_VERSION, Graph
from corex.backend.graph.parts import ROLES, Changing, Literal, Op, Storage, Value, values_of
from corex.backend.graph.rules import NUMERIC, list_problem, shape_problem
from corex.backend.graph.text import geometry, op_text
from corex.backend.signatures import DTYPES, SIGNATURES, Signature
from corex.dtypes import ALL, DType
from corex.errors import GraphError
from corex.layout import self_overlaps

_LATER = frozenset(ALL) - set(DTYPES)
"""dtypes of which this version of the contract does not say which kernels take them."""


def verify(graph: Graph) -> Graph:
    """The graph, if nothing is wrong with it.

    Raises:
        GraphError: something is; says what, all of it.
    """
    found = problems(graph)
    if found:
        raise GraphError(f"graph {graph.name}: " + "\n  ".join(found))
    return graph


def problems(graph: Graph) -> list[str]:
    """What is wrong with a graph, in words. What hinders further checks is told alone."""
    for check in (_version, _references, _memory, _types, _order, _plan):
        found = list(check(graph))
        if found:
            return found
    return []


def _version(graph: Graph) -> Iterator[str]:
    if graph.version != GRAPH_VERSION:
        yield f"it has version {graph.version}, this corex has version {GRAPH_VERSION}"


# ---- what there is -----------------------------------------------------------------------------
def _references(graph: Graph) -> Iterator[str]:
    """Positions point at something, and names are unique."""
    count = len(graph.values)
    for kind, names in (
        ("storage", [s.name for s in graph.storages]),
        ("value", [v.name for v in graph.values]),
        ("number", [n.name for n in graph.numbers]),
    ):
        yield from [f"two {kind}s are called {n}" for n in sorted({*_twice(names)})]
    for value in graph.values:
        if not 0 <= value.storage < len(graph.storages):
            yield f"value {value.name} is in storage {value.storage}, which is not there"
    for position, op in enumerate(graph.ops):
        known = [*op.outputs, *op.indices, *values_of(op.inputs), *[i for p in op.lists for i in p]]
        yield from [
            f"op {position}, {op.kernel}: value {i} is not there"
            for i in known
            if not 0 <= i < count
        ]
        strange: list[object] = [
            p for p in op.params if not isinstance(p, Changing) and not _plain(p)
        ]
        strange += [o for o in op.inputs if isinstance(o, Literal) and not _plain(o.number)]
        yield from [f"op {position}, {op.kernel}: {p!r} is no plain parameter" for p in strange]
        changing = [n.index for n in (*op.inputs, *op.params) if isinstance(n, Changing)]
        yield from [
            f"op {position}, {op.kernel}: number {i} is not there"
            for i in changing
            if not 0 <= i < len(graph.numbers)
        ]
        if op.lists and (op.outputs or op.inputs or op.indices):
            yield f"op {position}, {op.kernel}: there are lists, and views beside them"
    yield from [f"result {i} is not there" for i in graph.results if not 0 <= i < count]


def _plain(parameter: object) -> bool:
    """Whether it is what JSON keeps: a number, text, None, or a tuple of these."""
    if isinstance(parameter, tuple):
        return all(_plain(item) for item in parameter)
    return parameter is None or type(parameter) in (bool, int, float, str)


def _twice(names: list[str]) -> list[str]:
    return [name for name in names if names.count(name) > 1] if len({*names}) < len(names) else []


# ---- memory ------------------------------------------------------------------------------------
def _memory(graph: Graph) -> Iterator[str]:
    """Storages have what their role asks for; values lie within them."""
    for storage in graph.storages:
        yield from [f"storage {storage.name}: {why}" for why in _storage_problems(storage)]
    for value in graph.values:
        shown = f"value {value.name}, {geometry(value)} from {value.offset},"
        if len(value.strides) != len(value.shape) or any(size < 0 for size in value.shape):
            yield f"{shown} has no such shape or strides"
            continue
        low, high = value.span()
        storage = graph.storages[value.storage]
        if low < 0 or high > storage.nbytes:
            yield f"{shown} touches bytes {low} to {high} of {storage.name}, which has " + (
                f"{storage.nbytes}"
            )
    for i in graph.results:
        role = graph.storages[graph.values[i].storage].role
        if role in ("temporary", "constant"):
            yield f"result {graph.values[i].name} lives in a {role}, which the caller does not have"


def _storage_problems(storage: Storage) -> Iterator[str]:
    if storage.role not in ROLES:
        yield f"there is no role {storage.role!r}"
    if storage.nbytes < 0:
        yield f"it has {storage.nbytes} bytes"
    if (storage.role == "constant") != (storage.data is not None):
        yield "a constant has data, and nothing else has"
    elif storage.data is not None and len(storage.data) != storage.nbytes:
        yield f"its data are {len(storage.data)} bytes of {storage.nbytes}"


# ---- ops ---------------------------------------------------------------------------------------
def _types(graph: Graph) -> Iterator[str]:
    """Each op has the dtypes and shapes of its kernel, and writes where it may."""
    for position, op in enumerate(graph.ops):
        found = [*_op_types(graph, op), *_op_aliases(graph, op)]
        yield from [f"op {position}, {op_text(graph, op)}: {why}" for why in found]


def _op_types(graph: Graph, op: Op) -> Iterator[str]:
    signature = SIGNATURES.get(op.kernel)
    if signature is not None and bool(op.lists) != signature.lists:
        yield "the kernel takes lists of views" if signature.lists else "it takes no lists"
        return
    if op.lists:
        parts = [[graph.values[i] for i in part] for part in op.lists]
        if len({value.dtype for part in parts for value in part}) > 1:
            yield "the lists differ in dtypes"
        elif why := list_problem([[value.shape for value in part] for part in parts]):
            yield why
        return
    operands = [graph.values[o] if isinstance(o, int) else o for o in op.inputs]
    shapes = [operand.shape if isinstance(operand, Value) else None for operand in operands]
    outs = [graph.values[i] for i in op.outputs]
    indices = [graph.values[i] for i in op.indices]
    if signature is not None:
        yield from _dtype_problems(graph, op, signature)
    if why := shape_problem(
        op.kernel, [v.shape for v in outs], shapes, op.params, [v.shape for v in indices]
    ):
        yield why


def _dtype_problems(graph: Graph, op: Op, signature: Signature) -> Iterator[str]:
    if len(op.outputs) != signature.outputs:
        yield f"it has {len(op.outputs)} outputs, the kernel {signature.outputs}"
    elif any(operand is not None for operand in op.inputs) and not values_of(op.inputs):
        yield "all operands are numbers"
    elif len(values_of(op.inputs)) < len(op.inputs) - op.inputs.count(None) and (
        op.kernel not in NUMERIC
    ):
        yield "the kernel takes no numbers among its operands"
    else:
        yield from _fit_problem(signature, op_dtypes(graph, op))


def _fit_problem(signature: Signature, dtypes: tuple[DType, ...]) -> Iterator[str]:
    if not signature.fits(dtypes, signature.of | _LATER):
        names = ", ".join(dtype.name for dtype in dtypes)
        yield f"the kernel does not take ({names})"


def _op_aliases(graph: Graph, op: Op) -> Iterator[str]:
    """Written memory is the op's own, or exactly that of an input."""
    targets = written(op)
    for i in targets:
        value = graph.values[i]
        role = graph.storages[value.storage].role
        if role in ("input", "constant"):
            yield f"it writes {value.name}, which is in a storage of role {role}"
        if self_overlaps(value.shape, value.strides):
            yield f"elements of {value.name}, which is written, share memory"
    for position, i in enumerate(targets):
        for j in targets[position + 1 :]:
            if graph.overlap(i, j):
                yield f"it writes {graph.values[i].name} and {graph.values[j].name}, which overlap"
    for i in targets:
        for j in {*read(op)} - {*targets}:
            if graph.overlap(i, j) and not _same_view(graph.values[i], graph.values[j]):
                yield (
                    f"it writes {graph.values[i].name}, which overlaps {graph.values[j].name}, "
                    f"which it reads"
                )


def _same_view(a: Value, b: Value) -> bool:
    return (a.dtype, a.shape, a.strides, a.offset) == (b.dtype, b.shape, b.strides, b.offset)


# ---- order -------------------------------------------------------------------------------------
def _order(graph: Graph) -> Iterator[str]:
    """What is read was written before, and what the program gives is written at its end."""
    for position, i in undefined(graph):
        name = graph.values[i].name
        if position == len(graph.ops):
            yield f"result {name} is not written, or not all of it"
        else:
            yield (
                f"op {position}, {op_text(graph, graph.ops[position])}: it reads {name}, of which "
                f"something has not been written yet"
            )
    shown = {graph.values[i].storage for i in graph.results}
    for i in graph.of_role("output"):
        if i not in shown:
            yield f"storage {graph.storages[i].name} is an output, and no result lives in it"


# ---- the memory plan ---------------------------------------------------------------------------
def _plan(graph: Graph) -> Iterator[str]:
    """Slots are large enough, within the arena, and shared only by turns."""
    planned = [i for i, storage in enumerate(graph.storages) if storage.slot is not None]
    if not graph.slots and not planned:
        return
    lives = lifetimes(graph)
    for i, storage in enumerate(graph.storages):
        if (storage.slot is None) != (storage.role != "temporary") and lives[i] is not None:
            yield f"storage {storage.name}: a temporary that is used has a slot, nothing else has"
        elif storage.slot is not None and not 0 <= storage.slot < len(graph.slots):
            yield f"storage {storage.name}: slot {storage.slot} is not there"
        elif storage.slot is not None and graph.slots[storage.slot].nbytes < storage.nbytes:
            yield f"storage {storage.name} does not fit into slot {storage.slot}"
    for number, slot in enumerate(graph.slots):
        if (slot.offset is None) != (graph.arena is None):
            yield f"slot {number}: there is an offset without an arena, or none in one"
        elif graph.arena is not None and slot.offset is not None:
            if slot.offset % graph.arena.alignment or slot.offset < 0:
                yield f"slot {number} begins at {slot.offset}, aligned to {graph.arena.alignment}"
            if slot.offset + slot.nbytes > graph.arena.nbytes:
                yield f"slot {number} ends beyond the arena"
    yield from _shared(graph, [i for i in planned if lives[i] is not None], lives)


def _shared(graph: Graph, planned: list[int], lives: list[tuple[int, int] | None]) -> Iterator[str]:
    in_use: list[int] = []
    for i in sorted(planned, key=lambda i: lives[i] or (0, 0)):
        start = (lives[i] or (0, 0))[0]
        in_use = [j for j in in_use if (lives[j] or (0, 0))[1] >= start]
        for j in in_use:
            if _collide(graph, i, j):
                yield (
                    f"storages {graph.storages[j].name} and {graph.storages[i].name} are in use "
                    f"at the same time, and their memory overlaps"
                )
        in_use.append(i)


def _collide(graph: Graph, i: int, j: int) -> bool:
    a, b = graph.storages[i], graph.storages[j]
    if not a.nbytes or not b.nbytes or a.slot is None or b.slot is None:
        return False
    if graph.arena is None:
        return a.slot == b.slot
    at, other = graph.slots[a.slot].offset or 0, graph.slots[b.slot].offset or 0
    return at < other + b.nbytes and other < at + a.nbytes
