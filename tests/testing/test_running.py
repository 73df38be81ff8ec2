"""A run as a whole: perf cases apart, results in order, and what is said about it."""

from __future__ import annotations

from pathlib import Path

import pytest

from corex.testing import running
from corex.testing.about import about, processor, version
from corex.testing.case import parse
from corex.testing.pool import processors
from corex.testing.running import Plan, check_backend, run
from corex.testing.select import UsageError

IDS = [
    "perf:neg(dtype=float32,shapes=[(8,)],layout=dense)",
    "neg(dtype=float32,shapes=[(2,3)],layout=dense)",
    "perf:neg(dtype=float64,shapes=[(8,)],layout=dense)",
    "neg(dtype=int64,shapes=[(2,3)],layout=dense)",
]


def test_results_are_in_the_order_of_the_cases_though_perf_cases_come_last() -> None:
    seen: list[str] = []
    plan = Plan("reference_py", 0, [parse(text) for text in IDS], jobs=1)
    found = run(plan, lambda result: seen.append(result.id))
    assert [result.id for result in found.results] == IDS
    assert seen == [*IDS[1::2], *IDS[0::2]]
    assert found.device == "cpu:0"
    assert found.ok
    assert found.about["distribution"].startswith("corex ")
    assert "float32" in found.about["dtypes held"].split()


def test_a_run_that_is_stopped_does_not_go_on_with_perf_cases() -> None:
    plan = Plan("reference_py", 0, [parse(text) for text in IDS], jobs=1)
    assert [result.id for result in run(plan, lambda result: True).results] == IDS[1:2]


def test_an_unknown_backend_is_told_the_known_ones() -> None:
    with pytest.raises(UsageError, match=r"unknown backend 'nobody'; the backends are .*reference"):
        check_backend("nobody")
    with pytest.raises(UsageError, match=r"reference_py \(did you mean reference_py\?\)$"):
        check_backend("reference")


def test_facts(tmp_path: Path) -> None:
    info = tmp_path / "cpuinfo"
    info.write_text("processor\t: 0\nmodel name\t: Difference Engine No. 2\n")
    assert processor(info) == "Difference Engine No. 2"
    info.write_text("processor\t: 0\nmodel name\t:\n")
    assert processor(info)
    assert processor(tmp_path / "none")
    assert version("no-such-distribution") == "not installed"
    assert about("odd", {})["distribution"] == "unknown (of odd)"
    assert "selection" not in about("odd", {})
    assert processors() >= 1
    assert running.universe(()) == []
