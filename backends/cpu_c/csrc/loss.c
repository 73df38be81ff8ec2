/* The mean squared error and its gradient. */
#include "levels.h"
#include "sizes.h"

#define CHUNK 65536

typedef struct squares_job {
    const corex_iter *iter;
    corex_loop loop;
    double *partial;
} squares_job;

/* Chunks of fixed size, so that the sum does not depend on the number of threads. */
static void squares_range(void *context, int64_t begin, int64_t end)
{
    const squares_job *job = context;
    for (int64_t chunk = begin; chunk < end; chunk++) {
        corex_iter iter = *job->iter;
        job->partial[chunk] = 0;
        iter.data[0] = (char *)&job->partial[chunk];
        corex_iter_range(&iter, job->loop, chunk * CHUNK,
                         COREX_MIN((chunk + 1) * CHUNK, iter.total));
    }
}

static corex_status sum_of_squares(const corex_view *a, const corex_view *b, double *sum)
{
    static const int64_t zeros[COREX_MAX_DIMS];
    double first = 0;
    corex_view collector = {&first, a->shape, zeros, a->ndim, COREX_FLOAT64};
    const corex_view *views[] = {&collector, a, b};
    corex_iter iter;
    corex_status status = corex_iter_init(&iter, 3, views);
    iter.strides[0][iter.ndim - 1] = 0; /* also where there was no dimension to have it */
    corex_loop loop = corex_kernels_now()->loss->squares[a->dtype];
    int64_t chunks = status == COREX_OK ? (iter.total + CHUNK - 1) / CHUNK : 0;
    if (status != COREX_OK || chunks == 0)
        return status;
    corex_scratch partial;
    status = corex_scratch_get(&partial, corex_times(chunks, sizeof(double)));
    if (status != COREX_OK)
        return status;
    squares_job job = {&iter, loop, partial.data};
    corex_parallel_for(chunks, 1, squares_range, &job);
    *sum = 0;
    for (int64_t chunk = 0; chunk < chunks; chunk++)
        *sum += job.partial[chunk];
    corex_scratch_release(&partial);
    return COREX_OK;
}

corex_status corex_mse_loss(const corex_view *out, const corex_view *a, const corex_view *b)
{
    if (!COREX_AMONG(COREX_FLOATS, out->dtype) || a->dtype != out->dtype ||
        b->dtype != out->dtype || out->ndim != 0)
        return corex_fail(COREX_ERR_TYPE, "mse_loss takes floats and gives one number");
    double sum = 0;
    corex_status status = sum_of_squares(a, b, &sum);
    if (status != COREX_OK)
        return status;
    double mean = sum / (double)corex_numel(a);
    return corex_fill(out, 0, &mean);
}

typedef union factor_of {
    COREX_FLOAT_ROWS(COREX_FIELD)
} factor_of;

#define SCALE(number, NAME, name, sfx, T, ...) \
    case COREX_##NAME: factor.sfx = *(const T *)g->data * (T)(2 / count); break;

corex_status corex_mse_loss_backward(const corex_view *out, const corex_view *g,
                                     const corex_view *a, const corex_view *b)
{
    static const int64_t zeros[COREX_MAX_DIMS];
    if (!COREX_AMONG(COREX_FLOATS, out->dtype) || a->dtype != out->dtype ||
        b->dtype != out->dtype || g->dtype != out->dtype || g->ndim != 0)
        return corex_fail(COREX_ERR_TYPE, "mse_loss_backward takes floats, g being one number");
    factor_of factor = {0};
    double count = (double)corex_numel(a);
    switch (out->dtype) {
        COREX_FLOAT_ROWS(SCALE)
    }
    corex_view scalar = {&factor, out->shape, zeros, out->ndim, out->dtype};
    const corex_view *views[] = {out, a, b, &scalar};
    corex_iter iter;
    corex_status status = corex_iter_init(&iter, 4, views);
    if (status == COREX_OK)
        corex_iter_run(&iter, COREX_WRITES_ONLY, corex_kernels_now()->loss->difference[out->dtype],
                       1);
    return status;
}
