"""Which bytes of a storage were written, exactly: a set of bits, one for each smallest element."""

from __future__ import annotations

from collections.abc import Iterator

from corex.backend.graph.access import read, written
from corex.backend.graph.data import Graph
from corex.backend.graph.parts import Storage, Value


class Written:
    """What is known to have been written of a storage."""

    def __init__(self, storage: Storage, unit: int, defined: bool) -> None:
        self.nbytes = storage.nbytes
        self.unit = unit
        self.everything = defined or not storage.nbytes
        self.bits = 0

    def add(self, value: Value) -> None:
        """The value was written."""
        if self.everything or 0 in value.shape:
            return
        if value.gapless() and value.span() == (0, self.nbytes):
            self.everything = True
            return
        self.bits |= self._mask(value)
        whole = (1 << -(-self.nbytes // self.unit)) - 1
        self.everything = self.bits == whole

    def covers(self, value: Value) -> bool:
        """Whether every element of the value was written."""
        if self.everything or 0 in value.shape:
            return True
        if not self.bits:
            return False
        mask = self._mask(value)
        return self.bits & mask == mask

    def _mask(self, value: Value) -> int:
        """A bit for each unit of the value's elements."""
        scale = value.dtype.itemsize // self.unit
        bits = (1 << scale) - 1
        offset = value.offset
        for size, stride in zip(value.shape, value.strides, strict=True):
            if stride < 0:
                offset += (size - 1) * stride
            bits = _repeated(bits, size, abs(stride) * scale)
        return bits << (offset * scale)


def _repeated(bits: int, count: int, step: int) -> int:
    """The bits `count` times, each further up by `step`; in as many steps as count has bits."""
    result, done = bits, 1
    for digit in bin(count)[3:]:
        result |= result << (done * step)
        done *= 2
        if digit == "1":
            result |= bits << (done * step)
            done += 1
    return result


def undefined(graph: Graph) -> Iterator[tuple[int, int]]:
    """(op, value) for each value of which an op reads something that was not written before; the
    op of a result is their number."""
    units = [8] * len(graph.storages)
    for value in graph.values:
        units[value.storage] = min(units[value.storage], value.dtype.itemsize)
    state = [
        Written(storage, unit, storage.role in ("input", "state", "constant"))
        for storage, unit in zip(graph.storages, units, strict=True)
    ]
    for position, op in enumerate(graph.ops):
        for i in read(op):
            if not state[graph.values[i].storage].covers(graph.values[i]):
                yield position, i
        for i in written(op):
            state[graph.values[i].storage].add(graph.values[i])
    for i in graph.results:
        if not state[graph.values[i].storage].covers(graph.values[i]):
            yield len(graph.ops), i
