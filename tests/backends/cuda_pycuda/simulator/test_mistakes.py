"""Mistakes planted in kernels and in how they are called: each is found, and said what it is."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

TEXT = """
__global__ void write(float *out, int at) { out[at] = 1; }
__global__ void read(float *out, const float *in, int at) { out[0] = in[at]; }
__global__ void reverse(float *out, const float *in)
{
    __shared__ float tile[64];
    tile[threadIdx.x] = in[threadIdx.x];
    if (SYNCHRONIZED) __syncthreads();
    out[threadIdx.x] = tile[63 - threadIdx.x];
}
__global__ void uninitialised(float *out)
{
    __shared__ float tile[64];
    if (threadIdx.x < 32) tile[threadIdx.x] = 0;
    __syncthreads();
    out[threadIdx.x] = tile[threadIdx.x];
}
__global__ void some_leave() { if (threadIdx.x < 40) return; __syncthreads(); }
__global__ void two_barriers()
{
    if (threadIdx.x < 32)
        __syncthreads();
    else
        __syncthreads();
}
__global__ void missing_lanes(float *out)
{
    if (threadIdx.x < 16) out[0] = __shfl_sync(0xffffffff, 1.f, 0);
    else __syncthreads();
}
__global__ void left_out() { __syncwarp(0x0000fffe); }
__global__ void shared_index(int at) { __shared__ float tile[8]; tile[at] = 1; }
__global__ void dynamic_index(int at) { extern __shared__ float tile[]; tile[at] = 1; }
__global__ void misaligned(float4 *out, char *in) { *out = *(float4 *)(in + 4); }
__global__ void divide(int *out, int by) { out[0] = 7 / by; }
__global__ void shift(int *out, int by) { out[0] = 1 << by; }
__global__ void __launch_bounds__(64) bounded() {}
__global__ void trapped() { __trap(); }
__global__ void asserted(int at) { assert(at > 5); }
__global__ void deep(float *out) { volatile float big[1 << 20]; big[7] = 1; out[0] = big[7]; }
__global__ void racy(int *out) { out[0] = threadIdx.x + 100 * blockIdx.x; }
""".replace("SYNCHRONIZED", "1")


@pytest.fixture
def kernel(module: Any) -> Callable[[str], Any]:
    """A kernel of TEXT, by name."""
    return module("#include <assert.h>\n" + TEXT).get_function


def fails(cuda: Any, pattern: str) -> Any:
    """Expects an exception of PyCUDA's whose text says what was wrong."""
    return pytest.raises((cuda.LogicError, cuda.LaunchError, cuda.MemoryError), match=pattern)


@pytest.mark.parametrize("at", [10, 12, 1000])
def test_a_write_after_the_end(cuda: Any, kernel: Any, at: int) -> None:
    memory = cuda.mem_alloc(40)
    with fails(cuda, "kernel write.*(after the end of|wrote after)"):
        kernel("write")(memory, np.int32(at), block=(1, 1, 1))


@pytest.mark.parametrize("at", [-1, -2000])
def test_a_write_before_the_beginning(cuda: Any, kernel: Any, at: int) -> None:
    memory = cuda.mem_alloc(40)
    with fails(cuda, "kernel write.*before the beginning"):
        kernel("write")(memory, np.int32(at), block=(1, 1, 1))


def test_a_read_after_the_end(cuda: Any, kernel: Any) -> None:
    memory, out = cuda.mem_alloc(4096), cuda.mem_alloc(4)
    message = r"kernel read, block \(0, 0, 0\), thread \(0, 0, 0\): access to 0x\w+, 0 bytes after"
    with fails(cuda, message):
        kernel("read")(out, memory, np.int32(1024), block=(1, 1, 1))


def test_memory_that_was_freed(cuda: Any, kernel: Any) -> None:
    memory = cuda.mem_alloc(64)
    address = np.uintp(int(memory))
    memory.free()
    with fails(cuda, "byte 0 of the freed device allocation of 64 bytes"):
        kernel("write")(address, np.int32(0), block=(1, 1, 1))


def test_the_program_goes_on_after_a_fault(cuda: Any, kernel: Any) -> None:
    memory = cuda.mem_alloc(64)
    with fails(cuda, "null pointer"):
        kernel("write")(np.uintp(0), np.int32(0), block=(1, 1, 1))
    kernel("write")(memory, np.int32(3), block=(1, 1, 1))
    out = np.empty(16, np.float32)
    cuda.memcpy_dtoh(out, memory)
    assert out[3] == 1
    assert np.isnan(out[0])


def test_fresh_memory_is_nan(cuda: Any) -> None:
    for dtype in (np.float16, np.float32, np.float64):
        out = np.empty(8, dtype)
        cuda.memcpy_dtoh(out, cuda.mem_alloc(out.nbytes))
        assert np.isnan(out).all()


def test_a_missing_barrier_shows_in_one_of_the_orders(
    cuda: Any, module: Any, simulator: Any
) -> None:
    a = np.arange(64, dtype=np.float32)
    for barrier, expected in ((1, True), (0, False)):
        text = TEXT.replace("if (1) __sync", f"if ({barrier}) __sync")
        reverse = module("#include <assert.h>\n" + text).get_function("reverse")
        right = []
        for order in ("ascending", "descending", "shuffled"):
            simulator.set_order(order, 1)
            out = np.empty_like(a)
            reverse(cuda.Out(out), cuda.In(a), block=(64, 1, 1))
            right.append(np.array_equal(out, a[::-1]))
        assert all(right) is expected


def test_a_race_between_blocks_shows_in_the_orders(cuda: Any, kernel: Any, simulator: Any) -> None:
    results = set()
    for order in ("ascending", "descending", "shuffled"):
        simulator.set_order(order, 1)
        out = np.zeros(1, np.int32)
        kernel("racy")(cuda.InOut(out), block=(8, 1, 1), grid=(5, 1))
        results.add(int(out[0]))
    assert len(results) > 1


def test_shared_memory_that_nobody_wrote_is_nan(cuda: Any, kernel: Any) -> None:
    out = np.zeros(64, np.float32)
    kernel("uninitialised")(cuda.Out(out), block=(64, 1, 1))
    assert (out[:32] == 0).all()
    assert np.isnan(out[32:]).all()


def test_a_barrier_that_some_threads_do_not_reach(cuda: Any, kernel: Any) -> None:
    with fails(cuda, "divergent barrier: 24 threads wait .* 40 have exited"):
        kernel("some_leave")(block=(64, 1, 1))


def test_two_barriers_at_once(cuda: Any, kernel: Any) -> None:
    with fails(cuda, "different calls of __syncthreads; threads 0-31 at __syncthreads in line"):
        kernel("two_barriers")(block=(64, 1, 1))


def test_a_shuffle_without_all_lanes_of_its_mask(cuda: Any, kernel: Any) -> None:
    with fails(cuda, "wait for each other.*threads 0-15 at __shfl_sync .* mask 0xffffffff"):
        kernel("missing_lanes")(cuda.mem_alloc(4), block=(32, 1, 1))


def test_a_mask_without_the_caller(cuda: Any, kernel: Any) -> None:
    with fails(cuda, "lane 0 calls __syncwarp .* mask 0x0000fffe, which leaves the lane out"):
        kernel("left_out")(block=(16, 1, 1))


def test_indices_of_shared_memory(cuda: Any, kernel: Any) -> None:
    with fails(cuda, r"kernel.cu:\d+: index 8 is out of bounds for 'float \[8\]'"):
        kernel("shared_index")(np.int32(8), block=(1, 1, 1))
    kernel("dynamic_index")(np.int32(15), block=(1, 1, 1), shared=64)
    with fails(cuda, "illegal memory access"):
        kernel("dynamic_index")(np.int32(16), block=(1, 1, 1), shared=64)


def test_a_misaligned_vector(cuda: Any, kernel: Any) -> None:
    memory = cuda.mem_alloc(64)
    with fails(cuda, "misaligned address.*float4"):
        kernel("misaligned")(memory, memory, block=(1, 1, 1))


def test_arithmetic_without_a_defined_result(cuda: Any, kernel: Any) -> None:
    memory = cuda.mem_alloc(64)
    with fails(cuda, "division by zero"):
        kernel("divide")(memory, np.int32(0), block=(1, 1, 1))
    with fails(cuda, "a shift by a negative count"):
        kernel("shift")(memory, np.int32(32), block=(1, 1, 1))


def test_what_the_kernel_itself_finds_wrong(cuda: Any, kernel: Any) -> None:
    with fails(cuda, "assertion `at > 5` failed"):
        kernel("asserted")(np.int32(5), block=(1, 1, 1))
    with fails(cuda, "__trap"):
        kernel("trapped")(block=(1, 1, 1))


def test_a_stack_that_is_full(cuda: Any, kernel: Any) -> None:
    with fails(cuda, "the thread's stack is full"):
        kernel("deep")(cuda.mem_alloc(4), block=(1, 1, 1))


def test_the_shape_of_a_launch(cuda: Any, kernel: Any) -> None:
    with fails(cuda, "at most 1024 together"):
        kernel("trapped")(block=(1025, 1, 1))
    with fails(cuda, "at most 1024 together"):
        kernel("trapped")(block=(1, 1, 65))
    with fails(cuda, "a grid of"):
        kernel("trapped")(block=(1, 1, 1), grid=(1, 65536))
    with fails(cuda, "65 threads, __launch_bounds__ says 64"):
        kernel("bounded")(block=(65, 1, 1))


def test_too_much_shared_memory(cuda: Any, kernel: Any) -> None:
    dynamic = kernel("dynamic_index")
    with fails(cuda, "49153 bytes of dynamic shared memory"):
        dynamic(np.int32(0), block=(1, 1, 1), shared=49153)
    dynamic.set_attribute(cuda.function_attribute.MAX_DYNAMIC_SHARED_SIZE_BYTES, 100000)
    dynamic(np.int32(24999), block=(1, 1, 1), shared=100000)


def test_wrong_arguments(cuda: Any, kernel: Any) -> None:
    memory = cuda.mem_alloc(64)
    with fails(cuda, "kernel write takes 12 bytes of arguments, got 16"):
        kernel("write")(memory, np.int64(0), block=(1, 1, 1))
    with fails(cuda, "kernel write takes 12 bytes of arguments, got 8"):
        kernel("write")(memory, block=(1, 1, 1))
    host = np.zeros(4, np.float32)
    with fails(cuda, "parameter 0 points to memory of the host"):
        kernel("write")(np.uintp(host.ctypes.data), np.int32(0), block=(1, 1, 1))


def test_copies_beyond_an_allocation(cuda: Any) -> None:
    memory = cuda.mem_alloc(64)
    with fails(cuda, "cuMemcpyHtoD: 128 bytes at"):
        cuda.memcpy_htod(memory, np.zeros(32, np.float32))
    with fails(cuda, "cuMemcpyDtoH: 64 bytes at"):
        cuda.memcpy_dtoh(np.zeros(16, np.float32), int(memory) + 4)
    with fails(cuda, "cuMemsetD32"):
        cuda.memset_d32(memory, 0, 17)


def test_memory_freed_twice(cuda: Any, simulator: Any) -> None:
    import ctypes

    driver = simulator.driver()
    address = ctypes.c_uint64()
    driver.cuMemAlloc_v2(ctypes.byref(address), ctypes.c_size_t(64))
    assert driver.cuMemFree_v2(address) == 0
    assert driver.cuMemFree_v2(address) == 1
    assert "was freed before" in simulator.diagnostic()
    assert driver.cuMemFree_v2(ctypes.c_uint64(address.value + 8)) == 1
    assert "not an address that was allocated" in simulator.diagnostic()


def test_an_unknown_kernel(cuda: Any, module: Any) -> None:
    compiled = module("__global__ void known() {}")
    with fails(cuda, "no kernel 'unknown'; the module has: known"):
        compiled.get_function("unknown")
    with fails(cuda, "no variable 'known'"):
        compiled.get_global("known")


def test_an_image_of_another_compiler(cuda: Any) -> None:
    with fails(cuda, "PTX is not simulated"):
        cuda.module_from_buffer(b".version 8.0\n.target sm_80\n" + b" " * 64)


def test_no_context(cuda: Any, simulator: Any) -> None:
    import ctypes
    import threading

    address = ctypes.c_uint64()
    found: list[tuple[int, str]] = []

    def work() -> None:  # contexts are per thread, and nobody pushed one here
        result = simulator.driver().cuMemAlloc_v2(ctypes.byref(address), ctypes.c_size_t(4))
        found.append((result, simulator.diagnostic()))

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert found == [(201, "no context is current in this thread")]


def test_a_loop_without_an_end(program: Any) -> None:
    out = program(
        """
        import pycuda.autoinit, numpy as np
        import pycuda.driver as cuda
        from pycuda.compiler import SourceModule
        spin = SourceModule("__global__ void spin(volatile int *a) { while (*a != 3) ; }")
        try:
            spin.get_function("spin")(cuda.mem_alloc(4), block=(1, 1, 1))
        except cuda.LaunchError as error:
            print(error)
        """,
        COREX_CUDA_SIM_TIMEOUT="1",
    )
    assert "still running after 1 seconds" in out
