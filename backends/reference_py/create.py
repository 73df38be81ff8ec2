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
        return whole(value, to)
    if to.itemsize < 8 and to.kind == "f" and isinstance(value, int):
        return _exact_or_odd(value)
    return value


def whole(value: float, to: DType) -> int:
    """An integer of a float, towards zero.

    What does not fit int32 or int64 is the most negative number; narrower ones and uint32 are the
    low bits of int64. uint64 goes on where int64 ends.
    """
    lowest = -(1 << 31 if to.itemsize == 4 and to.kind == "i" else 1 << 63)
    if lowest <= value < -lowest:
        return math.trunc(value)
    if to.itemsize == 8 and to.kind == "u" and value > 0:
        return math.trunc(value) if value < 2.0**64 else 0
    return lowest


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
