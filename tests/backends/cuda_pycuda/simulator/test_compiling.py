"""Compiling: what a text is told about where it is compiled, and how its mistakes are reported."""

from __future__ import annotations

import os
import subprocess
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest


def test_a_mistake_is_reported_with_file_and_line(cuda: Any, module: Any) -> None:
    with pytest.raises(cuda.CompileError, match=r"kernel.cu:3:\d+: error: 'wrong' was not"):
        module("\n__global__ void k(int *a) { a[0] = wrong; }")
    with pytest.raises(cuda.CompileError, match="inline PTX is not simulated; keep it from"):
        module('__global__ void k(int *a) { asm("ret;"); }')


def test_macros_tell_what_compiles(cuda: Any, module: Any) -> None:
    kernel = module(
        """
        #if !defined(__CUDACC__) || !defined(COREX_CUDA_SIMULATOR)
        #error "not CUDA, or not simulated"
        #endif
        #define KERNEL(name, type) __global__ void name(type *a) { a[0] = __CUDA_ARCH__; }
        KERNEL(architecture, int)
        """,
        arch="sm_75",
    ).get_function("architecture")
    out = np.zeros(1, np.int32)
    kernel(cuda.Out(out), block=(1, 1, 1))
    assert out[0] == 750


def test_includes_and_definitions(cuda: Any, module: Any, tmp_path: Path) -> None:
    (tmp_path / "mine.h").write_text("__device__ inline int mine() { return NUMBER; }")
    kernel = module(
        '#include "mine.h"\n__global__ void k(int *a) { a[0] = mine(); }',
        include_dirs=[str(tmp_path)],
        options=["-DNUMBER=42", "--use_fast_math", "-O3"],
    ).get_function("k")
    out = np.zeros(1, np.int32)
    kernel(cuda.Out(out), block=(1, 1, 1))
    assert out[0] == 42


def test_attributes_of_a_kernel(cuda: Any, module: Any) -> None:
    kernel = module(
        """
        __global__ void __launch_bounds__(128) k(float *a)
        {
            __shared__ float tile[16][17];
            tile[threadIdx.x][0] = 1;
            __syncthreads();
            a[0] = tile[0][0];
        }
        """
    ).get_function("k")
    assert kernel.shared_size_bytes == 16 * 17 * 4
    assert kernel.max_threads_per_block == 128


def test_gpuarrays_compile_their_own_kernels(cuda: Any) -> None:
    from pycuda import cumath, gpuarray

    host = np.random.default_rng(1).random(1000).astype(np.float32)
    array = gpuarray.to_gpu(host)
    np.testing.assert_allclose((2 * array + 1).get(), 2 * host + 1, rtol=1e-6)
    np.testing.assert_allclose(cumath.exp(array).get(), np.exp(host), rtol=1e-6)


def test_the_program_named_nvcc(cuda: Any) -> None:
    done = subprocess.run(["nvcc", "--version"], capture_output=True, text=True, check=True)
    assert "simulator" in done.stdout
    done = subprocess.run(["nvcc"], capture_output=True, text=True, check=False)
    assert done.returncode == 1


def test_a_text_is_compiled_once_for_all_processes(
    cuda: Any, simulator: Any, tmp_path: Path
) -> None:
    source = tmp_path / "k.cu"
    source.write_text(f'extern "C" __global__ void k_{os.getpid()}_{time.time_ns()}() {{}}')
    before = set(simulator.cache_root().glob("modules-*/*.so"))
    images = []
    for name in ("one", "two"):
        command = ["nvcc", "--cubin", "-o", str(tmp_path / name), str(source)]
        subprocess.run(command, check=True)
        images.append((tmp_path / name).read_bytes())
    after = set(simulator.cache_root().glob("modules-*/*.so")) - before
    assert images[0] == images[1]
    kept = [path for path in after if path.read_bytes() == images[0]]  # others compile meanwhile
    assert len(kept) == 1
    kept[0].unlink()
