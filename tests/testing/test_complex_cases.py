"""Complex numbers in the suite: how they are compared, which faults are found, what second
derivatives show."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
import pytest

from corex.dispatch import parts
from corex.ops.pointwise import complex_steps
from corex.tensor.schema import REGISTRY
from corex.testing.arrays import Expected
from corex.testing.case import parse
from corex.testing.compare import compare
from corex.testing.flushing import flushed
from corex.testing.result import PASSED, UNSUPPORTED, Result
from corex.testing.suite import generate, run_case

INF, NAN = float("inf"), float("nan")


def run(case_id: str, backend: str = "reference_py") -> Result:
    return run_case(backend, 0, parse(case_id))


# ---- comparison --------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("got", "wanted", "right"),
    [
        (1e-16 + 1j, 1j, True),  # a part that cancels has no digits
        (1e-14 + 1j, 1j, False),
        (complex(INF, 1), complex(INF, 1 + 4e-16), True),
        (complex(INF, 1), complex(INF, 1.1), False),
        (complex(INF, 1), complex(-INF, 1), False),
        (complex(INF, NAN), complex(INF, NAN), True),
        (complex(NAN, 0), complex(NAN, NAN), False),
        (complex(INF, NAN), complex(NAN, INF), False),
        (complex(1, NAN), 1, False),
    ],
)
def test_numbers_are_compared_as_points_and_infinities_part_by_part(
    got: complex, wanted: complex, right: bool
) -> None:
    found = compare(np.array([got]), Expected(np.array([wanted])))
    assert (found == []) is right, found


def test_a_scale_of_parts_bounds_what_stands_beside_an_infinity() -> None:
    got, wanted = np.array([complex(INF, 1)]), np.array([complex(INF, 1 + 1e-13)])
    assert compare(got, Expected(wanted))
    assert not compare(got, Expected(wanted, scale=np.array([complex(INF, 1000)])))


def test_an_infinity_beside_nan_may_have_either_sign_where_that_is_open() -> None:
    got, wanted = np.array([complex(-INF, NAN)]), np.array([complex(INF, NAN)])
    assert compare(got, Expected(wanted))
    assert not compare(got, Expected(wanted, signed=False))
    assert compare(np.array([complex(-INF, 0)]), Expected(np.array([INF + 0j]), signed=False))


def test_parts_are_flushed_each_by_itself() -> None:
    (found,) = flushed(np.array([complex(1e-42, -1)]), "complex64")  # type: ignore[misc]
    assert found == -1j


# ---- ways --------------------------------------------------------------------------------------
def test_cases_are_made_for_both_dtypes_and_both_modes() -> None:
    for mode in ("test", "grad"):
        seen = {(c.op, c.fields["dtype"]) for c in generate([mode]) if "dtype" in c.fields}
        for op in ("add", "mul", "exp", "where", "index", "matmul", "conv2d", "sum", "cumsum"):
            assert {(op, "complex64"), (op, "complex128")} <= seen, (mode, op)
        assert ("amax", "complex64") not in seen


@pytest.mark.parametrize(
    ("case_id", "way"),
    [
        ("add(dtype=complex64,shapes=[(3,5),(3,5)],layout=negative)", "parts"),
        ("exp(dtype=complex64,shapes=[(3,6)],layout=stepped)", "decomposed"),
        ("mul(dtype=complex64,shapes=[(4,5),(4,5)],layout=dense,sharing=same)", "decomposed"),
        ("mul(dtype=complex64,shapes=[(4,5),(4,5)],layout=mixed,sharing=shared)", "decomposed"),
        ("exp(dtype=complex128,shapes=[(4,9)],layout=transposed,sharing=inplace)", "decomposed"),
        ("support:sum(dtype=complex64)", "parts"),
        ("support:exp(dtype=complex64)", "decomposed"),
    ],
)
def test_the_way_is_told(case_id: str, way: str) -> None:
    result = run(case_id)
    assert result.good, result
    assert result.how == way


def test_tensors_have_no_negative_strides() -> None:
    result = run("exp(dtype=complex64,shapes=[(2,3,4)],layout=negative)")
    assert result.status == UNSUPPORTED, result


# ---- faults ------------------------------------------------------------------------------------
def patched(monkeypatch: pytest.MonkeyPatch, op: str, **fields: Any) -> None:
    """The declaration of an op with other fields, which no plan of before remembers."""
    schema = REGISTRY[op]
    for name, value in {**fields, "_plans": {}, "_complex_plans": {}}.items():
        monkeypatch.setattr(schema, name, value)


def test_a_derivative_without_its_conjugates_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    case = "grad:exp(dtype=complex128,shapes=[(2,3)])"
    assert run(case).status == PASSED
    patched(monkeypatch, "exp", analytic=False)
    assert "gradient" in run(case).faults


@pytest.mark.parametrize("dtype", ["float64", "complex128"])
def test_a_derivative_that_has_none_itself_is_found(
    monkeypatch: pytest.MonkeyPatch, dtype: str
) -> None:
    case = f"grad:sin(dtype={dtype},shapes=[(2,3)])"
    assert run(case).status == PASSED
    patched(monkeypatch, "sin", derivative={"a": lambda g, a: g * a.detach().cos()}, fast=None)
    assert run(case).faults == ["second"]


def test_a_formula_that_makes_nan_of_an_infinity_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    case = "sinh(dtype=complex128,shapes=[(49,)],layout=dense,values=special)"
    assert run(case).status == PASSED
    patched(monkeypatch, "sinh", complex_steps=_textbook_sinh)
    assert run(case).faults == ["special"]


def _textbook_sinh(a: Any) -> Any:
    x, y = a.real, a.imag
    return complex_steps.joined(x.sinh() * y.cos(), x.cosh() * y.sin())


def test_a_kernel_for_one_part_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    case = "add(dtype=complex64,shapes=[(3,5),(3,5)],layout=offset)"
    monkeypatch.setattr(parts, "both", partial(parts.part, number=0))
    assert run(case).faults[0] in ("values", "unwritten")


def test_steps_that_write_to_their_input_are_found(monkeypatch: pytest.MonkeyPatch) -> None:
    steps = REGISTRY["exp"].complex_steps
    assert steps is not None

    def careless(a: Any) -> Any:
        result = steps(a)
        a.imag.zero_()
        return result

    patched(monkeypatch, "exp", complex_steps=careless)
    assert run("exp(dtype=complex64,shapes=[(3,6)],layout=stepped)").faults == ["inputs"]
