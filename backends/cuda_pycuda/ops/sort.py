"""argsort: short rows in one launch, long ones as tiles that are merged by twos."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Final, NamedTuple

from corex.backend import View
from corex.dtypes import DType
from corex_cuda_pycuda.elements import ALL, C_TYPES, usual
from corex_cuda_pycuda.ops.geometry import (
    Launch,
    Plans,
    any_layout,
    apart,
    index_type,
    parts_grid,
    words,
)
from corex_cuda_pycuda.ops.packing import pointer, reach
from corex_cuda_pycuda.runtime import Device, Source, device_of

THREADS: Final = 256
TILE: Final = 1024
"""As in `kernels/sort.cu`."""


class Steps(NamedTuple):
    """A planned sort: one launch for short rows; else tiles, then merges, with scratch."""

    first: Launch
    merges: tuple[Launch, ...]
    keys: int  # bytes of scratch
    places: int


def source(dtype: DType, index: str) -> Source:
    """The module of one dtype."""
    return Source("sort.cu", (("T", C_TYPES[dtype]), ("INDEX", index)))


_plans = Plans()


def _plan(device: Device, out: View, a: View, descending: bool) -> Steps:
    *lead, n = a[2] or (1,)
    rows = 1
    for size in lead:
        rows *= size
    index = index_type(2 * n, rows, reach(out[2], out[3]), reach(a[2], a[3]))
    module = source(a[1], index)
    out_step, in_step = (out[3][-1], a[3][-1]) if a[2] else (0, 0)
    layout = any_layout(tuple(lead), out[3][:-1], a[3][:-1])
    constants = words(rows, n, descending, out_step, in_step) + layout
    block = (THREADS, 1, 1)
    if n <= TILE:
        width = 1 << max(0, n - 1).bit_length()
        function = device.function(module, "sort_rows")
        grid = (-(-rows * width // TILE), 1, 1)
        return Steps(Launch(function, grid, block, constants + words(width)), (), 0, 0)
    grid = parts_grid(-(-n // TILE), rows)
    first = Launch(device.function(module, "sort_tiles"), grid, block, constants)
    merge, merges, width = device.function(module, "merge_runs"), [], TILE
    while width < n:
        merges.append(Launch(merge, grid, block, constants + words(width)))
        width *= 2
    key_size, place_size = 8 if a[1].itemsize == 8 else 4, 4 if index == "int" else 8
    return Steps(first, tuple(merges), rows * n * key_size, rows * n * place_size)


def argsort(out: View, a: View, descending: bool) -> None:
    """The stable order of the last dimension; NaN is larger than every number."""
    if 0 in a[2]:
        return
    device = device_of(out[0])
    if a[0] is out[0]:
        a = apart(out, a, device)
    key = (device.index, a[1], a[2], a[3], out[3], bool(descending))
    steps = _plans.get(key) or _plans.keep(key, _plan(device, out, a, bool(descending)))
    if not steps.merges:
        steps.first.run(device, pointer(out), pointer(a))
        return
    now = (device.scratch(steps.keys), device.scratch(steps.places))
    then = (device.scratch(steps.keys), device.scratch(steps.places))
    steps.first.run(device, now[0].ptr, now[1].ptr, pointer(a))
    for number, merge in enumerate(steps.merges, 1):
        target = pointer(out) if number == len(steps.merges) else 0
        merge.run(device, then[0].ptr, then[1].ptr, now[0].ptr, now[1].ptr, target)
        now, then = then, now


KERNELS: dict[str, Callable[..., None]] = {"argsort": argsort}


def sources() -> Iterator[tuple[Source, tuple[str, ...]]]:
    """One module per dtype."""
    for dtype in usual(ALL):
        yield source(dtype, "int"), ("sort_rows", "sort_tiles", "merge_runs")
