"""Making graphs, op by op."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any
from typing import Literal as OneOf

from corex.backend.graph.data import Graph
from corex.backend.graph.parts import (
    Changing,
    Literal,
    NumberInput,
    Op,
    Operand,
    Role,
    Shape,
    Storage,
    Value,
)
from corex.dtypes import DType
from corex.layout import NBYTES, contiguous_strides


class GraphBuilder:
    """Collects storages, values and ops; `build` gives the graph.

    Methods that make a value return its position, which ops are given. Names are found where none
    is given, and made unique.
    """

    def __init__(self, name: str = "graph") -> None:
        self.name = name
        self._storages: list[Storage] = []
        self._values: list[Value] = []
        self._numbers: list[NumberInput] = []
        self._ops: list[Op] = []
        self._names: dict[str, set[str]] = {"storage": set(), "value": set(), "number": set()}

    # ---- memory --------------------------------------------------------------------------
    def storage(self, role: Role, nbytes: int, name: str = "", data: bytes | None = None) -> int:
        """A piece of memory, of which `view` makes values."""
        self._storages.append(Storage(self._unique("storage", name or "m"), role, nbytes, data))
        return len(self._storages) - 1

    def view(
        self,
        storage: int,
        dtype: DType,
        shape: Shape,
        strides: Shape | None = None,
        offset: int = 0,
        name: str = "",
    ) -> int:
        """A value in a storage; row-major if no strides are given."""
        steps = contiguous_strides(shape) if strides is None else strides
        name = self._unique("value", name or self._storages[storage].name)
        self._values.append(Value(name, storage, dtype, tuple(shape), tuple(steps), offset))
        return len(self._values) - 1

    def view_of(self, value: int, shape: Shape, strides: Shape, offset: int, name: str = "") -> int:
        """Another view of a value's storage, of the same dtype."""
        base = self._values[value]
        return self.view(base.storage, base.dtype, shape, strides, offset, name)

    def _whole(self, role: Role, dtype: DType, shape: Shape, name: str) -> int:
        storage = self.storage(role, NBYTES[dtype.itemsize][shape], name)
        return self.view(storage, dtype, shape, name=self._storages[storage].name)

    def input(self, dtype: DType, shape: Shape, name: str = "x") -> int:
        """A tensor that is given and read."""
        return self._whole("input", dtype, shape, name)

    def state(self, dtype: DType, shape: Shape, name: str = "w") -> int:
        """A tensor that is given, read and written."""
        return self._whole("state", dtype, shape, name)

    def output(self, dtype: DType, shape: Shape, name: str = "y") -> int:
        """A tensor that is given and written."""
        return self._whole("output", dtype, shape, name)

    def temporary(self, dtype: DType, shape: Shape, name: str = "t") -> int:
        """A tensor of which the caller does not know."""
        return self._whole("temporary", dtype, shape, name)

    def constant(self, dtype: DType, shape: Shape, data: bytes, name: str = "c") -> int:
        """A tensor whose row-major bytes are known now."""
        value = self._whole("constant", dtype, shape, name)
        storage = self._values[value].storage
        self._storages[storage] = replace(self._storages[storage], data=bytes(data))
        return value

    # ---- numbers and ops -------------------------------------------------------------------
    def number(self, kind: OneOf["bool", "int", "float"], name: str = "n") -> Changing:
        """A number that is given anew at each call: an operand, or a parameter."""
        self._numbers.append(NumberInput(self._unique("number", name), kind))
        return Changing(len(self._numbers) - 1)

    def number_name(self, number: Changing) -> str:
        """What it is called, in this graph."""
        return self._numbers[number.index].name

    def op(
        self,
        kernel: str,
        outputs: Iterable[int],
        inputs: Iterable[Operand | float] = (),
        params: Iterable[Any] = (),
        indices: Iterable[int] = (),
    ) -> None:
        """A call of a kernel. A Python float among the inputs is a number; an integer is a value's
        position, so an integer number is given as `Literal(2)`."""
        operands = [Literal(o) if isinstance(o, float | bool) else o for o in inputs]
        self._ops.append(Op(kernel, tuple(outputs), tuple(operands), tuple(params), tuple(indices)))

    def list_op(
        self, kernel: str, lists: Iterable[Sequence[int]], params: Iterable[Any] = ()
    ) -> None:
        """A call of a kernel that takes lists of views."""
        parts = tuple([tuple(part) for part in lists])
        self._ops.append(Op(kernel, params=tuple(params), lists=parts))

    def insert(self, position: int, op: Op) -> None:
        """Puts an op before the one at a position."""
        self._ops.insert(position, op)

    @property
    def length(self) -> int:
        """How many ops there are by now."""
        return len(self._ops)

    def set_role(self, storage: int, role: Role) -> None:
        """Changes what a storage is: who records a program learns late what it gives."""
        self._storages[storage] = replace(self._storages[storage], role=role)

    def build(self, results: Iterable[int] = ()) -> Graph:
        """The graph, unverified and without a memory plan."""
        return Graph(
            self.name,
            tuple(self._storages),
            tuple(self._values),
            tuple(self._ops),
            tuple(results),
            tuple(self._numbers),
        )

    def _unique(self, kind: str, name: str) -> str:
        names = self._names[kind]
        found, count = name, 1
        while found in names:
            count += 1
            found = f"{name}.{count}"
        names.add(found)
        return found
