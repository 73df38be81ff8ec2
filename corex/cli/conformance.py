"""`corex conformance NAME`: whether a backend keeps its side of the contract, kernel by kernel."""

from __future__ import annotations

import argparse
import sys
import textwrap
import time
from collections import Counter
from typing import Final, TextIO

from corex.errors import CorexError
from corex.testing import expected, running, select
from corex.testing.case import MODES
from corex.testing.pool import TIMEOUT_SECONDS, PoolError
from corex.testing.result import (
    CRASHED,
    FAILED,
    INVALID,
    MISSING,
    PASSED,
    RAISED,
    TIMEOUT,
    UNSUPPORTED,
    Result,
    Run,
)

SHOWN = 10
TRAITS = ("not tested", "traits, declared", "traits, measured", "weakened")
"""How many failures are told in full, unless all are asked for."""

COUNTS = (
    (PASSED, "passed", ""),
    (UNSUPPORTED, "unsupported", "not offered, and need not be"),
    (FAILED, "failed", "ran, and a check found it wrong"),
    (RAISED, "claimed but raised", "offered, but raised an exception"),
    (MISSING, "required but missing", "not offered, but the required tier asks for it"),
    (CRASHED, "crashed", "the process died"),
    (TIMEOUT, "timeout", "took longer than a case may"),
    (INVALID, "invalid", "asks for what cannot be; the backend was not asked"),
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of `corex conformance`."""
    parser.add_argument("backend", metavar="NAME", help="the backend, as `corex backends` lists it")
    parser.add_argument("--device", type=int, default=0, metavar="N", help="the device's number")
    _add_selection(parser.add_argument_group("which cases"))
    group = parser.add_argument_group("how")
    group.add_argument(
        "-j", "--jobs", type=_positive, metavar="N", help="processes (default: one per processor)"
    )
    group.add_argument(
        "--timeout",
        type=_seconds,
        default=TIMEOUT_SECONDS,
        metavar="SECONDS",
        help="how long one case may take (default: %(default)g)",
    )
    group.add_argument("--fail-fast", action="store_true", help="stop at the first failure")
    group.add_argument(
        "--expected-failures",
        metavar="FILE",
        help="lines `PATTERN/CHECK  # reason` of known failures; a line that fits none fails",
    )
    group = parser.add_argument_group("what to tell")
    group.add_argument("--list", action="store_true", help="print the cases' ids; run nothing")
    for kind in ("json", "html", "markdown"):
        group.add_argument(f"--{kind}", metavar="FILE", help=f"write a report as {kind}")
    group.add_argument(
        "-v", "--verbose", action="store_true", help="tell every failure, and each as it comes"
    )


def _add_selection(group: argparse._ArgumentGroup) -> None:
    default = ",".join(select.DEFAULT_MODES)
    group.add_argument(
        "--mode", default="", metavar="LIST", help=f"of {', '.join(MODES)} (default: {default})"
    )
    group.add_argument("--op", default="", metavar="LIST", help="ops; * stands for any text")
    group.add_argument(
        "--where",
        action="append",
        default=[],
        metavar="NAME=VALUE",
        help="a parameter's value, as in dtype=float32 or layout=trans*; repeatable",
    )
    group.add_argument("--tier", default="", metavar="LIST", help="of 0, 1, 2")
    group.add_argument(
        "--case", action="append", default=[], metavar="ID", help="this very case; repeatable"
    )
    group.add_argument("--replay", metavar="FILE", help="the calls that a recorder wrote down")
    group.add_argument("--reduced", action="store_true", help="a sample, for quick checks")


def _positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError("it must be at least 1")
    return number


def _seconds(text: str) -> float:
    number = float(text)
    if not 0 < number < float("inf"):
        raise argparse.ArgumentTypeError("it must be more than 0")
    return number


def run(args: argparse.Namespace) -> int:
    """Runs the cases and tells the results; 1 if the backend does not conform, 2 for misuse."""
    try:
        chosen = select.selection(
            args.mode, args.op, args.where, args.tier, args.case, args.replay, args.reduced
        )
        running.check_backend(args.backend)
        cases = select.select(chosen)
        lines = expected.read(args.expected_failures) if args.expected_failures else []
    except (CorexError, ValueError, OSError) as error:
        return _refuse(error)
    if args.list:
        print("\n".join(case.id for case in cases))
        return 0
    plan = running.Plan(
        args.backend, args.device, cases, lines, args.jobs, args.timeout,
        running.described(chosen),
    )  # fmt: skip
    progress = Progress(len(cases), plan, args.verbose, args.fail_fast)
    try:
        found = running.run(plan, progress)
    except PoolError as error:
        return _refuse(error)
    finally:
        progress.close()
    print(summary(found, len(cases), plan.device, None if args.verbose else SHOWN))
    reports = [(kind, getattr(args, kind)) for kind in ("json", "html", "markdown")]
    for path in running.write_reports(found, reports):
        print(f"wrote {path}")
    return 0 if found.ok else 1


def _refuse(error: Exception) -> int:
    print(f"corex conformance: {error}", file=sys.stderr)
    return 2


EVERY: Final = 30.0
"""Seconds between two lines of progress, where there is no terminal."""


class Progress:
    """Counts results; on a terminal, in a line that stays where it is, else in a line at times."""

    def __init__(
        self,
        total: int,
        plan: running.Plan,
        verbose: bool = False,
        fail_fast: bool = False,
        stream: TextIO | None = None,
    ) -> None:
        self._total = total
        self._plan = plan
        self._verbose = verbose
        self._fail_fast = fail_fast
        self._stream = stream or sys.stderr
        self._line = self._stream.isatty()
        self._counts: Counter[str] = Counter()
        self._width = 0
        self._start = time.monotonic()
        self._drawn = 0.0 if self._line else self._start

    def __call__(self, result: Result) -> bool:
        """Takes note of a result, and says whether to stop."""
        self._counts[result.status] += 1
        bad = not result.good and expected.covering(result, self._plan.expectations) is None
        if bad and self._verbose:
            self.close()
            print(f"{result.status}  {result.id}", file=self._stream)
        if self._line:
            self._draw()
        elif time.monotonic() - self._drawn >= EVERY:
            self._drawn = time.monotonic()
            print(f"{self._text()}  {self._drawn - self._start:.0f} s", file=self._stream)
            self._stream.flush()
        return bad and self._fail_fast

    def _text(self) -> str:
        bad = [
            f"{name} {self._counts[status]}"
            for status, name, _ in COUNTS[2:]
            if self._counts[status]
        ]
        return "  ".join([f"{sum(self._counts.values())}/{self._total}", *bad])

    def _draw(self) -> None:
        done, now = sum(self._counts.values()), time.monotonic()
        if done < self._total and now - self._drawn < 0.1:
            return
        self._drawn = now
        text = self._text()
        self._stream.write("\r" + text.ljust(self._width))
        self._stream.flush()
        self._width = len(text)

    def close(self) -> None:
        """Wipes the line."""
        if self._line and self._width:
            self._stream.write("\r" + " " * self._width + "\r")
            self._stream.flush()
            self._width = 0


def summary(run: Run, total: int, device: int = 0, shown: int | None = SHOWN) -> str:
    """The counts, the first failures, and what is stale."""
    counts = Counter(result.status for result in run.results if result.id not in run.expected)
    lines = [f"{run.backend} on {run.device}: {len(run.results)} of {total} cases run"]
    lines += [f"  {label}: {run.about[label]}" for label in TRAITS if run.about.get(label)]
    for status, name, meaning in COUNTS:
        lines.append(f"  {counts[status]:7}  {name:22}{meaning}".rstrip())
    lines.append(f"  {len(run.expected):7}  expected failures")
    lines.append(f"  {len(run.stale):7}  stale expectations")
    bad = run.unexpected
    for result in bad[:shown]:
        lines += ["", *failure(run.backend, result, device)]
    if shown is not None and len(bad) > shown:
        lines += ["", f"and {len(bad) - shown} more (--verbose tells them all)"]
    if run.stale:
        lines += ["", "expected failures that describe no failure, and have to go:"]
        lines += [f"  {text}" for text in run.stale]
    verdict = "conforms" if run.ok else "does not conform"
    part = " in the cases run" if "selection" in run.about or len(run.results) < total else ""
    return "\n".join([*lines, "", f"{run.backend} {verdict}{part}"])


def failure(backend: str, result: Result, device: int = 0) -> list[str]:
    """A bad result in a few lines."""
    checks = ", ".join([result.check, *result.also])
    check = f" ({checks})" if checks else ""
    return [
        f"{result.status.upper()}{check}  {result.id}",
        textwrap.indent(result.message or "no message", "    "),
        f"    {running.replay_command(backend, result.id, device)}",
    ]
