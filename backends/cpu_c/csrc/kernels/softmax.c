/* Rows of softmax and log_softmax and their gradients. */
#include "columnmath.h"
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

COREX_FLOAT_ROWS(COREX_MAKE, SOFTMAX)

/* The same of columns. */
#define COLUMNS(sfx, T) \
    /* The largest of each, where NaNs are passed over. */ \
    static void largest_##sfx(const corex_block *block, T *top) \
    { \
        const int64_t columns = block->columns; \
        EACH_COLUMN top[c] = -(T)INFINITY; \
        EACH_COLUMN_ROW \
        { \
            const T *const x = COLUMN_ROW(const T, 1); \
            EACH_COLUMN top[c] = x[c] > top[c] ? x[c] : top[c]; \
        } \
    } \
    static void softmax_columns_##sfx(const corex_block *block) \
    { \
        const int64_t columns = block->columns; \
        T top[COREX_COLUMNS]; \
        double total[COREX_COLUMNS]; \
        largest_##sfx(block, top); \
        COLUMN_SUMS(T, 1, total, out[c] = VM_EXP(x[c] - top[c])); \
        EACH_COLUMN top[c] = (T)(1 / total[c]); \
        EACH_COLUMN_ROW \
        { \
            T *const out = COLUMN_ROW(T, 0); \
            EACH_COLUMN out[c] *= top[c]; \
        } \
    } \
    static void log_softmax_columns_##sfx(const corex_block *block) \
    { \
        const int64_t columns = block->columns; \
        T top[COREX_COLUMNS], shift[COREX_COLUMNS]; \
        double total[COREX_COLUMNS]; \
        largest_##sfx(block, top); \
        COLUMN_SUMS(T, 1, total, VM_EXP(x[c] - top[c])); \
        EACH_COLUMN shift[c] = VM_LOG((T)total[c]); \
        EACH_COLUMN_ROW \
        { \
            T *const out = COLUMN_ROW(T, 0); \
            const T *const x = COLUMN_ROW(const T, 1); \
            EACH_COLUMN out[c] = x[c] - top[c] - shift[c]; \
        } \
    } \
    static void softmax_backward_columns_##sfx(const corex_block *block) \
    { \
        const int64_t columns = block->columns; \
        double total[COREX_COLUMNS]; \
        COLUMN_SUMS(T, 2, total, x[c] * y[c]); \
        EACH_COLUMN_ROW \
        { \
            T *const out = COLUMN_ROW(T, 0); \
            const T *const g = COLUMN_ROW(const T, 1), *const y = COLUMN_ROW(const T, 2); \
            EACH_COLUMN out[c] = y[c] * (g[c] - (T)total[c]); \
        } \
    } \
    static void log_softmax_backward_columns_##sfx(const corex_block *block) \
    { \
        const int64_t columns = block->columns; \
        double total[COREX_COLUMNS]; \
        COLUMN_SUMS(T, 2, total, x[c]); \
        EACH_COLUMN_ROW \
        { \
            T *const out = COLUMN_ROW(T, 0); \
            const T *const g = COLUMN_ROW(const T, 1), *const y = COLUMN_ROW(const T, 2); \
            EACH_COLUMN out[c] = g[c] - VM_EXP(y[c]) * (T)total[c]; \
        } \
    }

COREX_FLOAT_ROWS(COREX_MAKE, COLUMNS)

const corex_softmax_table COREX_LEVELED(corex_softmax) = {
    .forward = {COREX_FLOAT_TABLE(softmax), COREX_FLOAT_TABLE(log_softmax)},
    .backward = {COREX_FLOAT_TABLE(softmax_backward), COREX_FLOAT_TABLE(log_softmax_backward)},
    .forward_columns = {COREX_FLOAT_TABLE(softmax_columns), COREX_FLOAT_TABLE(log_softmax_columns)},
    .backward_columns = {COREX_FLOAT_TABLE(softmax_backward_columns),
                         COREX_FLOAT_TABLE(log_softmax_backward_columns)},
};
