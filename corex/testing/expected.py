"""Files of expected failures, which may not go stale.

Each line is `PATTERN/CHECK  # reason`: the pattern is a case id in which `*` matches anything, or
an op for all its cases; the check is the one that fails, or a status for what no check has found.
A case is expected to fail if each of its failed checks has a line, so a line hides no other
failure. One that no longer describes a failure fails the run, so that the file tells the truth.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Final, NamedTuple

from corex.testing.patterns import matcher
from corex.testing.result import CHECKS, GOOD, STATUSES, UNSUPPORTED, Result

_LINE = re.compile(r"(?P<pattern>\S.*?)\s+#\s*(?P<reason>\S.*)")


class Expectation(NamedTuple):
    """One line of the file.

    Attributes:
        pattern: which cases may fail.
        check: by which check, or with which status.
        reason: why.
        place: where the line is, as in "failures.txt:3".
    """

    pattern: str
    check: str
    reason: str
    place: str

    @property
    def exact(self) -> bool:
        """Whether the pattern is the id of one case."""
        return "*" not in self.pattern

    def __str__(self) -> str:
        return f"{self.place}: {self.pattern}/{self.check}  # {self.reason}"

    def fits(self, case_id: str) -> bool:
        """Whether it is about this case."""
        return matcher(self.pattern)(case_id) is not None


class Judgement(NamedTuple):
    """What the file says about a run, and the run about the file.

    Attributes:
        expected: id -> reason, for the bad results that a line expects.
        stale: the lines that describe no failure, each with what is wrong with it.
    """

    expected: dict[str, str]
    stale: list[str]


def read(path: str | os.PathLike[str]) -> list[Expectation]:
    """The lines of an expected-failures file.

    Raises:
        ValueError: a line has no check or no reason, or stands there twice.
        OSError: the file cannot be read.
    """
    found: dict[tuple[str, str], Expectation] = {}
    for number, line in enumerate(Path(path).read_text(encoding="utf-8").splitlines(), start=1):
        place = f"{os.fspath(path)}:{number}"
        text = line.strip()
        if not text or text.startswith("#"):
            continue
        match = _LINE.fullmatch(text)
        if match is None:
            raise ValueError(f"{place}: expected 'PATTERN/CHECK  # reason', got {text!r}")
        pattern, _, check = match["pattern"].rpartition("/")
        if not pattern or check not in NAMES:
            raise ValueError(
                f"{place}: name the check that fails, as in 'erf(dtype=float32,*)/values'; "
                f"{match['pattern']!r} ends with none of {', '.join(NAMES)}"
            )
        whole = pattern if "(" in pattern or pattern.endswith("*") else f"{pattern}(*)"
        item = Expectation(whole, check, match["reason"], place)
        if (whole, check) in found:
            raise ValueError(f"{place}: stands already at {found[whole, check].place}")
        found[whole, check] = item
    return list(found.values())


NAMES: Final = (*CHECKS, *(status for status in STATUSES if status not in GOOD))
"""What may stand after a pattern's last slash."""


def covering(result: Result, expectations: Iterable[Expectation]) -> list[Expectation] | None:
    """For each failed check of a bad result the line that expects it; None if one has none."""
    about = [item for item in expectations if item.fits(result.id)]
    found = []
    for fault in result.faults:
        item = next((item for item in about if item.check == fault), None)
        if item is None:
            return None
        found.append(item)
    return found


def judge(
    expectations: Sequence[Expectation], results: Sequence[Result], universe: Iterable[str]
) -> Judgement:
    """Compares the file with the results.

    Args:
        expectations: the lines of the file.
        results: one per case that was run.
        universe: the ids of all generated cases. A line is stale if it matches none of them, or
            if all that it matches were run and are good; after a run of some of them that were
            all good, nothing can be said.
    """
    faults = {result.id: result.faults for result in results}
    every = dict.fromkeys([*universe, *faults])
    expected: dict[str, str] = {}
    for result in results:
        lines = None if result.good else covering(result, expectations)
        if lines is not None:
            expected[result.id] = "; ".join(dict.fromkeys(item.reason for item in lines))
    stale = []
    for item in expectations:
        ids = _matched(item, every)
        if not ids:
            stale.append(f"{item} (matches no case)")
        elif all(case_id in faults and item.check not in faults[case_id] for case_id in ids):
            stale.append(f"{item} ({_better(item, [faults[case_id] for case_id in ids])})")
    return Judgement(expected, stale)


def _better(item: Expectation, faults: list[list[str]]) -> str:
    """Why a line is stale."""
    if len(faults) > 1:
        return f"none of its {len(faults)} cases fails so"
    return f"it fails by {', '.join(faults[0])}" if faults[0] else "it passes"


# ---- from a report to a file -----------------------------------------------------------------
def lines_for(results: Iterable[Result]) -> list[str]:
    """The lines of a file that expects every failure among the results."""
    counted: dict[str, list[Result]] = {}  # unsupported cases neither pass nor fail
    for result in results:
        if result.status != UNSUPPORTED:
            counted.setdefault(result.id.partition("(")[0], []).append(result)
    found: list[str] = []
    for op, cases in counted.items():
        for check in dict.fromkeys(fault for result in cases for fault in result.faults):
            found += _lines(op, check, cases)
    return found


def _lines(op: str, check: str, cases: list[Result]) -> list[str]:
    """As few lines as describe the cases that fail by a check, and no others."""
    bad = [result for result in cases if check in result.faults]
    if len(bad) == len(cases) > 1:
        return [_line(op, check, bad[0])]
    by_start: dict[str, list[Result]] = {}
    for result in cases:
        by_start.setdefault(result.id.partition(",")[0], []).append(result)
    found: list[str] = []
    for start, group in by_start.items():
        failing = [result for result in group if check in result.faults]
        if len(failing) == len(group) > 1:
            found.append(_line(f"{start},*", check, failing[0]))
        else:
            found += [_line(result.id, check, result) for result in failing]
    return found


def _line(pattern: str, check: str, example: Result) -> str:
    text = next(iter(example.message.split("\n")), "")[:80].replace("#", "")
    return f"{pattern}/{check}  # to be explained: {' '.join(text.split()) or example.status}"


def _matched(item: Expectation, ids: dict[str, None]) -> list[str]:
    if item.exact:
        return [item.pattern] if item.pattern in ids else []
    return [case_id for case_id in ids if item.fits(case_id)]
