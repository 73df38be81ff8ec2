"""The special points against PyTorch itself, and the literals that `make test` compares with."""

from __future__ import annotations

import pytest

import corex
from tests.special_points import complex_points
from tests.special_points.calls import lines
from tests.special_points.differences import compared
from tests.special_points.literals import decoded, encoded, load
from tests.special_points.points import DTYPES
from tests.special_points.run import run

torch = pytest.importorskip("torch")
PARTS = 8


@pytest.mark.usefixtures("each_backend")
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("part", range(PARTS))
def test_answers_are_those_of_pytorch(dtype: str, part: int) -> None:
    found = []
    for line in lines()[part::PARTS]:
        found += compared(line, dtype, run(corex, line, dtype), run(torch, line, dtype))
    assert not found, "\n".join(found)


@pytest.mark.parametrize("dtype", DTYPES)
def test_the_literals_are_those_of_pytorch(dtype: str) -> None:
    literals = load()[dtype]
    found = []
    for line in lines():
        theirs = run(torch, line, dtype)
        found += compared(line, dtype, decoded(literals[line]), theirs)
        assert set(encoded(theirs)) == set(literals[line])
    assert not found, "\n".join(found)


@pytest.mark.usefixtures("each_backend")
@pytest.mark.parametrize("dtype", complex_points.DTYPES)
def test_answers_at_complex_points_are_those_of_pytorch(dtype: str) -> None:
    found = []
    for line in complex_points.lines():
        ours, theirs = (complex_points.run(lib, line, dtype) for lib in (corex, torch))
        found.append(complex_points.difference(line, dtype, ours, theirs))
    assert not any(found), "\n".join(filter(None, found))


@pytest.mark.parametrize("dtype", complex_points.DTYPES)
def test_the_literals_of_complex_points_are_those_of_pytorch(dtype: str) -> None:
    literals = complex_points.load()[dtype]
    for line in complex_points.lines():
        theirs = complex_points.run(torch, line, dtype)
        written = complex_points.literal(literals[line])
        assert complex_points.difference(line, dtype, written, theirs) == ""
