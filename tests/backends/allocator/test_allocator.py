"""The caching allocator over a pretended driver: sizes, counters, limits, threads, finalisers."""

from __future__ import annotations

import gc
import random
import threading
import weakref
from itertools import pairwise
from typing import Any

import pytest

from corex.backend import (
    BorrowedBuffer,
    CachedBuffer,
    CachingAllocator,
    MemoryDriver,
    OutOfMemoryError,
)
from corex.backend.allocator_blocks import LARGE, size_class
from tests.backends.allocator.fake_driver import FakeDriver

KIB, MIB = 1 << 10, 1 << 20


class Device:
    """An allocator, its driver, and how a backend would call them."""

    def __init__(self, driver: FakeDriver | None = None, **options: Any) -> None:
        self.driver = driver or FakeDriver()
        self.allocator = CachingAllocator(self.driver, **options)

    def allocate(self, nbytes: int) -> BorrowedBuffer:
        return self.allocator.allocate(nbytes, self.driver.current_stream())

    def stats(self) -> dict[str, int]:
        return self.allocator.stats()


@pytest.fixture
def device() -> Device:
    return Device()


# ---- sizes -------------------------------------------------------------------------------------
def test_size_classes_waste_an_eighth_at_most() -> None:
    sizes = [1, 511, 512, 513, 4096, 4097, 65536, LARGE - 1, LARGE, LARGE + 1, 3 << 30]
    sizes += [random.Random(1).randrange(1, 64 * MIB) for _ in range(500)]
    for nbytes in sizes:
        size = size_class(nbytes)
        assert nbytes <= size <= max(nbytes + 511, nbytes * 1.125)
        assert size % 512 == 0
        assert size_class(size) == size


def test_freed_memory_is_used_again_at_once(device: Device) -> None:
    first = device.allocate(5000)
    address = first.ptr
    del first
    assert device.allocate(4999).ptr == address


def test_one_piece_serves_several_small_buffers(device: Device) -> None:
    kept = [device.allocate(1000) for _ in range(32)]
    assert len(device.driver.pieces) == 1
    spans = sorted((buffer.ptr, buffer.ptr + buffer.nbytes) for buffer in kept)
    assert all(end <= start for (_, end), (start, _) in pairwise(spans))


def test_what_cannot_be_cut_is_not() -> None:
    class Whole(FakeDriver):
        divides = False

        def part(self, memory: Any, start: int) -> Any:
            assert start == 0
            return memory

    device = Device(Whole())
    kept = [device.allocate(1000) for _ in range(5)]
    assert [buffer.ptr for buffer in kept] == list(device.driver.pieces.values())


def test_a_large_block_serves_what_is_a_little_smaller(device: Device) -> None:
    first = device.allocate(40 * MIB)
    address = first.ptr
    del first
    assert device.allocate(20 * MIB).ptr != address
    assert device.allocate(36 * MIB).ptr == address


def test_two_methods_make_a_driver() -> None:
    class Least(MemoryDriver):
        def allocate(self, nbytes: int) -> bytearray:
            return bytearray(nbytes)

        def free(self, memory: bytearray) -> None:
            memory.clear()

    allocator = CachingAllocator(Least())
    buffer = allocator.allocate(10)
    memory = buffer.ptr
    assert len(memory) >= 10
    assert (buffer.nbytes, buffer.device) == (10, 0)
    del buffer
    assert allocator.allocate(11).ptr is memory
    allocator.empty_cache()
    assert len(memory) == 0
    assert allocator.stats()["reserved_bytes"] == 0


def test_no_bytes_cost_nothing(device: Device) -> None:
    assert device.allocate(0).ptr == 0
    assert set(device.stats().values()) == {0}


# ---- counters ----------------------------------------------------------------------------------
def test_the_counters(device: Device) -> None:
    kept = device.allocate(4 * MIB)
    dropped = device.allocate(8 * MIB)
    del dropped
    assert device.stats() == {
        "allocated_bytes": 4 * MIB, "reserved_bytes": 12 * MIB, "peak_allocated_bytes": 12 * MIB,
        "allocations": 2, "driver_allocations": 2, "oom_retries": 0,
    }  # fmt: skip
    device.allocator.reset_peak()
    assert device.stats()["peak_allocated_bytes"] == 4 * MIB
    assert kept.nbytes == 4 * MIB


def test_unused_memory_goes_back_to_the_driver(device: Device) -> None:
    small = [device.allocate(3 * KIB) for _ in range(40)]
    large = device.allocate(32 * MIB)
    kept = small[0]
    del small, large
    device.allocator.empty_cache()
    assert 0 < device.stats()["reserved_bytes"] == device.driver.held() < MIB
    del kept
    device.allocator.empty_cache()
    assert device.stats()["reserved_bytes"] == device.driver.held() == 0


# ---- too little memory -------------------------------------------------------------------------
@pytest.mark.parametrize("raises", [None, OutOfMemoryError])
def test_too_much_is_refused_and_named(raises: Any) -> None:
    device = Device(FakeDriver(capacity=100 * MIB, raises=raises))
    kept = device.allocate(MIB)
    with pytest.raises(OutOfMemoryError) as raised:
        device.allocate(1 << 50)
    assert str(raised.value) == (
        f"fake:0 has no {1 << 50} bytes: {99 * MIB} of {100 * MIB} bytes are free, "
        f"{MIB} are in use by tensors, {MIB} are reserved"
    )
    assert device.allocate(KIB).ptr
    assert kept.ptr


def test_before_it_is_refused_the_cache_is_emptied() -> None:
    device = Device(FakeDriver(capacity=10 * MIB))
    first = device.allocate(6 * MIB)
    device.driver.work(first)
    del first  # cached, and no use for what comes
    kept = device.allocate(8 * MIB)
    assert device.stats()["oom_retries"] == 1
    assert len(device.driver.pieces) == 1
    assert kept.nbytes == 8 * MIB


def test_the_last_of_the_memory_is_not_cut_for_others() -> None:
    device = Device(FakeDriver(capacity=4 * KIB))
    kept = [device.allocate(2 * KIB) for _ in range(2)]
    assert [piece.nbytes for piece in device.driver.pieces.values()] == [2 * KIB] * 2
    assert len(kept) == 2


def test_a_limit_is_kept() -> None:
    device = Device(limit=10 * MIB)
    first = device.allocate(6 * MIB)
    with pytest.raises(OutOfMemoryError, match=f"the limit is {10 * MIB}"):
        device.allocate(8 * MIB)
    assert device.driver.asked == [6 * MIB]
    del first
    kept = device.allocate(8 * MIB)
    device.allocator.limit = 20 * MIB
    assert device.allocate(12 * MIB).ptr != kept.ptr


def test_another_error_of_the_driver_is_the_programs() -> None:
    device = Device(FakeDriver(capacity=MIB, raises=ConnectionError))
    with pytest.raises(ConnectionError):
        device.allocate(2 * MIB)
    assert device.stats()["reserved_bytes"] == device.stats()["driver_allocations"] == 0
    assert device.allocate(KIB).ptr


# ---- to find mistakes --------------------------------------------------------------------------
def test_freed_memory_is_poisoned_on_its_stream() -> None:
    device = Device(poisons=True)
    buffer = device.allocate(1000)
    address = buffer.ptr
    assert not device.driver.filled
    del buffer
    device.stats()
    assert device.driver.filled == [(address, 1024, 0xFF, device.driver.default_stream)]


def test_without_a_cache_each_buffer_is_a_piece() -> None:
    device = Device(caches=False)
    first, second = device.allocate(1000), device.allocate(1000)
    assert [piece.nbytes for piece in device.driver.pieces.values()] == [1000, 1000]
    address = first.ptr
    del first
    assert device.allocate(1000).ptr != address
    assert len(device.driver.pieces) == 2  # the first went back
    assert second.ptr


# ---- finalisers and threads --------------------------------------------------------------------
def test_buffers_can_be_watched_and_lent(device: Device) -> None:
    buffer = device.allocate(10)
    watch = weakref.ref(buffer)
    lent = BorrowedBuffer(buffer.ptr, 10, 7, owner=buffer)
    del buffer
    assert watch() is not None
    del lent
    assert watch() is None


def test_garbage_collection_returns_memory(device: Device) -> None:
    class Holder:
        pass

    for _ in range(10):
        holder: Any = Holder()
        holder.self, holder.buffer = holder, device.allocate(KIB)
    del holder
    gc.collect()
    assert device.stats()["allocated_bytes"] == 0


def test_a_finaliser_may_want_memory_in_the_middle_of_the_allocator(
    device: Device, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Garbage collection comes where Python allocates, also while the lock is held."""
    allocator = device.allocator
    kept = [device.allocate(KIB) for _ in range(40)]
    made: list[Any] = []
    depth: list[int] = []
    genuine = allocator._count_in

    def interrupted(block: Any) -> None:
        if not depth:
            depth.append(1)
            kept.pop()  # dies here, and is returned
            made.append(device.allocate(KIB))
            allocator.stats()
            allocator.empty_cache()
            depth.pop()
        genuine(block)

    monkeypatch.setattr(allocator, "_count_in", interrupted)
    made += [device.allocate(KIB) for _ in range(20)]
    monkeypatch.undo()
    addresses = [buffer.ptr for buffer in (*kept, *made)]
    assert len(set(addresses)) == len(addresses)
    kept.clear()
    made.clear()
    assert device.stats()["allocated_bytes"] == 0
    allocator.empty_cache()
    assert not device.driver.pieces


def test_threads_never_share_a_block(device: Device) -> None:
    owners: dict[int, int] = {}
    errors: list[str] = []

    def work(number: int) -> None:
        choice = random.Random(number)
        kept: list[Any] = []
        for turn in range(300):
            if turn % 100 == 99:
                device.allocator.empty_cache()
            if kept and choice.random() < 0.5:
                buffer = kept.pop(choice.randrange(len(kept)))
                del owners[buffer.ptr]
                del buffer
            else:
                buffer = device.allocate(choice.choice([100, 1000, 3000, 200_000]))
                if owners.setdefault(buffer.ptr, number) != number:
                    errors.append(f"{buffer} of {number} is {owners[buffer.ptr]}'s")
                kept.append(buffer)
        for buffer in kept:
            del owners[buffer.ptr]

    threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not errors
    assert device.stats()["allocated_bytes"] == 0
    device.allocator.empty_cache()
    assert device.driver.held() == device.stats()["reserved_bytes"] == 0


def test_a_class_of_buffers_of_ones_own(device: Device) -> None:
    class Mine(CachedBuffer):
        __slots__ = ()

    other = Device(buffer=Mine)
    assert type(other.allocate(8)) is Mine
    other.allocator.add_stream(other.driver.new_stream())
    assert isinstance(vars(Mine)["ptr"], property)
    assert "ptr" not in vars(CachedBuffer)
    assert type(device.allocate(8)) is CachedBuffer
