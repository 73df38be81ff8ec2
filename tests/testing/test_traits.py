"""Traits: what a device declares is what the suite expects of it, no more and no less."""

from __future__ import annotations

import array
from collections.abc import Callable
from functools import cache, partial
from typing import Any

import pytest

from corex import dtypes
from corex.backend import Backend, Buffer, Kernel, Traits
from corex.plugins import manager
from corex.testing.case import Case, parse
from corex.testing.result import FAILED, PASSED, RAISED, UNSUPPORTED, Result
from corex.testing.suite import generate, run_case
from corex.testing.traits import broken, measured
from corex_reference_py.views import load, store
from tests.testing.flawed import FlawedBackend, is_view
from tests.testing.test_flawed_backends import registered

TINY = 2.0**-126


class Declaring(FlawedBackend):
    """The reference backend with a flaw, and with traits that own up to it (or do not)."""

    def __init__(self, flaw: Callable[[str, Kernel], Kernel], traits: Traits) -> None:
        super().__init__(flaw)
        self.own = traits

    def traits(self, device: int) -> Traits:
        return self.own


def unchanged(op: str, kernel: Kernel) -> Kernel:
    return kernel


def flushing(op: str, kernel: Kernel) -> Kernel:
    """Takes subnormal float32 numbers for zero, and gives zero for them."""

    def flush(view: Any) -> None:
        if is_view(view) and view[1].name == "float32":
            store(view, [x * 0.0 if abs(x) < TINY else x for x in load(view)])

    def run(*arguments: Any) -> None:
        inputs = [a for a in arguments[1:] if is_view(a)]
        before = [load(view) for view in inputs]
        for view in inputs:
            flush(view)
        kernel(*arguments)
        flush(arguments[0])
        for view, values in zip(inputs, before, strict=True):
            if view[0] is not arguments[0][0]:
                store(view, values)

    return run if op in ("mul", "add", "eq", "exp", "reciprocal") else kernel


def off_by(ulps: int) -> Callable[[str, Kernel], Kernel]:
    """Float32 results of unary ops that are off by so many units in the last place."""

    def flaw(op: str, kernel: Kernel) -> Kernel:
        def run(out: Any, a: Any) -> None:
            kernel(out, a)
            if out[1].name == "float32":
                store(out, [_moved(x, ulps) for x in load(out)])

        return run if op in ("exp", "sin") else kernel

    return flaw


def _moved(value: float, ulps: int) -> float:
    if value != value or abs(value) in (0.0, float("inf")) or abs(value) < TINY:
        return value
    bits = array.array("f", [value])
    words = array.array("I", bits.tobytes())
    words[0] += ulps
    moved = array.array("f", words.tobytes())[0]
    return moved if abs(moved) != float("inf") else value


class Late(Declaring):
    """Raises only when somebody waits."""

    def __init__(self, traits: Traits) -> None:
        self.error: Exception | None = None
        super().__init__(self._later, traits)

    def _later(self, op: str, kernel: Kernel) -> Kernel:
        def run(*arguments: Any) -> None:
            try:
                kernel(*arguments)
            except (IndexError, ZeroDivisionError) as error:
                self.error = error

        return run

    def host_view(self, buffer: Buffer) -> None:
        """The host must ask, and wait."""

    def wrap_host(self, data: memoryview) -> None:
        """Nothing is shared."""

    def synchronize(self, device: int) -> None:
        error, self.error = self.error, None
        if error is not None:
            raise error

    def copy_to_host(self, buffer: Buffer, start: int, target: memoryview) -> None:
        self.synchronize(0)
        super().copy_to_host(buffer, start, target)


class Wavering(Declaring):
    """Whose sums differ in the last bit from call to call."""

    def __init__(self, traits: Traits) -> None:
        self.calls = 0
        super().__init__(self._wavering, traits)

    def _wavering(self, op: str, kernel: Kernel) -> Kernel:
        def run(out: Any, a: Any, n: int) -> None:
            kernel(out, a, n)
            self.calls += 1
            if out[1].name == "float32":
                store(out, [_moved(x, self.calls % 2) for x in load(out)])

        return run if op == "sum" else kernel


@cache
def every_case() -> list[Case]:
    return generate(["test"])


def results(make: Callable[[], Backend], *ops: str) -> list[Result]:
    cases = [case for case in every_case() if case.op in ops]
    wanted = [c for c in cases if c.fields.get("dtype", "float32") in ("float32", "int64", "bool")]
    with registered(make):
        return [run_case("flawed", 0, case) for case in wanted]


def checks(found: list[Result]) -> set[tuple[str, str]]:
    return {(r.status, r.check) for r in found if not r.good}


# name: the flaw, the traits that declare it, the ops that show it, and the check without traits
DECLARED: dict[str, tuple[Callable[[Traits], Backend], Traits, tuple[str, ...], str]] = {
    "flushed": (
        partial(Declaring, flushing), Traits(subnormals="flushed"),
        ("mul", "add", "eq", "reciprocal", "memory.traits"), "values",
    ),
    "six units": (
        partial(Declaring, off_by(6)), Traits(ulps={"unary": 12}), ("exp", "sin"), "values",
    ),
    "late": (Late, Traits(errors="deferred"), ("index", "memory.traits"), "error"),
    "wavering": (Wavering, Traits(accumulation="free"), ("sum", "memory.traits"), "repeat"),
}  # fmt: skip


@pytest.mark.parametrize("name", DECLARED)
def test_what_is_declared_conforms(name: str) -> None:
    make, traits, ops, _ = DECLARED[name]
    assert checks(results(partial(make, traits), *ops)) == set()


@pytest.mark.parametrize("name", DECLARED)
def test_the_same_undeclared_is_found(name: str) -> None:
    make, _, ops, check = DECLARED[name]
    found = checks(results(partial(make, Traits()), *ops))
    assert (FAILED, check) in found
    assert ("memory.traits" in ops) == ((FAILED, "traits") in found)


def test_no_declaration_goes_beyond_the_ceiling() -> None:
    make = partial(Declaring, off_by(200), Traits(ulps={"unary": 1000}))
    assert (FAILED, "values") in checks(results(make, "exp"))


def test_a_declaration_does_not_hide_other_faults() -> None:
    make = partial(Declaring, off_by(20), Traits(ulps={"unary": 12}, subnormals="flushed"))
    assert (FAILED, "values") in checks(results(make, "exp"))
    wrong = partial(Declaring, _zeroing, Traits(subnormals="flushed"))
    assert (FAILED, "values") in checks(results(wrong, "mul"))


def _zeroing(op: str, kernel: Kernel) -> Kernel:
    """Takes all that is below a thousandth for zero, which is more than subnormal."""

    def run(out: Any, a: Any, b: Any) -> None:
        kernel(out, a, b)
        if out[1].name == "float32":
            store(out, [0.0 if abs(x) < 1e-3 else x for x in load(out)])

    return run if op == "mul" else kernel


def test_a_dtype_that_is_only_held_needs_no_kernels() -> None:
    class Storing(Declaring):
        def select(self, op, kinds):
            if dtypes.float64 in kinds and op not in ("copy", "fill"):
                return None
            return super().select(op, kinds)

    traits = Traits(held_only=frozenset({dtypes.float64}))
    case = parse("add(dtype=float64,shapes=[(3,),(3,)],layout=dense)")
    copy = parse("copy(dtype=float64,source=float64,shapes=[(3,)],layout=dense)")
    with registered(partial(Storing, unchanged, traits)):
        assert run_case("flawed", 0, case).status == UNSUPPORTED
        assert run_case("flawed", 0, copy).status == PASSED
        assert "float64" in measured(manager.backend("flawed"), 0)["held_only"]


def test_far_memory_is_not_asked_of_32_bits() -> None:
    with registered(partial(Declaring, unchanged, Traits(index_bits=32))):
        result = run_case("flawed", 0, parse("memory.far()"))
    assert result.status == UNSUPPORTED
    assert "32 bits" in result.message


def test_traits_that_are_none_or_change_are_found() -> None:
    class Changing(Declaring):
        def traits(self, device: int) -> Any:
            self.own = Traits(index_bits=32 if self.own.index_bits == 64 else 64)
            return self.own

    with registered(partial(Changing, unchanged, Traits())):
        assert run_case("flawed", 0, parse("memory.traits()")).check == "traits"
    with registered(partial(Declaring, unchanged, "fast")):  # type: ignore[arg-type]
        assert run_case("flawed", 0, parse("memory.traits()")).status in (FAILED, RAISED)


def test_what_is_measured_stands_in_the_report() -> None:
    found = measured(manager.backend("cpu_c"), 0)
    assert found["subnormals"] == "kept"
    assert found["errors"] == "in order"
    assert found["accumulation"] == "deterministic"
    assert found["held_only"] == "none"
    assert broken(Traits(), found) == []
    assert broken(Traits(), {"errors": "deferred"}) != []
