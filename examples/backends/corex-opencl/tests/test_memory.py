"""What is this backend's own: its memory, its queue, and the errors of its compiler."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from corex import dtypes
from corex.backend import OutOfMemoryError, contiguous_strides

pytest.importorskip("pyopencl")

from corex_opencl import layouts, plugin
from corex_opencl.backend import OpenCLBackend
from corex_opencl.devices import STAGED, Device, find_devices
from corex_opencl.programs import Source

pytestmark = pytest.mark.skipif(not find_devices()[0], reason=find_devices()[1])


@pytest.fixture
def backend() -> Iterator[OpenCLBackend]:
    yield OpenCLBackend()
    gc.collect()


def upload(backend: OpenCLBackend, array: np.ndarray[Any, Any]) -> Any:
    """A dense view of a copy of the array."""
    buffer = backend.allocate(array.nbytes, 0)
    backend.copy_from_host(buffer, 0, array.reshape(-1).view(np.uint8).data)
    dtype = dtypes.by_name(str(array.dtype))
    return (buffer, dtype, array.shape, contiguous_strides(array.shape), 0)


def download(backend: OpenCLBackend, view: Any) -> np.ndarray[Any, Any]:
    """The elements of a dense view."""
    array = np.empty(view[2], view[1].name)
    backend.copy_to_host(view[0], 0, array.reshape(-1).view(np.uint8).data)
    return array


def test_the_announcement() -> None:
    (announced,) = plugin.corex_backends()
    assert (announced.name, announced.device_type, announced.priority) == ("opencl", "opencl", 0)
    assert announced.probe() is None


def test_freed_memory_serves_the_next_allocation(backend: OpenCLBackend) -> None:
    first = backend.allocate(1000, 0)
    assert backend.memory_stats(0)["allocated_bytes"] == 1024
    same = first.ptr.int_ptr
    del first
    stats = backend.memory_stats(0)
    assert (stats["allocated_bytes"], stats["reserved_bytes"]) == (0, 1024)
    second = backend.allocate(990, 0)
    assert second.ptr.int_ptr == same
    assert backend.memory_stats(0)["allocations"] == 2
    del second
    backend.empty_cache(0)
    assert backend.memory_stats(0)["reserved_bytes"] == 0
    assert backend.memory_stats(0)["peak_allocated_bytes"] == 1024


def test_out_of_memory_gives_up_the_cache_and_leaves_the_backend_usable(
    backend: OpenCLBackend,
) -> None:
    backend.allocate(1 << 20, 0)  # freed at once, and so in the cache
    for nbytes in (2**60, 2**63, 2**70):
        with pytest.raises(OutOfMemoryError, match=str(nbytes)):
            backend.allocate(nbytes, 0)
    assert backend.memory_stats(0)["allocated_bytes"] == 0
    backend.allocate(16, 0)


@pytest.mark.parametrize("nbytes", [1, STAGED, STAGED + 1])
def test_the_source_of_a_copy_may_be_overwritten_at_once(
    backend: OpenCLBackend, nbytes: int
) -> None:
    source = bytearray(b"x" * nbytes)
    buffers = []
    for value in range(20):
        source[:] = bytes([value]) * nbytes
        buffers.append(backend.allocate(nbytes, 0))
        backend.copy_from_host(buffers[-1], 0, memoryview(source))
    source[:] = b"?" * nbytes
    for value, buffer in enumerate(buffers):
        target = bytearray(nbytes)
        backend.copy_to_host(buffer, 0, memoryview(target))
        assert target == bytes([value]) * nbytes


def test_memory_may_be_reused_while_its_last_commands_are_waiting(backend: OpenCLBackend) -> None:
    a = upload(backend, np.full(1 << 18, 2.0, np.float32))
    total = upload(backend, np.zeros(1 << 18, np.float32))
    for _ in range(50):
        product = upload(backend, np.zeros(1, np.float32))  # so that sizes mix
        product = (backend.allocate(1 << 20, 0), *a[1:])
        backend.kernels["mul"](product, a, a)
        backend.kernels["add"](total, total, product)
        del product
    assert (download(backend, total) == 200).all()
    assert backend.memory_stats(0)["reserved_bytes"] < 8 << 20


def test_a_wrong_index_leaves_the_next_call_alone(backend: OpenCLBackend) -> None:
    a, out = upload(backend, np.arange(3.0)), upload(backend, np.zeros(2))
    wrong = upload(backend, np.array([1, 5]))
    with pytest.raises(IndexError, match="index 5 is out of bounds for dimension 0 with size 3"):
        backend.kernels["index"](out, a, wrong)
    backend.kernels["index"](out, a, upload(backend, np.array([2, -3])))
    assert download(backend, out).tolist() == [2, 0]


@pytest.mark.parametrize("size", [3, 64])
def test_an_output_may_be_an_input(backend: OpenCLBackend, size: int) -> None:
    values = np.arange(size * size, dtype=np.int64).reshape(1, size, size) % 7
    product = upload(backend, values)
    backend.kernels["matmul"](product, product, product)
    assert (download(backend, product) == values @ values).all()
    rows = upload(backend, values[0])
    order = np.roll(np.arange(size), 1)
    backend.kernels["index"](rows, rows, upload(backend, order))
    assert (download(backend, rows) == values[0][order]).all()
    backend.kernels["index_put"](rows, rows, False, upload(backend, order))
    assert (download(backend, rows) == values[0]).all()


def test_more_dims_than_a_layout_has(backend: OpenCLBackend) -> None:
    shape = (2,) * (layouts.RANK + 3)
    values = np.arange(2 ** len(shape), dtype=np.int32).reshape(shape)
    a, out = upload(backend, values), upload(backend, np.zeros_like(values))
    turned = (a[0], a[1], shape, a[3][::-1], 0)
    backend.kernels["neg"](out, turned)
    assert (download(backend, out) == -values.T).all()
    total = upload(backend, np.zeros(2, np.int32))
    backend.kernels["sum"](total, turned, len(shape) - 1)
    assert (download(backend, total) == values.T.reshape(2, -1).sum(1)).all()


def test_a_compiler_error_names_the_op_and_has_the_log(backend: OpenCLBackend) -> None:
    device = Device(find_devices()[0][0])
    source = Source("add(float32)", ("elementwise",), (("INPUTS", "1"),))
    with pytest.raises(RuntimeError, match=r"(?s)could not compile add\(float32\).*OUT_TYPE"):
        device.function(("add",), "anywhere", lambda: source)
