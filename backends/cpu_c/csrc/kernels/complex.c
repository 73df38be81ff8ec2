/*
 * Elementwise arithmetic of complex numbers, and their products of matrices without a BLAS.
 * Compiled without fused multiplications, so that what cancels in exact arithmetic cancels: the
 * imaginary part of z conj(z) is 0.
 */
#include "complexmath.h"

/* ---- one element ---- */
#define ARITHMETIC(sfx, C, T, f) \
    COREX_INLINE C neg_of_##sfx(C a) { return (C){-a.re, -a.im}; } \
    COREX_INLINE C conj_of_##sfx(C a) { return (C){a.re, -a.im}; } \
    COREX_INLINE C add_of_##sfx(C a, C b) { return (C){a.re + b.re, a.im + b.im}; } \
    COREX_INLINE C sub_of_##sfx(C a, C b) { return (C){a.re - b.re, a.im - b.im}; } \
    COREX_INLINE C mul_of_##sfx(C a, C b) \
    { \
        return (C){a.re * b.re - a.im * b.im, a.re * b.im + a.im * b.re}; \
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
/* What costs little is done where it lies. */
#define LOOP2(name, sfx, C, O) \
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
        for (int64_t i = 0; i < n; i++) \
            *(O *)(p[0] + i * s[0]) = \
                name##_of_##sfx(*(const C *)(p[1] + i * s[1]), *(const C *)(p[2] + i * s[2])); \
    }

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
BOTH_TO_BOOL(LOOP2, eq)
BOTH_TO_BOOL(LOOP2, ne)

/* ---- of their parts ---- */
#define JOINED(sfx, C, T) \
    static void complex_##sfx(char *const *p, const int64_t *s, int64_t n) \
    { \
        const char *re = p[1], *im = p[2]; \
        char *out = p[0]; \
        if (s[0] == sizeof(C) && s[1] == sizeof(T) && s[2] == sizeof(T)) { \
            COREX_INDEPENDENT \
            for (int64_t i = 0; i < n; i++) \
                ((C *)out)[i] = (C){((const T *)re)[i], ((const T *)im)[i]}; \
            return; \
        } \
        for (int64_t i = 0; i < n; i++) \
            *(C *)(out + i * s[0]) = \
                (C){*(const T *)(re + i * s[1]), *(const T *)(im + i * s[2])}; \
    }
JOINED(c64, corex_complex64, float)
JOINED(c128, corex_complex128, double)

/* ---- quotients ---- */
/*
 * By |b|^2 where that is exact enough: of parts that are 0 or so far from the ends of the dtype
 * that no product leaves it. By a real number part by part. Others by Smith's algorithm (CACM 5,
 * 1962), whose values at infinities and NaN are NumPy's and PyTorch's; parts near the largest
 * number are divided by 4 first, as sums of two may overflow. 0 has no sign as a divisor.
 */
#define DIVIDED(sfx, C, T, I, U, f, BITS_OF, OF_BITS, BIAS, WIDTH) \
    /* x or y; with conditions there would be no vectors. */ \
    COREX_INLINE T either_##sfx(bool first, T x, T y) \
    { \
        const I mask = -(I)first; \
        return OF_BITS((BITS_OF(x) & mask) | (BITS_OF(y) & ~mask)); \
    } \
    /* Bits of the larger size, which are in order as sizes are. */ \
    COREX_INLINE I most_##sfx(C a) \
    { \
        const I x = BITS_OF(fabs##f(a.re)), y = BITS_OF(fabs##f(a.im)); \
        return COREX_MAX(x, y); \
    } \
    /* The same; of 0 more than of all else. */ \
    COREX_INLINE I least_##sfx(C a) { return (I)(((U)most_##sfx(a) - 1) & ~(U)0 >> 1); } \
    COREX_INLINE bool tame_##sfx(I least, I most) \
    { \
        return (least >= (I)(BIAS - BIAS / 4) << WIDTH) & (most < (I)(BIAS + BIAS / 4) << WIDTH); \
    } \
    COREX_INLINE C plain_##sfx(C a, C b) \
    { \
        const bool real = b.im == 0; \
        const T c = either_##sfx(real, 1, b.re), d = b.im; \
        const T square = either_##sfx(real, b.re + 0, c * c + d * d); \
        return (C){(a.re * c + a.im * d) / square, (a.im * c - a.re * d) / square}; \
    } \
    /* Of 1 by b. */ \
    COREX_INLINE C inverse_##sfx(C a, C b) \
    { \
        const bool real = b.im == 0; \
        const T c = either_##sfx(real, a.re, b.re), d = b.im; \
        const T factor = 1 / either_##sfx(real, b.re + 0, c * c + d * d); \
        return (C){c * factor, (0 - d) * factor}; \
    } \
    COREX_INLINE C smith_##sfx(C a, C b) \
    { \
        const bool upright = fabs##f(b.re) >= fabs##f(b.im), zero = (b.re == 0) & (b.im == 0); \
        const T large = either_##sfx(upright, b.re, b.im), \
                small = either_##sfx(upright, b.im, b.re); \
        const T p = either_##sfx(upright, a.re, a.im), q = either_##sfx(upright, a.im, a.re); \
        const T ratio = either_##sfx(zero, 0, small / large), size = large + small * ratio; \
        const T along = either_##sfx(zero, p, p + q * ratio); \
        const T across = either_##sfx(zero, q, q - p * ratio); \
        const T below = either_##sfx(zero, 0, size); \
        return (C){along / below, either_##sfx(upright, across, 0 - across) / below}; \
    } \
    COREX_INLINE C wild_##sfx(C a, C b) \
    { \
        const I x = most_##sfx(a), y = most_##sfx(b); \
        const T by = either_##sfx(COREX_MAX(x, y) < (I)(2 * BIAS - 2) << WIDTH, 1, (T)0.25); \
        return smith_##sfx((C){a.re * by, a.im * by}, (C){b.re * by, b.im * by}); \
    }
DIVIDED(c64, corex_complex64, float, int32_t, uint32_t, f, vm_bits, vm_float, 127, 23)
DIVIDED(c128, corex_complex128, double, int64_t, uint64_t, , vm_bits_double, vm_double, 1023, 52)

/*
 * Of a block; A and B are the operands at i. What an element becomes is not its neighbours' affair:
 * plainly it is divided where all are tame, and what that finds of others is thrown away.
 */
#define QUOTIENTS(kind, sfx, C, I, plain, A, B) \
    static APART bool kind##_plainly_##sfx(C *o, const C *a, const C *b, int64_t n) \
    { \
        const C first = *a, second = *b; \
        I least = most_##sfx((C){1, 0}), most = 0; \
        COREX_INDEPENDENT \
        for (int64_t i = 0; i < n; i++) { \
            const C x = A, y = B; \
            const I u = least_##sfx(x), v = most_##sfx(y), w = most_##sfx(x); \
            const I low = COREX_MIN(u, v), high = COREX_MAX(w, v); \
            least = COREX_MIN(least, low); \
            most = COREX_MAX(most, high); \
            o[i] = plain##_##sfx(x, y); \
        } \
        (void)first; \
        (void)second; \
        return tame_##sfx(least, most); \
    } \
    static APART void kind##_wildly_##sfx(C *o, const C *a, const C *b, int64_t n) \
    { \
        const C first = *a, second = *b; \
        COREX_INDEPENDENT \
        for (int64_t i = 0; i < n; i++) { \
            const C u = A, v = B, x = plain##_##sfx(u, v), y = wild_##sfx(u, v); \
            const bool tame = tame_##sfx(least_##sfx(u), most_##sfx(u)) & \
                              tame_##sfx(most_##sfx(v), most_##sfx(v)); \
            o[i] = (C){either_##sfx(tame, x.re, y.re), either_##sfx(tame, x.im, y.im)}; \
        } \
        (void)first; \
        (void)second; \
    } \
    static void kind##_quotients_##sfx(C *o, const C *a, const C *b, int64_t n) \
    { \
        if (!kind##_plainly_##sfx(o, a, b, n)) \
            kind##_wildly_##sfx(o, a, b, n); \
    }
/* Where operands are written over, results wait until the block is done. */
#define DIVISION(sfx, C, I) \
    QUOTIENTS(dense, sfx, C, I, plain, a[i], b[i]) \
    QUOTIENTS(one, sfx, C, I, plain, first, b[i]) \
    QUOTIENTS(by_one, sfx, C, I, plain, a[i], second) \
    QUOTIENTS(of_one, sfx, C, I, inverse, first, b[i]) \
    static void divide_##sfx(char *const *p, const int64_t *s, int64_t n, \
                             void (*loop)(C *, const C *, const C *, int64_t)) \
    { \
        C x[BLOCK], y[BLOCK], result[BLOCK]; \
        const bool near = \
            s[1] == sizeof(C) || loop == one_quotients_##sfx || loop == of_one_quotients_##sfx; \
        const bool close = s[2] == sizeof(C) || loop == by_one_quotients_##sfx; \
        const bool sent = s[0] == sizeof(C) && p[0] != p[1] && p[0] != p[2]; \
        for (int64_t start = 0; start < n; start += BLOCK) { \
            const int64_t count = COREX_MIN(BLOCK, n - start); \
            const C *a = near ? (const C *)(p[1] + start * s[1]) : x; \
            const C *b = close ? (const C *)(p[2] + start * s[2]) : y; \
            C *o = sent ? (C *)p[0] + start : result; \
            if (!near) \
                BROUGHT(x, p[1], s[1]); \
            if (!close) \
                BROUGHT(y, p[2], s[2]); \
            loop(o, a, b, count); \
            if (!sent) \
                TAKEN(result, p[0], s[0]); \
        } \
    } \
    static void div_##sfx(char *const *p, const int64_t *s, int64_t n) \
    { \
        divide_##sfx(p, s, n, \
                     s[2] == 0   ? by_one_quotients_##sfx \
                     : s[1] == 0 ? one_quotients_##sfx \
                                 : dense_quotients_##sfx); \
    } \
    static void reciprocal_##sfx(char *const *p, const int64_t *s, int64_t n) \
    { \
        C unit = {1, 0}; \
        char *const lines[] = {p[0], (char *)&unit, p[1]}; \
        const int64_t strides[] = {s[0], 0, s[1]}; \
        divide_##sfx(lines, strides, n, of_one_quotients_##sfx); \
    }
DIVISION(c64, corex_complex64, int32_t)
DIVISION(c128, corex_complex128, int64_t)

/* clang-format off */
static const corex_op unary[] = {
    ROW(neg, .cost = 1)
    ROW(square, .cost = 2)
    ROW(reciprocal, .cost = 4)
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
    {.name = "complex", .loops = {[COREX_FLOAT32] = complex_c64, [COREX_FLOAT64] = complex_c128},
     .of_real = true, .cost = 1},
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
