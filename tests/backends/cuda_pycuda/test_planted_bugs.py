"""Mistakes that kernels are known to have, planted one by one: each is found, and by what."""

from __future__ import annotations

import contextlib
import ctypes
import importlib
import mmap
import struct
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any, NamedTuple

import pytest

from corex.dtypes import uint8

from .planting import PACKAGE, outcomes, spoiled

pytestmark = [pytest.mark.usefixtures("simulated"), pytest.mark.timeout(300)]


class Bug(NamedTuple):
    """A mistake in a kernel's text.

    Attributes:
        name: what it is.
        file, right, wrong: the piece of text, and what it is replaced by.
        case: a case of the conformance suite that passes without it.
        found_by: the status of that case with the mistake, or its check; one of several.
        told: something that the message has to say.
    """

    name: str
    file: str
    right: str
    wrong: str
    case: str
    found_by: str
    told: str = ""


BUGS = [
    Bug(
        "a reduction without its barrier",
        "reduce.cu",
        "        __syncthreads();\n        if (threadIdx.y < half)",
        "        if (threadIdx.y < half)",
        "sum(dtype=float32,shapes=[(40,64)],n=1,layout=transposed)",
        "values or special",
    ),
    Bug(
        "a bound that is off by one",
        "elementwise.cu",
        "    run<1>(job, from, Index(job.count), fault);",
        "    run<1>(job, from, Index(job.count) + 1, fault);",
        "neg(dtype=float32,shapes=[(41,)],layout=offset)",
        "guards",
    ),
    Bug(
        "the stride of another view",
        "common.cuh",
        "        offsets[k] += digit * Index(layout.strides[k][dimension]);",
        "        offsets[k] += digit * Index(layout.strides[0][dimension]);",
        "add(dtype=float32,shapes=[(3,5),(3,5)],layout=mixed)",
        "values",
    ),
    Bug(
        "shared memory that nobody set",
        "put.cu",
        "    if (threadIdx.x == 0)\n        wrong = 0;\n",
        "",
        "index_put(dtype=float32,shapes=[(5,),(4,)],accumulate=False,layout=dense)",
        "values or unwritten",
    ),
    Bug(
        "no tail behind the last vector",
        "elementwise.cu",
        "    if (rest < job.count) {",
        "    if (false) {",
        "neg(dtype=float32,shapes=[(1031,)],layout=dense)",
        "values or unwritten",
    ),
    Bug(
        "an index that is not looked at",
        "places.cuh",
        "            inside &= wrap_index(index, k, size[k], fault);",
        "            index += index < 0 ? size[k] : 0;",
        "index(dtype=float32,shapes=[(5,),(4,)],layout=dense,values=high)",
        "error",
    ),
    Bug(
        "a fault word with another code",
        "common.cuh",
        "        report_fault(word, FAULT_INDEX, index, dimension, size);",
        "        report_fault(word, FAULT_ZERO_DIVISION, index, dimension, size);",
        "index(dtype=float32,shapes=[(5,),(4,)],layout=dense,values=high)",
        "error",
        "ZeroDivisionError",
    ),
    Bug(
        "a fault word with two numbers exchanged",
        "common.cuh",
        "        report_fault(word, FAULT_INDEX, index, dimension, size);",
        "        report_fault(word, FAULT_INDEX, index, size, dimension);",
        "index(dtype=float32,shapes=[(5,),(4,)],layout=dense,values=high)",
        "error",
    ),
    Bug(
        "a barrier that not all threads reach",
        "reduce.cu",
        "    state = group_combine(state, Combine());\n"
        "    if (row < job.rows && threadIdx.x == 0)\n"
        "        leave(job, views, row, state);\n",
        "    if (row >= job.rows)\n        return;\n"
        "    state = group_combine(state, Combine());\n"
        "    if (threadIdx.x == 0)\n"
        "        leave(job, views, row, state);\n",
        "sum(dtype=float32,shapes=[(3,1024)],n=1,layout=dense)",
        "raised",
        "barrier",
    ),
    Bug(
        "a vector where an element would be aligned",
        "elementwise.cu",
        "    run<1>(job, from, Index(job.count), fault);",
        "    run<4>(job, from, Index(job.count / 4), fault);",
        "neg(dtype=float32,shapes=[(16,)],layout=offset)",
        "raised",
        "align",
    ),
    Bug(
        "a tile that is overwritten while others read it",
        "gemm.cuh",
        "        part.multiply(a_slice, b_slice);\n        __syncthreads();",
        "        part.multiply(a_slice, b_slice);",
        "matmul(dtype=float32,shapes=[(1,70,70),(1,70,70)],layout=dense)",
        "values",
    ),
    Bug(
        "an element before the first of a row",
        "rows.cuh",
        "bool has(Index i) const { return i >= 0 && i < end; }",
        "bool has(Index i) const { return i < end; }",
        "softmax(dtype=float32,shapes=[(5,64)],layout=offset)",
        "guards or values",
    ),
    Bug(
        "a vector of a row where it does not begin at one",
        "rows.cuh",
        "            if (aligned && place.whole(place.turn(k)))",
        "            if (place.whole(place.turn(k)))",
        "softmax_backward(dtype=float32,shapes=[(5,64),(5,64)],layout=offset)",
        "raised",
        "align",
    ),
    Bug(
        "a division by half of a factor",
        "common.cuh",
        "(__umulhi(n, unsigned(magic)) + n) >> unsigned(shift)",
        "__umulhi(n, unsigned(magic)) >> unsigned(shift)",
        "add(dtype=float32,shapes=[(2,3,2,3,2),(2,3,2,3,2)],layout=mixed)",
        "values or raised or special",
    ),
    Bug(
        "a value that begins with zero where it may be negative",
        "reducers.cuh",
        "return -infinity<T>();",
        "return T(0);",
        "amax(dtype=float32,shapes=[(64,1)],n=1,layout=dense)",
        "values",
    ),
]


@pytest.mark.parametrize("bug", BUGS, ids=lambda bug: bug.name.replace(" ", "-"))
def test_a_planted_bug_is_found(bug: Bug, tmp_path: Path) -> None:
    (right,) = outcomes([bug.case])
    assert right.status == "passed", right
    (found,) = outcomes([bug.case], spoiled(tmp_path, bug.file, bug.right, bug.wrong))
    assert {found.status, found.check} & set(bug.found_by.split(" or ")), found
    assert bug.told in found.message, found


# ---- what only another order shows ---------------------------------------------------------
def test_a_race_is_found_in_another_order(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each thread reads what a thread of a lower number writes next; nothing is between them."""
    case = "nonzero(dtype=bool,shapes=[(1031,)],layout=dense)"
    wrong = spoiled(
        tmp_path,
        "nonzero.cu",
        " : 0;\n        __syncthreads();\n        sums[threadIdx.x] += more;",
        " : 0;\n        sums[threadIdx.x] += more;",
    )
    found = {}
    for order in ("descending", "ascending", "shuffled:7"):
        monkeypatch.setenv("COREX_CUDA_SIM_ORDER", order)
        assert [result.status for result in outcomes([case])] == ["passed"]
        found[order] = [result.status for result in outcomes([case], wrong)]
    assert found == {
        "descending": ["passed"], "ascending": ["failed"], "shuffled:7": ["failed"],
    }  # fmt: skip


@contextlib.contextmanager
def pushed(device: Any) -> Iterator[None]:
    """The device's context, as PyCUDA wants it for what it makes itself."""
    device.context.push()
    try:
        yield
    finally:
        device.context.pop()


@pytest.fixture
def deferred(simulated: ModuleType) -> Iterator[None]:
    """Work waits until somebody waits for it; of two streams, the later one runs first."""
    before = simulated.set_deferred(True)
    simulated.set_order("descending")
    yield
    simulated.set_order("ascending")
    simulated.set_deferred(before)


@pytest.mark.usefixtures("deferred")
@pytest.mark.parametrize("ordered", [True, False])
def test_a_stream_that_does_not_wait_for_another(
    ordered: bool, runtime: ModuleType, device: Any
) -> None:
    first, second = device.new_stream(), device.new_stream()
    source, target = device.allocate(8), device.allocate(8)
    device.copy_from_host(target, 0, memoryview(bytes(8)))
    device.copy_from_host(source, 0, memoryview(bytes(8)))
    device.synchronize()
    try:
        runtime.choose(first)
        device.copy_from_host(source, 0, memoryview(b"computed"))
        runtime.choose(second)
        if ordered:
            second.wait_stream(first)
        device.copy(target.ptr, source.ptr, 8)
        device.synchronize()
    finally:
        runtime.choose(device.default_stream)
    seen = bytearray(8)
    device.copy_to_host(target, 0, memoryview(seen))
    assert bytes(seen) == (b"computed" if ordered else bytes(8))


@pytest.mark.usefixtures("deferred")
def test_a_copy_to_the_host_that_nobody_waits_for(device: Any) -> None:
    import pycuda.driver as drv

    buffer = device.allocate(8)
    device.copy_from_host(buffer, 0, memoryview(b"computed"))
    with pushed(device):
        pinned = drv.pagelocked_zeros(8, "uint8")
    drv.memcpy_dtoh_async(pinned, buffer.ptr, device.stream.raw)
    assert bytes(pinned) == bytes(8)  # read too early
    device.synchronize()
    assert bytes(pinned) == b"computed"


# ---- what the host does wrong --------------------------------------------------------------
STORE = """
extern "C" __global__ void store(long long *out, double value, long long number)
{
    out[threadIdx.x] = number + (long long)value;
}
"""


@pytest.mark.parametrize("packed", ["=Qd", "=Qdqq", "=Qfq"])
def test_arguments_of_another_size(
    packed: str, runtime: ModuleType, device: Any, tmp_path: Path
) -> None:
    file = tmp_path / "store.cu"
    file.write_text(STORE)
    function = device.function(runtime.Source(str(file)), "store")
    buffer = device.allocate(32)
    right = struct.pack("=Qdq", buffer.ptr, 40.0, 2)
    device.launch(function, (1, 1, 1), (4, 1, 1), right)
    seen = bytearray(32)
    device.copy_to_host(buffer, 0, memoryview(seen))
    assert struct.unpack("4q", seen) == (42,) * 4
    values = (40.0, 2, 0)[: len(packed) - 2]
    with pytest.raises(runtime.LaunchError, match="store"):
        device.launch(function, (1, 1, 1), (4, 1, 1), struct.pack(packed, buffer.ptr, *values))


DEVICEMAP = 2  # CU_MEMHOSTREGISTER_DEVICEMAP


@pytest.mark.parametrize("narrow", [False, True])
def test_an_index_that_does_not_fit_into_an_int(
    narrow: bool,
    cuda: Any,
    runtime: ModuleType,
    device: Any,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Elements four GiB apart; the memory is mapped, and exists where it is touched."""
    from corex_cuda_pycuda.ops import create, packing

    monkeypatch.setattr(packing, "_plans", {})
    monkeypatch.setattr(create, "_copy_plan", create._copy_plan.__wrapped__)  # keeps nothing
    if narrow:
        monkeypatch.setattr(packing, "NARROW_REACH", 1 << 62)
    step, count = 1 << 30, 5
    flags = mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS | getattr(mmap, "MAP_NORESERVE", 0)
    memory = mmap.mmap(-1, 9 * step, flags=flags)
    start = 3 * step  # an int that overflows leads before it, but not out of the mapping
    for i in range(count):
        memory[start + i * step] = 10 + i
    address = ctypes.addressof(ctypes.c_char.from_buffer(memory))
    device.enter()
    driver = ctypes.CDLL("libcuda.so.1")  # PyCUDA's own function for this counts references wrong
    mapped = ctypes.c_uint(DEVICEMAP)
    room = (ctypes.c_void_p(address), ctypes.c_size_t(9 * step))
    assert driver.cuMemHostRegister_v2(*room, mapped) == 0
    far = runtime.BorrowedBuffer(address, 9 * step, device.index, owner=memory)
    near = device.allocate(count)
    cuda.kernels["copy"]((near, uint8, (count,), (1,), 0), (far, uint8, (count,), (step,), start))
    seen = bytearray(count)
    device.copy_to_host(near, 0, memoryview(seen))
    driver.cuMemHostUnregister(room[0])
    assert (list(seen) == [10, 11, 12, 13, 14]) is not narrow


# ---- what only NVIDIA's compiler refuses ---------------------------------------------------
def test_a_text_that_another_compiler_takes(
    runtime: ModuleType, device: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A function without __device__, and a kernel under another name."""
    monkeypatch.syspath_prepend(str(PACKAGE / "tools"))
    gate, toolkit = (importlib.import_module(name) for name in ("compile_gate", "toolkit"))
    root = toolkit.find_root()
    if root is None or toolkit.library(root, "libnvrtc.so*") is None:
        pytest.skip("NVRTC is not installed")
    file = tmp_path / "half.cu"
    source_text = importlib.import_module("corex_cuda_pycuda.runtime.source")._expanded

    def verdict(helper: str, name: str) -> str:
        file.write_text(
            f"{helper} double half(double x) {{ return x / 2; }}\n"
            'extern "C" __global__ void halve(double *x) { *x = half(*x); }\n'
        )
        source = runtime.Source(str(file), (("MARK", f"{len(helper)}"),))
        source_text.cache_clear()
        assert device.function(source, "halve").name == "halve"  # g++ does not mind
        text = gate.Text("pointwise", source.describe(), source.text(), (name,))
        found = gate.run(str(root), str(tmp_path), gate.Job(text, "sm_80", "nvrtc"))
        return gate.described(found) if found.problem else ""

    assert verdict("__device__", "halve") == ""
    assert "there is no kernel double" in verdict("__device__", "double")
    refused = verdict("", "halve")
    assert "for sm_80" in refused
    assert "half" in refused.partition("\n")[2]
