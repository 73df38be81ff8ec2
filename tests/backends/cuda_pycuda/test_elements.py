"""The dtypes of the backend: its rows in Python and in CUDA are those of corex."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from corex import dtypes
from corex.backend import DTYPES
from corex.backend.signatures import SIGNATURES

elements = pytest.importorskip("corex_cuda_pycuda.elements")

TYPES = Path(elements.__file__).with_name("kernels") / "types.cuh"


def test_rows_are_those_of_corex() -> None:
    assert set(elements.C_TYPES) == elements.HELD
    rows = re.findall(r"^ROW\(([^,]+), [^,]+, [^,]+, (\w+), (\d+)\)", TYPES.read_text(), re.M)
    assert {name: (floating == "true", int(digits)) for name, floating, digits in rows} == {
        name.removeprefix("struct "): (dtype.is_floating_point, dtype.digits)
        for dtype, name in elements.C_TYPES.items()
    }


def test_sets_are_by_kind_and_no_more_than_the_rows() -> None:
    for name, kinds in (("INTEGER", "ui"), ("BITS", "bui")):
        assert getattr(elements, name) == dtypes.of_kinds(kinds)
    assert dtypes.of_kinds("f") == elements.FLOAT | elements.HALF
    assert elements.NUMBER == elements.INTEGER | elements.FLOAT
    assert elements.NUMBER | {dtypes.bool_} == elements.ALL
    assert elements.in_order(elements.HELD) == sorted(elements.HELD, key=lambda d: d.index)
    assert elements.usual(elements.HELD) == sorted(DTYPES, key=lambda dtype: dtype.index)
    assert {dtype.itemsize for dtype in elements.HELD} == set(elements.WORDS)


def test_halves_are_moved_and_not_computed_with(cuda: Any) -> None:
    assert set(cuda.dtypes(0)) == elements.HELD | dtypes.of_kinds("c")  # complex: by their parts
    for dtype in elements.HALF:
        for op, signature in SIGNATURES.items():
            taken = cuda.select(op, signature.example(dtype)) is not None
            assert taken == (op in elements.MOVING or dtype not in signature.example(dtype)), op
