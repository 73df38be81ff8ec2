/* Running sums of neighbouring columns. */
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

const corex_scan_table COREX_LEVELED(corex_scan) = {
    .cumsum = COREX_NUMBER_TABLE(cumsum),
};
