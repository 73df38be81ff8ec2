"""What the families that look at whole arrays share: launches made once per geometry, scratch."""

from __future__ import annotations

import struct
from typing import Any, Final, NamedTuple

from corex.backend import View, contiguous_strides
from corex.dtypes import DType
from corex_cuda_pycuda.ops.create import copy
from corex_cuda_pycuda.ops.packing import MAX_RANK, NARROW_REACH, magic, words
from corex_cuda_pycuda.runtime import Device, Function

__all__ = ["Launch", "Plans", "any_layout", "apart", "index_type", "parts_grid", "scratch", "words"]

Dim3 = tuple[int, int, int]
Shape = tuple[int, ...]

MOST_BLOCKS_Y: Final = 65535
POINTERS: Final = [struct.Struct(f"={n}Q") for n in range(72)]
"""How a launch's own pointers are packed, in front of what its geometry decides."""


class Launch(NamedTuple):
    """A launch without its pointers: all that depends on shapes, strides and dtypes alone."""

    function: Function
    grid: Dim3
    block: Dim3
    constants: bytes

    def run(self, device: Device, *pointers: int) -> None:
        """Queues the kernel, whose first arguments are pointers."""
        packed = POINTERS[len(pointers)].pack(*pointers) + self.constants
        device.launch(self.function, self.grid, self.block, packed)


class Plans(dict[Any, Any]):
    """Plans by geometry. Few are in use at a time; to forget all costs a few microseconds each."""

    def keep(self, key: Any, plan: Any) -> Any:
        """Remembers a plan and returns it."""
        if len(self) > 2048:
            self.clear()
        self[key] = plan
        return plan


def parts_grid(tiles: int, parts: int) -> Dim3:
    """A grid of `tiles` by `parts`, the parts in two dimensions: a dimension has few blocks."""
    deep = -(-parts // MOST_BLOCKS_Y)
    return (tiles, -(-parts // deep), deep)


def index_type(*reaches: int) -> str:
    """The macro INDEX, given bounds of all offsets and counts."""
    return "int" if max(reaches, default=0) < NARROW_REACH - (1 << 24) else "long long"


def any_layout(shape: Shape, *strides: Shape) -> bytes:
    """`AnyLayout<ARGS>` of a shape as it is, outermost dimension first."""
    sizes, steps = (shape, strides) if shape else ((1,), ((0,),) * len(strides))
    rank = len(sizes)
    if rank > MAX_RANK:
        raise ValueError(f"a view of {rank} dimensions: the most is {MAX_RANK}")
    padding = (0,) * (MAX_RANK - rank)
    magics = [magic(max(size, 1)) for size in reversed(sizes)]
    packed = [rank, *reversed(sizes), *padding]
    packed += (*[m for m, _ in magics], *padding, *[shift for _, shift in magics], *padding)
    for of_view in steps:
        packed += (*reversed(of_view), *padding)
    return words(*packed)


def apart(out: View, view: View | None, device: Device) -> View | None:
    """The view, or a dense copy of it where `out` is the same memory and would overwrite it."""
    if view is None or view[0] is not out[0] or view[4] != out[4]:
        return view
    buffer, _ = scratch(device, view[2], view[1])
    kept = (buffer, view[1], view[2], contiguous_strides(view[2]), 0)
    copy(kept, view)
    return kept


def scratch(device: Device, shape: Shape, dtype: DType) -> tuple[Any, int]:
    """Memory for an array, and its number of elements."""
    count = 1
    for size in shape:
        count *= size
    return device.scratch(count * dtype.itemsize), count
