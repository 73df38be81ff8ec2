"""The rows of the dtypes, and what follows from them: promotion, limits, names."""

from __future__ import annotations

import pickle
import struct

import numpy as np
import pytest

import corex
from corex import dtypes
from corex.dtypes import ALL, DType, Row

# Rows that PyTorch has and corex has not, yet: the rules hold for them as well.
LATER = (
    Row("complex64", 8, "c", "", "ComplexFloat", "c8", 5, "C64", (), 24, (-126, 127)),
    Row("complex128", 16, "c", "", "ComplexDouble", "c16", 5, "C128", (), 53, (-1022, 1023)),
)

# PyTorch's table (torch.promote_types): the result for every pair, written out.
TABLE = """
           bool  uint8 int8  int16 int32 int64 float16 bfloat16 float32 float64 complex64 complex128
bool       bool  uint8 int8  int16 int32 int64 float16 bfloat16 float32 float64 complex64 complex128
uint8      uint8 uint8 int16 int16 int32 int64 float16 bfloat16 float32 float64 complex64 complex128
int8       int8  int16 int8  int16 int32 int64 float16 bfloat16 float32 float64 complex64 complex128
int16      int16 int16 int16 int16 int32 int64 float16 bfloat16 float32 float64 complex64 complex128
int32      int32 int32 int32 int32 int32 int64 float16 bfloat16 float32 float64 complex64 complex128
int64      int64 int64 int64 int64 int64 int64 float16 bfloat16 float32 float64 complex64 complex128
float16    float16 float16 float16 float16 float16 float16 float16 float32 float32 float64 complex64 complex128
bfloat16   bfloat16 bfloat16 bfloat16 bfloat16 bfloat16 bfloat16 float32 bfloat16 float32 float64 complex64 complex128
float32    float32 float32 float32 float32 float32 float32 float32 float32 float32 float64 complex64 complex128
float64    float64 float64 float64 float64 float64 float64 float64 float64 float64 float64 complex128 complex128
complex64  complex64 complex64 complex64 complex64 complex64 complex64 complex64 complex64 complex64 complex128 complex64 complex128
complex128 complex128 complex128 complex128 complex128 complex128 complex128 complex128 complex128 complex128 complex128 complex128 complex128
"""  # noqa: E501


BARE = {"uint16", "uint32", "uint64"}  # of which PyTorch's table has floats alone


def literal() -> dict[tuple[str, str], str]:
    header, *rows = [line.split() for line in TABLE.strip().splitlines()]
    return {
        (row[0], other): result
        for row in rows
        for other, result in zip(header, row[1:], strict=True)
    }


def test_promotion_is_the_literal_table() -> None:
    table = literal()
    assert len(table) == 12 * 12
    known = {(a.name, b.name): c.name for (a, b), c in dtypes.PROMOTION.items()}
    assert {pair: name for pair, name in known.items() if not BARE & {*pair}} == {
        pair: name for pair, name in table.items() if {*pair} <= {*dtypes.BY_NAME}
    }


def test_the_rule_holds_for_dtypes_to_come() -> None:
    new = [row for row in LATER if row.name not in dtypes.BY_NAME]
    rows = [*ALL, *[DType(row, len(ALL) + i) for i, row in enumerate(new)]]
    found = {(a.name, b.name): c.name for (a, b), c in dtypes.Promotion(rows).items()}
    assert {pair: name for pair, name in found.items() if not BARE & {*pair}} == literal()


@pytest.mark.parametrize("name", sorted(BARE))
def test_wide_unsigned_ones_meet_floats_alone(name: str) -> None:
    unsigned = dtypes.by_name(name)
    for other in ALL:
        if other is unsigned or other.is_floating_point:
            assert dtypes.promote_types(unsigned, other) is other
        else:
            with pytest.raises(RuntimeError, match=f"attempted to promote {unsigned.scalar} and"):
                dtypes.promote_types(unsigned, other)
            assert (unsigned, other) not in dtypes.PROMOTION


@pytest.mark.parametrize("dtype", ALL, ids=repr)
def test_a_row_agrees_with_numpy_and_struct(dtype: DType) -> None:
    if not dtype.numpy:
        pytest.skip("NumPy has no such dtype")
    theirs = np.dtype(dtype.numpy)
    assert (theirs.name, theirs.kind, theirs.itemsize) == (dtype.name, dtype.kind, dtype.itemsize)
    assert struct.calcsize(f"={dtype.format}") == dtype.itemsize
    if dtype.kind == "f":
        mine, wanted = dtypes.finfo(dtype), np.finfo(theirs)
        for name in ("bits", "eps", "max", "min", "tiny", "smallest_normal", "resolution"):
            mine_, theirs_ = getattr(mine, name), getattr(wanted, name)
            assert np.isclose(float(mine_), float(theirs_), rtol=mine.eps)
    elif dtype.kind != "b":
        assert (dtypes.iinfo(dtype).min, dtypes.iinfo(dtype).max) == (
            np.iinfo(theirs).min,
            np.iinfo(theirs).max,
        )


@pytest.mark.parametrize("dtype", ALL, ids=repr)
def test_every_name_is_public(dtype: DType) -> None:
    assert ALL[dtype.index] is dtype
    for name in (dtype.name, *dtype.aliases):
        assert getattr(corex, name) is dtype
        assert name in corex.__all__
    assert pickle.loads(pickle.dumps(dtype)) is dtype
    tensor = corex.zeros(2, dtype=dtype)
    assert tensor.type() == f"corex.{dtype.type_name}"
    assert corex.ones(2).type(dtype.type_name).dtype is dtype
    if dtype.name not in BARE:
        assert getattr(corex.ones(2), dtype.scalar.lower())().dtype is dtype


def test_rows_are_told_apart() -> None:
    for names in (
        [dtype.name for dtype in ALL],
        [dtype.scalar for dtype in ALL],
        [dtype.safetensors for dtype in ALL],
        [(dtype.dlpack, dtype.itemsize) for dtype in ALL],
        [dtype.numpy for dtype in ALL],
    ):
        assert len(set(names)) == len(ALL)
    assert all(dtype.compute is None or dtype.compute.compute is None for dtype in ALL)


def test_random_fills_with_what_the_dtype_holds() -> None:
    for dtype in ALL:
        drawn = corex.zeros(4000, dtype=dtype).random_()
        most = min(1 << dtype.digits, 2**63 - 1)
        assert drawn.min().item() >= 0
        assert most * 0.99 - 1 <= drawn.max().item() <= most
