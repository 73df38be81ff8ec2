"""Promotion by the standard: dtypes of arrays alone decide, of whatever shape, and numbers adapt.

It differs from PyTorch's in that arrays without dimensions count as all others do, and that uint16,
uint32 and uint64 meet the other integers in the smallest dtype that holds both. What the standard
leaves open (integers with floats, bools with numbers) is as in PyTorch.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import corex
from corex.dtypes import ALL, BY_NAME, PROMOTION, DType, get_default_dtype
from corex.ops.promotion import as_number
from corex.tensor.tensor import Tensor

_INTEGERS = sorted([dtype for dtype in ALL if dtype.kind in "ui"], key=lambda dtype: dtype.digits)
_CATEGORIES = {bool: 0, int: 1, float: 2, complex: 3}


def promoted(a: DType, b: DType) -> DType:
    """The dtype in which two arrays meet.

    Raises:
        TypeError: there is none: uint64 with a signed integer.
    """
    if a.category != b.category or a.category > 1:
        high, low = (a, b) if a.category >= b.category else (b, a)
        return high if low.category < 2 else PROMOTION[a, b]
    digits, signed = max(a.digits, b.digits), a.is_signed or b.is_signed
    for dtype in (a, b, *_INTEGERS):
        if dtype.digits >= digits and dtype.is_signed >= signed:
            return dtype
    raise TypeError(f"{a!r} and {b!r} have no common dtype; convert one of them with astype")


def with_number(dtype: DType, number: complex) -> DType:
    """The dtype in which an array meets a Python number: its own, if that is of the kind."""
    category = _CATEGORIES[type(number)]
    if category <= dtype.category:
        return dtype
    if category == 1:
        return corex.int64
    wide = dtype if dtype.is_inexact else get_default_dtype()
    return wide.to_complex() if category == 3 else wide


def common_dtype(name: str, *operands: Any) -> DType:
    """The dtype in which arrays, dtypes and numbers meet; NumPy's scalars are numbers, too.

    Raises:
        TypeError: no array or dtype among them, something else, or no common dtype.
    """
    found: DType | None = None
    numbers = []
    for operand in operands:
        number = None if isinstance(operand, Tensor) else as_number(operand)
        if number is None:
            dtype = dtype_of(name, operand)
            found = dtype if found is None else promoted(found, dtype)
        else:
            numbers.append(number)
    if found is None:
        raise TypeError(f"[{name}] at least one argument must be an array or a dtype")
    for number in numbers:
        found = with_number(found, number)
    return found


def dtype_of(name: str, value: Any) -> DType:
    """The dtype of an array, or a dtype itself.

    Clients that were written for NumPy first pass on a name, `np.float64` or `np.dtype("f8")`:
    these stand for the dtype of that name.

    Raises:
        TypeError: it is none of these.
    """
    if isinstance(value, Tensor):
        return value.dtype
    if isinstance(value, DType):
        return value
    said = getattr(value, "__name__" if isinstance(value, type) else "name", value)
    if isinstance(said, str) and said in BY_NAME:
        return BY_NAME[said]
    raise TypeError(f"[{name}] expected an array or a dtype, got {type(value).__name__}")


def operands(name: str, *values: Any) -> list[Tensor]:
    """Arrays and numbers as arrays of their common dtype.

    Raises:
        TypeError: no array among them, something else, or no common dtype.
    """
    arrays = [value for value in values if isinstance(value, Tensor)]
    if not arrays:
        raise TypeError(f"[{name}] at least one argument must be an array")
    dtype = common_dtype(name, *values)
    return [as_array(value, dtype, arrays[0]) for value in values]


def as_array(value: Any, dtype: DType, like: Tensor) -> Tensor:
    """An array of `dtype`: a converted one, or a number where `like` is."""
    if isinstance(value, Tensor):
        return value if value.dtype is dtype else value.to(dtype)
    return like.new_full((), as_number(value), dtype=dtype)


_F = TypeVar("_F", bound=Callable[..., object])


def named(function: _F, name: str, op: Callable[..., object]) -> _F:
    """The function, under a name of the standard, with the text of the op that it calls."""
    function.__name__ = function.__qualname__ = name
    function.__doc__ = op.__doc__
    return function


def require_array(name: str, value: Any) -> Tensor:
    """The argument, which must be an array.

    Raises:
        TypeError: it is none.
    """
    if not isinstance(value, Tensor):
        raise TypeError(f"[{name}] expected an array, got {type(value).__name__}")
    return value


def normalized(name: str, axis: int, count: int) -> int:
    """An axis counted from the front.

    Raises:
        IndexError: there is none of this number.
    """
    if not -count <= axis < count:
        raise IndexError(f"[{name}] axis {axis} is out of range for {count} axes")
    return axis % count
