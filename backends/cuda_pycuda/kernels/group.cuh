// Threads that work on one row together.
//
// A block is (x, y): blockDim.x threads, a power of two, share a row, and blockDim.y rows share the
// block. Its size is a multiple of 32, and all of its threads come to every function here, also
// those without a row: they bring the identity.
#ifndef COREX_GROUP_CUH
#define COREX_GROUP_CUH

constexpr int WARP = 32;
constexpr unsigned ALL_LANES = 0xffffffffu;

// The value that the lane `distance` away (by xor) brings. States of several parts overload this.
template <typename V> __device__ inline V exchange(V value, int distance)
{
    return __shfl_xor_sync(ALL_LANES, value, distance);
}

// Combines the values of `width` neighbouring lanes; all of them get the same result.
template <typename V, typename Combine>
__device__ inline V warp_combine(V value, int width, Combine combine)
{
    for (int distance = width / 2; distance > 0; distance /= 2)
        value = combine(value, exchange(value, distance));
    return value;
}

// Combines the values of a row's threads; all of them get the same result.
template <typename V, typename Combine> __device__ inline V group_combine(V value, Combine combine)
{
    __shared__ V of_warps[WARP];
    const int threads = blockDim.x;
    value = warp_combine(value, threads < WARP ? threads : WARP, combine);
    if (threads > WARP) {
        const int warps = threads / WARP;
        const int first = threadIdx.y * warps;
        if (threadIdx.x % WARP == 0)
            of_warps[first + threadIdx.x / WARP] = value;
        __syncthreads();
        value = warp_combine(of_warps[first + (threadIdx.x & (warps - 1))], warps, combine);
        __syncthreads(); // the next call writes where others may still read
    }
    return value;
}

struct Plus {
    template <typename V> __device__ V operator()(V a, V b) const { return a + b; }
};

template <typename V> __device__ inline V group_sum(V value)
{
    return group_combine(value, Plus());
}

#endif
