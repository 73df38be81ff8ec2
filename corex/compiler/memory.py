"""What a recording must know of memory: which there is, and how much of it is seen."""

from __future__ import annotations

import gc
import weakref
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

from corex.backend.contract import Buffer
from corex.backend.graph import Graph
from corex.tensor.storage import Storage


def storages() -> Iterator[Storage]:
    """All that there are now. `t.data` and replaced memory make several of one buffer."""
    return (s for s in gc.get_objects() if issubclass(type(s), Storage))


class Buffers:
    """Numbers of buffers, by identity. A buffer is not kept alive, if its type allows that."""

    def __init__(self) -> None:
        self._numbers: dict[int, tuple[Callable[[], Any], int]] = {}

    def add(self, buffer: Buffer, number: int) -> None:
        """Notes a buffer, or another number for it."""
        try:
            known: Callable[[], Any] = weakref.ref(buffer)
        except TypeError:

            def known() -> Any:
                return buffer

        self._numbers[id(buffer)] = (known, number)

    def find(self, buffer: Buffer) -> int | None:
        """The number of a buffer; None if it is not known."""
        known, number = self._numbers.get(id(buffer), (None, None))
        return number if known is not None and known() is buffer else None


def narrowed(graph: Graph) -> tuple[Graph, dict[int, int]]:
    """The graph with storages that are given cut to what its values touch, so that any memory of
    that size may take their place; and for each of these the byte where it now begins."""
    starts: dict[int, int] = {}
    storages = list(graph.storages)
    values = list(graph.values)
    for i in (*graph.of_role("input"), *graph.of_role("state")):
        seen = [value for value in values if value.storage == i]
        spans = [value.span() for value in seen if 0 not in value.shape]
        unit = max([value.dtype.itemsize for value in seen], default=1)
        low = min([span[0] for span in spans], default=0) // unit * unit
        high = max([span[1] for span in spans], default=0)
        starts[i] = low
        storages[i] = replace(storages[i], nbytes=high - low)
    for position, value in enumerate(values):
        start = starts.get(value.storage, 0)
        if start:
            offset = value.offset - start // value.dtype.itemsize
            values[position] = replace(value, offset=offset)
    return replace(graph, storages=tuple(storages), values=tuple(values)), starts
