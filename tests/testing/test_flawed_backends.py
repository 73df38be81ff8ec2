"""The suite is tested: it passes the right backend, and finds each flaw by the check for it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial

import pytest

from corex.backend import Backend
from corex.plugins import manager
from corex.testing.result import CHECKS, FAILED, MISSING, RAISED, Result, count
from corex.testing.suite import generate, run_case
from tests.testing import flawed
from tests.testing.flawed import FlawedBackend, changed_inputs

OPS = """
    neg exp add maximum eq where sum amax argmax matmul index index_put copy fill nonzero
    random_bits softmax cumsum gather sgd_step abs
""".split()

CASES = [
    case
    for case in generate(["test"])
    if case.op.startswith("memory.") or (case.op in OPS and case.fields["dtype"] != "uint8")
]


@contextmanager
def registered(make: Callable[[], Backend]) -> Iterator[None]:
    plugin = flawed.Plugin(make)
    manager.register(plugin, "flawed")
    try:
        yield
    finally:
        manager.unregister(plugin)


def verdicts(make: Callable[[], Backend], ops: str = "") -> list[Result]:
    """The results of the cases of some ops (all of `OPS` if none is named)."""
    wanted = ops.split()
    with registered(make):
        return [run_case("flawed", 0, case) for case in CASES if not wanted or case.op in wanted]


# name: how to make the backend, the ops to run, (status, check) that must be found
FLAWS: dict[str, tuple[Callable[[], Backend], str, tuple[str, str]]] = {
    "ignores strides": (
        partial(FlawedBackend, changed_inputs(flawed.as_if_dense)), "add sum matmul",
        (FAILED, "values"),
    ),
    "ignores offset": (
        partial(FlawedBackend, changed_inputs(flawed.from_the_start)), "add sum copy",
        (FAILED, "values"),
    ),
    "writes one element too far": (
        partial(FlawedBackend, flawed.one_too_far), "neg sum fill", (FAILED, "guards"),
    ),
    "reduces all but one": (
        partial(FlawedBackend, flawed.off_by_one), "sum amax argmax", (FAILED, "values"),
    ),
    "wrong dtype": (
        partial(FlawedBackend, flawed.single_precision), "exp add matmul", (FAILED, "values"),
    ),
    "raises what it claimed": (
        partial(FlawedBackend, flawed.raises_on_strides), "neg sum", (RAISED, "honesty"),
    ),
    "claims every op": (flawed.Overclaiming, "softmax cumsum tril", (RAISED, "honesty")),
    "claims now and then": (flawed.Fickle, "neg", (RAISED, "honesty")),
    "mutates an input": (
        partial(FlawedBackend, flawed.mutates), "neg add matmul", (FAILED, "inputs"),
    ),
    "returns an earlier result": (
        partial(FlawedBackend, flawed.remembers), "exp add", (FAILED, "stale"),
    ),
    "reads an outdated copy": (flawed.Outdated, "memory.fresh", (FAILED, "stale")),
    "forgets an element": (
        partial(FlawedBackend, flawed.forgets_the_last), "neg matmul", (FAILED, "unwritten"),
    ),
    "is not deterministic": (
        partial(FlawedBackend, flawed.jitters), "exp sum matmul", (FAILED, "repeat"),
    ),
    "loses NaN": (partial(FlawedBackend, flawed.loses_nan), "maximum amax", (FAILED, "special")),
    "keeps buffers": (partial(FlawedBackend, flawed.keeps), "neg", (FAILED, "references")),
    "leaks memory": (flawed.Leaking, "neg memory.counters", (FAILED, "leak")),
    "keeps the host's memory": (flawed.Borrowing, "memory.source", (FAILED, "memory")),
    "clears before it reads": (
        partial(FlawedBackend, flawed.writes_first), "neg add", (FAILED, "values"),
    ),
    "checks no index": (
        partial(FlawedBackend, flawed.checks_no_index), "index index_put", (FAILED, "error"),
    ),
    "short cut too small": (flawed.ShortCut, "add", (FAILED, "result")),
    "rounds numbers": (flawed.Rounding, "add", (FAILED, "numbers")),
    "lacks a required kernel": (flawed.Lacking, "neg", (MISSING, "")),
    "declines a required layout": (flawed.Lacking, "abs", (MISSING, "")),
}  # fmt: skip


def test_the_right_backend_passes() -> None:
    bad = [result for result in verdicts(FlawedBackend) if not result.good]
    assert bad == []


@pytest.mark.parametrize("name", FLAWS)
def test_a_flaw_is_found_by_its_check(name: str) -> None:
    make, ops, (status, check) = FLAWS[name]
    results = verdicts(make, ops)
    bad = [result for result in results if not result.good]
    assert bad, f"nothing was found in {len(results)} cases"
    found = {(result.status, result.check) for result in bad}
    assert (status, check) in found, f"found {found}, {count(results)}\n{bad[0]}"
    for result in bad:
        assert result.check == "" or result.check in CHECKS
        assert result.message


# Flaws that only some cases can show: all others must pass, else the suite cries wolf.
LOCAL = {
    "ignores offset": lambda case: "layout=dense" not in case,
    "loses NaN": lambda case: "float" in case,
    "clears before it reads": lambda case: "sharing=inplace" in case,
    "checks no index": lambda case: "values=" in case,
    "short cut too small": lambda case: "call=direct" in case,
    "rounds numbers": lambda case: "float" in case,
}


@pytest.mark.parametrize("name", LOCAL)
def test_only_the_cases_that_show_the_flaw_fail(name: str) -> None:
    make, ops, _ = FLAWS[name]
    for result in verdicts(make, ops):
        assert result.good or LOCAL[name](result.id), result


def test_mismatches_are_shown_with_place_values_and_tolerance() -> None:
    results = verdicts(FLAWS["reduces all but one"][0], "sum")
    message = next(r.message for r in results if not r.good and "float32" in r.id)
    first = message.splitlines()[1]
    assert first.startswith("  at (")
    assert "got " in first
    assert "expected " in first
    assert "tolerance " in first
