"""What every backend owes besides its kernels: the required ops, and memory."""

from __future__ import annotations

import pytest

from corex.backend import API_VERSION, OutOfMemoryError
from tests.backends.kernel_cases import TIER_1, cases, descriptor, load


@pytest.mark.parametrize("backend, op", cases(["copy"]))
def test_no_required_kernel_is_missing(backend: str, op: str) -> None:
    assert [name for name in TIER_1 if name not in load(backend).kernels] == []


@pytest.mark.parametrize("backend, op", cases(["copy"]))
def test_the_announcement_matches_the_backend(backend: str, op: str) -> None:
    announced = descriptor(backend)
    assert (announced.name, announced.device_type) == (backend, load(backend).device_type)
    assert announced.api_version == API_VERSION
    assert load(backend).device_count() >= 1


@pytest.mark.parametrize("backend, op", cases(["copy"]))
def test_bytes_go_in_and_come_out_from_any_start(backend: str, op: str) -> None:
    runtime = load(backend)
    buffer = runtime.allocate(10, 0)
    runtime.copy_from_host(buffer, 0, memoryview(bytes(range(10))))
    runtime.copy_from_host(buffer, 3, memoryview(b"abc"))
    part = bytearray(5)
    runtime.copy_to_host(buffer, 2, memoryview(part))
    runtime.synchronize(0)
    assert bytes(part) == b"\x02abc\x06"


@pytest.mark.parametrize("backend, op", cases(["copy"]))
def test_memory_of_no_bytes(backend: str, op: str) -> None:
    runtime = load(backend)
    buffer = runtime.allocate(0, 0)
    runtime.copy_from_host(buffer, 0, memoryview(b""))
    runtime.copy_to_host(buffer, 0, memoryview(bytearray()))


@pytest.mark.parametrize("backend, op", cases(["copy"]))
@pytest.mark.parametrize("nbytes", [2**60, 2**62])
def test_too_much_memory_is_an_error_that_leaves_the_backend_usable(
    backend: str, op: str, nbytes: int
) -> None:
    runtime = load(backend)
    with pytest.raises(OutOfMemoryError, match=str(nbytes)):
        runtime.allocate(nbytes, 0)
    runtime.allocate(16, 0)


@pytest.mark.parametrize("backend, op", cases(["copy"]))
def test_memory_counters(backend: str, op: str) -> None:
    runtime = load(backend)
    before = runtime.memory_stats(0)
    buffer = runtime.allocate(1 << 20, 0)
    during = runtime.memory_stats(0)
    assert during["allocated_bytes"] - before["allocated_bytes"] >= 1 << 20
    assert during["allocations"] == before["allocations"] + 1
    assert during["peak_allocated_bytes"] >= during["allocated_bytes"]
    assert during["reserved_bytes"] >= during["allocated_bytes"]
    del buffer
    after = runtime.memory_stats(0)
    assert after["allocated_bytes"] == before["allocated_bytes"]
    runtime.empty_cache(0)


@pytest.mark.parametrize("backend, op", cases(["copy"]))
def test_host_memory_is_shared_both_ways(backend: str, op: str) -> None:
    runtime = load(backend)
    mine = bytearray(b"0123456789")
    wrapped = runtime.wrap_host(memoryview(mine))
    if wrapped is None:
        pytest.skip(f"{backend} cannot use host memory")
    runtime.copy_from_host(wrapped, 2, memoryview(b"xy"))
    assert mine == b"01xy456789"
    mine[0] = ord("z")
    seen = runtime.host_view(wrapped)
    assert seen is not None
    assert seen.tobytes() == b"z1xy456789"


@pytest.mark.parametrize("backend, op", cases(["copy"]))
def test_a_host_view_outlives_its_buffer(backend: str, op: str) -> None:
    runtime = load(backend)
    buffer = runtime.allocate(64, 0)
    runtime.copy_from_host(buffer, 0, memoryview(b"k" * 64))
    seen = runtime.host_view(buffer)
    if seen is None:
        pytest.skip(f"{backend}'s memory is not the host's")
    del buffer
    others = [runtime.allocate(64, 0) for _ in range(20)]
    for other in others:
        runtime.copy_from_host(other, 0, memoryview(b"-" * 64))
    assert seen.tobytes() == b"k" * 64
