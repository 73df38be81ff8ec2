"""From views to what a kernel takes: pointers, counts and layouts, packed eight bytes each."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from typing import NamedTuple

from corex.backend import View, collapse

STATIC_RANK = 4
"""Up to this rank a kernel has a `Layout<RANK, ARGS>` of its own; above, an `AnyLayout<ARGS>`."""

MAX_RANK = 32
"""As in `kernels/common.cuh`. Collapsed dimensions of an output have two elements at least, so 32
of them are more than any memory holds."""

NARROW_COUNT = 1 << 30
NARROW_REACH = 1 << 31
"""Below these bounds of elements and of offsets the index type is `int`."""

Strides = tuple[int, ...]


class Plan(NamedTuple):
    """How a kernel walks over several views of one shape, without what differs between calls.

    Attributes:
        count: the number of elements.
        rank: that of the collapsed shape; 0 where all views are dense, or of one element.
        narrow: whether `int` does for every index.
        layout: the packed `Layout` (or, above STATIC_RANK, `AnyLayout`); empty where rank is 0.
        shape: the collapsed shape, outermost first.
        strides: one tuple per view, of the collapsed shape.
    """

    count: int
    rank: int
    narrow: bool
    layout: bytes
    shape: tuple[int, ...]
    strides: tuple[Strides, ...]

    @property
    def index(self) -> str:
        """The C type of indices: the value of the macro INDEX."""
        return "int" if self.narrow else "long long"

    @property
    def dense(self) -> bool:
        """Whether all views are row-major without gaps."""
        return self.rank == 0

    @property
    def variant(self) -> str:
        """`dense`, `strided1` to `strided4`, or `strided_any`: a usual ending of kernels' names."""
        if self.rank == 0:
            return "dense"
        return f"strided{self.rank}" if self.rank <= STATIC_RANK else "strided_any"


_plans: dict[tuple[tuple[int, ...], ...], Plan] = {}


def plan(shape: tuple[int, ...], *strides: Strides) -> Plan:
    """The plan for elementwise work on views of one shape, whose elements go in any order.

    Dimensions are sorted by the strides of the first view, so that its accesses are contiguous
    where that is possible, and merged where all views allow it.
    """
    key = (shape, *strides)
    found = _plans.get(key)
    if found is None:
        if len(_plans) > 4096:
            _plans.clear()
        found = _plans[key] = _plan(*_sorted(shape, strides))
    return found


def ordered_plan(shape: tuple[int, ...], *strides: Strides) -> Plan:
    """As `plan`, where element number i of the kernel must be number i in row-major order."""
    return _plan(shape, strides)


def _sorted(
    shape: tuple[int, ...], strides: tuple[Strides, ...]
) -> tuple[tuple[int, ...], tuple[Strides, ...]]:
    order = sorted(range(len(shape)), key=lambda d: -abs(strides[0][d]))
    if order == list(range(len(shape))):
        return shape, strides
    return tuple(shape[d] for d in order), tuple(tuple(s[d] for d in order) for s in strides)


def _plan(shape: tuple[int, ...], strides: tuple[Strides, ...]) -> Plan:
    count = 1
    for size in shape:
        count *= size
    if count == 0:
        return Plan(0, 0, True, b"", shape, strides)
    sizes, steps = collapse(shape, *strides)
    narrow = count < NARROW_COUNT and all([reach(sizes, s) < NARROW_REACH for s in steps])
    dense = not sizes or (len(sizes) == 1 and all([s == (1,) for s in steps]))
    layout = b"" if dense else pack_layout(sizes, steps)
    return Plan(count, 0 if dense else len(sizes), narrow, layout, sizes, steps)


def widened(found: Plan, lanes: int) -> Plan | None:
    """The plan for `lanes` elements at once, or None where views do not allow that.

    All views have to be dense along the innermost dimension, or not move along it, and to begin
    each of their rows there at a multiple of `lanes`. The count and the innermost size are then
    those of vectors; strides stay those of elements.
    """
    if found.rank == 0 or lanes == 1 or found.strides[0][-1] != 1 or found.shape[-1] % lanes:
        return None
    for strides in found.strides:
        if strides[-1] not in (0, 1):
            return None
        if strides[-1] == 1 and any([step % lanes for step in strides[:-1]]):
            return None
    shape = (*found.shape[:-1], found.shape[-1] // lanes)
    steps = tuple([(*strides[:-1], strides[-1] * lanes) for strides in found.strides])
    return found._replace(
        count=found.count // lanes, layout=pack_layout(shape, steps), shape=shape, strides=steps
    )


def reach(shape: tuple[int, ...], strides: Strides) -> int:
    """A bound for the absolute offsets within a view."""
    return sum([abs(stride) * (size - 1) for size, stride in zip(shape, strides, strict=True)])


def pack_layout(
    sizes: tuple[int, ...], strides: Sequence[Strides], any_rank: bool = False
) -> bytes:
    """`Layout<RANK, ARGS>` of a collapsed shape; `AnyLayout<ARGS>` above STATIC_RANK, or if asked.

    Raises:
        ValueError: more than MAX_RANK dimensions.
    """
    rank = len(sizes)
    if rank > MAX_RANK:
        raise ValueError(
            f"a view of {rank} dimensions that cannot be merged: the most is {MAX_RANK}"
        )
    any_rank = any_rank or rank > STATIC_RANK
    padding = (0,) * (MAX_RANK - rank) if any_rank else ()
    words: list[int] = [rank] if any_rank else []
    magics = [magic(size) for size in reversed(sizes)]
    words += (*reversed(sizes), *padding)
    words += (*[m for m, _ in magics], *padding)
    words += (*[shift for _, shift in magics], *padding)
    for of_view in strides:
        words += (*reversed(of_view), *padding)
    return struct.pack(f"{len(words)}q", *words)


def magic(size: int) -> tuple[int, int]:
    """Factor and shift with which n // size is (((n * factor) >> 32) + n) >> shift, n < 2^31.

    After Granlund and Montgomery, *Division by invariant integers using multiplication*, 1994.
    """
    shift = (size - 1).bit_length()
    return (((1 << shift) - size) << 32) // size + 1, shift


def words(*numbers: int) -> bytes:
    """Packed `long long`s."""
    return struct.pack(f"={len(numbers)}q", *numbers)


def divisor(size: int) -> tuple[int, int, int]:
    """The words of `Divisor`; a count of nothing is never divided by, but has to be packed."""
    return (size, *magic(max(1, size)))


def pointer(view: View) -> int:
    """The address of a view's first element."""
    buffer, dtype, _, _, offset = view
    address: int = buffer.ptr + offset * dtype.itemsize
    return address


def blocks(count: int, per_block: int, most: int = 1 << 16) -> tuple[int, int, int]:
    """A one-dimensional grid for `count` items; the kernel loops where `most` blocks are too few.

    With int indices the grid times the block must stay below 2^30, which `most` sees to.
    """
    return (min(-(-count // per_block), most), 1, 1)
