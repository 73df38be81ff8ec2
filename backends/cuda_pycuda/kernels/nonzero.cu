// nonzero: the coordinates of the true elements, in row-major order. Blocks count theirs, the
// counts are added up, and then every block knows where its own begin.
//
// INDEX.
#include "common.cuh"

constexpr int THREADS = 256;
constexpr int EACH = 8; // neighbouring elements of a thread
constexpr int CHUNK = THREADS * EACH;

struct Nonzero {
    long long total, found; // elements of a, rows of out
    long long dimensions, row_step, column_step;
    AnyLayout<1> a;
};

// The true ones among a thread's elements, a bit each.
__device__ inline unsigned true_ones(const bool *a, const Nonzero &s)
{
    const long long first = (long long)blockIdx.x * CHUNK + threadIdx.x * EACH;
    unsigned bits = 0;
#pragma unroll // loads in flight
    for (int i = 0; i < EACH; i++)
        if (first + i < s.total) {
            Index at[1];
            locate(s.a, Index(first + i), at);
            bits |= unsigned(a[at[0]]) << i;
        }
    return bits;
}

// The sum of what the threads before this one bring, and of all; a block of THREADS.
__device__ inline long long sum_before(long long mine, long long &all)
{
    __shared__ long long sums[THREADS];
    sums[threadIdx.x] = mine;
    __syncthreads();
    for (int reach = 1; reach < THREADS; reach *= 2) {
        const long long more = (int)threadIdx.x >= reach ? sums[threadIdx.x - reach] : 0;
        __syncthreads();
        sums[threadIdx.x] += more;
        __syncthreads();
    }
    all = sums[THREADS - 1];
    const long long before = sums[threadIdx.x] - mine;
    __syncthreads();
    return before;
}

extern "C" __global__ void __launch_bounds__(THREADS)
    count(long long *counts, const bool *a, Nonzero s)
{
    long long all;
    sum_before(__popc(true_ones(a, s)), all);
    if (threadIdx.x == 0)
        counts[blockIdx.x] = all;
}

// Makes of every count the sum of those before it; one block.
extern "C" __global__ void __launch_bounds__(THREADS) add_counts(long long *counts, long long n)
{
    long long so_far = 0;
    for (long long start = 0; start < n; start += THREADS) {
        const long long i = start + threadIdx.x;
        long long all;
        const long long before = sum_before(i < n ? counts[i] : 0, all);
        if (i < n)
            counts[i] = so_far + before;
        so_far += all;
    }
}

// `begins`: the first row of every block; nullptr where there is one block.
extern "C" __global__ void __launch_bounds__(THREADS)
    write(long long *out, const bool *a, const long long *begins, Nonzero s)
{
    const unsigned bits = true_ones(a, s);
    long long all;
    long long row = sum_before(__popc(bits), all);
    if (begins != nullptr)
        row += begins[blockIdx.x];
    const long long first = (long long)blockIdx.x * CHUNK + threadIdx.x * EACH;
    for (int i = 0; i < EACH; i++) {
        if (!(bits >> i & 1) || row >= s.found)
            continue;
        Index number = Index(first + i);
        for (int d = 0; d < (int)s.dimensions; d++) { // the innermost first
            const Index rest = divide(s.a.dims, d, number);
            const long long column = s.dimensions - 1 - d;
            out[row * s.row_step + column * s.column_step] =
                number - rest * Index(s.a.dims.sizes[d]);
            number = rest;
        }
        row++;
    }
}
