// mse_loss: the mean of (a - b)^2 over all elements of two views of one shape.
//
// T, INDEX; DIMS, the rank of the views (0: any). Blocks leave their sums in scratch memory, and
// one block adds those up; a single block writes the mean itself.
#include "gather.cuh"
#include "reducers.cuh"

using Views = ViewsOf<DIMS, 2>::Type;
using Total = Accumulate<T>;

struct Difference {
    T lanes[1];
};

struct Squares : Sum<T> {
    __device__ static Total take(Total sum, T distance, long long)
    {
        return sum + distance * distance;
    }
};

__device__ inline void leave(T *out, Total *scratch, long long count, Total sum)
{
    if (threadIdx.x == 0 && gridDim.x > 1)
        scratch[blockIdx.x] = sum;
    else if (threadIdx.x == 0)
        *out = T(sum / Total(count));
}

extern "C" __global__ void squares(T *out, const T *a, const T *b, Total *scratch, long long count,
                                   Views views)
{
    const Total sum =
        gather<Squares, 1>(grid_thread(), Index(count), grid_threads(), [&](Index number) {
            Index at[2];
            locate(views, number, at);
            return Difference{a[at[0]] - b[at[1]]};
        });
    leave(out, scratch, count, group_sum(sum));
}

extern "C" __global__ void mean_of_squares(T *out, Total *scratch, long long blocks,
                                           long long count)
{
    const Total sum =
        gather<Sum<Total>, 1>(Index(threadIdx.x), Index(blocks), Index(blockDim.x),
                              [&](Index number) { return Vector<Total, 1>{scratch[number]}; });
    leave(out, scratch, count, group_sum(sum));
}
