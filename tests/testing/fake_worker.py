"""A worker whose cases misbehave as their op's name says; started by test_pool.py as a program."""

from __future__ import annotations

import ctypes
import os
import signal
import sys
import time
from pathlib import Path
from typing import Any

from corex.testing import suite, worker
from corex.testing.case import Case
from corex.testing.result import FAILED, MISSING, PASSED, RAISED, UNSUPPORTED, Result


def run_case(backend: str, device: int, case: Case) -> Result:
    message = DEEDS[case.op](**case.fields)
    status = STATUSES.get(case.op, FAILED) if message else PASSED
    return Result(case.id, case.op, 1, status, "values" * (status == FAILED), message or "", 0.001)


def flood(size: int = 1 << 20) -> None:
    os.write(1, b'{"result": {"id": "lies"}}\n')
    for _ in range(4):
        print("o" * size)
        print("e" * size, file=sys.stderr)


def mutter(text: str) -> None:
    print(text, flush=True)


def environment(name: str) -> str:
    return os.environ.get(name, "")


def close_everything() -> None:
    os.closerange(0, 100)
    time.sleep(100)


def leave_child() -> None:
    if os.fork() == 0:
        time.sleep(100)
        os._exit(0)
    os._exit(7)


def later() -> None:
    """Dies between this case and the next."""
    real = worker.os.write

    def write(descriptor: int, data: bytes) -> int:
        if data == worker.MARK:
            os.kill(os.getpid(), signal.SIGBUS)
        return real(descriptor, data)

    worker.os.write = write  # type: ignore[assignment]


def stop_reading() -> str:
    return sys.stdin.read() + "nothing"


STATUSES = {"away": UNSUPPORTED, "missing": MISSING, "raised": RAISED}

DEEDS: dict[str, Any] = {
    "ok": lambda **_: None,
    "bad": lambda **_: "wrong\nat (0, 1)",
    "away": lambda **_: "no kernel",
    "missing": lambda **_: "no kernel",
    "raised": lambda **_: "ValueError: no",
    "abort": lambda **_: os.abort(),
    "segfault": lambda **_: ctypes.string_at(1),
    "killed": lambda **_: os.kill(os.getpid(), signal.SIGKILL),
    "hang": lambda **_: time.sleep(1000),
    "spin": lambda **_: ctypes.PyDLL(None).sleep(1000),
    "leave": lambda **_: sys.exit("bye"),
    "exit": lambda **_: os._exit(5),
    "slow": lambda seconds, **_: time.sleep(seconds),
    "pid": lambda **_: str(os.getpid()),
    "raises": lambda **_: 1 / 0,
    "interrupt": lambda **_: os.kill(os.getpid(), signal.SIGINT),
    "stdin": lambda **_: stop_reading(),
    "flood": flood,
    "mutter": mutter,
    "environment": environment,
    "close": close_everything,
    "child": leave_child,
    "later": later,
}


def start(name: str, device: int) -> dict[str, str]:
    """Starts in the way that the backend's name says."""
    if name == "dies":
        print("no such luck", file=sys.stderr)
        os.abort()
    if name == "dies_next_time":
        mark = Path(os.environ["FAKE_FOLDER"]) / "started"
        if mark.exists():
            raise RuntimeError("the device is lost")
        mark.touch()
    if name == "cannot":
        raise RuntimeError("no device")
    return {"distribution": "fake 1.0", "dtypes": "float32"}


if __name__ == "__main__":
    suite.run_case = run_case
    worker.start = start
    sys.exit(worker.main())
