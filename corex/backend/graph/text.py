"""A graph as text, for people."""

from __future__ import annotations

from typing import TYPE_CHECKING

from corex.backend.graph.parts import Changing, Literal, Op, Operand, Parameter, Value
from corex.layout import contiguous_strides

if TYPE_CHECKING:
    from corex.backend.graph.data import Graph


def text(graph: Graph) -> str:
    """The whole graph: its memory, its values, its ops and what it gives."""
    lines = [f"graph {graph.name}, version {graph.version} (provisional)"]
    if graph.numbers:
        lines.append("numbers")
        lines += _columns([(number.name, number.kind) for number in graph.numbers])
    lines.append("storages")
    lines += _columns([_storage(graph, i) for i in range(len(graph.storages))])
    lines.append("values")
    lines += _columns([_value(graph, value) for value in graph.values])
    lines.append("ops")
    lines += [f"  {op_text(graph, op)}" for op in graph.ops]
    if graph.results:
        lines.append("results")
        lines.append("  " + _names(graph, graph.results))
    if graph.arena is not None:
        lines.append(f"arena of {graph.arena.nbytes} bytes, aligned to {graph.arena.alignment}")
    return "\n".join(lines)


def op_text(graph: Graph, op: Op) -> str:
    """One op, as a line: `y = linear(x, w, bias)`."""
    given = [_operand(graph, operand) for operand in op.inputs]
    given += [f"[{_names(graph, part)}]" for part in op.lists]
    given += [_parameter(graph, parameter) for parameter in op.params]
    given += [graph.values[i].name for i in op.indices]
    call = f"{op.kernel}({', '.join(given)})"
    return f"{_names(graph, op.outputs)} = {call}" if op.outputs else call


def _names(graph: Graph, values: tuple[int, ...]) -> str:
    return ", ".join([graph.values[i].name for i in values])


def geometry(value: Value) -> str:
    """dtype, shape, and the strides where they are not row-major: `float32(2, 3)`."""
    shape = ", ".join(map(str, value.shape))
    result = f"{value.dtype.name}({shape})"
    if value.strides != contiguous_strides(value.shape):
        result += f" by ({', '.join(map(str, value.strides))})"
    return result


def _storage(graph: Graph, i: int) -> tuple[str, ...]:
    storage = graph.storages[i]
    place = ""
    if storage.slot is not None and storage.slot < len(graph.slots):
        offset = graph.slots[storage.slot].offset
        place = f"slot {storage.slot}" + ("" if offset is None else f" at {offset}")
    return storage.name, storage.role, f"{storage.nbytes} bytes", place


def _value(graph: Graph, value: Value) -> tuple[str, ...]:
    return (
        value.name,
        geometry(value),
        f"in {graph.storages[value.storage].name}" + (f" from {value.offset}" * bool(value.offset)),
    )


def _operand(graph: Graph, operand: Operand) -> str:
    if isinstance(operand, int):
        return graph.values[operand].name
    if isinstance(operand, Literal):
        return repr(operand.number)
    return _parameter(graph, operand)


def _parameter(graph: Graph, parameter: Parameter) -> str:
    if not isinstance(parameter, Changing):
        return repr(parameter)
    name = graph.numbers[parameter.index].name
    return f"<{name} + {parameter.plus}>" if parameter.plus else f"<{name}>"


def _columns(rows: list[tuple[str, ...]]) -> list[str]:
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return [
        "  " + "  ".join(cell.ljust(w) for cell, w in zip(row, widths, strict=True)).rstrip()
        for row in rows
    ]
