"""Storages that are no larger than what is seen of them."""

from __future__ import annotations

from dataclasses import replace

from corex.backend.graph import Graph


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
