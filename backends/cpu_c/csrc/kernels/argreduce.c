/*
 * argmax and argmin. A block is first reduced to its extreme value, which vectorises; only a block
 * that beats the best so far is searched for the position.
 */
#include "kernels.h"

#define BLOCK 1024
#define LANES 64

#define BETTER_MAX(b, a) ((b) > (a))
#define BETTER_MIN(b, a) ((b) < (a))
/* b if it is better or a NaN, else a */
#define FIRST(BETTER, b, a) (BETTER(b, a) || (b) != (b) ? (b) : (a))

#define ARG(name, T, BETTER) \
    typedef struct name##_acc { \
        T best; \
        int64_t position; /* -1: none yet */ \
    } name##_acc; \
    static void name##_start(void *acc, int64_t count) \
    { \
        (void)count; \
        *(name##_acc *)acc = (name##_acc){0, -1}; \
    } \
    static inline void name##_take(name##_acc *acc, T x, int64_t position) \
    { \
        if (acc->position < 0 || BETTER(x, acc->best) || (x != x && acc->best == acc->best)) { \
            acc->best = x; \
            acc->position = position; \
        } \
    } \
    static void name##_combine(void *a, const void *b) \
    { \
        const name##_acc *other = b; \
        if (other->position >= 0) \
            name##_take(a, other->best, other->position); \
    } \
    static void name##_finish(char *out, const void *acc, int64_t count) \
    { \
        (void)count; \
        *(int64_t *)out = ((const name##_acc *)acc)->position; \
    } \
    /* of `count` elements, a multiple of LANES */ \
    static T name##_extreme(const T *a, int64_t count) \
    { \
        T lane[LANES]; \
        for (int j = 0; j < LANES; j++) \
            lane[j] = a[j]; \
        for (int64_t i = LANES; i < count; i += LANES) \
            for (int j = 0; j < LANES; j++) \
                lane[j] = FIRST(BETTER, a[i + j], lane[j]); \
        for (int width = LANES / 2; width > 0; width /= 2) \
            for (int j = 0; j < width; j++) \
                lane[j] = FIRST(BETTER, lane[j + width], lane[j]); \
        return lane[0]; \
    } \
    static void name##_line(void *acc, const char *in, int64_t n, int64_t stride, \
                            int64_t position) \
    { \
        name##_acc result = *(name##_acc *)acc; \
        int64_t i = 0, count; \
        for (; stride == sizeof(T) && n - i >= LANES; i += count) { \
            const T *a = (const T *)in + i; \
            count = COREX_MIN(BLOCK, (n - i) / LANES * LANES); \
            T best = name##_extreme(a, count); \
            if (result.position >= 0 && !BETTER(best, result.best) && \
                !(best != best && result.best == result.best)) \
                continue; \
            int j = 0; \
            while (!(a[j] == best || a[j] != a[j])) \
                j++; \
            name##_take(&result, a[j], position + i + j); \
        } \
        for (; i < n; i++) \
            name##_take(&result, *(const T *)(in + i * stride), position + i); \
        *(name##_acc *)acc = result; \
    } \
    static void name##_columns(void *acc, const char *in, int64_t columns, int64_t column_stride, \
                               int64_t n, int64_t stride, int64_t position) \
    { \
        name##_acc *result = acc; \
        for (int64_t i = 0; i < n; i++) \
            for (int64_t c = 0; c < columns; c++) \
                name##_take(&result[c], *(const T *)(in + i * stride + c * column_stride), \
                            position + i); \
    }

#define ARGMAX(sfx, T) ARG(argmax_##sfx, T, BETTER_MAX)
#define ARGMIN(sfx, T) ARG(argmin_##sfx, T, BETTER_MIN)

COREX_NUMBER_ROWS(COREX_MAKE, ARGMAX)
COREX_NUMBER_ROWS(COREX_MAKE, ARGMIN)

#define REDUCER(name) \
    {.acc_bytes = sizeof(name##_acc), \
     .start = name##_start, \
     .line = name##_line, \
     .columns = name##_columns, \
     .combine = name##_combine, \
     .finish = name##_finish}
#define ENTRY(number, NAME, name, sfx, T, U, kind, op) [COREX_##NAME] = REDUCER(op##_##sfx),

const corex_reducer COREX_LEVELED(corex_argmax)[COREX_NUM_DTYPES] = {
    COREX_NUMBER_ROWS(ENTRY, argmax)};
const corex_reducer COREX_LEVELED(corex_argmin)[COREX_NUM_DTYPES] = {
    COREX_NUMBER_ROWS(ENTRY, argmin)};
