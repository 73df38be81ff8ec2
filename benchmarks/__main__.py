"""The command line. It ends with 0 whatever the times are: a time is not a test."""

from __future__ import annotations

import argparse
import importlib
import importlib.util
import sys
from dataclasses import replace
from pathlib import Path

from benchmarks import machine
from benchmarks.timing import QUICK, Effort


def parser() -> argparse.ArgumentParser:
    """The options."""
    options = argparse.ArgumentParser(
        prog="python -m benchmarks", description="Times corex beside PyTorch and NumPy."
    )
    options.add_argument("--quick", action="store_true", help="fewer and shorter rounds")
    options.add_argument("--rounds", type=int, help="rounds per case")
    options.add_argument(
        "--filter",
        action="append",
        default=[],
        metavar="NAME",
        help="only cases whose name contains NAME (may be repeated)",
    )
    options.add_argument("--json", type=Path, metavar="FILE", help="also write all times there")
    options.add_argument("--threads", type=int, default=1, help="for every library (default 1)")
    options.add_argument(
        "--against",
        default="torch,numpy",
        metavar="LIBRARIES",
        help="what to compare with (default torch,numpy, as far as they are installed)",
    )
    options.add_argument("--backend", help="corex's backend (default: its own choice)")
    options.add_argument("--list", action="store_true", help="list the cases and stop")
    return options


def main(arguments: list[str]) -> int:
    """Measures what the command line asks for."""
    options = parser().parse_args(arguments)
    if not options.list:
        machine.restart_with_threads(options.threads, arguments)

    from benchmarks.cases import CASES
    from benchmarks.report import HEADER, line, row, summary, write_json
    from benchmarks.runner import run

    chosen = [
        case
        for case in CASES
        if not options.filter or any(text in case.name for text in options.filter)
    ]
    if options.list:
        print("\n".join(case.name for case in chosen))
        return 0
    if not chosen:
        print(f"no case is called {' or '.join(options.filter)}; see --list", file=sys.stderr)
        return 2

    names = ["corex", *filter(importlib.util.find_spec, options.against.split(","))]
    libraries = {name: importlib.import_module(name) for name in names}
    if options.backend:
        libraries["corex"].set_backend(options.backend)
    machine.set_threads(libraries, options.threads)
    facts = machine.facts(libraries, options.threads)
    versions = ", ".join(f"{name} {version}" for name, version in facts["versions"].items())
    print(f"{versions}; backend {facts['backend']}; {options.threads} thread(s); {facts['cpu']}")

    effort = QUICK if options.quick else Effort()
    if options.rounds:
        effort = replace(effort, rounds=options.rounds, processes=options.rounds)
    print(line(HEADER))
    outcomes = []
    for case in chosen:
        outcomes.append(run(case, libraries, effort))
        print(row(outcomes[-1]), flush=True)
        if options.json:  # after every case: an interrupted run has not been for nothing
            write_json(options.json, facts, outcomes)
    print(summary(outcomes))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
