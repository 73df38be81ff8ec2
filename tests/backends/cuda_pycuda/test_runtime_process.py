"""What concerns whole processes: exits, threads that end, forks, and how many devices there are."""

from __future__ import annotations

import os
import subprocess
import threading
from collections.abc import Callable
from types import ModuleType
from typing import Any

import pytest

Run = Callable[..., "subprocess.CompletedProcess[str]"]

USE = """
    import corex
    x = corex.tensor([1.0, 2.0, 3.0]).to("cuda")
"""


def clean(done: subprocess.CompletedProcess[str]) -> str:
    """What a process printed that ended well and complained about nothing."""
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout.strip()


# ---- exits -----------------------------------------------------------------------------------
def test_a_program_ends_with_tensors_alive(python: Run) -> None:
    assert clean(python(USE + "    print(x.tolist())")) == "[1.0, 2.0, 3.0]"


def test_a_program_ends_while_a_thread_uses_the_device(python: Run) -> None:
    program = (
        USE
        + """
    import threading, time
    def work():
        while True:
            x.tolist()
            time.sleep(0.001)
    threading.Thread(target=work, daemon=True).start()
    time.sleep(0.05)
    print("end")
    """
    )
    assert clean(python(program)) == "end"


def test_a_program_ends_whose_threads_did_all_the_work(python: Run) -> None:
    program = """
    import corex, threading
    kept = []
    def work():
        stream = corex.cuda.Stream()
        with corex.cuda.stream(stream):
            kept.append(corex.ones(1000, device="cuda") + 1)
        event = corex.cuda.Event(enable_timing=True)
        event.record(stream)
        kept.append(event)
    for _ in range(2):
        thread = threading.Thread(target=work)
        thread.start()
        thread.join()
    del kept[1:]
    corex.cuda.empty_cache()
    print(kept[0][-1].item())
    """
    assert clean(python(program)) == "2.0"


def test_a_program_ends_by_an_exception(python: Run) -> None:
    done = python(USE + "    raise SystemExit(3)")
    assert (done.returncode, done.stderr) == (3, "")


def test_what_runs_at_exit_may_use_the_device(python: Run) -> None:
    program = """
    import atexit, corex
    atexit.register(lambda: print(x.tolist()))  # runs after what is registered later
    """
    assert clean(python(program + USE)) == "[1.0, 2.0, 3.0]"


def test_a_thread_leaves_no_context_behind(runtime: ModuleType, device: Any) -> None:
    values: list[Any] = []

    def work() -> None:
        buffer = device.allocate(4)
        device.copy_from_host(buffer, 0, memoryview(b"abcd"))
        values.append(buffer)

    for _ in range(3):  # a thread that ended with a context would have aborted the process
        thread = threading.Thread(target=work)
        thread.start()
        thread.join()
    target = bytearray(4)
    device.copy_to_host(values[-1], 0, memoryview(target))
    assert target == b"abcd"


def test_threads_work_in_the_order_of_their_calls(runtime: ModuleType, device: Any) -> None:
    buffer = device.allocate(1 << 16)

    def write(value: int) -> None:
        device.copy_from_host(buffer, 0, memoryview(bytes([value]) * (1 << 16)))

    for value in range(1, 20):
        thread = threading.Thread(target=write, args=(value,))
        thread.start()
        thread.join()
        target = bytearray(1 << 16)
        device.copy_to_host(buffer, 0, memoryview(target))
        assert target == bytes([value]) * (1 << 16)


# ---- forks -----------------------------------------------------------------------------------
def test_a_forked_child_is_told_why_it_cannot(python: Run) -> None:
    program = (
        USE
        + """
    import os, sys
    child = os.fork()
    if child == 0:
        try:
            x.tolist()
        except RuntimeError as error:
            print(error, flush=True)
        sys.exit(0)
    _, status = os.waitpid(child, 0)
    print(status, x.tolist())
    """
    )
    first, last = clean(python(program)).splitlines()
    assert first.startswith("Cannot re-initialize CUDA in forked subprocess")
    assert last == "0 [1.0, 2.0, 3.0]"


def test_a_fork_before_the_first_use_is_no_matter(python: Run) -> None:
    program = """
    import os, sys, corex
    child = os.fork()
    if child == 0:
        print(corex.tensor([1.0]).to("cuda").tolist(), flush=True)
        sys.exit(0)
    print(os.waitpid(child, 0)[1], corex.tensor([2.0]).to("cuda").tolist())
    """
    assert clean(python(program)) == "[1.0]\n0 [2.0]"


# ---- how many devices there are ----------------------------------------------------------------
TWO = {"COREX_CUDA_SIM_DEVICES": "2"}


@pytest.mark.usefixtures("simulated")
def test_tensors_go_from_one_device_to_the_other(python: Run) -> None:
    program = """
    import corex
    from corex.plugins import manager
    a = corex.arange(100_000, device="cuda:0")
    before = [manager.backend("cuda_pycuda").counters(k) for k in range(2)]
    b = a.to("cuda:1")
    c = b.to("cuda:0")
    after = [manager.backend("cuda_pycuda").counters(k) for k in range(2)]
    assert before == after  # no transfer by way of the host, nobody waited
    del a, b
    print(corex.cuda.device_count(), c.device, c[-1].item(), corex.ones(2, device="cuda:1").device)
    """
    assert clean(python(program, **TWO)) == "2 cuda:0 99999 cuda:1"


@pytest.mark.usefixtures("simulated")
def test_a_thread_works_on_both_devices_in_turn(python: Run) -> None:
    program = """
    import corex, threading
    def work():
        tensors = [corex.zeros(1000, device=f"cuda:{k % 2}") for k in range(20)]
        for k, t in enumerate(tensors):
            t.fill_(k)
        sums.append(sum(t[-1].item() for t in tensors))
    sums = []
    threads = [threading.Thread(target=work) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    work()
    print(sums)
    """
    assert clean(python(program, **TWO)) == "[190.0, 190.0, 190.0, 190.0]"


@pytest.mark.usefixtures("simulated")
def test_without_a_device_the_backend_says_so(python: Run) -> None:
    program = """
    import corex
    from corex.plugins import manager
    print(corex.cuda.is_available(), manager.unavailable_reason("cuda_pycuda"))
    """
    told = clean(python(program, COREX_CUDA_SIM_DEVICES="0"))
    assert told.startswith("False the NVIDIA driver")
    assert "no" in told.split("driver")[1]


@pytest.mark.usefixtures("cuda")
def test_without_a_compiler_the_backend_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    from corex_cuda_pycuda import plugin
    from corex_cuda_pycuda.runtime import compiler

    monkeypatch.setattr(compiler, "_roots", lambda: iter(()))
    monkeypatch.setenv("PATH", "")
    assert str(plugin._no_compiler()).startswith("there is no nvcc")


@pytest.mark.usefixtures("cuda")
def test_without_a_driver_the_backend_says_so(python: Run) -> None:
    program = """
    import ctypes, corex
    from corex.plugins import manager
    try:
        ctypes.CDLL("libcuda.so.1")
    except OSError:
        print(manager.unavailable_reason("cuda_pycuda"))
    """
    told = clean(python(program, COREX_CUDA_SIMULATOR="0", PATH=os.environ["PATH"]))
    assert not told or told.startswith("there is no NVIDIA driver on this machine: libcuda.so.1")
