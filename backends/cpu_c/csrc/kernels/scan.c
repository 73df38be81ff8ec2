/* Running sums of neighbouring columns; elements of columns by position. */
#include "columnmath.h"

/* Sums of floats are kept in double, as those of rows are. */
#define CUMSUM_COLUMNS(sfx, T, A) \
    static void cumsum_##sfx(const corex_block *block) \
    { \
        const int64_t columns = block->columns; \
        A sum[COREX_COLUMNS] = {0}; \
        EACH_COLUMN_ROW \
        { \
            T *const out = COLUMN_ROW(T, 0); \
            const T *const x = COLUMN_ROW(const T, 1); \
            EACH_COLUMN \
            { \
                sum[c] += (A)x[c]; \
                out[c] = (T)sum[c]; \
            } \
        } \
    }

COREX_INTEGER_ROWS(COREX_MAKE_TWIN, CUMSUM_COLUMNS)
COREX_FLOAT_ROWS(COREX_MAKE, CUMSUM_COLUMNS, double)

#define GATHER_COLUMNS(shift, bytes, T, ...) \
    static void gather_##bytes(const corex_block *block) \
    { \
        const int64_t columns = block->columns; \
        EACH_COLUMN_ROW \
        { \
            T *const out = COLUMN_ROW(T, 0); \
            const int64_t *const at = COLUMN_ROW(const int64_t, 2); \
            EACH_COLUMN out[c] = ((const T *)(block->p[1] + at[c] * block->step[1]))[c]; \
        } \
    }

COREX_SIZE_ROWS(GATHER_COLUMNS)

/* In each column, in the order of its positions. */
#define SCATTER_COLUMNS(sfx, T, U) \
    static void scatter_##sfx(const corex_block *block) \
    { \
        const int64_t columns = block->columns; \
        EACH_COLUMN_ROW \
        { \
            const T *const x = COLUMN_ROW(const T, 0); \
            const int64_t *const at = COLUMN_ROW(const int64_t, 2); \
            EACH_COLUMN \
            { \
                T *const to = (T *)(block->p[1] + at[c] * block->step[1]) + c; \
                *to = (T)((U) * to + (U)x[c]); \
            } \
        } \
    }

COREX_NUMBER_ROWS(COREX_MAKE_TWIN, SCATTER_COLUMNS)

const corex_scan_table COREX_LEVELED(corex_scan) = {
    .cumsum = COREX_NUMBER_TABLE(cumsum),
    .gather = COREX_SIZE_TABLE(gather),
    .scatter_add = COREX_NUMBER_TABLE(scatter),
};
