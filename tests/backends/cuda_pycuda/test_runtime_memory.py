"""The caching allocator over the driver, or the simulator."""

from __future__ import annotations

import gc
import random
import threading
import weakref
from itertools import pairwise
from types import ModuleType
from typing import Any

import pytest

from corex.backend import OutOfMemoryError

KIB, MIB = 1 << 10, 1 << 20


def stats(device: Any) -> Any:
    return device.allocator.stats()


def test_freed_memory_is_used_again_at_once(device: Any) -> None:
    first = device.allocate(5000)
    address = first.ptr
    del first
    assert device.allocate(4999).ptr == address


def test_one_allocation_of_the_driver_serves_several_small_ones(device: Any) -> None:
    before = stats(device)["driver_allocations"]
    kept = [device.allocate(1000) for _ in range(32)]
    assert stats(device)["driver_allocations"] == before + 1
    spans = sorted((buffer.ptr, buffer.ptr + buffer.nbytes) for buffer in kept)
    assert all(end <= start for (_, end), (start, _) in pairwise(spans))


def test_a_large_block_serves_what_is_a_little_smaller(device: Any) -> None:
    first = device.allocate(40 * MIB)
    address = first.ptr
    del first
    assert device.allocate(20 * MIB).ptr != address
    assert device.allocate(36 * MIB).ptr == address


def test_the_counters(device: Any) -> None:
    device.allocator.reset_peak()
    before = stats(device)
    kept = device.allocate(4 * MIB)
    dropped = device.allocate(8 * MIB)
    del dropped
    after = stats(device)
    assert after["allocated_bytes"] - before["allocated_bytes"] == 4 * MIB
    assert after["peak_allocated_bytes"] - before["allocated_bytes"] == 12 * MIB
    assert after["reserved_bytes"] - before["reserved_bytes"] == 12 * MIB
    assert after["allocations"] - before["allocations"] == 2
    device.allocator.reset_peak()
    assert stats(device)["peak_allocated_bytes"] == after["allocated_bytes"]
    assert kept.nbytes == 4 * MIB


def test_unused_memory_goes_back_to_the_driver(device: Any) -> None:
    before = stats(device)["reserved_bytes"]
    small = [device.allocate(3 * KIB) for _ in range(40)]
    large = device.allocate(32 * MIB)
    kept = small[0]
    del small, large
    device.allocator.empty_cache()
    held = stats(device)["reserved_bytes"] - before
    assert 0 < held < MIB  # the piece of which `kept` is a part
    del kept
    device.allocator.empty_cache()
    assert stats(device)["reserved_bytes"] == before


def test_no_bytes_cost_nothing(device: Any) -> None:
    before = stats(device)
    assert device.allocate(0).ptr == 0
    assert stats(device) == before


def test_buffers_can_be_watched_and_lent(runtime: ModuleType, device: Any) -> None:
    buffer = device.allocate(10)
    watch = weakref.ref(buffer)
    lent = runtime.BorrowedBuffer(buffer.ptr, 10, 0, owner=buffer)
    del buffer
    assert watch() is not None
    del lent
    assert watch() is None


def test_garbage_collection_returns_memory(device: Any) -> None:
    class Holder:
        pass

    gc.collect()
    before = stats(device)["allocated_bytes"]
    for _ in range(10):
        holder: Any = Holder()
        holder.self, holder.buffer = holder, device.allocate(KIB)
    del holder
    gc.collect()
    assert stats(device)["allocated_bytes"] == before


# ---- too little memory -------------------------------------------------------------------------
def test_too_much_is_refused_and_named(device: Any) -> None:
    with pytest.raises(OutOfMemoryError) as raised:
        device.allocate(1 << 50)
    free, total = device.memory_info()
    for number in (1 << 50, free, total):
        assert str(number) in str(raised.value)
    assert device.allocate(KIB).ptr


def test_before_it_is_refused_the_cache_is_emptied(device: Any) -> None:
    reserved = stats(device)["reserved_bytes"]
    device.set_memory_limit(reserved + 10 * MIB)
    first = device.allocate(6 * MIB)
    del first  # cached, and no use for what comes
    before = stats(device)["oom_retries"]
    kept = device.allocate(8 * MIB)
    assert stats(device)["oom_retries"] == before + 1
    with pytest.raises(OutOfMemoryError, match="the limit is"):
        device.allocate(4 * MIB)
    assert kept.nbytes == 8 * MIB


# ---- streams -----------------------------------------------------------------------------------
def test_memory_freed_on_one_stream_waits_for_the_others(
    runtime: ModuleType, device: Any, simulated: ModuleType
) -> None:
    other = device.new_stream()
    deferred = simulated.set_deferred(True)
    try:
        buffer = device.allocate(MIB)
        address = buffer.ptr
        runtime.choose(other)
        device.copy(buffer.ptr, buffer.ptr + KIB, KIB)  # may be running when it is freed
        runtime.choose(device.default_stream)
        del buffer
        second = device.allocate(MIB)
        assert second.ptr != address
        device.synchronize()
        third = device.allocate(MIB)
        assert third.ptr == address
    finally:
        runtime.choose(device.default_stream)
        simulated.set_deferred(deferred)


def test_a_stream_takes_the_memory_of_another_rather_than_fail(
    runtime: ModuleType, device: Any
) -> None:
    other = device.new_stream()
    buffer = device.allocate(32 * MIB)
    address = buffer.ptr
    del buffer
    device.synchronize()
    second = device.allocate(32 * MIB)  # on the default stream again, when all have passed
    assert second.ptr == address
    del second
    device.allocate(KIB)
    device.set_memory_limit(stats(device)["reserved_bytes"])
    runtime.choose(other)
    try:
        assert device.allocate(32 * MIB).ptr == address
    finally:
        runtime.choose(device.default_stream)


# ---- threads -----------------------------------------------------------------------------------
def test_threads_never_share_a_block(device: Any) -> None:
    owners: dict[int, int] = {}
    errors: list[str] = []

    def work(number: int) -> None:
        choice = random.Random(number)
        kept: list[Any] = []
        for _ in range(300):
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

    before = stats(device)["allocated_bytes"]
    threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not errors
    assert stats(device)["allocated_bytes"] == before
