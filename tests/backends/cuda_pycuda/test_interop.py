"""Device memory shared with other libraries: DLPack, the CUDA array interface, streams, owners."""

from __future__ import annotations

import gc
import weakref
from collections.abc import Iterator
from types import ModuleType
from typing import Any

import numpy as np
import pytest

import corex

drv = pytest.importorskip("pycuda.driver", reason="PyCUDA is not installed")

DTYPES = ["bool", "uint8", "int32", "int64", "float32", "float64"]


class Array:
    """Another library's array: memory from the driver, shown by the interface."""

    def __init__(self, device: Any, data: Any, stream: Any = None) -> None:
        from corex_cuda_pycuda.runtime.threads import working_on

        device.enter()
        with working_on(device):
            self.memory = drv.mem_alloc(data.nbytes)
            drv.memcpy_htod(self.memory, data)
            self.stream = drv.Stream() if stream else None
        self.device, self.freed = device, False
        self.__cuda_array_interface__ = {
            "shape": data.shape,
            "typestr": data.dtype.str,
            "data": (int(self.memory), False),
            "strides": None,
            "version": 3,
            "stream": self.stream.handle if self.stream else None,
        }


@pytest.fixture
def make(device: Any) -> Iterator[Any]:
    made: list[Any] = []
    addresses = []

    def array(data: Any, stream: bool = False) -> Array:
        found = Array(device, data, stream)
        made.append(found.memory)
        addresses.append(found.stream)
        return found

    yield array
    from corex_cuda_pycuda.runtime.threads import working_on

    device.synchronize()
    gc.collect()
    with working_on(device):
        while made:
            made.pop().free()
        while addresses:
            addresses.pop()


@pytest.fixture(params=[False, True], ids=["eager", "deferred"])
def deferred(request: pytest.FixtureRequest, simulated: ModuleType) -> Iterator[bool]:
    """On the simulator: work is done at once, or only when somebody waits."""
    before = simulated.set_deferred(request.param)
    yield request.param
    corex.synchronize("cuda")
    simulated.set_deferred(before)


# ---- DLPack ------------------------------------------------------------------------------------
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("version", [None, (1, 0)])
def test_there_and_back_without_a_copy(cuda: Any, dtype: str, version: Any) -> None:
    t = corex.arange(12).reshape(3, 4).to(getattr(corex, dtype)).t()[1:]
    assert t.__dlpack_device__() == (2, 0)
    other = corex.from_dlpack(t.__dlpack__(max_version=version))
    assert (other.device, other.dtype) == (t.device, t.dtype)
    assert (other.data_ptr(), other.shape, other.stride()) == (t.data_ptr(), t.shape, t.stride())
    other.fill_(1)
    assert t.tolist() == corex.ones(3, 3, dtype=t.dtype).tolist()


def test_tensors_without_elements_or_dimensions(cuda: Any) -> None:
    assert corex.from_dlpack(corex.ones(0, 3)).shape == (0, 3)
    assert corex.from_dlpack(corex.tensor(2.5)).item() == 2.5


def test_memory_goes_back_when_the_last_user_goes(cuda: Any, device: Any) -> None:
    def in_use() -> int:
        gc.collect()
        corex.synchronize("cuda")
        return int(corex.memory_stats("cuda")["allocated_bytes"])

    before = in_use()
    t = corex.ones(1000)
    other = corex.from_dlpack(t)
    t.__dlpack__()
    del t
    assert in_use() > before
    assert other.sum().item() == 1000.0
    del other
    assert in_use() == before


def test_the_host_asks_for_a_copy(cuda: Any) -> None:
    t = corex.arange(3.0)
    assert corex.from_dlpack(t.__dlpack__(dl_device=(1, 0))).device.type == "cpu"
    with pytest.raises(BufferError, match=r"\(2, 0\) to \(1, 0\)"):
        t.__dlpack__(dl_device=(1, 0), copy=False)
    with pytest.raises(BufferError, match="ambiguous"):
        t.__dlpack__(stream=0)
    if np.lib.NumpyVersion(np.__version__) >= "2.1.0":
        assert np.from_dlpack(t, device="cpu").tolist() == [0.0, 1.0, 2.0]


# ---- the CUDA array interface ------------------------------------------------------------------
def test_what_a_tensor_shows(cuda: Any, device: Any) -> None:
    t = corex.arange(6, dtype=corex.float32).reshape(2, 3)
    shown = t.__cuda_array_interface__
    assert shown["stream"] == device.stream.handle
    assert shown["data"] == (t.data_ptr(), False)
    assert (shown["shape"], shown["strides"], shown["typestr"]) == ((2, 3), None, "<f4")
    assert t.t().__cuda_array_interface__["strides"] == (4, 12)
    assert not hasattr(t.cpu(), "__cuda_array_interface__")


def test_foreign_arrays_are_shared(cuda: Any, make: Any) -> None:
    array = make(np.arange(6, dtype=np.float32).reshape(2, 3))
    t = corex.as_tensor(array, device="cuda")
    assert t.data_ptr() == int(array.memory)
    t += 1
    assert corex.as_tensor(array).tolist() == [[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]]
    copy = corex.tensor(array, device="cuda")
    t.fill_(0)
    assert copy.sum().item() == 21.0


def test_memory_that_is_not_the_devices(cuda: Any, make: Any) -> None:
    array = make(np.ones(2))
    host = np.ones(2)
    array.__cuda_array_interface__["data"] = (host.ctypes.data, False)
    with pytest.raises(ValueError, match="CUDA knows no memory at address"):
        corex.as_tensor(array)


# ---- streams and owners ------------------------------------------------------------------------
def test_our_stream_waits_for_the_producers(cuda: Any, make: Any, deferred: bool) -> None:
    array = make(np.zeros(1000, np.int32), stream=True)
    drv.memset_d32_async(array.memory, 7, 1000, array.stream)
    assert corex.as_tensor(array).sum().item() == 7000


def test_the_receivers_stream_waits_for_ours(
    cuda: Any, device: Any, make: Any, deferred: bool
) -> None:
    receiver = make(np.zeros(1000, np.int32), stream=True)
    t = corex.zeros(1000, dtype=corex.int32)
    t += 5
    capsule = t.__dlpack__(stream=receiver.stream.handle)
    drv.memcpy_dtod_async(receiver.memory, t.data_ptr(), 4000, receiver.stream)
    receiver.stream.synchronize()
    assert corex.as_tensor(receiver).tolist() == [5] * 1000
    del capsule


def test_owners_stay_until_the_work_is_done(cuda: Any, make: Any, deferred: bool) -> None:
    from corex_cuda_pycuda.interop import keeper

    array = make(np.ones(1000, np.float32))
    corex.synchronize("cuda")
    alive = weakref.ref(array)
    result = corex.as_tensor(array, device="cuda") * 2
    del array
    gc.collect()
    assert (alive() is not None) == deferred
    assert result.sum().item() == 2000.0
    corex.synchronize("cuda")
    keeper.settle()
    assert alive() is None
