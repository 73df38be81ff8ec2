/*
 * One matrix product shared among the threads of the pool: each computes a part of the result by a
 * call of BLAS, which itself has one thread.
 */
#include "blas.h"
#include "sizes.h"

/* Less work than this is not worth waking a thread; in multiplications, as grains. */
#define SHARED_GRAINS 32
/* Parts begin at multiples of this, which suits the blocks of BLAS. */
#define STEP 16

/* The part that number i of `parts` has of `n` rows or columns: from its begin to the next one's.
 */
static int64_t begin_of(int64_t n, int64_t parts, int64_t i)
{
    const int64_t steps = (n + STEP - 1) / STEP;
    return COREX_MIN(n, (steps / parts * i + COREX_MIN(i, steps % parts)) * STEP);
}

typedef struct shared_gemm {
    const corex_blas_gemm_call *whole;
    int64_t rows, columns; /* numbers of parts */
    atomic_bool failed;
} shared_gemm;

static void gemm_parts(void *context, int64_t begin, int64_t end)
{
    shared_gemm *job = context;
    const int64_t size = corex_itemsizes[job->whole->dtype];
    for (int64_t part = begin; part < end; part++) {
        corex_blas_gemm_call g = *job->whole;
        const int64_t i = part / job->columns, j = part % job->columns;
        const int64_t top = begin_of(g.m, job->rows, i), left = begin_of(g.n, job->columns, j);
        g.m = begin_of(g.m, job->rows, i + 1) - top;
        g.n = begin_of(g.n, job->columns, j + 1) - left;
        g.a += top * (g.ta ? 1 : g.lda) * size;
        g.b += left * (g.tb ? g.ldb : 1) * size;
        g.c += (top * g.ldc + left) * size;
        if (!corex_blas_gemm(&g))
            atomic_store(&job->failed, true);
    }
}

/* Divides so that the parts are as square as they can be: each thread packs what it reads. */
static void choose_parts(shared_gemm *job, int threads)
{
    const int64_t m = job->whole->m, n = job->whole->n;
    double best = -1;
    for (int rows = 1; rows <= threads; rows++) {
        const int columns = threads / rows;
        if (rows * columns < threads || rows > 1 + (m - 1) / STEP || columns > 1 + (n - 1) / STEP)
            continue;
        const double read = (double)m / rows + (double)n / columns;
        if (best < 0 || read < best) {
            best = read;
            job->rows = rows;
            job->columns = columns;
        }
    }
}

bool corex_product_gemm(const corex_blas_gemm_call *call)
{
    const int threads = corex_blas_threads();
    shared_gemm job = {.whole = call, .rows = 1, .columns = 1};
    if (threads > 1 &&
        corex_times(corex_times(call->m, call->n), call->k) / SHARED_GRAINS >= COREX_GRAIN)
        choose_parts(&job, threads);
    if (job.rows * job.columns == 1)
        return corex_blas_gemm(call);
    corex_parallel_for(job.rows * job.columns, 1, gemm_parts, &job);
    return !atomic_load(&job.failed);
}

typedef struct shared_gemv {
    const corex_blas_gemv_call *whole;
    int64_t parts;
    atomic_bool failed;
} shared_gemv;

static void gemv_parts(void *context, int64_t begin, int64_t end)
{
    shared_gemv *job = context;
    const int64_t size = corex_itemsizes[job->whole->dtype];
    for (int64_t part = begin; part < end; part++) {
        corex_blas_gemv_call g = *job->whole;
        int64_t *outputs = g.transposed ? &g.n : &g.m;
        const int64_t first = begin_of(*outputs, job->parts, part);
        *outputs = begin_of(*outputs, job->parts, part + 1) - first;
        g.a += first * (g.transposed ? 1 : g.lda) * size;
        g.y += first * g.incy * size;
        if (!corex_blas_gemv(&g))
            atomic_store(&job->failed, true);
    }
}

bool corex_product_gemv(const corex_blas_gemv_call *call)
{
    const int64_t outputs = call->transposed ? call->n : call->m;
    const int64_t parts = COREX_MIN(corex_blas_threads(), 1 + (outputs - 1) / STEP);
    if (parts <= 1 || corex_times(call->m, call->n) / 4 < COREX_GRAIN)
        return corex_blas_gemv(call);
    shared_gemv job = {.whole = call, .parts = parts};
    corex_parallel_for(parts, 1, gemv_parts, &job);
    return !atomic_load(&job.failed);
}
