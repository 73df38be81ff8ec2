// Reductions of the last dimensions: `rows` results, each of `count` elements.
//
// REDUCER, T, INDEX; OUTER and INNER, the ranks that rows and reduced dimensions collapse to.
//
// Three shapes of work share one loop. `rows` gives a row to blockDim.x threads, which read
// neighbours in it; `columns` gives neighbouring rows to neighbouring threads, for memory that runs
// across the rows, and a row to blockDim.y of them. Where the rows are too few to fill the device,
// gridDim.y blocks share each one: they leave states in scratch memory, and `finish_rows` combines
// those. So nothing depends on the order in which blocks run.
#include "gather.cuh"
#include "reducers.cuh"

using R = REDUCER<T>;
using State = R::State;

struct Combine {
    __device__ State operator()(State a, State b) const { return R::combine(a, b); }
};

// ---- where things are ----
using Rows = ViewsOf<OUTER, 2>::Type;   // of the input and of the result
using Inside = ViewsOf<INNER, 1>::Type; // of the reduced dimensions

constexpr int IN = 0, OUT = 1;

__device__ inline Index row_offset(const Rows &rows, int view, Index row)
{
    Index offsets[2];
    locate(rows, row, offsets);
    return offsets[view];
}

__device__ inline T element(const T *row, const Inside &inside, Index number)
{
    Index offset[1];
    locate(inside, number, offset);
    return row[offset[0]];
}

// What every kernel is told. `share` is how many turns a block takes of a row.
struct Job {
    R::Result *out;
    const T *a;
    State *scratch; // [rows][gridDim.y]; used where there is more than one block per row
    long long rows, count, share;
};

__device__ inline void leave(const Job &job, const Rows &views, Index row, State state)
{
    if (gridDim.y > 1)
        job.scratch[(long long)row * gridDim.y + blockIdx.y] = state;
    else
        job.out[row_offset(views, OUT, row)] = R::finish(state, job.count);
}

// A block's part of the turns that a row has.
struct Share {
    Index first, end;
    __device__ Share(const Job &job, Index turns)
        : first(Index(blockIdx.y * job.share)),
          end(Index(turns - first < job.share ? turns : first + job.share))
    {
    }
};

template <int VECTOR>
__device__ inline void reduce_rows(const Job &job, const Rows &views, const Inside &inside)
{
    const Index row = Index(blockIdx.x) * blockDim.y + threadIdx.y;
    const Index count = Index(job.count), turns = count / VECTOR;
    State state = R::identity();
    if (row < job.rows) {
        const T *a = job.a + row_offset(views, IN, row);
        const Share share(job, turns);
        if constexpr (VECTOR == 1)
            state = gather<R, 1>(share.first + threadIdx.x, share.end, blockDim.x, [&](Index turn) {
                return Vector<T, 1>{element(a, inside, turn)};
            });
        else
            state = gather<R, VECTOR>(share.first + threadIdx.x, share.end, blockDim.x,
                                      [&](Index turn) { return load_vector<VECTOR>(a, turn); });
        // The elements behind the last whole turn; there may be more of them than threads.
        const bool last = VECTOR > 1 && blockIdx.y == gridDim.y - 1;
        for (Index rest = turns * VECTOR + threadIdx.x; last && rest < count; rest += blockDim.x)
            state = R::take(state, a[rest], rest);
    }
    state = group_combine(state, Combine());
    if (row < job.rows && threadIdx.x == 0)
        leave(job, views, row, state);
}

extern "C" __global__ void rows(Job job, Rows views, Inside inside)
{
    reduce_rows<1>(job, views, inside);
}

// The elements of a row are neighbours, and all rows begin at multiples of 16 bytes.
extern "C" __global__ void dense_rows(Job job, Rows views, Inside inside)
{
    reduce_rows<LANES_OF<T>>(job, views, inside);
}

constexpr int MOST_THREADS = 512;

extern "C" __global__ void columns(Job job, Rows views, Inside inside)
{
    __shared__ State parts[MOST_THREADS];
    const Index row = Index(blockIdx.x) * blockDim.x + threadIdx.x;
    State state = R::identity();
    if (row < job.rows) {
        const T *a = job.a + row_offset(views, IN, row);
        const Share share(job, Index(job.count));
        state = gather<R, 1>(share.first + threadIdx.y, share.end, blockDim.y,
                             [&](Index turn) { return Vector<T, 1>{element(a, inside, turn)}; });
    }
    State *mine = parts + threadIdx.y * blockDim.x + threadIdx.x;
    *mine = state;
    for (int half = blockDim.y / 2; half > 0; half /= 2) { // blockDim.y is a power of two
        __syncthreads();
        if (threadIdx.y < half)
            *mine = R::combine(*mine, mine[half * blockDim.x]);
    }
    if (row < job.rows && threadIdx.y == 0)
        leave(job, views, row, *mine);
}

// Combines what `splits` blocks left of each row.
extern "C" __global__ void finish_rows(Job job, Rows views, long long splits)
{
    const Index row = Index(blockIdx.x) * blockDim.y + threadIdx.y;
    State state = R::identity();
    if (row < job.rows)
        for (Index i = threadIdx.x; i < splits; i += blockDim.x)
            state = R::combine(state, job.scratch[(long long)row * splits + i]);
    state = group_combine(state, Combine());
    if (row < job.rows && threadIdx.x == 0)
        leave(job, views, row, state); // gridDim.y is 1
}
