"""Memory plans, held against what a program would find in the memory."""

from __future__ import annotations

import random
from dataclasses import replace

import pytest

from corex.backend.graph import Graph, GraphBuilder, peak, plan, problems, read, verify, written
from corex.dtypes import float32, float64, int64
from tests.compiler.graphs import BY_HAND, chained


def bytes_of(graph: Graph, storage: int) -> list[tuple[int | None, int]]:
    """(buffer, byte) of each byte of a temporary."""
    slot = graph.storages[storage].slot
    assert slot is not None
    start = graph.slots[slot].offset
    buffer = slot if start is None else None
    return [(buffer, (start or 0) + i) for i in range(graph.storages[storage].nbytes)]


def check(graph: Graph) -> None:
    """Paints each byte with the storage that was written there, and looks before each read."""
    owner: dict[tuple[int | None, int], int] = {}
    for op in graph.ops:
        for values, writes in ((read(op), False), (written(op), True)):
            for i in values:
                storage = graph.values[i].storage
                if graph.storages[storage].role == "temporary":
                    for place in bytes_of(graph, storage):
                        if writes:
                            owner[place] = storage
                        else:
                            assert owner.get(place) == storage, (op, graph.storages[storage])
    if graph.arena is not None:
        assert all(byte < graph.arena.nbytes for _, byte in owner)


@pytest.mark.parametrize("arena", [True, False])
def test_random_programs_find_what_they_left(arena: bool) -> None:
    for seed in range(60):
        graph = plan(chained(seed), arena)
        verify(graph)
        check(graph)


@pytest.mark.parametrize("arena", [True, False])
@pytest.mark.parametrize("build", BY_HAND)
def test_plans_of_graphs_by_hand(build: object, arena: bool) -> None:
    graph = verify(plan(build(), arena))  # type: ignore[operator]
    check(graph)
    assert plan(graph, arena) == graph, "a plan made anew is the same"


def test_a_chain_needs_two_at_a_time() -> None:
    g = GraphBuilder()
    value = g.input(float32, (1000,))
    for _ in range(50):
        value, before = g.temporary(float32, (1000,)), value
        g.op("neg", [value], [before])
    y = g.output(float32, (1000,))
    g.op("neg", [y], [value])
    graph = g.build([y])
    packed, apart = plan(graph), plan(graph, arena=False)
    assert packed.arena is not None
    assert packed.arena.nbytes == 4032 + 4000
    assert peak(graph) == 2 * 4000
    assert [slot.nbytes for slot in apart.slots] == [4000, 4000]


def test_an_arena_is_not_much_larger_than_it_must_be() -> None:
    worst = 1.0
    for seed in range(40):
        graph = plan(chained(seed, 200), alignment=8)
        assert graph.arena is not None
        worst = max(worst, graph.arena.nbytes / max(peak(graph), 1))
    assert worst < 1.35


def test_buffers_of_their_own_are_always_of_one_size_and_dtype() -> None:
    g = GraphBuilder()
    x = g.input(float32, (4,))
    last = x
    for dtype in (float64, float32, int64, float64, float32):
        t = g.temporary(dtype, (4,))
        g.op("copy", [t], [last])
        last = t
    y = g.output(float32, (4,))
    g.op("copy", [y], [last])
    graph = verify(plan(g.build([y]), arena=False))
    shared: dict[int, set[object]] = {}
    for value in graph.values:
        slot = graph.storages[value.storage].slot
        if slot is not None:
            shared.setdefault(slot, set()).add(value.dtype)
    assert [len(dtypes) for dtypes in shared.values()] == [1] * len(shared)
    assert len(shared) == 3


def test_alignment() -> None:
    for alignment in (1, 8, 256):
        graph = plan(chained(3), alignment=alignment)
        assert all((slot.offset or 0) % alignment == 0 for slot in graph.slots)
        verify(graph)


def test_a_wrong_plan_is_found() -> None:
    """Each slot in turn is moved onto each other one: the verifier and the painting agree."""
    found = 0
    graph = plan(chained(5, 20), alignment=1)
    for i in range(len(graph.slots)):
        for j in range(len(graph.slots)):
            slots = list(graph.slots)
            slots[i] = replace(slots[i], offset=slots[j].offset)
            moved = replace(graph, slots=tuple(slots))
            if problems(moved):
                found += 1
                continue
            check(moved)
    assert found > 10


def test_unused_temporaries_get_no_memory() -> None:
    g = GraphBuilder()
    x, y = g.input(float32, (2,)), g.output(float32, (2,))
    g.temporary(float32, (1 << 20,))
    g.op("neg", [y], [x])
    graph = verify(plan(g.build([y])))
    assert graph.slots == ()
    assert graph.arena is not None
    assert graph.arena.nbytes == 0


def test_thousands_of_temporaries_are_planned_in_seconds() -> None:
    random_ = random.Random(1)
    g = GraphBuilder()
    live = [g.input(float32, (64,))]
    for _ in range(3000):
        live.append(g.temporary(float32, (random_.randrange(1, 64),)))
        g.op("fill", [live[-1]], params=[0])
    y = g.output(float32, (64,))
    g.op("neg", [y], [live[0]])
    verify(plan(g.build([y])))
