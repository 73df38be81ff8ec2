"""The report in brief, as Markdown: for a pull request, or a page of documentation."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Sequence
from typing import Final

from corex.testing.report.figures import figure, heading, number, plural
from corex.testing.report.files import write
from corex.testing.report.grid import STATES, Row, columns, rows
from corex.testing.report.summary import BAD, OUTCOMES, Group, Summary, clip, summarise
from corex.testing.report.verdict import verdict
from corex.testing.report.words import LABELS, STALE, about, replay, visible
from corex.testing.result import CHECKS, Result, Run
from corex.testing.select import TIERS

LISTED: Final = 50  # failures
CHARACTERS: Final = 600  # of a failure's message

_SPECIAL = re.compile(r"([\\`*_{}\[\]<>#|~&])")


def write_markdown(run: Run | Summary, path: str | os.PathLike[str]) -> None:
    """Writes the report."""
    write(path, markdown(run))


def markdown(run: Run | Summary) -> str:
    """The report as text."""
    summary = summarise(run)
    result = verdict(summary)
    lines = [
        f"# corex conformance: {plain(summary.backend)} on {plain(summary.device)}",
        "",
        f"**{'✓' if result.ok else '✗'} {plain(result.headline)}**",
        "",
        *(line for sentence in result.details for line in (plain(sentence), "")),
        *grid(
            ["fact", "value"],
            [(plain(label), plain(value)) for label, value in about(summary).items()],
        ),
        "",
        "## Counts",
        "",
        *_counts(summary),
        *_wrong(summary),
        *_ops(summary),
        *_times(summary),
    ]
    return "\n".join(lines).rstrip() + "\n"


def plain(text: object) -> str:
    """Text in which nothing is markup, on one line."""
    return _SPECIAL.sub(r"\\\1", " ".join(visible(text).split()))


def code(text: str, in_table: bool = False) -> str:
    """A code span, whatever the text."""
    line = " ".join(visible(text).split())
    fence = "`" * (_longest_run(line) + 1)
    pad = " " if line.startswith("`") or line.endswith("`") or not line else ""
    span = f"{fence}{pad}{line}{pad}{fence}"
    return span.replace("|", "\\|") if in_table else span


def block(text: str, indent: str = "") -> list[str]:
    """A code block, whatever the text."""
    shown = visible(text)
    fence = "`" * max(3, _longest_run(shown) + 1)
    return [f"{indent}{line}".rstrip() for line in (fence, *shown.split("\n"), fence)]


def grid(heads: Sequence[str], body: Iterable[Sequence[str]], right: int = 0) -> list[str]:
    """The lines of a table; the last `right` columns are aligned right."""
    left = len(heads) - right
    marks = ["---"] * left + ["---:"] * right
    lines = [heads, marks, *body]
    return [f"| {' | '.join(line)} |" for line in lines]


def _longest_run(text: str) -> int:
    return max(map(len, re.findall("`+", text)), default=0)


def _counts(summary: Summary) -> list[str]:
    body = [
        (" ".join(LABELS[status]), number(n), OUTCOMES[status])
        for status, n in summary.tally().items()
    ]
    return grid(
        ["status", "cases", "meaning"], [*body, ("? stale", str(len(summary.stale)), STALE)]
    )


def _wrong(summary: Summary) -> list[str]:
    groups = [group for group in summary.groups if group.status in BAD]
    if not groups:
        return []
    lines = ["", "## What counts against the backend", ""]
    pairs = [(group, result) for group in groups for result in group.results]
    for group, result in pairs[:LISTED]:
        lines += _failure(summary, group, result)
    if left := sum(group.size for group in groups) - len(pairs[:LISTED]):
        lines += ["", f"… and {plural(left, 'more case')}."]
    return lines


def _failure(summary: Summary, group: Group, result: Result) -> list[str]:
    meaning = CHECKS.get(result.check, "")
    check = f"; check {plain(result.check)}{f': {meaning}' if meaning else ''}" * bool(result.check)
    lines = [f"- {code(result.id)}: {LABELS[group.status][1]}{check}"]
    if result.message:
        lines += ["", *block(clip(result.message, CHARACTERS), "  "), ""]
    return [*lines, f"  {code(replay(summary, result.id))}", ""]


def _ops(summary: Summary) -> list[str]:
    lines = ["", "## Ops", ""]
    used: set[str] = set()
    tables: list[str] = []
    for tier in sorted({cell.tier for cell in summary.cells}):
        if found := rows(summary, tier):
            used |= {square.state for row in found for square in row.squares.values()}
            tables += [
                "",
                f"### Tier {tier}: {TIERS.get(tier, '')}".rstrip(": "),
                "",
                *_tier(found),
            ]
    key = [f"- {symbol} {state}: {meaning}" for state, (symbol, meaning) in STATES.items()
           if state in used]  # fmt: skip
    return [*lines, *key, *tables] if tables else []


def _times(summary: Summary) -> list[str]:
    """The measures of the perf cases."""
    if not summary.perf:
        return []
    names = list(dict.fromkeys(name for result in summary.perf for name in result.measures))
    body = [
        (
            code(result.id.removeprefix("perf:"), in_table=True),
            plain(result.how),
            *(plain(figure(name, result.measures.get(name))) for name in names),
        )
        for result in summary.perf
    ]
    heads = ["case", "how", *(plain(heading(name)) for name in names)]
    return ["", "## Times", "", *grid(heads, body, right=len(names))]


def _tier(found: list[Row]) -> list[str]:
    names = columns(found)
    body = [
        (
            code(row.op.name, in_table=True),
            *(str(row.squares.get(name, "")) for name in names),
            f"{row.passed}/{row.total}",
        )
        for row in found
    ]
    heads = ["op", *(plain(name or "any") for name in names), "passed"]
    return grid(heads, body, right=1)
