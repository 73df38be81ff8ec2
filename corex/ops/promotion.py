"""Result dtypes of mixed operands: tensors with dims, 0-d tensors, Python numbers.

PyTorch's rule: of the three groups, a lower one takes part only if its category (boolean, integer,
floating) is higher than that of the groups above it.
"""

from __future__ import annotations

import math
from typing import Any

from corex import dtypes as dt
from corex.backend.elements import pack, unpack
from corex.dispatch.bind import cast as cast
from corex.dispatch.bind import number_tensor
from corex.dtypes import PROMOTION, DType
from corex.tensor.place import DispatchKey
from corex.tensor.tensor import Tensor

Number = bool | int | float
"""What operands may be beside tensors; where tensors are complex, complex numbers, too, which the
type leaves out as PyTorch's does: of most functions they are no arguments."""


def number_dtype(value: Number) -> DType:
    """The dtype a Python number has by itself."""
    if isinstance(value, bool):
        return dt.bool_
    if isinstance(value, complex):
        return dt.get_default_dtype().to_complex()
    return dt.int64 if isinstance(value, int) else dt.get_default_dtype()


def result_type(*operands: Any) -> DType:
    """The dtype an arithmetic op computes in, as `torch.result_type`.

    Raises:
        TypeError: an operand is neither a tensor nor a number.
    """
    groups: list[DType | None] = [None, None, None]
    largest: Number = 0
    for operand in operands:
        if isinstance(operand, Tensor):
            rank, dtype = (0 if operand.shape else 1), operand.key.dtype
        else:
            number = as_number(operand)
            if number is None:
                raise TypeError(f"expected a Tensor or a number, got {type(operand).__name__}")
            check_bits(number)
            rank, dtype = 2, number_dtype(number)
            largest = max(largest, number) if isinstance(number, int) else largest
        before = groups[rank]
        groups[rank] = dtype if before is None else PROMOTION[before, dtype]
    result: DType | None = None
    for group in groups:
        if group is None:
            continue
        if result is None:
            result = group
        elif group.category > result.category:
            if group.is_complex:  # as precise as the floats above it
                result = result.to_complex() if result.is_floating_point else group
            else:
                result = PROMOTION[result, group]
            if result is dt.int64 and 2**63 <= largest < 2**64:
                raise RuntimeError(
                    f"{largest} is beyond int64, which bool tensors are promoted to by integers; "
                    f"convert the tensor first"
                )
    if result is None:
        raise TypeError("result_type() needs at least one operand")
    return result


_NUMBERS = (bool, int, float, complex)


def as_number(value: Any) -> Number | None:
    """A number, also of NumPy or of a subclass, as a plain one of Python's; else None."""
    if isinstance(value, bool):
        return value
    if isinstance(value, int | float):
        return int(value) if isinstance(value, int) else float(value)
    if isinstance(value, complex):
        return complex(value)  # type: ignore[return-value]
    if type(value).__module__ == "numpy" and hasattr(value, "item") and not value.shape:
        number: Any = value.item()
        return number if type(number) in _NUMBERS else None
    return None


def plain_number(value: Any, op: str = "", name: str = "value") -> Number:
    """As `as_number`, of an argument that must be a number.

    Raises:
        TypeError: it is none.
    """
    number = as_number(value)
    if number is None:
        raise TypeError(f"{op}(): argument '{name}' must be Number, not {type(value).__name__}")
    return number


def real_number(value: Any, op: str, name: str) -> float:
    """A number argument as a float, as for parameters that have no part in the promotion.

    Raises:
        TypeError: no number. OverflowError: an integer that float64 cannot hold.
    """
    number = plain_number(value, op, name)
    if isinstance(number, complex):
        raise TypeError(f"{op}(): argument '{name}' must be a real number, not complex")
    return float(number)


def factor(value: Any, dtype: DType, op: str, name: str, strict: bool = True) -> Number:
    """A number that multiplies tensors (`alpha`, `beta`, `value`), as their dtype holds it.

    Not `strict`, fractions are cut off beside integers, as PyTorch does in some ops.

    Raises:
        TypeError: no number. OverflowError: an integer of more than 64 bits.
        RuntimeError: a fraction beside integers, a bool beside numbers, or it does not fit.
    """
    number = plain_number(value, op, name)
    check_bits(number)
    if strict and isinstance(number, float) and not dtype.is_inexact:
        raise RuntimeError(
            f"[{op}] For integral input tensors, argument {name} must not be a floating point "
            f"number."
        )
    if strict and isinstance(number, bool) and dtype.kind != "b":
        raise RuntimeError(f"[{op}] Boolean {name} only supported for Boolean results.")
    check_fits(number, dtype)
    if dtype.is_inexact:
        return number.real if isinstance(number, complex) and not dtype.is_complex else number
    return bool(number) if dtype.kind == "b" else int(number)


# ---- numbers and dtypes --------------------------------------------------------------------------
# As an operand an integer wraps around and a float rounds, to infinity if need be
# (`operand_number`); as a value to be written or a bound it must fit (`written_number`). No integer
# has more than 64 bits.
_LARGEST = {dtype: dt.finfo(dtype).max for dtype in dt.of_kinds("f")}
_LIMITS = {dtype: (dt.iinfo(dtype).min, dt.iinfo(dtype).max) for dtype in dt.of_kinds("ui")}
_LIMITS[dt.bool_] = _LIMITS[dt.int64]


def limits(dtype: DType) -> tuple[int, int]:
    """The smallest and the largest integer that a boolean or integer dtype computes with."""
    return _LIMITS[dtype]


def check_bits(value: Number) -> None:
    """Raises OverflowError for an integer of more than 64 bits."""
    if isinstance(value, int) and not -(2**63) <= value < 2**64:
        raise OverflowError(
            f"int too big to convert: an integer takes at most 64 bits here, and this one "
            f"{value.bit_length()}{' and a sign' if value < 0 else ''}"
        )


def check_fits(value: Number, dtype: DType) -> None:
    """Whether a dtype can hold a number; without a sign negative ones may wrap, as in PyTorch.

    Raises:
        OverflowError: an integer of more than 64 bits. RuntimeError: it cannot.
    """
    if isinstance(value, complex):
        _check_complex_fits(value, dtype)
        return
    if 0 <= value <= 127:
        return
    check_bits(value)
    kind = dtype.kind
    if kind == "b":
        return
    if kind == "c":
        check_fits(value, dtype.to_real())
        return
    if kind == "f":
        fits = not _LARGEST[dtype] < abs(value) < math.inf
    else:
        low, high = limits(dtype)
        if kind == "u" and not isinstance(value, float):
            low = -high
        fits = low <= value <= high
    if not fits:
        raise RuntimeError(
            f"value cannot be converted to type {dtype.name} without overflow: {value}"
        )


_UNROUNDED = frozenset(("mul", "div", "floor_divide"))
"""Where PyTorch takes a number beside 16-bit floats as it is."""


def _check_complex_fits(value: complex, dtype: DType) -> None:
    if dtype.kind == "b":
        return
    if not dtype.is_complex and value.imag != 0:
        raise RuntimeError(
            f"value cannot be converted to type {dtype.name} without overflow: {value}"
        )
    for part in (value.real, value.imag) if dtype.is_complex else (value.real,):
        check_fits(part, dtype.to_real())


def operand_number(value: Number, dtype: DType | None = None, op: str = "") -> Number:
    """A number as an operand: integers will wrap around, floats round.

    Raises:
        OverflowError: an integer of more than 64 bits.
    """
    number = plain_number(value)
    check_bits(number)
    if dtype is None or dtype.kind != "f" or dtype.keeps_floats or op in _UNROUNDED:
        return number
    return unpack(dtype, pack(dtype, [number]))[0]  # type: ignore[no-any-return]


def written_number(value: Any, dtype: DType, op: str = "") -> Number:
    """A number that is written or is a bound: the dtype must hold it.

    Raises:
        TypeError: no number. OverflowError: an integer of more than 64 bits.
        RuntimeError: it does not fit the dtype.
    """
    number = plain_number(value, op)
    check_fits(number, dtype)
    return as_held(number, dtype)


def as_held(number: Number, dtype: DType) -> Number:
    """A number that fits a dtype, without the imaginary part that only complex ones have."""
    if not isinstance(number, complex) or dtype.is_complex:
        return number
    return bool(number) if dtype.kind == "b" else number.real


def written(value: Any, key: DispatchKey, op: str = "") -> Tensor:
    """A new 0-d tensor of a number that is written; raises as `written_number`."""
    return number_tensor(written_number(value, key.dtype, op), key)


def counted(mask: Tensor) -> Tensor:
    """Truth values as numbers, of a small dtype that their device holds."""
    return cast(mask, dt.uint8 if mask.key.place.holds(dt.uint8) else dt.float32)


def require_kinds(op: str, kinds: str, *tensors: Tensor) -> None:
    """
    Raises:
        NotImplementedError: a tensor whose dtype is of none of the kinds (letters of `Row.kind`).
    """
    for t in tensors:
        if t.key.dtype.kind not in kinds:
            raise NotImplementedError(f'[{op}] "{op}" not implemented for {t.key.dtype.scalar!r}')


def require_tensor(op: str, value: Any, name: str = "input") -> Tensor:
    """`value`, checked to be a tensor.

    Raises:
        TypeError: it is not.
    """
    if not isinstance(value, Tensor):
        raise TypeError(f"{op}(): argument '{name}' must be Tensor, not {type(value).__name__}")
    return value
