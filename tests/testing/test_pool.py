"""Cases that crash, hang, print or leave cost themselves and nothing else."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from corex.testing.pool import Pool, PoolError
from corex.testing.process import WorkerProcess, digest, how_it_ended
from corex.testing.result import Result
from corex.testing.worker import limit_of

FAKE = [sys.executable, str(Path(__file__).with_name("fake_worker.py"))]


def pool(jobs: int = 1, timeout: float = 100, backend: str = "fake", **options: bool) -> Pool:
    arguments = [*FAKE, "--backend", backend, "--timeout", str(timeout)]
    return Pool(backend, jobs=jobs, timeout=timeout, arguments=arguments, **options)


def statuses(results: list[Result]) -> list[str]:
    return [result.status for result in results]


def children() -> set[int]:
    """The processes that this one has started and not cleared away."""
    text = Path(f"/proc/{os.getpid()}/task/{os.getpid()}/children").read_text()
    return set(map(int, text.split()))


@pytest.fixture(autouse=True)
def _nothing_is_left_behind() -> Iterator[None]:
    files, before = set(os.listdir("/proc/self/fd")), children()
    yield
    assert set(os.listdir("/proc/self/fd")) <= files
    assert children() <= before


@pytest.mark.parametrize("jobs", [2, pytest.param(1, marks=pytest.mark.full)])
def test_each_misdeed_costs_its_own_case(jobs: int) -> None:
    deeds = {
        "abort()": "crashed",
        "segfault()": "crashed",
        "killed()": "crashed",
        "exit()": "crashed",
        "leave()": "raised",
        "raises()": "failed",
        "bad()": "failed",
        "interrupt()": "passed",
        "stdin()": "failed",
        "flood()": "passed",
    }
    ids = []
    for i, deed in enumerate(deeds):
        ids += [f"ok(n={i})", deed, f"ok(n={i},m=1)"]
    with pool(jobs) as workers:
        results = workers.run(ids)
    assert [result.id for result in results] == ids
    assert statuses(results[0::3]) == ["passed"] * len(deeds) == statuses(results[2::3])
    assert {r.id: r.status for r in results[1::3]} == deeds
    messages = {r.op: r.message for r in results[1::3]}
    assert messages["abort"].startswith("the process was killed by SIGABRT\nFatal Python error")
    assert "killed by SIGSEGV\nFatal Python error: Segmentation fault" in messages["segfault"]
    assert 'fake_worker.py", line' in messages["segfault"]
    assert messages["killed"] == "the process was killed by SIGKILL"
    assert messages["exit"] == "the process exited with code 5"
    assert messages["leave"] == "it tried to end the process: SystemExit('bye')"
    assert "ZeroDivisionError: division by zero" in messages["raises"]
    assert messages["stdin"] == "nothing"


def test_a_case_that_hangs_is_ended_and_tells_where_it_was() -> None:
    slow = ["hang(timeout=1)", "spin(timeout=1)"]
    with pool(2, timeout=100) as workers:
        results = workers.run(["ok()", *slow, *[f"ok(n={i})" for i in range(9)]])
    assert statuses(results) == ["passed", "timeout", "timeout", *["passed"] * 9]
    for result in results[1:3]:
        assert result.message.startswith("no result after 1 s\n")
        assert "in run_case" in result.message
        assert result.seconds == 1


def test_a_case_may_bring_its_own_limit() -> None:
    assert limit_of("add(timeout=7)", 60) == 7
    assert limit_of("perf:add()", 60) == 300
    assert limit_of("add(timeout=long)", 60) == 60
    assert limit_of("timeout=", 60) == 60
    with pool(timeout=1) as workers:
        (result,) = workers.run(["slow(seconds=1.3,timeout=100)"])
    assert result.good


def test_results_do_not_depend_on_the_number_of_workers() -> None:
    ids = [f"{'abort' if i == 20 else 'bad' if i % 7 == 0 else 'ok'}(n={i})" for i in range(60)]
    runs = []
    for jobs in (1, 3):
        with pool(jobs) as workers:
            runs.append([result._replace(seconds=0) for result in workers.run(ids)])
    assert runs[0] == runs[1]


def test_processes_are_kept_for_the_next_run_and_results_are_streamed() -> None:
    seen: list[Result] = []
    with pool() as workers:
        (first,) = workers.run(["pid()"], seen.append)
        time.sleep(0.1)
        (second,) = workers.run(["pid()"], seen.append)
        assert first.message == second.message
        workers.run(["abort()"])
        (third,) = workers.run(["pid()"], seen.append)
    assert third.message != first.message
    assert seen == [first, second, third]


def test_what_a_process_prints_is_told_for_its_own_case_only() -> None:
    with pool() as workers:
        results = workers.run(["mutter(text=one)", "exit()", "mutter(text=two)", "abort()"])
    assert "one" not in results[1].message
    assert "two" not in results[3].message


def test_an_end_between_two_cases_is_told_of_the_first() -> None:
    ids = [f"ok(n={i})" for i in range(4)]
    with pool() as workers:
        results = workers.run([*ids, "later()", *ids, *ids])
    assert statuses(results) == ["passed"] * 4 + ["crashed"] + ["passed"] * 8
    assert results[4].message.startswith("the process was killed by SIGBUS right after this case")


def test_a_process_that_closes_its_pipes_or_leaves_children() -> None:
    with pool() as workers:
        results = workers.run(["close()", "child()", "ok()"])
    assert statuses(results) == ["crashed", "crashed", "passed"]
    assert results[1].message.startswith("the process exited with code 7")


def test_a_true_answer_ends_the_run() -> None:
    ids = ["ok()", "bad()", *[f"slow(seconds=0.2,n={i})" for i in range(50)]]
    with pool() as workers:
        results = workers.run(ids, lambda result: not result.good)
    assert [result.id for result in results] == ids[:2]


def test_ids_may_be_longer_than_a_pipe() -> None:
    ids = [f"ok(n={i},text='{'x' * 100_000}')" for i in range(4)]
    with pool(2) as workers:
        assert statuses(workers.run(["slow(seconds=0.3)", *ids])) == ["passed"] * 5


def test_thousands_of_cases_need_few_processes() -> None:
    ids = [f"pid(n={i})" for i in range(3000)]
    with pool(2) as workers:
        results = workers.run(ids)
    assert len(results) == 3000
    assert len({result.message for result in results}) <= 2


def test_a_backend_that_cannot_start_is_an_error_with_its_reason() -> None:
    with pytest.raises(PoolError, match="RuntimeError: no device"):
        pool(backend="cannot").run(["ok()"])
    with pytest.raises(PoolError, match="no device"):
        pool(backend="cannot").start()
    with pytest.raises(PoolError, match=r"(?s)SIGABRT, before it could run.*no such luck"):
        pool(1, backend="dies").run([f"ok(n={i})" for i in range(20)])
    with pytest.raises(FileNotFoundError):
        Pool("fake", arguments=["/nonexistent/program"]).run(["ok()"])


def test_a_backend_that_cannot_start_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FAKE_FOLDER", str(tmp_path))
    seen: list[Result] = []
    with pytest.raises(PoolError, match="the device is lost"):
        pool(backend="dies_next_time").run(["ok()", "abort()", "ok(n=1)"], seen.append)
    assert statuses(seen) == ["passed", "crashed"]


def test_facts_of_the_backend() -> None:
    with pool() as workers:
        assert workers.start() == {"distribution": "fake 1.0", "dtypes": "float32"}
        assert statuses(workers.run(["ok()"])) == ["passed"]
        assert workers.start() == workers.facts


def test_threads_are_few_unless_told_otherwise(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    monkeypatch.setenv("MKL_NUM_THREADS", "3")
    ids = [f"environment(name={name}_NUM_THREADS)" for name in ("OMP", "MKL")]
    with pool() as workers:
        assert [result.message for result in workers.run(ids)] == ["1", "3"]
    with pool(threads=True) as workers:
        assert [result.message for result in workers.run(ids)] == ["", "3"]


PARENT = f"""
    import os, signal, sys
    sys.path.insert(0, {str(Path(__file__).parents[2])!r})
    signal.signal(signal.SIGINT, getattr(signal, sys.argv[1]))
    from corex.testing.pool import Pool
    arguments = {[*FAKE, "--backend", "fake"]!r} + ["--parent", str(os.getpid())]
    def tell(result):
        print(result.message, flush=True)
    Pool("fake", jobs=2, arguments=arguments).run(["pid()", "hang()", "hang(n=1)"], tell)
"""


@pytest.mark.parametrize(
    ("number", "inherited"),
    [
        (signal.SIGINT, "SIG_IGN"),
        (signal.SIGINT, "default_int_handler"),
        (signal.SIGTERM, "SIG_IGN"),
        (signal.SIGKILL, "SIG_IGN"),
    ],
)
def test_a_signal_ends_all_processes(number: signal.Signals, inherited: str) -> None:
    """Also in a job that runs in the background, in which interrupts are ignored at first."""
    with subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(PARENT), inherited], stdout=subprocess.PIPE,
        text=True, stderr=subprocess.DEVNULL,
    ) as parent:  # fmt: skip
        assert parent.stdout is not None
        pid = int(parent.stdout.readline())
        parent.send_signal(number)
        assert parent.wait(100) != 0
    deadline = time.monotonic() + 60
    while Path(f"/proc/{pid}").exists() and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not Path(f"/proc/{pid}").exists()


def test_an_interrupt_is_a_keyboard_interrupt_while_cases_run() -> None:
    seen: list[Any] = []

    def tell(result: Result) -> None:
        seen.append(signal.getsignal(signal.SIGINT))
        os.kill(os.getpid(), signal.SIGINT)

    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        with pytest.raises(KeyboardInterrupt), pool() as workers:
            workers.run(["ok()", "hang()"], tell)
        assert seen == [signal.default_int_handler]
        assert signal.getsignal(signal.SIGINT) is signal.SIG_IGN
    finally:
        signal.signal(signal.SIGINT, before)


def test_a_worker_ends_when_its_parent_is_gone() -> None:
    worker = WorkerProcess([*FAKE, "--backend", "fake"], os.environ)
    worker.finish()
    deadline = time.monotonic() + 20
    while not worker.ended() and time.monotonic() < deadline:
        time.sleep(0.01)
    assert worker.kill() == "the process exited with code 0"


def test_words_for_the_end_of_a_process() -> None:
    assert how_it_ended(-signal.SIGSEGV) == "the process was killed by SIGSEGV"
    assert how_it_ended(-63) == "the process was killed by signal 63"
    assert how_it_ended(None) == "the process cannot be killed"


def test_digest_keeps_the_head_of_a_traceback_and_the_end_of_prose() -> None:
    frames = [f'  File "f.py", line {i} in f' for i in range(50)]
    text = "\n".join(
        ["noise"] * 9
        + ["Fatal Python error: Aborted", "", "Current thread 0x00007f0011223344 (most recent):"]
        + frames
        + ["Extension modules: numpy (total: 1)"]
    )
    lines = digest(text).splitlines()
    assert "Current thread (most recent):" in lines
    assert frames[0] in lines
    assert frames[40] not in lines
    assert digest("\n".join(map(str, range(99)))).splitlines()[-1] == "98"
