"""The allocator, buffers, and views that do not fit them."""

from __future__ import annotations

import os
import subprocess
import sys

import numpy as np
import pytest

from corex import dtypes
from corex.backend import OutOfMemoryError
from tests.backends.cpu_c.layouts import put


def allocated(backend):
    return backend.memory_stats(0)["allocated_bytes"]


@pytest.mark.parametrize("nbytes", [0, 1, 64, 65, 1000, 1024, 1025, 5000, 2**20, 5 * 2**20])
def test_statistics_are_exact(backend, nbytes):
    before = backend.memory_stats(0)
    buffers = [backend.allocate(nbytes, 0) for _ in range(3)]
    during = backend.memory_stats(0)
    assert during["allocated_bytes"] - before["allocated_bytes"] == 3 * nbytes
    assert during["allocations"] - before["allocations"] == 3
    assert during["peak_allocated_bytes"] >= during["allocated_bytes"]
    assert during["reserved_bytes"] >= during["allocated_bytes"]
    assert all(b.nbytes == nbytes for b in buffers)
    assert all(b.ptr % 64 == 0 for b in buffers)
    del buffers
    assert allocated(backend) == before["allocated_bytes"]


@pytest.fixture
def caching(backend):
    """A cache of known size, whatever the environment says."""
    from corex_cpu_c import _native

    limit = _native.get_cache_limit()
    backend.set_cache_limit(2**28)
    yield backend
    backend.set_cache_limit(limit)


@pytest.mark.parametrize("nbytes", [16, 4096, 3 * 2**20])
def test_memory_is_used_again(caching, nbytes):
    backend = caching
    first = backend.allocate(nbytes, 0)
    address = first.ptr
    del first
    assert backend.allocate(nbytes, 0).ptr == address


def test_empty_cache_returns_memory(backend):
    for nbytes in (100, 10_000, 8 * 2**20):
        backend.allocate(nbytes, 0)
    backend.empty_cache(0)
    stats = backend.memory_stats(0)
    blocks = stats["reserved_bytes"] - stats["allocated_bytes"]
    assert 0 <= blocks < 2**20  # what is left is the rounding of blocks in use


def test_cache_limit(caching):
    caching.set_cache_limit(0)
    caching.empty_cache(0)
    base = caching.memory_stats(0)["reserved_bytes"]
    for nbytes in (100, 10_000, 8 * 2**20):
        caching.allocate(nbytes, 0)
    assert caching.memory_stats(0)["reserved_bytes"] == base


def test_cache_limit_from_the_environment():
    code = "from corex_cpu_c import _native; print(_native.get_cache_limit())"
    result = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "COREX_CPU_CACHE_BYTES": "12345678"},
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    assert result.stdout.strip() == "12345678"


@pytest.mark.parametrize("nbytes", [2**45, 2**50, 2**62, 2**63 - 1])
def test_out_of_memory(backend, nbytes):
    before = allocated(backend)
    with pytest.raises(OutOfMemoryError, match=str(nbytes)):
        backend.allocate(nbytes, 0)
    assert allocated(backend) == before
    assert backend.allocate(64, 0).nbytes == 64


def test_negative_sizes_are_refused(backend):
    with pytest.raises((ValueError, OverflowError)):
        backend.allocate(-1, 0)


def test_host_view_shares_memory_and_keeps_it(backend):
    buffer = backend.allocate(100, 0)
    view = backend.host_view(buffer)
    assert (view.format, view.nbytes, view.readonly) == ("B", 100, False)
    view[:] = bytes(range(100))
    del buffer
    others = [backend.allocate(100, 0) for _ in range(10)]
    for other in others:
        memoryview(other)[:] = b"\xff" * 100
    assert bytes(view) == bytes(range(100))


def test_wrap_host(backend):
    source = bytearray(range(16))
    buffer = backend.wrap_host(memoryview(source))
    assert buffer.nbytes == 16
    memoryview(buffer)[0] = 99
    assert source[0] == 99
    with pytest.raises(BufferError):
        source.append(1)  # still exported
    del buffer
    source.append(1)


def test_read_only_memory_is_not_written(backend):
    array = np.arange(4, dtype=np.float32)
    array.flags.writeable = False
    buffer = backend.wrap_host(memoryview(array).cast("B"))
    assert backend.host_view(buffer).readonly
    view = (buffer, dtypes.float32, (4,), (1,), 0)
    out = put(backend, np.zeros(4, np.float32))
    backend.kernels["neg"](out, view)
    with pytest.raises(ValueError, match="read-only"):
        backend.kernels["neg"](view, out)
    with pytest.raises(ValueError):
        backend.copy_from_host(buffer, 0, memoryview(b"1234"))
    assert array[3] == 3


def test_host_copies(backend):
    buffer = backend.allocate(10, 0)
    backend.copy_from_host(buffer, 2, memoryview(b"abcde"))
    target = bytearray(3)
    backend.copy_to_host(buffer, 3, memoryview(target))
    assert target == b"bcd"
    for start in (-1, 6, 2**62):
        with pytest.raises(ValueError):
            backend.copy_from_host(buffer, start, memoryview(b"abcde"))
        with pytest.raises(ValueError):
            backend.copy_to_host(buffer, start, memoryview(bytearray(5)))
    assert backend.data_ptr(buffer) == buffer.ptr


def test_views_outside_of_their_buffer_are_refused(backend):
    out = put(backend, np.zeros((2, 3), np.float32))
    buffer = backend.allocate(24, 0)
    bad = [
        ((2, 3), (3, 1), 1),
        ((2, 3), (3, 1), -1),
        ((2, 3), (4, 1), 0),
        ((2, 3), (-3, 1), 0),
        ((2, 3), (2**62, 2**62), 0),
        ((2, 3), (-(2**63), 1), 0),
        ((2, 3), (3, 1), 2**61),
    ]
    for shape, strides, offset in bad:
        with pytest.raises(ValueError):
            backend.kernels["neg"](out, (buffer, dtypes.float32, shape, strides, offset))
    with pytest.raises(ValueError):
        backend.kernels["neg"](out, (buffer, dtypes.float32, (3, 2), (2, 1), 0))


def test_malformed_views_are_refused(backend):
    good = put(backend, np.zeros(3, np.float32))
    buffer = good[0]
    bad = [
        None,
        (),
        list(good),
        (b"abc", *good[1:]),
        (buffer, "float32", *good[2:]),
        (buffer, dtypes.float32, [3], (1,), 0),
        (buffer, dtypes.float32, (3,), (1, 1), 0),
        (buffer, dtypes.float32, (1.5,), (1,), 0),
        (buffer, dtypes.float32, (3,), (1,), None),
        (buffer, dtypes.float32, (1,) * 65, (1,) * 65, 0),
    ]
    for view in bad:
        with pytest.raises((TypeError, ValueError)):
            backend.kernels["neg"](good, view)
        with pytest.raises((TypeError, ValueError)):
            backend.kernels["sgd_step"]([good], [view], [], 0.1, 0, 0, 0, False, False, True)
        with pytest.raises((TypeError, ValueError)):
            backend.kernels["index"](good, good, view)
    with pytest.raises((TypeError, ValueError)):
        backend.kernels["neg"](good, (buffer, dtypes.float32, (-3,), (1,), 0))
    for count in range(2):
        with pytest.raises(TypeError):
            backend.kernels["neg"](*[good] * count)
    with pytest.raises(TypeError):
        backend.kernels["exp"](good, (buffer, dtypes.int32, (3,), (1,), 0))


def test_many_threads_may_allocate(backend):
    from concurrent.futures import ThreadPoolExecutor

    def work(seed):
        rng = np.random.default_rng(seed)
        for _ in range(300):
            array = rng.normal(size=int(rng.integers(1, 40_000)))
            out, view = put(backend, array), put(backend, array)
            backend.kernels["neg"](out, view)
        return True

    before = allocated(backend)
    with ThreadPoolExecutor(4) as pool:
        assert all(pool.map(work, range(4)))
    assert allocated(backend) == before
