// matmul where one side is a few vectors: out(line, v) = sum over k of a(line, k) x(k, v) + bias.
// Every element of `a` is used once per vector, so what counts is to read it at full speed.
//
// T: the dtype; INDEX: of offsets within a matrix; PACKED: whether `a` and `x` are dense
// along the depth and move in 16-byte packs.
#include "gemm.cuh"

using Wide = Wrapping<T>;
constexpr int WIDTH = PACKED ? 16 / sizeof(T) : 1;
constexpr unsigned ALL_LANES = 0xffffffffu;
constexpr int WARPS = 8;

struct Matvec {
    long long lines, vectors, k, batches;
    long long a_batch, a_line, a_depth;
    long long x_batch, x_depth, x_vector;
    long long out_batch, out_line, out_vector;
    long long bias_line, bias_vector; // steps of the bias; one of them is 0
    long long warps;                  // that share a line, in `rows`
};

__device__ static void conclude(T *out, const T *bias, const Matvec &s, long long batch,
                                long long vector, long long line, Wide sum)
{
    if (bias != nullptr)
        sum += Wide(bias[line * s.bias_line + vector * s.bias_vector]);
    out[batch * s.out_batch + line * s.out_line + vector * s.out_vector] = T(sum);
}

// One thread's share of a dot product: packs `first`, `first + step`, ... in several sums, whose
// loads do not wait for each other.
__device__ static Wide dot(const T *a, const T *x, const Matvec &s, Index first, Index step)
{
    constexpr int FLIGHT = 4;
    const Index a_depth = (Index)s.a_depth, x_depth = (Index)s.x_depth;
    const Index packs = (Index)(s.k / WIDTH);
    Wide sums[FLIGHT] = {};
    for (Index p = first; p < packs; p += step * FLIGHT) {
#pragma unroll
        for (int f = 0; f < FLIGHT; f++) {
            const Index at = p + f * step;
            if (at >= packs)
                continue;
            const auto u = *reinterpret_cast<const Packed<T, WIDTH> *>(a + at * WIDTH * a_depth);
            const auto v = *reinterpret_cast<const Packed<T, WIDTH> *>(x + at * WIDTH * x_depth);
#pragma unroll
            for (int w = 0; w < WIDTH; w++)
                sums[f] += Wide(u.at[w]) * Wide(v.at[w]);
        }
    }
    return (sums[0] + sums[1]) + (sums[2] + sums[3]);
}

// `a` is dense along the depth: a warp, or all warps of a block, share a line.
extern "C" __global__ void __launch_bounds__(32 * WARPS)
    rows(T *out, const T *a, const T *x, const T *bias, Matvec s)
{
    __shared__ Wide shared[WARPS];
    const int lane = threadIdx.x % 32, warp = threadIdx.x / 32, warps = (int)s.warps;
    const long long line = (long long)blockIdx.x * (WARPS / warps) + warp / warps;
    for (long long part = blockIdx.y; part < s.batches * s.vectors; part += gridDim.y) {
        const long long batch = part / s.vectors, vector = part % s.vectors;
        const T *from = a + batch * s.a_batch + line * s.a_line;
        Wide sum = Wide(0);
        if (line < s.lines)
            sum = dot(from, x + batch * s.x_batch + vector * s.x_vector, s,
                      (Index)(warp % warps * 32 + lane), (Index)(warps * 32));
        for (int reach = 16; reach > 0; reach /= 2)
            sum += __shfl_down_sync(ALL_LANES, sum, reach);
        if (warps > 1) {
            if (lane == 0)
                shared[warp] = sum;
            __syncthreads();
            if (threadIdx.x == 0)
                for (int w = 1; w < WARPS; w++)
                    sum += shared[w];
            __syncthreads();
        }
        if (lane == 0 && warp % warps == 0 && line < s.lines)
            conclude(out, bias, s, batch, vector, line, sum);
    }
}

// `a` is dense across the lines: a warp reads 32 lines side by side, and each of a block's warps
// takes every eighth depth.
extern "C" __global__ void __launch_bounds__(32 * WARPS)
    columns(T *out, const T *a, const T *x, const T *bias, Matvec s)
{
    __shared__ Wide shared[WARPS][32];
    const int lane = threadIdx.x % 32, warp = threadIdx.x / 32;
    const long long line = (long long)blockIdx.x * 32 + lane;
    for (long long part = blockIdx.y; part < s.batches * s.vectors; part += gridDim.y) {
        const long long batch = part / s.vectors, vector = part % s.vectors;
        const T *from = a + batch * s.a_batch + line * s.a_line;
        const T *with = x + batch * s.x_batch + vector * s.x_vector;
        Wide sum = Wide(0);
        if (line < s.lines)
#pragma unroll 8
            for (Index k = warp; k < (Index)s.k; k += WARPS)
                sum += Wide(from[k * (Index)s.a_depth]) * Wide(with[k * (Index)s.x_depth]);
        shared[warp][lane] = sum;
        __syncthreads();
        if (warp == 0 && line < s.lines) {
            for (int w = 1; w < WARPS; w++)
                sum += shared[w][lane];
            conclude(out, bias, s, batch, vector, line, sum);
        }
        __syncthreads();
    }
}
