"""The short cuts for dense operands: no views, no layouts, and the result is allocated here."""

from __future__ import annotations

import struct
from math import prod
from typing import Any, Final

from corex.backend import Buffer, DirectKernel, View
from corex.dtypes import DType, iinfo
from corex_cuda_pycuda.ops import loss, pointwise, reduce
from corex_cuda_pycuda.ops.packing import NARROW_COUNT
from corex_cuda_pycuda.ops.pointwise import ARRAY, NUMBER_GIVEN, Op, launcher
from corex_cuda_pycuda.runtime import device_of

MASK: Final = (1 << 64) - 1
PARAMETERS: Final = ("gelu", "gelu_backward")
"""These take more than operands."""
NUMBERS: Final = (float, int, bool)
Shape = tuple[int, ...]


def direct(op: str, dtype: DType) -> DirectKernel | None:
    """The short cut for `op` on operands of `dtype`, or None."""
    if op in ("sum", "mean"):
        return _reduction(op, dtype) if dtype in reduce.TAKES[op] else None
    if op in ("mse_loss", "mse_loss_backward"):
        make = _mse_loss if op == "mse_loss" else _mse_loss_backward
        return make(dtype) if dtype.is_floating_point else None
    row = pointwise.OPS.get(op)
    if row is None or op in PARAMETERS or op not in pointwise.KERNELS or row.arity > 2:
        return None
    if dtype not in pointwise.TAKES[op]:
        return None
    return _unary(row, dtype) if row.arity == 1 else _binary(row, dtype)


# ---- elementwise ---------------------------------------------------------------------------
def _index(count: int) -> str:
    return "int" if count < NARROW_COUNT else "long long"


def _unary(op: Op, dtype: DType) -> DirectKernel:
    size = dtype.itemsize
    out_size = 1 if op.to_bool else size

    def call(shape: Shape, a: Buffer, a_offset: int) -> Buffer:
        count = prod(shape)
        device = device_of(a)
        out = device.allocate(count * out_size)
        if count:
            addresses = [out.ptr, a.ptr + a_offset * size]
            launcher(device, op, dtype, _index(count)).run_dense(count, (ARRAY,), addresses)
        return out

    return call


def _binary(op: Op, dtype: DType) -> DirectKernel:
    size = dtype.itemsize
    out_size = 1 if op.to_bool else size
    low, high = -(1 << 63), MASK
    if op.to_bool and dtype.kind in "ui":
        low, high = iinfo(dtype).min, iinfo(dtype).max

    def call(shape: Shape, a: Any, a_offset: int, b: Any, b_offset: int) -> Buffer | None:
        count = prod(shape)
        a_given, b_given = type(a) in NUMBERS, type(b) in NUMBERS
        for number, given in ((a, a_given), (b, b_given)):
            if given and type(number) is int and not low <= number <= high:
                return None  # not to be compared exactly, or no number of 64 bits
        device = device_of(b if a_given else a)
        out = device.allocate(count * out_size)
        if count:
            sources = (NUMBER_GIVEN if a_given else ARRAY, NUMBER_GIVEN if b_given else ARRAY)
            addresses = [
                out.ptr,
                _bits(a, dtype) if a_given else a.ptr + a_offset * size,
                _bits(b, dtype) if b_given else b.ptr + b_offset * size,
            ]
            launcher(device, op, dtype, _index(count)).run_dense(count, sources, addresses)
        return out

    return call


_DOUBLE: Final = struct.Struct("=d")
_WORD: Final = struct.Struct("=Q")


def _bits(value: Any, dtype: DType) -> int:
    """A number as kernels take it: the bits of a double, or of a long long."""
    if dtype.is_floating_point:
        return int(_WORD.unpack(_DOUBLE.pack(value))[0])
    return int(value) & MASK


# ---- over all elements ---------------------------------------------------------------------
def _line(buffer: Buffer, dtype: DType, count: int, offset: int) -> View:
    return (buffer, dtype, (count,), (1,), offset)


def _reduction(op: str, dtype: DType) -> DirectKernel:
    def call(shape: Shape, a: Buffer, a_offset: int) -> Buffer:
        out = device_of(a).allocate(dtype.itemsize)
        reduce.run(op, (out, dtype, (), (), 0), _line(a, dtype, prod(shape), a_offset))
        return out

    return call


def _mse_loss(dtype: DType) -> DirectKernel:
    def call(shape: Shape, a: Buffer, a_offset: int, b: Buffer, b_offset: int) -> Buffer:
        out = device_of(a).allocate(dtype.itemsize)
        count = prod(shape)
        first, second = _line(a, dtype, count, a_offset), _line(b, dtype, count, b_offset)
        loss.mse_loss((out, dtype, (), (), 0), first, second)
        return out

    return call


def _mse_loss_backward(dtype: DType) -> DirectKernel:
    def call(
        shape: Shape, g: Buffer, g_offset: int, a: Buffer, a_offset: int, b: Buffer, b_offset: int
    ) -> Buffer:
        count = prod(shape)
        out = device_of(a).allocate(count * dtype.itemsize)
        pointwise.mse_loss_backward(
            _line(out, dtype, count, 0),
            (g, dtype, (), (), g_offset),
            _line(a, dtype, count, a_offset),
            _line(b, dtype, count, b_offset),
        )
        return out

    return call
