"""softmax and its like, layer normalisation: kernels that see whole rows.

As many threads share a row as can hold it in registers; longer rows are read once per pass. The
tables have `scan.py`, `loss.py` and `band.py` too, whose ops work on rows in ways of their own.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator
from functools import lru_cache
from typing import Final, NamedTuple

from corex.backend import Kernel, View
from corex.dtypes import DType
from corex_cuda_pycuda.ops import band, loss, scan
from corex_cuda_pycuda.ops.groups import Dim3, ceil_div, group, views
from corex_cuda_pycuda.ops.packing import NARROW_COUNT, NARROW_REACH, plan, pointer, reach
from corex_cuda_pycuda.ops.signatures import C_TYPES, FLOAT, Signature, same
from corex_cuda_pycuda.runtime import Source, device_of

ITEMS: Final = 8
"""Elements of a row that a thread keeps, as in `kernels/rows.cuh`."""
MOST_THREADS: Final = 1024
Shape = tuple[int, ...]


class Launch(NamedTuple):
    """How to launch a kernel of rows on one shape: all but addresses.

    Attributes:
        kernel: `held` or `looped`.
        index_type: the C type of indices.
        rank: of the rows' layout (0: any).
        grid, block: the launch.
        lines: packed: number of rows, elements of each, the step of each view along a row.
        layout: packed, of the rows.
    """

    kernel: str
    index_type: str
    rank: int
    grid: Dim3
    block: Dim3
    lines: bytes
    layout: bytes


def shape_of(rows: int, count: int) -> tuple[str, Dim3, Dim3]:
    """Kernel, grid and block for `rows` rows of `count` elements.

    At least eight threads share a row that long, so that their accesses are neighbours.
    """
    each = min(ITEMS, max(1, ceil_div(count, 8)))
    found = group(max(1, count), rows, each, MOST_THREADS)
    kernel = "held" if count <= found.across * ITEMS else "looped"
    return kernel, (ceil_div(rows, found.rows), 1, 1), (found.across, found.rows, 1)


@lru_cache(maxsize=4096)
def _choose(shape: Shape, *strides: Shape) -> Launch | None:
    """The launch for views of one shape, along their last dimension; None where it is empty."""
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
    kernel, grid, block = shape_of(outer.count, count)
    lines = struct.pack(f"{2 + len(steps)}q", outer.count, count, *steps)
    rows = views(outer)
    index = "int" if narrow else "long long"
    return Launch(kernel, index, rows.rank, grid, block, lines, rows.layout)


# ---- softmax -------------------------------------------------------------------------------
def _softmax_source(functor: str, dtype: DType, index: str, rank: int) -> Source:
    defines = (("OP", functor), ("T", C_TYPES[dtype]), ("INDEX", index), ("OUTER", str(rank)))
    return Source("softmax.cu", defines)


_softmax_source_of = lru_cache(maxsize=256)(_softmax_source)
_POINTERS: Final = struct.Struct("=3Q")


def _softmax(functor: str) -> Kernel:
    def kernel(out: View, a: View, b: View | None = None) -> None:
        second = a if b is None else b
        launch = _choose(out[2], out[3], a[3], second[3])
        if launch is None:
            return
        device = device_of(out[0])
        source = _softmax_source_of(functor, out[1], launch.index_type, launch.rank)
        arguments = _POINTERS.pack(pointer(out), pointer(a), pointer(second))
        function = device.function(source, launch.kernel)
        device.launch(function, launch.grid, launch.block, arguments + launch.lines + launch.layout)

    return kernel


FUNCTORS: Final = {
    "softmax": "Softmax",
    "log_softmax": "LogSoftmax",
    "softmax_backward": "SoftmaxBackward",
    "log_softmax_backward": "LogSoftmaxBackward",
}


# ---- layer normalisation -------------------------------------------------------------------
def _norm_source(dtype: DType, index: str, backward: bool) -> Source:
    defines = (("T", C_TYPES[dtype]), ("INDEX", index))
    return Source("norm.cu", (*defines, ("BACKWARD", "1")) if backward else defines)


_norm_source_of = lru_cache(maxsize=32)(_norm_source)


def _words(view: View) -> tuple[int, ...]:
    """A matrix or a vector as kernels take it: its address and its strides."""
    return (pointer(view), *view[3])


def _along(view: View | None) -> tuple[int, ...]:
    return (0, 0) if view is None else _words(view)


def _norm_index(*given: View | None) -> str:
    held = [view for view in given if view is not None]
    far = max(reach(view[2], view[3]) for view in held)
    rows, count = held[0][2]
    return "int" if rows * count < NARROW_COUNT and far < NARROW_REACH else "long long"


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
    rows, count = a[2]
    if rows == 0:
        return
    device = device_of(out[0])
    kernel, grid, block = shape_of(rows, count)
    source = _norm_source_of(a[1], _norm_index(out, a, weight, bias), False)
    words = (*_words(out), *_words(mean), *_words(rstd), *_words(a), *_along(weight), *_along(bias))
    arguments = struct.pack("=QqqQqQqQqqQqQqqqd", *words, rows, count, eps)
    device.launch(device.function(source, kernel), grid, block, arguments)


def layer_norm_backward(
    out: View, g: View, a: View, mean: View, rstd: View, weight: View | None
) -> None:
    """The gradient of layer_norm's input."""
    rows, count = a[2]
    if rows == 0 or count == 0:
        return
    device = device_of(out[0])
    kernel, grid, block = shape_of(rows, count)
    source = _norm_source_of(a[1], _norm_index(out, g, a, weight), True)
    words = (*_words(out), *_words(g), *_words(a), *_words(mean), *_words(rstd), *_along(weight))
    arguments = struct.pack("=QqqQqqQqqQqQqQqqq", *words, rows, count)
    device.launch(device.function(source, kernel), grid, block, arguments)


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
SIGNATURES: dict[str, Signature] = {
    **{op: same(FLOAT) for op in _OWN},
    **scan.SIGNATURES,
    **loss.SIGNATURES,
    **band.SIGNATURES,
}


def sources() -> Iterator[Source]:
    """Every op and dtype, of rows that merge into one dimension."""
    for dtype in sorted(FLOAT, key=lambda d: d.index):
        for functor in FUNCTORS.values():
            yield _softmax_source(functor, dtype, "int", 1)
        for backward in (False, True):
            yield _norm_source(dtype, "int", backward)
    for module in (scan, loss, band):
        yield from module.sources()
