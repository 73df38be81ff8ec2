"""Memory of a device shared with other libraries, with a backend that notes what it is asked."""

from __future__ import annotations

import ctypes
import gc
import weakref
from collections.abc import Iterator
from typing import Any, ClassVar

import numpy as np
import pluggy
import pytest

import corex
from corex.backend import Backend, BackendDescriptor, capsules
from corex.plugins import manager

pytestmark = pytest.mark.filterwarnings("ignore::corex.FallbackWarning")
hookimpl = pluggy.HookimplMarker("corex")


class Memory:
    """Bytes that only their address leads to."""

    def __init__(self, pointer: int, nbytes: int, owner: object) -> None:
        self.pointer, self.nbytes, self.owner = pointer, nbytes, owner

    def part(self, start: int, nbytes: int) -> Any:
        return (ctypes.c_ubyte * nbytes).from_address(self.pointer + start)


class Accelerator(Backend):
    """A "cuda" whose memory is the host's in truth, and streams are numbers."""

    name: ClassVar[str] = "pretended"
    device_type: ClassVar[str] = "cuda"

    def __init__(self) -> None:
        self.notes: list[Any] = []

    def device_count(self) -> int:
        return 2

    def allocate(self, nbytes: int, device: int, dtype: Any = None, shape: Any = None) -> Memory:
        data = bytearray(nbytes + 1)
        return Memory(ctypes.addressof(ctypes.c_char.from_buffer(data)), nbytes, (data, device))

    def nbytes(self, buffer: Memory) -> int:
        return buffer.nbytes

    def copy_from_host(self, buffer: Memory, start: int, source: memoryview) -> None:
        ctypes.memmove(buffer.pointer + start, bytes(source), len(source))

    def copy_to_host(self, buffer: Memory, start: int, target: memoryview) -> None:
        target[:] = bytes(buffer.part(start, len(target)))

    def data_ptr(self, buffer: Memory) -> int:
        return buffer.pointer

    def dlpack_device(self, buffer: Memory) -> tuple[int, int] | None:
        device = buffer.owner[1] if isinstance(buffer.owner, tuple) else 0
        return 2, device

    def wrap_pointer(self, pointer: int, nbytes: int, device: int, owner: object) -> Memory:
        return Memory(pointer, nbytes, owner)

    def stream_handle(self, device: int) -> int | None:
        return 70 + device

    def lead_stream(self, device: int, stream: int) -> None:
        self.notes.append(("lead", device, stream))

    def follow_stream(self, device: int, stream: int) -> None:
        self.notes.append(("follow", device, stream))


class Plugin:
    @hookimpl
    def corex_backends(self) -> list[BackendDescriptor]:
        return [BackendDescriptor("pretended", "cuda", lambda: None, Accelerator, priority=10**6)]


@pytest.fixture(autouse=True)
def notes() -> Iterator[list[Any]]:
    manager.register(Plugin(), "pretended")
    backend = manager.backend("pretended")
    assert isinstance(backend, Accelerator)
    yield backend.notes
    manager.unregister("pretended")


def there(values: Any, device: str = "cuda") -> corex.Tensor:
    return corex.tensor(values, device=device)


# ---- DLPack ------------------------------------------------------------------------------------
def test_from_one_library_to_another_without_a_copy(notes: list[Any]) -> None:
    t = there([[1.0, 2.0], [3.0, 4.0]], "cuda:1").t()[1:]
    assert t.__dlpack_device__() == (2, 1)
    other = corex.from_dlpack(t)
    assert other.device == corex.device("cuda:1")
    assert (other.data_ptr(), other.stride(), other.shape) == (t.data_ptr(), t.stride(), t.shape)
    assert other.tolist() == [[2.0, 4.0]]
    assert notes == []  # both are on one stream


def test_the_memory_of_a_device_lives_and_dies_with_its_users() -> None:
    t = there([1.0, 2.0])
    alive = weakref.ref(t.storage_)
    other = corex.from_dlpack(t.__dlpack__(max_version=(1, 0)))
    del t
    gc.collect()
    assert alive() is not None
    assert other.tolist() == [1.0, 2.0]
    del other
    gc.collect()
    assert alive() is None


@pytest.mark.parametrize(
    ("stream", "noted"),
    [(None, [("lead", 0, 1)]), (1, [("lead", 0, 1)]), (5, [("lead", 0, 5)]), (70, []), (-1, [])],
)
def test_the_receivers_stream_waits(stream: Any, noted: list[Any], notes: list[Any]) -> None:
    there([1.0]).__dlpack__(stream=stream)
    assert notes == noted


def test_stream_zero_means_nothing() -> None:
    with pytest.raises(BufferError, match="ambiguous"):
        there([1.0]).__dlpack__(stream=0)


def test_the_host_gets_a_copy_if_it_asks() -> None:
    t = there([1.0, 2.0])
    capsule = t.__dlpack__(dl_device=(1, 0), max_version=(1, 0))
    content = capsules._content(capsule)
    assert (content.tensor.device_type, content.tensor.device_id) == (1, 0)
    assert corex.from_dlpack(capsule).tolist() == [1.0, 2.0]
    with pytest.raises(BufferError, match=r"device \(2, 0\) to \(1, 0\)"):
        t.__dlpack__(dl_device=(1, 0), copy=False)
    with pytest.raises((BufferError, RuntimeError)):
        np.from_dlpack(t)


def test_moving_on_the_way() -> None:
    t = there([1.0, 2.0])
    assert corex.from_dlpack(t, device="cpu").device.type == "cpu"
    with pytest.raises(ValueError, match="from device cuda:0 to cpu without copying"):
        corex.from_dlpack(t, device="cpu", copy=False)
    assert corex.from_dlpack(np.ones(2), device="cuda:1").device == corex.device("cuda:1")
    assert corex.as_tensor(t).data_ptr() == t.data_ptr()


def test_a_backend_that_shares_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    t = there([1.0, 2.0])
    capsule = t.__dlpack__()
    for name in ("dlpack_device", "wrap_pointer"):
        monkeypatch.setattr(Accelerator, name, getattr(Backend, name))
    for call in (t.__dlpack__, t.__dlpack_device__):
        with pytest.raises(BufferError, match="backend 'pretended' does not share its memory"):
            call()
    with pytest.raises(BufferError, match="cannot use the memory of other libraries"):
        corex.from_dlpack(capsule)
    with pytest.raises(NotImplementedError, match="cannot wait for a stream"):
        Backend.follow_stream(Accelerator(), 0, 1)


# ---- the CUDA array interface ------------------------------------------------------------------
class Array:
    """What numba, CuPy and PyTorch show of their arrays."""

    def __init__(self, data: Any, **more: Any) -> None:
        self.data = data
        self.__cuda_array_interface__ = {
            "shape": data.shape,
            "typestr": data.dtype.str,
            "data": (data.ctypes.data, False),
            "strides": None if data.flags.c_contiguous else data.strides,
            "version": 3,
            **more,
        }


def test_the_interface_of_a_tensor() -> None:
    t = there([[1.0, 2.0], [3.0, 4.0]])
    assert t.__cuda_array_interface__ == {
        "shape": (2, 2),
        "typestr": "<f4",
        "data": (t.data_ptr(), False),
        "strides": None,
        "stream": 70,
        "version": 3,
    }
    assert t.t().__cuda_array_interface__["strides"] == (4, 8)
    assert t[1:].__cuda_array_interface__["data"][0] == t.data_ptr() + 8
    assert there([True]).__cuda_array_interface__["typestr"] == "|b1"
    assert there([1]).__cuda_array_interface__["typestr"] == "<i8"
    assert corex.zeros(0, 2, device="cuda").__cuda_array_interface__["data"] == (0, False)
    with pytest.raises(RuntimeError, match="requires grad"):
        _ = t.requires_grad_().__cuda_array_interface__


@pytest.mark.parametrize("make", [corex.as_tensor, corex.asarray])
def test_arrays_are_shared(make: Any, notes: list[Any]) -> None:
    base = np.arange(6, dtype=np.float32).reshape(2, 3)
    array = Array(base.T, stream=5)
    t = make(array, device="cuda")
    assert notes == [("follow", 0, 5)]
    assert (t.device, t.stride()) == (corex.device("cuda:0"), (1, 3))
    base[0, 0] = 9
    assert t.tolist() == base.T.tolist()
    alive = weakref.ref(array)
    del array
    gc.collect()
    assert alive() is not None
    del t
    gc.collect()
    assert alive() is None


def test_arrays_go_where_they_are_asked_to() -> None:
    array = Array(np.ones(2))
    assert corex.as_tensor(array).device == corex.device("cuda:0")
    assert corex.as_tensor(array, device="cuda:1").device == corex.device("cuda:1")
    assert corex.as_tensor(array, device=1).device == corex.device("cuda:1")
    host = corex.as_tensor(array, device="cpu", dtype=corex.float32)
    assert (host.device.type, host.dtype) == ("cpu", corex.float32)
    copy = corex.tensor(array, device="cuda")
    array.data[0] = 7
    assert copy.tolist() == [1.0, 1.0]


@pytest.mark.parametrize(
    ("more", "error", "said"),
    [
        ({"typestr": "<c32"}, TypeError, "no dtype for an array of type '<c32'"),
        ({"typestr": ">f8"}, ValueError, "byte order"),
        ({"strides": (-8,)}, ValueError, "negative"),
        ({"strides": (4,)}, ValueError, "multiple of the element byte size"),
        ({"mask": object()}, ValueError, "masked"),
    ],
)
def test_arrays_that_cannot_be_shared(more: dict[str, Any], error: Any, said: str) -> None:
    with pytest.raises(error, match=said):
        corex.as_tensor(Array(np.ones(2), **more), device="cuda")
