"""How kernels learn about shapes and strides: the `Layout` of `cl/prelude.cl`, packed here.

Dims that are adjacent in all operands are merged first. What then has one dim, and steps of 1 or 0
along it, is handled by kernels without any index arithmetic; the others divide. Beyond `RANK` dims
the outermost ones are walked through on the host, with one launch for each place.
"""

from __future__ import annotations

import itertools
import math
import struct
from collections.abc import Iterator
from functools import lru_cache
from typing import NamedTuple

from corex.backend import View, collapse, contiguous_strides

RANK = 8  # of a Layout, as in cl/prelude.cl
OPERANDS = 4

Shape = tuple[int, ...]

_BODY = struct.Struct(f"<{2 + RANK + OPERANDS * RANK}q")
_OFFSETS = struct.Struct(f"<{OPERANDS}q")


class Plan(NamedTuple):
    """A geometry without its offsets.

    Attributes:
        size: how many elements one launch visits.
        steps: one digit per operand, its step in elements, if all are 0 or 1 along a single dim
            ("110"); None for everything else.
        body: size, rank, shape and strides, packed.
        places: what is to be added to the offsets, for every launch.
    """

    size: int
    steps: str | None
    body: bytes
    places: tuple[tuple[int, ...], ...]


@lru_cache(maxsize=4096)
def plan(shape: Shape, *strides: Shape) -> Plan:
    """The geometry of up to four operands of one shape."""
    sizes, merged = collapse(shape, *strides)
    outer = max(0, len(sizes) - RANK)
    places = tuple(
        tuple(sum(i * s for i, s in zip(place, stride, strict=False)) for stride in merged)
        for place in itertools.product(*map(range, sizes[:outer]))
    )
    sizes = sizes[outer:]
    merged = tuple(stride[outer:] for stride in merged)
    steps = None
    if len(sizes) <= 1:
        along = [stride[0] if stride else 1 for stride in merged]
        if all(step in (0, 1) for step in along):
            steps = "".join(map(str, along))
    count = math.prod(sizes)
    if 0 in shape:
        count = 0
    packed = _padded(sizes)
    for i in range(OPERANDS):
        packed += _padded(merged[i] if i < len(merged) else ())
    return Plan(count, steps, _BODY.pack(count, len(sizes), *packed), places)


def _padded(numbers: Shape) -> Shape:
    return (*numbers, *[0] * (RANK - len(numbers)))


def layouts(found: Plan, *offsets: int) -> Iterator[bytes]:
    """The packed `Layout` of every launch."""
    missing = (0,) * (OPERANDS - len(offsets))
    for place in found.places:
        moved = map(sum, zip(offsets, place, strict=True))
        yield _OFFSETS.pack(*moved, *missing) + found.body


def is_dense(view: View) -> bool:
    """Whether the elements lie one after the other, in row-major order."""
    _, _, shape, strides, _ = view
    return 0 in shape or all(
        size == 1 or stride == dense
        for size, stride, dense in zip(shape, strides, contiguous_strides(shape), strict=True)
    )


def row_major(view: View, shape: Shape) -> View:
    """A dense view, reinterpreted with another shape of as many elements."""
    buffer, dtype, _, _, offset = view
    return (buffer, dtype, shape, contiguous_strides(shape), offset)
