"""corex's caching allocator over the driver, or the simulator.

What it does by itself is tested in `tests/backends/allocator`.
"""

from __future__ import annotations

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
