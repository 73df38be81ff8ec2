"""The headline of a report: what the run shows, in one sentence and no more than it shows."""

from __future__ import annotations

import re
from typing import NamedTuple

from corex.testing.report.contract import ops
from corex.testing.report.figures import number, plural
from corex.testing.report.summary import BAD, DIRECT, EXPECTED, Cell, Summary
from corex.testing.result import PASSED, UNSUPPORTED

_JUDGED = ("test", "grad")
_PARTS = re.compile(r"--(reduced|where|case|replay)\b")


class Verdict(NamedTuple):
    """What a run shows.

    Attributes:
        ok: whether nothing counts against the backend.
        headline: the conclusion.
        details: the figures behind it, and what limits the conclusion.
    """

    ok: bool
    headline: str
    details: list[str]


def verdict(summary: Summary) -> Verdict:
    """The verdict on a run."""
    tier = required_tier(summary)
    counts = summary.tally(lambda cell: cell.tier <= tier and _required(cell))
    everywhere = summary.tally()
    bad = {status: n for status, n in everywhere.items() if status in BAD and n}
    ok = not bad and not summary.stale
    left_out = _left_out(summary, tier)
    details = []
    if bad:
        listed = ", ".join(f"{number(n)} {status}" for status, n in bad.items())
        details.append(f"Against the backend, in all tiers and modes: {listed}.")
    if everywhere[EXPECTED]:
        details.append(f"Expected failures: {number(everywhere[EXPECTED])}.")
    if summary.stale:
        lines = plural(len(summary.stale), "line")
        details.append(f"The expected-failures file has {lines} to be removed.")
    if left_out:
        details.append(f"This run is a part of the suite: it has {left_out}.")
    return Verdict(ok, _headline(summary, tier, counts, bool(bad), left_out), details)


def _headline(summary: Summary, tier: int, counts: dict[str, int], bad: bool, left_out: str) -> str:
    if not summary.total:
        return "No case was run"
    asked = sum(n for status, n in counts.items() if status != UNSUPPORTED)
    passing = f"{number(counts[PASSED])} of {number(asked)} required cases pass"
    if any(counts[status] for status in BAD):
        return f"Does not conform to tier {tier}: {passing}"
    if left_out:
        right = "some cases do not pass" if bad else "no case fails"
        return f"A part of the suite, in which {right}: {passing}"
    allowed = " but for the expected failures" if counts[EXPECTED] else ""
    if bad:
        return f"Conforms to tier {tier}{allowed}, but offers more that is wrong: {passing}"
    return f"Conforms to tier {tier}{allowed}: {passing}"


def _required(cell: Cell) -> bool:
    return cell.mode in _JUDGED and cell.layout != DIRECT


def required_tier(summary: Summary) -> int:
    """The tier that the run asked for: what `about` says, or tier 1."""
    for label in ("required tier", "tier"):
        if match := re.search(r"\d+", summary.about.get(label, "")):
            return int(match[0])
    return 1


def _left_out(summary: Summary, tier: int) -> str:
    """What a run would need to have for a verdict on the tier, or ""."""

    def tested(cell: Cell) -> bool:
        return cell.mode == "test"

    found = {cell.op for cell in summary.cells if tested(cell) and cell.tier > 0}
    wanted = {op.name for op in ops() if 0 < op.tier <= tier}
    if wanted - found:
        return f"{len(wanted & found)} of the tier's {len(wanted)} ops"
    if not any(tested(cell) and cell.tier == 0 for cell in summary.cells):
        return "no memory cases"
    chosen = summary.about.get("selection", "")
    return f"the cases that {chosen} chooses" if _PARTS.search(chosen) else ""
