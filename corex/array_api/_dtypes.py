"""The standard's data types, and its functions about them."""

from __future__ import annotations

from typing import Any, NamedTuple

import corex
from corex import dtypes as dt
from corex.array_api._promotion import common_dtype, dtype_of, promoted, require_array
from corex.device import device as Device
from corex.dtypes import PYTHON_TYPES, DType
from corex.tensor.tensor import Tensor

DTYPES: dict[str, DType] = {
    dtype.name: dtype for dtype in dt.ALL if dtype.kind in "bui" or dtype.digits in (24, 53)
}
"""Those that the standard knows, by name; corex has others besides."""

KINDS = {
    "bool": "b",
    "signed integer": "i",
    "unsigned integer": "u",
    "integral": "iu",
    "real floating": "f",
    "complex floating": "c",
    "numeric": "iufc",
}
"""The standard's words for kinds of dtypes -> corex's letters."""


class finfo_object(NamedTuple):  # noqa: N801 - the standard's name
    """What there is to know of a floating-point dtype, or of the parts of a complex one."""

    bits: int
    eps: float
    max: float
    min: float
    smallest_normal: float
    dtype: DType


class iinfo_object(NamedTuple):  # noqa: N801 - the standard's name
    """What there is to know of an integer dtype."""

    bits: int
    max: int
    min: int
    dtype: DType


def astype(
    x: Tensor, dtype: DType, /, *, copy: bool = True, device: Device | str | None = None
) -> Tensor:
    """The array in another dtype; itself if nothing changes and `copy=False`.

    Raises:
        TypeError: `x` is no array, or a complex one is to become real.
    """
    require_array("astype", x)
    said: Any = dtype
    found = PYTHON_TYPES.get(said) if isinstance(said, type) else None
    dtype = found or dtype_of("astype", said)
    if x.is_complex() and not dtype.is_complex:
        raise TypeError(f"[astype] {x.dtype!r} to {dtype!r}: take real(x) or imag(x)")
    return x.to(device=x.device if device is None else device, dtype=dtype, copy=copy)


def can_cast(from_: DType | Tensor, to: DType, /) -> bool:
    """Whether promotion can lead from a dtype to another.

    Raises:
        TypeError: an argument is neither an array nor a dtype.
    """
    start = dtype_of("can_cast", from_)
    try:
        return promoted(start, dtype_of("can_cast", to)) is to
    except TypeError:
        return False


def finfo(type: DType | Tensor, /) -> finfo_object:
    """The limits of a floating-point dtype, or of the parts of a complex one.

    Raises:
        TypeError: it is none.
    """
    dtype = dtype_of("finfo", type)
    found = corex.finfo(dtype)
    return finfo_object(
        found.bits, found.eps, found.max, found.min, found.smallest_normal, dtype.to_real()
    )


def iinfo(type: DType | Tensor, /) -> iinfo_object:
    """The limits of an integer dtype.

    Raises:
        TypeError: it is none.
    """
    dtype = dtype_of("iinfo", type)
    found = corex.iinfo(dtype)
    return iinfo_object(found.bits, found.max, found.min, dtype)


def isdtype(dtype: DType, kind: Any) -> bool:
    """Whether a dtype is of a kind: a word of `KINDS`, a dtype, or a tuple of such.

    Raises:
        TypeError: `dtype` is no dtype, or `kind` neither. ValueError: no such kind.
    """
    dtype = dtype_of("isdtype", dtype)
    if isinstance(kind, tuple):
        return any([isdtype(dtype, each) for each in kind])
    if isinstance(kind, DType):
        return dtype is kind
    if not isinstance(kind, str):
        raise TypeError(f"[isdtype] a kind is a string, a dtype or a tuple, got {kind!r}")
    return dtype.kind in letters_of("isdtype", kind)


def letters_of(name: str, kind: str) -> str:
    """The letters of a kind.

    Raises:
        ValueError: no such kind.
    """
    if kind not in KINDS:
        raise ValueError(f"[{name}] no kind {kind!r}; there are {', '.join(KINDS)}")
    return KINDS[kind]


def result_type(*arrays_and_dtypes: Any) -> DType:
    """The dtype in which arrays, dtypes and numbers meet.

    Raises:
        TypeError: no array or dtype among them, something else, or no common dtype.
    """
    return common_dtype("result_type", *arrays_and_dtypes)


__all__ = ["astype", "can_cast", "finfo", "iinfo", "isdtype", "result_type"]
