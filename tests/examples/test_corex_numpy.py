"""The example backend in NumPy: complete, and with each one of its kernels taken away."""

from __future__ import annotations

import json
import warnings
from collections.abc import Callable, Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import pytest

import corex
from corex.backend import Backend, BackendDescriptor, Kernel
from corex.cli import new_backend
from corex.plugins import hookimpl, manager
from corex.tensor.schema import REGISTRY
from tests.examples.programs import DIGITS, PROGRAMS

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "examples" / "backends" / "corex-numpy" / "corex_numpy"


class Plugin:
    """Brings a backend under any name, at run time."""

    def __init__(self, name: str, backend: type[Backend]) -> None:
        self.descriptor = BackendDescriptor(name, name, lambda: None, backend)

    @hookimpl
    def corex_backends(self) -> list[BackendDescriptor]:
        return [self.descriptor]


def numpy_backend(called: str, leave_out: str | None = None) -> type[Backend]:
    """The example backend's class under another name, and without one kernel."""
    from corex_numpy.backend import NumpyBackend

    class Variant(NumpyBackend):  # type: ignore[misc]
        name = device_type = called
        kernels: Mapping[str, Kernel] = {
            op: kernel for op, kernel in NumpyBackend.kernels.items() if op != leave_out
        }

    return Variant


@pytest.fixture(autouse=True)
def _fallbacks_are_expected() -> Iterator[None]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", corex.FallbackWarning)
        yield


Answer = list[tuple[str, tuple[int, ...], list[float]]]


def values(tensors: list[corex.Tensor]) -> Answer:
    """What can be compared: dtype, shape and numbers of each."""
    return [(str(t.dtype), tuple(t.shape), t.cpu().double().flatten().tolist()) for t in tensors]


def assert_same(got: Answer, expected: Answer, what: str) -> None:
    assert len(got) == len(expected)
    for i, (a, b) in enumerate(zip(got, expected, strict=True)):
        assert a[:2] == b[:2], f"{what}: dtype or shape of result {i}"
        assert a[2] == pytest.approx(b[2], rel=1e-5, abs=1e-6, nan_ok=True), f"{what}: result {i}"


COMPOSED = {"tril", "triu"}  # which the contract lists no kernels for


@cache
def complete() -> tuple[dict[str, Answer], dict[str, list[str]]]:
    """The complete backend's answers, and for every op the programs that run its kernel."""
    plugin = Plugin("numpy_complete", numpy_backend("numpy_complete"))
    manager.register(plugin, "numpy_complete")
    answers: dict[str, Answer] = {}
    users: dict[str, list[str]] = {}
    try:
        for name, program in PROGRAMS.items():
            with corex.placement() as report:
                answers[name] = values(program("numpy_complete"))
            for row in report.rows():
                if row.backend == "numpy_complete" and row.how != "copy":
                    assert row.how == "native" or row.op in COMPOSED, row
                    users.setdefault(row.op, []).append(name)
    finally:
        manager.unregister(plugin)
    return answers, {op: names for op, names in users.items() if op not in COMPOSED}


@pytest.mark.usefixtures("site")
@pytest.mark.parametrize("name", PROGRAMS)
def test_the_answers_are_those_of_cpu_c(name: str) -> None:
    assert_same(complete()[0][name], values(PROGRAMS[name]("cpu")), name)


@pytest.mark.usefixtures("site")
def test_the_programs_run_every_kernel() -> None:
    assert set(complete()[1]) == set(numpy_backend("any").kernels)


# From the registry: the backend is not installed yet when tests are collected.
OPS = sorted({"copy", "fill", "arange", *REGISTRY} - COMPOSED)


@pytest.mark.usefixtures("site")
def test_every_kernel_is_taken_away_once() -> None:
    assert sorted(numpy_backend("any").kernels) == OPS


@pytest.mark.usefixtures("site")
@pytest.mark.parametrize("op", OPS)
def test_every_program_survives_the_loss_of_a_kernel(op: str) -> None:
    answers, users = complete()
    schema = REGISTRY.get(op)
    expected = "fallback" if schema is None or schema.decomposition is None else "decomposed"
    manager.register(plugin := Plugin("numpy_partial", numpy_backend("numpy_partial", op)))
    try:
        for name in users[op]:
            with corex.placement() as report:
                got = values(PROGRAMS[name]("numpy_partial"))
            assert_same(got, answers[name], f"{name} without {op}")
            how = {
                row.how for row in report.rows() if (row.op, row.backend) == (op, "numpy_partial")
            }
            assert how == {expected}, name
    finally:
        manager.unregister(plugin)


@pytest.mark.slow
def test_the_digits_are_learned_as_on_the_cpu(run: Callable[..., str]) -> None:
    results: dict[str, Any] = json.loads(run(DIGITS, "numpy", "cpu_c"))
    losses = results["numpy"]["losses"]
    assert len(losses) == 12
    assert losses[-1] < losses[0]
    assert losses == pytest.approx(results["cpu_c"]["losses"], rel=1e-3)
    assert set(results["numpy"]["how"]) - {"copy"} == {"native"}


def test_it_is_installed_like_a_strangers(run: Callable[..., str]) -> None:
    table = run("from corex.cli import main; main(['backends', '--ops'])")
    rows = [line.split() for line in table.splitlines()]
    assert ["numpy", "numpy", "basic", "available"] in rows
    assert ["numpy", "1", str(sum(s.tier == 1 for s in REGISTRY.values())), "0", "0"] in rows


def test_the_required_kernels_are_those_that_new_backend_writes() -> None:
    made = new_backend.files("numpy")
    assert (PACKAGE / "kernels.py").read_text() == made["corex_numpy/kernels.py"]
    assert (PACKAGE / "plugin.py").read_text() == made["corex_numpy/plugin.py"]


def test_it_imports_nothing_else_of_corex() -> None:
    allowed = {"corex.backend", "corex.dtypes"}
    for path in PACKAGE.glob("*.py"):
        lines = [line.split() for line in path.read_text().splitlines() if line.split()]
        modules = {words[1] for words in lines if words[0] in ("from", "import")}
        theirs = {m for m in modules if m.split(".")[0] == "corex"}
        assert theirs <= allowed, path.name


@pytest.mark.slow
@pytest.mark.timeout(320)
@pytest.mark.parametrize(
    ("options", "verdict"),
    [
        (["--reduced"], "numpy conforms in the cases run"),
        pytest.param([], "numpy conforms", marks=pytest.mark.full),
    ],
    ids=["sample", "whole"],
)
def test_it_conforms(run: Callable[..., str], options: list[str], verdict: str) -> None:
    """None of the suite's cases fails or is missing from the required tier."""
    command = ["conformance", "numpy", *options]
    out = run(f"import sys; from corex.cli import main; sys.exit(main({command!r}))")
    assert out.rstrip().endswith(verdict)
