/*
 * The loop templates of the elementwise families.
 *
 * A family is a table of (name, expression); the expression is written in x, y and the types T
 * (element) and U (its unsigned twin, for arithmetic that wraps; T itself for floats).
 */
#ifndef COREX_LOOPS_H
#define COREX_LOOPS_H

#include "kernels.h"

#define LOOP1(name, sfx, TI, TO, UI, expr) \
    static void name##_##sfx(char *const *p, const int64_t *s, int64_t n) \
    { \
        typedef TI T; \
        typedef UI U __attribute__((unused)); \
        if (s[0] == sizeof(TO) && s[1] == sizeof(TI)) { \
            const TI *a = (const TI *)p[1]; \
            TO *o = (TO *)p[0]; \
            COREX_INDEPENDENT \
            for (int64_t i = 0; i < n; i++) { \
                const T x = a[i]; \
                o[i] = (TO)(expr); \
            } \
            return; \
        } \
        const char *a = p[1]; \
        char *o = p[0]; \
        const int64_t so = s[0], sa = s[1]; \
        for (int64_t i = 0; i < n; i++) { \
            const T x = *(const TI *)(a + i * sa); \
            *(TO *)(o + i * so) = (TO)(expr); \
        } \
    }

#define LOOP2_LINE(TO, LOADX, LOADY, expr) \
    COREX_INDEPENDENT \
    for (int64_t i = 0; i < n; i++) { \
        const T x = LOADX, y = LOADY; \
        o[i] = (TO)(expr); \
    } \
    return

/* Both contiguous, the second a scalar, the first a scalar, anything else. */
#define LOOP2(name, sfx, TI, TO, UI, expr) \
    static void name##_##sfx(char *const *p, const int64_t *s, int64_t n) \
    { \
        typedef TI T; \
        typedef UI U __attribute__((unused)); \
        if (s[0] == sizeof(TO)) { \
            const TI *a = (const TI *)p[1], *b = (const TI *)p[2]; \
            TO *o = (TO *)p[0]; \
            if (s[1] == sizeof(TI) && s[2] == sizeof(TI)) { \
                LOOP2_LINE(TO, a[i], b[i], expr); \
            } \
            if (s[1] == sizeof(TI) && s[2] == 0) { \
                const T second = *b; \
                LOOP2_LINE(TO, a[i], second, expr); \
            } \
            if (s[1] == 0 && s[2] == sizeof(TI)) { \
                const T first = *a; \
                LOOP2_LINE(TO, first, b[i], expr); \
            } \
        } \
        const char *a = p[1], *b = p[2]; \
        char *o = p[0]; \
        const int64_t so = s[0], sa = s[1], sb = s[2]; \
        for (int64_t i = 0; i < n; i++) { \
            const T x = *(const TI *)(a + i * sa), y = *(const TI *)(b + i * sb); \
            *(TO *)(o + i * so) = (TO)(expr); \
        } \
    }

/* For expressions that call libm: one loop, since a call outweighs the addressing. */
#define LOOP2_SLOW(name, sfx, TI, TO, UI, expr) \
    static void name##_##sfx(char *const *p, const int64_t *s, int64_t n) \
    { \
        typedef TI T; \
        typedef UI U __attribute__((unused)); \
        const char *a = p[1], *b = p[2]; \
        char *o = p[0]; \
        const int64_t so = s[0], sa = s[1], sb = s[2]; \
        for (int64_t i = 0; i < n; i++) { \
            const T x = *(const TI *)(a + i * sa), y = *(const TI *)(b + i * sb); \
            *(TO *)(o + i * so) = (TO)(expr); \
        } \
    }

/* Expansion over dtypes: (loop template, name, expression), output of the input's type. */
#define OVER_ROW(sfx, T, U, LOOP, name, expr) LOOP(name, sfx, T, T, U, expr)
#define OVER_INTEGER(LOOP, name, expr) \
    COREX_INTEGER_ROWS(COREX_MAKE_TWIN, OVER_ROW, LOOP, name, expr)
#define OVER_FLOAT(LOOP, name, expr) COREX_FLOAT_ROWS(COREX_MAKE_TWIN, OVER_ROW, LOOP, name, expr)

/* Output bool. The loops of uint8 serve bools. */
#define OVER_ROW_TO_BOOL(sfx, T, U, LOOP, name, expr) LOOP(name, sfx, T, uint8_t, U, expr)
#define OVER_FLOAT_TO_BOOL(LOOP, name, expr) \
    COREX_FLOAT_ROWS(COREX_MAKE_TWIN, OVER_ROW_TO_BOOL, LOOP, name, expr)
#define OVER_ALL_TO_BOOL(LOOP, name, expr) \
    COREX_NUMBER_ROWS(COREX_MAKE_TWIN, OVER_ROW_TO_BOOL, LOOP, name, expr)

/* Tables of an op whose loop for bools is another's. */
#define BITS_TABLE(name, boolean) {[COREX_BOOL] = boolean, COREX_INTEGER_ROWS(COREX_ENTRY, name)}
#define ANY_TABLE_BUT(name, boolean) {[COREX_BOOL] = boolean, COREX_NUMBER_ROWS(COREX_ENTRY, name)}

#endif
