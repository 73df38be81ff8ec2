/* Reductions of one dense row, for softmax and layer_norm: several partial results at once. */
#ifndef COREX_ROWMATH_H
#define COREX_ROWMATH_H

#include "vecmath.h"

#define ROW_LANES 16

/* Sums expr over i in [0, n), without rounding like a running sum. */
#define ROW_SUM(T, n, result, expr) \
    do { \
        T lane[ROW_LANES] = {0}; \
        int64_t i = 0; \
        for (; i + ROW_LANES <= (n); i += ROW_LANES) \
            for (int l = 0; l < ROW_LANES; l++) { \
                const int64_t at = i + l; \
                lane[l] += (expr); \
            } \
        for (int l = 0; l < (n) - i; l++) { \
            const int64_t at = i + l; \
            lane[l] += (expr); \
        } \
        for (int width = ROW_LANES / 2; width > 0; width /= 2) \
            for (int l = 0; l < width; l++) \
                lane[l] += lane[l + width]; \
        result = lane[0]; \
    } while (0)

#define ROW_LARGER(a, b) ((b) > (a) || (b) != (b) ? (b) : (a))

/* The largest x[i], a NaN if there is one; n > 0. */
#define ROW_MAX(T, n, result, x) \
    do { \
        T lane[ROW_LANES]; \
        for (int l = 0; l < ROW_LANES; l++) \
            lane[l] = -(T)INFINITY; \
        int64_t i = 0; \
        for (; i + ROW_LANES <= (n); i += ROW_LANES) \
            for (int l = 0; l < ROW_LANES; l++) \
                lane[l] = ROW_LARGER(lane[l], (x)[i + l]); \
        for (int l = 0; l < (n) - i; l++) \
            lane[l] = ROW_LARGER(lane[l], (x)[i + l]); \
        for (int width = ROW_LANES / 2; width > 0; width /= 2) \
            for (int l = 0; l < width; l++) \
                lane[l] = ROW_LARGER(lane[l], lane[l + width]); \
        result = lane[0]; \
    } while (0)

#endif
