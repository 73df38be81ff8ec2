"""Kernels without mistakes, against NumPy, in every order of threads and blocks."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

pytestmark = pytest.mark.usefixtures("order")

RANDOM = np.random.default_rng(7)


def floats(*shape: int) -> np.ndarray:
    return RANDOM.standard_normal(shape).astype(np.float32)


def test_elementwise(cuda: Any, module: Any) -> None:
    kernel = module(
        """
        __global__ void add(float *out, const float *a, const float *b, int n)
        {
            int i = blockIdx.x * blockDim.x + threadIdx.x;
            if (i < n) out[i] = a[i] + b[i];
        }
        """
    ).get_function("add")
    a, b = floats(1000), floats(1000)
    out = np.empty_like(a)
    kernel(cuda.Out(out), cuda.In(a), cuda.In(b), np.int32(1000), block=(128, 1, 1), grid=(8, 1))
    assert np.array_equal(out, a + b)


def test_tiled_matmul(cuda: Any, module: Any) -> None:
    kernel = module(
        """
        #define T 8
        __global__ void matmul(float *c, const float *a, const float *b, int m, int n, int k)
        {
            __shared__ float left[T][T], right[T][T + 1];
            int x = threadIdx.x, y = threadIdx.y, i = blockIdx.y * T + y, j = blockIdx.x * T + x;
            float sum = 0;
            for (int at = 0; at < k; at += T) {
                left[y][x] = i < m && at + x < k ? a[i * k + at + x] : 0.f;
                right[y][x] = j < n && at + y < k ? b[(at + y) * n + j] : 0.f;
                __syncthreads();
                #pragma unroll
                for (int q = 0; q < T; q++) sum += left[y][q] * right[q][x];
                __syncthreads();
            }
            if (i < m && j < n) c[i * n + j] = sum;
        }
        """
    ).get_function("matmul")
    a, b = floats(19, 33), floats(33, 21)
    c = np.empty((19, 21), np.float32)
    sizes = [np.int32(size) for size in (19, 21, 33)]
    kernel(cuda.Out(c), cuda.In(a), cuda.In(b), *sizes, block=(8, 8, 1), grid=(3, 3))
    np.testing.assert_allclose(c, a @ b, rtol=1e-5, atol=1e-5)


def test_a_reduction_with_shuffles_shared_memory_and_atomics(cuda: Any, module: Any) -> None:
    kernel = module(
        """
        __device__ float warp_sum(float v)
        {
            for (int d = 16; d; d /= 2) v += __shfl_down_sync(0xffffffff, v, d);
            return v;
        }
        __global__ void total(float *out, const float *a, int n)
        {
            __shared__ float parts[32];
            float v = 0;
            for (int i = blockIdx.x * blockDim.x + threadIdx.x; i < n; i += gridDim.x * blockDim.x)
                v += a[i];
            v = warp_sum(v);
            if (threadIdx.x % 32 == 0) parts[threadIdx.x / 32] = v;
            __syncthreads();
            if (threadIdx.x < 32) {
                v = warp_sum(threadIdx.x < blockDim.x / 32 ? parts[threadIdx.x] : 0.f);
                if (threadIdx.x == 0) atomicAdd(out, v);
            }
        }
        """
    ).get_function("total")
    a = floats(5000)
    out = np.zeros(1, np.float32)
    kernel(cuda.InOut(out), cuda.In(a), np.int32(5000), block=(256, 1, 1), grid=(5, 1))
    np.testing.assert_allclose(out[0], a.sum(dtype=np.float64), rtol=1e-4, atol=1e-3)


def test_softmax_of_rows(cuda: Any, module: Any) -> None:
    kernel = module(
        """
        __global__ void softmax(float *out, const float *in, int n)
        {
            const float *row = in + blockIdx.x * n;
            float most = -INFINITY, sum = 0;
            for (int i = threadIdx.x; i < n; i += 32) most = fmaxf(most, row[i]);
            for (int d = 16; d; d /= 2) most = fmaxf(most, __shfl_xor_sync(~0u, most, d));
            for (int i = threadIdx.x; i < n; i += 32) sum += __expf(row[i] - most);
            for (int d = 16; d; d /= 2) sum += __shfl_xor_sync(~0u, sum, d);
            for (int i = threadIdx.x; i < n; i += 32)
                out[blockIdx.x * n + i] = __expf(row[i] - most) / sum;
        }
        """
    ).get_function("softmax")
    a = floats(6, 77)
    out = np.empty_like(a)
    kernel(cuda.Out(out), cuda.In(a), np.int32(77), block=(32, 1, 1), grid=(6, 1))
    wide = np.exp(a.astype(np.float64) - a.max(1, keepdims=True))
    np.testing.assert_allclose(out, wide / wide.sum(1, keepdims=True), rtol=1e-5)


def test_a_struct_of_strides_by_value(cuda: Any, module: Any) -> None:
    kernel = module(
        """
        struct Layout { long long shape[4], strides[4]; };
        __global__ void copy(double *out, const double *in, Layout layout, long long n)
        {
            long long i = blockIdx.x * (long long)blockDim.x + threadIdx.x;
            if (i >= n) return;
            long long rest = i, offset = 0;
            for (int d = 3; d >= 0; d--) {
                offset += rest % layout.shape[d] * layout.strides[d];
                rest /= layout.shape[d];
            }
            out[i] = in[offset];
        }
        """
    ).get_function("copy")
    a = RANDOM.standard_normal((4, 1, 3, 5))
    view = np.broadcast_to(a.transpose(2, 1, 3, 0), (3, 2, 5, 4))
    strides = [stride // 8 for stride in view.strides]
    layout = np.array([*view.shape, *strides], np.int64)
    out = np.empty(view.shape)
    kernel.prepare("PP64sq")
    source, target = cuda.to_device(a), cuda.mem_alloc(out.nbytes)
    kernel.prepared_call((1, 1), (128, 1, 1), target, source, layout.tobytes(), out.size)
    cuda.memcpy_dtoh(out, target)
    assert np.array_equal(out, view)


def test_vector_types(cuda: Any, module: Any) -> None:
    kernel = module(
        """
        __global__ void scale(float4 *out, const float4 *in, float2 by)
        {
            float4 v = __ldg(in + threadIdx.x);
            out[threadIdx.x] = make_float4(v.x * by.x, v.y * by.y, v.z * by.x, v.w * by.y);
        }
        """
    ).get_function("scale")
    a = floats(32, 4)
    out = np.empty_like(a)
    by = np.array([2, 3], np.float32)
    kernel.prepare("PP8s")
    source, target = cuda.to_device(a), cuda.mem_alloc(out.nbytes)
    kernel.prepared_call((1, 1), (32, 1, 1), target, source, by.tobytes())
    cuda.memcpy_dtoh(out, target)
    assert np.array_equal(out, a * np.array([2, 3, 2, 3], np.float32))


def test_a_histogram(cuda: Any, module: Any) -> None:
    kernel = module(
        """
        __global__ void histogram(unsigned *out, const unsigned char *in, int n)
        {
            extern __shared__ unsigned bins[];
            for (int i = threadIdx.x; i < 256; i += blockDim.x) bins[i] = 0;
            __syncthreads();
            for (int i = blockIdx.x * blockDim.x + threadIdx.x; i < n; i += gridDim.x * blockDim.x)
                atomicAdd(&bins[in[i]], 1u);
            __syncthreads();
            for (int i = threadIdx.x; i < 256; i += blockDim.x) atomicAdd(&out[i], bins[i]);
        }
        """
    ).get_function("histogram")
    a = RANDOM.integers(0, 256, 3000).astype(np.uint8)
    out = np.zeros(256, np.uint32)
    kernel(cuda.InOut(out), cuda.In(a), np.int32(3000), block=(64, 1, 1), grid=(4, 1), shared=1024)
    assert np.array_equal(out, np.bincount(a, minlength=256))


def test_variables_of_a_module(cuda: Any, module: Any) -> None:
    compiled = module(
        """
        __constant__ float weights[4];
        __device__ int calls;
        __global__ void weigh(float *out)
        {
            out[threadIdx.x] = weights[threadIdx.x];
            atomicAdd(&calls, 1);
        }
        """
    )
    weights = floats(4)
    address, size = compiled.get_global("weights")
    assert size == 16
    cuda.memcpy_htod(address, weights)
    out = np.empty(4, np.float32)
    compiled.get_function("weigh")(cuda.Out(out), block=(4, 1, 1))
    assert np.array_equal(out, weights)
    calls = np.zeros(1, np.int32)
    cuda.memcpy_dtoh(calls, compiled.get_global("calls")[0])
    assert calls[0] == 4


def test_templates_and_mangled_names(cuda: Any, module: Any) -> None:
    compiled = module(
        """
        template <typename T, int N> __device__ void fill(T *out, T value)
        {
            __shared__ T shared[N];
            shared[threadIdx.x] = value;
            __syncthreads();
            out[threadIdx.x] = shared[N - 1 - threadIdx.x];
        }
        extern "C" __global__ void fill_float(float *out, float v) { fill<float, 8>(out, v); }
        extern "C" __global__ void fill_int(int *out, int v) { fill<int, 8>(out, v); }
        template <typename T> __global__ void twice(T *out) { out[threadIdx.x] *= 2; }
        template __global__ void twice<float>(float *);
        """,
        no_extern_c=True,
    )
    out, whole = np.empty(8, np.float32), np.empty(8, np.int32)
    compiled.get_function("fill_float")(cuda.Out(out), np.float32(1.5), block=(8, 1, 1))
    compiled.get_function("fill_int")(cuda.Out(whole), np.int32(-3), block=(8, 1, 1))
    assert (out == 1.5).all()
    assert (whole == -3).all()
    compiled.get_function("_Z5twiceIfEvPT_")(cuda.InOut(out), block=(8, 1, 1))
    assert (out == 3).all()


def test_sixteen_bit_floats(cuda: Any, module: Any) -> None:
    kernel = module(
        """
        #include <cuda_fp16.h>
        #include <cuda_bf16.h>
        __global__ void add(__half *h, unsigned short *b, const float *in)
        {
            int i = threadIdx.x;
            h[i] = __hadd(__float2half(in[i]), __float2half(1.f));
            b[i] = __bfloat16_as_ushort(__float2bfloat16(in[i]));
        }
        """
    ).get_function("add")
    a = np.concatenate([floats(60), [1e-7, 65519, 1e9, -6e-8]]).astype(np.float32)
    half, brain = np.empty(64, np.float16), np.empty(64, np.uint16)
    kernel(cuda.Out(half), cuda.Out(brain), cuda.In(a), block=(64, 1, 1))
    with np.errstate(over="ignore"):
        assert np.array_equal(half, a.astype(np.float16) + np.float16(1))
    bits = a.view(np.uint32)
    assert np.array_equal(brain, (bits + 0x7FFF + (bits >> 16 & 1)) >> 16)


def test_votes_and_reductions_of_a_warp(cuda: Any, module: Any) -> None:
    kernel = module(
        """
        __global__ void vote(unsigned *out)
        {
            unsigned t = threadIdx.x, m = 0xffffffff;
            unsigned results[8] = {
                __ballot_sync(m, t % 3 == 0), (unsigned)__any_sync(m, t == 40),
                (unsigned)__all_sync(m, t < 64), __reduce_add_sync(m, t), __reduce_max_sync(m, t),
                __match_any_sync(m, t / 16), (unsigned)__shfl_up_sync(m, t, 1, 8),
                (unsigned)__syncthreads_count(t < 5)};
            for (int i = 0; i < 8; i++) out[t * 8 + i] = results[i];
        }
        """
    ).get_function("vote")
    out = np.empty((64, 8), np.uint32)
    kernel(cuda.Out(out), block=(64, 1, 1))
    t = np.arange(64)
    low = sum(1 << lane for lane in range(32) if lane % 3 == 0)
    high = sum(1 << lane for lane in range(32) if (lane + 32) % 3 == 0)
    assert np.array_equal(out[:, 0], np.where(t < 32, low, high))
    assert np.array_equal(out[:, 1], t // 32)
    assert (out[:, 2] == 1).all()
    assert np.array_equal(out[:, 3], np.where(t < 32, 496, 496 + 1024))
    assert np.array_equal(out[:, 4], np.where(t < 32, 31, 63))
    assert np.array_equal(out[:, 5], np.where(t // 16 % 2, 0xFFFF0000, 0xFFFF))
    assert np.array_equal(out[:, 6], np.where(t % 8, t - 1, t))
    assert (out[:, 7] == 5).all()


def test_threads_that_return_early_leave_their_warp_working(cuda: Any, module: Any) -> None:
    kernel = module(
        """
        __global__ void partial(int *out)
        {
            if (threadIdx.x >= 20) return;
            out[threadIdx.x] = __shfl_sync(0xfffff, (int)threadIdx.x, 19 - threadIdx.x);
        }
        """
    ).get_function("partial")
    out = np.zeros(32, np.int32)
    kernel(cuda.InOut(out), block=(32, 1, 1))
    assert np.array_equal(out[:20], np.arange(20)[::-1])


def test_a_lock_that_threads_spin_on(cuda: Any, module: Any) -> None:
    kernel = module(
        """
        __global__ void locked(int *lock, int *count)
        {
            while (atomicCAS(lock, 0, 1) != 0) { }
            *count += 1;
            __threadfence();
            atomicExch(lock, 0);
        }
        """
    ).get_function("locked")
    lock, count = np.zeros(1, np.int32), np.zeros(1, np.int32)
    kernel(cuda.InOut(lock), cuda.InOut(count), block=(96, 1, 1), grid=(3, 1))
    assert count[0] == 288


def test_functions_of_the_device(cuda: Any, module: Any) -> None:
    kernel = module(
        """
        __global__ void functions(double *out, double x)
        {
            float f = (float)x;
            double results[] = {
                rsqrt(x), sinpi(x), cospi(0.5), normcdf(x), erfinv(0.5), exp10(x), rcbrt(x),
                (double)rsqrtf(f), (double)__expf(f), (double)__fdividef(f, 2.f), fma(x, x, 1.0),
                (double)__float2int_rz(-2.7f), (double)__float2int_rn(2.5f),
                (double)__float2int_rn(1e20f), (double)__popc(255), (double)__clz(1),
                (double)__umulhi(0x80000000u, 6u), (double)__int_as_float(0x40490fdb),
                (double)__brev(1u), (double)__ffs(8), (double)min(3, -4), (double)max(2.f, f),
                copysign(1.0, -x), (double)__fadd_ru(1.f, 1e-10f), (double)isnan(x / 0.0 * 0.0)};
            for (int i = 0; i < sizeof(results) / sizeof(double); i++) out[i] = results[i];
        }
        """
    ).get_function("functions")
    x = 1.3
    out = np.empty(25)
    kernel(cuda.Out(out), np.float64(x), block=(1, 1, 1))
    expected = [
        x**-0.5, np.sin(np.pi * x), 0, 0.9031995154143897, 0.4769362762044699, 10**x, x ** (-1 / 3),
        x**-0.5, np.exp(x), x / 2, x * x + 1, -2, 2, 2**31 - 1, 8, 31, 3, np.pi, 2**31, 4, -4, 2,
        -1, 1 + 2**-23, 1,
    ]  # fmt: skip
    np.testing.assert_allclose(out, expected, rtol=3e-7, atol=1e-12)
