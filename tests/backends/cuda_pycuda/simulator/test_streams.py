"""Streams, events and pools. In deferred mode work waits until somebody waits for it."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

TEXT = """
__global__ void add(float *out, const float *in, float by, int n)
{
    int i = blockIdx.x * blockDim.x + threadIdx.x;
    if (i < n) out[i] = in[i] + by;
}
"""
NON_BLOCKING = 1
SHAPE = {"block": (32, 1, 1), "grid": (1, 1)}


@pytest.fixture(params=[False, True], ids=["eager", "deferred"])
def mode(request: pytest.FixtureRequest, simulator: Any) -> bool:
    simulator.set_deferred(request.param)
    return bool(request.param)


@pytest.fixture
def add(module: Any) -> Any:
    return module(TEXT).get_function("add")


def fetched(cuda: Any, memory: Any) -> np.ndarray:
    out = np.empty(32, np.float32)
    cuda.memcpy_dtoh(out, memory)
    return out


@pytest.mark.usefixtures("mode")
def test_work_of_one_stream_is_in_order(cuda: Any, add: Any) -> None:
    stream = cuda.Stream()
    host = cuda.pagelocked_zeros(32, np.float32)
    a, b = cuda.mem_alloc(128), cuda.mem_alloc(128)
    cuda.memcpy_htod_async(a, host, stream)
    add(b, a, np.float32(1), np.int32(32), stream=stream, **SHAPE)
    add(a, b, np.float32(2), np.int32(32), stream=stream, **SHAPE)
    cuda.memcpy_dtoh_async(host, a, stream)
    stream.synchronize()
    assert (host == 3).all()


@pytest.mark.usefixtures("mode")
def test_the_default_stream_waits_for_blocking_ones(cuda: Any, add: Any) -> None:
    stream = cuda.Stream()
    a = cuda.to_device(np.zeros(32, np.float32))
    add(a, a, np.float32(1), np.int32(32), stream=stream, **SHAPE)
    add(a, a, np.float32(2), np.int32(32), **SHAPE)
    add(a, a, np.float32(4), np.int32(32), stream=stream, **SHAPE)
    assert (fetched(cuda, a) == 7).all()


def test_a_copy_that_forgets_a_non_blocking_stream(cuda: Any, add: Any, mode: bool) -> None:
    stream = cuda.Stream(NON_BLOCKING)
    a = cuda.to_device(np.zeros(32, np.float32))
    add(a, a, np.float32(1), np.int32(32), stream=stream, **SHAPE)
    forgotten = fetched(cuda, a)
    assert (forgotten == (0 if mode else 1)).all()
    stream.synchronize()
    assert (fetched(cuda, a) == 1).all()


def test_a_host_that_reads_too_early(cuda: Any, add: Any, mode: bool) -> None:
    stream = cuda.Stream()
    host = cuda.pagelocked_zeros(32, np.float32)
    a = cuda.to_device(np.ones(32, np.float32))
    cuda.memcpy_dtoh_async(host, a, stream)
    assert (host == (0 if mode else 1)).all()
    stream.synchronize()
    assert (host == 1).all()


def test_a_host_that_writes_too_early(cuda: Any, mode: bool) -> None:
    stream = cuda.Stream()
    locked, pageable = cuda.pagelocked_zeros(32, np.float32), np.zeros(32, np.float32)
    a, b = cuda.mem_alloc(128), cuda.mem_alloc(128)
    cuda.memcpy_htod_async(a, locked, stream)
    cuda.memcpy_htod_async(b, pageable, stream)
    locked[:] = pageable[:] = 5
    stream.synchronize()
    assert (fetched(cuda, a) == (5 if mode else 0)).all()
    assert (fetched(cuda, b) == 0).all()  # pageable memory is staged


def test_a_stream_that_forgets_another_one(cuda: Any, add: Any, mode: bool) -> None:
    first, second = cuda.Stream(NON_BLOCKING), cuda.Stream(NON_BLOCKING)
    a = cuda.to_device(np.zeros(32, np.float32))
    b = cuda.mem_alloc(128)
    add(a, a, np.float32(1), np.int32(32), stream=first, **SHAPE)
    add(b, a, np.float32(0), np.int32(32), stream=second, **SHAPE)
    second.synchronize()
    assert (fetched(cuda, b) == (0 if mode else 1)).all()


@pytest.mark.usefixtures("mode")
def test_an_event_orders_two_streams(cuda: Any, add: Any) -> None:
    first, second = cuda.Stream(NON_BLOCKING), cuda.Stream(NON_BLOCKING)
    a = cuda.to_device(np.zeros(32, np.float32))
    b = cuda.mem_alloc(128)
    add(a, a, np.float32(1), np.int32(32), stream=first, **SHAPE)
    event = cuda.Event()
    event.record(first)
    add(a, a, np.float32(8), np.int32(32), stream=first, **SHAPE)
    second.wait_for_event(event)
    add(b, a, np.float32(0), np.int32(32), stream=second, **SHAPE)
    second.synchronize()
    first.synchronize()
    assert np.isin(fetched(cuda, b)[0], [1, 9])
    assert (fetched(cuda, a) == 9).all()


def test_queries_and_times_of_events(cuda: Any, add: Any, mode: bool) -> None:
    stream = cuda.Stream()
    a = cuda.to_device(np.zeros(32, np.float32))
    start, end = cuda.Event(), cuda.Event()
    start.record(stream)
    add(a, a, np.float32(1), np.int32(32), stream=stream, **SHAPE)
    end.record(stream)
    assert end.query() is not mode
    end.synchronize()
    assert end.query()
    assert stream.is_done()
    assert end.time_since(start) >= 0


@pytest.mark.usefixtures("mode")
def test_an_error_is_told_by_who_waits(cuda: Any, add: Any, simulator: Any) -> None:
    stream = cuda.Stream()
    a = cuda.mem_alloc(64)

    def work() -> None:
        add(a, a, np.float32(1), np.int32(32), stream=stream, **SHAPE)
        stream.synchronize()

    with pytest.raises(cuda.LogicError, match="kernel add.*after the end"):
        work()
    stream.synchronize()


@pytest.mark.usefixtures("mode")
def test_memory_pools(cuda: Any, add: Any) -> None:
    from pycuda.tools import DeviceMemoryPool, PageLockedMemoryPool

    pool, locked = DeviceMemoryPool(), PageLockedMemoryPool()
    a = pool.allocate(128)
    host = locked.allocate((32,), np.float32)
    host[:] = 2
    cuda.memcpy_htod(a, host)
    add(a, a, np.float32(1), np.int32(32), **SHAPE)
    assert (fetched(cuda, a) == 3).all()
    assert pool.active_blocks == 1
    del a
    pool.free_held()
    assert pool.held_blocks == 0


@pytest.mark.usefixtures("mode")
def test_prepared_and_asynchronous_calls(cuda: Any, add: Any) -> None:
    add.prepare("PPfi")
    a = cuda.to_device(np.zeros(32, np.float32))
    stream = cuda.Stream()
    add.prepared_async_call((1, 1), (32, 1, 1), stream, a, a, 2.5, 32)
    add.prepared_call((1, 1), (32, 1, 1), a, a, 1.0, 32)
    assert (fetched(cuda, a) == 3.5).all()


def test_counters(cuda: Any, add: Any, simulator: Any) -> None:
    simulator.reset_counters()
    a = cuda.to_device(np.zeros(32, np.float32))
    add(a, a, np.float32(1), np.int32(32), **SHAPE)
    cuda.memcpy_dtod(a, a, 64)
    fetched(cuda, a)
    cuda.Context.synchronize()
    found = simulator.counters()
    wanted = {"launches": 1, "blocks": 1, "htod_copies": 1, "htod_bytes": 128, "dtoh_bytes": 128}
    wanted |= {"dtod_copies": 1, "dtod_bytes": 64, "synchronizations": 1, "errors": 0}
    assert {name: found[name] for name in wanted} == wanted


def test_rows_with_a_pitch(cuda: Any) -> None:
    host = np.arange(12, dtype=np.float32).reshape(3, 4)
    memory, pitch = cuda.mem_alloc_pitch(16, 3, 4)
    copy = cuda.Memcpy2D()
    copy.set_src_host(host)
    copy.set_dst_device(memory)
    copy.src_pitch, copy.dst_pitch, copy.width_in_bytes, copy.height = 16, pitch, 16, 3
    copy(aligned=True)
    out = np.empty((3, pitch // 4), np.float32)
    cuda.memcpy_dtoh(out, memory)
    assert np.array_equal(out[:, :4], host)
    assert np.isnan(out[:, 4:]).all()


INTERLEAVING = """
    import numpy as np
    import pycuda.driver as cuda
    cuda.init()
    context = cuda.Device(0).retain_primary_context()
    context.push()
    shared = cuda.mem_alloc(4)
    streams = [cuda.Stream({flags}) for _ in range(2)]
    results = [cuda.pagelocked_zeros(1, np.int32) for _ in streams]
    for k, (stream, result) in enumerate(zip(streams, results)):
        cuda.memset_d32_async(shared, k + 1, 1, stream)
        cuda.memcpy_dtoh_async(result, shared, stream)
        if {ordered} and k == 0:
            streams[1].wait_for_event(cuda.Event().record(stream))
    {wait}
    print([int(result[0]) for result in results])
    del shared, streams
    context.synchronize()
    cuda.Context.pop()
"""


@pytest.mark.parametrize("wait", ["context.synchronize()", "[s.synchronize() for s in streams]"])
@pytest.mark.parametrize("ordered", [False, True])
def test_streams_that_take_turns(program: Any, wait: str, ordered: bool) -> None:
    """What one leaves in shared memory is the other's, unless one waits for the other."""
    text = INTERLEAVING.format(flags=NON_BLOCKING, wait=wait, ordered=ordered)
    deferred = {"COREX_CUDA_SIM_DEFERRED": "1"}
    assert program(text, **deferred) == "[1, 2]\n"
    found = program(text, **deferred, COREX_CUDA_SIM_INTERLEAVED="1")
    assert (found == "[1, 2]\n") is ordered


def test_an_event_is_not_asked_for_while_its_thread_captures(program: Any) -> None:
    text = """
    import pycuda.driver as cuda
    cuda.init()
    context = cuda.Device(0).retain_primary_context()
    context.push()
    stream, event = cuda.Stream(1), cuda.Event()
    event.record(cuda.Stream(1))
    driver = simulator.driver()
    assert driver.cuStreamBeginCapture_v2(simulator.ctypes.c_void_p(stream.handle), 1) == 0
    try:
        event.query()
    except cuda.Error as error:
        print("captured" in str(error))
    del stream, event
    cuda.Context.pop()
    """
    assert program(text) == "True\n"
