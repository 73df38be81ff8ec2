/* Kernels whose results run along rows: cumprod, chain, argcummax and their like. */
#include "levels.h"
#include "rows.h"
#include "sizes.h"

typedef struct running_job {
    const corex_rows *rows;
    corex_loop loop;
    int64_t room; /* bytes of the last operand, which is no view */
    _Atomic bool failed;
} running_job;

static void running_range(void *context, int64_t begin, int64_t end)
{
    running_job *job = context;
    const corex_rows *rows = job->rows;
    const int nops = rows->iter.nops;
    char *p[COREX_MAX_OPERANDS];
    int64_t strides[COREX_MAX_OPERANDS];
    corex_scratch room = {0};
    if (job->room > 0 && corex_scratch_get(&room, job->room) != COREX_OK) {
        atomic_store(&job->failed, true);
        return;
    }
    for (int k = 0; k < nops; k++)
        strides[k] = rows->stride[k] * rows->iter.itemsize[k];
    for (int64_t row = begin; row < end; row++) {
        corex_iter_at(&rows->iter, row, p);
        p[nops] = room.data;
        job->loop(p, strides, rows->n[0]);
    }
    if (room.data != NULL)
        corex_scratch_release(&room);
}

static corex_status run(corex_running op, int nops, const corex_view *const *views, int64_t cost)
{
    const corex_running_table *table = corex_kernels_now()->running;
    const corex_view *out = views[0], *a = views[1];
    bool shared = false;
    for (int k = 1; k < nops; k++) {
        if (!corex_same_shape(out, views[k]))
            return corex_fail(COREX_ERR_VALUE, "operand %d differs in shape from the output", k);
        shared = shared || views[k]->data == out->data;
    }
    if (a->ndim == 0)
        return corex_fail(COREX_ERR_VALUE, "there is no last dimension to run along");
    corex_rows rows;
    corex_status status = corex_rows_init(&rows, nops, views);
    if (status != COREX_OK || rows.iter.total == 0)
        return status;
    const int64_t n = rows.n[0];
    /* Columns of prod_others hold products in their output before they read on. */
    if (!(op == COREX_PROD_OTHERS && shared) && corex_by_columns(&rows, 0))
        return corex_columns_run(&rows, 0, table->columns[op][a->dtype], INT64_MAX,
                                 corex_times(cost, n));
    running_job job = {.rows = &rows, .loop = table->lines[op][a->dtype]};
    if (op == COREX_PROD_OTHERS)
        job.room = corex_times(2 * sizeof(double), n / COREX_RUNNING_CHUNK + 1);
    corex_parallel_for(rows.iter.total, 1 + COREX_GRAIN / corex_plus(1, corex_times(cost, n)),
                       running_range, &job);
    return atomic_load(&job.failed) ? corex_fail(COREX_ERR_MEMORY, "no memory for products")
                                    : COREX_OK;
}

static corex_status run_alike(corex_running op, const corex_view *out, const corex_view *a,
                              int64_t cost)
{
    const corex_view *views[] = {out, a};
    if (corex_kernels_now()->running->lines[op][a->dtype] == NULL || a->dtype != out->dtype)
        return corex_fail(COREX_ERR_TYPE, "the kernel does not take this dtype, or changes it");
    return run(op, 2, views, cost);
}

corex_status corex_cumprod(const corex_view *out, const corex_view *a)
{
    return run_alike(COREX_CUMPROD, out, a, 4);
}

corex_status corex_prod_others(const corex_view *out, const corex_view *a)
{
    return run_alike(COREX_PROD_OTHERS, out, a, 8);
}

corex_status corex_logcumsumexp(const corex_view *out, const corex_view *a)
{
    return run_alike(COREX_LOGCUMSUMEXP, out, a, 32);
}

corex_status corex_argcumextreme(const corex_view *out, const corex_view *a, int smallest)
{
    const corex_view *views[] = {out, a};
    if (out->dtype != COREX_INT64)
        return corex_fail(COREX_ERR_TYPE, "positions are int64");
    return run(smallest ? COREX_ARGCUMMIN : COREX_ARGCUMMAX, 2, views, 4);
}

/* The view from its last element to its first, along the last dimension. */
static corex_view backwards(const corex_view *view, int64_t *strides)
{
    corex_view result = *view;
    const int last = view->ndim - 1;
    memcpy(strides, view->strides, sizeof(int64_t) * (size_t)view->ndim);
    if (corex_numel(view) > 0)
        result.data = (char *)view->data + (view->shape[last] - 1) * strides[last] *
                                               (int64_t)corex_itemsizes[view->dtype];
    strides[last] = -strides[last];
    result.strides = strides;
    return result;
}

corex_status corex_chain(const corex_view *out, const corex_view *a, const corex_view *b,
                         int from_the_end)
{
    const corex_view *views[] = {out, a, b};
    if (!COREX_AMONG(COREX_FLOATS, a->dtype) || a->dtype != out->dtype || b->dtype != out->dtype)
        return corex_fail(COREX_ERR_TYPE, "chain takes floats of one dtype");
    if (!from_the_end || out->ndim == 0)
        return run(COREX_CHAIN, 3, views, 4);
    int64_t strides[3][COREX_MAX_DIMS];
    corex_view turned[3];
    for (int k = 0; k < 3; k++) {
        if (views[k]->ndim > COREX_MAX_DIMS || views[k]->ndim == 0)
            return corex_fail(COREX_ERR_VALUE, "operand %d has no last dimension", k);
        turned[k] = backwards(views[k], strides[k]);
        views[k] = &turned[k];
    }
    return run(COREX_CHAIN_LATE, 3, views, 4);
}
