"""The reference backend's counters and buffers, which promise more than the contract asks."""

from __future__ import annotations

import ctypes
import sys

import pytest

from corex.backend import OutOfMemoryError
from corex_reference_py.backend import ReferenceBackend


@pytest.fixture
def backend() -> ReferenceBackend:
    return ReferenceBackend()


def test_counters_are_exact(backend: ReferenceBackend) -> None:
    first, second = backend.allocate(100, 0), backend.allocate(50, 0)
    assert backend.memory_stats(0) == {
        "allocated_bytes": 150,
        "reserved_bytes": 150,
        "peak_allocated_bytes": 150,
        "allocations": 2,
    }
    del first
    third = backend.allocate(20, 0)
    assert backend.memory_stats(0) == {
        "allocated_bytes": 70,
        "reserved_bytes": 70,
        "peak_allocated_bytes": 150,
        "allocations": 3,
    }
    del second, third
    assert backend.memory_stats(0)["allocated_bytes"] == 0


def test_a_host_view_keeps_its_memory_counted(backend: ReferenceBackend) -> None:
    view = backend.host_view(backend.allocate(32, 0))
    assert backend.memory_stats(0)["allocated_bytes"] == 32
    view.release()
    assert backend.memory_stats(0)["allocated_bytes"] == 0


def test_wrapped_memory_is_not_counted_and_read_only_memory_not_wrapped(
    backend: ReferenceBackend,
) -> None:
    assert backend.wrap_host(memoryview(bytearray(8))) is not None
    assert backend.wrap_host(memoryview(b"constant")) is None
    assert backend.memory_stats(0)["allocations"] == 0


@pytest.mark.parametrize("nbytes", [sys.maxsize - 100, 2**70])
def test_out_of_memory_names_the_bytes(backend: ReferenceBackend, nbytes: int) -> None:
    with pytest.raises(OutOfMemoryError, match=f"could not allocate {nbytes} bytes"):
        backend.allocate(nbytes, 0)
    assert backend.memory_stats(0)["allocated_bytes"] == 0


def test_data_ptr_is_the_address_of_the_first_byte(backend: ReferenceBackend) -> None:
    buffer = backend.allocate(4, 0)
    backend.copy_from_host(buffer, 0, memoryview(b"abcd"))
    assert ctypes.string_at(backend.data_ptr(buffer), 4) == b"abcd"
    assert backend.data_ptr(backend.allocate(0, 0)) == 0
