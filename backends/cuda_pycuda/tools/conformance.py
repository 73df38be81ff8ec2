"""The conformance suite over the CUDA backend, where every kernel has to be its own.

    python backends/cuda_pycuda/tools/conformance.py                    # the whole suite, once
    python backends/cuda_pycuda/tools/conformance.py --communicating --reduced

It runs on whatever the environment chooses: with COREX_CUDA_SIMULATOR=1 on the simulator, else on
a GPU. Besides what `corex conformance` asks, no op may be left to another backend.
"""

from __future__ import annotations

import argparse
import importlib
import pkgutil
import re
import sys
import time
from collections import Counter
from collections.abc import Sequence
from typing import Final

from corex.testing.case import Case
from corex.testing.patterns import matches
from corex.testing.result import PASSED, UNSUPPORTED, Result
from corex.testing.running import Plan, replay_command, run
from corex.testing.select import sample
from corex.testing.suite import generate

BACKEND: Final = "cuda_pycuda"
MODES: Final = ("test", "grad")
OPTIONAL: Final = re.compile(r"^memory\.|[(,]call=direct")
"""What the contract leaves open: to wrap host memory, and short cuts for single ops."""

COMMUNICATES: Final = re.compile(r"__syncthreads|__syncwarp|__shfl|atomic(?!CAS\(first)")
"""In a kernel's text: its threads depend on each other. (The exception reports a fault.)"""


def communicating() -> set[str]:
    """The ops of the families whose kernels' threads wait for, or write for, each other."""
    import corex_cuda_pycuda.ops as package
    from corex_cuda_pycuda.runtime import Source

    found: set[str] = set()
    for info in pkgutil.iter_modules(package.__path__):
        module = importlib.import_module(f"{package.__name__}.{info.name}")
        for item in module.sources() if hasattr(module, "sources") else ():
            source = item if isinstance(item, Source) else item[0]
            if COMMUNICATES.search(source.text()):
                found.update(module.KERNELS)
                break
    return found


def chosen(ops: Sequence[str], only_communicating: bool, reduced: bool) -> list[Case]:
    """The cases to run; `ops` are patterns, none of them means all."""
    cases = generate(MODES)
    if ops:
        cases = [case for case in cases if any(matches(pattern, case.op) for pattern in ops)]
    if only_communicating:
        wanted = communicating()
        cases = [case for case in cases if case.op in wanted]
    return sample(cases) if reduced else cases


def foreign(results: Sequence[Result]) -> list[Result]:
    """Cases that passed without a kernel of the backend, or that it does not offer."""
    return [
        result
        for result in results
        if not OPTIONAL.search(result.id)
        and (result.status == UNSUPPORTED or (result.status == PASSED and result.how == "fallback"))
    ]


def report(results: Sequence[Result], bad: Sequence[Result], seconds: float, shown: int) -> None:
    """Prints what failed, then the counts."""
    for result in bad[:shown]:
        check = f" ({result.check})" if result.check else ""
        print(f"{result.status.upper()}{check}  {result.id}")
        print("    " + result.message.replace("\n", "\n    "))
        print(f"    {replay_command(BACKEND, result.id)}")
    if len(bad) > shown:
        by_op = Counter(result.op or result.id for result in bad)
        told = ", ".join(f"{op} {count}" for op, count in by_op.most_common())
        print(f"and {len(bad) - shown} more; by op: {told}")
    elsewhere = foreign(results)
    if elsewhere:
        by_op = Counter(f"{result.op} {result.how or result.status}" for result in elsewhere)
        told = ", ".join(f"{op} {count}" for op, count in by_op.most_common())
        print(f"NOT NATIVE  {told}\n    such as {elsewhere[0].id}")
    counts = Counter(result.status for result in results)
    told = ", ".join(f"{count} {status}" for status, count in counts.most_common())
    print(f"{len(results)} cases: {told}; {len(elsewhere)} not native, {seconds:.0f} s")


def main() -> int:
    """The command line."""
    parser = argparse.ArgumentParser(description="The suite; every op has to be native.")
    parser.add_argument("--op", default="", metavar="LIST", help="ops; * stands for any text")
    parser.add_argument("--communicating", action="store_true",
                        help="only ops whose threads depend on each other")  # fmt: skip
    parser.add_argument("--reduced", action="store_true", help="a sample with every op and dtype")
    parser.add_argument("--device", type=int, default=0)
    parser.add_argument("--jobs", type=int, help="processes (default: one per processor)")
    parser.add_argument("--timeout", type=float, default=120, help="seconds for one case")
    parser.add_argument("--shown", type=int, default=20, help="how many failures to print")
    options = parser.parse_args()
    from corex.plugins import manager

    reason = manager.unavailable_reason(BACKEND)
    if reason is not None:
        print(f"conformance: {BACKEND} is not available: {reason}", file=sys.stderr)
        return 2
    ops = [op for op in options.op.split(",") if op]
    cases = chosen(ops, options.communicating, options.reduced)
    started = time.monotonic()
    found = run(Plan(BACKEND, options.device, cases, jobs=options.jobs, timeout=options.timeout))
    report(found.results, found.unexpected, time.monotonic() - started, options.shown)
    passed = any(result.status == PASSED for result in found.results)
    return 0 if passed and found.ok and not foreign(found.results) else 1


if __name__ == "__main__":
    sys.exit(main())
