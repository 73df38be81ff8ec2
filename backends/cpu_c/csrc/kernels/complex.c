/*
 * Elementwise arithmetic of complex numbers, and their products of matrices without a BLAS.
 * Compiled without fused multiplications, so that what cancels in exact arithmetic cancels: the
 * imaginary part of z conj(z) is 0.
 */
#include "kernels.h"

/* ---- one element ---- */
#define ARITHMETIC(sfx, C, T, f) \
    COREX_INLINE C mul_of_##sfx(C a, C b) \
    { \
        return (C){a.re * b.re - a.im * b.im, a.re * b.im + a.im * b.re}; \
    } \
    /* By a divisor whose larger part is 1, so that its square cannot overflow. */ \
    COREX_INLINE C div_of_##sfx(C a, C b) \
    { \
        const T u = fabs##f(b.re), v = fabs##f(b.im), size = u > v ? u : v; \
        const T c = b.re / size, d = b.im / size, square = (c * c + d * d) * size; \
        const C whole = {a.re / b.re, a.im / b.re}; \
        const C mixed = {(a.re * c + a.im * d) / square, (a.im * c - a.re * d) / square}; \
        return (C){b.im == 0 ? whole.re : mixed.re, b.im == 0 ? whole.im : mixed.im}; \
    } \
    COREX_INLINE C square_of_##sfx(C a) \
    { \
        return (C){a.re * a.re - a.im * a.im, a.re * a.im * 2}; \
    } \
    COREX_INLINE C reciprocal_of_##sfx(C a) { return div_of_##sfx((C){1, 0}, a); } \
    COREX_INLINE uint8_t eq_of_##sfx(C a, C b) { return (a.re == b.re) & (a.im == b.im); } \
    COREX_INLINE uint8_t ne_of_##sfx(C a, C b) { return (a.re != b.re) | (a.im != b.im); }

ARITHMETIC(c64, corex_complex64, float, f)
ARITHMETIC(c128, corex_complex128, double, )

/* ---- lines ---- */
#define LOOP1(name, sfx, C, O) \
    static void name##_##sfx(char *const *p, const int64_t *s, int64_t n) \
    { \
        if (s[0] == sizeof(O) && s[1] == sizeof(C)) { \
            const C *a = (const C *)p[1]; \
            O *o = (O *)p[0]; \
            COREX_INDEPENDENT \
            for (int64_t i = 0; i < n; i++) \
                o[i] = name##_of_##sfx(a[i]); \
            return; \
        } \
        for (int64_t i = 0; i < n; i++) \
            *(O *)(p[0] + i * s[0]) = name##_of_##sfx(*(const C *)(p[1] + i * s[1])); \
    }

#define LOOP2(name, sfx, C, O) \
    static void name##_##sfx(char *const *p, const int64_t *s, int64_t n) \
    { \
        const C *a = (const C *)p[1], *b = (const C *)p[2]; \
        O *o = (O *)p[0]; \
        if (s[0] == sizeof(O) && s[1] == sizeof(C) && s[2] == sizeof(C)) { \
            COREX_INDEPENDENT \
            for (int64_t i = 0; i < n; i++) \
                o[i] = name##_of_##sfx(a[i], b[i]); \
            return; \
        } \
        if (s[0] == sizeof(O) && s[1] == sizeof(C) && s[2] == 0) { \
            const C second = *b; \
            COREX_INDEPENDENT \
            for (int64_t i = 0; i < n; i++) \
                o[i] = name##_of_##sfx(a[i], second); \
            return; \
        } \
        for (int64_t i = 0; i < n; i++) \
            *(O *)(p[0] + i * s[0]) = \
                name##_of_##sfx(*(const C *)(p[1] + i * s[1]), *(const C *)(p[2] + i * s[2])); \
    }

#define BOTH(LOOP, name) \
    LOOP(name, c64, corex_complex64, corex_complex64) \
    LOOP(name, c128, corex_complex128, corex_complex128)
#define BOTH_TO_BOOL(LOOP, name) \
    LOOP(name, c64, corex_complex64, uint8_t) LOOP(name, c128, corex_complex128, uint8_t)

BOTH(LOOP1, square)
BOTH(LOOP1, reciprocal)
BOTH(LOOP2, mul)
BOTH(LOOP2, div)
BOTH_TO_BOOL(LOOP2, eq)
BOTH_TO_BOOL(LOOP2, ne)

#define ROW(op, ...) \
    {.name = #op, \
     .loops = {[COREX_COMPLEX64] = op##_c64, [COREX_COMPLEX128] = op##_c128}, \
     __VA_ARGS__},
static const corex_op unary[] = {ROW(square, .cost = 2) ROW(reciprocal, .cost = 4)};
static const corex_op binary[] = {ROW(mul, .cost = 2) ROW(div, .cost = 6) ROW(
    eq, .to_bool = true, .cost = 1) ROW(ne, .to_bool = true, .cost = 1)};

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
    .direct = {[COREX_COMPLEX64] = direct_c64, [COREX_COMPLEX128] = direct_c128},
};
