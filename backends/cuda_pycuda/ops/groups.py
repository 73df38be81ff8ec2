"""How many threads share a row: launch shapes for kernels that work on rows."""

from __future__ import annotations

from typing import Final, NamedTuple

from corex_cuda_pycuda.ops.packing import STATIC_RANK, Plan, pack_layout

THREADS: Final = 256
WARP: Final = 32
EACH: Final = 4
"""So many elements, or vectors of them, a thread takes before more threads share the row."""

Dim3 = tuple[int, int, int]


def power_of_two(number: int) -> int:
    """The smallest power of two that is not below `number`, which is at least 1."""
    return 1 << max(0, number - 1).bit_length()


class Group(NamedTuple):
    """`across` threads share a row, `rows` rows share a block; their product is at least a warp."""

    across: int
    rows: int


def group(turns: int, rows: int, each: int = EACH, most: int = THREADS) -> Group:
    """The group for `rows` rows, in each of which threads have `turns` accesses to share."""
    across = min(most, power_of_two(-(-turns // each)))
    beside = min(max(1, THREADS // across), power_of_two(rows))
    return Group(across, max(beside, WARP // across))


def ceil_div(a: int, b: int) -> int:
    """a / b, rounded up."""
    return -(-a // b)


def splits(blocks: int, turns: int, turns_per_block: int, multiprocessors: int) -> int:
    """Among how many blocks to share each row, where `blocks` alone would leave the device idle."""
    wanted = multiprocessors * 8
    if blocks * 2 > wanted:
        return 1
    return max(1, min(wanted // max(1, blocks), turns // (turns_per_block * 2), 1024))


class Views(NamedTuple):
    """A plan's layout as kernels of rows take it: of rank 1 at least."""

    rank: int
    layout: bytes


def views(found: Plan) -> Views:
    """The layout of a plan, and the rank that its type has (0: any)."""
    if found.rank == 0:
        ones = ((1,),) * len(found.strides)
        return Views(1, pack_layout((max(1, found.count),), ones))
    return Views(found.rank if found.rank <= STATIC_RANK else 0, found.layout)
