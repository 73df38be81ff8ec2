"""Transfers, the fault word, counters, streams and events."""

from __future__ import annotations

import struct
import threading
from types import ModuleType
from typing import Any

import pytest

import corex
from corex.dtypes import float32, int64

MIB = 1 << 20


def moved(before: dict[str, int], after: dict[str, int]) -> dict[str, int]:
    return {name: after[name] - before[name] for name in after if after[name] != before[name]}


# ---- transfers -------------------------------------------------------------------------------
@pytest.mark.parametrize("nbytes", [1, 1000, (64 << 10) + 1, 4 * MIB, 21 * MIB + 7])
def test_bytes_come_back(device: Any, nbytes: int) -> None:
    data = bytes(range(251)) * (nbytes // 251 + 1)
    buffer = device.allocate(nbytes + 3)
    device.copy_from_host(buffer, 3, memoryview(data)[:nbytes])
    target = bytearray(nbytes)
    device.copy_to_host(buffer, 3, memoryview(target))
    assert target == data[:nbytes]


def test_the_source_is_the_callers_again(device: Any, simulated: ModuleType) -> None:
    deferred = simulated.set_deferred(True)
    try:
        buffer = device.allocate(100)
        source = bytearray(b"a" * 100)
        device.copy_from_host(buffer, 0, memoryview(source))
        source[:] = b"b" * 100
        target = bytearray(100)
        device.copy_to_host(buffer, 0, memoryview(target))
    finally:
        simulated.set_deferred(deferred)
    assert target == b"a" * 100


def test_more_transfers_than_chunks_of_pinned_memory(device: Any, simulated: ModuleType) -> None:
    deferred = simulated.set_deferred(True)
    try:
        buffers = [device.allocate(10) for _ in range(40)]
        for k, buffer in enumerate(buffers):
            device.copy_from_host(buffer, 0, memoryview(bytes([k]) * 10))
        for k, buffer in enumerate(buffers):
            target = bytearray(10)
            device.copy_to_host(buffer, 0, memoryview(target))
            assert target == bytes([k]) * 10
    finally:
        simulated.set_deferred(deferred)


# ---- faults ----------------------------------------------------------------------------------
def leave(device: Any, *words: int) -> None:
    """Writes the fault word as a kernel does."""
    for k, word in enumerate(words):
        device.faults._words[k] = word


def test_an_index_out_of_range_is_told_when_somebody_waits(device: Any) -> None:
    leave(device, 1, 5, 0, 3)
    with pytest.raises(IndexError, match="^index 5 is out of bounds for dimension 0 with size 3$"):
        device.synchronize()
    device.synchronize()  # told once


def test_a_division_by_zero_is_told_by_a_transfer(device: Any) -> None:
    buffer = device.allocate(1)
    leave(device, 2)
    with pytest.raises(ZeroDivisionError, match="^integer division by zero$"):
        device.copy_to_host(buffer, 0, memoryview(bytearray(1)))
    device.check()


def test_the_first_fault_of_a_kernel_stays(
    runtime: ModuleType, device: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    from corex_cuda_pycuda.runtime import source

    text = """
    extern "C" __global__ void look(long long *word, long long index, long long *out)
    {
        if (wrap_index(index, 2, 10, word))
            out[0] = index;
    }
    """
    genuine = source._expanded
    monkeypatch.setattr(source, "_expanded", lambda *names: genuine(names[0]) + text)
    look = device.function(runtime.Source("look.cu"), "look")
    out = device.allocate(8)
    for index in (-3, -11, 10):  # the last two are out of range
        arguments = struct.pack("QqQ", device.fault_word, index, out.ptr)
        device.launch(look, (1, 1, 1), (1, 1, 1), arguments)
    message = "^index -11 is out of bounds for dimension 2 with size 10$"
    target = bytearray(8)
    with pytest.raises(IndexError, match=message):
        device.copy_to_host(out, 0, memoryview(target))
    assert struct.unpack("q", target) == (7,)


# ---- counters --------------------------------------------------------------------------------
def test_work_is_counted(cuda: Any, device: Any) -> None:
    before = cuda.counters()
    x = corex.tensor([1.0, 2.0, 3.0], dtype=float32).to("cuda")
    x.to(int64)
    assert moved(before, cuda.counters()) == {
        "host_to_device": 1, "host_to_device_bytes": 12, "launches": 1,
    }  # fmt: skip
    before = cuda.counters()
    x.tolist()
    corex.cuda.synchronize()
    assert moved(before, cuda.counters()) == {
        "device_to_host": 1, "device_to_host_bytes": 12, "synchronisations": 1,
    }  # fmt: skip


@pytest.mark.filterwarnings("error")
def test_a_training_step_neither_waits_nor_comes_back(cuda: Any) -> None:
    with corex.use_backend("cuda_pycuda"):
        model = corex.nn.Sequential(corex.nn.Linear(8, 16), corex.nn.ReLU(), corex.nn.Linear(16, 1))
        optimizer = corex.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
        x, target = corex.ones(4, 8), corex.ones(4, 1)

        def step() -> None:
            loss = ((model(x) - target) ** 2).mean()
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()

        step()
        before = cuda.counters()
        step()
        assert set(moved(before, cuda.counters())) == {"launches"}


# ---- streams and events ----------------------------------------------------------------------
@pytest.mark.usefixtures("cuda")
def test_streams_through_the_namespace() -> None:
    stream = corex.cuda.Stream()
    assert stream != corex.cuda.default_stream() == corex.cuda.current_stream()
    start, end = (corex.cuda.Event(enable_timing=True) for _ in range(2))
    with corex.cuda.stream(stream):
        assert corex.cuda.current_stream() == stream
        start.record()
        x = corex.full((1000,), 3.0, device="cuda")
        end.record()
    corex.cuda.current_stream().wait_event(end)
    assert x.sum().item() == 3000.0 if "sum" in dir(x) else True
    end.synchronize()
    assert end.query()
    assert start.elapsed_time(end) >= 0
    stream.synchronize()
    assert stream.query()


@pytest.mark.usefixtures("cuda")
def test_events_that_tell_no_time() -> None:
    start, end = corex.cuda.Event(), corex.cuda.Event(enable_timing=True)
    with pytest.raises(RuntimeError, match="must be recorded"):
        start.elapsed_time(end)
    start.record()
    end.record()
    with pytest.raises(RuntimeError, match="enable_timing=True"):
        start.elapsed_time(end)
    assert corex.cuda.Event().query()


def test_a_stream_is_chosen_for_one_thread(runtime: ModuleType, device: Any) -> None:
    stream = device.new_stream()
    seen: list[Any] = []
    runtime.choose(stream)
    try:
        thread = threading.Thread(target=lambda: seen.append(device.stream))
        thread.start()
        thread.join()
        assert device.stream is stream
    finally:
        runtime.choose(device.default_stream)
    assert seen == [device.default_stream]


def test_the_device_tells_about_itself(cuda: Any, device: Any) -> None:
    properties = corex.cuda.get_device_properties()
    assert corex.cuda.get_device_name() == properties.name == device.properties.name
    assert corex.cuda.get_device_capability() == device.properties.compute_capability
    free, total = corex.cuda.mem_get_info()
    assert 0 < free <= total == properties.total_memory
    corex.cuda.reset_peak_memory_stats()
    assert corex.cuda.max_memory_allocated() == corex.cuda.memory_allocated()
    assert corex.cuda.memory_reserved() >= corex.cuda.memory_allocated()


# ---- the table of kernels --------------------------------------------------------------------
@pytest.mark.usefixtures("cuda")
def test_each_kernel_is_in_one_family_and_in_the_contract() -> None:
    from corex.backend.signatures import SIGNATURES
    from corex_cuda_pycuda.backend import FAMILIES

    names = [name for family in FAMILIES for name in family.KERNELS]
    assert len(names) == len(set(names))
    assert set(names) <= set(SIGNATURES)
