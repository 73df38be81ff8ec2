"""JSON reports: what is written is read again, and nothing else is taken for a report."""

from __future__ import annotations

import json
import math
import os
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from corex.testing.report import (
    read_json,
    read_summary,
    summarise,
    write_html,
    write_json,
    write_markdown,
    write_summary,
)
from corex.testing.report.files import write
from corex.testing.report.summary import shorten
from corex.testing.result import Run
from tests.testing import report_runs

WRITERS = {
    "json": write_json,
    "summary": write_summary,
    "html": write_html,
    "markdown": write_markdown,
}


def strict(path: Path) -> Any:
    def refuse(word: str) -> None:
        raise AssertionError(f"{word} is not JSON")

    return json.loads(path.read_text(encoding="utf-8"), parse_constant=refuse)


def test_a_run_is_read_as_it_was_written(tmp_path: Path) -> None:
    run, path = report_runs.small(), tmp_path / "run.json"
    write_json(run, path)
    assert read_json(path) == run


def test_texts_and_special_numbers_survive(tmp_path: Path) -> None:
    run, path = report_runs.hostile(), tmp_path / "run.json"
    write_json(run, path)
    strict(path)
    back = read_json(path)
    assert math.isnan(back.results[0].measures["ratio"])
    assert back.results[0].seconds == math.inf
    assert repr(back) == repr(run)  # nan differs from itself, so not ==


def test_the_parts_come_in_a_fixed_order(tmp_path: Path) -> None:
    path = tmp_path / "run.json"
    write_json(report_runs.small(), path)
    found = strict(path)
    assert list(found) == [
        "format", "version", "kind", "backend", "device", "about", "counts", "results",
        "expected", "stale",
    ]  # fmt: skip
    assert len(path.read_text().splitlines()) > len(found["results"])
    assert found["counts"]["passed"] == summarise(report_runs.small()).tally()["passed"]


def test_measures_of_other_types_are_written_as_numbers_or_text(tmp_path: Path) -> None:
    import numpy as np

    run, path = report_runs.small(), tmp_path / "run.json"
    measures = {"seconds": np.float32(0.5), "count": np.int64(3), "of": (1, None), "why": {1}}
    write_json(run._replace(results=[run.results[0]._replace(measures=measures)]), path)
    found = read_json(path).results[0].measures
    assert found == {"seconds": 0.5, "count": 3, "of": [1, None], "why": "{1}"}


@pytest.mark.parametrize("make", [report_runs.small, report_runs.hostile])
def test_a_summary_is_read_as_it_was_written(make: Callable[[], Run], tmp_path: Path) -> None:
    first, second = tmp_path / "first.json", tmp_path / "second.json"
    write_summary(make(), first)
    strict(first)
    back = read_summary(first)
    assert repr(back) == repr(shorten(summarise(make())))
    write_summary(back, second)
    assert second.read_bytes() == first.read_bytes()


def test_a_summary_counts_every_case_of_the_run() -> None:
    run = report_runs.small()
    summary = summarise(run)
    assert summary.total == len(run.results)
    assert sum(summary.tally().values()) == len(run.results)
    assert sum(group.size for group in summary.groups) == summary.total - summary.tally()["passed"]
    assert summary.tally()["expected"] == 1


def test_a_summary_is_small_enough_to_be_committed(tmp_path: Path) -> None:
    path = tmp_path / "summary.json"
    write_summary(report_runs.run(), path)
    assert path.stat().st_size < 300_000
    broken = report_runs.run()
    wrong = [r._replace(status="failed", message="x" * 5000) for r in broken.results]
    write_summary(broken._replace(results=wrong), path)
    assert path.stat().st_size < 2_500_000


def test_a_whole_report_serves_as_a_summary(tmp_path: Path) -> None:
    path = tmp_path / "run.json"
    write_json(report_runs.small(), path)
    assert read_summary(path) == summarise(report_runs.small())


def test_a_summary_is_no_run(tmp_path: Path) -> None:
    path = tmp_path / "summary.json"
    write_summary(report_runs.small(), path)
    with pytest.raises(ValueError, match="without the single cases"):
        read_json(path)


@pytest.mark.parametrize(
    "text, message",
    [
        ("", "is not JSON"),
        ("[" * 100_000, "is not JSON"),
        ("[]", "not a report"),
        ('{"format": "other"}', "not a report"),
        ('{"format": "corex conformance", "version": 99}', "version 99"),
        ('{"format": "corex conformance", "version": 1, "kind": "x"}', "damaged"),
        ('{"format": "corex conformance", "version": 1, "kind": "run"}', "damaged"),
        ('{"format": "corex conformance", "version": 1, "kind": "summary"}', "damaged"),
    ],
)
def test_another_file_is_an_error_that_names_it(text: str, message: str, tmp_path: Path) -> None:
    path = tmp_path / "other.json"
    path.write_text(text)
    with pytest.raises(ValueError, match=f"other.json.*{message}"):
        read_summary(path)


@pytest.mark.parametrize("name", WRITERS)
def test_writing_replaces_the_file_at_once(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "report"
    path.write_text("old")
    path.chmod(0o640)
    seen = []

    def replace(source: str, target: Path) -> None:
        seen.append((Path(source).parent, path.read_text()))
        rename(source, target)

    rename = os.replace
    monkeypatch.setattr(os, "replace", replace)
    WRITERS[name](report_runs.small(), str(path))
    assert seen == [(tmp_path, "old")]
    assert [item.name for item in tmp_path.iterdir()] == ["report"]
    assert stat.S_IMODE(path.stat().st_mode) == 0o640


def test_a_failed_write_leaves_the_old_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "report"
    path.write_text("old")

    def refuse(*_: object) -> None:
        raise OSError("disk full")

    monkeypatch.setattr(os, "replace", refuse)
    with pytest.raises(OSError, match="disk full"):
        write(path, "new")
    assert path.read_text() == "old"
    assert [item.name for item in tmp_path.iterdir()] == ["report"]


@pytest.mark.parametrize("name", WRITERS)
def test_the_same_run_gives_the_same_file(name: str, tmp_path: Path) -> None:
    for part in ("first", "second"):
        WRITERS[name](report_runs.small(), tmp_path / part)
    assert (tmp_path / "first").read_bytes() == (tmp_path / "second").read_bytes()
