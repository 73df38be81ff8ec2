"""The suite is tested: it passes the right backend, and finds each flaw by the check for it."""

from __future__ import annotations

import gc
import math
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache, partial

import pytest

from corex.backend import Backend
from corex.plugins import manager
from corex.testing.case import Case, parse
from corex.testing.result import CHECKS, FAILED, INVALID, MISSING, RAISED, Result, count
from corex.testing.suite import generate, run_case
from tests.testing import flawed
from tests.testing.flawed import FlawedBackend, changed_inputs

OPS = """
    neg exp add maximum eq where sum amax argmax matmul index index_put copy fill nonzero
    random_bits softmax cumsum gather sgd_step abs
""".split()


DTYPES = ("bool", "int64", "float32", "float64")  # like which the narrower ones are


def telling(case: Case) -> bool:
    """Whether no other case makes the suite and the backend do the same in less time."""
    if case.op.startswith("memory."):
        return True
    kinds = {case.fields.get("source", "bool"), case.fields.get("dtype", "bool")}
    if case.op not in OPS or not kinds <= {*DTYPES}:
        return False
    large = max(math.prod(shape) for shape in case.fields["shapes"]) > 4096
    return not large or (case.fields["dtype"] == "float32" and "layout=dense" in case.id)


@cache
def cases() -> list[Case]:
    return [case for case in generate(["test"]) if telling(case)]


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
        return [run_case("flawed", 0, case) for case in cases() if not wanted or case.op in wanted]


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
    "loses NaN in short rows": (
        partial(FlawedBackend, flawed.loses_nan_in_short_rows), "amax sum", (FAILED, "special"),
    ),
    "turns a bool round": (
        partial(FlawedBackend, flawed.turns_one_round), "eq", (FAILED, "values"),
    ),
    "forgets a bool": (
        partial(FlawedBackend, flawed.forgets_the_last), "eq", (FAILED, "unwritten"),
    ),
    "says two for true": (
        partial(FlawedBackend, flawed.says_two_for_true), "eq", (FAILED, "values"),
    ),
    "writes float64": (
        partial(FlawedBackend, flawed.writes_float64), "exp add", (FAILED, "values"),
    ),
    "keeps buffers": (partial(FlawedBackend, flawed.keeps), "nonzero", (FAILED, "references")),
    "leaks memory": (flawed.Leaking, "nonzero memory.counters", (FAILED, "leak")),
    "gives pinned memory away": (flawed.Recycling, "memory.pinned", (FAILED, "memory")),
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


@pytest.fixture(scope="module", autouse=True)
def _few_objects_to_look_at() -> None:
    """Where buffers are kept, every case collects garbage: not among what other tests have left."""
    gc.collect()
    gc.freeze()


@cache
def verdicts_on(name: str) -> list[Result]:
    """The results of the cases that a flaw names; several tests look at them."""
    make, ops, _ = FLAWS[name]
    return verdicts(make, ops)


@pytest.mark.parametrize("name", FLAWS)
def test_a_flaw_is_found_by_its_check(name: str) -> None:
    status, check = FLAWS[name][2]
    results = verdicts_on(name)
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
    "loses NaN in short rows": lambda case: "values=scattered" in case or "1024" in case,
    "clears before it reads": lambda case: "sharing=inplace" in case,
    "checks no index": lambda case: "values=" in case,
    "short cut too small": lambda case: "call=direct" in case,
    "rounds numbers": lambda case: "float" in case,
}


@pytest.mark.parametrize("name", LOCAL)
def test_only_the_cases_that_show_the_flaw_fail(name: str) -> None:
    for result in verdicts_on(name):
        assert result.good or LOCAL[name](result.id), result


def test_mismatches_are_shown_with_place_values_and_tolerance() -> None:
    results = verdicts_on("reduces all but one")
    wrong = [r for r in results if not r.good and r.op == "sum"]
    message = next(r.message for r in wrong if "float32" in r.id)
    first = message.splitlines()[1]
    assert first.startswith("  at (")
    assert "got " in first
    assert "expected " in first
    assert "tolerance " in first
    assert "; a = [" in first


def messages(name: str, case_id: str) -> Result:
    make, _, _ = FLAWS[name]
    with registered(make):
        return run_case("flawed", 0, parse(case_id))


def test_wrong_bools_are_told_from_unwritten_ones() -> None:
    case = "eq(dtype=int64,shapes=[(3,5),(3,5)],layout=dense)"
    assert messages("turns a bool round", case).faults == ["values"]
    assert messages("forgets a bool", case).faults == ["unwritten"]
    strange = messages("says two for true", case)
    assert "are neither 0 nor 1" in strange.message
    assert "byte 0x02" in strange.message


def test_a_wider_dtype_in_the_memory_is_named() -> None:
    for shape in ("(3,5)", "(64,)"):
        result = messages("writes float64", f"exp(dtype=float32,shapes=[{shape}],layout=offset)")
        assert result.message.startswith("the memory holds these values as float64, not as float32")


def test_the_inputs_of_a_wrong_element_are_shown() -> None:
    with registered(partial(FlawedBackend, flawed.all_at_once)):
        result = run_case("flawed", 0, parse("add(dtype=float64,shapes=[(2,),()],layout=dense)"))
        product = run_case("flawed", 0, parse("matmul(dtype=float32,shapes=[(1,2,3),(1,3,2)])"))
    assert re.search(r"at \(0,\): got 99.0, .*; a = \S+, b = \S+$", result.message, re.MULTILINE)
    assert re.search(r"at \(0, 0, 0\): .*; a = \[.*, .*, .*\], b = \[.*, .*, .*\]", product.message)


def test_no_fault_hides_another() -> None:
    with registered(partial(FlawedBackend, flawed.all_at_once)):
        result = run_case("flawed", 0, parse("exp(dtype=float64,shapes=[(3,5)],layout=stepped)"))
    assert result.check == "values"
    assert set(result.faults) == {"values", "guards", "inputs", "repeat"}
    for check in result.also:
        assert f"also ({check}): " in result.message


IMPOSSIBLE = (
    "add(dtype=float32)",
    "add(dtype=float99,shapes=[(2,),(2,)])",
    "add(dtype=float32,shapes=[(2,),(3,)])",
    "sum(dtype=float32,shapes=[(2,3)],n=3)",
    "neg(dtype=float32,shapes=[(2,)],layout=odd)",
    "neg(dtype=float32,shapes=[(2,)],m=1)",
    "exp(dtype=float32,shapes=[(1000000000,100000000)])",
    "grad:neg(shapes=[(2,)])",
    "perf:add(dtype=float32,shapes=3)",
)


@pytest.mark.parametrize("case_id", IMPOSSIBLE)
def test_a_case_that_cannot_be_is_no_fault_of_the_backend(case_id: str) -> None:
    with registered(FlawedBackend):
        result = run_case("flawed", 0, parse(case_id))
    assert (result.status, result.check) == (INVALID, "")
    assert result.message.startswith(f"no such case: {case_id}: ")
    assert not result.good
