// cumsum along the last dimension.
//
// T, INDEX; OUTER, the rank that rows collapse to (0: any). A group of threads goes along its row
// tile by tile and carries the sum. Few long rows are cut into gridDim.y chunks: `totals` leaves
// the sum of each in scratch memory, and `scan` begins with the sum of those before its own.
#include "gather.cuh"
#include "group.cuh"
#include "numbers.cuh"

using Rows = ViewsOf<OUTER, 2>::Type;
using Total = Wrapping<Accumulate<T>>;

constexpr int EACH = 4; // neighbours that a thread adds up itself

struct Job {
    T *out;
    const T *a;
    Total *scratch; // [rows][gridDim.y]
    long long rows, count, chunk;
    long long out_step, a_step;
};

// The sum of the values of the group's threads before this one; `all` becomes that of all.
__device__ inline Total sum_before(Total value, Total &all)
{
    __shared__ Total of_warps[WARP];
    const int threads = blockDim.x, width = threads < WARP ? threads : WARP;
    const int lane = threadIdx.x & (width - 1); // a power of two
    Total sum = value;
    for (int distance = 1; distance < width; distance *= 2) {
        const Total lower = __shfl_up_sync(ALL_LANES, sum, distance, width);
        if (lane >= distance)
            sum += lower;
    }
    Total before = __shfl_up_sync(ALL_LANES, sum, 1, width);
    if (lane == 0)
        before = Total(0);
    all = __shfl_sync(ALL_LANES, sum, width - 1, width);
    if (threads > WARP) {
        const int warps = threads / WARP, first = threadIdx.y * warps;
        if (lane == 0)
            of_warps[first + threadIdx.x / WARP] = all;
        __syncthreads();
        all = Total(0);
        for (int warp = 0; warp < warps; warp++) {
            before += warp < int(threadIdx.x / WARP) ? of_warps[first + warp] : Total(0);
            all += of_warps[first + warp];
        }
        __syncthreads(); // the next call writes where others may still read
    }
    return before;
}

// This block's part of a row; empty, where the group has no row.
struct Part {
    Index row, first, end;
    Index at[2];

    __device__ Part(const Job &job, const Rows &rows)
        : row(Index(blockIdx.x) * blockDim.y + threadIdx.y), at{0, 0}
    {
        const long long start = blockIdx.y * job.chunk, rest = job.count - start;
        first = Index(start);
        end = Index(row < job.rows ? start + (rest < job.chunk ? rest : job.chunk) : start);
        if (row < job.rows)
            locate(rows, row, at);
    }
};

// EACH neighbours, at once where they lie together and begin at a vector; 0 behind the end.
constexpr int LANES = LANES_OF<T> < EACH ? LANES_OF<T> : EACH;

__device__ inline bool together(const T *at, Index step, Index start, Index end)
{
    return step == 1 && start + EACH <= end && is_aligned(at, LANES * sizeof(T));
}

__device__ inline void read(T (&values)[EACH], const T *row, Index step, Index start, Index end)
{
    const T *from = row + start * step;
    if (together(from, step, start, end)) {
#pragma unroll
        for (int k = 0; k < EACH; k += LANES) {
            const Vector<T, LANES> vector = load_vector<LANES>(from + k, Index(0));
#pragma unroll
            for (int lane = 0; lane < LANES; lane++)
                values[k + lane] = vector.lanes[lane];
        }
        return;
    }
#pragma unroll
    for (int k = 0; k < EACH; k++)
        values[k] = start + k < end ? from[k * step] : T(0);
}

__device__ inline void write(const T (&values)[EACH], T *row, Index step, Index start, Index end)
{
    T *to = row + start * step;
    if (together(to, step, start, end)) {
#pragma unroll
        for (int k = 0; k < EACH; k += LANES) {
            Vector<T, LANES> vector;
#pragma unroll
            for (int lane = 0; lane < LANES; lane++)
                vector.lanes[lane] = values[k + lane];
            store_vector(to + k, Index(0), vector);
        }
        return;
    }
#pragma unroll
    for (int k = 0; k < EACH; k++)
        if (start + k < end)
            to[k * step] = values[k];
}

extern "C" __global__ void totals(Job job, Rows rows)
{
    const Part part(job, rows);
    const T *a = job.a + part.at[1];
    Total sum = Total(0);
#pragma unroll 4 // loads in flight
    for (Index i = part.first + threadIdx.x; i < part.end; i += blockDim.x)
        sum += Total(a[i * Index(job.a_step)]);
    sum = group_sum(sum);
    if (part.row < job.rows && threadIdx.x == 0)
        job.scratch[(long long)part.row * gridDim.y + blockIdx.y] = sum;
}

// What the chunks before this one add up to.
__device__ inline Total carried(const Job &job, Index row)
{
    Total sum = Total(0);
    if (row < job.rows)
        for (int chunk = threadIdx.x; chunk < blockIdx.y; chunk += blockDim.x)
            sum += job.scratch[(long long)row * gridDim.y + chunk];
    return group_sum(sum);
}

extern "C" __global__ void scan(Job job, Rows rows)
{
    const Part part(job, rows);
    T *out = job.out + part.at[0];
    const T *a = job.a + part.at[1];
    Total carry = gridDim.y > 1 ? carried(job, part.row) : Total(0);
    // All groups of a block take as many turns, whether they have a row or not.
    const Index length = Index(job.chunk < job.count ? job.chunk : job.count);
    for (Index tile = 0; tile < length; tile += blockDim.x * EACH) {
        const Index start = part.first + tile + threadIdx.x * EACH;
        T values[EACH];
        read(values, a, Index(job.a_step), start, part.end);
        Total sums[EACH], sum = Total(0);
#pragma unroll
        for (int k = 0; k < EACH; k++) {
            sum += Total(values[k]);
            sums[k] = sum;
        }
        Total all;
        const Total before = carry + sum_before(sum, all);
#pragma unroll
        for (int k = 0; k < EACH; k++)
            values[k] = T(before + sums[k]);
        write(values, out, Index(job.out_step), start, part.end);
        carry += all;
    }
}
