"""The cases of the suite, and running one of them in this process."""

from __future__ import annotations

import math
import time
import warnings
from collections.abc import Iterable
from typing import Final

from corex.errors import FallbackWarning
from corex.tensor.schema import REGISTRY
from corex.testing import gradient, kernel, memory, perf, support
from corex.testing.case import MODES, Case
from corex.testing.result import FAILED, INVALID, RAISED, Result
from corex.testing.spec import CaseError, Fields, Spec, arguments, made
from corex.testing.specs import find_spec, specs, without_spec
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


def verify(case: Case) -> None:
    """Makes sure that there is such a case, as far as that is quickly found out.

    Raises:
        CaseError: there is not; says why.
    """
    spec = find_spec(case.op)
    if spec is None or case.mode == "support":
        return
    made(case, spec.parameters, case)
    if made(case, is_big, case):
        return
    if case.mode == "test":
        arguments(spec, case)
    elif case.mode == "grad":
        made(case, spec.domain or spec.inputs, case)
    elif spec.build is None:
        made(case, spec.inputs, case)


QUICK: Final = 1_000_000
"""So many elements are made in no time."""


def is_big(case: Case) -> bool:
    """Whether it takes long to make this case."""
    return bool(sum(math.prod(s) for s in case.fields["shapes"] if s is not None) > QUICK)


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
        except CaseError as error:
            result = Result(case.id, case.op, _tier(case.op), INVALID, "", str(error))
        except Exception as error:
            text = str(error) if isinstance(error, ValueError) else told(error)
            result = Result(case.id, case.op, 0, RAISED, "", text)
    return result._replace(seconds=time.perf_counter() - start)


def _tier(op: str) -> int:
    return REGISTRY[op].tier if op in REGISTRY else 0


def _run(backend: str, device: int, case: Case) -> Result:
    if case.op.startswith("memory."):
        return memory.run(backend, device, case)
    spec = find_spec(case.op)
    if spec is None:
        text = f"op {case.op!r} has no cases: its plugin must bring some (corex_conformance_cases)"
        return Result(case.id, case.op, 0, FAILED, "result", text)
    return _RUNNERS[case.mode](backend, device, spec, case)
