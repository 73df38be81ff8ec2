"""What a report shows of a run: how many cases went how, and the cases worth a look."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable
from typing import Any, Final, NamedTuple

from corex.testing.case import Case, parse
from corex.testing.result import GOOD, PASSED, STATUSES, UNSUPPORTED, Result, Run

EXPECTED: Final = "expected"
"""The status, in a report, of a failure that the expected-failures file allows."""

OUTCOMES: Final = {
    **STATUSES,
    EXPECTED: "the case fails, and the expected-failures file says so",
}
"""Every status that a report tells apart, with its meaning."""

BAD: Final = tuple(status for status in STATUSES if status not in GOOD)
SLOWEST: Final = 10


ABSENT: Final = "absent"
"""How a case ran that asks for a dtype which the device does not hold."""

DIRECT: Final = "direct"
"""The layout of the cases that call a direct kernel, which no backend need have."""

_NOT_HELD = "the device holds no "  # the suite's message
_SIGNATURE = re.compile(r" for \(.*\)$")


class Cell(NamedTuple):
    """What cases have in common that a report counts together."""

    mode: str
    tier: int
    op: str
    dtype: str
    layout: str
    how: str
    status: str


class Group(NamedTuple):
    """The cases of an op that did not pass, for one reason.

    Attributes:
        op: the op.
        tier: its tier.
        status: a key of `OUTCOMES`, never `passed`.
        check: the check that failed, or "".
        reason: why the cases are unsupported, or "".
        size: how many cases there are.
        results: these cases, or the first few.
    """

    op: str
    tier: int
    status: str
    check: str
    reason: str
    size: int
    results: list[Result]


class Summary(NamedTuple):
    """A run without the cases that passed.

    Attributes:
        backend: the backend's name.
        device: the device.
        about: facts about the run, by label.
        seconds: how long all cases took together.
        cells: how many cases there are of each kind.
        groups: the cases that did not pass.
        slowest: the cases that took longest.
        perf: the results of perf cases that have measures.
        expected: the reasons for the expected failures, by id.
        stale: lines of the expected-failures file that no longer describe a failure.
    """

    backend: str
    device: str
    about: dict[str, str]
    seconds: float
    cells: dict[Cell, int]
    groups: list[Group]
    slowest: list[Result]
    perf: list[Result]
    expected: dict[str, str]
    stale: list[str]

    def tally(self, wanted: Callable[[Cell], bool] = lambda _: True) -> dict[str, int]:
        """How many of these cases have each status, in the order of `OUTCOMES`."""
        found: Counter[str] = Counter()
        for cell, n in self.cells.items():
            if wanted(cell):
                found[cell.status] += n
        return {status: found[status] for status in OUTCOMES}

    @property
    def total(self) -> int:
        """The number of cases."""
        return sum(self.cells.values())

    @property
    def modes(self) -> list[str]:
        """The modes that have cases, in order of appearance."""
        return list(dict.fromkeys(cell.mode for cell in self.cells))


def summarise(run: Run | Summary) -> Summary:
    """The summary of a run (or the one given)."""
    if isinstance(run, Summary):
        return run
    cells: Counter[Cell] = Counter()
    grouped: dict[tuple[str, int, str, str, str], list[Result]] = {}
    for result in run.results:
        case, status = case_of(result), status_of(result, run.expected)
        op = case.op if result.tier == 0 else result.op
        dtype = str(case.fields.get("dtype", ""))
        direct = str(case.fields.get("call", "")).startswith(DIRECT)
        layout = DIRECT if direct else str(case.fields.get("layout", "dense"))
        how = how_of(case, result)
        cells[Cell(case.mode, result.tier, op, dtype, layout, how, status)] += 1
        if status != PASSED:
            key = (op, result.tier, status, result.check, reason_of(result))
            grouped.setdefault(key, []).append(result)
    return Summary(
        backend=run.backend,
        device=run.device,
        about=run.about,
        seconds=sum(result.seconds for result in run.results),
        cells=dict(cells),
        groups=[Group(*key, len(results), results) for key, results in grouped.items()],
        slowest=sorted(run.results, key=lambda result: -result.seconds)[:SLOWEST],
        perf=[result for result in run.results if result.measures and is_perf(result)],
        expected=run.expected,
        stale=run.stale,
    )


def case_of(result: Result) -> Case:
    """The case a result belongs to; one without fields if its id cannot be read."""
    try:
        return parse(result.id)
    except (ValueError, RecursionError, MemoryError):
        return Case("test", result.op, {})


def how_of(case: Case, result: Result) -> str:
    """In which way the op ran, or would; in part natively if it declines some layouts."""
    if result.status == UNSUPPORTED and result.message.startswith(_NOT_HELD):
        return ABSENT
    if case.mode == "support" and not all(result.measures.get("layouts", {}).values()):
        return "partial" if result.how == "native" else result.how
    return result.how


def reason_of(result: Result) -> str:
    """Why a case is unsupported, without the dtypes for which it is."""
    if result.status != UNSUPPORTED:
        return ""
    return _SIGNATURE.sub("", result.message.partition("\n")[0])[:200]


def is_perf(result: Result) -> bool:
    """Whether the result is of a perf case."""
    return result.id.startswith("perf:")


def status_of(result: Result, expected: Iterable[str]) -> str:
    """The result's status, where what was expected is a status of its own."""
    return EXPECTED if not result.good and result.id in expected else result.status


def shorten(summary: Summary, keep: int = 10, characters: int = 1000) -> Summary:
    """The summary with the first few cases of each group, and the beginnings of long messages.

    Of the unsupported cases only the number is kept.
    """

    def cut(result: Result) -> Result:
        return result._replace(
            message=clip(result.message, characters), seconds=round(result.seconds, 6)
        )

    def few(group: Group) -> Group:
        first = group.results[: 0 if group.status == UNSUPPORTED else keep]
        return group._replace(results=[cut(result) for result in first])

    groups = [few(group) for group in summary.groups]
    kept = {result.id for group in groups for result in group.results}
    return summary._replace(
        seconds=round(summary.seconds, 3),
        groups=groups,
        slowest=[cut(result) for result in summary.slowest],
        perf=[cut(result) for result in summary.perf],
        expected={id: why for id, why in summary.expected.items() if id in kept},
    )


def clip(text: str, characters: int) -> str:
    """The text, or its beginning and how much is left out."""
    left = len(text) - characters
    return text if left <= 0 else f"{text[:characters]}\n[{left} more characters]"


def without_defaults(result: Result) -> dict[str, Any]:
    """The fields of a result that say something, by name."""
    defaults = Result._field_defaults
    return {
        name: value
        for name, value in zip(result._fields, result, strict=True)
        if name not in defaults or value != defaults[name]
    }
