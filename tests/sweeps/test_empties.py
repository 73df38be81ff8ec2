"""Sizes of 0, also of views at an offset, give what PyTorch gives, forward and backward."""

from __future__ import annotations

import pytest

import corex
from tests.sweeps.calls import CALLS
from tests.sweeps.empties import KNOWN, combinations, differs, layouts, outcome, read


@pytest.mark.parametrize(
    "each_backend",
    ["cpu_c", pytest.param("reference_py", marks=pytest.mark.full)],  # it takes long
    indirect=True,
)
def test_calls_without_elements(each_backend: str) -> None:
    expected = read()
    wrong = {}
    for call in CALLS:
        for letters in combinations(call):
            theirs = expected.get((call.text, " ".join(letters)))
            for layout in layouts(call) if theirs is not None else ():
                text = differs(call, outcome(call, corex, letters, layout), theirs)
                if text:
                    wrong[f"{call.text} @ {' '.join(letters)}, {layout}"] = text
    assert wrong == {}


def test_the_table_names_calls() -> None:
    texts = {call.text for call in CALLS}
    assert {text for text, _ in read()} - texts == set()
    assert set(KNOWN) - texts - {call.name for call in CALLS} == set()
