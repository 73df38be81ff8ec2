"""The conformance suite over the CUDA backend, where every kernel has to be its own.

    python backends/cuda_pycuda/tools/conformance.py                    # the whole suite, once
    python backends/cuda_pycuda/tools/conformance.py --communicating --reduced

It runs on whatever the environment chooses: with COREX_CUDA_SIMULATOR=1 on the simulator, else on
a GPU. Besides what `corex conformance` asks, no op may be left to another backend.
"""

from __future__ import annotations

import argparse
import importlib
import json
import pkgutil
import re
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

BACKEND: Final = "cuda_pycuda"
OPTIONAL: Final = re.compile(
    r"^memory\.|[(,]call=direct|^(random_|sgd_step|adam_step).*[(,]dtype=b?float16"
    r"|[(,]dtype=complex"
)
"""What the contract leaves open: to wrap host memory, short cuts for single ops; what corex
decomposes where the floats are computed with in another dtype; and complex numbers, of which corex
composes most, in the layouts that tensors have."""

COMPOSED: Final = frozenset(
    "argselect chain cumprod prod_others argcummax argcummin logcumsumexp".split()
)
"""Tier 2 that this backend has no kernels for yet: corex composes them of others there."""

COMMUNICATES: Final = re.compile(r"__syncthreads|__syncwarp|__shfl|atomic(?!CAS\(first)")
"""In a kernel's text: its threads depend on each other. (The exception reports a fault.)"""


def communicating() -> list[str]:
    """The ops of the families whose kernels' threads wait for, or write for, each other."""
    from corex_cuda_pycuda import simulator

    simulator.enable_from_environment()
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
    return sorted(found)


def foreign(results: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Cases that passed without a kernel of the backend, or that it does not offer, beyond those
    that are known."""
    return [
        result
        for result in results
        if result["op"] not in COMPOSED
        and not OPTIONAL.search(result["id"])
        and (result["status"] == "unsupported" or result.get("how") == "fallback")
    ]


def judged(results: Sequence[dict[str, Any]], seconds: float) -> bool:
    """Prints what is not native, and the counts; whether all is."""
    elsewhere = foreign(results)
    if elsewhere:
        by_op = Counter(f"{r['op']} {r.get('how') or r['status']}" for r in elsewhere)
        told = ", ".join(f"{op} {count}" for op, count in by_op.most_common())
        print(f"NOT NATIVE  {told}\n    such as {elsewhere[0]['id']}")
    counts = Counter(result["status"] for result in results)
    told = ", ".join(f"{count} {status}" for status, count in counts.most_common())
    print(f"{len(results)} cases: {told}; {len(elsewhere)} not native, {seconds:.0f} s")
    return not elsewhere and counts["passed"] > 0


def main() -> int:
    """The command line; options that are not known here are those of `corex conformance`."""
    parser = argparse.ArgumentParser(
        description="The suite; every op has to be native.",
        epilog="All other options are those of `corex conformance`, such as --reduced or --jobs.",
    )
    parser.add_argument(
        "--communicating", action="store_true", help="only ops whose threads depend on each other"
    )
    options, rest = parser.parse_known_args()
    if options.communicating:
        rest += ["--op", ",".join(communicating())]
    started = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="corex-conformance-") as folder:
        report = Path(folder) / "report.json"
        command = [sys.executable, "-m", "corex", "conformance", BACKEND, "--timeout", "120"]
        done = subprocess.run([*command, *rest, "--json", str(report)], check=False)
        if not report.exists():
            return done.returncode or 2
        results = json.loads(report.read_text())["results"]
    native = judged(results, time.monotonic() - started)
    return done.returncode or (0 if native else 1)


if __name__ == "__main__":
    sys.exit(main())
