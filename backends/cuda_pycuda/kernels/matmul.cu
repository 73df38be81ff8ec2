// matmul and linear: (B, M, K) x (B, K, N) -> (B, M, N), any strides, plus a bias if there is one.
//
// T: the dtype; INDEX: of offsets within a matrix; TILE_SIDE: that of a block's tile; PACKED:
// whether operands move in 16-byte packs, for which the host has looked at strides and pointers.
#include "gemm.cuh"

using Wide = Wrapping<T>;
constexpr int WIDTH = PACKED ? 16 / sizeof(T) : 1;

struct Matmul {
    long long m, n, k;
    Division division;
    long long a_batch, a_row, a_depth;
    long long b_batch, b_depth, b_column;
    long long out_batch, out_row, out_column;
    long long bias_step;
};

// A matrix in memory. Threads, and packs, go along whichever index has the smaller stride.
template <bool ALONG> struct Strided {
    static constexpr bool ALONG_DEPTH = ALONG;
    using Line = Index;
    const T *data;
    Index line_step, depth_step;

    __device__ Index line(Index l) const { return l * line_step; }
    __device__ Index depth(Index k) const { return k * depth_step; }
    template <typename To, int COUNT> __device__ Packed<To, COUNT> get(Index l, Index k) const
    {
        const auto pack = *reinterpret_cast<const Packed<T, COUNT> *>(data + l + k);
        Packed<To, COUNT> to;
#pragma unroll
        for (int w = 0; w < COUNT; w++)
            to.at[w] = To(pack.at[w]);
        return to;
    }
};

// Where one element of the result is kept: in `out`, or among the partial sums.
__device__ static T *place(T *out, const Matmul &s, long long batch, Index row, Index column)
{
    return out + batch * s.out_batch + (Index)(row * (Index)s.out_row) +
           (Index)(column * (Index)s.out_column);
}

__device__ static Wide added(const T *bias, const Matmul &s, Index column)
{
    return bias == nullptr ? Wide(0) : Wide(bias[column * s.bias_step]);
}

extern "C" __global__ void __launch_bounds__(GEMM_THREADS, 2)
    product(T *out, Wide *partial, const T *a, const T *b, const T *bias, Matmul s)
{
    const Index m = (Index)s.m, n = (Index)s.n;
    const Tile tile = tile_of_block(m, n, TILE_SIDE);
    const Division d = s.division;
    const long long part = part_of_block();
    if (part >= d.batches * d.pieces)
        return;
    const long long batch = part % d.batches, start = part / d.batches * d.piece;
    const long long end = start + d.piece < s.k ? start + d.piece : s.k;
    const Strided<A_ALONG_DEPTH> rows{a + batch * s.a_batch, (Index)s.a_row, (Index)s.a_depth};
    const Strided<B_ALONG_DEPTH> columns{b + batch * s.b_batch, (Index)s.b_column,
                                         (Index)s.b_depth};
    const auto store = [&](Index row, Index column, Wide sum) {
        if (partial != nullptr)
            partial[(part * s.m + row) * s.n + column] = sum;
        else
            *place(out, s, batch, row, column) = T(sum + added(bias, s, column));
    };
    gemm_tile<Wide, TILE_SIDE, WIDTH>(rows, columns, tile.row, tile.column, m, n, (Index)start,
                                      (Index)end, store);
}

// out = the partial sums of every element, added in order, and the bias.
extern "C" __global__ void combine(T *out, const Wide *partial, const T *bias, Matmul s)
{
    const long long total = s.division.batches * s.m * s.n;
    const long long step = (long long)gridDim.x * blockDim.x;
    for (long long i = (long long)blockIdx.x * blockDim.x + threadIdx.x; i < total; i += step) {
        Wide sum = Wide(0);
        for (long long piece = 0; piece < s.division.pieces; piece++)
            sum += partial[piece * total + i];
        const Index row = (Index)(i / s.n % s.m), column = (Index)(i % s.n);
        *place(out, s, i / (s.m * s.n), row, column) = T(sum + added(bias, s, column));
    }
}
