"""Drawing cases in rounds over several processes, and showing what differs, made short.

A round draws from a seed, which costs less than to run the cases; what differs is looked for again
by hypothesis, which finds the simplest case of its kind.
"""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from functools import lru_cache
from multiprocessing import get_context
from random import Random
from typing import Any

from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st

import corex
from tests.fuzz.cases.compared import Difference, compare
from tests.fuzz.cases.deliberate import reason
from tests.fuzz.cases.families import FAMILIES
from tests.fuzz.cases.given import Source
from tests.fuzz.cases.known import known

ROUND = 1000
"""Cases in a row: each round of a family ends with the first that differs."""

EFFORT = 3000
"""Cases that hypothesis may draw to find again, and make short, what a round has found."""


class DifferenceError(Exception):
    """The libraries part in a case: its text and what differs."""


def check(family: str, code: str) -> Difference | None:
    """What differs in a case of a family, neither deliberately nor known."""
    try:
        found = compare(code)
    except TypeError:
        if family != "wrong":
            raise
        return None  # PyTorch left an exception behind (`sum_to_size(1, True)`), which came later
    if found is None or reason(code, found) or (family == "wrong" and known(code, found)):
        return None
    return found


def told(code: str, found: Difference) -> str:
    """A case and what differs, as text."""
    return f"{code}\n# {found.kind}: {found.text}"


def search(family: str, number: int, count: int, backend: str = "cpu_c") -> str:
    """Runs a round of so many cases; one in which the libraries part, made short, or ''."""
    import torch

    torch.set_num_threads(1)
    random = Random(f"{family} {number}")
    with corex.use_backend(backend):
        for _ in range(count):
            code = FAMILIES[family].draw(Source(random.randrange))
            found = check(family, code)
            if found is not None:
                short = shortest(family, found.kind) or told(code, found)
                return program(family, short)
    return ""


# ---- made short ------------------------------------------------------------------------------
@lru_cache(maxsize=4096)
def _below(n: int) -> st.SearchStrategy[int]:
    return st.integers(0, n - 1)


@st.composite
def cases(draw: Any, family: str) -> str:
    """The texts of a family's cases."""
    return FAMILIES[family].draw(Source(lambda n: draw(_below(n))))  # type: ignore[no-any-return]


def shortest(family: str, kind: str, effort: int = EFFORT) -> str:
    """The simplest case that hypothesis finds with a difference of a kind, or ''."""

    @seed(0)
    @settings(
        max_examples=effort,
        database=None,
        deadline=None,
        phases=(Phase.generate, Phase.shrink),
        suppress_health_check=list(HealthCheck),
        report_multiple_bugs=False,
        print_blob=False,
    )
    @given(cases(family))
    def run(code: str) -> None:
        found = check(family, code)
        if found is not None and found.kind == kind:
            raise DifferenceError(told(code, found))

    try:
        run()
    except DifferenceError as difference:
        return str(difference)
    return ""


def program(family: str, case: str) -> str:
    """A case to run by itself: `python case.py corex` or `... torch`."""
    lines = [
        f"# {family}",
        "import importlib, sys",
        "import numpy as np",
        "from math import inf, nan",
        "from tests.fuzz.cases.compared import backward",
        "from tests.fuzz.cases.given import maker",
        "lib = importlib.import_module(sys.argv[1])",
        "new = maker(lib)",
    ]
    return "\n".join([*lines, case, ""])


def rounds(count: int, first: int) -> Iterator[tuple[str, int, int]]:
    """The rounds that so many cases make: family, number, cases."""
    whole = sum(family.share for family in FAMILIES.values())
    for name, family in FAMILIES.items():
        left = -(-count * family.share // whole)
        number = first
        while left > 0:
            yield name, number, min(ROUND, left)
            left -= ROUND
            number += 1


def _round(task: tuple[str, int, int, str]) -> tuple[str, int, str]:
    family, number, count, backend = task
    return family, count, search(family, number, count, backend)


def run(count: int, first: int, backend: str, processes: int) -> Iterator[tuple[str, int, str]]:
    """Runs cases of all families; of every round its family, its cases, and what it found."""
    tasks = [(*task, backend) for task in rounds(count, first)]
    # What was left by one family, such as a default dtype, is another's with its own seed.
    tasks.sort(key=lambda task: task[1])
    with ProcessPoolExecutor(processes, get_context("spawn")) as pool:
        yield from pool.map(_round, tasks)
