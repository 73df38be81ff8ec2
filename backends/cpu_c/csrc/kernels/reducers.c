/* What the reductions do to one element, expanded over dtypes. */
#include "kernels.h"

/* Independent partial results, so that additions need not wait for each other. */
#define LANES 64
/* The same for short lines. */
#define NARROW 16
/* Elements per lane before the lanes are folded into the accumulator: keeps float sums short. */
#define FOLD 64

/*
 * T element, P partial result of a lane, A accumulator; STEP(p, x) takes in an element, JOIN(a, b)
 * two accumulators.
 */
#define LINE(name, T, P, A, START, STEP, JOIN) \
    static void name##_start(void *acc, int64_t count) \
    { \
        (void)count; \
        *(A *)acc = START; \
    } \
    static void name##_combine(void *a, const void *b) { *(A *)a = JOIN(*(A *)a, *(const A *)b); } \
    static void name##_line(void *acc, const char *in, int64_t n, int64_t stride, \
                            int64_t position) \
    { \
        (void)position; \
        A result = *(A *)acc; \
        int64_t i = 0; \
        if (stride == sizeof(T)) { \
            const T *a = (const T *)in; \
            while (n - i >= LANES) { \
                int64_t end = i + COREX_MIN((n - i) / LANES, FOLD) * LANES; \
                P lane[LANES]; \
                for (int j = 0; j < LANES; j++) \
                    lane[j] = START; \
                for (; i < end; i += LANES) \
                    for (int j = 0; j < LANES; j++) \
                        lane[j] = STEP(lane[j], a[i + j]); \
                for (int width = LANES / 2; width > 0; width /= 2) \
                    for (int j = 0; j < width; j++) \
                        lane[j] = JOIN(lane[j], lane[j + width]); \
                result = JOIN(result, (A)lane[0]); \
            } \
        } \
        for (; i < n; i++) \
            result = STEP(result, *(const T *)(in + i * stride)); \
        *(A *)acc = result; \
    } \
    static void name##_columns(void *acc, const char *in, int64_t columns, int64_t column_stride, \
                               int64_t n, int64_t stride, int64_t position) \
    { \
        (void)position; \
        A *restrict result = acc; \
        P lane[COREX_REDUCE_COLUMNS]; \
        for (int64_t i = 0; i < n;) { \
            int64_t end = COREX_MIN(i + FOLD, n); \
            for (int64_t c = 0; c < columns; c++) \
                lane[c] = START; \
            for (; i < end; i++) { \
                const char *row = in + i * stride; \
                if (column_stride == sizeof(T)) { \
                    for (int64_t c = 0; c < columns; c++) \
                        lane[c] = STEP(lane[c], ((const T *)row)[c]); \
                } else { \
                    for (int64_t c = 0; c < columns; c++) \
                        lane[c] = STEP(lane[c], *(const T *)(row + c * column_stride)); \
                } \
            } \
            for (int64_t c = 0; c < columns; c++) \
                result[c] = JOIN(result[c], (A)lane[c]); \
        } \
    }

/*
 * Each line is taken in chunks of NARROW lanes, the last one masked: what it reads too much is the
 * next line, and is replaced by the neutral element.
 */
#define LINES(name, T, P, A, START, STEP, JOIN) \
    static void name##_lines(void *acc, const char *in, int64_t lines, int64_t line_stride, \
                             int64_t n, const char *end) \
    { \
        P tile[COREX_REDUCE_LINES][NARROW] = {{0}}; \
        const int64_t whole = n - n % NARROW; \
        for (int64_t r = 0; r < lines; r++) { \
            const T *a = (const T *)(in + r * line_stride); \
            P lane[NARROW], other[NARROW]; \
            COREX_LANES \
            for (int j = 0; j < NARROW; j++) \
                lane[j] = other[j] = START; \
            int64_t i = 0; \
            for (; i + 2 * NARROW <= whole; i += 2 * NARROW) { \
                COREX_LANES \
                for (int j = 0; j < NARROW; j++) { \
                    lane[j] = STEP(lane[j], a[i + j]); \
                    other[j] = STEP(other[j], a[i + NARROW + j]); \
                } \
            } \
            COREX_LANES \
            for (int j = 0; j < NARROW; j++) \
                lane[j] = JOIN(lane[j], other[j]); \
            for (; i < whole; i += NARROW) \
                COREX_LANES \
            for (int j = 0; j < NARROW; j++) \
                lane[j] = STEP(lane[j], a[i + j]); \
            const T *rest = a + whole; \
            const int count = (int)(n - whole); \
            if (count > 0 && end - (const char *)rest >= (int64_t)(NARROW * sizeof(T))) { \
                COREX_LANES \
                for (int j = 0; j < NARROW; j++) { \
                    P stepped = STEP(lane[j], rest[j]); \
                    lane[j] = j < count ? stepped : lane[j]; \
                } \
            } else { \
                for (int j = 0; j < count; j++) \
                    lane[j] = STEP(lane[j], rest[j]); \
            } \
            COREX_LANES \
            for (int j = 0; j < NARROW; j++) \
                tile[r][j] = lane[j]; \
        } \
        for (int64_t r = 0; r < lines; r++) \
            COREX_LANES \
        for (int j = 0; j < NARROW / 2; j++) \
            tile[r][j] = JOIN(tile[r][j], tile[r][j + NARROW / 2]); \
        P result[COREX_REDUCE_LINES]; \
        COREX_LANES \
        for (int r = 0; r < COREX_REDUCE_LINES; r++) \
            result[r] = tile[r][0]; \
        for (int j = 1; j < NARROW / 2; j++) \
            COREX_LANES \
        for (int r = 0; r < COREX_REDUCE_LINES; r++) \
            result[r] = JOIN(result[r], tile[r][j]); \
        for (int64_t r = 0; r < lines; r++) \
            ((A *)acc)[r] = (A)result[r]; \
    }

#define FINISH(name, finish_name, T, A, expr) \
    static void finish_name##_finish(char *out, const void *acc, int64_t count) \
    { \
        (void)count; \
        const A x = *(const A *)acc; \
        *(T *)out = (T)(expr); \
    } \
    static const corex_reducer finish_name = {.acc_bytes = sizeof(A), \
                                              .start = name##_start, \
                                              .line = name##_line, \
                                              .columns = name##_columns, \
                                              .lines = name##_lines, \
                                              .combine = name##_combine, \
                                              .finish = finish_name##_finish};

#define REDUCER(name, T, P, A, START, STEP, JOIN) \
    LINE(name, T, P, A, START, STEP, JOIN) \
    LINES(name, T, P, A, START, STEP, JOIN) \
    FINISH(name, name, T, A, x)

#define PLUS(a, b) ((a) + (b))
#define TIMES(a, b) ((a) * (b))
/* A NaN is larger and smaller than everything; once there, it stays. */
#define LARGER(a, b) (((b) > (a)) | ((b) != (b)) ? (b) : (a))
#define SMALLER(a, b) (((b) < (a)) | ((b) != (b)) ? (b) : (a))

/* The smallest and the largest integer of a type. */
#define LEAST(T) ((T)((T) - 1 > 0 ? 0 : (uint64_t)1 << (sizeof(T) * CHAR_BIT - 1)))
#define MOST(T) ((T)~LEAST(T))

#define OF_INTEGER(sfx, T) \
    REDUCER(sum_##sfx, T, uint64_t, uint64_t, 0, PLUS, PLUS) \
    REDUCER(prod_##sfx, T, uint64_t, uint64_t, 1, TIMES, TIMES) \
    REDUCER(amax_##sfx, T, T, T, LEAST(T), LARGER, LARGER) \
    REDUCER(amin_##sfx, T, T, T, MOST(T), SMALLER, SMALLER)
/* The mean differs from the sum in the last step; of nothing it is 0 / 0. */
#define OF_FLOAT(sfx, T) \
    REDUCER(sum_##sfx, T, T, double, 0, PLUS, PLUS) \
    REDUCER(prod_##sfx, T, double, double, 1, TIMES, TIMES) \
    REDUCER(amax_##sfx, T, T, T, -(T)INFINITY, LARGER, LARGER) \
    REDUCER(amin_##sfx, T, T, T, (T)INFINITY, SMALLER, SMALLER) \
    FINISH(sum_##sfx, mean_##sfx, T, double, x / (double)count)

COREX_INTEGER_ROWS(COREX_MAKE, OF_INTEGER)
COREX_FLOAT_ROWS(COREX_MAKE, OF_FLOAT)

/* Of nothing the smallest byte is 255, which is no bool. */
FINISH(amin_u8, all, uint8_t, uint8_t, x != 0)

#define ENTRY(number, NAME, name, sfx, T, U, kind, op) [COREX_##NAME] = &op##_##sfx,
#define COMPLEX(op) \
    [COREX_COMPLEX64] = &COREX_LEVELED(corex_complex_##op)[COREX_COMPLEX64], \
    [COREX_COMPLEX128] = &COREX_LEVELED(corex_complex_##op)[COREX_COMPLEX128]
#define ANY(op) {[COREX_BOOL] = &op##_u8, COREX_NUMBER_ROWS(ENTRY, op)}
#define ENTRY_BY_INDEX(number, NAME, name, sfx, T, U, kind, rows) \
    [COREX_##NAME] = &rows[COREX_##NAME],
#define BY_INDEX(rows) {COREX_NUMBER_ROWS(ENTRY_BY_INDEX, rows)}

static const corex_reduction rows[] = {
    {.name = "sum", .reducers = {COREX_NUMBER_ROWS(ENTRY, sum) COMPLEX(sum)}},
    {.name = "prod", .reducers = {COREX_NUMBER_ROWS(ENTRY, prod) COMPLEX(prod)}},
    {.name = "mean", .reducers = {COREX_FLOAT_ROWS(ENTRY, mean) COMPLEX(mean)}},
    {.name = "amax", .reducers = ANY(amax)},
    {.name = "amin", .reducers = ANY(amin)},
    /* of bytes 0 and 1: the largest and the smallest */
    {.name = "any", .reducers = {[COREX_BOOL] = &amax_u8}},
    {.name = "all", .reducers = {[COREX_BOOL] = &all}},
    {.name = "argmax", .reducers = BY_INDEX(COREX_LEVELED(corex_argmax)), .to_index = true},
    {.name = "argmin", .reducers = BY_INDEX(COREX_LEVELED(corex_argmin)), .to_index = true},
};

const corex_reduction_table COREX_LEVELED(corex_reductions) = {rows, sizeof rows / sizeof rows[0]};
