/*
 * Sums, means and products of complex numbers. A dense line is one of floats in which those at even
 * places belong together, so that sums run over it as over floats; see reducers.c for the lanes.
 */
#include "kernels.h"

#define LANES 64
#define FOLD 64
/* Products of a line that advance side by side. */
#define FACTORS 16

#define FINISH(name, sfx, C, T, RE, IM) \
    static void name##_finish_##sfx(char *out, const void *acc, int64_t count) \
    { \
        (void)count; \
        const corex_complex128 x = *(const corex_complex128 *)acc; \
        *(C *)out = (C){(T)(RE), (T)(IM)}; \
    }

COREX_INLINE corex_complex128 plus(corex_complex128 a, corex_complex128 b)
{
    return (corex_complex128){a.re + b.re, a.im + b.im};
}
COREX_INLINE corex_complex128 times(corex_complex128 a, corex_complex128 b)
{
    return (corex_complex128){a.re * b.re - a.im * b.im, a.re * b.im + a.im * b.re};
}

#define START(name, sfx, first, unite) \
    static void name##_start_##sfx(void *acc, int64_t count) \
    { \
        (void)count; \
        *(corex_complex128 *)acc = (corex_complex128){first, 0}; \
    } \
    static void name##_combine_##sfx(void *a, const void *b) \
    { \
        *(corex_complex128 *)a = unite(*(corex_complex128 *)a, *(const corex_complex128 *)b); \
    }

/* ---- sums ---- */
#define SUM(sfx, C, T) \
    START(sum, sfx, 0, plus) \
    static void sum_line_##sfx(void *acc, const char *in, int64_t n, int64_t stride, \
                               int64_t position) \
    { \
        (void)position; \
        corex_complex128 result = *(corex_complex128 *)acc; \
        int64_t i = 0; \
        if (stride == sizeof(C)) { \
            const T *a = (const T *)in; \
            while (n - i >= LANES / 2) { \
                const int64_t end = i + COREX_MIN((n - i) / (LANES / 2), FOLD) * (LANES / 2); \
                T lane[LANES] = {0}; \
                for (; i < end; i += LANES / 2) \
                    for (int j = 0; j < LANES; j++) \
                        lane[j] += a[2 * i + j]; \
                for (int width = LANES / 2; width > 1; width /= 2) \
                    for (int j = 0; j < width; j++) \
                        lane[j] += lane[j + width]; \
                result = plus(result, (corex_complex128){lane[0], lane[1]}); \
            } \
        } \
        for (; i < n; i++) { \
            const C x = *(const C *)(in + i * stride); \
            result = plus(result, (corex_complex128){x.re, x.im}); \
        } \
        *(corex_complex128 *)acc = result; \
    } \
    static void sum_columns_##sfx(void *acc, const char *in, int64_t columns, \
                                  int64_t column_stride, int64_t n, int64_t stride, \
                                  int64_t position) \
    { \
        (void)position; \
        corex_complex128 *result = acc; \
        T lane[2 * COREX_REDUCE_COLUMNS]; \
        for (int64_t i = 0; i < n;) { \
            const int64_t end = COREX_MIN(i + FOLD, n); \
            for (int64_t c = 0; c < 2 * columns; c++) \
                lane[c] = 0; \
            for (; i < end; i++) { \
                const char *row = in + i * stride; \
                if (column_stride == sizeof(C)) { \
                    for (int64_t c = 0; c < 2 * columns; c++) \
                        lane[c] += ((const T *)row)[c]; \
                    continue; \
                } \
                for (int64_t c = 0; c < columns; c++) { \
                    lane[2 * c] += ((const C *)(row + c * column_stride))->re; \
                    lane[2 * c + 1] += ((const C *)(row + c * column_stride))->im; \
                } \
            } \
            for (int64_t c = 0; c < columns; c++) \
                result[c] = plus(result[c], (corex_complex128){lane[2 * c], lane[2 * c + 1]}); \
        } \
    } \
    FINISH(sum, sfx, C, T, x.re, x.im) \
    /* The divisor is a complex number: its 0 makes NaN of an infinity in the other part. */ \
    FINISH(mean, sfx, C, T, (x.re + x.im * 0.0) / (double)count, \
           (x.im - x.re * 0.0) / (double)count)

/* ---- products ---- */
#define PRODUCT(sfx, C, T) \
    START(prod, sfx, 1, times) \
    static void prod_line_##sfx(void *acc, const char *in, int64_t n, int64_t stride, \
                                int64_t position) \
    { \
        (void)position; \
        double re[FACTORS], im[FACTORS]; \
        for (int j = 0; j < FACTORS; j++) { \
            re[j] = 1; \
            im[j] = 0; \
        } \
        int64_t i = 0; \
        for (; i + FACTORS <= n; i += FACTORS) { \
            COREX_LANES \
            for (int j = 0; j < FACTORS; j++) { \
                const C *x = (const C *)(in + (i + j) * stride); \
                const double first = re[j] * x->re - im[j] * x->im; \
                im[j] = re[j] * x->im + im[j] * x->re; \
                re[j] = first; \
            } \
        } \
        corex_complex128 result = *(corex_complex128 *)acc; \
        for (int j = 0; j < FACTORS; j++) \
            result = times(result, (corex_complex128){re[j], im[j]}); \
        for (; i < n; i++) { \
            const C x = *(const C *)(in + i * stride); \
            result = times(result, (corex_complex128){x.re, x.im}); \
        } \
        *(corex_complex128 *)acc = result; \
    } \
    static void prod_columns_##sfx(void *acc, const char *in, int64_t columns, \
                                   int64_t column_stride, int64_t n, int64_t stride, \
                                   int64_t position) \
    { \
        (void)position; \
        corex_complex128 *result = acc; \
        for (int64_t i = 0; i < n; i++) \
            for (int64_t c = 0; c < columns; c++) { \
                const C x = *(const C *)(in + i * stride + c * column_stride); \
                result[c] = times(result[c], (corex_complex128){x.re, x.im}); \
            } \
    } \
    FINISH(prod, sfx, C, T, x.re, x.im)

SUM(c64, corex_complex64, float)
SUM(c128, corex_complex128, double)
PRODUCT(c64, corex_complex64, float)
PRODUCT(c128, corex_complex128, double)

#define REDUCER(of, finish_of, sfx) \
    {.acc_bytes = sizeof(corex_complex128), \
     .start = of##_start_##sfx, \
     .line = of##_line_##sfx, \
     .columns = of##_columns_##sfx, \
     .combine = of##_combine_##sfx, \
     .finish = finish_of##_finish_##sfx}
#define REDUCERS(of, finish_of) \
    {[COREX_COMPLEX64] = REDUCER(of, finish_of, c64), \
     [COREX_COMPLEX128] = REDUCER(of, finish_of, c128)}

const corex_reducer COREX_LEVELED(corex_complex_sum)[COREX_NUM_DTYPES] = REDUCERS(sum, sum);
const corex_reducer COREX_LEVELED(corex_complex_mean)[COREX_NUM_DTYPES] = REDUCERS(sum, mean);
const corex_reducer COREX_LEVELED(corex_complex_prod)[COREX_NUM_DTYPES] = REDUCERS(prod, prod);
