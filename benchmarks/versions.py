"""Times one version of corex against another: what a change costs, or gains.

    python -m benchmarks.versions OLD_PYTHON [NEW_PYTHON] [--pairs 9] [--filter NAME] [--json FILE]

The versions are those which two interpreters import, as a rule those of two checkouts' virtual
environments. Each runs in a process of its own, with one thread and the cases of this checkout; in
every pair both are timed, in changing order, within a moment. A case is slower only if the median
of its pairs says so by a tenth and the lower quartile by a twentieth; a group of cases, if the mean
of their medians does by a fiftieth.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from benchmarks.case import Case
from benchmarks.machine import THREAD_VARIABLES
from benchmarks.timing import Effort, Spread, statement_sampler

CASE_MEDIAN: Final = 1.10
CASE_QUARTILE: Final = 1.05
GROUP_MEAN: Final = 1.02

ROOT = Path(__file__).resolve().parents[1]

# This checkout is for the cases alone: corex is imported before it can be found here.
_WORKER = """
import sys
sys.path[:] = [folder for folder in sys.path if folder]
import corex
sys.path.append(sys.argv[1])
from benchmarks.versions import serve
serve()
"""


# ---- the process of one version ----------------------------------------------------------------
def serve() -> None:
    """Answers the lines of stdin: the name of a case, then `sample` as often as wanted."""
    import corex
    from benchmarks.cases import CASES
    from benchmarks.machine import set_threads

    set_threads({"corex": corex}, 1)
    cases = {case.name: case for case in CASES if isinstance(case, Case)}
    sampler = None
    for line in sys.stdin:
        word = line.strip()
        try:
            if word == "sample":
                assert sampler is not None
                answer = repr(sampler())
            elif word == "version":
                answer = str(Path(corex.__file__).parent)
            else:
                sampler = None
                case = cases[word]
                names = case.names(corex, corex)
                assert names is not None
                sampler = statement_sampler(case.statement, names, case.per, Effort.seconds)
                answer = "ready"
        except Exception as error:
            answer = f"error {type(error).__name__}: {' '.join(str(error).split())}"
        print(answer, flush=True)


class Version:
    """The process of one version."""

    def __init__(self, python: str) -> None:
        self._process = subprocess.Popen(
            [python, "-c", _WORKER, str(ROOT)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, **dict.fromkeys(THREAD_VARIABLES, "1")},
        )

    def ask(self, word: str) -> str:
        """Its answer to a request.

        Raises:
            RuntimeError: the case fails there, or the process ended.
        """
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(word + "\n")
        self._process.stdin.flush()
        answer = self._process.stdout.readline().strip()
        if not answer or answer.startswith("error"):
            raise RuntimeError(answer or f"the process ended with code {self._process.wait()}")
        return answer

    def sample(self) -> float:
        """Seconds for one step of the current case."""
        return float(self.ask("sample"))

    def close(self) -> None:
        """Ends the process."""
        self._process.kill()
        self._process.wait()


# ---- comparing -----------------------------------------------------------------------------------
def compare(old: Version, new: Version, name: str, pairs: int) -> list[float]:
    """Time of the new version over that of the old one, pair by pair."""
    old.ask(name)
    new.ask(name)
    ratios = []
    for turn in range(pairs):
        if turn % 2:
            mine, theirs = new.sample(), old.sample()
        else:
            theirs, mine = old.sample(), new.sample()
        ratios.append(mine / theirs)
    return ratios


def slower(ratios: Sequence[float]) -> bool:
    """Whether a case counts as slower."""
    spread = Spread.of(ratios)
    return spread.median > CASE_MEDIAN and spread.lower > CASE_QUARTILE


def group_means(ratios: dict[str, list[float]]) -> dict[str, float]:
    """The geometric mean of the medians of each group of cases, and of all."""
    logs: dict[str, list[float]] = {}
    for name, values in ratios.items():
        for group in (name.partition("/")[0], "all"):
            logs.setdefault(group, []).append(math.log(Spread.of(values).median))
    return {group: math.exp(sum(values) / len(values)) for group, values in logs.items()}


def summary(ratios: dict[str, list[float]]) -> tuple[list[str], bool]:
    """The lines of the end, and whether nothing is slower."""
    lines, good = [], True
    for group, mean in group_means(ratios).items():
        bad = mean > GROUP_MEAN and group != "all"
        good &= not bad
        lines.append(f"{group:34} {mean:6.3f}{'  slower' if bad else ''}")
    return lines, good and not any(map(slower, ratios.values()))


def main(arguments: Sequence[str]) -> int:
    """Compares; 1 if something is slower."""
    from benchmarks.cases import CASES

    parser = argparse.ArgumentParser(prog="python -m benchmarks.versions")
    parser.add_argument("old", help="the interpreter of the version before")
    parser.add_argument("new", nargs="?", default=sys.executable)
    parser.add_argument("--pairs", type=int, default=9)
    parser.add_argument("--filter", action="append", default=[], metavar="NAME")
    parser.add_argument("--json", type=Path, metavar="FILE", help="also write all ratios there")
    options = parser.parse_args(arguments)
    names = [case.name for case in CASES if isinstance(case, Case)]
    if options.filter:
        names = [name for name in names if any(text in name for text in options.filter)]
    old, new = Version(options.old), Version(options.new)
    ratios: dict[str, list[float]] = {}
    problems: dict[str, Any] = {}
    try:
        print(f"{new.ask('version')} over {old.ask('version')}, {options.pairs} pairs")
        for name in names:
            try:
                ratios[name] = compare(old, new, name, options.pairs)
            except RuntimeError as error:
                problems[name] = str(error)
                print(f"{name:34} {error}")
                continue
            spread = Spread.of(ratios[name])
            mark = "  slower" if slower(ratios[name]) else ""
            print(
                f"{name:34} {spread.median:6.3f}  {spread.lower:.3f}-{spread.upper:.3f}{mark}",
                flush=True,
            )
    finally:
        old.close()
        new.close()
    lines, good = summary(ratios)
    print("\n".join(lines))
    if options.json:
        options.json.write_text(json.dumps({"ratios": ratios, "problems": problems}, indent=1))
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
