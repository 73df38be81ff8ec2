/* Running sums of neighbouring columns. */
#include "columnmath.h"

/* Sums of floats are kept in double, as those of rows are. */
#define CUMSUM_COLUMNS(name, T, A) \
    static void name(const corex_block *block) \
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

CUMSUM_COLUMNS(cumsum_u8, uint8_t, uint8_t)
CUMSUM_COLUMNS(cumsum_i32, int32_t, uint32_t)
CUMSUM_COLUMNS(cumsum_i64, int64_t, uint64_t)
CUMSUM_COLUMNS(cumsum_f32, float, double)
CUMSUM_COLUMNS(cumsum_f64, double, double)

const corex_scan_table COREX_LEVELED(corex_scan) = {
    .cumsum = {NULL, cumsum_u8, cumsum_i32, cumsum_i64, cumsum_f32, cumsum_f64},
};
