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

extern "C" __global__ void band(Job job, Rows matrices)
{
    for (Index number = grid_thread(); number < job.count; number += grid_threads()) {
        Index column = number;
        Index row = divide_off(job.columns, column);
        const Index matrix = divide_off(job.rows, row);
        Index at[2];
        locate(matrices, matrix, at);
        const Index to = at[0] + row * Index(job.out_steps[0]) + column * Index(job.out_steps[1]);
        const Index from = at[1] + row * Index(job.a_steps[0]) + column * Index(job.a_steps[1]);
#ifdef UPPER
        const bool keeps = column - row >= job.diagonal;
#else
        const bool keeps = column - row <= job.diagonal;
#endif
        job.out[to] = keeps ? job.a[from] : T(0);
    }
}
