"""The dtypes of the backend: one row each in Python, and one in `kernels/types.cuh`.

Kernels compute with the integers, float32 and float64. Floats of 16 bits are held, moved and
converted; what computes with them is run in float32.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from corex.backend import DTYPES
from corex.backend.signatures import widened
from corex.dtypes import (
    DType,
    bfloat16,
    bool_,
    float16,
    float32,
    float64,
    int8,
    int16,
    int32,
    int64,
    uint8,
    uint16,
    uint32,
    uint64,
)

C_TYPES: Final[dict[DType, str]] = {
    bool_: "bool",
    uint8: "unsigned char",
    uint16: "unsigned short",
    uint32: "unsigned",
    uint64: "unsigned long long",
    int8: "signed char",
    int16: "short",
    int32: "int",
    int64: "long long",
    float16: "struct Half",
    bfloat16: "struct BrainFloat",
    float32: "float",
    float64: "double",
}
"""What a dtype is called in a kernel, before anything is declared there."""

WORDS: Final = {1: "unsigned char", 2: "unsigned short", 4: "unsigned", 8: "unsigned long long"}
"""By bytes, what an element is called where it is only moved."""

FLOAT: Final = frozenset((float32, float64))
HALF: Final = frozenset((float16, bfloat16))
INTEGER: Final = frozenset((uint8, uint16, uint32, uint64, int8, int16, int32, int64))
BITS: Final = INTEGER | {bool_}
NUMBER: Final = INTEGER | FLOAT
ALL: Final = NUMBER | {bool_}
"""The dtypes that kernels compute with."""
HELD: Final = ALL | HALF

MOVING: Final = frozenset(("copy", "fill", "index", "gather"))
"""Kernels that compute nothing, so that they take what is only held."""


def takes(op: str) -> frozenset[DType]:
    """What T and x of a kernel's signature stand for."""
    return widened(op) & (HELD if op in MOVING else ALL)


def in_order(held: Iterable[DType]) -> list[DType]:
    """A set of dtypes in the order of corex's rows."""
    return sorted(held, key=lambda dtype: dtype.index)


def usual(held: Iterable[DType]) -> list[DType]:
    """Those of a set whose kernels are worth compiling ahead of use."""
    return in_order(set(held) & set(DTYPES))
