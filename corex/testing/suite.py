"""The cases of the suite, and running one of them in this process."""

from __future__ import annotations

import time
import warnings
from collections.abc import Iterable

from corex.errors import FallbackWarning
from corex.testing import gradient, kernel, memory, perf, support
from corex.testing.case import MODES, Case
from corex.testing.result import FAILED, RAISED, Result
from corex.testing.spec import Fields, Spec
from corex.testing.specs import specs, without_spec
from corex.testing.verdict import told


def generate(modes: Iterable[str] = ("test",)) -> list[Case]:
    """Every case of these modes, for any backend, in the same order each time.

    Raises:
        ValueError: there is no such mode.
    """
    known = specs()
    found = []
    for mode in modes:
        if mode not in MODES:
            raise ValueError(f"unknown mode {mode!r}; the modes are {', '.join(MODES)}")
        if mode == "test":
            found += memory.cases()
            found += [Case(mode, name, {}) for name in without_spec()]
        for spec in known.values():
            found += [Case(mode, spec.op, fields) for fields in _fields(spec, mode)]
    return found


def _fields(spec: Spec, mode: str) -> Iterable[Fields]:
    if mode == "support":
        return support.fields(spec)
    return {"test": spec.fields, "grad": spec.grad, "perf": spec.perf}[mode]()


_RUNNERS = {
    "test": kernel.run,
    "grad": gradient.run,
    "perf": perf.run,
    "support": support.run,
}


def run_case(backend: str, device: int, case: Case) -> Result:
    """Runs a case on device number `device` of a backend. Never raises."""
    start = time.perf_counter()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FallbackWarning)
        try:
            result = _run(backend, device, case)
        except Exception as error:
            text = str(error) if isinstance(error, ValueError) else told(error)
            result = Result(case.id, case.op, 0, RAISED, "", text)
    return result._replace(seconds=time.perf_counter() - start)


def _run(backend: str, device: int, case: Case) -> Result:
    if case.op.startswith("memory."):
        return memory.run(backend, device, case)
    spec = specs().get(case.op)
    if spec is None:
        text = f"op {case.op!r} has no cases: its plugin must bring some (corex_conformance_cases)"
        return Result(case.id, case.op, 0, FAILED, "result", text)
    return _RUNNERS[case.mode](backend, device, spec, case)
