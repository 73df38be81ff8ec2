"""Every function with a derivative gives PyTorch's values and gradients at the special points."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from typing import Any

import pytest

import corex
from corex import ops
from corex.backend import BackendDescriptor, Kernel
from corex.ops.composed import COMPOSED
from corex.ops.registration import DECLARATIONS
from corex.plugins import hookimpl, manager
from corex.tensor.schema import REGISTRY
from corex_reference_py.backend import ReferenceBackend
from tests.conftest import CPU_BACKENDS
from tests.special_points.calls import (
    COMPOSITIONS,
    FACTORISATIONS,
    MOVING,
    WITHOUT_DERIVATIVE,
    lines,
)
from tests.special_points.differences import ELSEWHERE, NOISE, compared
from tests.special_points.literals import decoded, load
from tests.special_points.points import DTYPES
from tests.special_points.run import run

LITERALS = load()


class Decomposing(ReferenceBackend):
    """The required kernels alone, so that everything else is decomposed."""

    name = "decomposing"

    def select(self, op: str, dtypes: tuple[Any, ...]) -> Kernel | None:  # type: ignore[override]
        if REGISTRY[op].tier > 1 if op in REGISTRY else False:
            return None
        return super().select(op, dtypes)  # type: ignore[return-value]


class Plugin:
    """Announces it."""

    @hookimpl
    def corex_backends(self) -> list[BackendDescriptor]:
        return [BackendDescriptor("decomposing", "cpu", lambda: None, Decomposing, -20)]


@pytest.fixture(params=[*CPU_BACKENDS, "decomposing"])
def backend(request: pytest.FixtureRequest) -> Iterator[str]:
    plugin = Plugin()
    if request.param == "decomposing":
        manager.register(plugin, "decomposing")
    try:
        with corex.use_backend(request.param):
            yield request.param
    finally:
        if request.param == "decomposing":
            manager.unregister(plugin)


# A few tests per backend rather than one for each line: registering a plugin is not free.
@pytest.mark.filterwarnings("ignore::corex.FallbackWarning")
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("part", range(8))
def test_answers_are_the_literals(backend: str, dtype: str, part: int) -> None:
    found = []
    for line in lines()[part::8]:
        theirs = decoded(LITERALS[dtype][line])
        found += compared(line, dtype, run(corex, line, dtype), theirs)
    assert not found, "\n".join(found)


@pytest.mark.parametrize("dtype", DTYPES)
def test_every_line_has_literals(dtype: str) -> None:
    assert list(LITERALS[dtype]) == lines(), (
        "the table has changed: run `python -m tests.special_points.literals` with PyTorch"
    )


def _called() -> set[str]:
    names = set()
    for line in lines():
        for node in ast.walk(ast.parse(line)):
            if isinstance(node, ast.Call):
                if isinstance(node.func, ast.Name):
                    names.add(node.func.id)
                elif isinstance(node.func, ast.Attribute):
                    names.add(node.func.attr)
    return names


EXEMPT = {
    name
    for names in (COMPOSITIONS, FACTORISATIONS, MOVING, WITHOUT_DERIVATIVE)
    for name in names.split()
}


def test_every_function_is_in_the_table() -> None:
    """A new function needs a line, or a reason: it only moves elements, or has no derivative."""
    second_names = {name for d in DECLARATIONS for name in d.names[1:]} & set(ops.functions)
    public = {*ops.functions, *corex.nn.functional.__all__} - second_names
    assert sorted(public - _called() - EXEMPT) == []


def test_every_exemption_is_needed() -> None:
    assert sorted(EXEMPT & _called()) == []
    assert sorted(EXEMPT - {*ops.functions, *corex.nn.functional.__all__}) == []


def test_every_op_with_a_derivative_runs() -> None:
    """Also ops that are no public functions, such as derivatives with a kernel of their own."""
    seen: set[str] = set()
    with corex.use_backend("cpu_c"), corex.observe(lambda call: seen.add(call.op)):
        for line in lines():
            run(corex, line, "float32")
    missing = {name for name, schema in REGISTRY.items() if schema.differentiable} - seen
    assert sorted(missing - {"index"}) == []


def test_compositions_have_formulas_for_what_they_take() -> None:
    for name, schema in COMPOSED.items():
        assert set(schema.derivative or {}) <= set(schema.inputs), name


def test_every_allowance_has_a_line() -> None:
    import re

    for pattern in [row[0] for row in [*NOISE, *ELSEWHERE]]:
        assert any(re.search(pattern, line) for line in lines()), pattern
