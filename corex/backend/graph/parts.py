"""What a graph is made of: plain, frozen data, without a tensor or a buffer in it.

A graph is a program in memory. *Storages* are pieces of memory, *values* are views of them, *ops*
are kernels of docs/kernels.md by name, which read and write values in the order in which they
stand. A write to a value is seen through every value of the same storage. *Numbers* change from
call to call; an operand or parameter is one of those (`Changing`), or written as it is.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final
from typing import Literal as OneOf

from corex.dtypes import DType
from corex.layout import extent, is_contiguous, is_dense

Shape = tuple[int, ...]
Role = OneOf["input", "state", "constant", "output", "temporary"]
ROLES: Final = ("input", "state", "constant", "output", "temporary")

Number = bool | int | float
Plain = Number | str | None | tuple["Plain", ...]
"""A kernel's parameter that never changes."""


@dataclass(frozen=True, slots=True)
class Storage:
    """A piece of memory, which all of its values share.

    Attributes:
        name: unique among the storages of the graph.
        role: 'input', given by the caller and read; 'state', given, read and written; 'constant',
            known when the graph is made; 'output', given by the caller and written before anything
            is read; 'temporary', of no concern to the caller.
        nbytes: its size.
        data: the bytes of a constant.
        slot: of a temporary, where the memory plan puts it: a position in `Graph.slots`.
    """

    name: str
    role: Role
    nbytes: int
    data: bytes | None = None
    slot: int | None = None


@dataclass(frozen=True, slots=True)
class Value:
    """A view of a storage: what a kernel sees of a tensor, but for the buffer.

    Attributes:
        name: unique among the values of the graph.
        storage: a position in `Graph.storages`.
        dtype, shape, strides, offset: as in a view; strides and offset count elements.
    """

    name: str
    storage: int
    dtype: DType
    shape: Shape
    strides: Shape
    offset: int = 0

    def span(self) -> tuple[int, int]:
        """The bytes of the storage that it touches, from the first to one past the last."""
        if 0 in self.shape:
            return 0, 0
        low, high = extent(self.shape, self.strides)
        size = self.dtype.itemsize
        return (self.offset + low) * size, (self.offset + high + 1) * size

    def dense(self) -> bool:
        """Whether its elements lie one after the other, in row-major order."""
        return is_contiguous(self.shape, self.strides)

    def gapless(self) -> bool:
        """Whether it is every byte of its span."""
        return is_dense(self.shape, self.strides)


@dataclass(frozen=True, slots=True)
class Literal:
    """A number as an operand of an elementwise kernel: it stands for one element."""

    number: Number


@dataclass(frozen=True, slots=True)
class Changing:
    """A number of `Graph.numbers`, by its position, with `plus` added: an operand or parameter."""

    index: int
    plus: int = 0


@dataclass(frozen=True, slots=True)
class NumberInput:
    """A number that is given anew at each call. `kind`: 'bool', 'int' or 'float'."""

    name: str
    kind: OneOf["bool", "int", "float"]


Operand = int | Literal | Changing | None
"""A value by its position, a number, or an optional input that is left out."""

Parameter = Plain | Changing


@dataclass(frozen=True, slots=True)
class Op:
    """A call of a kernel, with the arguments of docs/kernels.md in their order: `outputs`,
    `inputs`, `params`, then `indices`.

    Attributes:
        kernel: its name.
        outputs: positions of values that are written.
        inputs: what is read.
        params: plain parameters.
        indices: positions of int64 values that follow the parameters.
        lists: of a kernel that takes lists of views, these, and then `params`; there is nothing
            else. All but the second list are written.
    """

    kernel: str
    outputs: tuple[int, ...] = ()
    inputs: tuple[Operand, ...] = ()
    params: tuple[Parameter, ...] = ()
    indices: tuple[int, ...] = ()
    lists: tuple[tuple[int, ...], ...] = ()


@dataclass(frozen=True, slots=True)
class Slot:
    """A place for temporaries that are not in use at the same time.

    Attributes:
        nbytes: its size.
        offset: its first byte in the arena; None where each slot has a buffer of its own.
    """

    nbytes: int
    offset: int | None = None


@dataclass(frozen=True, slots=True)
class Arena:
    """One buffer for all temporaries: its size, and what the offsets in it are multiples of."""

    nbytes: int
    alignment: int


def values_of(operands: Iterator[Operand] | tuple[Operand, ...]) -> list[int]:
    """The positions of values among operands."""
    return [operand for operand in operands if isinstance(operand, int)]
