"""The HTML page and the Markdown: well formed, escaped, self-contained, and true."""

from __future__ import annotations

import html.parser
import re
import time
from collections.abc import Callable
from importlib import resources

import pytest

from corex.testing.report.markdown import block, code, markdown
from corex.testing.report.page import html as page
from corex.testing.report.summary import summarise
from corex.testing.report.verdict import verdict
from corex.testing.result import CHECKS, STATUSES, Result, Run
from tests.testing import report_runs

RUNS = {
    "trouble": report_runs.small,
    "fine": lambda: report_runs.small(trouble=False),
    "hostile": report_runs.hostile,
    "empty": lambda: Run("toy", "toy:0", {}, []),
}
VOID = {"meta", "input", "br"}
each_run = pytest.mark.parametrize("make", RUNS.values(), ids=RUNS.keys())


class Page(html.parser.HTMLParser):
    """Checks, while reading, that tags are balanced; collects what the page holds."""

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=True)
        self.open: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text: list[str] = []
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert len(attrs) == len(dict(attrs)), f"<{tag}> has an attribute twice"
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.open and self.open[-1] not in ("style", "script"):
            self.text.append(data)

    def named(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.tags if name == tag]

    @property
    def words(self) -> str:
        return " ".join(" ".join(self.text).split())


@each_run
def test_the_page_is_well_formed(make: Callable[[], Run]) -> None:
    found = Page(page(make()))
    ids = [a["id"] for _, a in found.tags if "id" in a]
    assert len(ids) == len(set(ids))
    for link in found.named("a"):
        assert (link["href"] or "").removeprefix("#") in ids
    for head in found.named("th"):
        assert head.get("scope") in ("col", "row", "rowgroup")


@each_run
def test_the_page_needs_nothing_from_outside(make: Callable[[], Run]) -> None:
    found = Page(page(make()))
    assert {tag for tag, _ in found.tags}.isdisjoint({"link", "img", "iframe", "object", "base"})
    for tag, attributes in found.tags:
        assert "src" not in attributes, tag
        assert not [name for name in attributes if name.startswith("on")], tag
    for asset in ("page.css", "page.js"):
        text = resources.files("corex.testing.report").joinpath(asset).read_text()
        assert not re.search(r"https?:|//\w|@import|url\(|</", text)


def test_hostile_texts_stay_texts() -> None:
    found = Page(page(report_runs.hostile()))
    assert not found.named("b") or all(not attributes for attributes in found.named("b"))
    assert len(found.named("script")) == len(found.named("style")) == 1
    visible = "</script></style></pre><b onclick=alert(1)>&amp;\"'`|"
    assert visible in found.words
    assert "\x1b" not in page(report_runs.hostile())
    assert "\u202e" not in page(report_runs.hostile())
    assert "\\x1b[31m\\u202e" in found.words


def test_the_page_names_every_bad_case_and_how_to_repeat_it() -> None:
    run = report_runs.small()
    words = Page(page(run)).words
    wrong = [result for result in run.results if not result.good]
    assert {result.status for result in wrong} == set(STATUSES) - {"passed", "unsupported"}
    for result in wrong:
        assert f"corex conformance toy --case '{result.id}'" in words
        assert " ".join(result.message.split()) in words
        assert CHECKS.get(result.check, "").split("`")[0].strip() in words
    for meaning in STATUSES.values():
        assert meaning in words
    for reason in (*run.expected.values(), *run.stale):
        assert reason in words


def test_filters_and_toggles_are_hidden_until_the_script_shows_them() -> None:
    found = Page(page(report_runs.small()))
    tools = [a for tag, a in found.tags if a.get("class") == "tools"]
    assert [("hidden" in a) for a in tools] == [True]
    hidden = [a for tag, a in found.tags if "hidden" in a]
    assert hidden == tools


def test_a_page_of_many_cases_is_small_and_made_quickly() -> None:
    run = report_runs.run()
    assert len(run.results) > 17_000
    start = time.process_time()
    assert len(page(run).encode()) < 1_000_000
    assert time.process_time() - start < 30
    wrong = [r._replace(status="failed", check="values", message="x" * 9000) for r in run.results]
    text = page(run._replace(results=wrong))
    assert len(text.encode()) < 3_000_000
    assert re.search(r"and [\d\u202f]+ more of this kind", Page(text).words)


def test_few_failures_are_shown_unfolded_and_many_are_not() -> None:
    run = report_runs.small()
    wrong = [result for result in run.results if not result.good]
    few = Page(page(run._replace(results=wrong[:20], expected={})))
    many = Page(page(run._replace(results=wrong * 10, expected={})))
    assert few.named("details")
    assert all("open" in a for a in few.named("details"))
    assert all("open" not in a for a in many.named("details"))


def test_speed_is_a_table_to_be_sorted() -> None:
    found = Page(page(report_runs.small()))
    assert "447" in "".join(found.text) or "µs" in found.words or "ms" in found.words
    assert any(a.get("class") == "sort" for a in found.named("table"))
    assert any(a.get("data-v") for a in found.named("td"))


def luminance(colour: str) -> float:
    channels = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return sum(part * c for part, c in zip((0.2126, 0.7152, 0.0722), linear, strict=True))


def contrast(a: str, b: str) -> float:
    light, dark = sorted((luminance(a), luminance(b)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


@pytest.mark.parametrize("scheme", [0, 1], ids=["light", "dark"])
def test_colours_have_contrast(scheme: int) -> None:
    css = resources.files("corex.testing.report").joinpath("page.css").read_text()
    roots = re.findall(r":root \{(.*?)\}", css, re.DOTALL)
    assert len(roots) == 2
    colours = dict(re.findall(r"--([\w-]+): (#\w{6});", roots[scheme]))
    assert len(colours) == 21
    pairs = [
        (name, f"{name}-bg") for name in ("good", "part", "deco", "host", "lack", "bad", "calm")
    ]
    pairs += [(a, b) for a in ("text", "quiet") for b in ("page", "card", "code")]
    pairs += [("link", "page"), ("text", "good-bg"), ("text", "bad-bg")]
    for front, back in pairs:
        assert contrast(colours[front], colours[back]) >= 4.5, (front, back)


@each_run
def test_markdown_tables_are_whole(make: Callable[[], Run]) -> None:
    lines = markdown(make()).splitlines()
    width = 0
    for line in lines:
        cells = len(re.findall(r"(?<!\\)\|", line)) if line.startswith("|") else 0
        assert not (width and cells) or cells == width, line
        width = cells


def test_markdown_escapes_what_would_be_markup() -> None:
    text = markdown(report_runs.hostile())
    for line in re.sub(r"(?ms)^ *(`{3,})$.*?^ *\1$", "", text).splitlines():
        rest = re.sub(r"(`+)(?!`).*?(?<!`)\1(?!`)", "", line)
        assert not re.search(r"(?<!\\)[<>]", rest), line


def test_markdown_lists_the_first_failures_only() -> None:
    run = report_runs.run()
    text = markdown(run)
    assert text.count("corex conformance toy --case") == 50
    assert "more cases" in text
    assert len(text) < 60_000


@pytest.mark.parametrize("text", ["a", "`", "``", "a`b``c", "", " x "])
def test_code_survives_backticks(text: str) -> None:
    fence = re.match("`+", code(text))
    assert fence is not None
    assert fence[0] not in text
    assert block(text)[0] not in text


def headline(run: Run) -> str:
    return verdict(summarise(run)).headline.replace("\u202f", " ")


def test_the_verdict_says_what_was_found() -> None:
    fine = report_runs.small(trouble=False)
    assert re.match(r"Conforms to tier 1: ([\d ]+) of \1 required cases pass", headline(fine))
    assert verdict(summarise(fine)).ok
    trouble = report_runs.small()
    assert re.match(r"Does not conform to tier 1: [\d ]+ of [\d ]+ required", headline(trouble))
    assert not verdict(summarise(trouble)).ok


def test_the_verdict_goes_no_further_than_the_run() -> None:
    fine = report_runs.small(trouble=False)
    assert headline(fine._replace(results=[])) == "No case was run"
    part = [result for result in fine.results if result.op in ("add", "memory")]
    found = verdict(summarise(fine._replace(results=part)))
    assert found.headline.startswith("A part of the suite, in which no case fails")
    assert re.search(r"it has 1 of the tier's \d+ ops", found.details[-1])
    without = [result for result in fine.results if result.op != "memory"]
    assert "no memory cases" in verdict(summarise(fine._replace(results=without))).details[-1]


def test_the_verdict_counts_the_tier_that_was_asked_for() -> None:
    run = report_runs.small()
    memory = run._replace(about={"required tier": "0"}, stale=[])
    assert headline(memory).startswith("Conforms to tier 0, but offers more that is wrong: 12 of")
    fine = report_runs.small(trouble=False)
    stale = fine._replace(stale=["add()"])
    assert not verdict(summarise(stale)).ok
    bad = fine.results[20]._replace(status="failed")
    allowed = fine._replace(results=[*fine.results, bad], expected={bad.id: "why"})
    assert headline(allowed).startswith("Conforms to tier 1 but for the expected failures")


def test_times_are_in_one_unit_in_both_reports() -> None:
    measures = {
        "seconds": 0.0012345, "gbps": 12.3456, "cpu_c seconds": 2.5e-6, "times cpu_c": 493.8,
        "gflops": 0.5,
    }  # fmt: skip
    results = [
        Result("perf:add(n=1)", "add", 1, "passed", how="native", measures=measures),
        Result("perf:add(n=2)", "add", 1, "passed", how="fallback", measures={"seconds": 3.0}),
    ]
    run = Run("toy", "toy:0", {}, results)
    heads = ["time, µs", "GB/s", "cpu_c, µs", "time / cpu_c", "GFLOP/s"]
    figures = ["1 234", "12.3", "2.50", "494", "0.500"]
    text = re.sub("[\u202f ]+", " ", markdown(run).replace("\\_", "_"))
    assert f"| case | how | {' | '.join(heads)} |" in text
    assert f"| `add(n=1)` | native | {' | '.join(figures)} |" in text
    assert "| `add(n=2)` | fallback | 3 000 000 |" in text
    words = Page(page(run)).words.replace("\u202f", " ")
    assert " ".join(heads) in words
    assert " ".join(figures) in words
