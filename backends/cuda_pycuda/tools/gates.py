"""Everything that a change to the CUDA backend has to pass on a machine without a GPU.

    make test-cuda                                       # all of it, in an environment of its own
    python backends/cuda_pycuda/tools/gates.py           # all of it, in this one
    python backends/cuda_pycuda/tools/gates.py compile orders --reduced

The backend runs unchanged; in the place of the driver and of nvcc is the simulator. What the
simulator cannot judge, whether NVIDIA's compiler takes the kernels, is a gate of its own.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Final, NamedTuple

from toolkit import supported

HERE: Final = Path(__file__).resolve().parent
ROOT: Final = HERE.parents[2]
TESTS: Final = "tests/backends/cuda_pycuda"
TWO_STREAMS: Final = {
    "COREX_CUDA_ALTERNATE": "1",
    "COREX_CUDA_POISON": "1",
    "COREX_CUDA_SIM_DEFERRED": "1",
    "COREX_CUDA_SIM_INTERLEAVED": "1",
}
"""Every op on the other stream, work that is done as late as can be, freed memory that is NaN."""

SHARING: Final = (
    "--op", "sum,argmax,cumsum,argsort,softmax,matmul,linear,conv2d,index_put,nonzero",
)  # fmt: skip
"""Ops that have memory of their own beside their operands', and some that have none."""


class Step(NamedTuple):
    """One command of a gate, and what is set in its environment."""

    command: tuple[str, ...]
    environment: dict[str, str] = {}  # noqa: RUF012 - a NamedTuple's default, never written to
    label: str = ""


class Done(NamedTuple):
    """How a gate ended."""

    name: str
    passed: bool
    seconds: float


def _tool(name: str, *options: str) -> tuple[str, ...]:
    return (str(HERE / f"{name}.py"), *options)


def gates(reduced: bool) -> dict[str, list[Step]]:
    """The gates, in the order in which they are run: what fails quickly comes first."""
    sample = ("--reduced",) if reduced else ()
    communicating = _tool("conformance", "--communicating", *sample)
    return {
        "compile": [Step(_tool("compile_gate", *sample))],
        "programs": [Step(_tool("programs"))],
        "tests": [Step(("-m", "pytest", "-q", "-n", "2", TESTS))],
        "conformance": [Step(_tool("conformance", *sample))],
        "orders": [
            Step(communicating, {"COREX_CUDA_SIM_ORDER": "descending"}, "descending"),
            Step(communicating, {"COREX_CUDA_SIM_ORDER": "shuffled:7"}, "shuffled"),
        ],
        "deferred": [
            Step(_tool("conformance", "--reduced"), {"COREX_CUDA_SIM_DEFERRED": "1"}),
            Step(
                _tool("conformance", "--reduced", "--device", "1"),
                {"COREX_CUDA_SIM_DEFERRED": "1", "COREX_CUDA_SIM_DEVICES": "2"},
                "the second of two devices",
            ),
        ],
        "streams": _streams(reduced),
        "memory": [
            Step(
                _tool("conformance", "--reduced", *(SHARING if reduced else ())),
                {"COREX_CUDA_CACHING": "0"},
                "each array by itself",
            )
        ],
        "rounding": _rounding(reduced),
    }


def _streams(reduced: bool) -> list[Step]:
    if reduced:
        return [Step(_tool("conformance", "--reduced", *SHARING), TWO_STREAMS)]
    later_first = {"COREX_CUDA_SIM_ORDER": "descending", "COREX_CUDA_SIM_INTERLEAVED": "0"}
    return [
        Step(_tool("conformance"), TWO_STREAMS, "in turn"),
        Step(
            _tool("conformance", "--reduced"),
            {**TWO_STREAMS, **later_first},
            "the later stream first",
        ),
    ]


def _rounding(reduced: bool) -> list[Step]:
    from corex_cuda_pycuda.simulator.build import fuses

    fused = {"COREX_CUDA_SIM_FMA": "1"} if fuses() else {}
    first, second = ({"COREX_CUDA_SIM_ULPS": seed, **fused} for seed in ("1", "2"))
    if reduced:
        return [Step(_tool("conformance", "--reduced", "--where", "dtype=float32"), first)]
    return [
        Step(_tool("conformance"), first),
        Step(_tool("conformance", "--reduced"), second, "errors the other way"),
    ]


def run(name: str, steps: Sequence[Step]) -> Done:
    """Runs a gate's commands; what they print is seen as it comes."""
    started = time.monotonic()
    passed = True
    for step in steps:
        label = f" ({step.label})" if step.label else ""
        print(f"\n-- {name}{label}", flush=True)
        environment = {**os.environ, "COREX_CUDA_SIMULATOR": "1", **step.environment}
        for variable in ("COREX_BACKEND", "COREX_DISABLE"):
            environment.pop(variable, None)
        done = subprocess.run(
            [sys.executable, *step.command], cwd=ROOT, env=environment, check=False
        )
        passed = passed and done.returncode == 0
    return Done(name, passed, time.monotonic() - started)


def main() -> int:
    """The command line; 1 if a gate is not passed."""
    known = gates(False)
    parser = argparse.ArgumentParser(description="What the CUDA backend passes without a GPU.")
    parser.add_argument("gates", nargs="*", metavar="GATE", help=f"of {', '.join(known)}; or all")
    parser.add_argument("--reduced", action="store_true", help="a sample of the suite's cases")
    options = parser.parse_args()
    unknown = set(options.gates) - set(known)
    if unknown:
        parser.error(f"no gate {', '.join(sorted(unknown))}; they are {', '.join(known)}")
    reason = supported()
    if reason:
        print(f"skipped: {reason}")
        return 0
    chosen = {
        name: steps
        for name, steps in gates(options.reduced).items()
        if not options.gates or name in options.gates
    }
    done = [run(name, steps) for name, steps in chosen.items()]
    print()
    for gate in done:
        print(f"{'passed' if gate.passed else 'FAILED'}  {gate.name:12} {gate.seconds:5.0f} s")
    return 0 if all(gate.passed for gate in done) else 1


if __name__ == "__main__":
    sys.exit(main())
