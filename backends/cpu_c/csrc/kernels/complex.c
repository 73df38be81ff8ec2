/*
 * Elementwise arithmetic of complex numbers, and their products of matrices without a BLAS.
 * Compiled without fused multiplications, so that what cancels in exact arithmetic cancels: the
 * imaginary part of z conj(z) is 0.
 */
#include "complexmath.h"

/* ---- one element ---- */
/*
 * Both operands of a division are brought near 1 by powers of two, which round nothing: no square
 * overflows, and no product. A real divisor is divided by itself, not by way of its square.
 */
#define ARITHMETIC(sfx, C, T, f) \
    COREX_INLINE C neg_of_##sfx(C a) { return (C){-a.re, -a.im}; } \
    COREX_INLINE C conj_of_##sfx(C a) { return (C){a.re, -a.im}; } \
    COREX_INLINE C add_of_##sfx(C a, C b) { return (C){a.re + b.re, a.im + b.im}; } \
    COREX_INLINE C sub_of_##sfx(C a, C b) { return (C){a.re - b.re, a.im - b.im}; } \
    COREX_INLINE C mul_of_##sfx(C a, C b) \
    { \
        return (C){a.re * b.re - a.im * b.im, a.re * b.im + a.im * b.re}; \
    } \
    COREX_INLINE C div_of_##sfx(C a, C b) \
    { \
        const corex_scaled_##sfx by = corex_scaled_##sfx##_of(b), of = corex_scaled_##sfx##_of(a); \
        const T d = by.z.im, c = d == 0 ? 1 : by.z.re; \
        const T square = d == 0 ? by.z.re : c * c + d * d; \
        const T back = corex_power_##sfx((of.power - by.power) / 2); \
        const T re = (of.z.re * c + of.z.im * d) / square; \
        const T im = (of.z.im * c - of.z.re * d) / square; \
        return (C){re * back * back, im * back * back}; \
    } \
    COREX_INLINE C square_of_##sfx(C a) \
    { \
        return (C){a.re * a.re - a.im * a.im, a.re * a.im * 2}; \
    } \
    COREX_INLINE uint8_t eq_of_##sfx(C a, C b) { return (a.re == b.re) & (a.im == b.im); } \
    COREX_INLINE uint8_t ne_of_##sfx(C a, C b) { return (a.re != b.re) | (a.im != b.im); } \
    COREX_INLINE uint8_t logical_not_of_##sfx(C a) { return (a.re == 0) & (a.im == 0); } \
    COREX_INLINE uint8_t isnan_of_##sfx(C a) { return (a.re != a.re) | (a.im != a.im); } \
    COREX_INLINE uint8_t isinf_of_##sfx(C a) \
    { \
        return (fabs##f(a.re) == (T)INFINITY) | (fabs##f(a.im) == (T)INFINITY); \
    } \
    COREX_INLINE uint8_t isfinite_of_##sfx(C a) \
    { \
        return (fabs##f(a.re) < (T)INFINITY) & (fabs##f(a.im) < (T)INFINITY); \
    }

ARITHMETIC(c64, corex_complex64, float, f)
ARITHMETIC(c128, corex_complex128, double, )

/* ---- lines ---- */
#define LINES2(name, sfx, C, O, REST) \
    static APART void name##_dense_##sfx(O *o, const C *a, const C *b, int64_t n) \
    { \
        COREX_INDEPENDENT \
        for (int64_t i = 0; i < n; i++) \
            o[i] = name##_of_##sfx(a[i], b[i]); \
    } \
    static void name##_##sfx(char *const *p, const int64_t *s, int64_t n) \
    { \
        const C *a = (const C *)p[1], *b = (const C *)p[2]; \
        if (s[0] == sizeof(O) && s[1] == sizeof(C) && s[2] == sizeof(C)) { \
            name##_dense_##sfx((O *)p[0], a, b, n); \
            return; \
        } \
        if (s[0] == sizeof(O) && s[1] == sizeof(C) && s[2] == 0) { \
            const C second = *b; \
            O *o = (O *)p[0]; \
            COREX_INDEPENDENT \
            for (int64_t i = 0; i < n; i++) \
                o[i] = name##_of_##sfx(a[i], second); \
            return; \
        } \
        if (s[0] == sizeof(O) && s[1] == 0 && s[2] == sizeof(C)) { \
            const C first = *a; \
            O *o = (O *)p[0]; \
            COREX_INDEPENDENT \
            for (int64_t i = 0; i < n; i++) \
                o[i] = name##_of_##sfx(first, b[i]); \
            return; \
        } \
        REST(name, sfx, C, O) \
    }

/* What costs little is done where it lies; what gains by vectors is brought side by side. */
#define IN_PLACE(name, sfx, C, O) \
    for (int64_t i = 0; i < n; i++) \
        *(O *)(p[0] + i * s[0]) = \
            name##_of_##sfx(*(const C *)(p[1] + i * s[1]), *(const C *)(p[2] + i * s[2]));
#define IN_BLOCKS(name, sfx, C, O) \
    C x[BLOCK], y[BLOCK]; \
    O o[BLOCK]; \
    for (int64_t start = 0; start < n; start += BLOCK) { \
        const int64_t count = COREX_MIN(BLOCK, n - start); \
        BROUGHT(x, p[1], s[1]); \
        BROUGHT(y, p[2], s[2]); \
        name##_dense_##sfx(o, x, y, count); \
        TAKEN(o, p[0], s[0]); \
    }
#define LOOP2(name, sfx, C, O) LINES2(name, sfx, C, O, IN_PLACE)
#define LOOP2_SLOW(name, sfx, C, O) LINES2(name, sfx, C, O, IN_BLOCKS)

#define BOTH_TO_BOOL(LOOP, name) \
    LOOP(name, c64, corex_complex64, uint8_t) LOOP(name, c128, corex_complex128, uint8_t)

BOTH(LOOP1, neg)
BOTH(LOOP1, square)
BOTH(LOOP1, conj)
BOTH_TO_BOOL(LOOP1, logical_not)
BOTH_TO_BOOL(LOOP1, isnan)
BOTH_TO_BOOL(LOOP1, isinf)
BOTH_TO_BOOL(LOOP1, isfinite)
BOTH(LOOP2, add)
BOTH(LOOP2, sub)
BOTH(LOOP2, mul)
BOTH(LOOP2_SLOW, div)
BOTH_TO_BOOL(LOOP2, eq)
BOTH_TO_BOOL(LOOP2, ne)

/* clang-format off */
static const corex_op unary[] = {
    ROW(neg, .cost = 1)
    ROW(square, .cost = 2)
    ROW(conj, .cost = 1)
    ROW(logical_not, .to_bool = true, .cost = 1)
    ROW(isnan, .to_bool = true, .cost = 1)
    ROW(isinf, .to_bool = true, .cost = 1)
    ROW(isfinite, .to_bool = true, .cost = 1)
};
static const corex_op binary[] = {
    ROW(add, .cost = 1)
    ROW(sub, .cost = 1)
    ROW(mul, .cost = 2)
    ROW(div, .cost = 6)
    ROW(eq, .to_bool = true, .cost = 1)
    ROW(ne, .to_bool = true, .cost = 1)
};
/* clang-format on */

/* ---- products of matrices ---- */
#define DIRECT(sfx, C) \
    static void direct_##sfx(int64_t m, int64_t n, int64_t k, corex_matrix a, corex_matrix b, \
                             corex_matrix c, bool accumulate) \
    { \
        for (int64_t i = 0; i < m; i++) \
            for (int64_t j = 0; j < n; j++) { \
                const C *x = (const C *)a.data + i * a.row, *y = (const C *)b.data + j * b.column; \
                C *to = (C *)c.data + i * c.row + j * c.column; \
                C sum = accumulate ? *to : (C){0, 0}; \
                for (int64_t l = 0; l < k; l++) { \
                    const C term = mul_of_##sfx(x[l * a.column], y[l * b.row]); \
                    sum = (C){sum.re + term.re, sum.im + term.im}; \
                } \
                *to = sum; \
            } \
    }

DIRECT(c64, corex_complex64)
DIRECT(c128, corex_complex128)

const corex_complex_table COREX_LEVELED(corex_complex) = {
    .unary = {unary, sizeof unary / sizeof unary[0]},
    .binary = {binary, sizeof binary / sizeof binary[0]},
    .functions = &COREX_LEVELED(corex_complex_functions),
    .inverses = &COREX_LEVELED(corex_complex_inverses),
    .powers = &COREX_LEVELED(corex_complex_powers),
    .direct = {[COREX_COMPLEX64] = direct_c64, [COREX_COMPLEX128] = direct_c128},
};
