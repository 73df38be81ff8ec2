"""The graph: its parts, put together."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from corex.backend.graph.parts import Arena, NumberInput, Op, Role, Slot, Storage, Value
from corex.backend.graph.text import text

GRAPH_VERSION: Final = 1
"""Of these classes and of their JSON. Provisional: it may change in a minor version of the contract
until corex's own compiler is built on it."""


@dataclass(frozen=True, slots=True)
class Graph:
    """A program for a backend's compiler.

    Attributes:
        name: for people.
        storages: in the order in which the caller gives those that it gives.
        values: views of them.
        ops: in the order in which they run.
        results: positions of the values that the program gives; each lives in an output, a state
            or an input.
        numbers: what changes from call to call.
        slots, arena: the memory plan; both empty before `plan`, and `arena` where each slot has a
            buffer of its own.
        version: `GRAPH_VERSION` of who made it.
    """

    name: str
    storages: tuple[Storage, ...]
    values: tuple[Value, ...]
    ops: tuple[Op, ...]
    results: tuple[int, ...] = ()
    numbers: tuple[NumberInput, ...] = ()
    slots: tuple[Slot, ...] = ()
    arena: Arena | None = None
    version: int = GRAPH_VERSION

    def of_role(self, role: Role) -> tuple[int, ...]:
        """Positions of the storages of a role: those that a callable gets, in its order."""
        return tuple([i for i, storage in enumerate(self.storages) if storage.role == role])

    def aliases(self, value: int) -> tuple[int, ...]:
        """The values that share memory's owner with one, itself among them."""
        storage = self.values[value].storage
        return tuple([i for i, other in enumerate(self.values) if other.storage == storage])

    def overlap(self, a: int, b: int) -> bool:
        """Whether two values may share elements; exact where both are gapless."""
        one, other = self.values[a], self.values[b]
        if one.storage != other.storage:
            return False
        (low, high), (start, end) = one.span(), other.span()
        return low < end and start < high

    def __str__(self) -> str:
        return text(self)
