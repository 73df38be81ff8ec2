/* The loops of the mean squared error and its gradient. */
#include "kernels.h"

#define LANES 32
#define FOLD 4096

/* Operand 0 is a double that collects, with stride 0. */
#define SQUARES(sfx, T) \
    static void squares_##sfx(char *const *p, const int64_t *s, int64_t n) \
    { \
        double total = 0; \
        int64_t i = 0; \
        if (s[1] == sizeof(T) && s[2] == sizeof(T)) { \
            const T *a = (const T *)p[1], *b = (const T *)p[2]; \
            while (n - i >= LANES) { \
                const int64_t end = i + COREX_MIN((n - i) / LANES * LANES, FOLD); \
                T lane[LANES] = {0}; \
                for (; i < end; i += LANES) \
                    for (int l = 0; l < LANES; l++) \
                        lane[l] += (a[i + l] - b[i + l]) * (a[i + l] - b[i + l]); \
                for (int l = 0; l < LANES; l++) \
                    total += (double)lane[l]; \
            } \
        } \
        for (; i < n; i++) { \
            T d = *(const T *)(p[1] + i * s[1]) - *(const T *)(p[2] + i * s[2]); \
            total += (double)(T)(d * d); \
        } \
        *(double *)p[0] += total; \
    }

COREX_FLOAT_ROWS(COREX_MAKE, SQUARES)

/* Operands: out, a, b, and the factor with stride 0. */
#define DIFFERENCE(sfx, T) \
    static void difference_##sfx(char *const *p, const int64_t *s, int64_t n) \
    { \
        const T factor = *(const T *)p[3]; \
        if (s[0] == sizeof(T) && s[1] == sizeof(T) && s[2] == sizeof(T)) { \
            const T *a = (const T *)p[1], *b = (const T *)p[2]; \
            T *o = (T *)p[0]; \
            COREX_INDEPENDENT \
            for (int64_t i = 0; i < n; i++) \
                o[i] = factor * (a[i] - b[i]); \
            return; \
        } \
        for (int64_t i = 0; i < n; i++) \
            *(T *)(p[0] + i * s[0]) = \
                factor * (*(const T *)(p[1] + i * s[1]) - *(const T *)(p[2] + i * s[2])); \
    }

COREX_FLOAT_ROWS(COREX_MAKE, DIFFERENCE)

const corex_loss_table COREX_LEVELED(corex_loss) = {
    .squares = COREX_FLOAT_TABLE(squares),
    .difference = COREX_FLOAT_TABLE(difference),
};
