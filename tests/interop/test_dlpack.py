"""DLPack on the CPU backends: shared memory, lifetimes, and what is refused."""

from __future__ import annotations

import contextlib
import gc
import math
import subprocess
import sys
import threading
import weakref
from typing import Any

import numpy as np
import pytest

import corex
from corex.backend import capsules
from corex.dtypes import ALL
from corex.utils.dlpack import DLDeviceType, from_dlpack, to_dlpack

pytestmark = pytest.mark.usefixtures("each_backend")

DTYPES = [dtype.name for dtype in ALL if dtype.numpy]
NEW_NUMPY = int(np.__version__.split(".")[0]) >= 2 and not np.__version__.startswith("2.0")


class Producer:
    """An array behind the protocol, as a library would be that knows only what is allowed here."""

    def __init__(self, array: Any, *allowed: str) -> None:
        self.array = array
        self.allowed = allowed
        self.asked: list[dict[str, Any]] = []

    def __dlpack__(self, **asked: Any) -> Any:
        self.asked.append(asked)
        if unknown := set(asked) - set(self.allowed):
            raise TypeError(f"unknown {unknown}")
        if asked.pop("copy", False):
            return self.array.copy().__dlpack__(**asked)
        return self.array.__dlpack__(**asked)

    def __dlpack_device__(self) -> Any:
        return self.array.__dlpack_device__()


# ---- in ----------------------------------------------------------------------------------------
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("shape", [(), (3,), (2, 3), (2, 0), (2, 1, 3)])
def test_arrays_come_in_as_they_are(dtype: str, shape: tuple[int, ...]) -> None:
    data = np.arange(math.prod(shape)).reshape(shape).astype(dtype)
    t = corex.from_dlpack(data)
    assert t.shape == shape
    assert t.dtype.name == dtype
    assert t.tolist() == data.tolist()


def test_bfloat16_comes_and_goes() -> None:
    a = corex.tensor([[1.5, -2.0, 3.0], [0.1, 0.0, 5.0]], dtype=corex.bfloat16).t()
    b = corex.from_dlpack(a)
    assert (b.dtype, b.stride()) == (corex.bfloat16, a.stride())
    b.fill_(2)
    assert a.tolist() == [[2.0, 2.0]] * 3


VIEWS: dict[str, Any] = {
    "whole": lambda a: a,
    "transposed": lambda a: a.T,
    "steps": lambda a: a[::2, 1::2],
    "column": lambda a: a[:, 1],
    "corner": lambda a: a[1:, 2:].T,
    "one element": lambda a: a[1:2, 1:2],
}


@pytest.mark.parametrize("view", VIEWS)
def test_both_sides_see_what_either_writes(view: str) -> None:
    base = np.arange(20.0).reshape(4, 5)
    data = VIEWS[view](base)
    t = corex.from_dlpack(data)
    data[...] += 100
    assert t.tolist() == data.tolist()
    t.fill_(-1)
    assert (data == -1).all()
    assert (base == -1).sum() == data.size


def test_broadcast_memory_is_not_copied() -> None:
    line = np.arange(3.0)
    t = corex.from_dlpack(np.lib.stride_tricks.as_strided(line, (2, 3), (0, 8)))
    line[0] = 7
    assert t.tolist() == [[7.0, 1.0, 2.0]] * 2
    assert t.stride() == (0, 1)


def test_the_producer_lives_as_long_as_the_tensor() -> None:
    class Array(np.ndarray):  # type: ignore[type-arg]
        pass

    data = np.arange(1000.0).view(Array)
    alive = weakref.ref(data)
    part = corex.from_dlpack(data)[10:]
    del data
    gc.collect()
    assert alive() is not None
    assert part[0].item() == 10.0
    del part
    gc.collect()
    assert alive() is None


def test_read_only_memory_is_never_written() -> None:
    data = np.arange(3.0)
    data.flags.writeable = False
    producer = Producer(data, "max_version") if NEW_NUMPY else data.copy()
    t = corex.from_dlpack(producer)
    assert t.tolist() == [0.0, 1.0, 2.0]
    with contextlib.suppress(RuntimeError, ValueError, TypeError, BufferError):
        t.fill_(5)
    assert data.tolist() == [0.0, 1.0, 2.0]


def test_memory_off_its_alignment_is_copied() -> None:
    raw = np.zeros(20, np.uint8)
    data = np.ndarray((2,), np.float32, raw, 3)
    t = corex.from_dlpack(data)
    assert t.tolist() == [0.0, 0.0]
    t.fill_(1)
    assert not raw.any()
    with pytest.raises(ValueError, match="without copying"):
        corex.from_dlpack(Producer(data, "max_version", "copy"), copy=False)


def test_negative_strides_need_a_copy() -> None:
    data = np.arange(4.0)[::-1]
    with pytest.raises(ValueError, match="At least one stride is negative"):
        corex.from_dlpack(data)
    t = corex.from_dlpack(Producer(data, "max_version", "copy"), copy=True)
    assert t.tolist() == [3.0, 2.0, 1.0, 0.0]


def test_copy_is_the_producers_or_ours() -> None:
    data = np.arange(3.0)
    for producer in (Producer(data, "copy"), Producer(data)):
        t = corex.from_dlpack(producer, copy=True)
        t.fill_(9)
        assert data.tolist() == [0.0, 1.0, 2.0]
    t = corex.from_dlpack(Producer(data), copy=False, device="cpu")
    t.fill_(9)
    assert data.tolist() == [9.0] * 3


def test_old_producers_are_asked_again() -> None:
    producer = Producer(np.arange(3.0))
    corex.from_dlpack(producer)
    assert producer.asked == [{"max_version": (1, 0)}, {}]


def test_what_cannot_come_in() -> None:
    with pytest.raises(RuntimeError, match="invalid capsule"):
        corex.from_dlpack([1, 2])
    with pytest.raises(BufferError, match="without padding"):
        corex.from_dlpack(np.array([1 + 2j], np.clongdouble))
    with pytest.raises(ValueError, match="already a DLPack capsule"):
        corex.from_dlpack(to_dlpack(corex.ones(2)), copy=True)


class Elsewhere:
    def __init__(self, kind: int) -> None:
        self.kind = kind

    def __dlpack_device__(self) -> tuple[int, int]:
        return self.kind, 3

    def __dlpack__(self, **asked: Any) -> Any:
        raise AssertionError("it is not to be asked")


@pytest.mark.parametrize(("kind", "said"), [(99, "type 99"), (7, "vulkan:3")])
def test_memory_that_nobody_serves(kind: int, said: str) -> None:
    with pytest.raises(BufferError, match=said):
        corex.from_dlpack(Elsewhere(kind))


def test_other_functions_share_it_too() -> None:
    data = np.arange(3.0)
    producer = Producer(data, "max_version")
    shared = [corex.as_tensor(producer), corex.asarray(producer, copy=False)]
    copied = [corex.tensor(producer), corex.as_tensor(producer, dtype=corex.float32)]
    data[0] = 5
    assert [t.tolist()[0] for t in shared] == [5.0, 5.0]
    assert [t.tolist()[0] for t in copied] == [0.0, 0.0]
    assert copied[1].dtype is corex.float32


# ---- out ---------------------------------------------------------------------------------------
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("shape", [(), (3,), (2, 3), (2, 0)])
def test_tensors_go_out_as_they_are(dtype: str, shape: tuple[int, ...]) -> None:
    t = corex.ones(shape, dtype=getattr(corex, dtype))
    data = np.from_dlpack(t)
    assert data.shape == shape
    assert data.dtype.name == dtype
    assert data.tolist() == t.tolist()


@pytest.mark.parametrize("view", VIEWS)
def test_views_go_out_without_a_copy(view: str) -> None:
    t = corex.arange(20.0).reshape(4, 5)
    part = VIEWS[view](t)
    data = np.from_dlpack(part)
    part += 100
    assert data.tolist() == part.tolist()
    assert data.ctypes.data == part.data_ptr()


def test_the_memory_lives_as_long_as_the_receiver() -> None:
    t = corex.arange(1000.0)
    alive = weakref.ref(t.storage_)
    data = np.from_dlpack(t)
    del t
    gc.collect()
    assert alive() is not None or data.base is not None
    others = [corex.zeros(1000) for _ in range(10)]
    assert data[999] == 999.0
    del data, others
    gc.collect()


def in_use() -> int:
    gc.collect()
    return int(corex.memory_stats()["allocated_bytes"])


@pytest.mark.parametrize("version", [None, (1, 0), (1, 7)])
def test_nothing_leaks(version: Any) -> None:
    def fail(t: corex.Tensor) -> None:
        unused = t.__dlpack__(max_version=version)
        raise ValueError(str(unused))

    before = in_use()
    for _ in range(5):
        t = corex.ones(1000)
        t.__dlpack__(max_version=version)  # never taken
        corex.from_dlpack(t.__dlpack__(max_version=version))
        np.from_dlpack(t)
        with pytest.raises(ValueError, match="dltensor"):
            fail(t)  # dies while an exception is on its way
        del t
    assert in_use() == before


def test_a_capsule_can_be_used_once() -> None:
    capsule = to_dlpack(corex.ones(2))
    assert "dltensor" in repr(capsule)
    assert from_dlpack(capsule).tolist() == [1.0, 1.0]
    with pytest.raises(RuntimeError, match="consumed only once"):
        from_dlpack(capsule)


def test_what_a_failed_import_took_is_given_back() -> None:
    before = in_use()
    t = corex.ones(1000)
    capsule = t.__dlpack__()
    capsules._content(capsule).tensor.bits = 24
    with pytest.raises(BufferError, match="24 bits"):
        from_dlpack(capsule)
    del t, capsule
    assert in_use() == before


@pytest.mark.skipif(not NEW_NUMPY, reason="versioned capsules are made with NumPy 2.1 or newer")
def test_the_version_of_a_capsule() -> None:
    t = corex.ones(2)
    assert '"dltensor"' in repr(t.__dlpack__())
    assert '"dltensor"' in repr(t.__dlpack__(max_version=(0, 8)))
    capsule = t.__dlpack__(max_version=(1, 0), copy=True)
    assert '"dltensor_versioned"' in repr(capsule)
    content = capsules._content(capsule)
    assert content.flags == capsules.COPIED
    content.major = 2
    with pytest.raises(BufferError, match=r"DLPack 2\.\d"):
        from_dlpack(capsule)


def test_the_offset_in_bytes_counts() -> None:
    capsule = corex.arange(4.0).__dlpack__()
    content = capsules._content(capsule)
    content.tensor.byte_offset = 8
    content.tensor.shape[0] = 2
    assert from_dlpack(capsule).tolist() == [2.0, 3.0]


def test_arguments_of_the_method() -> None:
    t = corex.arange(3.0)
    assert t.__dlpack_device__() == (DLDeviceType.kDLCPU, 0) == (1, 0)
    copy = from_dlpack(t.__dlpack__(copy=True, dl_device=(1, 0), stream=-1))
    copy.fill_(9)
    assert t.tolist() == [0.0, 1.0, 2.0]
    shared = from_dlpack(t.__dlpack__(copy=False))
    shared.fill_(9)
    assert t.tolist() == [9.0] * 3
    with pytest.raises(BufferError, match="require gradient"):
        t.requires_grad_().__dlpack__()
    t.requires_grad_(False)
    with pytest.raises(TypeError, match="stream must be"):
        t.__dlpack__(stream="a")  # type: ignore[arg-type]
    with pytest.raises(BufferError, match="stream must be None"):
        t.__dlpack__(stream=1)
    with pytest.raises(BufferError, match=r"device \(1, 0\) to \(2, 0\)"):
        t.__dlpack__(dl_device=(2, 0))
    with pytest.raises(TypeError, match="must be Tensor"):
        to_dlpack([1])  # type: ignore[arg-type]
    assert from_dlpack(to_dlpack(corex.ones(2, requires_grad=True))).requires_grad is False


def test_there_is_no_cuda_array_interface() -> None:
    assert not hasattr(corex.ones(2), "__cuda_array_interface__")
    with pytest.raises(AttributeError, match=r"non-CUDA tensor type: corex\.FloatTensor"):
        _ = corex.ones(2).__cuda_array_interface__


def test_many_threads() -> None:
    base = corex.arange(100.0)
    wrong = []

    def work() -> None:
        for _ in range(200):
            data = np.from_dlpack(corex.from_dlpack(base))
            if data[50] != 50.0:
                wrong.append(data)

    workers = [threading.Thread(target=work) for _ in range(4)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert not wrong


def test_the_interpreter_ends_in_peace(each_backend: str) -> None:
    program = (
        "import numpy as np, corex, builtins\n"
        f"corex.set_backend('{each_backend}')\n"
        "t = corex.ones(5)\n"
        "builtins.kept = [t.__dlpack__(), np.from_dlpack(t), corex.from_dlpack(np.ones(3))]\n"
        "builtins.used = t.__dlpack__(); corex.from_dlpack(builtins.used)\n"
    )
    ran = subprocess.run(
        [sys.executable, "-X", "dev", "-c", program], capture_output=True, text=True, timeout=60
    )
    assert (ran.returncode, ran.stderr) == (0, "")
