"""The parts of the page: verdict, facts, counts, and the tables of ops."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from corex.testing.report.figures import number
from corex.testing.report.grid import STATES, Row, Square, columns, rows
from corex.testing.report.markup import Html, join, table, tag
from corex.testing.report.summary import OUTCOMES, Summary
from corex.testing.report.verdict import Verdict
from corex.testing.report.words import LABELS, STALE, about
from corex.testing.select import TIERS


def badge(status: str, text: str = "") -> Html:
    """A status: its symbol and name (or another text), on its colour."""
    symbol, name = LABELS[status]
    return tag("span", f"{symbol} {text or name}", class_=f"badge {status}")


def header(summary: Summary, result: Verdict) -> Html:
    """The title and the conclusion."""
    symbol = "✓" if result.ok else "✗"
    details = [tag("p", sentence) for sentence in result.details]
    return tag(
        "header",
        tag("h1", f"corex conformance: {summary.backend} on {summary.device}"),
        tag(
            "div",
            tag("strong", f"{symbol} {result.headline}"),
            *details,
            class_=f"verdict {'pass' if result.ok else 'fail'}",
        ),
    )


def facts(summary: Summary) -> Html:
    """What is known about the run."""
    items = [tag("dt", label) + tag("dd", value) for label, value in about(summary).items()]
    return tag("dl", *map(Html, items), class_="facts")


def counts(summary: Summary) -> Html:
    """How many cases have each status, by tier."""
    tiers = sorted({cell.tier for cell in summary.cells})
    everywhere = summary.tally()
    by_tier = [summary.tally(lambda cell, tier=tier: cell.tier == tier) for tier in tiers]  # type: ignore[misc]
    body = []
    for status, total in everywhere.items():
        figures = [_count(found[status]) for found in by_tier]
        label = _label(badge(status), OUTCOMES[status])
        body.append(tag("tr", label, _count(total), *figures))
    label = _label(tag("span", "? stale", class_="badge stale"), STALE)
    body.append(tag("tr", label, _count(len(summary.stale)), *(tag("td") for _ in tiers)))
    heads = [tag("th", f"tier {tier}", scope="col", class_="n") for tier in tiers]
    return table(["status", tag("th", "cases", scope="col", class_="n"), *heads], body)


def _label(name: Html, meaning: str) -> Html:
    return tag("th", name, tag("span", meaning, class_="means"), scope="row")


def _count(n: int) -> Html:
    return tag("td", number(n), class_="n" if n else "n quiet")


def tiers(summary: Summary) -> Html | None:
    """The table of each tier, with the key to its symbols."""
    parts = []
    used: set[str] = set()
    for tier in sorted({cell.tier for cell in summary.cells}):
        found = rows(summary, tier)
        if found:
            used |= {square.state for row in found for square in row.squares.values()}
            title = f"Tier {tier}: {TIERS.get(tier, '')}".rstrip(": ")
            parts += [tag("h3", title, id=f"tier{tier}"), _grid(found, title)]
    if not parts:
        return None
    return join([_key(used), tag("p", FIGURES, class_="quiet"), *parts])


FIGURES: Final = (
    "Cases: how many passed, of those for dtypes that the device holds, in all modes but perf. "
    "Direct: the same for the short cuts for small dense operands, which no backend need have."
)


def _key(used: set[str]) -> Html:
    items = [
        tag("li", tag("span", f"{symbol} {state}", class_=f"badge {state}"), f" {meaning}")
        for state, (symbol, meaning) in STATES.items()
        if state in used
    ]
    return tag("ul", *items, class_="key")


def _grid(found: list[Row], title: str) -> Html:
    names, more = columns(found), _figures(found)
    squares = [tag("th", name or "state", scope="col", class_="sq") for name in names]
    heads: list[object] = [tag("th", "op", scope="col", class_="first"), *squares, *more]
    bodies: dict[str, list[Html]] = {}
    for row in found:
        bodies.setdefault(row.op.family, []).append(
            tag(
                "tr",
                tag("th", tag("code", row.op.name, title=row.op.doc or None), scope="row"),
                *(_square(row.squares.get(name)) for name in names),
                *(make(row) for make in more.values()),
                data_t=row.op.name,
            )
        )
    width = str(len(heads))
    made = [
        tag("tbody", _family(family, width) if len(bodies) > 1 else "", join(body))
        for family, body in bodies.items()
    ]
    return table(heads, made, class_="grid", aria_label=title)


def _family(name: str, width: str) -> Html:
    return tag("tr", tag("th", tag("span", name), scope="rowgroup", colspan=width))


def _figures(found: list[Row]) -> dict[Html, Callable[[Row], Html]]:
    """What stands to the right of the dtypes: heading -> a row's cell."""
    shown: dict[Html, Callable[[Row], Html]] = {
        tag("th", "cases", scope="col", class_="n"): lambda row: _part(row.passed, row.total)
    }
    if any(row.direct[1] for row in found):
        shown[tag("th", "direct", scope="col", class_="n")] = lambda row: _part(*row.direct)
    if any(row.layouts for row in found):
        shown[tag("th", "where layouts differ", scope="col")] = _layouts
    return shown


def _part(passed: int, total: int) -> Html:
    whole = number(total) if total else ""
    return tag("td", whole if passed == total else f"{passed}/{total}")


def _layouts(row: Row) -> Html:
    worse = ", ".join(f"{layout} {passed}/{total}" for layout, passed, total in row.layouts)
    return tag("td", worse, class_="why")


def _square(square: Square | None) -> Html:
    if square is None:
        return tag("td", class_="sq")
    text = str(square)
    return tag(
        "td", text, tag("span", f" {square.state}", class_="hide"), class_=f"sq {square.state}"
    )


def footer() -> Html:
    """Where the words of the report are explained."""
    return tag(
        "footer",
        "Made by corex.testing.report. What a case is, and what the checks demand: "
        "docs/conformance.md; the kernels: docs/kernels.md.",
    )
