"""Files of expected failures, which may not go stale.

Each line is `PATTERN  # reason`; the pattern is a case id in which `*` matches anything. A line
that no longer describes a failure fails the run, so that the file tells the truth.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

from corex.testing.patterns import matcher
from corex.testing.result import Result

_LINE = re.compile(r"(?P<pattern>\S.*?)\s+#\s*(?P<reason>\S.*)")


class Expectation(NamedTuple):
    """One line of the file.

    Attributes:
        pattern: which cases may fail.
        reason: why.
        place: where the line is, as in "failures.txt:3".
    """

    pattern: str
    reason: str
    place: str

    @property
    def exact(self) -> bool:
        """Whether the pattern is the id of one case."""
        return "*" not in self.pattern

    def __str__(self) -> str:
        return f"{self.place}: {self.pattern}  # {self.reason}"


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
        ValueError: a line has no reason, or a pattern stands there twice.
        OSError: the file cannot be read.
    """
    found: dict[str, Expectation] = {}
    for number, line in enumerate(Path(path).read_text(encoding="utf-8").splitlines(), start=1):
        place = f"{os.fspath(path)}:{number}"
        text = line.strip()
        if not text or text.startswith("#"):
            continue
        match = _LINE.fullmatch(text)
        if match is None:
            raise ValueError(f"{place}: expected 'PATTERN  # reason', got {text!r}")
        item = Expectation(match["pattern"], match["reason"], place)
        if item.pattern in found:
            raise ValueError(f"{place}: stands already at {found[item.pattern].place}")
        found[item.pattern] = item
    return list(found.values())


def expectation_for(case_id: str, expectations: Iterable[Expectation]) -> Expectation | None:
    """The first line that expects this case to fail, or None."""
    return next((item for item in expectations if matcher(item.pattern)(case_id)), None)


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
    good = {result.id: result.good for result in results}
    every = dict.fromkeys([*universe, *good])
    expected: dict[str, str] = {}
    stale = []
    for item in expectations:
        ids = _matched(item, every)
        bad = [case_id for case_id in ids if not good.get(case_id, True)]
        for case_id in bad:
            expected.setdefault(case_id, item.reason)
        if not ids:
            stale.append(f"{item} (matches no case)")
        elif not bad and all(case_id in good for case_id in ids):
            what = "it passes" if len(ids) == 1 else f"none of its {len(ids)} cases fails"
            stale.append(f"{item} ({what})")
    return Judgement(expected, stale)


def _matched(item: Expectation, ids: dict[str, None]) -> list[str]:
    if item.exact:
        return [item.pattern] if item.pattern in ids else []
    fits = matcher(item.pattern)
    return [case_id for case_id in ids if fits(case_id)]
