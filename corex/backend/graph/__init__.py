"""Graphs: what `Backend.compile` is handed. docs/contract.md and docs/graphs.md describe them."""

from corex.backend.graph.access import (
    arguments,
    lifetimes,
    number_dtype,
    op_dtypes,
    read,
    resolved,
    written,
)
from corex.backend.graph.build import GraphBuilder
from corex.backend.graph.coverage import undefined
from corex.backend.graph.data import GRAPH_VERSION, Graph
from corex.backend.graph.json import from_json, to_json
from corex.backend.graph.parts import (
    Arena,
    Changing,
    Literal,
    Number,
    NumberInput,
    Op,
    Operand,
    Parameter,
    Slot,
    Storage,
    Value,
)
from corex.backend.graph.plan import peak, plan
from corex.backend.graph.verify import problems, verify
from corex.errors import GraphError

__all__ = [
    "GRAPH_VERSION",
    "Arena",
    "Changing",
    "Graph",
    "GraphBuilder",
    "GraphError",
    "Literal",
    "Number",
    "NumberInput",
    "Op",
    "Operand",
    "Parameter",
    "Slot",
    "Storage",
    "Value",
    "arguments",
    "from_json",
    "lifetimes",
    "number_dtype",
    "op_dtypes",
    "peak",
    "plan",
    "problems",
    "read",
    "resolved",
    "to_json",
    "undefined",
    "verify",
    "written",
]
