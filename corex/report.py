"""What ran where: the placement report, and the hook for anomaly mode's forward traces."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

forward_trace: Callable[[], str] | None = None
"""Set by anomaly mode: returns the traceback of the op being recorded."""


class Placed(NamedTuple):
    """One line of a report: an op on a backend, how it ran and why."""

    op: str
    backend: str
    how: str
    reason: str


class Report:
    """Counts of how each op ran: 'native', 'decomposed' or 'fallback'.

    Attributes:
        counts: calls per (op, backend, how, reason).
        moved: bytes copied between devices by fallbacks, per op.
    """

    def __init__(self) -> None:
        self.counts: dict[Placed, int] = {}
        self.moved: dict[str, int] = {}

    def add(self, placed: Placed, moved: int) -> None:
        """Counts one call."""
        self.counts[placed] = self.counts.get(placed, 0) + 1
        if moved:
            self.moved[placed.op] = self.moved.get(placed.op, 0) + moved

    def how(self, op: str) -> set[str]:
        """The ways in which `op` ran."""
        return {placed.how for placed in self.counts if placed.op == op}

    def __str__(self) -> str:
        rows = [("op", "backend", "how", "calls", "bytes moved", "why")]
        for placed, count in sorted(self.counts.items()):
            moved = self.moved.get(placed.op, 0) if placed.how == "fallback" else 0
            rows.append(
                (placed.op, placed.backend, placed.how, str(count), str(moved), placed.reason)
            )
        widths = [max(len(row[i]) for row in rows) for i in range(5)]
        return "\n".join(
            "  ".join([*(cell.ljust(w) for cell, w in zip(row, widths, strict=False)), row[5]])
            for row in rows
        )


listeners: list[Report] = []


def note(op: str, backend: str, how: str, reason: str, moved: int = 0) -> None:
    """Tells every open report about one call."""
    for listener in listeners:
        listener.add(Placed(op, backend, how, reason), moved)
