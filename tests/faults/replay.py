"""Replays every fault that was ever cured, on both CPU backends, and prints the wrong answers.

    python tests/faults/replay.py [--backend NAME] [PART OF A KIND'S FILE NAME ...]

A kind of fault is a file in `kinds/` with two names: `KIND`, one line that says what was wrong,
and `cases(backend)`, which yields pairs of a name and a function; the function raises where the
answer is wrong. What may end a process or never end runs in a process of its own: `in_a_process`.
"""

from __future__ import annotations

import argparse
import importlib.util
import os
import subprocess
import sys
import textwrap
import time
import warnings
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

KINDS = Path(__file__).with_name("kinds")
BACKENDS = ("reference_py", "cpu_c")

Check = Callable[[], object]


class Wrong(NamedTuple):
    """A case whose answer is wrong, and what it said."""

    kind: str
    case: str
    backend: str
    error: BaseException

    def __str__(self) -> str:
        lines = f"{type(self.error).__name__}: {self.error}".splitlines()
        return f"{self.kind} [{self.backend}] {self.case}: {' '.join(lines)[:400]}"


class Kind(NamedTuple):
    """A file of `kinds/`."""

    name: str
    title: str
    cases: Callable[[str], Iterator[tuple[str, Check]]]


def kinds(parts: Sequence[str] = ()) -> list[Kind]:
    """The kinds whose file name contains one of `parts`; all of them if there are none."""
    found = []
    for path in sorted(KINDS.glob("k[0-9][0-9]_*.py")):
        if parts and not any(part in path.stem for part in parts):
            continue
        spec = importlib.util.spec_from_file_location(f"tests.faults.kinds.{path.stem}", path)
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        sys.modules[spec.name] = module
        spec.loader.exec_module(module)
        found.append(Kind(path.stem, module.KIND, module.cases))
    return found


def replay(kind: Kind, backend: str) -> tuple[int, list[Wrong]]:
    """Runs all cases of a kind on a backend: how many there were, and those that went wrong."""
    import corex

    count, wrong = 0, []
    with corex.use_backend(backend), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # a case that is about warnings says so itself
        for name, check in kind.cases(backend):
            count += 1
            try:
                check()
            except Exception as error:
                wrong.append(Wrong(kind.name, name, backend, error))
    return count, wrong


def in_a_process(program: str, timeout: float = 100, **environment: str) -> str:
    """Runs a program by the same interpreter with the same modules, and returns what it printed.

    Raises:
        AssertionError: it did not end with code 0 in time; tells how it ended and its last words.
    """
    path = os.pathsep.join([str(KINDS.parents[2]), *filter(None, sys.path)])
    try:
        done = subprocess.run(
            [sys.executable, "-c", textwrap.dedent(program)],
            capture_output=True, text=True, timeout=timeout, check=False, stdin=subprocess.DEVNULL,
            env={**os.environ, "PYTHONPATH": path, **environment},
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        raise AssertionError(f"no end after {timeout:g} s") from None
    if done.returncode:
        last = " ".join(done.stderr.strip().splitlines()[-3:])
        raise AssertionError(f"the process ended with code {done.returncode}: {last}")
    return done.stdout


def main() -> int:
    """Replays, prints the wrong lines and a summary; 1 if there is a wrong line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--backend", choices=BACKENDS, help="only this one")
    parser.add_argument("kinds", nargs="*", help="parts of the names of kinds; default: all")
    options = parser.parse_args()
    total, bad = 0, 0
    for kind in kinds(options.kinds):
        begun = time.perf_counter()
        count, wrong = 0, []
        for backend in [options.backend] if options.backend else BACKENDS:
            more, found = replay(kind, backend)
            count += more
            wrong += found
        seconds = time.perf_counter() - begun
        print(f"{kind.name:36} {count:6} cases {len(wrong):4} wrong {seconds:7.1f} s")
        for each in wrong:
            print(f"  WRONG {each}")
        total, bad = total + count, bad + len(wrong)
    print(f"{total} cases, {bad} wrong")
    return 1 if bad or not total else 0


if __name__ == "__main__":
    sys.path.insert(0, str(KINDS.parents[2]))
    sys.exit(main())
