"""Memory, transfers and locks where there are several streams: what is asked of the driver."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterator
from types import ModuleType
from typing import Any

import pytest

import corex
from corex.backend import OutOfMemoryError

KIB, MIB = 1 << 10, 1 << 20


@pytest.fixture
def deferred(simulated: ModuleType, device: Any) -> Iterator[None]:
    """Work waits until somebody waits for it."""
    before = simulated.set_deferred(True)
    yield
    device.synchronize()
    simulated.set_deferred(before)


@pytest.fixture
def asked(runtime: ModuleType, monkeypatch: pytest.MonkeyPatch) -> Counter[str]:
    """How often events were recorded and asked."""
    found: Counter[str] = Counter()

    def counted(name: str) -> None:
        genuine = getattr(runtime.Event, name)

        def call(*arguments: Any) -> Any:
            found[name] += 1
            return genuine(*arguments)

        monkeypatch.setattr(runtime.Event, name, call)

    counted("query")
    counted("record")
    return found


@pytest.fixture
def on(runtime: ModuleType, device: Any) -> Iterator[Any]:
    """Chooses a stream for this thread, until the test ends."""
    yield runtime.choose
    runtime.choose(device.default_stream)


# ---- blocks ------------------------------------------------------------------------------------
@pytest.mark.usefixtures("deferred")
def test_a_block_is_reused_at_once_on_its_stream(device: Any, on: Any, asked: Counter[str]) -> None:
    device.new_stream()
    addresses = set()
    for _ in range(50):
        buffer = device.allocate(MIB)
        addresses.add(buffer.ptr)
        device.copy(buffer.ptr, buffer.ptr + KIB, KIB)
        del buffer
    assert len(addresses) == 1
    assert not asked


@pytest.mark.usefixtures("deferred")
def test_what_another_stream_uses_waits_for_that_stream_alone(
    device: Any, on: Any, asked: Counter[str]
) -> None:
    streams = [device.new_stream() for _ in range(5)]
    buffer = device.allocate(MIB)
    address = buffer.ptr
    on(streams[2])
    device.copy(buffer.ptr, buffer.ptr + KIB, KIB)
    on(device.default_stream)
    del buffer
    assert device.allocate(MIB).ptr != address
    assert asked == {"record": 1, "query": 1}
    streams[2].synchronize()
    held = [device.allocate(MIB) for _ in range(2)]
    assert address in {buffer.ptr for buffer in held}


@pytest.mark.parametrize("count", [20, 80])
@pytest.mark.usefixtures("deferred")
def test_the_work_per_block_does_not_grow_with_the_blocks(
    count: int, device: Any, on: Any, asked: Counter[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of blocks that are in use elsewhere only the first in line is asked for."""
    from corex_cuda_pycuda.runtime.streams import Event

    other = device.new_stream()
    done: list[bool] = []
    genuine = Event.query
    monkeypatch.setattr(Event, "query", lambda event: genuine(event) and bool(done))
    for _ in range(count):
        buffer = device.allocate(MIB)
        on(other)
        device.copy(buffer.ptr, buffer.ptr + KIB, KIB)
        on(device.default_stream)
        del buffer
    assert asked["record"] <= count
    assert asked["query"] <= 2 * count
    before = device.allocator.stats()
    device.synchronize()
    done.append(True)
    kept = [device.allocate(MIB) for _ in range(count)]
    assert asked["query"] <= 4 * count
    after = device.allocator.stats()
    assert after["driver_allocations"] == before["driver_allocations"]
    assert len({buffer.ptr for buffer in kept}) == count


@pytest.mark.usefixtures("deferred")
def test_blocks_freed_together_share_an_event(device: Any, on: Any, asked: Counter[str]) -> None:
    other = device.new_stream()
    buffers = [device.allocate(MIB) for _ in range(30)]
    on(other)
    for buffer in buffers:
        device.copy(buffer.ptr, buffer.ptr + KIB, KIB)
    on(device.default_stream)
    del buffer, buffers
    device.allocator.stats()
    assert asked == {"record": 1}


@pytest.mark.usefixtures("deferred")
def test_a_kernel_on_another_stream_is_noted(device: Any, on: Any) -> None:
    """By the tensors' own ops: nobody has to say it."""
    x = corex.full((1 << 18,), 3.0, device="cuda")
    device.synchronize()
    other = corex.cuda.Stream()
    with corex.cuda.stream(other):
        y = x * 2
    del x
    noise = corex.full((1 << 18,), 7.0, device="cuda")
    device.default_stream.synchronize()
    other.synchronize()
    assert y.sum().item() == 6.0 * (1 << 18)
    assert noise.sum().item() == 7.0 * (1 << 18)


@pytest.mark.usefixtures("deferred")
def test_a_thread_with_a_stream_of_its_own_is_noted(runtime: ModuleType, device: Any) -> None:
    other = device.new_stream()
    held = [device.allocate(MIB)]
    address = held[0].ptr

    def work() -> None:
        runtime.choose(other)
        device.copy(held[0].ptr, held[0].ptr + KIB, KIB)

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    held.clear()
    assert device.allocate(MIB).ptr != address


@pytest.mark.usefixtures("deferred")
def test_what_was_made_before_the_second_stream_is_noted_too(python: Any) -> None:
    done = python("""
        from corex_cuda_pycuda import simulator
        simulator.enable()
        from corex_cuda_pycuda import runtime
        device = runtime.device(0)
        simulator.set_deferred(True)
        buffer = device.allocate(1 << 20)
        address = buffer.ptr
        runtime.choose(device.new_stream())
        device.copy(buffer.ptr, buffer.ptr + 512, 512)
        runtime.choose(device.default_stream)
        del buffer
        print(device.allocate(1 << 20).ptr != address)
    """)
    assert done.stdout == "True\n", done.stderr


@pytest.mark.usefixtures("deferred")
def test_an_emptied_cache_has_nothing_in_flight(device: Any, on: Any) -> None:
    other = device.new_stream()
    before = device.allocator.stats()["reserved_bytes"]
    buffer = device.allocate(40 * MIB)
    on(other)
    device.copy(buffer.ptr, buffer.ptr + KIB, KIB)
    on(device.default_stream)
    del buffer
    assert device.allocator.stats()["allocated_bytes"] <= before
    device.allocator.empty_cache()
    assert device.allocator.stats()["reserved_bytes"] == before


def test_a_block_that_was_taken_over_belongs_to_the_taker(device: Any, on: Any) -> None:
    other = device.new_stream()
    first = device.allocate(32 * MIB)
    address = first.ptr
    del first
    device.allocate(KIB)
    device.set_memory_limit(device.allocator.stats()["reserved_bytes"])
    on(other)
    for _ in range(3):
        assert device.allocate(32 * MIB).ptr == address
    device.allocator.empty_cache()
    with pytest.raises(OutOfMemoryError):
        device.allocate(64 * MIB)


# ---- nobody waits with a lock in his hand --------------------------------------------------------
def finishes(work: Any) -> bool:
    """Whether another thread gets through with this."""
    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    thread.join(20)
    return not thread.is_alive()


def meanwhile(monkeypatch: pytest.MonkeyPatch, owner: Any, name: str, work: Any) -> list[bool]:
    """While the first call of `owner.name` waits, another thread does some work."""
    genuine, outcome = getattr(owner, name), []

    def call(*arguments: Any) -> Any:
        if not outcome:
            outcome.append(False)
            outcome[0] = finishes(work)
        return genuine(*arguments)

    monkeypatch.setattr(owner, name, call)
    return outcome


class Watched:
    """An event that has never happened when asked, and does something before it waits."""

    def __init__(self, event: Any, work: Any) -> None:
        self._event, self._work = event, work

    def synchronize(self) -> None:
        """As that of the event."""
        self._work()
        self._event.synchronize()

    @staticmethod
    def query() -> bool:
        """As long as nobody waits."""
        return False

    def __getattr__(self, name: str) -> Any:
        return getattr(self._event, name)


@pytest.mark.parametrize("nbytes", [100, 21 * MIB])
@pytest.mark.parametrize("way", ["to the device", "to the host"])
def test_transfers_do_not_wait_for_each_other(
    device: Any, monkeypatch: pytest.MonkeyPatch, way: str, nbytes: int
) -> None:
    """Whoever waits for the device, for a chunk of pinned memory or for its copy, holds no lock."""
    from corex_cuda_pycuda.runtime import staging

    buffer, target = device.allocate(nbytes), bytearray(nbytes)
    data = bytes(range(256)) * (nbytes // 256 + 1)
    outcome: list[bool] = []

    def others() -> None:
        small = bytearray(100)
        mine = device.allocate(nbytes)
        device.copy_from_host(mine, 0, memoryview(data)[:nbytes])
        device.copy_to_host(mine, nbytes - 100, memoryview(small))
        assert small == data[nbytes - 100 : nbytes]

    def once() -> None:
        if not outcome:
            outcome.append(False)
            outcome[0] = finishes(others)

    genuine = staging._Chunk.__init__

    def watched(chunk: Any, *arguments: Any) -> None:
        genuine(chunk, *arguments)
        chunk.event = Watched(chunk.event, once)

    monkeypatch.setattr(staging._Chunk, "__init__", watched)
    monkeypatch.setattr(staging, "MOST_CHUNKS", 2)
    monkeypatch.setattr(device, "staging", staging.Staging(device))
    if way == "to the device":
        for _ in range(4):
            device.copy_from_host(buffer, 0, memoryview(data)[:nbytes])
    outcome.clear()
    device.copy_from_host(buffer, 0, memoryview(data)[:nbytes])
    device.copy_to_host(buffer, 0, memoryview(target))
    assert outcome == [True]
    assert target == data[:nbytes]


def test_many_threads_share_a_few_chunks(device: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    from corex_cuda_pycuda.runtime import staging

    monkeypatch.setattr(staging, "MOST_CHUNKS", 2)
    monkeypatch.setattr(staging, "LARGE", 256 << 10)
    monkeypatch.setattr(device, "staging", staging.Staging(device))
    wrong = []

    def work(number: int) -> None:
        data, target = bytes([number]) * MIB, bytearray(MIB)
        buffer = device.allocate(MIB)
        for _ in range(5):
            device.copy_from_host(buffer, 0, memoryview(data))
            device.copy_to_host(buffer, 0, memoryview(target))
            if target != data:
                wrong.append(number)

    threads = [threading.Thread(target=work, args=(n,), daemon=True) for n in range(5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert not any([thread.is_alive() for thread in threads])
    assert not wrong


def test_a_chunk_whose_copy_fails_is_not_lost(device: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    from corex_cuda_pycuda.runtime import staging

    monkeypatch.setattr(staging, "MOST_CHUNKS", 2)
    monkeypatch.setattr(device, "staging", staging.Staging(device))
    buffer = device.allocate(10)
    drv = staging.drv

    def transfer() -> None:
        device.copy_from_host(buffer, 0, memoryview(bytes(10)))
        device.copy_to_host(buffer, 0, memoryview(bytearray(10)))

    for name in ("memcpy_htod_async", "memcpy_dtoh_async"):
        with monkeypatch.context() as patch:
            patch.setattr(staging, "drv", Failing(drv, name))
            for _ in range(5):
                with pytest.raises(RuntimeError, match="it fails"):
                    transfer()
    transfer()


class Failing:
    """The driver, of which one function fails."""

    def __init__(self, driver: Any, name: str) -> None:
        self._driver, self._name = driver, name

    def __getattr__(self, name: str) -> Any:
        if name == self._name:
            raise RuntimeError("it fails")
        return getattr(self._driver, name)


def test_nobody_waits_for_who_empties_the_cache(
    device: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def others() -> None:
        device.allocate(5 * KIB)
        device.allocator.stats()

    outcome = meanwhile(monkeypatch, device, "wait_all", others)
    device.allocator.empty_cache()
    assert outcome == [True]


def test_nobody_waits_for_the_drivers_memory(device: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """To allocate and to free may wait for all that is queued."""
    from corex_cuda_pycuda.runtime import memory

    kept = device.allocate(KIB)
    del kept
    drv, outcome = memory.drv, []

    class Slow:
        def __getattr__(self, name: str) -> Any:
            return getattr(drv, name)

        @staticmethod
        def mem_alloc(nbytes: int) -> Any:
            """Waits for another thread."""
            outcome.append(finishes(lambda: device.allocate(KIB)))
            return drv.mem_alloc(nbytes)

    monkeypatch.setattr(memory, "drv", Slow())
    assert device.allocate(3 * MIB).nbytes == 3 * MIB
    assert outcome == [True]


# ---- finalisers ----------------------------------------------------------------------------------
def test_a_finaliser_may_want_memory_at_any_moment(
    device: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Garbage collection comes where Python allocates: also in the middle of the allocator."""
    allocator = device.allocator
    genuine = allocator._count_in
    made: list[Any] = []
    within: list[bool] = []

    def interrupted(block: Any) -> None:
        if not within:
            within.append(True)
            made.append(device.allocate(KIB))
            allocator.stats()
            within.pop()
        genuine(block)

    monkeypatch.setattr(allocator, "_count_in", interrupted)
    kept = [device.allocate(KIB) for _ in range(40)]
    assert len(made) == 40
    addresses = [buffer.ptr for buffer in (*kept, *made)]
    assert len(set(addresses)) == len(addresses)


# ---- several devices -----------------------------------------------------------------------------
def test_a_copy_between_devices_is_noted(python: Any) -> None:
    done = python(
        """
        from corex_cuda_pycuda import simulator
        simulator.enable()
        import corex
        from corex_cuda_pycuda import runtime
        first, second = runtime.device(0), runtime.device(1)
        simulator.set_deferred(True)
        other = first.new_stream()
        source, target = first.allocate(1 << 20), second.allocate(1 << 20)
        address = source.ptr
        runtime.choose(other)
        runtime.copy_between(target, 0, source, 0, 1 << 20)
        runtime.choose(first.default_stream)
        del source
        print(first.allocate(1 << 20).ptr != address)
        x = corex.arange(4, device="cuda:0")
        y = x.to("cuda:1") + 1
        del x
        print((y + y).tolist())
        """,
        COREX_CUDA_SIM_DEVICES="2",
    )
    assert done.stdout == "True\n[2, 4, 6, 8]\n", done.stderr
