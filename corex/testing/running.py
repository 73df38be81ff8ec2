"""A run of the suite as a whole: choose, run in parallel, judge; used by the command and pytest."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple

from corex.errors import near
from corex.plugins import manager
from corex.testing import suite
from corex.testing.about import about
from corex.testing.case import MODES, Case
from corex.testing.expected import Expectation, judge
from corex.testing.pool import TIMEOUT_SECONDS, OnResult, Pool
from corex.testing.result import Result, Run
from corex.testing.select import Selection, UsageError


class Plan(NamedTuple):
    """What to run, on what, and what to expect of it.

    Attributes:
        backend: the backend's name.
        device: the number of its device.
        cases: which cases.
        expectations: the lines of an expected-failures file.
        jobs: the number of processes, or None for one per processor.
        timeout: seconds that one case may take.
        chosen: which cases these are, in words.
    """

    backend: str
    device: int
    cases: Sequence[Case]
    expectations: Sequence[Expectation] = ()
    jobs: int | None = None
    timeout: float = TIMEOUT_SECONDS
    chosen: str = ""


def check_backend(name: str) -> None:
    """Makes sure that a backend is known; whether it works is for the workers to find out.

    Raises:
        UsageError: it is not; the message lists those that are, and what may be why it is missing.
    """
    known = manager.descriptors()
    if name in known:
        return
    disabled = " is disabled by COREX_DISABLE" if name in manager.disabled() else ""
    concerned = [
        fault for fault in manager.faults() if fault.concerns(name) or fault.hints_at(name)
    ]
    faults = "".join(f"; {fault}" for fault in concerned)
    raise UsageError(
        f"{'' if disabled else 'unknown '}backend {name!r}{disabled}; "
        f"the backends are {', '.join(known) or 'none'}{near(name, known)}{faults}"
    )


def run(plan: Plan, on_result: OnResult | None = None) -> Run:
    """Runs the cases: perf cases one after the other, with nothing beside them, at the end.

    Args:
        plan: what to run.
        on_result: called with each result as it comes; if it answers with something true, the
            run ends with the results so far.

    Raises:
        PoolError: the backend cannot be started.
    """
    stopped = False

    def tell(result: Result) -> object:
        nonlocal stopped
        stopped = bool(on_result is not None and on_result(result))
        return stopped

    ids = [case.id for case in plan.cases]
    timed = [case.id for case in plan.cases if case.mode == "perf"]
    others = [case.id for case in plan.cases if case.mode != "perf"]
    results: dict[str, Result] = {}
    facts: dict[str, str] = {}
    for group, jobs in ((others, plan.jobs), (timed, 1)):
        if group and not stopped:
            alone = group is timed
            with Pool(plan.backend, plan.device, jobs, plan.timeout, threads=alone) as pool:
                results.update({result.id: result for result in pool.run(group, tell)})
                facts = pool.facts
    return judged(plan, [results[i] for i in ids if i in results], facts)


def judged(plan: Plan, results: Sequence[Result], facts: dict[str, str]) -> Run:
    """The run that these results make."""
    device_type = manager.descriptors()[plan.backend].device_type
    judgement = judge(plan.expectations, results, universe(plan.expectations))
    return Run(
        backend=plan.backend,
        device=f"{device_type}:{plan.device}",
        about=about(plan.backend, {**facts, **_measured(results)}, plan.chosen),
        results=list(results),
        expected=judgement.expected,
        stale=judgement.stale,
    )


def _measured(results: Sequence[Result]) -> dict[str, str]:
    """What the case of the traits found out."""
    found = next((result.measures for result in results if result.op == "memory.traits"), {})
    text = "; ".join(f"{name} {value}" for name, value in found.items())
    return {"measured": text} if text else {}


def universe(expectations: Sequence[Expectation]) -> list[str]:
    """The ids of all cases of all modes, if there is an expectation that asks for them."""
    return [case.id for case in suite.generate(MODES)] if expectations else []


def described(chosen: Selection) -> str:
    """A selection in words, as a command line has it; empty for what is run by default."""
    parts = [f"--{name}" for name in ("reduced",) if getattr(chosen, name)]
    if not (chosen.cases or chosen.replay) and chosen.modes != Selection().modes:
        parts.append(f"--mode {','.join(chosen.modes)}")
    if chosen.ops:
        parts.append(f"--op {','.join(chosen.ops)}")
    parts += [f"--where {name}={pattern}" for name, pattern in chosen.where]
    if chosen.tiers:
        parts.append(f"--tier {','.join(map(str, chosen.tiers))}")
    parts += [f"--case {case}" for case in chosen.cases]
    if chosen.replay:
        parts.append(f"--replay {chosen.replay}")
    return " ".join(parts)


def replay_command(backend: str, case_id: str, device: int = 0) -> str:
    """The command that runs one case again."""
    where = f" --device {device}" if device else ""
    return f"corex conformance {shlex.quote(backend)}{where} --case {shlex.quote(case_id)}"


def writers() -> dict[str, Callable[[Run, str], None]]:
    """The functions that write a report, by the option that asks for it."""
    from corex.testing import report

    return {
        "json": report.write_json,
        "html": report.write_html,
        "markdown": report.write_markdown,
    }


def write_reports(run: Run, paths: Iterable[tuple[str, str | None]]) -> list[str]:
    """Writes the reports asked for, as (kind, path), and returns the paths."""
    written = []
    for kind, path in paths:
        if path:
            writers()[kind](run, path)
            written.append(path)
    return written
