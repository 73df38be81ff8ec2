"""Writing at positions that are data: index_put and scatter_add, with one result whatever the
order in which threads run."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, Final, NamedTuple

from corex.backend import View
from corex.dtypes import DType, int64
from corex_cuda_pycuda.elements import ALL, C_TYPES, NUMBER, WORDS, usual
from corex_cuda_pycuda.ops.geometry import Launch, Plans, any_layout, apart, index_type, words
from corex_cuda_pycuda.ops.packing import blocks, divisor, ordered_plan, pointer, reach
from corex_cuda_pycuda.ops.sort import argsort
from corex_cuda_pycuda.runtime import Device, Source, device_of

THREADS: Final = 256
BLOCK: Final = (THREADS, 1, 1)
FEW: Final = 512
"""As in `kernels/put.cu`: so many values find their equals without sorting."""


class Steps(NamedTuple):
    """A planned write: one launch, or one that finds keys and one that writes what is sorted."""

    few: Launch | None
    find: Launch | None
    write: Launch | None
    n: int


def source(name: str, index: str, indices: int, accumulate: bool) -> Source:
    """The module for one C type; `indices`: 0 for scatter_add."""
    defines = (
        ("T", name), ("INDEX", index), ("INDICES", str(indices)),
        ("ACCUMULATE", str(int(accumulate))),
    )  # fmt: skip
    return Source("put.cu", defines)


_plans = Plans()


def _name(dtype: DType, accumulate: bool) -> str:
    return C_TYPES[dtype] if accumulate else WORDS[dtype.itemsize]


def _steps(device: Device, module: Source, few: int, n: int, count: int, constants: bytes) -> Steps:
    """`few`: blocks of the kernel for few values; 0 where there are more than that."""
    if few:
        launch = Launch(device.function(module, "few"), (few, 1, 1), BLOCK, constants)
        return Steps(launch, None, None, n)
    find = Launch(device.function(module, "find_keys"), blocks(n, THREADS), BLOCK, constants)
    write = Launch(device.function(module, "sorted"), blocks(count, THREADS), BLOCK, constants)
    return Steps(None, find, write, n)


def _write_sorted(device: Device, steps: Steps, out: int, values: int, *pointers: int) -> None:
    """Finds keys, sorts them, writes; all memory is scratch."""
    assert steps.find is not None
    assert steps.write is not None
    keys, order = device.scratch(8 * steps.n), device.scratch(8 * steps.n)
    steps.find.run(device, keys.ptr, *pointers)
    shape = (steps.n,)
    argsort((order, int64, shape, (1,), 0), (keys, int64, shape, (1,), 0), False)
    steps.write.run(device, out, values, keys.ptr, order.ptr)


# ---- index_put -------------------------------------------------------------------------------
def _put_plan(
    device: Device, out: View, values: View, accumulate: bool, indices: tuple[View, ...],
    few: int = FEW,
) -> Steps:  # fmt: skip
    k, n = len(indices), values[2][0]
    rest = ordered_plan(values[2][1:], out[3][k:], values[3][1:])
    shape, strides = rest.shape, rest.strides
    count = n * rest.count
    constants = b"".join(
        (
            words(count, n, *divisor(rest.count)),
            any_layout(shape, *strides),
            any_layout((n,), (values[3][0],)),
            words(*[view[3][0] for view in indices], *out[2][:k], *out[3][:k]),
        )
    )
    reaches = [reach(view[2], view[3]) for view in (out, values, *indices)]
    index = index_type(2 * count, *reaches)
    module = source(_name(out[1], accumulate), index, k, accumulate)
    grid = blocks(count, THREADS)[0] if n <= few else 0
    return _steps(device, module, grid, n, count, constants)


def check_places(device: Device, a: View, indices: tuple[View, ...]) -> None:
    """Reports an index out of bounds, where nothing is read or written at the places."""
    buffer, dtype, shape, _, offset = a
    k = len(indices)
    n = indices[0][2][0]
    rows = (buffer, dtype, shape[:k], (0,) * k, offset)
    values = (buffer, dtype, (n,), (0,), offset)
    find = _put_plan(device, rows, values, False, indices, few=0).find
    assert find is not None
    keys = device.scratch(8 * n)
    find.run(device, keys.ptr, device.fault_word, *[pointer(view) for view in indices])


def index_put(out: View, values: View, accumulate: bool, *indices: View) -> None:
    """`out[i1[i], ..., ik[i]] = values[i]`, or `+=`, in order of i."""
    device = device_of(out[0])
    if 0 in values[2]:
        if values[2][0]:
            check_places(device, out, indices)
        return
    if values[0] is out[0] or any([view[0] is out[0] for view in indices]):
        values = apart(out, values, device)
        indices = tuple([apart(out, view, device) for view in indices])
    accumulate = bool(accumulate)
    places = tuple([view[3] for view in indices])
    key = (device.index, out[1], accumulate, out[2], out[3], values[2], values[3], places)
    steps: Any = _plans.get(key)
    if steps is None:
        steps = _plans.keep(key, _put_plan(device, out, values, accumulate, indices))
    arrays = [pointer(view) for view in indices]
    if steps.few is not None:
        steps.few.run(device, pointer(out), pointer(values), device.fault_word, *arrays)
    else:
        _write_sorted(device, steps, pointer(out), pointer(values), device.fault_word, *arrays)


# ---- scatter_add -----------------------------------------------------------------------------
def _scatter_plan(device: Device, out: View, index: View, src: View) -> Steps:
    *lead, length = index[2]
    rows = 1
    for size in lead:
        rows *= size
    n = rows * length
    without_last = (*out[3][:-1], 0)
    constants = b"".join(
        (
            words(n, n, *divisor(1), rows, *divisor(length)),
            words(len(out[2]) - 1, out[2][-1], out[3][-1]),
            any_layout((1,), (0,), (0,)),
            any_layout(index[2], src[3]),
            any_layout(index[2], index[3], without_last, src[3]),
        )
    )
    reaches = [reach(view[2], view[3]) for view in (out, index, src)]
    module = source(C_TYPES[out[1]], index_type(2 * n, *reaches), 0, True)
    few = -(-rows // (FEW // length)) if length <= FEW else 0
    return _steps(device, module, few, n, n, constants)


def scatter_add(out: View, index: View, src: View) -> None:
    """`out[..., index[..., j]] += src[..., j]`, in order of j."""
    if 0 in index[2]:
        return
    device = device_of(out[0])
    if index[0] is out[0] or src[0] is out[0]:
        index, src = apart(out, index, device), apart(out, src, device)
    key = (device.index, out[1], out[2], out[3], index[2], index[3], src[2], src[3])
    steps = _plans.get(key) or _plans.keep(key, _scatter_plan(device, out, index, src))
    at_out, at_src = pointer(out), pointer(src)
    if steps.few is not None:
        steps.few.run(device, at_out, at_src, pointer(index), device.fault_word)
    else:
        _write_sorted(device, steps, at_out, at_src, pointer(index), device.fault_word)


# ---- the tables ------------------------------------------------------------------------------
KERNELS: dict[str, Callable[..., None]] = {"index_put": index_put, "scatter_add": scatter_add}


def sources() -> Iterator[tuple[Source, tuple[str, ...]]]:
    """Every dtype, for index_put with one and two index arrays."""
    names = ("few", "find_keys", "sorted")
    for count in (1, 2):
        for moved in WORDS.values():
            yield source(moved, "int", count, False), names
        for dtype in usual(ALL):
            yield source(C_TYPES[dtype], "int", count, True), names
    for dtype in usual(NUMBER):
        yield source(C_TYPES[dtype], "int", 0, True), names
