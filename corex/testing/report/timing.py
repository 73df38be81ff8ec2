"""The parts of the page about where ops run and how fast."""

from __future__ import annotations

from collections import Counter
from typing import Any, Final

from corex.testing.report.figures import figure, heading, number, seconds
from corex.testing.report.grid import STATES
from corex.testing.report.markup import Html, join, table, tag
from corex.testing.report.summary import Summary
from corex.testing.result import Result
from corex.testing.select import TIERS

WAYS: Final = ("native", "partial", "upcast", "decomposed", "fallback")


def support(summary: Summary) -> Html | None:
    """How many ops and dtypes would run in which way, by tier, as the backend says."""
    ways: Counter[tuple[int, str]] = Counter()
    for cell, n in summary.cells.items():
        if cell.mode == "support":
            ways[cell.tier, cell.how or cell.status] += n
    if not ways:
        return None
    names = [*WAYS, *sorted({way for _, way in ways} - {*WAYS, ""})]
    body = []
    for tier in sorted({tier for tier, _ in ways}):
        figures = [tag("td", number(ways[tier, way]), class_="n") for way in names]
        body.append(tag("tr", tag("th", f"{tier} {TIERS.get(tier, '')}", scope="row"), *figures))
    heads: list[object] = ["tier"]
    for way in names:
        heads.append(tag("th", _way(way), scope="col", class_="n"))
    intro = "What the backend answers when it is asked, for each op and dtype and every layout."
    return join([tag("p", intro), table(heads, body)])


def _way(way: str) -> Html:
    symbol = STATES[way][0] if way in STATES else ""
    return tag("span", f"{symbol} {way}".strip(), class_=f"badge {way}")


def perf(summary: Summary) -> Html | None:
    """The measures of the perf cases."""
    if not summary.perf:
        return None
    names = list(dict.fromkeys(name for result in summary.perf for name in result.measures))
    body = [
        tag(
            "tr",
            tag("th", tag("code", result.id.removeprefix("perf:")), scope="row"),
            *(_measure(name, result.measures.get(name)) for name in names),
            data_t=result.id,
        )
        for result in summary.perf
    ]
    heads: list[object] = ["case"]
    for name in names:
        heads.append(tag("th", heading(name), scope="col", class_="n"))
    intro = (
        "Measured one case at a time; whatever else the machine did then is in the figures, too."
    )
    return join([tag("p", intro), table(heads, body, class_="sort")])


def _measure(name: str, value: Any) -> Html:
    sort = value if isinstance(value, (int, float)) else None
    return tag("td", figure(name, value), class_="n", data_v=sort)


def slowest(summary: Summary) -> Html | None:
    """The cases that took longest."""
    body = [_slow(result) for result in summary.slowest if result.seconds > 0]
    if not body:
        return None
    return table(["case", tag("th", "time", scope="col", class_="n"), "status"], body)


def _slow(result: Result) -> Html:
    return tag(
        "tr",
        tag("th", tag("code", result.id), scope="row"),
        tag("td", seconds(result.seconds), class_="n"),
        tag("td", result.status),
    )
