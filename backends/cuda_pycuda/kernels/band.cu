// tril and triu: what lies beyond the diagonal of the last two dimensions becomes 0.
//
// T, INDEX; OUTER, the rank that the dimensions before them collapse to (0: any). UPPER: triu.
#include "gather.cuh"

using Rows = ViewsOf<OUTER, 2>::Type;

struct Job {
    T *out;
    const T *a;
    long long count;
    Divisor rows, columns;
    long long diagonal;
    long long out_steps[2], a_steps[2]; // along the rows, along the columns
};

// Where element `number` goes, and what it becomes.
__device__ inline Index look(const Job &job, const Rows &matrices, Index number, T &value)
{
    Index column = number;
    Index row = divide_off(job.columns, column);
    const Index matrix = divide_off(job.rows, row);
    Index at[2];
    locate(matrices, matrix, at);
    const Index from = at[1] + row * Index(job.a_steps[0]) + column * Index(job.a_steps[1]);
#ifdef UPPER
    const bool keeps = column - row >= job.diagonal;
#else
    const bool keeps = column - row <= job.diagonal;
#endif
    value = keeps ? job.a[from] : T(0);
    return at[0] + row * Index(job.out_steps[0]) + column * Index(job.out_steps[1]);
}

extern "C" __global__ void band(Job job, Rows matrices)
{
    const Index step = grid_threads(), count = Index(job.count);
    for (Index first = grid_thread(); first < count; first += step * UNROLL) {
        Index to[UNROLL];
        T moved[UNROLL];
#pragma unroll
        for (int u = 0; u < UNROLL; u++)
            if (first + u * step < count)
                to[u] = look(job, matrices, first + u * step, moved[u]);
#pragma unroll
        for (int u = 0; u < UNROLL; u++)
            if (first + u * step < count)
                job.out[to[u]] = moved[u];
    }
}
