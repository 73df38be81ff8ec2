"""`corex.cuda`, against a backend of two devices that is nothing but memory and notes."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest

import corex
from corex.backend import Backend, BackendDescriptor
from corex.plugins import hookimpl, manager


class Memory:
    def __init__(self, nbytes: int, device: int) -> None:
        self.data = bytearray(nbytes)
        self.nbytes = nbytes
        self.device = device


class Queue:
    """A stream that notes what it is asked."""

    def __init__(self, device: int, handle: int) -> None:
        self.device = device
        self.handle = handle
        self.notes: list[Any] = []

    def synchronize(self) -> None:
        self.notes.append("synchronize")

    def query(self) -> bool:
        return True

    def wait_event(self, event: Any) -> None:
        self.notes.append(event)


class Moment:
    def __init__(self, timed: bool) -> None:
        self.timed = timed
        self.stream: Queue | None = None

    def record(self, stream: Queue) -> None:
        self.stream = stream

    def query(self) -> bool:
        return self.stream is not None

    def synchronize(self) -> None:
        pass

    def elapsed_time(self, end: Moment) -> float:
        return 1.5


class TwoDevices(Backend):
    name = "two"
    device_type = "cuda"

    def __init__(self) -> None:
        self.notes: list[Any] = []
        self.defaults = [Queue(0, 100), Queue(1, 101)]
        self.chosen = list(self.defaults)

    def device_count(self) -> int:
        return 2

    def allocate(self, nbytes: int, device: int, dtype: Any = None, shape: Any = None) -> Memory:
        return Memory(nbytes, device)

    def nbytes(self, buffer: Memory) -> int:
        return buffer.nbytes

    def copy_from_host(self, buffer: Memory, start: int, source: memoryview) -> None:
        buffer.data[start : start + len(source)] = source

    def copy_to_host(self, buffer: Memory, start: int, target: memoryview) -> None:
        target[:] = buffer.data[start : start + len(target)]

    def copy_device(
        self, target: Memory, target_start: int, source: Memory, source_start: int, nbytes: int
    ) -> bool:
        self.notes.append(("copy_device", source.device, target.device, nbytes))
        part = source.data[source_start : source_start + nbytes]
        target.data[target_start : target_start + nbytes] = part
        return True

    def synchronize(self, device: int) -> None:
        self.notes.append(("synchronize", device))

    def empty_cache(self, device: int) -> None:
        self.notes.append(("empty_cache", device))

    def memory_stats(self, device: int) -> dict[str, int]:
        return {"allocated_bytes": 10 + device, "peak_allocated_bytes": 30, "reserved_bytes": 40}

    def memory_info(self, device: int) -> tuple[int, int]:
        return 5, 10

    def reset_peak_memory_stats(self, device: int) -> None:
        self.notes.append(("reset", device))

    def device_properties(self, device: int) -> dict[str, Any]:
        return {"name": f"device {device}", "major": 9, "minor": device, "total_memory": 10}

    def new_stream(self, device: int) -> Queue:
        return Queue(device, 7)

    def current_stream(self, device: int) -> Queue:
        return self.chosen[device]

    def default_stream(self, device: int) -> Queue:
        return self.defaults[device]

    def set_stream(self, stream: Queue) -> None:
        self.chosen[stream.device] = stream

    def new_event(self, timed: bool) -> Moment:
        return Moment(timed)


class Bare(TwoDevices):
    """Without a method that is optional."""

    device_properties = None  # type: ignore[assignment]


class Plugin:
    def __init__(self, backend: type[TwoDevices]) -> None:
        self.backend = backend

    @hookimpl
    def corex_backends(self) -> list[BackendDescriptor]:
        return [BackendDescriptor("two", "cuda", lambda: None, self.backend, priority=99)]


@pytest.fixture
def backend(request: pytest.FixtureRequest) -> Iterator[TwoDevices]:
    plugin = Plugin(getattr(request, "param", TwoDevices))
    manager.register(plugin, "two")
    found = manager.backend("two")
    assert isinstance(found, TwoDevices)
    yield found
    corex.cuda.set_device(0)
    manager.unregister("two")


# ---- which device ----------------------------------------------------------------------------
@pytest.mark.usefixtures("backend")
def test_there_are_two_devices() -> None:
    assert corex.cuda.is_available()
    assert corex.cuda.device_count() == 2
    assert corex.cuda.current_device() == 0


@pytest.mark.usefixtures("backend")
def test_the_current_device_is_what_cuda_means() -> None:
    x = corex.tensor([1.0, 2.0])
    corex.cuda.set_device(1)
    assert str(x.cuda().device) == "cuda:1"
    assert str(x.to("cuda").device) == "cuda:1"
    assert str(x.to("cuda:0").device) == "cuda:0"
    with corex.cuda.device(0):
        assert corex.cuda.current_device() == 0
        assert str(corex.empty(2, device="cuda").device) == "cuda:0"
    assert corex.cuda.current_device() == 1
    with corex.use_backend("two"):
        assert str(corex.empty(2).device) == "cuda:1"


@pytest.mark.usefixtures("backend")
def test_each_thread_has_its_own_current_device() -> None:
    corex.cuda.set_device("cuda:1")
    seen: list[int] = []
    thread = threading.Thread(target=lambda: seen.append(corex.cuda.current_device()))
    thread.start()
    thread.join()
    assert seen == [0]


@pytest.mark.usefixtures("backend")
@pytest.mark.parametrize("nothing", [None, -1])
def test_a_device_block_may_change_nothing(nothing: int | None) -> None:
    corex.cuda.set_device(1)
    with corex.cuda.device(nothing):
        assert corex.cuda.current_device() == 1


@pytest.mark.usefixtures("backend")
def test_wrong_devices_are_named() -> None:
    with pytest.raises(RuntimeError, match="invalid device ordinal"):
        corex.cuda.set_device(2)
    with pytest.raises(ValueError, match="Expected a cuda device, but got: cpu"):
        corex.cuda.synchronize("cpu")


def test_tensors_go_from_device_to_device_without_the_host(backend: TwoDevices) -> None:
    there = corex.tensor([1.0, 2.0, 3.0]).to("cuda:0")[1:].to("cuda:1")
    assert backend.notes == [("copy_device", 0, 1, 8)]
    assert there.tolist() == [2.0, 3.0]


# ---- properties and memory -------------------------------------------------------------------
@pytest.mark.usefixtures("backend")
def test_properties() -> None:
    assert corex.cuda.get_device_name() == "device 0"
    assert corex.cuda.get_device_capability("cuda:1") == (9, 1)
    assert corex.cuda.get_device_properties(1).total_memory == 10


@pytest.mark.parametrize("backend", [Bare], indirect=True)
@pytest.mark.usefixtures("backend")
def test_what_the_backend_does_not_tell() -> None:
    with pytest.raises(NotImplementedError, match="'two' has no method 'device_properties'"):
        corex.cuda.get_device_name()


def test_memory(backend: TwoDevices) -> None:
    assert corex.cuda.memory_allocated() == 10
    assert corex.cuda.memory_allocated(1) == 11
    assert corex.cuda.max_memory_allocated() == 30
    assert corex.cuda.memory_reserved() == 40
    assert corex.cuda.memory_stats()["allocated_bytes.all.peak"] == 30
    assert corex.cuda.mem_get_info() == (5, 10)
    corex.cuda.reset_peak_memory_stats(1)
    corex.cuda.empty_cache()
    corex.cuda.synchronize(1)
    assert backend.notes == [
        ("reset", 1), ("empty_cache", 0), ("empty_cache", 1), ("synchronize", 1),
    ]  # fmt: skip


# ---- streams ---------------------------------------------------------------------------------
@pytest.mark.usefixtures("backend")
def test_a_stream_is_current_within_its_block() -> None:
    stream = corex.cuda.Stream(device=1)
    assert stream != corex.cuda.current_stream(1) == corex.cuda.default_stream(1)
    with corex.cuda.stream(stream):
        assert corex.cuda.current_device() == 1
        assert corex.cuda.current_stream() == stream
        with stream:
            assert corex.cuda.current_stream().cuda_stream == 7
        assert corex.cuda.current_stream() == stream
    assert corex.cuda.current_device() == 0
    assert corex.cuda.current_stream(1) == corex.cuda.default_stream(1)
    with corex.cuda.stream(None):
        assert corex.cuda.current_stream() == corex.cuda.default_stream()


def test_streams_wait_for_each_other(backend: TwoDevices) -> None:
    stream = corex.cuda.Stream()
    stream.wait_stream(corex.cuda.current_stream())
    event = corex.cuda.current_stream().record_event()
    event.wait(stream)
    event.synchronize()
    stream.synchronize()
    raw: Any = stream._raw
    assert [type(note) for note in raw.notes] == [Moment, Moment, str]
    assert {note.stream for note in raw.notes[:2]} == {backend.defaults[0]}
    assert stream.query()


@pytest.mark.usefixtures("backend")
def test_events_tell_the_time() -> None:
    start, end = (corex.cuda.Event(enable_timing=True) for _ in range(2))
    start.record()
    assert start.query()
    assert not end.query()
    end.record(corex.cuda.Stream())
    assert start.elapsed_time(end) == 1.5


@pytest.mark.usefixtures("backend")
def test_manual_seed_is_that_of_all_devices() -> None:
    corex.cuda.manual_seed(3)
    assert corex.default_generator.initial_seed() == 3


# ---- without CUDA ----------------------------------------------------------------------------
@pytest.fixture
def without_cuda(monkeypatch: pytest.MonkeyPatch) -> None:
    from corex.accelerator import devices as accelerator
    from corex.dispatch import devices as selection
    from corex.plugins import PluginManager

    empty = PluginManager()
    reason = "no driver here"
    descriptor = BackendDescriptor("gone", "cuda", lambda: reason, TwoDevices)
    hook = hookimpl(lambda: [descriptor])
    empty.register(SimpleNamespace(corex_backends=hook), "gone")
    monkeypatch.setattr(accelerator, "manager", empty)
    monkeypatch.setattr(selection, "manager", empty)


@pytest.mark.usefixtures("without_cuda")
def test_without_cuda_questions_have_answers() -> None:
    assert not corex.cuda.is_available()
    assert corex.cuda.device_count() == 0
    corex.cuda.empty_cache()
    corex.cuda.manual_seed(1)


@pytest.mark.usefixtures("without_cuda")
@pytest.mark.parametrize(
    "function",
    ["init", "current_device", "synchronize", "Stream", "Event", "memory_stats", "mem_get_info"],
)
def test_without_cuda_the_rest_says_why(function: str) -> None:
    with pytest.raises(corex.BackendUnavailableError, match="no driver here"):
        getattr(corex.cuda, function)()
