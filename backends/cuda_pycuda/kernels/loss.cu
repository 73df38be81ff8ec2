// mse_loss: the mean of (a - b)^2 over all elements of two views of one shape.
//
// T, INDEX; DIMS, the rank of the views (0: any). Blocks leave their sums in scratch memory, and
// one block adds those up; a single block writes the mean itself.
#include "gather.cuh"
#include "reducers.cuh"

using Views = ViewsOf<DIMS, 2>::Type;
using Total = Accumulate<T>;

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
            return Vector<T, 1>{a[at[0]] - b[at[1]]};
        });
    leave(out, scratch, count, group_sum(sum));
}

// Both views are dense, and begin at multiples of 16 bytes.
extern "C" __global__ void dense_squares(T *out, const T *a, const T *b, Total *scratch,
                                         long long count, Views)
{
    constexpr int LANES = LANES_OF<T>;
    const Index vectors = Index(count / LANES), tail = vectors * LANES + grid_thread();
    Total sum = gather<Squares, LANES>(grid_thread(), vectors, grid_threads(), [&](Index turn) {
        Vector<T, LANES> apart = load_vector<LANES>(a, turn);
        const Vector<T, LANES> other = load_vector<LANES>(b, turn);
#pragma unroll
        for (int lane = 0; lane < LANES; lane++)
            apart.lanes[lane] -= other.lanes[lane];
        return apart;
    });
    if (tail < count)
        sum = Squares::take(sum, a[tail] - b[tail], tail);
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
