"""The table of ops and dtypes: what a backend does natively, and what not."""

from __future__ import annotations

from collections import Counter
from typing import Final, NamedTuple

from corex import dtypes
from corex.testing.report.contract import Op, ops
from corex.testing.report.summary import ABSENT, BAD, DIRECT, EXPECTED, Cell, Summary
from corex.testing.result import MISSING, PASSED, UNSUPPORTED

NATIVE: Final = "native"
PARTIAL: Final = "partial"
PARTS: Final = "parts"
UPCAST: Final = "upcast"
DECOMPOSED: Final = "decomposed"
FALLBACK: Final = "fallback"
FAILED: Final = "failed"

STATES: Final = {
    NATIVE: ("✓", "its own kernel takes every case"),
    PARTIAL: ("◐", "its own kernel takes that many of so many cases"),
    PARTS: ("P", "no kernel: that for floats, on both parts of complex numbers"),
    UPCAST: ("U", "no kernel: computed in a wider dtype"),
    DECOMPOSED: ("D", "no kernel: computed from other ops"),
    FALLBACK: ("F", "no kernel: computed on the host"),
    MISSING: ("M", "no kernel, although the required tier asks for it"),
    FAILED: ("✗", "that many of so many cases failed, raised, crashed or took too long"),
    EXPECTED: ("x", "that many of so many cases fail, as the expected-failures file says"),
    UNSUPPORTED: ("○", "not offered, and need not be"),
    ABSENT: ("·", "the device does not hold this dtype"),
}
"""The states of an op for a dtype: symbol and meaning."""


class Square(NamedTuple):
    """An op for one dtype: its state, and the cases that the state's meaning speaks of."""

    state: str
    some: int = 0
    all: int = 0

    def __str__(self) -> str:
        symbol = STATES[self.state][0]
        counted = self.state in (PARTIAL, FAILED, EXPECTED, MISSING) and self.some != self.all
        return f"{symbol} {self.some}/{self.all}" if counted else symbol


class Row(NamedTuple):
    """An op of the table.

    Attributes:
        op: its declaration.
        squares: its states, by dtype.
        passed: how many of its cases passed.
        total: how many there are, for dtypes that the device holds; without direct calls.
        direct: how many calls of direct kernels passed, and how many there are.
        layouts: (layout, passed, total), if the layouts did not fare alike.
    """

    op: Op
    squares: dict[str, Square]
    passed: int
    total: int
    direct: tuple[int, int]
    layouts: list[tuple[str, int, int]]


def rows(summary: Summary, tier: int) -> list[Row]:
    """The table of a tier: its ops in the order of the contract, then what the contract lacks."""
    cells: dict[str, dict[Cell, int]] = {}
    for cell, n in summary.cells.items():
        if cell.tier == tier and cell.mode != "perf":
            cells.setdefault(cell.op, {})[cell] = n
    known = {op.name: op for op in ops() if op.tier == tier}
    order = [*(name for name in known if name in cells), *(x for x in cells if x not in known)]
    return [_row(known.get(name) or _stranger(name, tier), cells[name]) for name in order]


def columns(table: list[Row]) -> list[str]:
    """The dtypes of a table, in the order of `corex.dtypes`."""
    found = {dtype for row in table for dtype in row.squares}
    known = [dtype.name for dtype in dtypes.ALL if dtype.name in found]
    return [*known, *sorted(found - set(known))]


def absent(summary: Summary) -> list[str]:
    """The dtypes that the device does not hold."""
    lacking = {cell.dtype for cell in summary.cells if cell.how == ABSENT}
    return sorted(lacking - {cell.dtype for cell in summary.cells if cell.status == PASSED})


def _stranger(name: str, tier: int) -> Op:
    return Op(name, tier, "memory" if tier == 0 else "other", (), (), frozenset(), "", False)


def _row(op: Op, cells: dict[Cell, int]) -> Row:
    held = {cell: n for cell, n in cells.items() if cell.how != ABSENT}
    direct = {cell: n for cell, n in held.items() if cell.layout == DIRECT}
    others = {cell: n for cell, n in held.items() if cell.layout != DIRECT}
    by_dtype: dict[str, dict[Cell, int]] = {cell.dtype: {} for cell in cells}
    for cell, n in held.items():
        by_dtype[cell.dtype][cell] = n
    return Row(
        op=op,
        squares={
            dtype: _square(op, found) if found else Square(ABSENT)
            for dtype, found in by_dtype.items()
        },
        passed=_passed(others),
        total=sum(others.values()),
        direct=(_passed(direct), sum(direct.values())),
        layouts=_layouts(held),
    )


def _passed(cells: dict[Cell, int]) -> int:
    return sum(n for cell, n in cells.items() if cell.status == PASSED)


def _of_kernel(cell: Cell) -> bool:
    """Whether the case calls the kernel itself."""
    return cell.mode == "test" and cell.layout != DIRECT


def _square(op: Op, cells: dict[Cell, int]) -> Square:
    fared: Counter[str] = Counter()
    for cell, n in cells.items():
        fared[cell.status] += n
    total = sum(fared.values())
    bad = sum(fared[status] for status in BAD if status != MISSING)
    for state, some in ((FAILED, bad), (MISSING, fared[MISSING]), (EXPECTED, fared[EXPECTED])):
        if some:
            return Square(state, some, total)
    tested = {cell: n for cell, n in cells.items() if _of_kernel(cell)}
    if passed := _passed(tested):
        asked = sum(tested.values())
        otherwise = {cell.how for cell in tested if cell.status == PASSED} & {PARTS, UPCAST}
        own = next(iter(otherwise), NATIVE)
        return Square(own if passed == asked else PARTIAL, passed, asked)
    return Square(_way(op, cells))


def _way(op: Op, cells: dict[Cell, int]) -> str:
    """How the op runs where the kernel itself was not seen to run."""
    if op.tier == 0:
        return UNSUPPORTED
    ways = {cell.how for cell in cells if not _of_kernel(cell)}
    if NATIVE in ways:
        return NATIVE if ways <= {NATIVE, ""} else PARTIAL
    for way in (PARTIAL, PARTS, UPCAST, FALLBACK, DECOMPOSED):
        if way in ways:
            return way
    return DECOMPOSED if op.composed else FALLBACK


def _layouts(cells: dict[Cell, int]) -> list[tuple[str, int, int]]:
    passed: Counter[str] = Counter()
    total: Counter[str] = Counter()
    for cell, n in cells.items():
        if _of_kernel(cell):
            total[cell.layout] += n
            passed[cell.layout] += n * (cell.status == PASSED)
    worse = [(layout, passed[layout], n) for layout, n in total.items() if passed[layout] < n]
    alike = len({passed[layout] / n for layout, n in total.items()}) <= 1
    return [] if alike else worse
