"""The report as one HTML page that needs no other file, no network and no script."""

from __future__ import annotations

import base64
import hashlib
import os
from importlib import resources

from corex.testing.report import cases, sections, timing
from corex.testing.report.files import write
from corex.testing.report.markup import Html, join, tag
from corex.testing.report.summary import Summary, summarise
from corex.testing.report.verdict import verdict
from corex.testing.result import Run


def write_html(run: Run | Summary, path: str | os.PathLike[str]) -> None:
    """Writes the page."""
    write(path, html(run))


def html(run: Run | Summary) -> str:
    """The page as text. It depends on the run alone: the same run gives the same page."""
    summary = summarise(run)
    title = f"corex conformance: {summary.backend}"
    parts = [
        *((id, name, made) for id, name, make in _PARTS if (made := make(summary)) is not None),
    ]
    body = [
        sections.header(summary, verdict(summary)),
        tag("nav", *(tag("a", name, href=f"#{id}") for id, name, _ in parts), aria_label="Parts"),
        sections.facts(summary),
        _tools(summary),
        *(tag("section", tag("h2", name), made, id=id) for id, name, made in parts),
        sections.footer(),
    ]
    head = [
        tag("meta", charset="utf-8"),
        tag("meta", name="viewport", content="width=device-width, initial-scale=1"),
        _policy(),
        tag("title", title),
        tag("style", _asset("page.css")),
    ]
    page = tag(
        "html",
        tag("head", join(head)),
        tag("body", tag("main", join(body)), tag("script", _asset("page.js"))),
        lang="en",
    )
    return f"<!DOCTYPE html>\n{page}\n"


_PARTS = (
    ("counts", "Counts", sections.counts),
    ("wrong", "What counts against the backend", cases.wrong),
    ("expected", "Expected failures", cases.expected),
    ("ops", "Ops", sections.tiers),
    ("unsupported", "Unsupported", cases.unsupported),
    ("support", "Where ops run", timing.support),
    ("perf", "Speed", timing.perf),
    ("slowest", "Slowest cases", timing.slowest),
)


def _asset(name: str) -> Html:
    """A file beside this one. (Both kinds of text are read raw, up to a closing tag.)"""
    text = resources.files(__package__).joinpath(name).read_text(encoding="utf-8")
    assert "</" not in text
    return Html(text)


def _policy() -> Html:
    """Lets the browser run this script and use this style, and load nothing at all."""
    script, style = _hash("page.js"), _hash("page.css")
    rules = f"default-src 'none'; script-src '{script}'; style-src '{style}'"
    return tag("meta", http_equiv="Content-Security-Policy", content=rules)


def _hash(name: str) -> str:
    digest = hashlib.sha256(_asset(name).encode()).digest()
    return f"sha256-{base64.b64encode(digest).decode()}"


def _tools(summary: Summary) -> Html:
    """The filter; it stays hidden where scripts do not run."""
    boxes = [
        tag("label", tag("input", type="checkbox", value=status, checked=True), f" {label}")
        for status, label in cases.toggles(summary)
    ]
    search = tag(
        "input",
        type="search",
        placeholder="Filter ops and cases",
        aria_label="Filter ops and cases",
    )
    left = tag("output", class_="quiet", hidden=None if boxes else True)
    return tag("div", search, *boxes, left, class_="tools", hidden=True)
