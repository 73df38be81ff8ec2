"""A graph as JSON, and back: equal, and of the same version, or refused."""

from __future__ import annotations

import json
import math
from base64 import b64decode, b64encode
from typing import Any

from corex.backend.graph.data import GRAPH_VERSION, Graph
from corex.backend.graph.parts import (
    Arena,
    Changing,
    Literal,
    NumberInput,
    Op,
    Operand,
    Parameter,
    Slot,
    Storage,
    Value,
)
from corex.dtypes import by_name
from corex.errors import GraphError

FORMAT = "corex graph"


def to_json(graph: Graph) -> str:
    """The graph as text that `from_json` reads, one line for each op, storage and value."""
    rows = {
        "numbers": [{"name": n.name, "kind": n.kind} for n in graph.numbers],
        "storages": [_storage(s) for s in graph.storages],
        "values": [_value(v) for v in graph.values],
        "ops": [_op(op) for op in graph.ops],
        "slots": [{"nbytes": s.nbytes, "offset": s.offset} for s in graph.slots],
    }
    arena = graph.arena and {"nbytes": graph.arena.nbytes, "alignment": graph.arena.alignment}
    head = {
        "format": FORMAT, "version": graph.version, "name": graph.name,
        "results": list(graph.results), "arena": arena,
    }  # fmt: skip
    parts = [f"{json.dumps(key)}: {_dumped(value)}" for key, value in head.items()]
    for key, items in rows.items():
        lines = ",\n  ".join(_dumped(item) for item in items)
        parts.append(f'"{key}": [\n  {lines}\n]' if items else f'"{key}": []')
    return "{\n" + ",\n".join(parts) + "\n}\n"


def from_json(text: str) -> Graph:
    """The graph that `to_json` wrote. It is not verified.

    Raises:
        GraphError: the text is no graph, or one of another version.
    """
    try:
        data = json.loads(text)
    except ValueError as error:
        raise GraphError(f"this is no JSON: {error}") from error
    if not isinstance(data, dict) or data.get("format") != FORMAT:
        raise GraphError(f"this is JSON, but no {FORMAT}")
    if data.get("version") != GRAPH_VERSION:
        raise GraphError(
            f"the graph has version {data.get('version')}, this corex has version {GRAPH_VERSION}"
        )
    try:
        return _graph(data)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise GraphError(f"the graph is damaged: {error!r}") from error


def _dumped(value: Any) -> str:
    return json.dumps(value, allow_nan=False)


# ---- writing -----------------------------------------------------------------------------------
def _storage(storage: Storage) -> dict[str, Any]:
    found: dict[str, Any] = {
        "name": storage.name, "role": storage.role, "nbytes": storage.nbytes, "slot": storage.slot
    }  # fmt: skip
    if storage.data is not None:
        found["data"] = b64encode(storage.data).decode()
    return found


def _value(value: Value) -> dict[str, Any]:
    return {
        "name": value.name, "storage": value.storage, "dtype": value.dtype.name,
        "shape": value.shape, "strides": value.strides, "offset": value.offset,
    }  # fmt: skip


def _op(op: Op) -> dict[str, Any]:
    found: dict[str, Any] = {"kernel": op.kernel}
    if op.lists:
        found["lists"] = op.lists
    else:
        found["outputs"] = op.outputs
        found["inputs"] = [_operand(operand) for operand in op.inputs]
    found["params"] = [_parameter(parameter) for parameter in op.params]
    if op.indices:
        found["indices"] = op.indices
    return found


def _operand(operand: Operand) -> Any:
    if isinstance(operand, Literal):
        return {"number": _parameter(operand.number)}
    return operand if operand is None or isinstance(operand, int) else _parameter(operand)


def _parameter(parameter: Parameter) -> Any:
    if isinstance(parameter, Changing):
        return {"changing": parameter.index, "plus": parameter.plus}
    if isinstance(parameter, tuple):
        return [_parameter(item) for item in parameter]
    if isinstance(parameter, float) and not math.isfinite(parameter):
        return {"float": repr(parameter)}
    return parameter


# ---- reading -----------------------------------------------------------------------------------
def _graph(data: dict[str, Any]) -> Graph:
    return Graph(
        name=data["name"],
        storages=tuple([_read_storage(item) for item in data["storages"]]),
        values=tuple([_read_value(item) for item in data["values"]]),
        ops=tuple([_read_op(item) for item in data["ops"]]),
        results=tuple(data["results"]),
        numbers=tuple([NumberInput(**item) for item in data["numbers"]]),
        slots=tuple([Slot(**item) for item in data["slots"]]),
        arena=data["arena"] and Arena(**data["arena"]),
        version=data["version"],
    )


def _read_storage(item: dict[str, Any]) -> Storage:
    data = item.get("data")
    return Storage(**{**item, "data": None if data is None else b64decode(data, validate=True)})


def _read_value(item: dict[str, Any]) -> Value:
    shape, strides = tuple(item["shape"]), tuple(item["strides"])
    return Value(**{**item, "dtype": by_name(item["dtype"]), "shape": shape, "strides": strides})


def _read_op(item: dict[str, Any]) -> Op:
    return Op(
        item["kernel"],
        tuple(item.get("outputs", ())),
        tuple([_read_operand(one) for one in item.get("inputs", ())]),
        tuple([_read_parameter(one) for one in item["params"]]),
        tuple(item.get("indices", ())),
        tuple([tuple(part) for part in item.get("lists", ())]),
    )


def _read_operand(item: Any) -> Operand:
    if isinstance(item, dict) and "number" in item:
        return Literal(_read_parameter(item["number"]))
    found: Operand = _read_parameter(item)
    return found


def _read_parameter(item: Any) -> Any:
    if isinstance(item, list):
        return tuple([_read_parameter(one) for one in item])
    if not isinstance(item, dict):
        return item
    if "float" in item:
        return float(item["float"])
    return Changing(item["changing"], item["plus"])
