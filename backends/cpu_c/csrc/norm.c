/* Layer normalisation over dense rows. */
#include "dense.h"
#include "rowmath.h"

typedef struct norm_job {
    char *out, *mean, *rstd;
    const char *a, *g, *weight, *bias;
    int64_t n;
    double eps;
} norm_job;

#define NORM(sfx, T) \
    COREX_CLONES static void norm_row_##sfx(T *out, T *mean, T *rstd, const T *a, const T *weight, \
                                            const T *bias, int64_t n, double eps) \
    { \
        T sum, squares; \
        ROW_SUM(T, n, sum, a[at]); \
        const T m = sum / (T)n; \
        ROW_SUM(T, n, squares, (a[at] - m) * (a[at] - m)); \
        const T r = (T)(1 / sqrt((double)squares / (double)n + eps)); \
        *mean = m; \
        *rstd = r; \
        if (weight != NULL && bias != NULL) \
            for (int64_t i = 0; i < n; i++) \
                out[i] = (a[i] - m) * r * weight[i] + bias[i]; \
        else \
            for (int64_t i = 0; i < n; i++) \
                out[i] = (a[i] - m) * r * (weight != NULL ? weight[i] : 1) + \
                         (bias != NULL ? bias[i] : 0); \
    } \
    /* r (h - mean(h) - x mean(h x)), h = g w, x = (a - m) r */ \
    COREX_CLONES static void norm_backward_row_##sfx(T *out, T m, T r, const T *a, const T *g, \
                                                     const T *weight, int64_t n) \
    { \
        T sum, dot; \
        if (weight != NULL) { \
            ROW_SUM(T, n, sum, g[at] * weight[at]); \
            ROW_SUM(T, n, dot, g[at] * weight[at] * (a[at] - m)); \
        } else { \
            ROW_SUM(T, n, sum, g[at]); \
            ROW_SUM(T, n, dot, g[at] * (a[at] - m)); \
        } \
        const T mean_h = sum / (T)n, slope = dot * r * r / (T)n; \
        if (weight != NULL) \
            for (int64_t i = 0; i < n; i++) \
                out[i] = r * (g[i] * weight[i] - mean_h - (a[i] - m) * slope); \
        else \
            for (int64_t i = 0; i < n; i++) \
                out[i] = r * (g[i] - mean_h - (a[i] - m) * slope); \
    } \
    static void norm_range_##sfx(void *context, int64_t begin, int64_t end) \
    { \
        const norm_job *job = context; \
        for (int64_t row = begin; row < end; row++) \
            norm_row_##sfx((T *)job->out + row * job->n, (T *)job->mean + row, \
                           (T *)job->rstd + row, (const T *)job->a + row * job->n, \
                           (const T *)job->weight, (const T *)job->bias, job->n, job->eps); \
    } \
    static void norm_backward_range_##sfx(void *context, int64_t begin, int64_t end) \
    { \
        const norm_job *job = context; \
        for (int64_t row = begin; row < end; row++) \
            norm_backward_row_##sfx((T *)job->out + row * job->n, ((const T *)job->mean)[row], \
                                    ((const T *)job->rstd)[row], (const T *)job->a + row * job->n, \
                                    (const T *)job->g + row * job->n, (const T *)job->weight, \
                                    job->n); \
    }

NORM(f32, float)
NORM(f64, double)

static corex_status check(const corex_view *out, const corex_view *a, const corex_view *mean,
                          const corex_view *rstd, const corex_view *weight)
{
    if (out->dtype < COREX_FLOAT32 || a->dtype != out->dtype || mean->dtype != out->dtype ||
        rstd->dtype != out->dtype || (weight != NULL && weight->dtype != out->dtype))
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
    norm_job job = {.out = outs[0].view.data,
                    .mean = outs[1].view.data,
                    .rstd = outs[2].view.data,
                    .a = ins[0].view.data,
                    .weight = ins[1].view.data,
                    .bias = ins[2].view.data,
                    .n = a->shape[1],
                    .eps = eps};
    if (status == COREX_OK)
        corex_parallel_for(a->shape[0], 1 + COREX_GRAIN / (1 + 2 * job.n),
                           out->dtype == COREX_FLOAT32 ? norm_range_f32 : norm_range_f64, &job);
    for (int k = 0; k < 3; k++) {
        corex_dense_release(&ins[k]);
        status = corex_dense_finish(&outs[k], status);
    }
    return status;
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
    norm_job job = {.out = dense.view.data,
                    .a = ins[0].view.data,
                    .g = ins[1].view.data,
                    .mean = ins[2].view.data,
                    .rstd = ins[3].view.data,
                    .weight = ins[4].view.data,
                    .n = a->shape[1]};
    if (status == COREX_OK)
        corex_parallel_for(
            a->shape[0], 1 + COREX_GRAIN / (1 + 2 * job.n),
            out->dtype == COREX_FLOAT32 ? norm_backward_range_f32 : norm_backward_range_f64, &job);
    for (int k = 0; k < 5; k++)
        corex_dense_release(&ins[k]);
    return corex_dense_finish(&dense, status);
}
