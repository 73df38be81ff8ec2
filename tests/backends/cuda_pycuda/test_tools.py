"""The tools: what the stand-in for libcuda names, the cache of wheels, what gates say."""

from __future__ import annotations

import importlib
import json
import os
import subprocess
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from .planting import PACKAGE

Tool = Callable[[str], ModuleType]
HEADER = """
#define CUDAAPI
#define __CUDA_API_PTDS(api) api ## _ptds
#define cuMemAlloc                          cuMemAlloc_v2
#define cuMemcpy                            __CUDA_API_PTDS(cuMemcpy)
CUresult CUDAAPI cuInit(unsigned int Flags);
CUresult CUDAAPI cuMemAlloc(CUdeviceptr *dptr, size_t bytesize);
"""


@pytest.fixture
def tool(monkeypatch: pytest.MonkeyPatch) -> Tool:
    """Imports a tool."""
    monkeypatch.syspath_prepend(str(PACKAGE / "tools"))
    return importlib.import_module


def test_the_stand_in_has_every_function_of_the_headers(tool: Tool, tmp_path: Path) -> None:
    build = tool("build_pycuda")
    (tmp_path / "cuda.h").write_text(HEADER)
    (tmp_path / "cudaProfiler.h").write_text("CUresult CUDAAPI cuProfilerStart(void);\n")
    names = build.entry_points(tmp_path)
    assert names == ["cuInit", "cuMemAlloc", "cuMemAlloc_v2", "cuMemcpy", "cuProfilerStart"]
    assert build.make_stub(tmp_path, tmp_path / "stub") == len(names)
    assert (tmp_path / "stub" / "libcuda.so").exists()


def test_missing_headers_are_named(tool: Tool, tmp_path: Path) -> None:
    build = tool("build_pycuda")
    with pytest.raises(RuntimeError, match=r"cuda\.h is missing: install nvidia-cuda-runtime"):
        build.entry_points(tmp_path)
    with pytest.raises(RuntimeError, match=r"is no CUDA toolkit: it has no include/cuda\.h"):
        importlib.import_module("toolkit").find_root(tmp_path)


def test_a_wheel_is_built_once_and_kept(
    tool: Tool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    build = tool("build_pycuda")
    built: list[Path] = []

    def stand_in(work: Path, cuda_root: str | None) -> Path:
        built.append(work / "pycuda-1-any.whl")
        built[-1].write_text("a wheel")
        return built[-1]

    monkeypatch.setattr(build, "_build", stand_in)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    first = build.wheel()
    assert first == tmp_path / "cache" / "corex" / "wheels" / build.key() / "pycuda-1-any.whl"
    assert build.wheel() == first
    assert len(built) == 1
    assert build.wheel(force=True) == first
    assert len(built) == 2
    assert [path.name for path in first.parents[1].iterdir()] == [build.key()]


def test_the_gates_name_what_they_do_not_know(tool: Tool) -> None:
    gate = tool("compile_gate")
    with pytest.raises(RuntimeError, match=r"no family nothing; they are .*reduce"):
        gate.texts(["nothing"])
    found = gate.texts(["scan"])
    assert {text.family for text in found} == {"scan"}
    todo = list(gate.jobs(found, ["sm_75", "sm_90"]))
    wide = [text for text in found if text.wide]
    assert len(wide) * 2 == len(found)  # for the last architecture only
    assert len(todo) == 2 * len(found) - len(wide) + 1
    assert (todo[-1].compiler, todo[-1].architecture) == ("nvcc", "sm_90")


def test_which_ops_communicate(tool: Tool) -> None:
    conformance = tool("conformance")
    found = set(conformance.communicating())
    assert {"sum", "softmax", "layer_norm", "cumsum", "matmul", "conv2d", "argsort"} <= found
    assert {"nonzero", "index_put", "scatter_add"} <= found
    assert not {"add", "exp", "where", "sgd_step", "random_bits"} & found


@pytest.fixture
def on_gpu(tmp_path: Path) -> Callable[..., tuple[dict[str, dict[str, int]], str]]:
    """Runs the script for a GPU with a stand-in for Python: its summary, and what was called."""

    def run(**environment: str) -> tuple[dict[str, dict[str, int]], str]:
        python, calls = tmp_path / "python", tmp_path / "calls"
        python.write_text(f'#!/bin/sh\necho "$@" >> {calls}\n')
        python.chmod(0o755)
        subprocess.run(
            ["bash", str(PACKAGE / "tools" / "on_gpu.sh"), str(tmp_path / "out")],
            capture_output=True, text=True, check=False, timeout=60,
            env={**os.environ, "PYTHON": str(python), **environment},
        )  # fmt: skip
        found = json.loads((tmp_path / "out" / "summary.json").read_text())
        return found, calls.read_text()

    return run


def test_one_script_does_everything_on_a_gpu(on_gpu: Any) -> None:
    """What fails there, such as a tool that is missing, does not keep the rest from running."""
    summary, calls = on_gpu()
    steps = ["machine", "backends", "warm", "conformance", "benchmarks", "programs", "streams",
             "memcheck", "tests"]  # fmt: skip
    assert [name for name in summary if name != "install"] == steps
    assert summary["conformance"]["exit"] == summary["benchmarks"]["exit"] == 0
    for wanted in (
        "-P -m corex conformance cuda_pycuda", "conformance.json", "-m benchmarks.gpu --json",
        "programs.py", "conformance.py --reduced", "-m pytest -q -x tests/backends/cuda_pycuda",
    ):  # fmt: skip
        assert wanted in calls


def test_the_script_for_a_gpu_keeps_its_time(on_gpu: Any) -> None:
    summary, _ = on_gpu(ON_GPU_SECONDS="1")
    assert summary["backends"]["exit"] == 1
    assert "conformance" not in summary
