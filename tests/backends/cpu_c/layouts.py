"""Views of backend memory in every layout, built from NumPy arrays."""

from __future__ import annotations

import numpy as np

from corex import dtypes

NUMPY = {
    dtypes.bool_: np.bool_,
    dtypes.uint8: np.uint8,
    dtypes.int32: np.int32,
    dtypes.int64: np.int64,
    dtypes.float32: np.float32,
    dtypes.float64: np.float64,
}
DTYPE = {np.dtype(value): key for key, value in NUMPY.items()}
LAYOUTS = ("contiguous", "transposed", "stepped", "negative", "permuted")


def allocate(backend, nbytes):
    """Memory with known content around what is written."""
    buffer = backend.allocate(nbytes, 0)
    memoryview(buffer)[:] = b"\xa5" * nbytes
    return buffer


def as_array(view):
    """The NumPy array that is the view, sharing memory."""
    buffer, dtype, shape, strides, offset = view
    kind = np.dtype(NUMPY[dtype])
    flat = np.frombuffer(memoryview(buffer), dtype=np.uint8)
    count = len(flat) // kind.itemsize
    flat = flat[: count * kind.itemsize].view(kind)
    if 0 in shape:
        return np.empty(shape, kind)
    return np.lib.stride_tricks.as_strided(
        flat[offset:], shape, [step * kind.itemsize for step in strides]
    )


def dense(backend, shape, dtype):
    """A contiguous view, content undefined."""
    shape = tuple(shape)
    count = int(np.prod(shape, dtype=np.int64))
    strides = tuple(int(np.prod(shape[d + 1 :], dtype=np.int64)) for d in range(len(shape)))
    itemsize = np.dtype(NUMPY[dtype]).itemsize
    return (allocate(backend, (count + 3) * itemsize), dtype, shape, strides, 3)


def empty_view(backend, shape, dtype, layout="contiguous"):
    """A view of undefined content, laid out as asked."""
    shape, ndim = tuple(shape), len(shape)
    if layout == "contiguous" or ndim == 0:
        return dense(backend, shape, dtype)
    if layout == "transposed":
        buffer, _, _, strides, offset = dense(backend, shape[::-1], dtype)
        return (buffer, dtype, shape, strides[::-1], offset)
    if layout == "permuted":
        order = list(range(1, ndim)) + [0]
        buffer, _, _, strides, offset = dense(backend, [shape[d] for d in order], dtype)
        where = {d: k for k, d in enumerate(order)}
        return (buffer, dtype, shape, tuple(strides[where[d]] for d in range(ndim)), offset)
    wide = tuple(2 * size for size in shape)
    buffer, _, _, strides, offset = dense(backend, wide, dtype)
    strides = tuple(2 * step for step in strides)
    if layout == "negative":
        offset += sum((size - 1) * step for size, step in zip(shape, strides, strict=True) if size)
        strides = tuple(-step for step in strides)
    return (buffer, dtype, shape, strides, offset)


def put(backend, array, layout="contiguous"):
    """A view with the values of `array`."""
    array = np.asarray(array)
    view = empty_view(backend, array.shape, DTYPE[array.dtype], layout)
    as_array(view)[...] = array
    return view


def broadcast(view, shape):
    """The view with stride 0 where its size is 1 and that of `shape` is not."""
    buffer, dtype, own, strides, offset = view
    lead = len(shape) - len(own)
    own, strides = (1,) * lead + own, (0,) * lead + strides
    steps = tuple(
        0 if a == 1 and b != 1 else step for a, b, step in zip(own, shape, strides, strict=True)
    )
    return (buffer, dtype, tuple(shape), steps, offset)


def ulps(got, want):
    """How far `got` is from the float64 `want`, in units of got's last place, at most."""
    got = np.asarray(got)
    want = np.asarray(want, np.float64)
    rounded = want.astype(got.dtype)
    special = ~np.isfinite(rounded) | ~np.isfinite(got)
    same = (got == rounded) | (np.isnan(got) & np.isnan(rounded))
    spacing = np.spacing(np.abs(np.where(special, 1, rounded))).astype(np.float64)
    with np.errstate(invalid="ignore"):
        distance = np.abs(got.astype(np.float64) - want) / spacing
    return float(np.max(np.where(same, 0.0, np.where(special, np.inf, distance)), initial=0.0))
