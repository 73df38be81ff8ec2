"""The dtypes of the backend: its rows in Python and in CUDA are those of corex."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from corex import dtypes
from corex.backend import DTYPES

elements = pytest.importorskip("corex_cuda_pycuda.elements")

TYPES = Path(elements.__file__).with_name("kernels") / "types.cuh"


def test_rows_are_those_of_corex() -> None:
    assert set(elements.C_TYPES) == set(DTYPES)
    rows = re.findall(r"^ROW\(([^,]+), [^,]+, [^,]+, (\w+), (\d+)\)", TYPES.read_text(), re.M)
    assert {name: (floating == "true", int(digits)) for name, floating, digits in rows} == {
        elements.C_TYPES[dtype]: (dtype.is_floating_point, dtype.digits) for dtype in DTYPES
    }


def test_sets_are_by_kind_and_no_more_than_the_rows() -> None:
    for name, kinds in (("FLOAT", "f"), ("INTEGER", "ui"), ("BITS", "bui"), ("NUMBER", "uif")):
        assert getattr(elements, name) == dtypes.of_kinds(kinds) & set(DTYPES)
    assert set(elements.C_TYPES) == elements.ALL
    assert elements.in_order(elements.ALL) == sorted(DTYPES, key=lambda dtype: dtype.index)
    assert {dtype.itemsize for dtype in elements.ALL} == set(elements.WORDS)


def test_a_dtype_to_come_is_claimed_by_no_kernel(cuda: Any) -> None:
    later = dtypes.DType(dtypes.Row("float16", 2, "f", "e", "Half", "f2", 2, "F16", (), 11), 99)
    for op in cuda.kernels:
        assert not any(cuda.select(op, (later,) * count) for count in range(1, 7)), op
