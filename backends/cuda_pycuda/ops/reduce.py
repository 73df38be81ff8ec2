"""Reductions of the last dimensions: which kernel of `kernels/reduce.cu` suits a shape.

Rows are read along, by as many threads as they keep busy; across, where memory runs that way.
Few long rows are shared by blocks that leave their parts in scratch memory, in a fixed order.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator
from functools import lru_cache
from typing import Final, NamedTuple

from corex.backend import Kernel, View
from corex.dtypes import DType, bool_
from corex_cuda_pycuda.elements import ALL, C_TYPES, FLOAT, NUMBER, usual
from corex_cuda_pycuda.ops.groups import (
    THREADS,
    WARP,
    Dim3,
    Group,
    ceil_div,
    group,
    power_of_two,
    splits,
    views,
)
from corex_cuda_pycuda.ops.packing import (
    NARROW_COUNT,
    NARROW_REACH,
    Plan,
    ordered_plan,
    plan,
    pointer,
    reach,
)
from corex_cuda_pycuda.runtime import Device, Function, Source, device_of

TAKES: Final = {
    "sum": NUMBER,
    "prod": NUMBER,
    "mean": FLOAT,
    "amax": ALL,
    "amin": ALL,
    "argmax": NUMBER,
    "argmin": NUMBER,
    "any": frozenset((bool_,)),
    "all": frozenset((bool_,)),
}
ORDERED: Final = ("argmax", "argmin")
"""Where it matters which element is which."""
VECTOR_BYTES: Final = 16
DENSE_FROM = (1, 8)
"""From so many vectors on, rows are read by vectors: where all rows begin at one, and where some do
not."""
MOST_COLUMNS = 4
"""Neighbouring rows that a thread takes, as COLUMNS in `kernels/reduce.cu`."""
STATE_BYTES: Final = 16
"""The most that a kernel keeps of a row: a value and its position."""


class Launch(NamedTuple):
    """A reduction of one shape on one device, but for addresses.

    Attributes:
        kernel: its name in the file.
        index_type: the C type of indices.
        ranks: of the rows' layout and of the reduced dimensions' (0: any).
        grid, block: of the first kernel.
        parts: the number of blocks to a row; above 1, a second kernel combines what they leave.
        numbers: rows, elements of each, and how many turns of a row a block takes.
        rows_layout, inner_layout: packed.
    """

    kernel: str
    index_type: str
    ranks: tuple[int, int]
    grid: Dim3
    block: Dim3
    parts: int
    numbers: tuple[int, int, int]
    rows_layout: bytes
    inner_layout: bytes


# ---- choosing ------------------------------------------------------------------------------
Shape = tuple[int, ...]


@lru_cache(maxsize=4096)
def _choose(
    shape: Shape,
    out_strides: Shape,
    strides: Shape,
    ordered: bool,
    lanes: int,
    misplaced: int,
    multiprocessors: int,
) -> Launch | None:
    """The launch for a view of `shape` of which as many dimensions remain as `out_strides` has.

    `lanes`: how many elements a vector holds; `misplaced`: the low bits of the address."""
    kept = len(out_strides)
    outer = plan(shape[:kept], strides[:kept], out_strides)
    inner = (ordered_plan if ordered else plan)(shape[kept:], strides[kept:])
    rows, count = outer.count, inner.count
    if rows == 0:
        return None
    kernel, turns = "rows", count
    if _runs_across(outer, inner):
        together = min(lanes, MOST_COLUMNS)
        wide = misplaced * lanes % (VECTOR_BYTES * together) == 0 and _is_wide(
            outer, inner, together
        )
        kernel, together = ("wide_columns", together) if wide else ("columns", 1)
        across = min(WARP, power_of_two(rows // together))
        most = max(THREADS // across, 1)
        shape_of = Group(across, min(most, power_of_two(ceil_div(count, 4))))
        blocks, per_block = ceil_div(rows, across * together), shape_of.rows
    else:
        aligned = misplaced == 0 and _is_aligned(outer, lanes)
        if inner.rank == 0 and count >= lanes * DENSE_FROM[not aligned]:
            kernel, turns = "dense_rows", count // lanes
        shape_of = group(max(1, turns), rows)
        blocks, per_block = ceil_div(rows, shape_of.rows), shape_of.across
    parts = splits(blocks, turns, per_block, multiprocessors)
    share = max(1, ceil_div(turns, parts))
    if parts > 1:
        parts = ceil_div(turns, share)
    rows_views, inner_views = views(outer), views(inner)
    return Launch(
        kernel,
        _index(outer, inner),
        (rows_views.rank, inner_views.rank),
        (blocks, parts, 1),
        (shape_of.across, shape_of.rows, 1),
        parts,
        (rows, count, share),
        rows_views.layout,
        inner_views.layout,
    )


def _innermost(found: Plan) -> int:
    """The stride of the input along the innermost of a plan's dimensions."""
    if found.rank == 0:
        return 1
    return abs(found.strides[0][-1])


def _runs_across(outer: Plan, inner: Plan) -> bool:
    return outer.count > 1 and inner.count > 1 and _innermost(outer) < _innermost(inner)


def _is_aligned(outer: Plan, lanes: int) -> bool:
    """Whether each row begins at a multiple of a vector, where the first does."""
    if outer.count == 1:
        return True
    steps = outer.strides[0] if outer.rank else (1,)
    return all(step % lanes == 0 for step in steps)


def _is_wide(outer: Plan, inner: Plan, together: int) -> bool:
    """Whether so many neighbouring rows lie side by side, from a multiple of their size on, where
    the first of all rows begins at one."""
    if together == 1 or (outer.rank and outer.strides[0][-1] != 1):
        return False
    shape = outer.shape if outer.rank else (outer.count,)
    steps = (*(outer.strides[0][:-1] if outer.rank else ()), *inner.strides[0])
    return shape[-1] % together == 0 and all(step % together == 0 for step in steps)


def _index(outer: Plan, inner: Plan) -> str:
    narrow = outer.narrow and inner.narrow and outer.count * inner.count < NARROW_COUNT
    far = reach(outer.shape, outer.strides[0]) + reach(inner.shape, inner.strides[0])
    return "int" if narrow and far < NARROW_REACH else "long long"


# ---- running -------------------------------------------------------------------------------
_functions: dict[tuple[int, str, DType, str, tuple[int, int], str], Function] = {}
_JOB: Final = struct.Struct("=QQQqqq")
_SPLITS: Final = struct.Struct("=q")


def source(op: str, dtype: DType, index: str, ranks: tuple[int, int]) -> Source:
    """The module of a reduction."""
    return Source(
        "reduce.cu",
        (
            ("REDUCER", op.capitalize()),
            ("T", C_TYPES[dtype]),
            ("INDEX", index),
            ("OUTER", str(ranks[0])),
            ("INNER", str(ranks[1])),
        ),
    )


def _function(device: Device, op: str, dtype: DType, launch: Launch, name: str) -> Function:
    key = (device.index, op, dtype, launch.index_type, launch.ranks, name)
    found = _functions.get(key)
    if found is None:
        found = device.function(source(op, dtype, launch.index_type, launch.ranks), name)
        _functions[key] = found
    return found


def run(op: str, out: View, a: View) -> None:
    """Reduces the dimensions of `a` behind those of `out`."""
    device = device_of(a[0])
    dtype, address = a[1], pointer(a)
    lanes, misplaced = VECTOR_BYTES // dtype.itemsize, address % VECTOR_BYTES
    processors = device.properties.multiprocessors
    launch = _choose(a[2], out[3], a[3], op in ORDERED, lanes, misplaced, processors)
    if launch is None:
        return
    target, parts, numbers = pointer(out), launch.parts, launch.numbers
    scratch = device.scratch(numbers[0] * parts * STATE_BYTES) if parts > 1 else None
    job = _JOB.pack(target, address, 0 if scratch is None else scratch.ptr, *numbers)
    function = _function(device, op, dtype, launch, launch.kernel)
    arguments = job + launch.rows_layout + launch.inner_layout
    device.launch(function, launch.grid, launch.block, arguments)
    if scratch is not None:
        shape_of = group(parts, numbers[0])
        function = _function(device, op, dtype, launch, "finish_rows")
        arguments = job + launch.rows_layout + _SPLITS.pack(parts)
        grid = (ceil_div(numbers[0], shape_of.rows), 1, 1)
        device.launch(function, grid, (shape_of.across, shape_of.rows, 1), arguments)


def _kernel(op: str) -> Kernel:
    def kernel(out: View, a: View, n: int) -> None:
        run(op, out, a)

    return kernel


KERNELS: dict[str, Callable[..., None]] = {op: _kernel(op) for op in TAKES}


def sources() -> Iterator[Source]:
    """Every op and dtype: of rows and of reduced dimensions that merge into one."""
    for op, held in TAKES.items():
        for dtype in usual(held):
            yield source(op, dtype, "int", (1, 1))
