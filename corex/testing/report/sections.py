"""The parts of the page: verdict, facts, counts, and the tables of ops."""

from __future__ import annotations

from corex.testing.report.contract import TIERS
from corex.testing.report.figures import number
from corex.testing.report.grid import STATES, Row, Square, columns, rows
from corex.testing.report.markup import Html, join, table, tag
from corex.testing.report.summary import OUTCOMES, Summary
from corex.testing.report.verdict import Verdict
from corex.testing.report.words import LABELS, STALE, about


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
    return join([_key(used), *parts]) if parts else None


def _key(used: set[str]) -> Html:
    items = [
        tag("li", tag("span", f"{symbol} {state}", class_=f"badge {state}"), f" {meaning}")
        for state, (symbol, meaning) in STATES.items()
        if state in used
    ]
    return tag("ul", *items, class_="key")


def _grid(found: list[Row], title: str) -> Html:
    names = columns(found)
    squares = [tag("th", name or "state", scope="col", class_="sq") for name in names]
    heads: list[object] = [
        tag("th", "op", scope="col", class_="first"),
        *squares,
        tag("th", "cases", scope="col", class_="n"),
        "where layouts differ",
    ]
    bodies: dict[str, list[Html]] = {}
    for row in found:
        bodies.setdefault(row.op.family, []).append(_row(row, names))
    family_head = {
        family: tag("tr", tag("th", tag("span", family), scope="rowgroup", colspan=str(len(heads))))
        for family in bodies
    }
    many = len(bodies) > 1
    made = [
        tag("tbody", family_head[family] if many else "", join(body))
        for family, body in bodies.items()
    ]
    return table(heads, made, class_="grid", aria_label=title)


def _row(row: Row, names: list[str]) -> Html:
    cases = number(row.passed) if row.passed == row.total else f"{row.passed}/{row.total}"
    worse = ", ".join(f"{layout} {passed}/{total}" for layout, passed, total in row.layouts)
    return tag(
        "tr",
        tag("th", tag("code", row.op.name, title=row.op.doc or None), scope="row"),
        *(_square(row.squares.get(name)) for name in names),
        tag("td", cases),
        tag("td", worse, class_="why"),
        data_t=row.op.name,
    )


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
