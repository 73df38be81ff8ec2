"""The benchmarks still run. How fast anything is, no test says."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from benchmarks import case, goals, report, timing, versions
from benchmarks.cases import CASES

ROOT = Path(__file__).parents[2]
BENCHMARKS = [sys.executable, "-m", "benchmarks"]


def test_one_case_against_numpy_alone(tmp_path: Path) -> None:
    target = tmp_path / "times.json"
    options = ["--quick", "--rounds", "2", "--filter", "tiny/add_number", "--against", "numpy"]
    ran = subprocess.run(
        [*BENCHMARKS, *options, "--json", str(target)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr
    assert "tiny/add_number" in ran.stdout
    data = json.loads(target.read_text())
    assert data["machine"]["threads"] == 1
    assert {"cpu", "cores", "date", "versions"} <= set(data["machine"])
    [found] = data["cases"]
    assert "problem" not in found
    assert {name: len(times) for name, times in found["microseconds"].items()} == {
        "corex": 2,
        "numpy": 2,
    }
    assert len(found["ratio_to_numpy"]) == 3


def test_an_unknown_case_is_an_error() -> None:
    ran = subprocess.run([*BENCHMARKS, "--filter", "no such case"], cwd=ROOT, check=False)
    assert ran.returncode == 2


def test_every_goal_belongs_to_a_case() -> None:
    names = [c.name for c in CASES]
    assert len(names) == len(set(names))
    assert set(goals.GOALS) <= set(names)


def test_rounds_begin_with_another_library_each_time() -> None:
    calls: list[str] = []

    def sampler(name: str) -> timing.Sampler:
        def sample() -> float:
            calls.append(name)
            return float(len(calls))

        return sample

    times = timing.measure({name: sampler(name) for name in "abc"}, rounds=4)
    assert "".join(calls) == "abcbcacababc"
    assert times.rounds["a"] == [1.0, 6.0, 8.0, 10.0]


def test_ratios_are_taken_within_rounds() -> None:
    times = timing.Times({"corex": [1.0, 20.0, 3.0], "torch": [2.0, 40.0, 3.0], "numpy": []})
    ratio = times.ratio("corex", "torch")
    assert ratio == timing.Spread(0.5, 0.5, 0.75)
    assert times.ratio("corex", "numpy") is None


@pytest.mark.parametrize(
    ("quartiles", "expected"),
    [
        ((0.5, 0.6, 0.7), "met"),
        ((0.9, 0.95, 1.2), "met?"),
        ((0.9, 1.05, 1.2), "missed?"),
        ((1.1, 1.2, 1.3), "missed"),
    ],
)
def test_a_verdict_admits_doubt(quartiles: tuple[float, float, float], expected: str) -> None:
    lower, median, upper = quartiles
    assert goals.verdict(goals.Goal(1.0), timing.Spread(median, lower, upper)) == expected


def test_results_have_to_agree() -> None:
    ones = np.ones(3, dtype=np.float32)
    assert not case.differences({"corex": [ones, 1.0], "torch": [ones, 1.0]}, 1e-6)
    found = case.differences({"corex": ones, "torch": ones * np.float32(1.1)}, 1e-3)
    assert found == "corex and torch differ: by 0.1 of 1.1"
    assert "shapes" in case.differences({"corex": ones, "torch": ones[:2]}, 1e-3)
    assert case.differences({"corex": ones * np.nan, "torch": ones}, 1e-3)


def test_what_was_not_measured_says_why() -> None:
    outcome = report.Outcome("tiny/add", problem="corex and torch differ: by 1 of 2")
    assert "corex and torch differ" in report.row(outcome)
    assert report.summary([outcome]) == "not measured: tiny/add"


def test_two_versions_are_compared_in_processes_of_their_own(tmp_path: Path) -> None:
    target = tmp_path / "ratios.json"
    command = [sys.executable, "-m", "benchmarks.versions", sys.executable, "--pairs", "2"]
    ran = subprocess.run(
        [*command, "--filter", "tiny/add_number", "--json", str(target)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode in (0, 1), ran.stderr  # which, chance decides: both are one version
    found = json.loads(target.read_text())
    assert [len(values) for values in found["ratios"].values()] == [2]
    assert found["problems"] == {}


def test_what_counts_as_slower() -> None:
    assert not versions.slower([1.0, 1.12, 1.12, 1.01])
    assert not versions.slower([1.04, 1.04, 1.2, 1.3, 1.2])
    assert versions.slower([1.06, 1.11, 1.11, 1.2])
    means = versions.group_means({"a/x": [2.0], "a/y": [0.5], "b/z": [4.0, 1.0, 1.0]})
    assert means == pytest.approx({"a": 1.0, "b": 1.0, "all": 1.0})
    lines, good = versions.summary({"a/x": [1.03], "b/y": [0.9]})
    assert not good
    assert [line.endswith("slower") for line in lines] == [True, False, False]
    assert versions.summary({"a/x": [1.01]})[1]
