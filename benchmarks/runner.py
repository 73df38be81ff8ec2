"""Runs cases: first they have to agree, then they are timed."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from types import ModuleType

from benchmarks.case import Case, differences
from benchmarks.cases import plugins, startup
from benchmarks.report import Outcome
from benchmarks.timing import Effort, measure, statement_sampler


def run(
    case: Case | startup.Import | plugins.Plugged,
    libraries: Mapping[str, ModuleType],
    effort: Effort,
) -> Outcome:
    """Measures a case; a failure becomes the outcome's `problem` and ends nothing else."""
    try:
        if isinstance(case, startup.Import):
            samplers = {name: case.sampler(name) for name in libraries}
            return Outcome(case.name, times=measure(samplers, effort.processes))
        if isinstance(case, plugins.Plugged):
            samplers = case.samplers(libraries["corex"], effort.seconds)
            return Outcome(case.name, case.statement, times=measure(samplers, effort.rounds))
        return _run(case, libraries, effort)
    except Exception as error:
        lines = str(error).splitlines() or [""]
        return Outcome(case.name, case.statement, problem=f"{type(error).__name__}: {lines[0]}")


def _run(case: Case, libraries: Mapping[str, ModuleType], effort: Effort) -> Outcome:
    outcome = Outcome(case.name, case.statement)
    names = {}
    for name, library in libraries.items():
        found = case.names(library, libraries["corex"])
        if found is not None:
            names[name] = found
    with warnings.catch_warnings():
        # A fallback to another backend is worth knowing about: its time would be somebody else's.
        warnings.simplefilter("error", libraries["corex"].FallbackWarning)
        values = {name: case.evaluate(libraries[name], names[name]) for name in names}
    outcome.losses = {name: value for name, value in values.items() if _is_losses(value)}
    outcome.problem = differences(values, case.tolerance)
    if not outcome.problem:
        samplers = {
            name: statement_sampler(case.text(libraries[name]), found, case.per, effort.seconds)
            for name, found in names.items()
        }
        outcome.times = measure(samplers, effort.rounds)
    return outcome


def _is_losses(value: object) -> bool:
    return isinstance(value, list) and all(isinstance(v, float) for v in value)
