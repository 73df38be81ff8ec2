"""Compiled modules: the cache on disk, and what the compiler and the driver say."""

from __future__ import annotations

import subprocess
import sys
import threading
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

KERNEL = """
#include "common.cuh"
extern "C" __global__ void set(long long *out, long long value) { out[0] = value + EXTRA; }
"""
BLOCK = (1, 1, 1)


@pytest.fixture
def kernels(runtime: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of kernels and a cache of this test's own."""
    from corex_cuda_pycuda.runtime import source

    folder = tmp_path / "kernels"
    folder.mkdir()
    for name in ("common.cuh", "types.cuh"):
        (folder / name).write_text((source.KERNELS / name).read_text())
    (folder / "set.cu").write_text(KERNEL)
    monkeypatch.setattr(source, "KERNELS", folder)
    source._expanded.cache_clear()
    monkeypatch.setenv("COREX_CUDA_CACHE", str(tmp_path / "cache"))
    yield folder
    source._expanded.cache_clear()


def set_source(runtime: ModuleType, extra: int) -> Any:
    return runtime.Source("set.cu", (("EXTRA", str(extra)), ("T", "float")))


def test_a_kernel_is_compiled_once_and_kept(
    runtime: ModuleType, device: Any, kernels: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import struct

    from corex_cuda_pycuda.runtime import compiler

    function = device.function(set_source(runtime, 3), "set")
    buffer = device.allocate(8)
    device.launch(function, BLOCK, BLOCK, struct.pack("Qq", buffer.ptr, 4))
    target = bytearray(8)
    device.copy_to_host(buffer, 0, memoryview(target))
    assert struct.unpack("q", target) == (7,)
    assert device.function(set_source(runtime, 3), "set") is function
    [kept] = (kernels.parent / "cache").iterdir()
    assert kept.suffix == ".cubin"
    monkeypatch.setattr(compiler, "_compile", lambda *_: pytest.fail("compiled again"))
    assert compiler.machine_code(set_source(runtime, 3), device.properties.architecture)


def test_an_included_file_is_part_of_the_text(runtime: ModuleType, kernels: Path) -> None:
    (kernels / "more.cuh").write_text("// more\n")
    (kernels / "both.cu").write_text('#include "common.cuh"\n#include "more.cuh"\nint last;\n')
    text = runtime.Source("both.cu", (("T", "float"), ("INDEX", "int"), ("OP", "Add"))).text()
    assert text.startswith("using T = float;\n#define INDEX int\n#define OP Add\n")
    assert text.count("COREX_COMMON_CUH") == 2  # the guard of one copy
    assert "// more" in text
    assert '#include "' not in text
    assert '#line 3 "both.cu"\nint last;' in text


def test_another_text_is_another_module(runtime: ModuleType, device: Any, kernels: Path) -> None:
    for extra in (1, 2, 1):
        device.compile(set_source(runtime, extra))
    assert len(list((kernels.parent / "cache").glob("*.cubin"))) == 2


def test_threads_compile_a_kernel_once(
    runtime: ModuleType, device: Any, kernels: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from corex_cuda_pycuda.runtime import compiler

    calls: list[Any] = []
    genuine = compiler._compile
    monkeypatch.setattr(compiler, "_compile", lambda *a: (calls.append(a), genuine(*a))[1])
    threads = [
        threading.Thread(target=device.compile, args=(set_source(runtime, 5),)) for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(calls) == 1


def test_processes_compile_a_kernel_once(cuda: Any, tmp_path: Path) -> None:
    program = """if True:
        import os, sys
        from corex.plugins import manager
        manager.backend("cuda_pycuda")
        from corex_cuda_pycuda import runtime
        from corex_cuda_pycuda.runtime import compiler
        genuine = compiler._compile
        def counted(*arguments):
            os.write(1, b"compiled\\n")
            return genuine(*arguments)
        compiler._compile = counted
        source = runtime.Source("fill.cu", (("T", "unsigned"), ("INDEX", "int")))
        runtime.device(0).function(source, "dense")
        os.write(1, b"done\\n")
    """
    import os

    environment = {**os.environ, "COREX_CUDA_CACHE": str(tmp_path)}
    running = [
        subprocess.Popen([sys.executable, "-c", program], env=environment, stdout=subprocess.PIPE)
        for _ in range(3)
    ]
    told = [process.communicate(timeout=100)[0].decode().split() for process in running]
    assert sorted(word for words in told for word in words) == ["compiled", *["done"] * 3]
    assert [path.suffix for path in tmp_path.iterdir()] == [".cubin"]


def test_without_a_place_for_the_cache_it_is_compiled_anyway(
    runtime: ModuleType, device: Any, kernels: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COREX_CUDA_CACHE", str(kernels / "set.cu" / "no folder"))
    assert device.function(set_source(runtime, 9), "set").name == "set"


# ---- what goes wrong ---------------------------------------------------------------------------
def test_what_the_compiler_says_is_shown(runtime: ModuleType, device: Any, kernels: Path) -> None:
    (kernels / "wrong.cu").write_text(
        'extern "C" __global__ void wrong(T *x)\n{ *x = nonsense; }\n'
    )
    with pytest.raises(runtime.CompileError) as raised:
        device.function(runtime.Source("wrong.cu", (("T", "float"),)), "wrong")
    message = str(raised.value)
    assert message.startswith("kernel 'wrong.cu' with T=float does not compile for sm_")
    assert "nonsense" in message
    assert "wrong.cu" in message.partition("\n")[2]
    assert not list((kernels.parent / "cache").glob("*.cubin"))


def test_a_kernel_that_is_not_there(runtime: ModuleType, device: Any, kernels: Path) -> None:
    with pytest.raises(runtime.LaunchError, match="kernel 'get' of 'set.cu' with EXTRA=1, T=float"):
        device.function(set_source(runtime, 1), "get")


def test_a_launch_that_cannot_be(runtime: ModuleType, device: Any, kernels: Path) -> None:
    function = device.function(set_source(runtime, 1), "set")
    with pytest.raises(runtime.LaunchError, match=r"kernel 'set'.*block \(4096, 1, 1\)"):
        device.launch(function, BLOCK, (4096, 1, 1), bytes(16))


def test_all_usual_kernels_can_be_named(cuda: Any) -> None:
    sources = cuda.sources()
    assert len(sources) == len(set(sources)) > 40


def test_compiling_ahead(
    cuda: Any, runtime: ModuleType, kernels: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[tuple[int, int]] = []
    monkeypatch.setattr(cuda, "sources", lambda: [set_source(runtime, k) for k in range(3)])
    assert cuda.warm(lambda done, total: seen.append((done, total))) == 3
    assert seen == [(1, 3), (2, 3), (3, 3)]
    assert len(list((kernels.parent / "cache").glob("*.cubin"))) == 3
