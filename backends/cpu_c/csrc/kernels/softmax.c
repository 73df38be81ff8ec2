/* Rows of softmax and log_softmax and their gradients. */
#include "rowmath.h"

/* Exponentials kept at a time where there is no place for all of them. */
#define BLOCK 1024

/* Dense rows of n; in and out may be the same. */
#define SOFTMAX(sfx, T) \
    static void softmax_##sfx(void *to, const void *from, const void *unused, int64_t n) \
    { \
        (void)unused; \
        T *out = to, top, sum; \
        const T *a = from; \
        ROW_MAX(T, n, top, a); \
        for (int64_t i = 0; i < n; i++) \
            out[i] = VM_EXP(a[i] - top); \
        ROW_SUM(T, n, sum, out[at]); \
        const T scale = 1 / sum; \
        for (int64_t i = 0; i < n; i++) \
            out[i] *= scale; \
    } \
    static void log_softmax_##sfx(void *to, const void *from, const void *unused, int64_t n) \
    { \
        (void)unused; \
        T *out = to, top, sum; \
        const T *a = from; \
        ROW_MAX(T, n, top, a); \
        T total = 0, part[BLOCK]; \
        for (int64_t start = 0; start < n; start += BLOCK) { \
            const int64_t count = COREX_MIN(BLOCK, n - start); \
            for (int64_t i = 0; i < count; i++) \
                part[i] = VM_EXP(a[start + i] - top); \
            ROW_SUM(T, count, sum, part[at]); \
            total += sum; \
        } \
        const T shift = VM_LOG(total); \
        for (int64_t i = 0; i < n; i++) \
            out[i] = a[i] - top - shift; \
    } \
    static void softmax_backward_##sfx(void *to, const void *from, const void *second, int64_t n) \
    { \
        T *out = to, sum; \
        const T *g = from, *y = second; \
        ROW_SUM(T, n, sum, g[at] * y[at]); \
        for (int64_t i = 0; i < n; i++) \
            out[i] = y[i] * (g[i] - sum); \
    } \
    static void log_softmax_backward_##sfx(void *to, const void *from, const void *second, \
                                           int64_t n) \
    { \
        T *out = to, sum; \
        const T *g = from, *y = second; \
        ROW_SUM(T, n, sum, g[at]); \
        for (int64_t i = 0; i < n; i++) \
            out[i] = g[i] - VM_EXP(y[i]) * sum; \
    }

SOFTMAX(f32, float)
SOFTMAX(f64, double)

const corex_softmax_table COREX_LEVELED(corex_softmax) = {
    .forward = {{softmax_f32, softmax_f64}, {log_softmax_f32, log_softmax_f64}},
    .backward = {{softmax_backward_f32, softmax_backward_f64},
                 {log_softmax_backward_f32, log_softmax_backward_f64}},
};
