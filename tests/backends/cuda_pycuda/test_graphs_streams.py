"""Graphs among several streams: replays elsewhere, memory that is freed, graphs that go."""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterator
from types import ModuleType
from typing import Any

import pytest

import corex

pytest.importorskip("pycuda", reason="PyCUDA is not installed")
pytestmark = pytest.mark.usefixtures("cuda")
COUNT = 1 << 18


@pytest.fixture
def deferred(simulated: ModuleType) -> Iterator[None]:
    """Work waits until somebody waits; of two streams, the later one runs first."""
    before = simulated.set_deferred(True)
    simulated.set_order("descending")
    yield
    corex.synchronize("cuda")
    simulated.set_order("ascending")
    simulated.set_deferred(before)


def captured(work: Callable[[], Any]) -> tuple[corex.cuda.CUDAGraph, Any]:
    graph = corex.cuda.CUDAGraph()
    with corex.cuda.graph(graph):
        result = work()
    return graph, result


@pytest.mark.usefixtures("deferred")
def test_replays_on_two_streams_come_one_after_the_other() -> None:
    """They have the same memory, and one word that counts random numbers."""
    corex.manual_seed(3)
    expected = [corex.rand(5).tolist() for _ in range(2)]
    graph, y = captured(lambda: corex.rand(5))
    corex.manual_seed(3)
    kept = []
    for _ in range(2):
        stream = corex.cuda.Stream()
        stream.wait_stream(corex.cuda.current_stream())
        with corex.cuda.stream(stream):
            graph.replay()
            kept.append(y.clone())
    corex.synchronize("cuda")
    assert [t.tolist() for t in kept] == expected
    assert y.tolist() == expected[1]


@pytest.mark.usefixtures("deferred")
@pytest.mark.parametrize("before", [True, False], ids=["stream first", "graph first"])
def test_what_a_replay_reads_elsewhere_is_not_given_away(before: bool) -> None:
    if before:
        corex.cuda.Stream()
    held = [corex.full((COUNT,), 3.0)]
    graph, y = captured(lambda: held[0] * 2)
    stream = corex.cuda.Stream()
    stream.wait_stream(corex.cuda.current_stream())
    with corex.cuda.stream(stream):
        graph.replay()
    held.clear()
    noise = corex.full((COUNT,), 7.0)
    corex.cuda.default_stream().synchronize()
    stream.synchronize()
    assert y.sum().item() == 6.0 * COUNT
    assert noise.sum().item() == 7.0 * COUNT


@pytest.mark.usefixtures("deferred")
def test_a_graphs_memory_is_given_up_after_its_replays() -> None:
    x = corex.full((COUNT,), 3.0)
    graph, y = captured(lambda: x * 2)
    stream = corex.cuda.Stream()
    stream.wait_stream(corex.cuda.current_stream())
    with corex.cuda.stream(stream):
        graph.replay()
        z = y + 1
    del graph, y
    corex.empty_cache("cuda")
    noise = [corex.full((COUNT,), 7.0) for _ in range(3)]
    corex.cuda.default_stream().synchronize()
    stream.synchronize()
    assert z.sum().item() == 7.0 * COUNT
    assert all(t.sum().item() == 7.0 * COUNT for t in noise)


def test_a_graph_may_go_while_another_is_captured(device: Any) -> None:
    x = corex.ones(1000)
    old, y = captured(lambda: x + 1)
    old.replay()
    holder: list[Any] = [old]
    holder.append(holder)
    del old, holder

    def work() -> corex.Tensor:
        gc.collect()  # the finaliser must not call what spoils a capture
        return x * 5

    graph, z = captured(work)
    graph.replay()
    assert z.sum().item() == 5000.0
    assert y.sum().item() == 2000.0


@pytest.mark.usefixtures("deferred")
def test_memory_freed_in_a_capture_is_asked_for_later(device: Any) -> None:
    """Events of other streams are neither recorded nor asked for during a capture."""
    x, w = corex.ones(1000), corex.full((COUNT,), 2.0)
    stream = corex.cuda.Stream()
    stream.wait_stream(corex.cuda.current_stream())
    with corex.cuda.stream(stream):
        v = w * 3
    address = w.data_ptr()
    holder = [w]
    del w

    def work() -> corex.Tensor:
        holder.clear()
        return x * 5

    graph, z = captured(work)
    noise = corex.full((COUNT,), 7.0)
    assert noise.data_ptr() != address
    stream.synchronize()
    graph.replay()
    assert z.sum().item() == 5000.0
    assert v.sum().item() == 6.0 * COUNT
    assert noise.sum().item() == 7.0 * COUNT
