// Kernels along the last dimension that need whole rows: who takes which elements.
//
// Threads of a group (`group.cuh`) take every blockDim.x-th element. HELD: they keep them in
// registers, ITEMS at most; else they read them again in every pass, mostly from a cache.
#ifndef COREX_ROWS_CUH
#define COREX_ROWS_CUH

#include "gather.cuh"
#include "group.cuh"
#include "numbers.cuh"

constexpr int ITEMS = 8;
constexpr int MOST_THREADS = 1024;

// VIEWS views of rows: `steps` lead along a row.
template <int VIEWS> struct Lines {
    long long rows, count;
    long long steps[VIEWS];
};

__device__ inline Index group_row() { return Index(blockIdx.x) * blockDim.y + threadIdx.y; }

// Calls `f(i, k)` for every element i of the row that is this thread's, its k-th.
template <bool HELD, typename F> __device__ inline void visit(Index count, F f)
{
    if constexpr (HELD) {
#pragma unroll
        for (int k = 0; k < ITEMS; k++) {
            const Index i = threadIdx.x + k * blockDim.x;
            if (i < count)
                f(i, k);
        }
    } else {
        for (Index i = threadIdx.x; i < count; i += blockDim.x)
            f(i, 0);
    }
}

// A thread's elements of a row.
template <typename E, bool HELD> struct Elements {
    const E *row;
    Index step;
    E held[HELD ? ITEMS : 1];

    __device__ Elements(const E *row, Index step, Index count) : row(row), step(step)
    {
        if constexpr (HELD)
            visit<true>(count, [&](Index i, int k) { held[k] = row[i * step]; });
    }

    __device__ E operator()(Index i, int k) const
    {
        if constexpr (HELD)
            return held[k];
        else
            return row[i * step];
    }
};

// The sum over the row of `f(i, k)`.
template <typename E, bool HELD, typename F> __device__ inline E row_sum(Index count, F f)
{
    E sum = E(0);
    visit<HELD>(count, [&](Index i, int k) { sum += f(i, k); });
    return group_sum(sum);
}

#endif
