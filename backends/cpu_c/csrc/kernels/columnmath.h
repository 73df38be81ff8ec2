/* Neighbouring columns, all of one position after the other: the loops inside are over columns. */
#ifndef COREX_COLUMNMATH_H
#define COREX_COLUMNMATH_H

#include "vecmath.h"

/* Elements of a column added up by themselves, which keeps sums of floats short. */
#define COLUMN_FOLD 64

#define EACH_COLUMN \
    COREX_INDEPENDENT \
    for (int64_t c = 0; c < columns; c++)

/* Elements number i of operand k. */
#define COLUMN_ROW(T, k) ((T *)(block->p[k] + i * block->step[k]))

/* Runs over the rows what comes behind it. */
#define EACH_COLUMN_ROW for (int64_t i = 0; i < block->n; i++)

/* total[c], of doubles, becomes the sum of expr over i; x and y are the rows of the operands. */
#define COLUMN_SUMS(T, second, total, expr) \
    do { \
        T part[COREX_COLUMNS]; \
        EACH_COLUMN total[c] = 0; \
        for (int64_t i = 0; i < block->n;) { \
            const int64_t end = COREX_MIN(i + COLUMN_FOLD, block->n); \
            EACH_COLUMN part[c] = 0; \
            for (; i < end; i++) { \
                T *const out = COLUMN_ROW(T, 0); \
                const T *const x = COLUMN_ROW(const T, 1), *const y = COLUMN_ROW(const T, second); \
                (void)out, (void)y; \
                EACH_COLUMN part[c] += (expr); \
            } \
            EACH_COLUMN total[c] += (double)part[c]; \
        } \
    } while (0)

#endif
