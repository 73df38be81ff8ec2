/* Layer normalisation of dense rows, and its gradient; the variance of rows. */
#include "rowmath.h"

#define NORM(sfx, T) \
    static void norm_row_##sfx(T *out, T *mean, T *rstd, const T *a, const T *weight, \
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
    static void norm_backward_row_##sfx(T *out, T m, T r, const T *a, const T *g, const T *weight, \
                                        int64_t n) \
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
        const corex_norm_job *job = context; \
        for (int64_t row = begin; row < end; row++) \
            norm_row_##sfx((T *)job->out + row * job->n, (T *)job->mean + row, \
                           (T *)job->rstd + row, (const T *)job->a + row * job->n, \
                           (const T *)job->weight, (const T *)job->bias, job->n, job->eps); \
    } \
    static void norm_backward_range_##sfx(void *context, int64_t begin, int64_t end) \
    { \
        const corex_norm_job *job = context; \
        for (int64_t row = begin; row < end; row++) \
            norm_backward_row_##sfx((T *)job->out + row * job->n, ((const T *)job->mean)[row], \
                                    ((const T *)job->rstd)[row], (const T *)job->a + row * job->n, \
                                    (const T *)job->g + row * job->n, (const T *)job->weight, \
                                    job->n); \
    } \
    /* Squares of float32 fit into a double, whatever they are. */ \
    static void variance_range_##sfx(void *context, int64_t begin, int64_t end) \
    { \
        const corex_variance_job *job = context; \
        for (int64_t row = begin; row < end; row++) { \
            const T *a = (const T *)job->a + row * job->n; \
            double sum, squares; \
            ROW_SUM(double, job->n, sum, (double)a[at]); \
            const double m = sum / (double)job->n; \
            ROW_SUM(double, job->n, squares, ((double)a[at] - m) * ((double)a[at] - m)); \
            job->out[row] = squares / job->freedom; \
        } \
    }

COREX_FLOAT_ROWS(COREX_MAKE, NORM)

const corex_norm_table COREX_LEVELED(corex_norm) = {
    .forward = COREX_FLOAT_TABLE(norm_range),
    .backward = COREX_FLOAT_TABLE(norm_backward_range),
    .variance = COREX_FLOAT_TABLE(variance_range),
};
