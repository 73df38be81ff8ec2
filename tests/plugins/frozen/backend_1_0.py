"""A backend as it was written for version 1.0 of the contract. It must work for ever.

This file is not to be changed: a test knows its checksum. Where it stops working, corex has broken
its promise, and wants a new major version.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product
from typing import Any

import pluggy

from corex.backend import Backend, BackendDescriptor, KernelChoice, OutOfMemoryError, Traits
from corex.dtypes import bool_, float32, int64

FORMATS = {bool_: "?", int64: "q", float32: "f"}


class Memory:
    def __init__(self, nbytes: int) -> None:
        self.data = bytearray(nbytes)


def cells(view: Any) -> memoryview:
    buffer, dtype, _, _, _ = view
    whole = len(buffer.data) // dtype.itemsize * dtype.itemsize
    return memoryview(buffer.data)[:whole].cast(FORMATS[dtype])  # type: ignore[call-overload]


def places(view: Any) -> Iterator[int]:
    _, _, shape, strides, offset = view
    for index in product(*map(range, shape)):
        yield offset + sum(i * step for i, step in zip(index, strides, strict=True))


def read(view: Any) -> list[Any]:
    memory = cells(view)
    return [memory[place] for place in places(view)]


def write(view: Any, values: list[Any]) -> None:
    memory = cells(view)
    for place, value in zip(places(view), values, strict=True):
        memory[place] = value


def wrapped(dtype: Any, value: Any) -> Any:
    return (int(value) + 2**63) % 2**64 - 2**63 if dtype is int64 else value


def copy(out: Any, a: Any) -> None:
    convert = {bool_: bool, int64: int, float32: float}[out[1]]
    write(out, [convert(x) for x in read(a)])


def fill(out: Any, value: Any) -> None:
    convert = {bool_: bool, int64: int, float32: float}[out[1]]
    write(out, [wrapped(out[1], convert(value))] * len(list(places(out))))


def add(out: Any, a: Any, b: Any) -> None:
    pairs = zip(read(a), read(b), strict=True)
    if out[1] is bool_:
        write(out, [x or y for x, y in pairs])
    else:
        write(out, [wrapped(out[1], x + y) for x, y in pairs])


def mul(out: Any, a: Any, b: Any) -> None:
    """Takes a number in place of either operand."""
    count = len(list(places(out)))
    given = [read(x) if isinstance(x, tuple) else [x] * count for x in (a, b)]
    write(out, [wrapped(out[1], x * y) for x, y in zip(*given, strict=True)])


def neg(out: Any, a: Any) -> None:
    write(out, [wrapped(out[1], -x) for x in read(a)])


def is_row_major(*views: Any) -> bool:
    for _, _, shape, strides, _ in views:
        step = 1
        for size, stride in zip(reversed(shape), reversed(strides), strict=True):
            if size != 1 and stride != step:
                return False
            step *= size
    return True


def sum_(out: Any, a: Any, n: int) -> None:
    values, rows = read(a), len(list(places(out)))
    width = len(values) // max(rows, 1)
    write(out, [wrapped(out[1], sum(values[i * width : (i + 1) * width])) for i in range(rows)])


class Old(Backend):
    name = device_type = "old"
    kernels = {"copy": copy, "fill": fill, "add": add, "neg": neg}  # noqa: RUF012

    def device_count(self) -> int:
        return 2

    def dtypes(self, device: int) -> tuple[Any, ...]:
        return bool_, int64, float32

    def traits(self, device: int) -> Traits:
        return Traits(ulps={"unary": 8})

    def allocate(self, nbytes: int, device: int, dtype: Any = None, shape: Any = None) -> Memory:
        if nbytes > 2**30:
            raise OutOfMemoryError(f"no {nbytes} bytes")
        return Memory(nbytes)

    def nbytes(self, buffer: Memory) -> int:
        return len(buffer.data)

    def copy_from_host(self, buffer: Memory, start: int, source: memoryview) -> None:
        buffer.data[start : start + len(source)] = source

    def copy_to_host(self, buffer: Memory, start: int, target: memoryview) -> None:
        target[:] = memoryview(buffer.data)[start : start + len(target)]

    def memory_stats(self, device: int) -> dict[str, int]:
        return {"allocated_bytes": 0}

    def select(self, op: str, dtypes: tuple[Any, ...]) -> KernelChoice | None:
        if op == "mul" and bool_ not in dtypes:
            return KernelChoice(mul, numbers=True)
        if op == "sum" and dtypes[0] is dtypes[1]:
            return KernelChoice(sum_, accepts=lambda out, a, n: is_row_major(a))
        return super().select(op, dtypes)


class Plugin:
    @pluggy.HookimplMarker("corex")
    def corex_backends(self) -> list[BackendDescriptor]:
        return [BackendDescriptor("old", "old", lambda: None, Old, api_version=(1, 0))]
