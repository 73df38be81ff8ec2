"""Memory planning: temporaries that are not in use at once share memory."""

from __future__ import annotations

from bisect import insort
from dataclasses import replace

from corex.backend.graph.access import lifetimes
from corex.backend.graph.data import Graph
from corex.backend.graph.parts import Arena, Slot

ALIGNMENT = 64
"""What corex's own plans align to: a line of a processor's cache."""


def plan(graph: Graph, arena: bool = True, alignment: int = ALIGNMENT) -> Graph:
    """The graph with a slot for each of its temporaries.

    With `arena`, for memory that is addressed by bytes, slots are parts of one buffer; else each
    slot is a buffer of its own, which temporaries of one size and one set of dtypes share.
    Temporaries that no op touches get none.
    """
    lives = lifetimes(graph)
    used = {
        i: life for i in graph.of_role("temporary") if (life := lives[i]) is not None
    }  # a comprehension keeps the order of the storages
    if arena:
        places = _packed(graph, used, alignment)
        slots = [Slot(graph.storages[i].nbytes, place) for i, place in places.items()]
        chosen = {i: number for number, i in enumerate(places)}
        total = max([slot.nbytes + (slot.offset or 0) for slot in slots], default=0)
        whole = Arena(total, alignment)
    else:
        chosen, slots = _shared(graph, used)
        whole = None
    storages = [replace(s, slot=chosen.get(i)) for i, s in enumerate(graph.storages)]
    return replace(graph, storages=tuple(storages), slots=tuple(slots), arena=whole)


def _packed(graph: Graph, used: dict[int, tuple[int, int]], alignment: int) -> dict[int, int]:
    """The first byte of each: the largest first, each in the lowest gap that is large enough among
    those that are in use at some time when it is."""
    conflicts = _conflicts(used)
    sizes = {i: _aligned(graph.storages[i].nbytes, alignment) for i in used}
    places: dict[int, int] = {}
    for i in sorted(used, key=lambda i: -sizes[i]):
        at = 0
        for low, high in sorted(
            [(places[j], places[j] + sizes[j]) for j in conflicts[i] & places.keys()]
        ):
            if low - at >= sizes[i]:
                break
            at = max(at, high)
        places[i] = at
    return {i: places[i] for i in used}


def _conflicts(used: dict[int, tuple[int, int]]) -> dict[int, set[int]]:
    """For each temporary those that are in use at some time when it is."""
    found: dict[int, set[int]] = {i: set() for i in used}
    in_use: list[int] = []
    for i in sorted(used, key=lambda i: used[i]):
        in_use = [j for j in in_use if used[j][1] >= used[i][0]]
        for j in in_use:
            found[i].add(j)
            found[j].add(i)
        in_use.append(i)
    return found


def _aligned(nbytes: int, alignment: int) -> int:
    return -(-nbytes // alignment) * alignment


def _shared(graph: Graph, used: dict[int, tuple[int, int]]) -> tuple[dict[int, int], list[Slot]]:
    """A slot for each, taken over from one that is not in use any more, if there is."""
    dtypes: dict[int, set[str]] = {i: set() for i in used}
    for value in graph.values:
        dtypes.get(value.storage, set()).add(value.dtype.name)
    chosen: dict[int, int] = {}
    slots: list[Slot] = []
    free: dict[tuple[int, tuple[str, ...]], list[tuple[int, int]]] = {}  # (last use, slot)
    for i in sorted(used, key=lambda i: used[i]):
        start, end = used[i]
        kind = (graph.storages[i].nbytes, tuple(sorted(dtypes[i])))
        known = free.setdefault(kind, [])
        if known and known[0][0] < start:
            number = known.pop(0)[1]
        else:
            number = len(slots)
            slots.append(Slot(graph.storages[i].nbytes))
        chosen[i] = number
        insort(known, (end, number))
    return chosen, slots


def peak(graph: Graph) -> int:
    """The bytes of temporaries in use at once at the worst moment: no plan has a smaller arena."""
    lives = lifetimes(graph)
    change = [0] * (len(graph.ops) + 1)
    for i in graph.of_role("temporary"):
        life = lives[i]
        if life is not None:
            change[life[0]] += graph.storages[i].nbytes
            change[life[1] + 1] -= graph.storages[i].nbytes
    most = now = 0
    for step in change:
        now += step
        most = max(most, now)
    return most
