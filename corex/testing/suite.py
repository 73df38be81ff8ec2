"""The cases of the suite, and running one of them in this process."""

from __future__ import annotations

from collections.abc import Iterable

from corex.testing.case import Case
from corex.testing.result import Result


def generate(modes: Iterable[str] = ("test",)) -> list[Case]:
    """Every case of these modes, for any backend, in the same order each time."""
    raise NotImplementedError(modes)


def run_case(backend: str, device: int, case: Case) -> Result:
    """Runs a case on device number `device` of a backend. Never raises."""
    raise NotImplementedError(backend, device, case)
