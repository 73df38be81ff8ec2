"""CUDA graphs: replays do what the calls did, whatever else happens; the rest is refused."""

from __future__ import annotations

import gc
import threading
from collections.abc import Callable, Iterator
from types import ModuleType
from typing import Any

import numpy as np
import pytest

import corex
from corex import nn

pytest.importorskip("pycuda", reason="PyCUDA is not installed")
pytestmark = pytest.mark.usefixtures("cuda")


@pytest.fixture(params=[False, True], ids=["eager", "deferred"])
def deferred(request: pytest.FixtureRequest, simulated: ModuleType) -> Iterator[bool]:
    """On the simulator: work is done at once, or only when somebody waits."""
    before = simulated.set_deferred(request.param)
    yield request.param
    corex.synchronize("cuda")
    simulated.set_deferred(before)


# ---- functions -----------------------------------------------------------------------------------
def test_arguments_and_results_of_all_kinds() -> None:
    seen = []

    def work(pair: Any, scale: float, *, more: dict[str, Any]) -> dict[str, Any]:
        seen.append(scale)
        return {"sum": pair[0] + pair[1] * scale, "list": [more["x"] * 2, 5]}

    graphed = corex.cuda.graph(work, warmup=1)
    for k in range(4):
        a = corex.full((3,), float(k))
        result = graphed((a, a), 10.0, more={"x": a})
        assert result["sum"].tolist() == [11.0 * k] * 3
        assert result["list"][0].tolist() == [2.0 * k] * 3
        assert result["list"][1] == 5
    assert len(seen) == 2
    graphed((a, a), 2.0, more={"x": a})
    assert seen[-1] == 2.0


def test_each_shape_has_its_capture() -> None:
    calls = []

    def work(x: corex.Tensor) -> corex.Tensor:
        calls.append(x.shape)
        return x.sum()

    graphed = corex.cuda.graph(work, warmup=1)
    for _ in range(3):
        for count in (3, 5):
            assert graphed(corex.ones(count)).item() == count
    assert calls == [(3,), (5,), (3,), (5,)]


def test_results_are_overwritten_by_the_next_call() -> None:
    graphed = corex.cuda.graph(lambda x: x + 1, warmup=1)
    graphed(corex.zeros(2))
    first = graphed(corex.zeros(2))
    second = graphed(corex.ones(2))
    assert first is second
    assert first.tolist() == [2.0, 2.0]


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: corex.ones(2, device="cpu"), "one is on cpu"),
        (lambda: corex.ones(2, requires_grad=True), "must not require gradients"),
    ],
)
def test_arguments_that_cannot_be_copied(make: Any, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        corex.cuda.graph(lambda x: x)(make())


def test_wrong_use() -> None:
    with pytest.raises(TypeError, match="takes a graph or a function, not int"):
        corex.cuda.graph(3)
    with pytest.raises(ValueError, match="warmup must be at least 1"):
        corex.cuda.graph(abs, warmup=0)


# ---- CUDAGraph -----------------------------------------------------------------------------------
def captured(work: Callable[[], Any], pool: Any = None) -> tuple[corex.cuda.CUDAGraph, Any]:
    graph = corex.cuda.CUDAGraph()
    with corex.cuda.graph(graph, pool=pool):
        result = work()
    return graph, result


def test_nothing_runs_before_the_replay(deferred: bool) -> None:
    x = corex.zeros(4)
    graph = corex.cuda.CUDAGraph()
    graph.capture_begin()
    assert corex.cuda.is_current_stream_capturing()
    x += 1
    graph.capture_end()
    assert not corex.cuda.is_current_stream_capturing()
    assert x.tolist() == [0.0] * 4
    for _ in range(3):
        graph.replay()
    assert x.tolist() == [3.0] * 4


def test_its_memory_is_nobody_elses(deferred: bool) -> None:
    x = corex.ones(1000)
    graph, y = captured(lambda: ((x * 2).exp() + x).sum())
    corex.empty_cache("cuda")
    others = [corex.full((1000,), 7.0) for _ in range(20)]
    graph.replay()
    expected = 1000 * (np.exp(2.0) + 1)
    assert y.item() == pytest.approx(expected, rel=1e-5)
    assert all(t.sum().item() == 7000.0 for t in others)


def test_numbers_of_a_capture_are_not_shared_with_others() -> None:
    x = corex.ones(3, dtype=corex.float64)
    graph, y = captured(lambda: x.atan2(corex.zeros(3)) * 0.123456789)
    assert (x * 0.123456789).tolist() == [0.123456789] * 3
    noise = [corex.full((), 9.0) for _ in range(50)]
    graph.replay()
    assert y.tolist() == pytest.approx([np.pi / 2 * 0.123456789] * 3)
    del noise


def test_memory_goes_back_with_the_graph(device: Any) -> None:
    def in_use() -> tuple[int, int]:
        gc.collect()
        corex.synchronize("cuda")
        corex.empty_cache("cuda")
        stats = corex.memory_stats("cuda")
        return int(stats["allocated_bytes"]), int(stats["reserved_bytes"])

    x = corex.ones(1 << 20)
    before = in_use()
    graph, y = captured(lambda: (x + 1) * 2)
    graph.replay()
    assert in_use() > before
    graph.reset()
    y.fill_(3)  # still its own
    assert y.sum().item() == 3 << 20
    with pytest.raises(RuntimeError, match="nothing has been captured"):
        graph.replay()
    del y, graph
    assert in_use() == before
    graph, y = captured(lambda: x + 1)
    del graph, y
    assert in_use() == before


def test_two_graphs_may_share_memory() -> None:
    x = corex.ones(1 << 20)
    first, a = captured(lambda: (x + 1).sum())
    reserved = corex.memory_stats("cuda")["reserved_bytes"]
    second, b = captured(lambda: (x + 2).sum(), pool=first.pool())
    assert corex.memory_stats("cuda")["reserved_bytes"] == reserved
    for graph, result, expected in ((first, a, 2 << 20), (second, b, 3 << 20)):
        graph.replay()
        assert result.item() == expected


def test_it_may_be_replayed_on_another_stream(deferred: bool) -> None:
    x = corex.ones(100)
    graph, y = captured(lambda: x * 3)
    stream = corex.cuda.Stream()
    stream.wait_stream(corex.cuda.current_stream())
    with corex.cuda.stream(stream):
        graph.replay()
    stream.synchronize()
    assert y.sum().item() == 300.0


def test_kernels_may_be_new_in_a_capture(device: Any) -> None:
    x = corex.full((7, 3), 2.0, dtype=corex.float64)
    graph, y = captured(lambda: x.cumprod(0).t().contiguous().log2().floor())
    graph.replay()
    assert y.tolist() == [[1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0]] * 3


def test_indices_out_of_range_are_found() -> None:
    index = corex.zeros(2, dtype=corex.int64)
    table = corex.ones(3, 2)
    graph, y = captured(lambda: nn.functional.embedding(index, table))
    graph.replay()
    assert y.tolist() == [[1.0, 1.0]] * 2
    index.fill_(9)
    graph.replay()
    with pytest.raises(IndexError, match="index 9 is out of bounds"):
        y.tolist()


# ---- random numbers ----------------------------------------------------------------------------
def test_random_numbers_go_on() -> None:
    corex.manual_seed(1)
    expected = [(corex.rand(5).tolist(), corex.randn(3).tolist()) for _ in range(4)]
    corex.manual_seed(99)
    corex.rand(17)
    graph, (a, b) = captured(lambda: (corex.rand(5), corex.randn(3)))
    corex.manual_seed(1)
    found = []
    for _ in range(3):
        graph.replay()
        found.append((a.tolist(), b.tolist()))
    found.append((corex.rand(5).tolist(), corex.randn(3).tolist()))
    assert found == expected


def test_other_generators_are_refused() -> None:
    own = corex.Generator()
    with pytest.raises(RuntimeError, match="from a generator of one's own cannot be captured"):
        captured(lambda: corex.rand(3, generator=own))


# ---- what cannot be captured -------------------------------------------------------------------
REFUSED: dict[str, Callable[[corex.Tensor], Any]] = {
    "item": lambda x: x.sum().item(),
    "tolist": lambda x: x.tolist(),
    "cpu": lambda x: x.cpu(),
    "tensor": lambda x: x + corex.tensor([1.0, 2.0, 3.0]),
    "synchronize": lambda x: corex.synchronize("cuda"),
    "nonzero": lambda x: x.nonzero(),
    "bool": lambda x: 1 if x.sum() > 2 else 0,
    "repr": lambda x: repr(x),
    "replay": lambda x: captured_elsewhere.replay(),
}
captured_elsewhere: Any = None


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_refused_is_named(name: str) -> None:
    global captured_elsewhere
    x = corex.ones(3)
    captured_elsewhere, _ = captured(lambda: x * 2)
    with pytest.raises(
        RuntimeError, match=f"'[a-z_]*{name}' .line .* cannot be part of a CUDA graph"
    ):
        captured(lambda: REFUSED[name](x))
    captured_elsewhere = None
    assert not corex.cuda.is_current_stream_capturing()
    graph, y = captured(lambda: x + 1)  # and everything works as before
    graph.replay()
    assert (x * y).tolist() == [2.0] * 3


def test_optimizers_that_count_in_python_are_refused() -> None:
    weight = corex.ones(2, requires_grad=True)
    weight.grad = corex.ones(2)
    plain = corex.optim.Adam([weight])
    with pytest.raises(RuntimeError, match=r"steps of Adam, unless .* capturable=True"):
        captured(plain.step)
    for optimizer in (
        corex.optim.SGD([weight], lr=1, momentum=0.9),
        corex.optim.Adam([weight], capturable=True),
    ):
        with pytest.raises(RuntimeError, match="the first step of .* cannot be captured"):
            captured(optimizer.step)
    assert weight.tolist() == [1.0, 1.0]


def test_captures_do_not_nest() -> None:
    graph = corex.cuda.CUDAGraph()
    with pytest.raises(RuntimeError, match="capturing a graph already"):
        captured(lambda: graph.capture_begin())
    with pytest.raises(RuntimeError, match="not capturing this graph"):
        graph.capture_end()
    graph, _ = captured(lambda: corex.ones(2))
    with pytest.raises(RuntimeError, match="captured already"):
        graph.capture_begin()
    assert not corex.cuda.is_current_stream_capturing()


def test_other_threads_work_meanwhile() -> None:
    x, other = corex.ones(3), corex.ones(3)
    corex.cuda.graph(lambda: None)
    done = []

    def work() -> None:
        other.add_(1)
        done.append(corex.cuda.is_current_stream_capturing())

    def capture() -> corex.Tensor:
        result = x * 2
        thread = threading.Thread(target=work)
        thread.start()
        thread.join()
        return result

    other.add_(1)
    graph, y = captured(capture)
    assert done == [False]
    assert other.tolist() == [3.0] * 3
    graph.replay()
    assert y.tolist() == [2.0] * 3
    assert other.tolist() == [3.0] * 3
