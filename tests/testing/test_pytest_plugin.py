"""The suite as pytest items: in any folder, from another test module, and under pytest-xdist."""

from __future__ import annotations

import importlib.util
import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.testing.fake_suite import FakeSuite

pytestmark = pytest.mark.slow  # processes of their own

ROOT = Path(__file__).parents[2]
IDS = [
    "ok(dtype=float32,n=0)",
    "ok(dtype=int64,n=0)",
    "away(dtype=float32)",
    "bad(dtype=float32,shapes=[(2,3),(3,)])",
    "bad(dtype=int64,shapes=[(2,3),(3,)])",
    "abort()",
    "hang(timeout=0.5)",
    "ok(dtype=int64,n=1)",
    "grad:ok(dtype=float32)",
    "perf:ok(dtype=float32)",
]
MODES = ["", *(["-n2"] if importlib.util.find_spec("xdist") else [])]
# What does not depend on where the cases run: once with pytest-xdist, all of it in `make full`.
MODES_FULL = ["", *(pytest.param(mode, marks=pytest.mark.full) for mode in MODES[1:])]


def run(
    suite: FakeSuite, *arguments: str, backend: str = "fake", **environment: str
) -> subprocess.CompletedProcess[str]:
    """pytest with the suite, `-p no:cacheprovider`."""
    return suite.python(*command(*arguments, backend=backend), **environment)


def command(*arguments: str, backend: str = "fake") -> list[str]:
    options = [f"--corex-backend={backend}"] if backend else []
    return [
        *["pytest", "-p", "no:cacheprovider", "-rA", "--pyargs", "corex.testing.conformance"],
        *options,
        *filter(None, arguments),
    ]


def tallies(output: str) -> dict[str, int]:
    """The counts of pytest's last line."""
    line = next(line for line in reversed(output.splitlines()) if " in " in line)
    words = line.strip("= ").partition(" in ")[0].replace(",", "").split()
    return {kind: int(n) for n, kind in zip(words[::2], words[1::2], strict=True)}


@pytest.fixture
def suite(tmp_path: Path) -> FakeSuite:
    return FakeSuite(tmp_path, IDS)


@pytest.mark.parametrize("mode", MODES_FULL)
def test_one_item_per_case_and_each_costs_itself(suite: FakeSuite, mode: str) -> None:
    result = run(suite, mode)
    assert result.returncode == 1, result.stdout + result.stderr
    assert tallies(result.stdout) == {"failed": 4, "passed": 4, "skipped": 1}
    lines = result.stdout.splitlines()
    assert any("::test_case[bad(dtype=float32,shapes=[(2,3),(3,)])]" in line for line in lines)
    assert "failed (values): wrong" in lines
    assert "at (0, 1)" in lines
    command = "replay: corex conformance fake --case 'bad(dtype=float32,shapes=[(2,3),(3,)])'"
    assert command in lines
    assert "crashed: the process was killed by SIGABRT" in lines
    assert "timeout: no result after 0.5 s" in lines
    assert any("unsupported: no kernel" in line for line in lines)
    assert "Traceback" not in result.stdout
    places = re.compile(r"\S*(session|test_conformance)\.py:\d")
    assert not any(places.match(line) for line in lines)  # nothing of how the suite is made


@pytest.mark.parametrize("mode", MODES_FULL)
def test_expected_failures(suite: FakeSuite, mode: str) -> None:
    suite.write(
        "known.txt",
        "bad/values  # known\nabort()/crashed  # known\nhang(timeout=0.5)/timeout  # known\n",
    )
    suite.write("some.txt", "*int64*/values  # some\nabort()/crashed  # known\n")
    whole, part = suite.several(
        [
            command("--corex-expected-failures=known.txt", mode),
            command("--corex-op=ok", "--corex-expected-failures=some.txt", mode),
        ]
    )
    assert whole.returncode == 0, whole.stdout
    assert tallies(whole.stdout) == {"passed": 4, "skipped": 1, "xfailed": 4}
    assert part.returncode == 0, part.stdout  # only what it ran is judged


@pytest.mark.parametrize("mode", MODES_FULL)
def test_stale_expectations_fail(suite: FakeSuite, mode: str) -> None:
    lines = [
        "bad(*/values  # known",
        "nothing*/values  # gone",
        "grad:*/gradient  # mended",
        "ok(dtype=int64,n=1)/values  # ok",
    ]
    suite.write("known.txt", "\n".join(lines))
    result = run(suite, "--corex-op=ok,bad", "--corex-expected-failures=known.txt", mode)
    assert result.returncode == 1
    assert tallies(result.stdout) == {"failed": 2, "passed": 3, "xfailed": 2}
    assert "[XPASS(strict)] it is passed; known.txt:4: ok(dtype=int64,n=1)" in result.stdout
    assert "known.txt:2: nothing*/values  # gone (matches no case)" in result.stdout
    assert "known.txt:3: grad:*/gradient  # mended (it passes)" in result.stdout
    assert result.stdout.count("known.txt:4") == result.stdout.count("XPASS(strict)")
    assert "FAILED expected-failures-are-not-stale" in result.stdout


def test_cases_are_chosen_by_options(suite: FakeSuite) -> None:
    chosen = {
        ("--corex-op=o*", "--corex-mode=test"): 3,
        ("--corex-op=ok", "--corex-where=dtype=int64"): 2,
        ("--corex-case=ok(n=77)", "--corex-case=grad:ok()"): 2,
        ("--corex-mode=perf",): 1,
        ("--corex-op=ok", "--corex-reduced"): 3,
        ("-k", "ok and int64"): 2,
    }
    results = suite.several([command(*options) for options in chosen])
    assert [tallies(result.stdout)["passed"] for result in results] == list(chosen.values())


MISUSE = {
    "--corex-backend=": "say --corex-backend NAME",
    "--corex-backend=fakes": "unknown backend 'fakes'; the backends are",
    "--corex-op=okay": "unknown op 'okay' (did you mean ok?); the ops are ok, away, bad",
    "--corex-mode=tests": "unknown mode 'tests'",
    "--corex-where=dtype": "expected NAME=VALUE",
    "--corex-case=ok": "'ok' is no case id",
    "--corex-expected-failures=away.txt": "No such file or directory: 'away.txt'",
}


def told_in_a_line(result: subprocess.CompletedProcess[str], message: str) -> bool:
    usage_error = result.returncode == pytest.ExitCode.USAGE_ERROR
    traceback = "Traceback" in result.stdout + result.stderr
    return usage_error and message in result.stderr and not traceback


def test_misuse_is_told_in_a_line(suite: FakeSuite) -> None:
    results = suite.several([command(argument) for argument in MISUSE])
    for result, message in zip(results, MISUSE.values(), strict=True):
        assert told_in_a_line(result, message), result


@pytest.mark.parametrize("mode", MODES[1:])
def test_misuse_is_told_in_a_line_by_many_processes(suite: FakeSuite, mode: str) -> None:
    result = run(suite, "--corex-op=okay", mode)
    assert told_in_a_line(result, MISUSE["--corex-op=okay"]), result


def test_a_backend_that_cannot_start_is_told_once(suite: FakeSuite) -> None:
    result = run(suite, FAKE_REASON="no such device")
    assert result.returncode == 2
    assert "backend 'fake' is not available: no such device" in result.stdout
    assert "Traceback" not in result.stdout
    result = run(suite, FAKE_START="dies")
    assert result.returncode == 2
    assert "the process was killed by SIGABRT, before it could run a case" in result.stdout


@pytest.mark.parametrize("mode", MODES_FULL)
def test_another_test_module_takes_the_suite_over_and_writes_reports(
    suite: FakeSuite, mode: str
) -> None:
    suite.write("pyproject.toml", '[tool.pytest.ini_options]\naddopts = "--corex-backend fake"\n')
    suite.write(
        "test_backend.py",
        "from corex.testing.conformance.test_conformance import *  # noqa: F403\n"
        "def test_other(): pass\n",
    )
    kinds = ("json", "html", "markdown")
    options = ["--corex-op=ok,bad", *[f"--corex-{kind}=run.{kind}" for kind in kinds]]
    result = suite.python("pytest", "-p", "no:cacheprovider", *options, *filter(None, [mode]))
    assert result.returncode == 1, result.stdout + result.stderr
    assert tallies(result.stdout) == {"failed": 2, "passed": 5}
    assert "wrote run.json\nwrote run.html\nwrote run.markdown" in result.stdout
    for kind in kinds:
        assert "bad(dtype=int64" in (suite.folder / f"run.{kind}").read_text()
    report = json.loads((suite.folder / "run.json").read_text())
    assert [item["id"] for item in report["results"]] == [
        *[case for case in IDS if case.startswith(("ok", "bad"))],
        "grad:ok(dtype=float32)",
    ]
    assert report["about"]["distribution"] == "fake 1.5"


def test_an_unrelated_run_does_not_import_corex(suite: FakeSuite) -> None:
    suite.write(
        "test_it.py", "import sys\ndef test(): assert not {'corex', 'numpy'} & set(sys.modules)\n"
    )
    result = suite.python("pytest", "-p", "no:cacheprovider", "-p", "no:hypothesispytest")
    assert result.returncode == 0, result.stdout


def test_a_real_backend_from_the_root_of_the_project() -> None:
    result = subprocess.run(
        [
            *[sys.executable, "-m", "pytest", "--pyargs", "corex.testing.conformance"],
            *["--corex-backend=reference_py", "--corex-op=add", "--corex-where=layout=dense"],
        ],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )
    assert result.returncode == 0, result.stdout + result.stderr
    assert tallies(result.stdout)["passed"] > 3
