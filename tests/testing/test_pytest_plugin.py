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
    "hang(timeout=1)",
    "ok(dtype=int64,n=1)",
    "grad:ok(dtype=float32)",
    "perf:ok(dtype=float32)",
]
MODES = ["", *(["-n2"] if importlib.util.find_spec("xdist") else [])]


def run(
    suite: FakeSuite, *arguments: str, backend: str = "fake", **environment: str
) -> subprocess.CompletedProcess[str]:
    """pytest with the suite, `-p no:cacheprovider`."""
    options = [f"--corex-backend={backend}"] if backend else []
    return suite.python(
        "pytest", "-p", "no:cacheprovider", "-rA", "--pyargs", "corex.testing.conformance",
        *options, *filter(None, arguments), **environment,
    )  # fmt: skip


def tallies(output: str) -> dict[str, int]:
    """The counts of pytest's last line."""
    line = next(line for line in reversed(output.splitlines()) if " in " in line)
    words = line.strip("= ").partition(" in ")[0].replace(",", "").split()
    return {kind: int(n) for n, kind in zip(words[::2], words[1::2], strict=True)}


@pytest.fixture
def suite(tmp_path: Path) -> FakeSuite:
    return FakeSuite(tmp_path, IDS)


@pytest.mark.parametrize("mode", MODES)
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
    assert "timeout: no result after 1 s" in lines
    assert any("unsupported: no kernel" in line for line in lines)
    assert "Traceback" not in result.stdout
    places = re.compile(r"\S*(session|test_conformance)\.py:\d")
    assert not any(places.match(line) for line in lines)  # nothing of how the suite is made


@pytest.mark.parametrize("mode", MODES)
def test_expected_failures(suite: FakeSuite, mode: str) -> None:
    suite.write(
        "known.txt",
        "bad/values  # known\nabort()/crashed  # known\nhang(timeout=1)/timeout  # known\n",
    )
    result = run(suite, "--corex-expected-failures=known.txt", mode)
    assert result.returncode == 0, result.stdout
    assert tallies(result.stdout) == {"passed": 4, "skipped": 1, "xfailed": 4}


@pytest.mark.parametrize("mode", MODES)
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


def test_a_part_of_the_cases_judges_only_what_it_ran(suite: FakeSuite) -> None:
    suite.write("known.txt", "*int64*/values  # some\nabort()/crashed  # known\n")
    result = run(suite, "--corex-op=ok", "--corex-expected-failures=known.txt")
    assert result.returncode == 0, result.stdout


def test_cases_are_chosen_by_options(suite: FakeSuite) -> None:
    def chosen(*arguments: str) -> int:
        return tallies(run(suite, *arguments).stdout)["passed"]

    assert chosen("--corex-op=o*", "--corex-mode=test") == 3
    assert chosen("--corex-op=ok", "--corex-where=dtype=int64") == 2
    assert chosen("--corex-case=ok(n=77)", "--corex-case=grad:ok()") == 2
    assert chosen("--corex-mode=perf") == 1
    assert chosen("--corex-op=ok", "--corex-reduced") == 3
    assert chosen("-k", "ok and int64") == 2


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--corex-backend="], "say --corex-backend NAME"),
        (["--corex-backend=fakes"], "unknown backend 'fakes'; the backends are"),
        (["--corex-op=okay"], "unknown op 'okay' (did you mean ok?); the ops are ok, away, bad"),
        (["--corex-mode=tests"], "unknown mode 'tests'"),
        (["--corex-where=dtype"], "expected NAME=VALUE"),
        (["--corex-case=ok"], "'ok' is no case id"),
        (["--corex-expected-failures=away.txt"], "No such file or directory: 'away.txt'"),
    ],
)
def test_misuse_is_told_in_a_line(
    suite: FakeSuite, arguments: list[str], message: str, mode: str
) -> None:
    result = run(suite, *arguments, mode)
    assert result.returncode == pytest.ExitCode.USAGE_ERROR
    assert message in result.stderr
    assert "Traceback" not in result.stdout + result.stderr


def test_a_backend_that_cannot_start_is_told_once(suite: FakeSuite) -> None:
    result = run(suite, FAKE_REASON="no such device")
    assert result.returncode == 2
    assert "backend 'fake' is not available: no such device" in result.stdout
    assert "Traceback" not in result.stdout
    result = run(suite, FAKE_START="dies")
    assert result.returncode == 2
    assert "the process was killed by SIGABRT, before it could run a case" in result.stdout


@pytest.mark.parametrize("mode", MODES)
def test_another_test_module_takes_the_suite_over(suite: FakeSuite, mode: str) -> None:
    suite.write("pyproject.toml", '[tool.pytest.ini_options]\naddopts = "--corex-backend fake"\n')
    suite.write(
        "test_backend.py",
        "from corex.testing.conformance.test_conformance import *  # noqa: F403\n"
        "def test_other(): pass\n",
    )
    options = ["--corex-op=ok,bad", "--corex-json=run.json"]
    result = suite.python("pytest", "-p", "no:cacheprovider", *options, *filter(None, [mode]))
    assert result.returncode == 1, result.stdout + result.stderr
    assert tallies(result.stdout) == {"failed": 2, "passed": 5}
    report = json.loads((suite.folder / "run.json").read_text())
    assert [item["id"] for item in report["results"]] == [
        *[case for case in IDS if case.startswith(("ok", "bad"))],
        "grad:ok(dtype=float32)",
    ]
    assert report["about"]["distribution"] == "fake 1.5"


def test_reports_are_written(suite: FakeSuite) -> None:
    options = [f"--corex-{kind}=run.{kind}" for kind in ("json", "html", "markdown")]
    result = run(suite, "--corex-op=ok,bad", *options)
    assert "wrote run.json\nwrote run.html\nwrote run.markdown" in result.stdout
    for kind in ("json", "html", "markdown"):
        assert "bad(dtype=int64" in (suite.folder / f"run.{kind}").read_text()


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
