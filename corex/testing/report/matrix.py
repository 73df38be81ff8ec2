"""The page that says what each backend supports, and what the tiers are."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Final

from corex.testing.report.contract import MEMORY, OPTIONAL, Op, method, ops
from corex.testing.report.grid import (
    DECOMPOSED,
    FAILED,
    FALLBACK,
    NATIVE,
    PARTIAL,
    STATES,
    UPCAST,
    Row,
    absent,
    rows,
)
from corex.testing.report.markdown import code, grid, plain
from corex.testing.report.summary import ABSENT, EXPECTED, Summary
from corex.testing.report.verdict import verdict
from corex.testing.result import MISSING
from corex.testing.select import TIERS

WORDS: Final = {
    NATIVE: "native", PARTIAL: "partly native", UPCAST: "upcast", DECOMPOSED: "decomposed",
    FALLBACK: "fallback", MISSING: "**missing**", FAILED: "**failing**",
    EXPECTED: "fails as expected",
}  # fmt: skip
"""How the page calls the states of an op, in the order of its columns."""

_INTRO = """\
# Which backend supports which op

This page is made from reports of the conformance suite by `python -m corex.testing.report`,
so what it says was tested, not promised.
"""

_KEY = """\
*native*: the backend has a kernel, and every case of it passed. *partly native*: it has one that
takes some cases, for example some layouts only. *upcast*: its kernel for a wider dtype runs.
*decomposed*: the op is computed from other ops. *fallback*: it is computed on the host, with a
warning. Where dtypes differ, they are named.
"""

_TIERS = """\
## What the tiers ask for

A backend is memory (tier 0) plus kernels: those of tier 1 are required for the conformance mark,
those of tier 2 make programs faster. `docs/kernels.md` of corex defines each kernel's arguments.
Every corex program runs on a backend that has tier 0 alone; it is slow then.
"""


def op_support(reports: Sequence[Summary], links: Sequence[str] = ()) -> str:
    """The page; `links` are the addresses of the reports' own pages, or ""."""
    pairs = zip(reports, [*links, *[""] * len(reports)], strict=False)
    ordered = sorted(pairs, key=lambda pair: (pair[0].backend, pair[0].device))
    reports, addresses = [report for report, _ in ordered], [link for _, link in ordered]
    parts = [_INTRO.rstrip()]
    if reports:
        parts += ["## Results", *_results(reports, addresses), "## Support", _KEY.rstrip()]
        for tier in (1, 2):
            parts += [f"### Tier {tier}: {TIERS[tier]}", _support(reports, tier)]
    parts += [_TIERS.rstrip(), *_memory()]
    for tier in (1, 2):
        parts += [f"### Tier {tier}: {TIERS[tier]}", _declared(tier)]
    return "\n\n".join(parts) + "\n"


def _results(reports: Sequence[Summary], links: Sequence[str]) -> list[str]:
    shown, counted = [], []
    for name, report, link in zip(_names(reports), reports, links, strict=True):
        conclusion = plain(verdict(report).headline)
        lacking = plain(" ".join(absent(report)) or "none")
        shown.append((f"[{name}]({link})" if link else name, conclusion, lacking))
        for tier in (1, 2):
            found = Counter(overall(row) for row in rows(report, tier))
            counted.append((name, str(tier), *(str(found[word]) for word in WORDS)))
    words = [word.strip("*") for word in WORDS.values()]
    counts = "\n".join(grid(["backend", "tier", *words], counted, right=len(words)))
    summaries = "\n".join(grid(["backend", "verdict", "dtypes it lacks"], shown))
    return [summaries, "Ops, by how they run:", counts]


def _names(reports: Sequence[Summary]) -> list[str]:
    """The backends' names; where one was run on several devices, the devices' names."""
    found = Counter(report.backend for report in reports)
    return [plain(r.backend if found[r.backend] == 1 else r.device) for r in reports]


def overall(row: Row) -> str:
    """One state for an op over its dtypes: the worst that was found, and native only for all."""
    states = {square.state for square in row.squares.values()} - {ABSENT}
    for state in (FAILED, MISSING, EXPECTED):
        if state in states:
            return state
    if states & {NATIVE, PARTIAL}:
        return NATIVE if states == {NATIVE} else PARTIAL
    return FALLBACK if FALLBACK in states else DECOMPOSED


def _support(reports: Sequence[Summary], tier: int) -> str:
    tables = [{row.op.name: row for row in rows(report, tier)} for report in reports]
    declared = [op for op in ops() if op.tier == tier]
    known = {op.name for op in declared}
    strangers = {name: row.op for table in tables for name, row in table.items()}
    listed = [*declared, *(op for name, op in strangers.items() if name not in known)]
    body = []
    family = ""
    for op in listed:
        first = op.family if op.family != family else ""
        family = op.family
        cells = [_cell(table[op.name]) if op.name in table else "not tested" for table in tables]
        body.append((first, code(op.name, in_table=True), *cells))
    heads = ["family", "op", *_names(reports)]
    return "\n".join(grid(heads, body))


def _cell(row: Row) -> str:
    by_state: dict[str, list[str]] = {}
    for dtype, square in row.squares.items():
        by_state.setdefault(square.state, []).append(dtype)
    by_state.pop(ABSENT, None)
    ordered = [(state, by_state[state]) for state in WORDS if state in by_state]
    if not ordered:
        return STATES[ABSENT][0]
    if len(ordered) == 1:
        return WORDS[ordered[0][0]]
    return ", ".join(f"{WORDS[state]} ({plain(' '.join(names))})" for state, names in ordered)


def _memory() -> list[str]:
    def listed(names: Sequence[str]) -> str:
        return "\n".join(f"- `{call}`: {text}" for call, text in map(method, names))

    return [
        "### Tier 0: memory",
        "The methods of `corex.backend.Backend`:",
        listed(MEMORY),
        "And what only some memory can do:",
        listed(OPTIONAL),
    ]


def _declared(tier: int) -> str:
    body = [
        (code(op.name, in_table=True), _arguments(op), op.dtypes, plain(op.doc))
        for op in ops()
        if op.tier == tier
    ]
    return "\n".join(grid(["op", "inputs; parameters", "dtypes", "meaning"], body))


def _arguments(op: Op) -> str:
    inputs, params = ", ".join(op.inputs), ", ".join(op.params)
    return plain(f"{inputs}; {params}" if params else inputs)
