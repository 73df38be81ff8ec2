"""The placement report: how often each op ran where, how, and why."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import NamedTuple

from corex.observe.events import OpCall, Transfer, listen, observe


class Placed(NamedTuple):
    """What a row of a report counts: an op on a backend, how it ran and why."""

    op: str
    backend: str
    how: str
    reason: str


class Row(NamedTuple):
    """One row of a report.

    Attributes:
        op: the op.
        backend: the backend of its tensors.
        how: 'native', 'upcast', 'decomposed', 'fallback' or 'compiled'.
        reason: where the kernel comes from, or why there was none.
        calls: how often it ran so.
        moved: the bytes that were copied between devices, by a fallback for it or (for the rows
            of how 'copy') because the program asked for it.
    """

    op: str
    backend: str
    how: str
    reason: str
    calls: int
    moved: int


class Report:
    """Counts how each op ran: 'native', 'upcast', 'decomposed' or 'fallback'.

    A decomposed op has its row, and the ops that it was made of have theirs: kernels ran only for
    the other three. Copies from one device to another that the program asked for have rows of their
    own, of how 'copy': those that fallbacks need are counted there. The CPU is the host: what goes
    from Python to its memory, or back, is not told.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._rows: dict[Placed, list[int]] = {}

    def __call__(self, event: OpCall) -> None:
        """Counts one call."""
        self._count(Placed(event.op, event.backend, event.how, event.reason), event.moved)

    def transfer(self, event: Transfer) -> None:
        """Counts one copy."""
        ends = [device.partition(":")[0] for device in (event.source, event.target)]
        on_host = [end in ("host", "cpu") for end in ends]
        if event.op or all(on_host) or not event.nbytes:
            return
        reason = f"{event.source} to {event.target}"
        self._count(Placed("transfer", event.backend, "copy", reason), event.nbytes)

    def _count(self, placed: Placed, moved: int) -> None:
        with self._lock:
            row = self._rows.setdefault(placed, [0, 0])
            row[0] += 1
            row[1] += moved

    def rows(self) -> list[Row]:
        """The rows, in the order in which the first call of each came."""
        with self._lock:
            return [Row(*placed, calls, moved) for placed, (calls, moved) in self._rows.items()]

    @property
    def counts(self) -> dict[Placed, int]:
        """Calls per (op, backend, how, reason)."""
        return {Placed(*row[:4]): row.calls for row in self.rows()}

    def how(self, op: str) -> set[str]:
        """The ways in which `op` ran."""
        return {row.how for row in self.rows() if row.op == op}

    def __str__(self) -> str:
        rows = [("op", "backend", "how", "calls", "bytes moved", "why")]
        for op, backend, how, reason, calls, moved in self.rows():
            rows.append((op, backend, how, str(calls), str(moved), reason))
        widths = [max(len(row[i]) for row in rows) for i in range(5)]
        return "\n".join(
            "  ".join([*(cell.ljust(w) for cell, w in zip(row, widths, strict=False)), row[5]])
            for row in rows
        )


@contextmanager
def placement() -> Iterator[Report]:
    """Reports, for every op inside the `with` block, how often it ran where, how and why.

    The report counts the ops of all threads, and may be read inside the block, too. Blocks may be
    nested: the outer one counts what the inner one does.
    """
    report = Report()
    with observe(report):
        yield report


# ---- COREX_DEBUG -----------------------------------------------------------------------------
def debug_words() -> frozenset[str]:
    """The words in the environment variable COREX_DEBUG, which separates them by commas.

    `placement` prints a report of the whole program when it ends; any other word lets the command
    `corex` show tracebacks.
    """
    return frozenset(filter(None, map(str.strip, os.environ.get("COREX_DEBUG", "").split(","))))


def report_at_exit() -> None:
    """Starts a report that is printed to stderr when the interpreter ends."""
    import atexit
    import sys

    report = Report()
    listen(report, lambda error: None)

    def write() -> None:
        if sys.stderr is not None:
            sys.stderr.write(f"placement of ops:\n{report}\n")

    atexit.register(write)
