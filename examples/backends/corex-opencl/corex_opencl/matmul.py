"""Matrix products: small ones element by element, the others in tiles of packed matrices."""

from __future__ import annotations

import struct
from collections.abc import Mapping
from functools import partial

import numpy as np
import pyopencl as cl

from corex.backend import Kernel, View
from corex.dtypes import DType

from .devices import Device
from .memory import Memory
from .programs import TYPES, UNSIGNED, Source, title, type_defines
from .scratch import apart

ROWS = 4  # of a tile
VECTOR = {1: 8, 4: 8, 8: 4}  # columns of a tile, by the size of an element
SMALL = 16**3  # multiplications that are not worth packing the matrices

_MATRIX = struct.Struct("<4q")
_SIZES = struct.Struct("<7q")


def _source(dtype: DType, fp64: bool) -> Source:
    name = UNSIGNED[TYPES[dtype.name]]
    width = VECTOR[dtype.itemsize]
    defines = (
        *((key, name if key == "T" else value) for key, value in type_defines(dtype, fp64)),
        ("ROWS", str(ROWS)),
        ("V", str(width)),
        ("TV", f"{name}{width}"),
        ("LOAD", f"vload{width}"),
        ("STORE", f"vstore{width}"),
    )
    return Source(title("matmul", [dtype]), ("matmul",), defines)


def _function(device: Device, dtype: DType, name: str) -> cl.Kernel:
    # Two's complement: a product of signed integers has the bits of the unsigned one.
    return device.function(("matmul", dtype, name), name, partial(_source, dtype, device.fp64))


def _matrix(view: View) -> bytes:
    return _MATRIX.pack(view[4], *view[3])


def _packed(view: View, rows: int, columns: int, turn: int) -> tuple[Memory, np.int64]:
    """The matrices of a view in dense memory, and the step from one to the next.

    Each has `rows` x `columns` elements; one that all batches share is packed once.
    """
    buffer, dtype, shape, strides, _ = view
    device: Device = buffer.device
    batches = shape[0] if strides[0] else 1
    count = batches * rows * columns
    memory = device.scratch(count * dtype.itemsize)
    sizes = map(np.int64, (shape[1], shape[2], rows, columns, turn, batches))
    device.launch(
        _function(device, dtype, "pack"), count, memory.ptr, buffer.ptr, _matrix(view), *sizes
    )
    return memory, np.int64(rows * columns if batches > 1 else 0)


def _ceiling(size: int, step: int) -> int:
    return -(-size // step) * step


def multiply(out: View, a: View, b: View, bias: View | None) -> None:
    """(B, M, K) x (B, K, N) + (N,) -> (B, M, N)."""
    batches, m, n = out[2]
    k = a[2][2]
    if batches * m * n == 0:
        return
    device: Device = out[0].device
    dtype = out[1]
    added = out if bias is None else bias
    bias_place = (0, 0, 0) if bias is None else (1, bias[4], bias[3][0])
    sizes = _SIZES.pack(batches, m, n, k, *bias_place)
    if batches * m * n * k <= SMALL or k == 0:
        a, b = apart(a, out), apart(b, out)
        device.launch(
            _function(device, dtype, "plain"),
            batches * m * n,
            *(view[0].ptr for view in (out, a, b, added)),
            *map(_matrix, (out, a, b)),
            sizes,
        )
        return
    width = VECTOR[dtype.itemsize]
    rows, columns = _ceiling(m, ROWS), _ceiling(n, width)
    left, left_step = _packed(a, rows, k, ROWS)
    right, right_step = _packed(b, k, columns, 0)
    device.launch_groups(
        _function(device, dtype, "tiles"),
        (_ceiling(columns // width, 16), _ceiling(rows // ROWS, 4), batches),
        (16, 4, 1),
        out[0].ptr,
        left.ptr,
        right.ptr,
        added[0].ptr,
        _matrix(out),
        sizes,
        np.int64(rows),
        np.int64(columns),
        left_step,
        right_step,
    )


def matmul(out: View, a: View, b: View) -> None:
    """(B, M, K) x (B, K, N) -> (B, M, N)."""
    multiply(out, a, b, None)


def linear(out: View, a: View, weight: View, bias: View | None) -> None:
    """(M, K) x (N, K)^T + (N,) -> (M, N)."""
    buffer, dtype, (n, k), (per_row, per_column), offset = weight
    turned = (buffer, dtype, (1, k, n), (0, per_column, per_row), offset)
    multiply(_one(out), _one(a), turned, bias)


def _one(view: View) -> View:
    """A matrix as a batch of one."""
    buffer, dtype, shape, strides, offset = view
    return (buffer, dtype, (1, *shape), (0, *strides), offset)


KERNELS: Mapping[str, Kernel] = {"matmul": matmul, "linear": linear}
