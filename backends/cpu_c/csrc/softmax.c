/*
 * softmax and log_softmax along the last dimension, one pass over a row while it is in the cache.
 * Rows that are not dense go through dense copies, but for those that lie side by side.
 */
#include "levels.h"
#include "sizes.h"

typedef struct softmax_job {
    corex_rows rows; /* out, a, b */
    corex_row_kernel kernel;
    corex_loop copy;
    int nops, size;
    _Atomic bool failed;
} softmax_job;

static void move_row(const softmax_job *job, char *to, int64_t to_stride, char *from,
                     int64_t from_stride)
{
    char *p[] = {to, from};
    int64_t strides[] = {to_stride * job->size, from_stride * job->size};
    job->copy(p, strides, job->rows.n[0]);
}

static void softmax_range(void *context, int64_t begin, int64_t end)
{
    softmax_job *job = context;
    const int64_t n = job->rows.n[0], bytes = corex_times(n, job->size);
    corex_scratch dense[3] = {{NULL, 0}};
    for (int k = 0; k < job->nops; k++)
        if (job->rows.stride[k] != 1 && corex_scratch_get(&dense[k], bytes) != COREX_OK)
            atomic_store(&job->failed, true);
    for (int64_t row = begin; row < end && !atomic_load(&job->failed); row++) {
        char *p[COREX_MAX_OPERANDS] = {NULL}, *used[3];
        corex_iter_at(&job->rows.iter, row, p);
        for (int k = 0; k < 3; k++)
            used[k] = dense[k].data != NULL ? dense[k].data : p[k];
        for (int k = 1; k < job->nops; k++)
            if (dense[k].data != NULL)
                move_row(job, used[k], 1, p[k], job->rows.stride[k]);
        job->kernel(used[0], used[1], used[2], n);
        if (dense[0].data != NULL)
            move_row(job, p[0], job->rows.stride[0], used[0], 1);
    }
    for (int k = 0; k < job->nops; k++)
        corex_scratch_release(&dense[k]);
}

static corex_status run(int nops, const corex_view *const *views, const corex_row_kernel *by_dtype,
                        const corex_block_kernel *columns_by_dtype)
{
    const corex_view *out = views[0];
    for (int k = 0; k < nops; k++)
        if (views[k]->dtype != out->dtype || !COREX_AMONG(COREX_FLOATS, out->dtype) ||
            !corex_same_shape(views[k], out))
            return corex_fail(COREX_ERR_TYPE, "softmax takes floats of one shape and dtype");
    softmax_job job = {.kernel = by_dtype[out->dtype],
                       .copy = corex_copy_loop(out->dtype),
                       .nops = nops,
                       .size = corex_itemsizes[out->dtype]};
    int64_t one = 1;
    corex_view lines[3];
    const corex_view *list[3];
    for (int k = 0; k < nops; k++) {
        /* of a single number: a row of one */
        lines[k] = *views[k];
        if (out->ndim == 0)
            lines[k] = (corex_view){views[k]->data, &one, &one, 1, out->dtype};
        list[k] = &lines[k];
    }
    corex_status status = corex_rows_init(&job.rows, nops, list);
    if (status != COREX_OK || job.rows.iter.total == 0 || job.rows.n[0] == 0)
        return status;
    const int64_t cost = corex_times(8, job.rows.n[0]);
    if (corex_by_columns(&job.rows, 0))
        return corex_columns_run(&job.rows, 0, columns_by_dtype[out->dtype], COREX_BLOCK_BYTES,
                                 cost);
    corex_parallel_for(job.rows.iter.total, 1 + COREX_GRAIN / corex_plus(1, cost), softmax_range,
                       &job);
    return job.failed ? corex_fail(COREX_ERR_MEMORY, "no memory for rows") : COREX_OK;
}

corex_status corex_softmax(const corex_view *out, const corex_view *a, int log)
{
    const corex_view *views[] = {out, a};
    const corex_softmax_table *table = corex_kernels_now()->softmax;
    return run(2, views, table->forward[log != 0], table->forward_columns[log != 0]);
}

corex_status corex_softmax_backward(const corex_view *out, const corex_view *g, const corex_view *y,
                                    int log)
{
    const corex_view *views[] = {out, g, y};
    const corex_softmax_table *table = corex_kernels_now()->softmax;
    return run(3, views, table->backward[log != 0], table->backward_columns[log != 0]);
}
