"""Cases and programs at random against PyTorch: `python -m tests.fuzz --cases 200000`."""

from __future__ import annotations

import argparse
import os
import time
from collections import Counter

import numpy  # noqa: F401 - before torch, which then uses this one
import torch

from tests.fuzz.cases import running
from tests.fuzz.run import seeds

ROUND = 1000
"""Programs between two looks at how many have failed."""


def main() -> int:
    """Runs cases and programs, prints those in which the libraries part; the exit status."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cases", type=int, default=0)
    parser.add_argument("--programs", type=int, default=0)
    parser.add_argument("--seed", type=int, default=0, help="other cases and programs")
    parser.add_argument("--backend", default="cpu_c")
    parser.add_argument("--processes", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--show", type=int, default=10, help="stop after so many failures")
    given = parser.parse_args()
    failures = [*_cases(given), *_programs(given)]
    for failure in failures:
        print(failure)
    return 1 if failures else 0


def _cases(given: argparse.Namespace) -> list[str]:
    start, failures = time.perf_counter(), []
    done: Counter[str] = Counter()
    for family, count, found in running.run(
        given.cases, given.seed, given.backend, given.processes
    ):
        done[family] += count
        failures += [found] if found else []
        if len(failures) >= given.show:
            break
    if done:
        parts = ", ".join(f"{count} {family}" for family, count in done.items())
        seconds = time.perf_counter() - start
        print(f"{done.total()} cases on {given.backend} in {seconds:.0f} s ({parts}):")
        print(f"{len(failures)} in which the libraries part", flush=True)
    return failures


def _programs(given: argparse.Namespace) -> list[str]:
    torch.set_num_threads(1)
    start, done, failures = time.perf_counter(), 0, []
    while done < given.programs and len(failures) < given.show:
        count, first = min(ROUND, given.programs - done), given.seed * given.programs + done
        failures += seeds(first, count, given.backend, given.show - len(failures))
        done += count
    if done:
        seconds = time.perf_counter() - start
        print(f"{done} programs on {given.backend} in {seconds:.0f} s:")
        print(f"{len(failures)} in which the libraries part", flush=True)
    return failures


if __name__ == "__main__":
    raise SystemExit(main())
