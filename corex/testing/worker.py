"""The process that runs cases: `python -m corex.testing.worker --backend NAME --device N`.

It reads case ids from stdin, one a line, and writes lines of JSON to what was stdout: `{"ready":
facts}` or `{"error": text}` at the start, then `{"begin": id}` and `{"result": fields}` for each
case. Whatever a backend prints goes to stderr, where a record separator marks each case's start.
"""

from __future__ import annotations

import argparse
import contextlib
import faulthandler
import json
import os
import signal
import sys
import threading
import time
import traceback
import warnings
from collections.abc import Callable, Sequence
from typing import IO, Any, Final

from corex import dtypes
from corex.errors import BackendUnavailableError
from corex.plugins import manager
from corex.testing import suite, traits
from corex.testing.case import parse
from corex.testing.result import FAILED, INVALID, RAISED, Result
from corex.testing.select import tier_of

MARK: Final = b"\x1e"
"""Written to stderr before each case: what follows is that case's own."""

PERF_FACTOR: Final = 5
"""A perf case repeats its op, and may take so many times longer."""


def main(argv: Sequence[str] | None = None) -> int:
    """Runs the cases that stdin names until it ends."""
    parser = argparse.ArgumentParser(prog="python -m corex.testing.worker")
    parser.add_argument("--backend", required=True)
    parser.add_argument("--device", type=int, default=0)
    parser.add_argument("--timeout", type=float, default=0, help="end when a case takes far longer")
    parser.add_argument("--parent", type=int, default=0, help="end when this process does")
    args = parser.parse_args(argv)
    ids, send = _private_streams()
    _prepare()
    if args.parent:
        _end_with(args.parent)
    try:
        facts = start(args.backend, args.device)
    except (Exception, SystemExit) as error:
        send({"error": _message(error)})
        return 3
    send({"ready": facts})
    for line in ids:
        case_id = line.rstrip("\n")
        os.write(2, MARK)
        send({"begin": case_id})
        if args.timeout:  # for a case that keeps the interpreter's lock when the parent is gone
            limit = 60 + 2 * limit_of(case_id, args.timeout)
            faulthandler.dump_traceback_later(limit, exit=True)
        result = outcome(args.backend, args.device, case_id)
        faulthandler.cancel_dump_traceback_later()
        send({"result": result._asdict()})
    return 0


def _private_streams() -> tuple[IO[str], Callable[[dict[str, Any]], None]]:
    """The ids, and a function that sends a message; stdin and stdout are others from now on."""
    ids = os.fdopen(os.dup(0), encoding="utf-8", newline="\n")
    channel = os.fdopen(os.dup(1), "wb", buffering=0)
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)
    os.dup2(2, 1)

    def send(message: dict[str, Any]) -> None:
        data = memoryview(json.dumps(message, default=_plain).encode() + b"\n")
        while data:  # an unbuffered write may take a part only
            data = data[channel.write(data) or 0 :]

    return ids, send


def _plain(value: Any) -> Any:
    """A number of NumPy's as Python's; anything else as text."""
    return value.item() if hasattr(value, "item") and getattr(value, "ndim", 1) == 0 else str(value)


def _prepare() -> None:
    """Tracebacks of crashes go to stderr, and on SIGUSR1 that of the moment; no core files."""
    faulthandler.enable(all_threads=False)
    faulthandler.register(signal.SIGUSR1, all_threads=False)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent decides what an interrupt means
    warnings.simplefilter("ignore")
    with contextlib.suppress(ImportError, OSError, ValueError):
        import resource

        resource.setrlimit(resource.RLIMIT_CORE, (0, resource.getrlimit(resource.RLIMIT_CORE)[1]))


def _end_with(parent: int) -> None:
    """Ends this process soon after its parent, however that ended and whatever a case does.

    A thread that looks, since the signal which Linux sends comes when the parent's thread ends.
    """

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(1)
        os._exit(1)

    threading.Thread(target=watch, name="parent", daemon=True).start()


def start(name: str, device: int) -> dict[str, str]:
    """Constructs the backend and returns what a report says about it.

    Raises:
        BackendUnavailableError: it cannot be used, or has no such device.
    """
    backend = manager.backend(name)
    count = backend.device_count()
    if not 0 <= device < count:
        devices = "1 device" if count == 1 else f"{count} devices"
        raise BackendUnavailableError(f"backend {name!r} has {devices}, none with number {device}")
    held = backend.dtypes(device)
    return {
        "distribution": _distribution(type(backend).__module__),
        "dtypes": " ".join(dtype.name for dtype in dtypes.ALL if dtype in held),
        "traits": traits.declared(backend.traits(device)),
        "weakened": "; ".join(backend.traits(device).weakened().values()),
    }


def _distribution(module: str) -> str:
    """Name and version of the distribution whose plugin comes from the same package, or ""."""
    import importlib.metadata

    package = module.partition(".")[0]
    with contextlib.suppress(Exception):  # a broken distribution is none of our business here
        for point in importlib.metadata.entry_points(group="corex"):
            if point.module.partition(".")[0] == package and point.dist is not None:
                return f"{point.dist.name} {point.dist.version}"
    return ""


def outcome(backend: str, device: int, case_id: str) -> Result:
    """The result of one case, whatever happens short of the end of the process."""
    op, tier = "", 0
    try:
        case = parse(case_id)
    except ValueError as error:
        return Result(case_id, op, tier, INVALID, "", str(error))
    try:
        op, tier = case.op, tier_of(case.op)
        return suite.run_case(backend, device, case)
    except SystemExit as error:
        message = f"it tried to end the process: SystemExit({error.code!r})"
        return Result(case_id, op, tier, RAISED, "", message)
    except BaseException as error:
        text = f"the suite itself failed: {_message(error)}\n{traceback.format_exc()}"
        return Result(case_id, op, tier, FAILED, "", text)


def limit_of(case_id: str, timeout: float) -> float:
    """How many seconds a case may take: its own parameter `timeout`, else what is usual."""
    if "timeout=" in case_id:
        try:
            own = parse(case_id).fields.get("timeout")
        except ValueError:
            own = None
        if isinstance(own, (int, float)):
            return float(own)
    return timeout * PERF_FACTOR if case_id.startswith("perf:") else timeout


def _message(error: BaseException) -> str:
    text = " ".join(str(error).split())
    if isinstance(error, BackendUnavailableError):
        return text
    return f"{type(error).__name__}: {text}" if text else type(error).__name__


if __name__ == "__main__":
    sys.exit(main())
