/* Reductions of one dense row, for softmax and layer_norm: several partial results at once. */
#ifndef COREX_ROWMATH_H
#define COREX_ROWMATH_H

#include "vecmath.h"

#define ROW_LANES 16

#define ROW_JOIN_SUM(a, b) ((a) + (b))
#define ROW_JOIN_MAX(a, b) ((b) > (a) ? (b) : (a))

/* Sixteen lanes to one. */
#define ROW_FOLD(lane, JOIN) \
    do { \
        COREX_LANES \
        for (int l = 0; l < 8; l++) \
            lane[l] = JOIN(lane[l], lane[l + 8]); \
        COREX_LANES \
        for (int l = 0; l < 4; l++) \
            lane[l] = JOIN(lane[l], lane[l + 4]); \
        lane[0] = JOIN(lane[0], lane[2]); \
        lane[1] = JOIN(lane[1], lane[3]); \
        lane[0] = JOIN(lane[0], lane[1]); \
    } while (0)

/* Sums expr over i in [0, n), without rounding like a running sum. */
#define ROW_SUM(T, n, result, expr) \
    do { \
        T lane[ROW_LANES] = {0}; \
        int64_t i = 0; \
        for (; i + ROW_LANES <= (n); i += ROW_LANES) \
            COREX_LANES \
        for (int l = 0; l < ROW_LANES; l++) { \
            const int64_t at = i + l; \
            lane[l] += (expr); \
        } \
        COREX_LANES \
        for (int l = 0; l < (n) - i; l++) { \
            const int64_t at = i + l; \
            lane[l] += (expr); \
        } \
        ROW_FOLD(lane, ROW_JOIN_SUM); \
        result = lane[0]; \
    } while (0)

/* The largest x[i], where NaNs are passed over: the sums that follow find them. n > 0. */
#define ROW_MAX(T, n, result, x) \
    do { \
        T lane[ROW_LANES]; \
        COREX_LANES \
        for (int l = 0; l < ROW_LANES; l++) \
            lane[l] = -(T)INFINITY; \
        int64_t i = 0; \
        for (; i + ROW_LANES <= (n); i += ROW_LANES) \
            COREX_LANES \
        for (int l = 0; l < ROW_LANES; l++) \
            lane[l] = (x)[i + l] > lane[l] ? (x)[i + l] : lane[l]; \
        for (int l = 0; l < (n) - i; l++) \
            lane[l] = (x)[i + l] > lane[l] ? (x)[i + l] : lane[l]; \
        ROW_FOLD(lane, ROW_JOIN_MAX); \
        result = lane[0]; \
    } while (0)

#endif
