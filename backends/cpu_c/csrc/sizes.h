/*
 * Arithmetic of sizes: products and sums of counts, bytes and strides that are not negative.
 *
 * They stop at INT64_MAX instead of wrapping around. No buffer is that large, so that whoever
 * allocates is refused, and whoever only weighs up work knows enough. Offsets inside of memory that
 * exists need none of this.
 */
#ifndef COREX_SIZES_H
#define COREX_SIZES_H

#include <stdint.h>

#define COREX_TOO_MUCH INT64_MAX

static inline __attribute__((always_inline)) int64_t corex_times(int64_t a, int64_t b)
{
    int64_t product;
    return __builtin_expect(__builtin_mul_overflow(a, b, &product), 0) ? COREX_TOO_MUCH : product;
}

static inline __attribute__((always_inline)) int64_t corex_times3(int64_t a, int64_t b, int64_t c)
{
    /* A factor of 0 may stand behind two that are too much together. */
    return c == 0 ? 0 : corex_times(corex_times(a, b), c);
}

static inline __attribute__((always_inline)) int64_t corex_plus(int64_t a, int64_t b)
{
    int64_t sum;
    return __builtin_expect(__builtin_add_overflow(a, b, &sum), 0) ? COREX_TOO_MUCH : sum;
}

#endif
