"""corex beside PyTorch on a GPU: `python -m benchmarks.gpu --help`.

The machine's own limits are measured first, by a long copy and a large product of each library,
and every other time is told as a fraction of the better of them. Libraries take turns within one
process; each time is that of as many calls as fill it, with one wait at the end. Nothing runs on
zeros. In smoke mode everything is tiny and runs wherever the backend does, as on the simulator:
that proves that this program works, and nothing else.
"""

from __future__ import annotations

import argparse
import datetime
import gc
import importlib
import importlib.util
import json
import platform
import sys
import time
import timeit
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType
from typing import Any

from benchmarks.case import Names, as_numpy, differences
from benchmarks.cases.gpu import SMOKE, GpuCase, Sizes, cases
from benchmarks.machine import commit
from benchmarks.timing import Effort, Sampler, Times, measure, repetitions

BACKEND = "cuda_pycuda"
COREX, TORCH = "corex", "torch"
FULL_EFFORT = Effort(rounds=9, seconds=0.1)
SMOKE_EFFORT = Effort(rounds=1, seconds=0.0)


@dataclass
class Outcome:
    """What came of one case.

    Attributes:
        times: seconds for one run of the statement, by library.
        peak: the most bytes that were allocated at once while it was timed, by library.
        problem: why there are no times.
    """

    case: GpuCase
    times: Times = field(default_factory=Times)
    peak: dict[str, int] = field(default_factory=dict)
    problem: str = ""

    def median(self, library: str) -> float | None:
        """The median time of a library."""
        found = self.times.of(library)
        return None if found is None else found.median

    def rate(self, library: str) -> float | None:
        """Bytes or operations per second."""
        seconds, amount = self.median(library), self.case.nbytes or self.case.flops
        return amount / seconds if seconds and amount else None


@dataclass(frozen=True)
class Ceilings:
    """The most that any library reached: bytes and operations per second."""

    nbytes: float
    flops: float

    def fraction(self, outcome: Outcome, library: str) -> float | None:
        """The part of the ceiling that a case reaches."""
        rate = outcome.rate(library)
        ceiling = self.nbytes if outcome.case.nbytes else self.flops
        return rate / ceiling if rate is not None and ceiling else None


# ---- measuring -----------------------------------------------------------------------------
def on_host(value: Any) -> Any:
    """Results as NumPy's and Python's."""
    if isinstance(value, (list, tuple)):
        return [on_host(v) for v in value]
    return as_numpy(value.detach().cpu()) if hasattr(value, "cpu") else value


def sampler(case: GpuCase, lib: ModuleType, names: Names, seconds: float) -> Sampler:
    """Times the statement; the clock is read when the device has nothing left to do."""

    def clock() -> float:
        lib.cuda.synchronize()
        return time.perf_counter()

    timer = timeit.Timer(case.statement, timer=clock, globals=dict(names))
    number = repetitions(timer, seconds)
    return lambda: timer.timeit(number) / number


def run(case: GpuCase, libraries: Mapping[str, ModuleType], effort: Effort) -> Outcome:
    """Measures a case; a failure becomes its `problem`."""
    outcome = Outcome(case)
    try:
        names = {name: {**case.setup(lib), "lib": lib} for name, lib in libraries.items()}
        with warnings.catch_warnings():
            warnings.simplefilter("error", libraries[COREX].FallbackWarning)
            values = {n: on_host(eval(case.result or case.statement, names[n])) for n in names}
        outcome.problem = differences(values, case.tolerance)
        if not outcome.problem:
            samplers = {}
            for name, lib in libraries.items():
                lib.cuda.reset_peak_memory_stats()
                samplers[name] = sampler(case, lib, names[name], effort.seconds)
                outcome.peak[name] = int(lib.cuda.max_memory_allocated())
            outcome.times = measure(samplers, effort.rounds)
    except Exception as error:
        lines = str(error).splitlines() or [""]
        outcome.problem = f"{type(error).__name__}: {lines[0]}"
    gc.collect()
    return outcome


def ceilings(outcomes: Sequence[Outcome]) -> Ceilings:
    """From the cases of that area; 0 where none was measured."""

    def most(name: str) -> float:
        found = [o.rate(library) for o in outcomes if o.case.name == name for library in o.peak]
        return max((rate for rate in found if rate is not None), default=0.0)

    return Ceilings(most("ceiling/copy"), most("ceiling/gemm"))


# ---- telling -------------------------------------------------------------------------------
HEADER = (
    "case",
    "corex µs",
    "torch µs",
    "corex / torch",
    "of ceiling",
    "torch",
    "peak MB",
    "torch",
)


def cells(outcome: Outcome, limits: Ceilings) -> list[str]:
    """One case's row of the table."""
    if outcome.problem:
        return [outcome.case.name, outcome.problem.replace("|", "\\|"), *[""] * (len(HEADER) - 2)]
    ratio = outcome.times.ratio(COREX, TORCH)

    def told(value: float | None, form: str) -> str:
        return "" if value is None else format(value, form)

    def micro(library: str) -> str:
        seconds = outcome.median(library)
        return told(None if seconds is None else seconds * 1e6, ",.1f")

    def peak(library: str) -> str:
        found = outcome.peak.get(library)
        return told(None if found is None else found / 1e6, ",.1f")

    return [
        outcome.case.name, micro(COREX), micro(TORCH),
        "" if ratio is None else f"{ratio.median:.2f} ({ratio.lower:.2f}-{ratio.upper:.2f})",
        told(limits.fraction(outcome, COREX), ".0%"), told(limits.fraction(outcome, TORCH), ".0%"),
        peak(COREX), peak(TORCH),
    ]  # fmt: skip


def page(facts: Mapping[str, Any], outcomes: Sequence[Outcome]) -> str:
    """Everything as Markdown."""
    limits = ceilings(outcomes)
    lines = [f"# corex on {facts['device']}, {facts['date'][:10]}", ""]
    if facts["smoke"]:
        lines += ["**A smoke run: the sizes are tiny and the times mean nothing.**", ""]
    lines += [f"- {name}: {value}" for name, value in facts.items() if name != "smoke"]
    lines += [
        f"- ceilings: {limits.nbytes / 1e9:,.0f} GB/s by copying, "
        f"{limits.flops / 1e12:,.2f} TFLOP/s by multiplying",
        "",
        "Medians of interleaved rounds; in parentheses the quartiles of the ratio. *Of ceiling* is "
        "the rate of the bytes that have to be moved, or of the operations, over the ceiling's.",
        "",
        "| " + " | ".join(HEADER) + " |",
        "|---" + "|---:" * (len(HEADER) - 1) + "|",
    ]
    lines += ["| " + " | ".join(cells(outcome, limits)) + " |" for outcome in outcomes]
    return "\n".join(lines) + "\n"


def as_data(facts: Mapping[str, Any], outcomes: Sequence[Outcome]) -> dict[str, Any]:
    """Everything, round by round, for JSON; times in microseconds."""
    return {
        "machine": dict(facts),
        "cases": [
            {
                "case": o.case.name,
                "statement": o.case.statement,
                "bytes": o.case.nbytes,
                "flops": o.case.flops,
                "microseconds": {
                    name: [round(t * 1e6, 3) for t in times]
                    for name, times in o.times.rounds.items()
                },
                "peak_bytes": o.peak,
                **({"problem": o.problem} if o.problem else {}),
            }
            for o in outcomes
        ],
    }


# ---- the command ---------------------------------------------------------------------------
def load(smoke: bool, against: str) -> dict[str, ModuleType]:
    """corex and, if it is there, PyTorch, both with CUDA as their default device."""
    libraries = {COREX: importlib.import_module(COREX)}
    libraries[COREX].set_backend(BACKEND)
    if against == TORCH and importlib.util.find_spec(TORCH) is not None:
        torch = importlib.import_module(TORCH)
        if torch.cuda.is_available():
            torch.set_default_device("cuda")
            libraries[TORCH] = torch
    if not smoke and against == TORCH and TORCH not in libraries:
        print("PyTorch with CUDA is not there: corex is timed alone", file=sys.stderr)
    return libraries


def facts_of(libraries: Mapping[str, ModuleType], smoke: bool) -> dict[str, Any]:
    """Date, device and versions."""
    corex = libraries[COREX]
    capability: Callable[[], tuple[int, int]] = corex.cuda.get_device_capability
    return {
        "device": corex.cuda.get_device_name(),
        "compute capability": ".".join(map(str, capability())),
        "date": datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="seconds"),
        "system": f"{platform.system()} {platform.machine()}, Python {platform.python_version()}",
        "versions": ", ".join(f"{n} {module.__version__}" for n, module in libraries.items()),
        "commit": commit(),
        "smoke": smoke,
    }


def main(arguments: list[str]) -> int:
    """The command line; it ends with 1 if a case has no times."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.gpu", description=__doc__)
    parser.add_argument("--smoke", action="store_true", help="tiny sizes, one round")
    parser.add_argument("--filter", action="append", default=[], metavar="NAME",
                        help="only cases whose name contains NAME (may be repeated)")  # fmt: skip
    parser.add_argument("--against", default=TORCH, choices=[TORCH, "nothing"])
    parser.add_argument("--rounds", type=int, default=FULL_EFFORT.rounds)
    parser.add_argument("--json", type=Path, metavar="FILE")
    parser.add_argument("--markdown", type=Path, metavar="FILE")
    options = parser.parse_args(arguments)
    libraries = load(options.smoke, options.against)
    effort = SMOKE_EFFORT if options.smoke else Effort(options.rounds, FULL_EFFORT.seconds)
    chosen = [
        case
        for case in cases(SMOKE if options.smoke else Sizes())
        if not options.filter
        or case.name.startswith("ceiling/")
        or any(text in case.name for text in options.filter)
    ]
    facts = facts_of(libraries, options.smoke)
    outcomes: list[Outcome] = []
    for case in chosen:
        outcomes.append(run(case, libraries, effort))
        row = cells(outcomes[-1], ceilings(outcomes))
        print("  ".join([row[0].ljust(26), *(cell.rjust(12) for cell in row[1:])]), flush=True)
        if options.json:  # after every case: an interrupted run has not been for nothing
            options.json.write_text(json.dumps(as_data(facts, outcomes), indent=1) + "\n")
        if options.markdown:
            options.markdown.write_text(page(facts, outcomes))
    failed = [outcome.case.name for outcome in outcomes if outcome.problem]
    if failed:
        print(f"not measured: {', '.join(failed)}", file=sys.stderr)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
