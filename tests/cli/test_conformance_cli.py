"""`corex conformance`: what it runs, what it tells, and its exit codes."""

from __future__ import annotations

import io
import json
import subprocess
from pathlib import Path

import pytest

from corex.cli import conformance
from corex.cli.conformance import Progress, failure, summary
from corex.testing.result import CRASHED, FAILED, PASSED, Result, Run
from corex.testing.running import Plan, described, replay_command
from corex.testing.select import selection
from tests.testing.fake_suite import FakeSuite

IDS = [
    "ok(dtype=float32,n=0)",
    "ok(dtype=int64,n=0)",
    "away(dtype=float32)",
    "missing(dtype=float32)",
    "raised(dtype=float32)",
    "bad(dtype=float32,shapes=[(2,3),(3,)])",
    "abort()",
    "hang(timeout=0.5)",
    "grad:ok(dtype=float32)",
    "perf:environment(name=OMP_NUM_THREADS)",
]


@pytest.fixture
def suite(tmp_path: Path) -> FakeSuite:
    return FakeSuite(tmp_path, IDS)


def run(
    suite: FakeSuite, *arguments: str, name: str = "fake", **environment: str
) -> subprocess.CompletedProcess[str]:
    return suite.python("corex", "conformance", name, *arguments, **environment)


def runs(
    suite: FakeSuite, *options: list[str], **environment: str
) -> list[subprocess.CompletedProcess[str]]:
    """One run after another, in one process."""
    return suite.several([["corex", "conformance", "fake", *o] for o in options], **environment)


def counts(output: str) -> dict[str, int]:
    found = {}
    for line in output.splitlines()[2:]:  # after what was run and on what
        number, _, text = line.strip().partition("  ")
        if not number.isdigit():
            break
        found[text.partition("  ")[0]] = int(number)
    return found


def test_the_summary_counts_each_kind_by_itself(suite: FakeSuite) -> None:
    result = run(suite, "-j2")
    assert result.returncode == 1
    assert result.stdout.startswith("fake on fake:0: 9 of 9 cases run\n")
    assert counts(result.stdout) == {
        "passed": 3,
        "unsupported": 1,
        "failed": 1,
        "claimed but raised": 1,
        "required but missing": 1,
        "crashed": 1,
        "timeout": 1,
        "invalid": 0,
        "expected failures": 0,
        "stale expectations": 0,
    }
    assert (
        "FAILED (values)  bad(dtype=float32,shapes=[(2,3),(3,)])\n"
        "    wrong\n"
        "    at (0, 1)\n"
        "    corex conformance fake --case 'bad(dtype=float32,shapes=[(2,3),(3,)])'\n"
    ) in result.stdout
    assert "    no result after 0.5 s\n" in result.stdout
    assert "    the process was killed by SIGABRT\n" in result.stdout
    assert result.stdout.endswith("fake does not conform\n")
    assert not result.stderr  # the line of progress is for terminals


def test_a_run_without_faults_conforms(suite: FakeSuite) -> None:
    result = run(suite, "-j1", "--op=ok,away", "--where=dtype=float32")
    assert result.returncode == 0, result.stdout + result.stderr
    assert counts(result.stdout)["passed"] == 2
    assert result.stdout.endswith("\nfake conforms in the cases run\n")


def test_expected_failures(suite: FakeSuite) -> None:
    lines = [
        "bad/values",
        "missing*/missing",
        "raised(*/raised",
        "abort()/crashed",
        "hang*/timeout",
    ]
    suite.write("known.txt", "".join(f"{line}  # known\n" for line in lines))
    lines = ["bad/values", "ok*/values", "nothing/guards", "hang(timeout=0.5)/timeout"]
    suite.write("stale.txt", "".join(f"{line}  # known\n" for line in lines))
    known, stale = runs(
        suite,
        ["-j1", "--expected-failures=known.txt"],
        ["-j1", "--op=ok,bad", "--expected-failures=stale.txt"],
    )
    assert known.returncode == 0, known.stdout
    assert counts(known.stdout)["expected failures"] == 5
    assert counts(known.stdout)["failed"] == 0
    assert stale.returncode == 1
    assert "  stale.txt:2: ok*/values  # known (none of its 2 cases fails so)" in stale.stdout
    assert "  stale.txt:3: nothing(*)/guards  # known (matches no case)" in stale.stdout
    assert counts(stale.stdout)["stale expectations"] == 2


def test_reports_are_written(suite: FakeSuite) -> None:
    options = [f"--{kind}=run.{kind}" for kind in ("json", "html", "markdown")]
    result = run(suite, "-j1", "--op=ok,bad", *options)
    assert result.stdout.endswith("wrote run.json\nwrote run.html\nwrote run.markdown\n")
    report = json.loads((suite.folder / "run.json").read_text())
    assert set(report["about"]) == {
        "date", "corex", "Python", "NumPy", "platform", "processor", "distribution",
        "dtypes held", "traits, declared", "selection",
    }  # fmt: skip
    assert report["about"]["distribution"] == "fake 1.5"
    assert report["about"]["selection"] == "--op ok,bad"
    assert "bad(dtype=float32" in (suite.folder / "run.html").read_text()
    assert "bad(dtype=float32" in (suite.folder / "run.markdown").read_text()


def test_list_prints_the_ids_alone(suite: FakeSuite) -> None:
    result = run(suite, "--list", "--mode=grad,test", "--op=ok", FAKE_REASON="no device")
    assert result.returncode == 0
    assert result.stdout.splitlines() == ["grad:ok(dtype=float32)", *IDS[:2]]


def test_fail_fast_stops_at_the_first_failure_that_is_not_expected(suite: FakeSuite) -> None:
    suite.write("known.txt", "missing/missing  # a\n")
    options = ["-j1", "--fail-fast", "--timeout=20", "--expected-failures=known.txt"]
    result = run(suite, *options)
    assert result.returncode == 1
    assert result.stdout.startswith("fake on fake:0: 5 of 9 cases run\n")
    assert counts(result.stdout)["claimed but raised"] == 1


def test_verbose_tells_failures_as_they_come_and_all_of_them(suite: FakeSuite) -> None:
    told, shortened = runs(
        suite,
        ["-j1", "-v", "--op=bad,raised"],
        ["-j1", "--op=bad"],
        FAKE_CASES=" ".join(f"bad(n={i})" for i in range(15)) + " raised()",
    )
    assert told.stderr.count("failed  bad(n=") == 15
    assert told.stdout.count("FAILED (values)  bad(n=") == 15
    assert shortened.stdout.count("FAILED (values)  bad(n=") == 10
    assert "and 5 more (--verbose tells them all)" in shortened.stdout


def test_perf_cases_have_the_machine_for_themselves(
    suite: FakeSuite, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delitem(suite.environment, "OMP_NUM_THREADS", raising=False)
    case = ["--case", "environment(name=OMP_NUM_THREADS)"]
    perf, other = runs(suite, ["-j1", "--mode=perf"], case)
    assert perf.returncode == 0  # the number of threads is not limited
    assert "\n    1\n" in other.stdout


def told_in_a_line(result: subprocess.CompletedProcess[str], message: str) -> None:
    assert result.returncode == 2
    assert message in result.stderr
    assert result.stderr.startswith("corex conformance: ")
    assert "Traceback" not in result.stderr
    assert not result.stdout


def test_what_cannot_be_run_is_told_in_a_line(suite: FakeSuite) -> None:
    unknown = "unknown op 'okay' (did you mean ok?); the ops are ok, away, missing"
    messages = {
        "--op=okay": unknown,
        "--mode=tests": "unknown mode 'tests'; the modes are test, grad, perf, support",
        "--case=ok": "'ok' is no case id",
        "--expected-failures=none.txt": "No such file",
        "--device=1": "backend 'fake' has 1 device, none with number 1",
    }
    results = runs(suite, *[["-j1", option] for option in messages])
    for result, message in zip(results, messages.values(), strict=True):
        told_in_a_line(result, message)


@pytest.mark.parametrize(
    ("environment", "message"),
    [
        ({"FAKE_REASON": "no such chip"}, "backend 'fake' is not available: no such chip"),
        ({"FAKE_START": "cannot"}, "it failed to start: RuntimeError: no device"),
        ({"FAKE_START": "dies"}, "killed by SIGABRT, before it could run a case"),
        ({"COREX_DISABLE": "fake"}, "'fake' is disabled by COREX_DISABLE"),
    ],
)
def test_a_backend_that_cannot_be_used_is_told_in_a_line(
    suite: FakeSuite, environment: dict[str, str], message: str
) -> None:
    told_in_a_line(run(suite, "-j1", **environment), message)


def test_an_unknown_backend_is_told_those_that_there_are(suite: FakeSuite) -> None:
    result = run(suite, name="nobody")
    told_in_a_line(result, "unknown backend 'nobody'; the backends are")
    assert "fake" in result.stderr


def test_numbers_must_make_sense(suite: FakeSuite) -> None:
    options = ["--jobs=0", "--timeout=0", "--timeout=nan", "--jobs=x"]
    for result in runs(suite, *[[option] for option in options]):
        assert result.returncode == 2
        assert "usage:" in result.stderr


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_progress_on_a_terminal_is_one_line_that_is_wiped() -> None:
    stream = Terminal()
    progress = Progress(2, Plan("fake", 0, ()), verbose=True, fail_fast=True, stream=stream)
    assert not progress(Result("ok()", "ok", 1, PASSED))
    assert progress(Result("bad()", "bad", 1, FAILED))
    progress.close()
    text = stream.getvalue()
    assert "\r1/2" in text
    assert "failed  bad()\n" in text
    assert "\r2/2  failed 1" in text
    assert text.endswith("\r")
    assert not text.rpartition("\r")[0].rpartition("\r")[2].strip()


def test_progress_without_a_terminal_is_a_line_at_times(monkeypatch: pytest.MonkeyPatch) -> None:
    stream = io.StringIO()
    clock = [100.0]
    monkeypatch.setattr(conformance.time, "monotonic", lambda: clock[0])
    progress = Progress(1000, Plan("fake", 0, ()), stream=stream)
    for number in range(100):
        clock[0] += 1.0
        progress(Result("ok()", "ok", 1, FAILED if number == 3 else PASSED))
    progress.close()
    assert stream.getvalue().splitlines() == [
        "30/1000  failed 1  30 s",
        "60/1000  failed 1  60 s",
        "90/1000  failed 1  90 s",
    ]


def test_the_command_that_replays_a_case() -> None:
    assert replay_command("my backend", "ok(text='a b')", 1) == (
        "corex conformance 'my backend' --device 1 --case 'ok(text='\"'\"'a b'\"'\"')'"
    )
    result = Result("ok()", "ok", 1, CRASHED)
    assert failure("fake", result)[1:] == [
        "    no message",
        "    corex conformance fake --case 'ok()'",
    ]


def test_a_selection_in_words() -> None:
    assert described(selection()) == ""
    chosen = selection("perf", "a,b", ["x=1"], "1,2", (), None, True)
    assert described(chosen) == "--reduced --mode perf --op a,b --where x=1 --tier 1,2"
    assert described(selection(cases=["ok()"], replay="f")) == "--case ok() --replay f"


def test_the_summary_says_what_was_not_run() -> None:
    run = Run("fake", "fake:0", {}, [Result("ok()", "ok", 1, PASSED)])
    assert summary(run, 3).startswith("fake on fake:0: 1 of 3 cases run")
    assert summary(run, 3).endswith("fake conforms in the cases run")
    assert summary(run, 1).endswith("fake conforms")
