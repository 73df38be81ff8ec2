"""The dtypes of the backend: one row each in Python, and one in `kernels/types.cuh`.

A kernel takes the sets that its signature names and no other dtype, so a row alone claims nothing.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from corex.dtypes import DType, bool_, float32, float64, int32, int64, uint8

C_TYPES: Final[dict[DType, str]] = {
    bool_: "bool",
    uint8: "unsigned char",
    int32: "int",
    int64: "long long",
    float32: "float",
    float64: "double",
}
"""What a dtype is called in a kernel."""

WORDS: Final = {1: "unsigned char", 4: "unsigned", 8: "unsigned long long"}
"""By bytes, what an element is called where it is only moved."""

FLOAT: Final = frozenset((float32, float64))
INTEGER: Final = frozenset((uint8, int32, int64))
BITS: Final = INTEGER | {bool_}
NUMBER: Final = INTEGER | FLOAT
ALL: Final = NUMBER | {bool_}
"""The dtypes that kernels compute with."""


def in_order(held: Iterable[DType]) -> list[DType]:
    """A set of dtypes in the order of corex's rows."""
    return sorted(held, key=lambda dtype: dtype.index)
