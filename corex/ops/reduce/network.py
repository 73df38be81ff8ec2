"""Sorting by elementwise kernels: Batcher's bitonic network, n log(n)^2 / 4 comparisons.

K. E. Batcher, *Sorting networks and their applications*, AFIPS 1968. A network is not stable, so
places travel with the keys and decide between equals. Positions lie in the rows of a table, so that
each step compares two halves of long views; a few long sequences are split into columns for that.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

from corex import dtypes as dt
from corex.dispatch.bind import bind_pointwise, write
from corex.dispatch.resolve import empty
from corex.layout import numel
from corex.ops.pointwise.binary import WHERE
from corex.ops.shape.parts import narrow, select
from corex.ops.shape.views import expand, permute, reshape
from corex.tensor.place import Place
from corex.tensor.tensor import Tensor

Shape = tuple[int, ...]


class _Items(NamedTuple):
    """What is sorted: keys, and the place of each, which is another for every item of a row."""

    keys: Tensor
    places: Tensor

    def shown(self, *shape: int) -> _Items:
        return _Items(reshape(self.keys, shape), reshape(self.places, shape))

    def at(self, dim: int, i: int) -> _Items:
        return _Items(select(self.keys, dim, i), select(self.places, dim, i))


def sorted_places(a: Tensor, descending: bool) -> Tensor:
    """The positions that sort the last dim, in the order of equals; NaN is the largest."""
    n, rows = a.shape[-1], numel(a.shape[:-1])
    if n < 2 or not rows:
        return a.new_zeros(a.shape, dtype=dt.int64)
    size = 1 << (n - 1).bit_length()
    table = _padded(permute(reshape(a, (rows, n)), (1, 0)), size, descending)
    places = narrow(_sorted(table, size, rows, _columns(size, rows)), 0, 0, n) % size
    return reshape(permute(places, (1, 0)), a.shape)


def _columns(size: int, rows: int) -> int:
    """How many columns each sequence is split into."""
    columns = 1
    while columns * columns * 4 <= size and columns * rows < 256:
        columns *= 2
    return columns


def _padded(a: Tensor, size: int, descending: bool) -> _Items:
    """Keys that shall ascend, and their places, both of shape (size, rows).

    Places modulo `size` are positions. NaN is told from infinity, beside which it stands, by its
    place, and so is what fills up: it comes after everything.
    """
    n, rows = a.shape
    if descending:
        a = -a if a.is_floating_point() else a.bitwise_not()
    places = _counted(a.key.place, size, size).reshape(size, 1).expand(size, rows).clone()
    narrow(places, 0, n, size - n).add_(2 * size)
    if a.is_floating_point():
        nan = a.isnan()
        a = a.masked_fill(nan, -math.inf if descending else math.inf)
        narrow(places, 0, 0, n).add_(nan.to(dt.int64) * (-size if descending else size))
    keys = a.new_full((size, rows), _largest(a.key.dtype))
    narrow(keys, 0, 0, n).copy_(a)
    return _Items(keys, places)


def _counted(place: Place, start: int, count: int) -> Tensor:
    result = empty(place.key(dt.int64), (count,))
    write("arange", [result], [], (start, 1))
    return result


def _largest(dtype: dt.DType) -> float:
    if dtype.kind == "f":
        return math.inf
    return True if dtype.kind == "b" else dt.iinfo(dtype).max


# ---- the network ---------------------------------------------------------------------------------
def _sorted(items: _Items, size: int, rows: int, columns: int) -> Tensor:
    """The places of sorted items, of shape (size, rows).

    Position p lies in row p % height of column p // height. Columns are sorted side by side, every
    second one downwards; longer and longer groups of columns are then merged, first column by
    column, in a table whose rows they are.
    """
    height, width = size // columns, columns * rows
    even = _counted(items.keys.key.place, 0, 2) == 0
    sorter = _Sorter(items, even)
    sorter.swap(columns, height, rows)
    for length in _powers(2, height):
        up = _alternating(even, columns, 1, rows) if length == height else None
        sorter.merge(height, width, length, up)
    for group in _powers(2, columns):
        sorter.swap(height, columns, rows)
        sorter.merge(columns, height * rows, group, None)
        sorter.swap(columns, height, rows)
        sorter.halve(height, width, height // 2, _alternating(even, columns, group, rows))
    sorter.swap(height, columns, rows)
    return reshape(sorter.items.places, (size, rows))


def _powers(first: int, last: int) -> list[int]:
    return [1 << k for k in range(first.bit_length() - 1, last.bit_length())]


def _alternating(even: Tensor, columns: int, group: int, rows: int) -> Tensor | None:
    """Of each column's entries, whether its group of columns goes upwards; None if there is one."""
    if group == columns:
        return None
    spread = expand(reshape(even, (2, 1, 1)), (columns // group // 2, 2, group, rows))
    return reshape(spread.clone(), (columns * rows,))


class _Sorter:
    """Items, and room for what the next step makes of them.

    Attributes:
        even: (True, False), for sequences that go up and down in turn.
    """

    def __init__(self, items: _Items, even: Tensor) -> None:
        self.items = items
        self.spare = _Items(*[empty(t.key, t.shape) for t in items])
        self.even = even

    def swap(self, first: int, second: int, rows: int) -> None:
        """Exchanges the first two dims of a table (first, second, rows)."""
        if first == 1 or second == 1:
            return
        shown, target = self.items.shown(first, second, rows), self.spare.shown(second, first, rows)
        for source, to in zip(shown, target, strict=True):
            write("copy", [to], [permute(source, (1, 0, 2))])
        self.items, self.spare = self.spare, self.items

    def merge(self, height: int, width: int, length: int, up: Tensor | None) -> None:
        """Sorts sequences of `length` rows, whose halves go up and down, up and down in turn; those
        of a whole column as `up` says."""
        if length == height:
            self.halve(height, width, length // 2, up)
            return
        even = reshape(self.even, (2, 1, 1))
        distance = length // 2
        while distance:
            shape = (height // length // 2, 2, length // distance // 2, 2, distance * width)
            self._step(shape, 3, even)
            distance //= 2

    def halve(self, height: int, width: int, distance: int, up: Tensor | None) -> None:
        """The steps over this distance, half of it, and so on, in columns that go as `up` says."""
        while distance:
            blocks = height // distance // 2
            if up is None:
                self._step((blocks, 2, distance * width), 1, None)
            else:
                self._step((blocks, 2, distance, width), 1, up)
            distance //= 2

    def _step(self, shape: Shape, dim: int, up: Tensor | None) -> None:
        """Compares what lies at 0 and at 1 along `dim`."""
        shown, target = self.items.shown(*shape), self.spare.shown(*shape)
        low, high = shown.at(dim, 0), shown.at(dim, 1)
        wrong: Any = (high.keys < low.keys) + (high.keys == low.keys) * (high.places < low.places)
        if up is not None:
            wrong = wrong == up
        for a, b, to in ((high, low, target.at(dim, 0)), (low, high, target.at(dim, 1))):
            for one, other, out in zip(a, b, to, strict=True):
                bind_pointwise(WHERE, (wrong, one, other), (), out.shape, out.key.dtype, out)
        self.items, self.spare = self.spare, self.items
