"""The core of required kernels is small; all else is composed of it, at the cost that is stated."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterator
from functools import cache
from typing import Any

import numpy as np
import pytest

import corex
from corex.dispatch.devices import place_of
from corex.tensor.schema import REGISTRY, OpSchema
from corex.testing import apply, decomposed
from corex.testing.case import Case
from corex.testing.select import sample
from corex.testing.specs import specs
from corex.testing.suite import generate, run_case
from tests.ops.core import CORE, NARROW, installed, restricted

COMPOSED = [name for name, schema in REGISTRY.items() if schema.decomposition is not None]
DRAWN = ("random_uniform", "random_normal")
LISTS = ("sgd_step", "adam_step")


@pytest.fixture(scope="module")
def core() -> Iterator[str]:
    with installed(restricted("core")) as name:
        yield name


@pytest.fixture(scope="module")
def narrow() -> Iterator[str]:
    with installed(restricted("narrow", held=NARROW)) as name:
        yield name


@pytest.fixture
def strictly() -> Iterator[None]:
    corex.set_strict(True)
    yield
    corex.set_strict(False)


def test_the_core_is_small_and_the_rest_is_composed() -> None:
    assert len(CORE) <= 45
    assert {n for n, s in REGISTRY.items() if s.tier == 2} == set(COMPOSED)
    assert {"pow", "expm1", "log1p", "atan2", "fmod"} <= CORE


# ---- values ------------------------------------------------------------------------------------
@cache
def decomposed_cases() -> list[Case]:
    known = specs()
    return [
        case for case in generate()
        if case.mode == "test" and case.op in COMPOSED
        and decomposed.applies(known[case.op], case)
    ]  # fmt: skip


@pytest.mark.usefixtures("strictly")
@pytest.mark.parametrize(
    ("device", "rate"),
    [
        ("core", 8),
        pytest.param("core", 1, marks=pytest.mark.full),
        pytest.param("narrow", 1, marks=pytest.mark.full),
    ],
)
def test_decompositions_pass_the_suite_on_the_device(
    device: str, rate: int, request: pytest.FixtureRequest
) -> None:
    """In strict mode, so that nothing is left to the host; one case in `rate`."""
    request.getfixturevalue(device)
    held = {dtype.name for dtype in place_of(device).backend.dtypes(0)}
    ran = set()
    for case in sample(decomposed_cases(), rate):
        result = run_case(device, 0, case)
        if result.status == "unsupported" and case.fields["dtype"] not in held:
            continue
        told = f"{result.id}: {result.status} {result.check} {result.message}"
        assert (result.status, result.how) == ("passed", "decomposed"), told
        ran.add(case.op)
    assert set(COMPOSED) - ran <= {*DRAWN, *LISTS}


@pytest.mark.usefixtures("core", "strictly")
def test_a_wrong_kernel_of_the_core_is_seen_in_what_is_made_of_it() -> None:
    class Wrong(restricted("wrong")):  # type: ignore[misc]
        def select(self, op: str, dtypes: tuple[corex.DType, ...]) -> Any:
            return super().select("log" if op == "log1p" else op, dtypes)

    with installed(Wrong) as name:
        case = next(case for case in decomposed_cases() if case.op == "atanh")
        result = run_case(name, 0, case)
    assert (result.status, result.how) == ("failed", "decomposed")


# ---- how they are made -------------------------------------------------------------------------
def arguments(name: str, place: Any) -> tuple[list[Any], tuple[Any, ...]]:
    """Inputs and parameters of a call of the op."""
    schema = REGISTRY[name]
    spec = specs()[name]
    case = next(
        case for case in decomposed_cases()
        if case.op == name and 0 not in np.ravel(case.fields["shapes"][0])
    )  # fmt: skip
    arrays = list(spec.inputs(case))
    if spec.initial is not None:
        arrays.insert(0, spec.initial(case))
    return apply.tensors(place, arrays), tuple(case.fields[p] for p in schema.params)


def test_no_decomposition_comes_back_to_itself() -> None:
    """Each is run with kernels for all else, so that what it tells of is what it uses itself."""
    uses: dict[str, set[str]] = defaultdict(set)
    place = place_of("cpu_c")
    for name in set(COMPOSED) - {*DRAWN, *LISTS}:
        inputs, params = arguments(name, place)
        steps = REGISTRY[name].decomposition
        assert steps is not None
        with corex.no_grad(), corex.placement() as report:
            steps(*inputs, *params)
        uses[name] = {row.op for row in report.rows() if row.op in COMPOSED}

    def walk(name: str, path: tuple[str, ...]) -> None:
        assert name not in path, " -> ".join((*path, name))
        for used in uses[name]:
            walk(used, (*path, name))

    for name in COMPOSED:
        walk(name, ())


# ---- cost --------------------------------------------------------------------------------------
GROWTH = {"n": lambda n: n, "n log^2 n": lambda n: n * math.log2(n) ** 2}


def work(schema: OpSchema, n: int, device: str) -> int:
    """How many bytes the kernels of a decomposition read and write for n elements."""
    touched = 0

    def count(call: Any) -> None:
        nonlocal touched
        if call.how == "native":
            touched += call.nbytes

    inputs, params = sized(schema, n, device)
    with corex.no_grad(), corex.observe(count):
        assert schema.decomposition is not None
        schema.decomposition(*inputs, *params)
    return touched


def sized(schema: OpSchema, n: int, device: str) -> tuple[list[Any], tuple[Any, ...]]:
    """Arguments of an op whose first input has n elements."""
    name = schema.name
    dtype = corex.float32 if corex.float32 in schema.takes else corex.int64
    a = corex.ones(n, device=device).to(dtype)
    places = corex.arange(n, device=device)
    if name in ("any", "all"):
        a = a.bool()
    given = {
        "gather": [a, places], "scatter_add": [a, places, a],
        "layer_norm": [a.reshape(1, n), a, a],
        "layer_norm_backward": [a.reshape(1, n), a.reshape(1, n), a[:1], a[:1], a],
        "mse_loss_backward": [a[0], a, a],
        "tril": [a.reshape(-1, 64)], "triu": [a.reshape(-1, 64)],
    }.get(name, [a] * len(schema.inputs))  # fmt: skip
    params = {"n": 1, "descending": False, "tanh": False, "eps": 1e-5, "diagonal": 0, "first": 0,
              "count": 1, "reverse": False}  # fmt: skip
    return given, tuple(params[p] for p in schema.params)


ON_LINES = [
    name
    for name, schema in REGISTRY.items()
    if schema.tier == 2
    and schema.cost != "products"
    and schema.family not in ("pool", "optim", "random")
]


@pytest.mark.usefixtures("core")
@pytest.mark.parametrize("name", ON_LINES)
def test_the_work_grows_as_it_is_said(name: str) -> None:
    schema = REGISTRY[name]
    small, large = 1 << 12, 1 << 15
    grown = work(schema, large, "core") / work(schema, small, "core")
    stated = GROWTH[schema.cost](large) / GROWTH[schema.cost](small)
    assert grown < 1.3 * stated
