"""Random programs in both libraries; `make fuzz` runs many more."""

from __future__ import annotations

import pytest

from tests.fuzz.run import run, seeds

SLICES, EACH = 20, 100


@pytest.mark.parametrize("part", range(SLICES))
def test_random_programs(part: int) -> None:
    failures = seeds(part * EACH, EACH, "cpu_c", show=1)
    assert failures == [], failures[0]


def test_random_programs_on_the_reference() -> None:
    failures = seeds(SLICES * EACH, EACH, "reference_py", show=1)
    assert failures == [], failures[0]


def test_a_difference_is_found() -> None:
    # Something in which corex is known to differ: an op of its own would do as well.
    statements = [
        "t1 = lib.tensor([1.0, 2.0], dtype=lib.float64)",
        "t2 = t1 + 1 if lib.__name__ == 'torch' else t1 + 2",
        "t3 = t1 * 2",
    ]
    assert "t2 is [3.0, 4.0], not [2.0, 3.0]" in str(run(statements, deep=True))
