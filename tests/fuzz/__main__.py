"""Random programs against PyTorch: `python -m tests.fuzz --programs 100000`."""

from __future__ import annotations

import argparse
import time

import numpy  # noqa: F401 - before torch, which then uses this one
import torch

from tests.fuzz.run import seeds


def main() -> int:
    """Runs the programs, prints those in which the libraries part; the exit status."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--programs", type=int, default=2000)
    parser.add_argument("--first", type=int, default=0, help="the first seed")
    parser.add_argument("--backend", default="cpu_c")
    parser.add_argument("--show", type=int, default=10, help="stop after so many failures")
    given = parser.parse_args()
    torch.set_num_threads(1)
    start, done = time.perf_counter(), 0
    failures: list[str] = []
    while done < given.programs and len(failures) < given.show:
        count = min(1000, given.programs - done)
        failures += seeds(given.first + done, count, given.backend, given.show - len(failures))
        done += count
        if done % 10000 == 0:
            seconds = time.perf_counter() - start
            print(f"{done} programs, {len(failures)} failures, {seconds:.0f} s", flush=True)
    for failure in failures:
        print(failure)
    print(f"{done} programs on {given.backend}: {len(failures)} in which the libraries part")
    return 1 if failures else 0


if __name__ == "__main__":
    raise SystemExit(main())
