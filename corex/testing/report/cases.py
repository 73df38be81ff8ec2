"""The parts of the page that list cases: what failed, what was expected to, what is unsupported."""

from __future__ import annotations

from typing import Final

from corex.testing.report.figures import number, plural
from corex.testing.report.markup import Html, coded, join, table, tag
from corex.testing.report.sections import badge
from corex.testing.report.summary import BAD, EXPECTED, Group, Summary, clip
from corex.testing.report.words import LABELS, replay
from corex.testing.result import CHECKS, UNSUPPORTED, Result

CHARACTERS: Final = 2000  # of one message
BUDGET: Final = 1_500_000  # characters of listed cases on one page
LIMITS: Final = (10_000, 1000, 300, 100, 30, 10, 5, 2, 1)
OPEN: Final = 30  # so many cases are shown unfolded


def toggles(summary: Summary) -> list[tuple[str, str]]:
    """The statuses among the listed cases, with their names."""
    listed = {group.status for group in summary.groups} - {UNSUPPORTED}
    return [(status, LABELS[status][1]) for status in (*BAD, EXPECTED) if status in listed]


def wrong(summary: Summary) -> Html:
    """Every case that counts against the backend, op by op."""
    groups = [group for group in summary.groups if group.status in BAD]
    stale = _stale(summary)
    if not groups:
        return join([tag("p", "No case."), *stale])
    count = sum(group.size for group in groups)
    intro = (
        f"{plural(count, 'case')}. The command below a case runs it alone: its data come from "
        "a generator seeded with the id."
    )
    return join([tag("p", intro), *stale, _listing(summary, groups)])


def expected(summary: Summary) -> Html | None:
    """Every failure that the expected-failures file allows, with the reason given there."""
    groups = [group for group in summary.groups if group.status == EXPECTED]
    if not groups:
        return None
    intro = "These cases fail, and the expected-failures file gives a reason for each."
    return join([tag("p", intro), _listing(summary, groups)])


def _stale(summary: Summary) -> list[Html]:
    if not summary.stale:
        return []
    intro = "These lines of the expected-failures file describe no failure any more; remove them:"
    return [tag("p", intro), tag("pre", "\n".join(summary.stale))]


def _listing(summary: Summary, groups: list[Group]) -> Html:
    limit = next((n for n in LIMITS if _size(groups, n) <= BUDGET), LIMITS[-1])
    by_op: dict[str, list[Group]] = {}
    for group in groups:
        by_op.setdefault(group.op, []).append(group)
    unfolded = sum(min(group.size, limit) for group in groups) <= OPEN
    return join([_op(summary, op, found, limit, unfolded) for op, found in by_op.items()])


def _size(groups: list[Group], limit: int) -> int:
    """About how long the listing becomes with so many cases of each group."""
    return sum(
        400 + 2 * len(result.id) + min(len(result.message), CHARACTERS)
        for group in groups
        for result in group.results[:limit]
    )


def _op(summary: Summary, op: str, groups: list[Group], limit: int, unfolded: bool) -> Html:
    totals: dict[str, int] = {}
    for group in groups:
        totals[group.status] = totals.get(group.status, 0) + group.size
    badges = [
        badge(status, f"{number(n)} {LABELS[status][1]}") + " " for status, n in totals.items()
    ]
    items: list[Html] = []
    for group in groups:
        shown = group.results[:limit]
        items += [_case(summary, group, result) for result in shown]
        if left := group.size - len(shown):
            kind = f"{group.check or group.status}"
            items.append(tag("p", f"… and {number(left)} more of this kind ({kind}).", class_="case"
                             " quiet", data_s=group.status, data_t=op))  # fmt: skip
    return tag(
        "details",
        tag("summary", tag("b", op), *map(Html, badges)),
        join(items),
        class_="op",
        open=True if unfolded else None,
    )


def _case(summary: Summary, group: Group, result: Result) -> Html:
    parts = [tag("h4", badge(group.status), " ", tag("code", result.id))]
    if reason := summary.expected.get(result.id):
        parts.append(tag("p", tag("b", "Expected"), f": {reason}"))
    if result.check:
        meaning = CHECKS.get(result.check, "")
        told = coded(f": {meaning}" if meaning else "")
        parts.append(tag("p", "Check ", tag("b", result.check), told))
    if result.message:
        parts.append(tag("pre", clip(result.message, CHARACTERS)))
    parts.append(tag("pre", replay(summary, result.id), class_="cmd"))
    return tag("div", join(parts), class_="case", data_s=group.status, data_t=result.id)


def unsupported(summary: Summary) -> Html | None:
    """What the backend does not offer and need not, op by op."""
    groups = [group for group in summary.groups if group.status == UNSUPPORTED]
    if not groups:
        return None
    by_reason: dict[str, list[Group]] = {}
    for group in groups:
        by_reason.setdefault(group.reason or "no reason is given", []).append(group)
    body = [
        tag(
            "tr",
            tag("th", reason, scope="row"),
            tag("td", number(sum(group.size for group in found)), class_="n"),
            tag("td", tag("code", " ".join(dict.fromkeys(group.op for group in found)))),
        )
        for reason, found in by_reason.items()
    ]
    count = sum(group.size for group in groups)
    intro = f"{plural(count, 'case')} that the backend does not offer and need not."
    heads: list[object] = ["why", tag("th", "cases", scope="col", class_="n"), "ops"]
    return join([tag("p", intro), table(heads, body, class_="why")])
