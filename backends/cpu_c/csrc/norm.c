/* Layer normalisation over dense rows. */
#include "dense.h"
#include "levels.h"
#include "sizes.h"

static corex_status check(const corex_view *out, const corex_view *a, const corex_view *mean,
                          const corex_view *rstd, const corex_view *weight)
{
    if (!COREX_AMONG(COREX_FLOATS, out->dtype) || a->dtype != out->dtype ||
        mean->dtype != out->dtype || rstd->dtype != out->dtype ||
        (weight != NULL && weight->dtype != out->dtype))
        return corex_fail(COREX_ERR_TYPE, "layer_norm takes floats of one dtype");
    if (out->ndim != 2 || !corex_same_shape(out, a) || mean->ndim != 1 || rstd->ndim != 1 ||
        mean->shape[0] != a->shape[0] || rstd->shape[0] != a->shape[0] ||
        (weight != NULL && (weight->ndim != 1 || weight->shape[0] != a->shape[1])))
        return corex_fail(COREX_ERR_VALUE, "layer_norm takes (rows, n), (rows,) and (n,)");
    return COREX_OK;
}

corex_status corex_layer_norm(const corex_view *out, const corex_view *mean, const corex_view *rstd,
                              const corex_view *a, const corex_view *weight, const corex_view *bias,
                              double eps)
{
    corex_status status = check(out, a, mean, rstd, weight);
    if (status == COREX_OK && bias != NULL)
        status = check(out, a, mean, rstd, bias);
    if (status != COREX_OK)
        return status;
    corex_dense_view outs[3], ins[3];
    const corex_view *out_views[] = {out, mean, rstd}, *in_views[] = {a, weight, bias};
    for (int k = 0; k < 3; k++) {
        corex_status one = corex_dense_output(&outs[k], out_views[k]);
        corex_status two = corex_dense_input(&ins[k], in_views[k]);
        status = status != COREX_OK ? status : one != COREX_OK ? one : two;
    }
    corex_norm_job job = {.out = outs[0].view.data,
                          .mean = outs[1].view.data,
                          .rstd = outs[2].view.data,
                          .a = ins[0].view.data,
                          .weight = ins[1].view.data,
                          .bias = ins[2].view.data,
                          .n = a->shape[1],
                          .eps = eps};
    if (status == COREX_OK)
        corex_parallel_for(a->shape[0], 1 + COREX_GRAIN / corex_plus(1, corex_times(2, job.n)),
                           corex_kernels_now()->norm->forward[out->dtype], &job);
    for (int k = 0; k < 3; k++) {
        corex_dense_release(&ins[k]);
        status = corex_dense_finish(&outs[k], status);
    }
    return status;
}

void corex_row_variance(double *out, const void *a, int dtype, int64_t rows, int64_t n,
                        double freedom)
{
    corex_variance_job job = {out, a, n, freedom};
    corex_parallel_for(rows, 1 + COREX_GRAIN / corex_plus(1, corex_times(2, n)),
                       corex_kernels_now()->norm->variance[dtype], &job);
}

corex_status corex_layer_norm_backward(const corex_view *out, const corex_view *g,
                                       const corex_view *a, const corex_view *mean,
                                       const corex_view *rstd, const corex_view *weight)
{
    corex_status status = check(out, a, mean, rstd, weight);
    if (status == COREX_OK && (g->dtype != out->dtype || !corex_same_shape(g, out)))
        status = corex_fail(COREX_ERR_VALUE, "layer_norm_backward: g differs from out");
    if (status != COREX_OK)
        return status;
    corex_dense_view dense, ins[5];
    const corex_view *views[] = {a, g, mean, rstd, weight};
    status = corex_dense_output(&dense, out);
    for (int k = 0; k < 5; k++) {
        corex_status one = corex_dense_input(&ins[k], views[k]);
        status = status != COREX_OK ? status : one;
    }
    corex_norm_job job = {.out = dense.view.data,
                          .a = ins[0].view.data,
                          .g = ins[1].view.data,
                          .mean = ins[2].view.data,
                          .rstd = ins[3].view.data,
                          .weight = ins[4].view.data,
                          .n = a->shape[1]};
    if (status == COREX_OK)
        corex_parallel_for(a->shape[0], 1 + COREX_GRAIN / corex_plus(1, corex_times(2, job.n)),
                           corex_kernels_now()->norm->backward[out->dtype], &job);
    for (int k = 0; k < 5; k++)
        corex_dense_release(&ins[k]);
    return corex_dense_finish(&dense, status);
}
