"""Page-locked memory, and copies that are queued from and to it."""

from __future__ import annotations

from collections.abc import Iterator
from types import ModuleType
from typing import Any

import pytest

import corex

pytestmark = pytest.mark.usefixtures("cuda")


@pytest.fixture
def deferred(simulated: ModuleType) -> Iterator[None]:
    """On the simulator: work is done only when somebody waits."""
    before = simulated.set_deferred(True)
    yield
    corex.synchronize("cuda")
    simulated.set_deferred(before)


def ramp(count: int) -> corex.Tensor:
    return corex.arange(count, dtype=corex.float32, device="cpu")


def test_a_training_steps_copies_do_not_wait(device: Any) -> None:
    x = ramp(1000).pin_memory()
    waits = device.counters.synchronisations
    y = x.to("cuda", non_blocking=True)
    z = (y * 2).to("cpu", non_blocking=True)
    assert device.counters.synchronisations == waits
    assert x.is_pinned()
    assert z.is_pinned()
    corex.cuda.synchronize()
    assert z.equal(ramp(1000) * 2)


@pytest.mark.usefixtures("deferred")
def test_they_are_queued_in_order_with_kernels() -> None:
    x, static = ramp(8).pin_memory(), corex.zeros(8, device="cuda")
    static.copy_(x, non_blocking=True)
    result = corex.zeros(8, device="cpu").pin_memory()
    result.copy_(static + 1, non_blocking=True)
    assert result.tolist() == [0] * 8
    corex.cuda.synchronize()
    assert result.equal(ramp(8) + 1)


@pytest.mark.usefixtures("deferred")
def test_memory_that_a_queued_copy_reads_is_given_to_nobody(device: Any) -> None:
    device.pinned.empty_cache()
    x = ramp(50_000).pin_memory()
    address = x.data_ptr()
    y = x.to("cuda", non_blocking=True)
    del x
    other = corex.full((50_000,), -1.0, device="cpu").pin_memory()  # asks once: not done yet
    assert other.data_ptr() != address
    assert y.cpu().equal(ramp(50_000))
    assert corex.full((50_000,), -1.0, device="cpu").pin_memory().data_ptr() == address


@pytest.mark.usefixtures("deferred")
def test_a_side_stream_copies_beside_the_others() -> None:
    stream = corex.cuda.Stream()
    x = ramp(100).pin_memory()
    with corex.cuda.stream(stream):
        y = x.to("cuda", non_blocking=True)
    corex.cuda.current_stream().wait_stream(stream)
    assert (y + 1).cpu().equal(ramp(100) + 1)


def test_unused_memory_goes_back(device: Any) -> None:
    x = ramp(1 << 20).pin_memory()
    before = device.pinned.stats()["reserved_bytes"]
    assert before >= 4 << 20
    del x
    corex.cuda.empty_cache()
    assert device.pinned.stats()["reserved_bytes"] <= before - (4 << 20)


def test_a_graph_refuses_them() -> None:
    x, y = ramp(4).pin_memory(), corex.zeros(4, device="cuda")
    graph = corex.cuda.CUDAGraph()
    refused = pytest.raises(RuntimeError, match="pinned memory of the host is copied")
    with refused, corex.cuda.graph(graph):
        y.copy_(x, non_blocking=True)
