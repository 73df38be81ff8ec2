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

__device__ inline const T &element(const T *row, const Inside &inside, Index number)
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

// Combines what the threads of a row have found.
__device__ inline void conclude(const Job &job, const Rows &views, Index row, State state)
{
    state = group_combine(state, Combine());
    if (row < job.rows && threadIdx.x == 0)
        leave(job, views, row, state);
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

extern "C" __global__ void rows(Job job, Rows views, Inside inside)
{
    const Index row = Index(blockIdx.x) * blockDim.y + threadIdx.y;
    State state = R::identity();
    if (row < job.rows) {
        const T *a = job.a + row_offset(views, IN, row);
        const Share share(job, Index(job.count));
        state = gather<R, 1>(share.first + threadIdx.x, share.end, blockDim.x,
                             [&](Index turn) { return Vector<T, 1>{element(a, inside, turn)}; });
    }
    conclude(job, views, row, state);
}

// The elements of a row are neighbours: they are read 16 bytes at a time, and one by one before the
// first multiple of 16 bytes and behind the last one.
extern "C" __global__ void dense_rows(Job job, Rows views, Inside inside)
{
    constexpr int VECTOR = LANES_OF<T>;
    const Index row = Index(blockIdx.x) * blockDim.y + threadIdx.y;
    State state = R::identity();
    if (row < job.rows) {
        const T *a = job.a + row_offset(views, IN, row);
        const Index count = Index(job.count);
        Index head = Index((0u - misplaced(a, VECTOR_BYTES)) % VECTOR_BYTES / sizeof(T));
        head = head < count ? head : count;
        const Index turns = (count - head) / VECTOR;
        const Share share(job, turns);
        state = gather<R, VECTOR>(
            share.first + threadIdx.x, share.end, blockDim.x,
            [&](Index turn) { return load_vector<VECTOR>(a + head, turn); }, head);
        // There may be more of these than threads.
        for (Index i = threadIdx.x; blockIdx.y == 0 && i < head; i += blockDim.x)
            state = R::take(state, a[i], i);
        const bool last = blockIdx.y == gridDim.y - 1;
        for (Index i = head + turns * VECTOR + threadIdx.x; last && i < count; i += blockDim.x)
            state = R::take(state, a[i], i);
    }
    conclude(job, views, row, state);
}

// ---- across ----
constexpr int MOST_THREADS = 256;

// Combines the states of the threads of one column, into those of its first thread; blockDim.y is a
// power of two.
template <int VECTOR> __device__ inline void combine_columns(State (&states)[VECTOR])
{
    __shared__ State parts[VECTOR][MOST_THREADS];
    const int mine = threadIdx.y * blockDim.x + threadIdx.x;
#pragma unroll
    for (int v = 0; v < VECTOR; v++)
        parts[v][mine] = states[v];
    for (int half = blockDim.y / 2; half > 0; half /= 2) {
        __syncthreads();
        if (threadIdx.y < half)
#pragma unroll
            for (int v = 0; v < VECTOR; v++)
                parts[v][mine] = R::combine(parts[v][mine], parts[v][mine + half * blockDim.x]);
    }
#pragma unroll
    for (int v = 0; v < VECTOR; v++)
        states[v] = parts[v][mine];
}

// Threads take VECTOR neighbouring rows each.
template <int VECTOR>
__device__ inline void reduce_columns(const Job &job, const Rows &views, const Inside &inside)
{
    const Index row = (Index(blockIdx.x) * blockDim.x + threadIdx.x) * VECTOR;
    State states[VECTOR];
#pragma unroll
    for (int v = 0; v < VECTOR; v++)
        states[v] = R::identity();
    if (row < job.rows) {
        const T *a = job.a + row_offset(views, IN, row);
        const Share share(job, Index(job.count));
        gather_across<R, VECTOR>(
            states, share.first + threadIdx.y, share.end, blockDim.y,
            [&](Index turn) { return load_vector<VECTOR>(&element(a, inside, turn), Index(0)); });
    }
    combine_columns<VECTOR>(states);
    if (row < job.rows && threadIdx.y == 0)
#pragma unroll
        for (int v = 0; v < VECTOR; v++)
            leave(job, views, row + v, states[v]);
}

extern "C" __global__ void __launch_bounds__(MOST_THREADS)
    columns(Job job, Rows views, Inside inside)
{
    reduce_columns<1>(job, views, inside);
}

// Neighbouring rows lie side by side, and each group of COLUMNS begins at a multiple of their size.
constexpr int COLUMNS = LANES_OF<T> < 4 ? LANES_OF<T> : 4;

extern "C" __global__ void __launch_bounds__(MOST_THREADS)
    wide_columns(Job job, Rows views, Inside inside)
{
    reduce_columns<COLUMNS>(job, views, inside);
}

// Combines what `splits` blocks left of each row.
extern "C" __global__ void finish_rows(Job job, Rows views, long long splits)
{
    const Index row = Index(blockIdx.x) * blockDim.y + threadIdx.y;
    State state = R::identity();
    if (row < job.rows)
        for (Index i = threadIdx.x; i < splits; i += blockDim.x)
            state = R::combine(state, job.scratch[(long long)row * splits + i]);
    conclude(job, views, row, state); // gridDim.y is 1
}
