"""softmax and its like, layer normalisation: kernels that see whole rows.

The threads of a block keep a row in registers, so that it is read once, 16 bytes at a time where
memory allows. A row that is longer is cut into parts: one launch leaves what is known of each in
scratch memory, a second one makes the results. The tables have `scan.py`, `loss.py` and `band.py`
too, whose ops work on rows in ways of their own.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator
from functools import lru_cache
from typing import Final, NamedTuple

from corex.backend import Kernel, View
from corex.dtypes import DType
from corex_cuda_pycuda.elements import C_TYPES, FLOAT, usual
from corex_cuda_pycuda.ops import band, loss, scan
from corex_cuda_pycuda.ops.geometry import parts_grid, words
from corex_cuda_pycuda.ops.groups import Dim3, ceil_div, group, views
from corex_cuda_pycuda.ops.packing import NARROW_COUNT, NARROW_REACH, plan, pointer, reach
from corex_cuda_pycuda.runtime import Device, Source, device_of

HELD_VECTORS: Final = 2
"""Vectors of a row that a thread keeps, or as many elements; as in `kernels/rows.cuh`."""
MOST_THREADS = 1024
VECTOR_BYTES: Final = 16
WIDE_FROM = (1, 8)
"""From so many vectors on, rows move by vectors: where all rows begin at one, and where some do
not, so that their first and last elements go one by one."""
STATE_BYTES: Final = 24
"""The most that is left of a part."""
Shape = tuple[int, ...]


class Cut(NamedTuple):
    """How threads share rows.

    Attributes:
        width: neighbours that a thread takes at once.
        grid, block: the launch.
        parts: of each row; above 1 there are two launches.
        packed: the struct `Cut`.
        scratch: bytes that the parts leave.
    """

    width: int
    grid: Dim3
    block: Dim3
    parts: int
    packed: bytes
    scratch: int


def cut(rows: int, count: int, lanes: int, dense: bool, aligned: bool) -> Cut:
    """For `rows` rows of `count` elements, of which `lanes` are a vector.

    `dense`: whether the elements of all rows are neighbours; `aligned`: whether each begins at a
    multiple of a vector. At least eight threads share a row that long, so that their accesses are
    neighbours.
    """
    wide = dense and count >= lanes * WIDE_FROM[not aligned]
    width = lanes if wide else 1
    turns = max(1, ceil_div(count + (0 if aligned else width - 1), width))
    most = HELD_VECTORS * lanes // width
    found = group(turns, rows, min(most, ceil_div(turns, 8)), MOST_THREADS)
    parts = ceil_div(turns, found.across * most)
    part = ceil_div(turns, parts) * width
    grid = parts_grid(ceil_div(rows, found.rows), parts)
    packed = words(rows, count, parts, part)
    block = (found.across, found.rows, 1)
    return Cut(width, grid, block, parts, packed, rows * parts * STATE_BYTES if parts > 1 else 0)


def _launch(device: Device, source: Source, made: Cut, head: bytes, tail: bytes) -> None:
    """The kernel `held`; of rows in parts, `parts` and `rest`, with scratch memory between."""
    scratch = device.scratch(made.scratch) if made.scratch else None
    address = 0 if scratch is None else scratch.ptr
    arguments = head + words(address) + made.packed + tail
    for name in ("held",) if scratch is None else ("parts", "rest"):
        device.launch(device.function(source, name), made.grid, made.block, arguments)


def _aligned(row_steps: Shape, lanes: int, address: int) -> bool:
    """Whether every row begins at a multiple of a vector."""
    return address % VECTOR_BYTES == 0 and all([step % lanes == 0 for step in row_steps])


class Launch(NamedTuple):
    """How to launch a kernel of rows on one shape: all but addresses.

    Attributes:
        cut: of the rows.
        index_type: the C type of indices.
        rank: of the rows' layout (0: any).
        tail: packed: the step of each view along a row, the layout of the rows.
    """

    cut: Cut
    index_type: str
    rank: int
    tail: bytes


@lru_cache(maxsize=4096)
def _choose(lanes: int, misplaced: int, shape: Shape, *strides: Shape) -> Launch | None:
    """The launch for views of one shape, along their last dimension; None where it is empty.

    `misplaced`: the low bits of the second view's address, by which threads find vectors."""
    if not shape:  # a single number is a row of one
        shape, strides = (1,), ((1,),) * len(strides)
    count, steps = shape[-1], [s[-1] for s in strides]
    outer = plan(shape[:-1], *[s[:-1] for s in strides])
    if outer.count * count == 0:
        return None
    far = max(
        reach(outer.shape, s) + abs(step) * count
        for s, step in zip(outer.strides, steps, strict=True)
    )
    narrow = outer.narrow and outer.count * count < NARROW_COUNT and far < NARROW_REACH
    dense = all([step == 1 for step in steps])
    row_steps = outer.strides[1] if outer.shape else ()
    made = cut(outer.count, count, lanes, dense, _aligned(row_steps, lanes, misplaced))
    rows = views(outer)
    index = "int" if narrow else "long long"
    return Launch(made, index, rows.rank, words(*steps) + rows.layout)


# ---- softmax -------------------------------------------------------------------------------
def _softmax_source(functor: str, dtype: DType, index: str, rank: int, width: int) -> Source:
    defines = (
        ("OP", functor), ("T", C_TYPES[dtype]), ("INDEX", index), ("OUTER", str(rank)),
        ("WIDTH", str(width)),
    )  # fmt: skip
    return Source("softmax.cu", defines)


_softmax_source_of = lru_cache(maxsize=256)(_softmax_source)
_POINTERS: Final = struct.Struct("=3Q")


def _softmax(functor: str) -> Kernel:
    def kernel(out: View, a: View, b: View | None = None) -> None:
        second = a if b is None else b
        dtype, address = out[1], pointer(a)
        lanes = VECTOR_BYTES // dtype.itemsize
        launch = _choose(lanes, address % VECTOR_BYTES, out[2], out[3], a[3], second[3])
        if launch is None:
            return
        made = launch.cut
        source = _softmax_source_of(functor, dtype, launch.index_type, launch.rank, made.width)
        pointers = _POINTERS.pack(pointer(out), address, pointer(second))
        _launch(device_of(out[0]), source, made, pointers, launch.tail)

    return kernel


FUNCTORS: Final = {
    "softmax": "Softmax",
    "log_softmax": "LogSoftmax",
    "softmax_backward": "SoftmaxBackward",
    "log_softmax_backward": "LogSoftmaxBackward",
}


# ---- layer normalisation -------------------------------------------------------------------
def _norm_source(dtype: DType, index: str, width: int, backward: bool) -> Source:
    defines = (("T", C_TYPES[dtype]), ("INDEX", index), ("WIDTH", str(width)))
    return Source("norm.cu", (*defines, ("BACKWARD", "1")) if backward else defines)


_norm_source_of = lru_cache(maxsize=64)(_norm_source)


def _words(view: View | None) -> tuple[int, ...]:
    """A matrix or a vector as kernels take it: its address and its strides."""
    return (0, 0) if view is None else (pointer(view), *view[3])


@lru_cache(maxsize=1024)
def _norm_choose(lanes: int, misplaced: int, *given: tuple[Shape, Shape] | None) -> tuple[Cut, str]:
    """The cut for shapes and strides, the input's first, and the index type.

    `misplaced`: the low bits of the input's address, of which threads see where vectors begin."""
    held = [one for one in given if one is not None]
    (rows, count), (row_step, _) = held[0]
    far = max(reach(shape, strides) for shape, strides in held)
    index = "int" if rows * count < NARROW_COUNT and far < NARROW_REACH else "long long"
    dense = all([strides[-1] == 1 for _, strides in held])
    return cut(rows, count, lanes, dense, _aligned((row_step,), lanes, misplaced)), index


def _norm_plan(a: View, *others: View | None) -> tuple[Cut, str]:
    lanes, misplaced = VECTOR_BYTES // a[1].itemsize, pointer(a) % VECTOR_BYTES
    given = [None if view is None else view[2:4] for view in (a, *others)]
    return _norm_choose(lanes, misplaced, *given)


def layer_norm(
    out: View,
    mean: View,
    rstd: View,
    a: View,
    weight: View | None,
    bias: View | None,
    eps: float,
) -> None:
    """(a - mean) * rstd * weight + bias, along the rows of a matrix."""
    if a[2][0] == 0:
        return
    made, index = _norm_plan(a, out, weight, bias)
    source = _norm_source_of(a[1], index, made.width, False)
    numbers = (*_words(out), *_words(mean), *_words(rstd), *_words(a))
    head = struct.pack("=QqqQqQqQqqQqQq", *numbers, *_words(weight), *_words(bias))
    _launch(device_of(out[0]), source, made, head, struct.pack("=d", eps))


def layer_norm_backward(
    out: View, g: View, a: View, mean: View, rstd: View, weight: View | None
) -> None:
    """The gradient of layer_norm's input."""
    if 0 in a[2]:
        return
    made, index = _norm_plan(a, out, g, weight)
    source = _norm_source_of(a[1], index, made.width, True)
    numbers = (*_words(out), *_words(g), *_words(a), *_words(mean), *_words(rstd))
    head = struct.pack("=QqqQqqQqqQqQqQq", *numbers, *_words(weight))
    _launch(device_of(out[0]), source, made, head, b"")


# ---- the tables ----------------------------------------------------------------------------
_OWN: Final[dict[str, Callable[..., None]]] = {
    **{op: _softmax(functor) for op, functor in FUNCTORS.items()},
    "layer_norm": layer_norm,
    "layer_norm_backward": layer_norm_backward,
}
KERNELS: dict[str, Callable[..., None]] = {
    **_OWN,
    **scan.KERNELS,
    **loss.KERNELS,
    **band.KERNELS,
}


def sources() -> Iterator[Source]:
    """Every op and dtype, of rows that merge into one dimension, by elements and by vectors."""
    for dtype in usual(FLOAT):
        for width in (1, VECTOR_BYTES // dtype.itemsize):
            for functor in FUNCTORS.values():
                yield _softmax_source(functor, dtype, "int", 1, width)
            for backward in (False, True):
                yield _norm_source(dtype, "int", width, backward)
    for module in (scan, loss, band):
        yield from module.sources()
