"""The special points against PyTorch itself, and the literals that `make test` compares with."""

from __future__ import annotations

import pytest

import corex
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
