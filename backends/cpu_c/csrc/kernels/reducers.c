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
    FINISH(name, name##_reducer, T, A, x)

#define PLUS(a, b) ((a) + (b))
#define TIMES(a, b) ((a) * (b))
/* A NaN is larger and smaller than everything; once there, it stays. */
#define LARGER(a, b) (((b) > (a)) | ((b) != (b)) ? (b) : (a))
#define SMALLER(a, b) (((b) < (a)) | ((b) != (b)) ? (b) : (a))

REDUCER(sum_u8, uint8_t, uint64_t, uint64_t, 0, PLUS, PLUS)
REDUCER(sum_i32, int32_t, uint64_t, uint64_t, 0, PLUS, PLUS)
REDUCER(sum_i64, int64_t, uint64_t, uint64_t, 0, PLUS, PLUS)
REDUCER(sum_f32, float, float, double, 0, PLUS, PLUS)
REDUCER(sum_f64, double, double, double, 0, PLUS, PLUS)
REDUCER(prod_u8, uint8_t, uint64_t, uint64_t, 1, TIMES, TIMES)
REDUCER(prod_i32, int32_t, uint64_t, uint64_t, 1, TIMES, TIMES)
REDUCER(prod_i64, int64_t, uint64_t, uint64_t, 1, TIMES, TIMES)
REDUCER(prod_f32, float, double, double, 1, TIMES, TIMES)
REDUCER(prod_f64, double, double, double, 1, TIMES, TIMES)
REDUCER(amax_u8, uint8_t, uint8_t, uint8_t, 0, LARGER, LARGER)
REDUCER(amax_i32, int32_t, int32_t, int32_t, INT32_MIN, LARGER, LARGER)
REDUCER(amax_i64, int64_t, int64_t, int64_t, INT64_MIN, LARGER, LARGER)
REDUCER(amax_f32, float, float, float, -INFINITY, LARGER, LARGER)
REDUCER(amax_f64, double, double, double, -(double)INFINITY, LARGER, LARGER)
REDUCER(amin_u8, uint8_t, uint8_t, uint8_t, UINT8_MAX, SMALLER, SMALLER)
REDUCER(amin_i32, int32_t, int32_t, int32_t, INT32_MAX, SMALLER, SMALLER)
REDUCER(amin_i64, int64_t, int64_t, int64_t, INT64_MAX, SMALLER, SMALLER)
REDUCER(amin_f32, float, float, float, INFINITY, SMALLER, SMALLER)
REDUCER(amin_f64, double, double, double, (double)INFINITY, SMALLER, SMALLER)

/* Of nothing the smallest byte is 255, which is no bool. */
FINISH(amin_u8, all_reducer, uint8_t, uint8_t, x != 0)

/* The mean differs from the sum in the last step; of nothing it is 0 / 0. */
FINISH(sum_f32, mean_f32_reducer, float, double, x / (double)count)
FINISH(sum_f64, mean_f64_reducer, double, double, x / (double)count)

#define ROW(op) \
    {NULL, \
     &op##_u8_reducer, \
     &op##_i32_reducer, \
     &op##_i64_reducer, \
     &op##_f32_reducer, \
     &op##_f64_reducer}
#define ROW_ALL(op) \
    {&op##_u8_reducer,  &op##_u8_reducer,  &op##_i32_reducer, \
     &op##_i64_reducer, &op##_f32_reducer, &op##_f64_reducer}
#define ROW_BY_INDEX(rows) {NULL, &rows[1], &rows[2], &rows[3], &rows[4], &rows[5]}

static const corex_reduction rows[] = {
    {.name = "sum", .reducers = ROW(sum)},
    {.name = "prod", .reducers = ROW(prod)},
    {.name = "mean",
     .reducers = {[COREX_FLOAT32] = &mean_f32_reducer, [COREX_FLOAT64] = &mean_f64_reducer}},
    {.name = "amax", .reducers = ROW_ALL(amax)},
    {.name = "amin", .reducers = ROW_ALL(amin)},
    /* of bytes 0 and 1: the largest and the smallest */
    {.name = "any", .reducers = {&amax_u8_reducer}},
    {.name = "all", .reducers = {&all_reducer}},
    {.name = "argmax", .reducers = ROW_BY_INDEX(COREX_LEVELED(corex_argmax)), .to_index = true},
    {.name = "argmin", .reducers = ROW_BY_INDEX(COREX_LEVELED(corex_argmin)), .to_index = true},
};

const corex_reduction_table COREX_LEVELED(corex_reductions) = {rows, sizeof rows / sizeof rows[0]};
