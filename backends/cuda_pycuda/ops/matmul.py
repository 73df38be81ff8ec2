"""matmul and linear: which of three kernels multiplies, how large its tiles are, who adds up.

With cuBLAS on the machine it multiplies floats whose strides it takes (`ops/blas.py`).
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any, Final, NamedTuple

from corex.backend import View
from corex.dtypes import DType, float32
from corex_cuda_pycuda.elements import C_TYPES, NUMBER, usual
from corex_cuda_pycuda.ops import blas
from corex_cuda_pycuda.ops.create import copy
from corex_cuda_pycuda.ops.geometry import Launch, Plans, apart, index_type, parts_grid, words
from corex_cuda_pycuda.ops.packing import blocks, pointer
from corex_cuda_pycuda.runtime import Device, Source, device_of

THREADS: Final = 256
DEPTH: Final = 16
VECTOR_BYTES: Final = 16
MOST_VECTORS: Final = 4
"""Up to so many rows or columns, a product counts as one of a matrix and vectors."""
PIECE: Final = 256
"""The least depth that is worth a block of its own where a product has few tiles."""


class Product(NamedTuple):
    """The geometry of a product: strides are (batch, row, depth), (batch, depth, column) and
    (batch, row, column); `bias` is the stride of the bias, None without one. `aligned`: whether
    both operands begin at multiples of sixteen bytes."""

    dtype: DType
    sizes: tuple[int, int, int, int]  # batch, m, n, k
    a: tuple[int, int, int]
    b: tuple[int, int, int]
    out: tuple[int, int, int]
    bias: int | None
    aligned: bool

    @property
    def index(self) -> str:
        """The macro INDEX: offsets within a matrix."""
        _, m, n, k = self.sizes
        return index_type(
            m, n, k,
            m * abs(self.a[1]) + k * abs(self.a[2]),
            k * abs(self.b[1]) + n * abs(self.b[2]),
            m * abs(self.out[1]) + n * abs(self.out[2]),
        )  # fmt: skip


class Steps(NamedTuple):
    """A planned product: one launch, or one for partial sums and one that adds them up."""

    first: Launch
    combine: Launch | None
    partial: int  # bytes
    swapped: bool  # the second operand is what the kernel calls `a`
    lone: bool  # no partial sums among the pointers


# ---- tiles -----------------------------------------------------------------------------------
def _along_depth(line: int, depth: int) -> bool:
    """Whether neighbouring threads should read along the depth."""
    return depth != 0 and (line == 0 or abs(depth) <= abs(line))


def _packs(dtype: DType, along: bool, steps: tuple[int, int, int], line: int, depth: int) -> bool:
    """Whether an operand with steps (batch, line, depth) can move sixteen bytes at a time."""
    width = VECTOR_BYTES // dtype.itemsize
    unit, other = (steps[2], steps[1]) if along else (steps[1], steps[2])
    dense = unit == 1 and (depth if along else line) % width == 0
    return dense and other % width == 0 and steps[0] % width == 0


def tile_source(
    dtype: DType, index: str, side: int, packed: bool, a_along: bool, b_along: bool
) -> Source:
    """The module with tiles of one size and one way to read."""
    return Source(
        "matmul.cu",
        (
            ("T", C_TYPES[dtype]), ("INDEX", index), ("TILE_SIDE", str(side)),
            ("PACKED", str(int(packed))), ("A_ALONG_DEPTH", str(int(a_along))),
            ("B_ALONG_DEPTH", str(int(b_along))),
        ),
    )  # fmt: skip


def tile_side(m: int, n: int, k: int, batches: int, multiprocessors: int, large: bool) -> int:
    """Large tiles reuse more; small ones keep more of the device busy.

    `large`: whether there are tiles of 128."""

    def tiles(side: int) -> int:
        return -(-m // side) * -(-n // side) * batches

    if large and min(m, n) >= 128 and 2 * tiles(128) >= 3 * multiprocessors:
        return 128
    if min(m, n) > 32 and 2 * tiles(64) * max(1, k // PIECE) >= multiprocessors:
        return 64
    return 32


def division(tiles: int, k: int, multiprocessors: int) -> tuple[int, int]:
    """(pieces of the depth, depth of a piece): more than one where tiles are few."""
    wanted = min(-(-2 * multiprocessors // tiles), k // PIECE) if tiles < multiprocessors else 1
    if wanted < 2:
        return 1, k
    piece = -(-k // wanted // DEPTH) * DEPTH
    return -(-k // piece), piece


def _tiled(device: Device, p: Product) -> Steps:
    batches, m, n, k = p.sizes
    processors = device.properties.multiprocessors
    a_lines, b_lines = p.a, (p.b[0], p.b[2], p.b[1])
    a_along, b_along = _along_depth(*a_lines[1:]), _along_depth(*b_lines[1:])
    packed = p.aligned and p.dtype.itemsize >= 4 and k > 0
    packed = packed and _packs(p.dtype, a_along, a_lines, m, k)
    packed = packed and _packs(p.dtype, b_along, b_lines, n, k)
    large = packed and p.dtype is float32  # of others, 128 x 128 sums fill the registers
    side = tile_side(m, n, k, batches, processors, large)
    packed = packed and side >= 64
    tiles = -(-m // side) * -(-n // side)
    pieces, piece = division(tiles * batches, k, processors)
    source = tile_source(p.dtype, p.index, side, packed, a_along, b_along)
    constants = words(m, n, k, batches, pieces, piece, *p.a, *p.b, *p.out, p.bias or 0)
    grid = parts_grid(tiles, batches * pieces)
    first = Launch(device.function(source, "product"), grid, (THREADS, 1, 1), constants)
    if pieces == 1:
        return Steps(first, None, 0, False, False)
    total = batches * m * n
    combine = Launch(
        device.function(source, "combine"), blocks(total, THREADS), (THREADS, 1, 1), constants
    )
    return Steps(first, combine, pieces * total * max(p.dtype.itemsize, 4), False, False)


# ---- vectors ---------------------------------------------------------------------------------
def vector_source(dtype: DType, index: str, packed: bool) -> Source:
    """The module for products of a matrix and vectors."""
    defines = (("T", C_TYPES[dtype]), ("INDEX", index), ("PACKED", str(int(packed))))
    return Source("matvec.cu", defines)


def _vectors(device: Device, p: Product) -> Steps:
    """lines = the longer side; what is short are the vectors."""
    batches, m, n, k = p.sizes
    swapped = m < n
    lines, vectors = (n, m) if swapped else (m, n)
    a = (p.b[0], p.b[2], p.b[1]) if swapped else p.a
    x = (p.a[0], p.a[2], p.a[1]) if swapped else p.b  # batch, depth, vector
    out = (p.out[0], p.out[2], p.out[1]) if swapped else p.out
    bias = (p.bias or 0, 0) if swapped else (0, p.bias or 0)
    width = VECTOR_BYTES // p.dtype.itemsize
    dense = a[2] == 1 and x[1] == 1 and k % width == 0 and p.aligned
    packed = dense and all([step % width == 0 for step in (a[0], a[1], x[0], x[2])])
    along = _along_depth(a[1], a[2])
    few = lines * batches * vectors < 2 * device.properties.multiprocessors
    warps = 8 if few and k >= 1024 else 1
    per_block = 8 // warps if along else 32
    source = vector_source(p.dtype, p.index, packed and along)
    function = device.function(source, "rows" if along else "columns")
    constants = words(lines, vectors, k, batches, *a, *x, *out, *bias, warps)
    grid = (-(-lines // per_block), min(batches * vectors, 65535), 1)
    return Steps(Launch(function, grid, (THREADS, 1, 1), constants), None, 0, swapped, True)


# ---- running ---------------------------------------------------------------------------------
_plans = Plans()


def _plan(device: Device, p: Product) -> Steps:
    batches, m, n, k = p.sizes
    few = min(m, n) <= MOST_VECTORS and k > 0
    if few and max(m, n) * batches * 16 >= k:  # else only a division of the depth is parallel
        return _vectors(device, p)
    return _tiled(device, p)


def _multiply(p: Product, out: View, a: View, b: View, bias: View | None, device: Device) -> None:
    at_out, at_a, at_b = pointer(out), pointer(a), pointer(b)
    at_bias = 0 if bias is None else pointer(bias)
    if blas.library() is not None:
        fill = None if bias is None else partial(_spread, out, bias)
        if blas.multiply(device, p, at_out, at_a, at_b, fill):
            return
    key = (device.index, p)
    steps = _plans.get(key) or _plans.keep(key, _plan(device, p))
    if steps.lone:
        first, second = (at_b, at_a) if steps.swapped else (at_a, at_b)
        steps.first.run(device, at_out, first, second, at_bias)
    elif steps.combine is None:
        steps.first.run(device, at_out, 0, at_a, at_b, at_bias)
    else:
        sums = device.scratch(steps.partial)
        steps.first.run(device, at_out, sums.ptr, at_a, at_b, 0)
        steps.combine.run(device, at_out, sums.ptr, at_bias)


def _spread(out: View, bias: View) -> None:
    buffer, dtype, _, (step,), offset = bias
    copy(out, (buffer, dtype, out[2], (0, step), offset))


def _aligned(a: View, b: View) -> bool:
    return (pointer(a) | pointer(b)) % VECTOR_BYTES == 0


def matmul(out: View, a: View, b: View) -> None:
    """(B, M, K) x (B, K, N) -> (B, M, N)."""
    batches, m, n = out[2]
    if not (batches and m and n):
        return
    device = device_of(out[0])
    if a[0] is out[0] or b[0] is out[0]:
        a, b = apart(out, a, device), apart(out, b, device)
    sizes = (batches, m, n, a[2][2])
    p = Product(out[1], sizes, a[3], b[3], out[3], None, _aligned(a, b))
    _multiply(p, out, a, b, None, device)


def linear(out: View, a: View, weight: View, bias: View | None) -> None:
    """(M, K) x (N, K)^T + (N,) -> (M, N)."""
    m, n = out[2]
    if not (m and n):
        return
    device = device_of(out[0])
    if any([v is not None and v[0] is out[0] for v in (a, weight, bias)]):
        a, weight, bias = [apart(out, v, device) for v in (a, weight, bias)]
    p = Product(
        out[1], (1, m, n, a[2][1]), (0, *a[3]), (0, weight[3][1], weight[3][0]), (0, *out[3]),
        None if bias is None else bias[3][0], _aligned(a, weight),
    )  # fmt: skip
    _multiply(p, out, a, weight, bias, device)


KERNELS: dict[str, Callable[..., None]] = {"matmul": matmul, "linear": linear}


def sources() -> Iterator[tuple[Source, tuple[str, ...]]]:
    """Every dtype, size of tiles and way to read."""
    ways: list[Any] = list(itertools.product((True, False), repeat=2))
    for dtype in usual(NUMBER):
        packs = (False, True) if dtype.itemsize >= 4 else (False,)
        for packed in packs:
            yield vector_source(dtype, "int", packed), ("rows", "columns")
        tiles = [(32, False), *[(64, packed) for packed in packs]]
        tiles += [(128, True)] if dtype is float32 else []
        for (side, packed), (a, b) in itertools.product(tiles, ways):
            yield tile_source(dtype, "int", side, packed, a, b), ("product", "combine")
