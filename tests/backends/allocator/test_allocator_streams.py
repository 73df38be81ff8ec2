"""The caching allocator where a device has several streams, and graphs."""

from __future__ import annotations

from typing import Any

import pytest

from corex.backend import CachedBuffer, OutOfMemoryError, PrivatePool
from tests.backends.allocator.fake_driver import Capture, FakeDriver, Stream
from tests.backends.allocator.test_allocator import MIB, Device


class Buffer(CachedBuffer):
    """Whose address is noted, in these tests alone."""

    __slots__ = ()


class TwoStreams(Device):
    def __init__(self, driver: FakeDriver | None = None, **options: Any) -> None:
        super().__init__(driver, buffer=Buffer, **options)
        self.main = self.driver.default_stream
        self.side = self.new_stream()

    def new_stream(self) -> Stream:
        stream = self.driver.new_stream()
        self.allocator.add_stream(stream)
        return stream

    def on(self, stream: Stream) -> None:
        self.driver.choose(stream)


@pytest.fixture
def device() -> TwoStreams:
    return TwoStreams()


def test_memory_that_another_stream_uses_waits_for_it(device: TwoStreams) -> None:
    buffer = device.allocate(MIB)
    address = buffer.ptr
    device.on(device.side)
    device.driver.work(buffer)  # may be running when the buffer dies
    device.on(device.main)
    del buffer
    assert device.allocate(MIB).ptr != address
    device.side.finish()
    held = [device.allocate(MIB) for _ in range(2)]
    assert address in [each.ptr for each in held]


def test_memory_that_only_its_own_stream_uses_does_not_wait(device: TwoStreams) -> None:
    buffer = device.allocate(MIB)
    address = buffer.ptr
    device.driver.work(buffer)
    del buffer
    assert device.allocate(MIB).ptr == address


def test_several_users_are_all_waited_for(device: TwoStreams) -> None:
    third = device.new_stream()
    buffer = device.allocate(MIB)
    address = buffer.ptr
    for stream in (device.side, third):
        device.on(stream)
        device.driver.work(buffer)
    device.on(device.main)
    del buffer
    kept = [device.allocate(MIB)]
    device.side.finish()
    kept.append(device.allocate(MIB))
    assert address not in [each.ptr for each in kept]
    third.finish()
    kept.append(device.allocate(MIB))
    assert kept[-1].ptr == address


def test_what_is_freed_on_one_stream_is_not_given_to_another(device: TwoStreams) -> None:
    buffer = device.allocate(MIB)
    address = buffer.ptr
    device.driver.work(buffer)
    del buffer
    device.on(device.side)
    assert device.allocate(MIB).ptr != address


def test_rather_than_fail_a_stream_takes_anothers_memory_and_waits() -> None:
    device = TwoStreams(FakeDriver(capacity=33 * MIB))
    buffer = device.allocate(32 * MIB)
    address = buffer.ptr
    device.driver.work(buffer)
    del buffer
    device.on(device.side)
    taken = device.allocate(32 * MIB)
    assert taken.ptr == address
    (event,) = device.side.waits
    assert (event.stream, event.at) == (device.main, 1)
    assert device.stats()["allocated_bytes"] == 32 * MIB


def test_where_memory_is_short_other_streams_are_waited_for() -> None:
    device = TwoStreams(FakeDriver(capacity=10 * MIB))
    buffer = device.allocate(6 * MIB)
    device.on(device.side)
    device.driver.work(buffer)
    device.on(device.main)
    del buffer
    assert device.allocate(8 * MIB).nbytes == 8 * MIB  # emptying the cache waits, then frees


def test_a_kept_buffer_is_never_given_away(device: TwoStreams) -> None:
    kept = [device.allocate(MIB) for _ in range(5)]
    device.on(device.side)
    kept += [device.allocate(MIB) for _ in range(5)]
    device.driver.work(*kept)
    device.allocator.empty_cache()
    assert len({each.ptr for each in kept}) == 10


def test_use_can_be_noted_by_hand(device: TwoStreams) -> None:
    """For kernels that get at the address without Python."""
    buffer = device.allocate(MIB)
    address = buffer.ptr
    buffer.use(device.side)
    device.side.given += 1
    del buffer
    assert device.allocate(MIB).ptr != address


# ---- graphs ------------------------------------------------------------------------------------
class Graph:
    """What a backend does around a capture."""

    def __init__(self, device: TwoStreams) -> None:
        self.device = device
        self.stream = Stream("graph")
        self.pool = PrivatePool(self.stream)

    def __enter__(self) -> Graph:
        self.device.allocator.open_private(self.stream, self.pool)
        self.device.driver.captured = Capture(self.stream)
        self.device.on(self.stream)
        return self

    def __exit__(self, *_: object) -> None:
        captured = self.device.driver.captured
        assert captured is not None
        self.noted = captured.noted
        self.device.driver.captured = None
        self.device.on(self.device.main)
        self.device.allocator.close_private(self.stream)


def test_a_graphs_memory_is_its_own_until_it_goes(device: TwoStreams) -> None:
    with Graph(device) as graph:
        inner = device.allocate(MIB)
        address = inner.ptr
        del inner
        assert device.allocate(MIB).ptr == address  # within the graph it is used again
    assert device.allocate(MIB).ptr != address
    device.allocator.empty_cache()
    assert address in device.driver.pieces  # each replay writes there

    device.allocator.drop("executable", graph.pool)
    assert device.driver.destroyed == []  # at any moment, so the driver is not called
    device.allocator.bury()
    assert device.driver.destroyed == ["executable"]
    held = [device.allocate(MIB) for _ in range(2)]
    assert address in [each.ptr for each in held]


def test_what_a_replay_may_still_use_waits_for_it(device: TwoStreams) -> None:
    with Graph(device) as graph:
        address = device.allocate(MIB).ptr
    graph.pool.replayed.add(device.side)
    device.side.given += 1
    device.allocator.drop(None, graph.pool)
    device.allocator.bury()
    kept = [device.allocate(MIB) for _ in range(2)]
    assert address not in [each.ptr for each in kept]
    device.side.finish()
    assert device.allocate(MIB).ptr == address


def test_a_capture_notes_what_it_uses_of_others(device: TwoStreams) -> None:
    outside = device.allocate(MIB)
    with Graph(device) as graph:
        own = device.allocate(MIB)
        assert outside.ptr
        assert own.ptr
    assert [block.ptr for block in graph.noted] == [outside.ptr]


def test_what_dies_in_a_capture_waits_for_its_end(device: TwoStreams) -> None:
    buffer = device.allocate(MIB)
    address = buffer.ptr
    device.on(device.side)
    device.driver.work(buffer)
    device.on(device.main)
    with Graph(device):
        del buffer
        device.stats()  # no event is recorded or asked here
    assert device.allocate(MIB).ptr != address
    device.side.finish()
    held = [device.allocate(MIB) for _ in range(2)]
    assert address in [each.ptr for each in held]


def test_a_graph_is_refused_what_it_would_have_to_wait_for() -> None:
    device = TwoStreams(FakeDriver(capacity=10 * MIB))
    first = device.allocate(8 * MIB)
    del first
    with Graph(device), pytest.raises(OutOfMemoryError):
        device.allocate(9 * MIB)
    assert device.allocate(9 * MIB).ptr


def test_poison_spares_what_replays_write(device: TwoStreams) -> None:
    poisoning = TwoStreams(poisons=True)
    with Graph(poisoning):
        inner = poisoning.allocate(MIB)
        del inner
        poisoning.stats()
        assert len(poisoning.driver.filled) == 1  # captured, as any work of the graph
        kept = poisoning.allocate(MIB)
    poisoning.driver.filled.clear()
    del kept
    poisoning.stats()
    assert poisoning.driver.filled == []
