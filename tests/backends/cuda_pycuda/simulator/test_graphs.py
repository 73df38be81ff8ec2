"""CUDA graphs, which PyCUDA does not know: by ctypes, on the handle of a stream."""

from __future__ import annotations

import ctypes
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

TEXT = """
__global__ void add(float *out, const float *in, float by)
{
    out[threadIdx.x] = in[threadIdx.x] + by;
}
"""
UNSUPPORTED, INVALIDATED, UNJOINED, IMPLICIT = 900, 901, 904, 906


class Capture:
    """A stream that is being captured, and the graph that comes of it."""

    def __init__(self, driver: Any, stream: Any) -> None:
        self.driver = driver
        self.handle = ctypes.c_void_p(stream.handle)
        self.graph, self.exec = ctypes.c_void_p(), ctypes.c_void_p()
        assert driver.cuStreamBeginCapture_v2(self.handle, 0) == 0

    def end(self) -> int:
        return int(self.driver.cuStreamEndCapture(self.handle, ctypes.byref(self.graph)))

    def launch(self) -> None:
        if not self.exec:
            result = self.driver.cuGraphInstantiateWithFlags(
                ctypes.byref(self.exec), self.graph, ctypes.c_uint64(0)
            )
            assert result == 0
        assert self.driver.cuGraphLaunch(self.exec, self.handle) == 0


@pytest.fixture(params=[False, True], ids=["eager", "deferred"])
def add(request: pytest.FixtureRequest, simulator: Any, module: Any) -> Iterator[Any]:
    found = module(TEXT).get_function("add")
    simulator.set_deferred(request.param)
    return found


def test_a_captured_stream_is_replayed(cuda: Any, simulator: Any, add: Any) -> None:
    stream = cuda.Stream(1)
    a = cuda.to_device(np.zeros(8, np.float32))
    b = cuda.to_device(np.zeros(8, np.float32))
    host = cuda.pagelocked_zeros(8, np.float32)
    capture = Capture(simulator.driver(), stream)
    add(a, a, np.float32(1), block=(8, 1, 1), stream=stream)
    cuda.memcpy_dtod_async(b, a, 32, stream)
    add(b, b, np.float32(10), block=(8, 1, 1), stream=stream)
    cuda.memcpy_dtoh_async(host, b, stream)
    assert capture.end() == 0
    assert (host == 0).all()
    for count in (1, 2, 3):
        capture.launch()
        stream.synchronize()
        assert (host == 10 + count).all()


def test_a_fork_and_a_join(cuda: Any, simulator: Any, add: Any) -> None:
    stream, other = cuda.Stream(1), cuda.Stream(1)
    a = cuda.to_device(np.zeros(8, np.float32))
    fork, join = cuda.Event(), cuda.Event()
    capture = Capture(simulator.driver(), stream)
    fork.record(stream)
    other.wait_for_event(fork)
    add(a, a, np.float32(1), block=(8, 1, 1), stream=other)
    join.record(other)
    stream.wait_for_event(join)
    add(a, a, np.float32(2), block=(8, 1, 1), stream=stream)
    assert capture.end() == 0
    capture.launch()
    capture.launch()
    stream.synchronize()
    out = np.empty(8, np.float32)
    cuda.memcpy_dtoh(out, a)
    assert (out == 6).all()


def test_a_fork_without_a_join(cuda: Any, simulator: Any, add: Any) -> None:
    stream, other = cuda.Stream(1), cuda.Stream(1)
    fork = cuda.Event()
    capture = Capture(simulator.driver(), stream)
    fork.record(stream)
    other.wait_for_event(fork)
    assert capture.end() == UNJOINED
    stream.synchronize()
    other.synchronize()


def test_what_may_not_be_done_during_a_capture(cuda: Any, simulator: Any, add: Any) -> None:
    driver = simulator.driver()
    stream = cuda.Stream(1)
    capture = Capture(driver, stream)
    assert driver.cuStreamSynchronize(capture.handle) == UNSUPPORTED
    assert capture.end() == INVALIDATED
    capture = Capture(driver, stream)
    with pytest.raises(cuda.Error, match="not permitted while a stream is captured"):
        cuda.mem_alloc(16)
    assert capture.end() == INVALIDATED
    blocking, memory = cuda.Stream(), cuda.mem_alloc(16)
    capture = Capture(driver, blocking)
    with pytest.raises(cuda.Error, match="depend on a capturing stream"):
        cuda.memset_d32(memory, 0, 1)
    assert capture.end() == INVALIDATED


@pytest.mark.parametrize(("mode", "refused"), [(0, True), (1, True), (2, False)])
def test_allocations_depend_on_the_mode_of_the_capture(
    cuda: Any, simulator: Any, mode: int, refused: bool
) -> None:
    driver, stream = simulator.driver(), cuda.Stream(1)
    handle, graph = ctypes.c_void_p(stream.handle), ctypes.c_void_p()
    assert driver.cuStreamBeginCapture_v2(handle, mode) == 0
    if refused:
        with pytest.raises(cuda.LogicError, match="while a stream is captured"):
            cuda.mem_alloc(64)
    else:
        cuda.mem_alloc(64).free()
    assert (driver.cuStreamEndCapture(handle, ctypes.byref(graph)) == INVALIDATED) == refused


def test_a_relaxed_thread_may_allocate_while_it_captures(cuda: Any, simulator: Any) -> None:
    driver, stream = simulator.driver(), cuda.Stream(1)
    handle, graph = ctypes.c_void_p(stream.handle), ctypes.c_void_p()
    assert driver.cuStreamBeginCapture_v2(handle, 1) == 0
    mode = ctypes.c_int(2)
    assert driver.cuThreadExchangeStreamCaptureMode(ctypes.byref(mode)) == 0
    memory = cuda.mem_alloc(64)
    assert driver.cuThreadExchangeStreamCaptureMode(ctypes.byref(mode)) == 0
    assert mode.value == 2
    assert driver.cuStreamEndCapture(handle, ctypes.byref(graph)) == 0
    memory.free()
