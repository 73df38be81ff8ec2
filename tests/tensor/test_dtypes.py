"""The rows of the dtypes, and what follows from them: promotion, limits, names."""

from __future__ import annotations

import pickle
import struct
from typing import Any

import numpy as np
import pytest

import corex
from corex import dtypes
from corex.dtypes import ALL, DType

# PyTorch's table (torch.promote_types): the result for every pair, written out.
TABLE = """
           bool uint8 int8 int16 int32 int64 float16 bfloat16 float32 float64 complex32 complex64 complex128
bool       bool uint8 int8 int16 int32 int64 float16 bfloat16 float32 float64 complex32 complex64 complex128
uint8      uint8 uint8 int16 int16 int32 int64 float16 bfloat16 float32 float64 complex32 complex64 complex128
int8       int8 int16 int8 int16 int32 int64 float16 bfloat16 float32 float64 complex32 complex64 complex128
int16      int16 int16 int16 int16 int32 int64 float16 bfloat16 float32 float64 complex32 complex64 complex128
int32      int32 int32 int32 int32 int32 int64 float16 bfloat16 float32 float64 complex32 complex64 complex128
int64      int64 int64 int64 int64 int64 int64 float16 bfloat16 float32 float64 complex32 complex64 complex128
float16    float16 float16 float16 float16 float16 float16 float16 float32 float32 float64 complex32 complex64 complex128
bfloat16   bfloat16 bfloat16 bfloat16 bfloat16 bfloat16 bfloat16 float32 bfloat16 float32 float64 complex64 complex64 complex128
float32    float32 float32 float32 float32 float32 float32 float32 float32 float32 float64 complex64 complex64 complex128
float64    float64 float64 float64 float64 float64 float64 float64 float64 float64 float64 complex128 complex128 complex128
complex32  complex32 complex32 complex32 complex32 complex32 complex32 complex32 complex64 complex64 complex128 complex32 complex64 complex128
complex64  complex64 complex64 complex64 complex64 complex64 complex64 complex64 complex64 complex64 complex128 complex64 complex64 complex128
complex128 complex128 complex128 complex128 complex128 complex128 complex128 complex128 complex128 complex128 complex128 complex128 complex128 complex128
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
    assert len(table) == 13 * 13
    known = {(a.name, b.name): c.name for (a, b), c in dtypes.PROMOTION.items()}
    assert {pair: name for pair, name in known.items() if not BARE & {*pair}} == table


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


@pytest.mark.parametrize("dtype", [dtype for dtype in ALL if dtype.numpy], ids=repr)
def test_a_row_agrees_with_numpy_and_struct(dtype: DType) -> None:
    theirs = np.dtype(dtype.numpy)
    assert (theirs.name, theirs.kind, theirs.itemsize) == (dtype.name, dtype.kind, dtype.itemsize)
    if dtype.format:
        assert struct.calcsize(f"={dtype.format}") == dtype.itemsize
    if dtype.kind in "fc":
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
        method = dtype.aliases[0] if dtype.is_complex else dtype.scalar.lower()
        assert getattr(corex.ones(2), method)().dtype is dtype


def test_rows_are_told_apart() -> None:
    for names in (
        [dtype.name for dtype in ALL],
        [dtype.scalar for dtype in ALL],
        [dtype.safetensors or dtype.name for dtype in ALL],
        [(dtype.dlpack, dtype.itemsize) for dtype in ALL],
        [dtype.numpy or dtype.name for dtype in ALL],
    ):
        assert len(set(names)) == len(ALL)
    assert all(dtype.compute is None or dtype.compute.compute is None for dtype in ALL)


def test_random_fills_with_what_the_dtype_holds() -> None:
    for dtype in ALL:
        if dtype.is_complex:
            continue
        drawn = corex.zeros(4000, dtype=dtype).random_()
        most = min(1 << dtype.digits, 2**63 - 1)
        assert drawn.min().item() >= 0
        assert most * 0.99 - 1 <= drawn.max().item() <= most


# ---- the same memory as another dtype ----------------------------------------------------------
def test_a_view_as_another_dtype_shares_the_memory() -> None:
    a = corex.tensor([[0.0, 1.0], [2.0, -1.0]])
    bits = a.view(corex.int32)
    assert bits.tolist() == a.numpy().view("i4").tolist()
    bits[0, 0] = 0x40400000
    assert a[0, 0].item() == 3.0
    assert a.view(corex.uint8).tolist() == a.numpy().view("u1").tolist()
    assert a[1:].view(corex.int16).stride() == (4, 1)
    assert a[1:].view(dtype=corex.int64).tolist() == a.numpy()[1:].view("i8").tolist()
    assert a.t().view(corex.int32).stride() == (1, 2)
    assert corex.tensor([1, 0], dtype=corex.uint8).view(corex.bool).tolist() == [True, False]
    assert not corex.ones(2, requires_grad=True).view(corex.int32).requires_grad


def shorts(*shape: int) -> corex.Tensor:
    return corex.zeros(shape, dtype=corex.int16)


@pytest.mark.parametrize(
    ("make", "dtype", "message"),
    [
        (
            lambda: shorts(2, 3),
            corex.int32,
            r"self.size\(-1\) must be divisible by 2 to view Short",
        ),
        (lambda: shorts(5)[1:], corex.int32, r"self.storage_offset\(\) must be divisible by 2"),
        (lambda: shorts(5, 3)[:, :2], corex.int32, r"self.stride\(0\) must be divisible by 2"),
        (
            lambda: shorts(4, 4)[:, ::2],
            corex.int32,
            r"self.stride\(-1\) must be 1 to view Short as",
        ),
        (lambda: shorts(4, 4).t(), corex.int8, r"as Char \(different element sizes\), but got 4"),
        (lambda: shorts(), corex.int8, r"self.dim\(\) cannot be 0 to view Short as Char"),
    ],
)
def test_views_that_another_dtype_does_not_fit(make: Any, dtype: DType, message: str) -> None:
    with pytest.raises(RuntimeError, match=message):
        make().view(dtype)


# ---- constructors ------------------------------------------------------------------------------
OLDER = [d for d in ALL if d.name not in BARE and not d.is_complex]


@pytest.mark.parametrize("dtype", OLDER, ids=repr)
def test_the_older_constructors(dtype: DType) -> None:
    made = getattr(corex, dtype.type_name)
    assert dtype.type_name in corex.__all__
    data = made([[1, 0], [1, 1]])
    assert (data.dtype, data.tolist()) == (dtype, [[1, 0], [1, 1]])
    assert made(2, 3).shape == made(corex.Size((2, 3))).shape == (2, 3)
    assert made().shape == (0,)
    assert isinstance(data, made)
    assert not isinstance(data.to(corex.uint16), made)
    assert corex.ones(2, dtype=corex.uint16).type(made).dtype is dtype
    shared = made(data)
    shared[0, 0] = 0
    assert not data[0, 0]
    with pytest.raises(TypeError, match=f"expected a tensor of {dtype!r}, got corex.uint16"):
        made(data.to(corex.uint16))


def test_tensor_is_a_constructor_of_the_default_dtype() -> None:
    assert corex.Tensor(2, 3).dtype is corex.Tensor([1, 2]).dtype is corex.float32
    whole = corex.tensor([1, 2])
    assert corex.Tensor(whole).data_ptr() == whole.data_ptr()
    with pytest.raises(TypeError, match=r"data must be a sequence \(got float\)"):
        corex.Tensor(3.5)
    with pytest.raises(TypeError, match=r"Tensor\(\) takes sizes or one sequence"):
        corex.Tensor([1], [2])
    with pytest.raises(TypeError, match="dtype must be a type, str, or dtype object"):
        corex.ones(2).type(3)
