"""Every function of complex numbers gives PyTorch's values at their special points."""

from __future__ import annotations

import re

import numpy as np
import pytest

import corex
from tests.special_points.complex_points import (
    DTYPES,
    INPUTS,
    MEANT,
    difference,
    lines,
    literal,
    load,
    run,
)

LITERALS = load()


@pytest.mark.usefixtures("each_backend")
@pytest.mark.parametrize("dtype", DTYPES)
def test_answers_are_the_literals(dtype: str) -> None:
    found = [
        difference(line, dtype, run(corex, line, dtype), literal(LITERALS[dtype][line]))
        for line in lines()
    ]
    assert not any(found), "\n".join(filter(None, found))


@pytest.mark.parametrize("dtype", DTYPES)
def test_every_line_has_literals(dtype: str) -> None:
    assert list(LITERALS[dtype]) == lines(), (
        "the table has changed: run `python -m tests.special_points.complex_points` with PyTorch"
    )


def test_every_meant_difference_has_a_line() -> None:
    for pattern, _ in MEANT:
        assert any(re.search(pattern, line) for line in lines()), pattern


@pytest.mark.parametrize("name", ["div", "pow", "reciprocal", "rsqrt", "exp", "sgn"])
def test_an_element_is_computed_as_alone(name: str) -> None:
    """A special point among others changes none of them, nor how it lies what it becomes."""
    function, count = getattr(corex, name), 2 if name in ("div", "pow") else 1
    kinds = [np.array(INPUTS[k], "complex64") for k in ("p", "q")[:count]]
    rng = np.random.default_rng(0)
    calm = (rng.standard_normal(kinds[0].shape) + 1j * rng.standard_normal(kinds[0].shape)).astype(
        "complex64"
    )
    alone = function(*[corex.tensor(calm)] * count).numpy()
    for step in (2, 3):
        mixed = [calm.copy() for _ in kinds]
        for values, kind in zip(mixed, kinds, strict=True):
            values[::step] = kind[::step]
        found = function(*[corex.tensor(values) for values in mixed]).numpy()
        keep = np.arange(len(calm)) % step != 0
        assert (found[keep] == alone[keep]).all()
        apart = [corex.tensor(np.stack([values, calm], 1))[:, 0] for values in mixed]
        assert function(*apart).numpy().tobytes() == found.tobytes()
