"""Elements of memory as Python numbers, and back.

`struct`, `array` and memoryviews do it for the dtypes whose letter they know. Floats of 16 bits go
by way of float32, as PyTorch converts them.
"""

from __future__ import annotations

import math
import struct
from array import array
from collections.abc import Callable, Sequence
from typing import Any, Final

from corex.dtypes import ALL, DType, bfloat16, float16

Element = Any
"""A Python bool, int, float or complex, according to the dtype it came from."""

_ARRAY_LETTERS: Final = frozenset("BHIQbhiqfd")
"""The formats that `array` knows."""

_HALF_LIMIT: Final = 65520.0
"""What is at least as large is rounded to infinity by float16."""


# ---- bfloat16: the upper half of a float32 -----------------------------------------------------
def _bfloat16_bits(numbers: Sequence[float]) -> array[int]:
    """Rounded to the nearest, to even where two are."""
    return array("H", [_upper(bits) for bits in array("I", array("f", numbers).tobytes())])


def _upper(bits: int) -> int:
    if bits & 0x7FFFFFFF > 0x7F800000:
        return 0x7FC0  # what PyTorch makes of every NaN
    return (bits + 0x7FFF + (bits >> 16 & 1)) >> 16


def _from_bfloat16(bits: Sequence[int]) -> list[float]:
    return array("f", array("I", [half << 16 for half in bits]).tobytes()).tolist()


# ---- float16 -----------------------------------------------------------------------------------
def _float16_bytes(numbers: Sequence[float]) -> bytes:
    single = array("f", numbers)
    near = [math.copysign(math.inf, x) if abs(x) >= _HALF_LIMIT else x for x in single]
    return struct.pack(f"={len(near)}e", *near)


# ---- complex numbers: pairs of floats ----------------------------------------------------------
def _parts(numbers: Sequence[complex]) -> list[float]:
    found: list[float] = []
    for number in numbers:
        found += (number.real, number.imag)
    return found


def _paired(parts: Sequence[float]) -> list[complex]:
    return [complex(re, im) for re, im in zip(parts[::2], parts[1::2], strict=True)]


# ---- all dtypes --------------------------------------------------------------------------------
def pack(dtype: DType, numbers: Sequence[Element]) -> memoryview:
    """The numbers in the dtype's own format, as bytes; floats round, to infinity if need be.

    Raises:
        OverflowError: an integer that the dtype does not hold. TypeError: no numbers.
    """
    if dtype.format in _ARRAY_LETTERS:
        return memoryview(array(dtype.format, numbers)).cast("B")
    if dtype.real is not None:
        return pack(dtype.real, _parts(numbers))
    if dtype is bfloat16:
        return memoryview(_bfloat16_bits(numbers)).cast("B")
    if dtype is float16:
        return memoryview(_float16_bytes(numbers))
    return memoryview(bytes(map(bool, numbers)))


def unpack(dtype: DType, data: memoryview) -> list[Element]:
    """The numbers in some bytes."""
    if dtype.real is not None:
        return _paired(unpack(dtype.real, data))
    if dtype is bfloat16:
        return _from_bfloat16(data.cast("H"))
    if dtype is float16:
        return list(struct.unpack(f"={data.nbytes // 2}e", data))
    return data.cast(dtype.format).tolist()  # type: ignore[call-overload,no-any-return]


def nested(dtype: DType, data: memoryview, shape: tuple[int, ...]) -> Any:
    """The numbers in some bytes, as lists in lists; there is at least one dimension and element."""
    if dtype.format and dtype is not float16:
        return data.cast(dtype.format, shape).tolist()  # type: ignore[call-overload]
    found = unpack(dtype, data)
    for size in reversed(shape[1:]):
        found = [found[start : start + size] for start in range(0, len(found), size)]
    return found


def _reader(dtype: DType) -> Callable[..., tuple[Element, ...]]:
    if dtype.real is not None:
        parts = struct.Struct(f"2{dtype.real.format}").unpack_from

        def read_pair(data: Any, start: int = 0) -> tuple[Element, ...]:
            return (complex(*parts(data, start)),)

        return read_pair
    if dtype is not bfloat16:
        return struct.Struct(dtype.format).unpack_from
    bits = struct.Struct("H").unpack_from

    def read(data: Any, start: int = 0) -> tuple[Element, ...]:
        return tuple(_from_bfloat16(bits(data, start)))

    return read


READERS: Final = tuple([_reader(dtype) for dtype in ALL])
"""By the dtype's index: `read(bytes, byte offset) -> (number,)`."""
