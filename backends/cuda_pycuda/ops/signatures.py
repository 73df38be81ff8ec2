"""Which dtypes a kernel takes: small predicates, so that `select` is exact.

A file of ops has two tables, `KERNELS: dict[str, Kernel]` and `SIGNATURES: dict[str, Signature]`,
with one entry per op in each. A signature gets the dtypes of all views, outputs first, and says
whether the kernel takes them.
"""

from __future__ import annotations

from collections.abc import Callable

from corex.dtypes import DType, bool_, float32, float64, int32, int64, uint8

Signature = Callable[[tuple[DType, ...]], bool]

FLOAT = frozenset((float32, float64))
INTEGER = frozenset((uint8, int32, int64))
BITS = INTEGER | {bool_}
NUMBER = INTEGER | FLOAT
ALL = NUMBER | {bool_}

C_TYPES: dict[DType, str] = {
    bool_: "bool",
    uint8: "unsigned char",
    int32: "int",
    int64: "long long",
    float32: "float",
    float64: "double",
}
"""What a dtype is called in a kernel."""


def each(held: frozenset[DType]) -> Signature:
    """Every view has one of these dtypes, whichever."""
    return lambda dtypes: all([dtype in held for dtype in dtypes])


def same(held: frozenset[DType]) -> Signature:
    """All views have one dtype, one of these."""
    return lambda dtypes: dtypes[0] in held and dtypes.count(dtypes[0]) == len(dtypes)


def first(output: DType, held: frozenset[DType]) -> Signature:
    """The first view has dtype `output`, all others one dtype, one of `held`."""

    def takes(dtypes: tuple[DType, ...]) -> bool:
        rest = dtypes[1:]
        return dtypes[0] is output and rest[0] in held and rest.count(rest[0]) == len(rest)

    return takes


def pattern(*places: DType | None, held: frozenset[DType]) -> Signature:
    """View number k has dtype `places[k]`; where that is None, the common dtype, one of `held`."""

    def takes(dtypes: tuple[DType, ...]) -> bool:
        if len(dtypes) != len(places):
            return False
        common = {d for d, place in zip(dtypes, places, strict=True) if place is None}
        fixed = all([p is None or d is p for d, p in zip(dtypes, places, strict=True)])
        return fixed and len(common) == 1 and common <= held

    return takes
