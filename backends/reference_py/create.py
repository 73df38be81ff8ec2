"""Filling memory: copies between dtypes, constants, sequences."""

from __future__ import annotations

import math
from collections.abc import Mapping

from corex.backend import Kernel, View
from corex.dtypes import DType

from .views import Scalar, load, store


def converted(value: Scalar, to: DType) -> Scalar:
    """The number as the dtype holds it, up to the rounding and wrapping that `pack` does."""
    if to.kind in "ui" and isinstance(value, float):
        # Towards zero. What does not fit is the most negative number; uint8 is int64's low byte.
        lowest = -(1 << 31 if to.itemsize == 4 else 1 << 63)
        return math.trunc(value) if lowest <= value < -lowest else lowest
    if to.itemsize == 4 and to.kind == "f" and isinstance(value, int):
        return _exact_or_odd(value)
    return value


def _exact_or_odd(value: int) -> int:
    """An integer of at most 53 digits that float32 rounds exactly as it would round `value`.

    A large integer would be rounded twice, to double and to single. If what is cut off first
    leaves a 1 behind (rounding to odd), the second rounding sees that there was more.
    """
    excess = max(0, value.bit_length() - 53)
    kept = abs(value) >> excess
    if kept << excess != abs(value):
        kept |= 1
    return (kept << excess) * (1 if value > 0 else -1)


def copy(out: View, a: View) -> None:
    """Element by element, with conversion to the dtype of `out`."""
    if out[1] is a[1]:
        store(out, load(a))
    else:
        store(out, [converted(value, out[1]) for value in load(a)])


def fill(out: View, value: Scalar) -> None:
    """Every element becomes `value`."""
    store(out, [converted(value, out[1])] * math.prod(out[2]))


def arange(out: View, start: Scalar, step: Scalar) -> None:
    """`out[i] = start + i * step`."""
    store(out, [converted(start + i * step, out[1]) for i in range(out[2][0])])


KERNELS: Mapping[str, Kernel] = {"copy": copy, "fill": fill, "arange": arange}
