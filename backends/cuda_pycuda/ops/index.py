"""Reading at positions that are data: index, gather, nonzero. Writing is in `ops/put.py`."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Final

from corex.backend import View
from corex_cuda_pycuda.elements import WORDS
from corex_cuda_pycuda.ops import put
from corex_cuda_pycuda.ops.geometry import Launch, Plans, any_layout, apart, index_type, words
from corex_cuda_pycuda.ops.packing import blocks, divisor, ordered_plan, pointer, reach
from corex_cuda_pycuda.runtime import Device, Source, device_of

THREADS: Final = 256
BLOCK: Final = (THREADS, 1, 1)
CHUNK: Final = 2048
"""Elements of a block of `nonzero`, as in `kernels/nonzero.cu`."""
MOVED: Final = {**WORDS, 16: "uint4"}
"""What moves so many bytes at once."""

_plans = Plans()


# ---- index -----------------------------------------------------------------------------------
def take_source(width: int, index: str, count: int) -> Source:
    """The module that moves `width` bytes at once, at places of `count` index arrays."""
    return Source("index.cu", (("MOVED", MOVED[width]), ("INDEX", index), ("INDICES", str(count))))


def _width(size: int, steps: Sequence[int], dense: int, misplaced: int) -> int:
    """How many bytes may move at once: rows of `dense` elements of `size` bytes lie together, at
    multiples of `steps`, from addresses whose low bits are `misplaced`."""
    for width in (16, 8, 4):
        unit = width // size
        if not unit or misplaced % width or dense % unit:
            continue
        if all([step % unit == 0 for step in steps]):
            return width
    return size


def _take_plan(
    device: Device, out: View, a: View, indices: tuple[View, ...], misplaced: int
) -> Launch:
    k, size = len(indices), out[1].itemsize
    rest = ordered_plan(out[2][1:], out[3][1:], a[3][k:])
    together = rest.count if rest.dense else 1
    steps = (out[3][0], *a[3][:k])
    width = _width(size, steps, together, misplaced) if rest.dense else size
    unit = width // size
    shape, strides = rest.shape, rest.strides
    if rest.dense:
        shape, strides = (rest.count // unit,), ((1,), (1,))
    row = rest.count // unit
    count = out[2][0] * row
    constants = b"".join(
        (
            words(count, *divisor(row), out[3][0] // unit),
            any_layout(shape, *strides),
            words(*[view[3][0] for view in indices]),
            words(*a[2][:k], *[step // unit for step in a[3][:k]]),
        )
    )
    reaches = [reach(view[2], view[3]) for view in (out, a, *indices)]
    index = index_type(2 * count, *reaches)
    function = device.function(take_source(width, index, k), "take")
    return Launch(function, blocks(count, THREADS), BLOCK, constants)


def index(out: View, a: View, *indices: View) -> None:
    """`out[i] = a[i1[i], ..., ik[i]]`."""
    device = device_of(out[0])
    if 0 in out[2]:
        if out[2][0]:
            put.check_places(device, a, indices)
        return
    if a[0] is out[0] or any([view[0] is out[0] for view in indices]):
        a = apart(out, a, device)
        indices = tuple([apart(out, view, device) for view in indices])
    at_out, at_a = pointer(out), pointer(a)
    misplaced = (at_out | at_a) & 15
    steps = tuple([view[3] for view in indices])
    key = (device.index, out[1], out[2], out[3], a[2], a[3], steps, misplaced)
    launch = _plans.get(key)
    if launch is None:
        launch = _plans.keep(key, _take_plan(device, out, a, indices, misplaced))
    launch.run(device, at_out, at_a, device.fault_word, *[pointer(view) for view in indices])


# ---- gather ----------------------------------------------------------------------------------
def along_source(width: int, index: str) -> Source:
    """The module for elements of `width` bytes."""
    return Source("along.cu", (("MOVED", MOVED[width]), ("INDEX", index)))


def _along_plan(device: Device, out: View, a: View, index: View) -> Launch:
    without_last = (*a[3][:-1], 0)
    count = 1
    for size in out[2]:
        count *= size
    constants = words(count, len(a[2]) - 1, a[2][-1], a[3][-1])
    constants += any_layout(out[2], out[3], index[3], without_last)
    narrow = index_type(2 * count, *[reach(view[2], view[3]) for view in (out, a, index)])
    function = device.function(along_source(out[1].itemsize, narrow), "along")
    return Launch(function, blocks(count, THREADS), BLOCK, constants)


def gather(out: View, a: View, index: View) -> None:
    """`out[..., j] = a[..., index[..., j]]`."""
    if 0 in out[2]:
        return
    device = device_of(out[0])
    if a[0] is out[0] or index[0] is out[0]:
        a, index = apart(out, a, device), apart(out, index, device)
    key = (device.index, "along", out[1].itemsize, out[2], out[3], a[2], a[3], index[3])
    launch = _plans.get(key) or _plans.keep(key, _along_plan(device, out, a, index))
    launch.run(device, pointer(out), pointer(a), pointer(index), device.fault_word)


# ---- nonzero ---------------------------------------------------------------------------------
def nonzero_source(index: str) -> Source:
    """The module for one type of indices."""
    return Source("nonzero.cu", (("INDEX", index),))


def nonzero(out: View, a: View) -> None:
    """The coordinates of the true elements, one per row of `out`, in row-major order."""
    if 0 in out[2]:
        return
    device = device_of(out[0])
    total = 1
    for size in a[2]:
        total *= size
    module = nonzero_source(index_type(2 * total, reach(a[2], a[3])))
    constants = words(total, out[2][0], out[2][1], *out[3]) + any_layout(a[2], a[3])
    grid = (-(-total // CHUNK), 1, 1)
    write = Launch(device.function(module, "write"), grid, BLOCK, constants)
    if grid[0] == 1:
        write.run(device, pointer(out), pointer(a), 0)
        return
    counts = device.scratch(8 * grid[0])
    count = Launch(device.function(module, "count"), grid, BLOCK, constants)
    count.run(device, counts.ptr, pointer(a))
    add = Launch(device.function(module, "add_counts"), (1, 1, 1), BLOCK, words(grid[0]))
    add.run(device, counts.ptr)
    write.run(device, pointer(out), pointer(a), counts.ptr)


# ---- the tables ------------------------------------------------------------------------------
KERNELS: dict[str, Callable[..., None]] = {
    "index": index,
    "gather": gather,
    "nonzero": nonzero,
    **put.KERNELS,
}


def sources() -> Iterator[tuple[Source, tuple[str, ...]]]:
    """Every width of elements, with one and two index arrays."""
    for width in MOVED:
        for count in (1, 2):
            yield take_source(width, "int", count), ("take",)
        if width <= 8:
            yield along_source(width, "int"), ("along",)
    yield nonzero_source("int"), ("count", "add_counts", "write")
    yield from put.sources()
