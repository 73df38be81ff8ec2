"""From views to Python numbers and back.

A kernel here has three steps: `load` the inputs into lists, compute on Python numbers, `store`
the results. Everything about strides, offsets and number formats is in this file. As every input
is read before anything is written, an output may be the same view as an input.
"""

from __future__ import annotations

import math
from array import array
from collections.abc import Iterable, Sequence
from typing import Any

from corex.backend import OutOfMemoryError, View, contiguous_strides, unpack
from corex.backend import pack as packed_by
from corex.dtypes import DType

LONGEST_LIST = 2**32

Scalar = Any
"""A Python bool, int or float, according to the dtype it came from."""


def load(view: View) -> list[Scalar]:
    """The elements in row-major order, as bools, ints or floats."""
    memory = cells(view)
    where = positions(view)
    if isinstance(where, range):
        return _numbers(view[1], memory[where.start : where.stop].tolist())
    return load_at(view, where)


def load_at(view: View, where: Iterable[int]) -> list[Scalar]:
    """The elements at some positions of the view's buffer."""
    memory = cells(view)
    return _numbers(view[1], [memory[position] for position in where])


def _numbers(dtype: DType, found: list[Scalar]) -> list[Scalar]:
    """What the cells of a dtype stand for."""
    if dtype.kind == "b":
        return [value != 0 for value in found]
    return unpack(dtype, memoryview(array("H", found)).cast("B")) if is_half(dtype) else found


def is_half(dtype: DType) -> bool:
    """Whether it is a float of 16 bits, whose cells are read and written as integers."""
    return dtype.kind == "f" and dtype.itemsize == 2


def store(view: View, values: Iterable[Scalar]) -> None:
    """Writes the elements in row-major order, each converted to the view's dtype as by `pack`."""
    write_at(view, positions(view), values)


def write_at(view: View, where: Sequence[int], values: Iterable[Scalar]) -> None:
    """Writes each value at its position in the view's buffer; the last of equal positions wins."""
    memory = cells(view)
    packed = pack(view[1], values)
    if isinstance(where, range):
        memory[where.start : where.stop] = memoryview(packed)
    else:
        for position, value in zip(where, packed, strict=True):
            memory[position] = value


def add_at(view: View, where: Sequence[int], values: Iterable[Scalar]) -> None:
    """Adds each value to the element at its position, rounding once, after the last addition."""
    memory = cells(view)
    totals: dict[int, Scalar] = {}
    for position, value in zip(where, values, strict=True):
        if position not in totals:
            totals[position] = _numbers(view[1], [memory[position]])[0]
        totals[position] += value
    write_at(view, list(totals), totals.values())


def positions(view: View) -> Sequence[int]:
    """Where in the buffer the elements are, counted in elements, in row-major order.

    A `range` with step 1 if the elements lie there one after the other, else a list.
    """
    _, _, shape, strides, offset = view
    if is_row_major(shape, strides):
        return range(offset, offset + math.prod(shape))
    check_listable(math.prod(shape), shape)
    result = [offset]
    for size, stride in zip(shape, strides, strict=True):
        result = [start + i * stride for start in result for i in range(size)]
    return result


def check_listable(count: int, shape: tuple[int, ...]) -> None:
    """A view of few bytes may have more elements than any list.

    Raises:
        OutOfMemoryError: so it is.
    """
    if count > LONGEST_LIST:
        raise OutOfMemoryError(
            f"reference_py makes lists of what it reads, and a view of shape {list(shape)} has too "
            f"many elements for one"
        )


def is_row_major(shape: tuple[int, ...], strides: tuple[int, ...]) -> bool:
    """Whether row-major order visits memory one element after the other."""
    return 0 in shape or all(
        size == 1 or stride == dense
        for size, stride, dense in zip(shape, strides, contiguous_strides(shape), strict=True)
    )


def cells(view: View) -> memoryview:
    """The whole buffer as cells of the view's dtype: bools are the bytes 0 and 1, floats of 16 bits
    are their bits."""
    buffer, dtype = view[:2]
    code: Any = type_code(dtype)
    data = memoryview(buffer)
    whole = len(data) - len(data) % dtype.itemsize
    # Python refuses to cast a memoryview without elements.
    return data[:whole].cast(code) if whole else memoryview(array(code))


def type_code(dtype: DType) -> str:
    """The letter of the dtype's cells in `array` and `memoryview`."""
    return "B" if dtype.kind == "b" else "H" if is_half(dtype) else dtype.format


def pack(dtype: DType, values: Iterable[Scalar]) -> array[Scalar]:
    """The values in the dtype's own format.

    bool stores `value != 0`. Integers wrap around. float32 rounds to nearest, beyond its range to
    infinity (`array` and `memoryview` do so, `struct` would raise). Integer dtypes take integers
    only: what a fraction becomes is `create.converted`'s business.
    """
    if dtype.kind == "b":
        return array("B", [value != 0 for value in values])
    numbers = list(values)
    if is_half(dtype):
        return array("H", packed_by(dtype, numbers).tobytes())
    try:
        return array(type_code(dtype), numbers)
    except OverflowError:
        return array(type_code(dtype), [wrap(dtype, number) for number in numbers])


def wrap(dtype: DType, number: int) -> int:
    """The integer of the dtype's range that equals `number` modulo 2**bits."""
    modulus = 1 << 8 * dtype.itemsize
    number %= modulus
    return number - modulus if dtype.kind == "i" and number >= modulus // 2 else number
