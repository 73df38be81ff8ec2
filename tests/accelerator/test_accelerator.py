"""`corex.accelerator`, with two strangers' device types at once, one of which has no streams."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

import corex
from corex.backend import Backend, BackendDescriptor, Traits
from corex.plugins import hookimpl, manager
from tests.cuda.test_namespace import Memory, Moment


class Plain(Backend):
    """Two devices, and nothing but memory."""

    name = "plain"
    device_type = "plain"

    def __init__(self) -> None:
        self.notes: list[Any] = []

    def device_count(self) -> int:
        return 2

    def allocate(self, nbytes: int, device: int, *hints: object) -> Memory:
        return Memory(nbytes, device)

    def nbytes(self, buffer: Memory) -> int:
        return buffer.nbytes

    def copy_from_host(self, buffer: Memory, start: int, source: memoryview) -> None:
        buffer.data[start : start + len(source)] = source

    def copy_to_host(self, buffer: Memory, start: int, target: memoryview) -> None:
        target[:] = buffer.data[start : start + len(target)]

    def synchronize(self, device: int) -> None:
        self.notes.append(("synchronize", device))


class Queue:
    def __init__(self, device: int, handle: int) -> None:
        self.device, self.handle = device, handle
        self.waits: list[Any] = []

    def synchronize(self) -> None:
        self.waits.append("host")

    def query(self) -> bool:
        return False

    def wait_event(self, event: Any) -> None:
        self.waits.append(event)


class Queued(Plain):
    """One device with streams, counters and properties."""

    name = "queued"
    device_type = "queued"

    def __init__(self) -> None:
        super().__init__()
        self.default = self.chosen = Queue(0, 100)

    def device_count(self) -> int:
        return 1

    def traits(self, device: int) -> Traits:
        return Traits(errors="deferred")

    def memory_stats(self, device: int) -> dict[str, int]:
        return {"allocated_bytes": 10, "peak_allocated_bytes": 30, "reserved_bytes": 40}

    def memory_info(self, device: int) -> tuple[int, int]:
        return 5, 10

    def reset_peak_memory_stats(self, device: int) -> None:
        self.notes.append(("reset", device))

    def empty_cache(self, device: int) -> None:
        self.notes.append(("empty_cache", device))

    def device_properties(self, device: int) -> dict[str, Any]:
        return {"name": "a queued device"}

    def new_stream(self, device: int) -> Queue:
        return Queue(device, 7)

    def current_stream(self, device: int) -> Queue:
        return self.chosen

    def default_stream(self, device: int) -> Queue:
        return self.default

    def set_stream(self, stream: Queue) -> None:
        self.chosen = stream

    def new_event(self, timed: bool) -> Moment:
        return Moment(timed)


class Plugin:
    @hookimpl
    def corex_backends(self) -> list[BackendDescriptor]:
        kinds = (Plain, -5), (Queued, -6)
        return [
            BackendDescriptor(kind.name, kind.device_type, lambda: None, kind, priority)
            for kind, priority in kinds
        ]


@pytest.fixture(autouse=True)
def two_strangers() -> Iterator[None]:
    manager.register(Plugin(), "strangers")
    yield
    corex.accelerator.set_device_index("plain:0")
    manager.unregister("strangers")


def test_the_first_device_type_that_is_no_cpu_is_the_accelerator() -> None:
    if corex.cuda.is_available():
        pytest.skip("a CUDA device goes before these")
    assert corex.accelerator.current_accelerator() == corex.device("plain")
    assert corex.accelerator.device_count() == 2
    assert corex.accelerator.device_count("queued") == 1
    assert corex.accelerator.is_available()


def test_the_backend_in_use_is_the_accelerator() -> None:
    with corex.use_backend("queued"):
        assert corex.accelerator.current_accelerator() == corex.device("queued")
        assert corex.accelerator.memory_allocated() == 10


def test_a_device_of_each_type_can_be_current() -> None:
    with corex.use_backend("plain"):
        corex.accelerator.set_device_index(1)
        assert corex.accelerator.current_device_index() == 1
        assert str(corex.empty(2, device="plain").device) == "plain:1"
        assert str(corex.empty(2, device="queued").device) == "queued:0"
        with corex.accelerator.device_index(0):
            assert str(corex.empty(2).device) == "plain:0"
        assert corex.accelerator.current_device_index() == 1
        with corex.accelerator.device_index(None):
            assert corex.accelerator.current_device_index() == 1


def test_wrong_numbers_are_refused() -> None:
    with pytest.raises(RuntimeError, match="invalid device ordinal"):
        corex.accelerator.set_device_index("queued:1")
    with pytest.raises(corex.BackendUnavailableError, match="nobody"):
        corex.accelerator.synchronize("nobody:0")


def test_synchronize_goes_to_the_devices_backend() -> None:
    corex.accelerator.synchronize("plain:1")
    assert manager.backend("plain").notes == [("synchronize", 1)]
    assert manager.backend("queued").notes == []


def test_memory_of_a_device() -> None:
    with corex.use_backend("queued"):
        assert corex.accelerator.max_memory_allocated() == 30
        assert corex.accelerator.memory_reserved("queued:0") == 40
        assert corex.accelerator.get_memory_info() == (5, 10)
        corex.accelerator.reset_peak_memory_stats()
        corex.accelerator.empty_cache()
    assert manager.backend("queued").notes == [("reset", 0), ("empty_cache", 0)]
    assert corex.accelerator.memory_stats("plain") == {}
    with pytest.raises(NotImplementedError, match="'plain' has no method 'memory_info'"):
        corex.accelerator.get_memory_info("plain")


def test_capabilities_and_traits() -> None:
    assert {"streams", "events", "memory_stats"} <= corex.accelerator.capabilities("queued")
    assert "streams" not in corex.accelerator.capabilities("plain")
    assert corex.accelerator.traits("queued").errors == "deferred"
    told = corex.accelerator.get_device_capability("queued")
    assert told["name"] == "a queued device"
    assert corex.float32 in told["supported_dtypes"]


def test_streams_of_any_type() -> None:
    stream = corex.Stream("queued")
    assert (stream.stream_id, str(stream.device)) == (7, "queued:0")
    assert not stream.query()
    default = corex.accelerator.default_stream("queued")
    with stream:
        assert corex.accelerator.current_stream("queued") == stream
    assert corex.accelerator.current_stream("queued") == default
    stream.wait_stream(default)
    event = corex.Event("queued", enable_timing=True)
    assert not event.query()
    event.record(default)
    event.wait(stream)
    raw: Any = stream._raw
    assert [moment.stream.handle for moment in raw.waits] == [100, 100]
    assert event.elapsed_time(stream.record_event()) == 1.5
    corex.accelerator.set_stream(stream)
    assert corex.accelerator.current_stream("queued") == stream
    corex.accelerator.set_stream(default)


def test_a_backend_without_streams_has_one_queue() -> None:
    stream, other = corex.Stream("plain:1"), corex.Stream("plain:1")
    assert stream == other == corex.accelerator.default_stream("plain:1")
    assert stream != corex.accelerator.current_stream("plain:0")
    with stream:
        start, end = corex.Event("plain"), corex.Event("plain")
        start.record(stream)
        end.record(other)
    stream.wait_stream(other)
    assert start.elapsed_time(end) >= 0
    assert start.query()
    assert stream.query()
    assert ("synchronize", 1) in manager.backend("plain").notes
    with pytest.raises(RuntimeError, match="must be recorded"):
        corex.Event("plain").elapsed_time(end)


def test_streams_of_the_cpu() -> None:
    stream = corex.Stream("cpu")
    stream.synchronize()
    assert stream.device.type == "cpu"


def test_graphs_are_those_of_the_backend() -> None:
    with pytest.raises(NotImplementedError, match="'plain' has no method 'new_graph'"):
        corex.accelerator.Graph(device_type="plain")
