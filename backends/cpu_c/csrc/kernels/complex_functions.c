/*
 * Elementary functions of complex numbers, by those of their parts: the formulas of
 * corex/ops/pointwise/complex_steps.py. Those of complex64 are vectors, unless a block has angles
 * too large to reduce that way. At infinities and NaN, which the formulas do not know, the values
 * are those of the C library (annex G of the standard).
 */
#include "vecmath.h"

#include <complex.h>
#undef I
#undef complex

#define BLOCK 256

/* The functions that a formula is expanded with: FN(sin, x) is vec_sin(x), sinf(x) or sin(x). */
COREX_INLINE float vec_exp(float x) { return vm_exp(x); }
COREX_INLINE float vec_expm1(float x) { return VM_EXPM1(x); }
COREX_INLINE float vec_log(float x) { return vm_log(x); }
COREX_INLINE float vec_log1p(float x) { return VM_LOG1P(x); }
COREX_INLINE float vec_sin(float x) { return x == 0 ? x : vm_trig(x, 0); }
COREX_INLINE float vec_cos(float x) { return vm_trig(x, 1); }
COREX_INLINE float vec_sqrt(float x) { return sqrtf(x); }
COREX_INLINE float vec_fabs(float x) { return fabsf(x); }
COREX_INLINE float vec_copysign(float x, float y) { return vm_copysign(x, y); }

/*
 * The angle of the smaller part over the larger, less an eighth of a turn where that brings it
 * below tan(pi / 8): there (atan(w) / w - 1) / w^2 is the polynomial, to 3e-9.
 */
COREX_INLINE float vec_atan2(float y, float x)
{
    const float u = fabsf(x), v = fabsf(y), m = u > v ? u : v, n = u > v ? v : u;
    const float r = m == 0 ? 0 : m == INFINITY ? (n == m ? 1.0f : n - n) : n / m;
    const bool high = r > 0.414213562f;
    const float w = high ? (r - 1) / (r + 1) : r, t = w * w;
    float q = -0.0645916834f;
    q = q * t + 0.107462361f;
    q = q * t - 0.142642274f;
    q = q * t + 0.199995503f;
    q = q * t - 0.333333313f;
    float angle = (w + w * t * q) + (high ? 0.785398163f : 0.0f);
    angle = v > u ? 1.57079633f - angle : angle;
    angle = vm_bits(x) >> 31 ? 3.14159265f - angle : angle;
    return vm_copysign(angle, y);
}
#define VECTOR(name) vec_##name
#define SINGLE(name) name##f
#define DOUBLE(name) name

/* m is the larger part, n the smaller: |z| = m sqrt(1 + r^2), where r = n / m has no infinities. */
#define PARTS(T, FN) \
    const T u = FN(fabs)(x), v = FN(fabs)(y), m = u > v ? u : v, n = u > v ? v : u; \
    const T r = m == 0 ? 0 : m == (T)INFINITY ? (T)(n == m) : n / m

/* Near |z| = 1 the logarithm of |z|^2 = 1 + (m - 1)(m + 1) + n^2. */
#define LOG(T, FN) \
    PARTS(T, FN); \
    const T near = FN(log1p)((m - 1) * (m + 1) + n * n) * (T)0.5; \
    const T far = FN(log)(m) + FN(log1p)(r * r) * (T)0.5; \
    const T finite = x != x || y != y ? (T)NAN : m > (T)0.5 && m < 2 ? near : far; \
    const T re = u == (T)INFINITY || v == (T)INFINITY ? (T)INFINITY : finite; \
    const T im = FN(atan2)(y, x)

#define SQRT(T, FN) \
    PARTS(T, FN); \
    const T t = FN(sqrt)(m * FN(sqrt)(1 + r * r) * (T)0.5 + u * (T)0.5); \
    const T other = t == 0 ? 0 : y / (t * 2); \
    const T re = x >= 0 || x != x ? t : FN(fabs)(other); \
    const T im = t == 0 ? y : x >= 0 || x != x ? other : FN(copysign)(t, y)

/* Of one exponential each: sinh by the one that is exact near 0. */
#define SINH(T, FN, a) \
    const T ex = FN(expm1)(FN(fabs)(a)); \
    const T sh = FN(copysign)((T)0.5 * (ex == (T)INFINITY ? ex : ex + ex / (ex + 1)), a); \
    const T ch = (T)0.5 * (ex + 1) + (T)0.5 / (ex + 1)

#define EXP(T, FN) \
    const T e = FN(exp)(x); \
    const T re = e * FN(cos)(y), im = y == 0 ? y : e * FN(sin)(y)
#define SIN(T, FN) \
    SINH(T, FN, y); \
    const T re = FN(sin)(x) * ch, im = FN(cos)(x) * sh
#define COS(T, FN) \
    SINH(T, FN, y); \
    const T re = FN(cos)(x) * ch, im = -(FN(sin)(x) * sh)
#define SINH_OF(T, FN) \
    SINH(T, FN, x); \
    const T re = sh * FN(cos)(y), im = ch * FN(sin)(y)
#define COSH_OF(T, FN) \
    SINH(T, FN, x); \
    const T re = ch * FN(cos)(y), im = sh * FN(sin)(y)

#define IS_FINITE(x) ((x) - (x) == 0)

/* The C library's function of one number. */
#define LIBRARY(name, C, T, function) \
    static C name##_library(C a) \
    { \
        const union { \
            C parts; \
            T _Complex number; \
        } of = {a}, found = {.number = function(of.number)}; \
        return found.parts; \
    }

#define LINE(name, C, T, FORMULA, FN) \
    static void name(char *o, const char *a, int64_t so, int64_t sa, int64_t n) \
    { \
        for (int64_t i = 0; i < n; i++) { \
            const C from = *(const C *)(a + i * sa); \
            const T x = from.re, y = from.im; \
            FORMULA(T, FN); \
            const bool usual = IS_FINITE(x) && IS_FINITE(y); \
            *(C *)(o + i * so) = usual ? (C){re, im} : name##_library(from); \
        } \
    }

#define DENSE(name, C, T, FORMULA, FN) \
    static void name(C *o, const C *a, int64_t n) \
    { \
        COREX_INDEPENDENT \
        for (int64_t i = 0; i < n; i++) { \
            const T x = a[i].re, y = a[i].im; \
            FORMULA(T, FN); \
            o[i] = (C){re, im}; \
        } \
    }

/* ANGLE: the part whose sine is taken, or 0. */
#define FUNCTION(name, FORMULA, ANGLE) \
    LIBRARY(name##_single, corex_complex64, float, c##name##f) \
    LIBRARY(name##_double, corex_complex128, double, c##name) \
    DENSE(name##_vector, corex_complex64, float, FORMULA, VECTOR) \
    LINE(name##_single, corex_complex64, float, FORMULA, SINGLE) \
    LINE(name##_double, corex_complex128, double, FORMULA, DOUBLE) \
    static void name##_c64(char *const *p, const int64_t *s, int64_t n) \
    { \
        const bool dense = s[0] == sizeof(corex_complex64) && s[1] == sizeof(corex_complex64); \
        for (int64_t start = 0; start < n; start += BLOCK) { \
            const int64_t count = COREX_MIN(BLOCK, n - start); \
            char *o = p[0] + start * s[0]; \
            const char *from = p[1] + start * s[1]; \
            int large = !dense; /* or infinite, or NaN */ \
            for (int64_t i = 0; dense && i < count; i++) { \
                const corex_complex64 a = ((const corex_complex64 *)from)[i]; \
                large |= !(fabsf(ANGLE) <= VM_TRIG_LIMIT); \
                large |= !IS_FINITE(a.re) | !IS_FINITE(a.im); \
            } \
            if (!large) \
                name##_vector((corex_complex64 *)o, (const corex_complex64 *)from, count); \
            else \
                name##_single(o, from, s[0], s[1], count); \
        } \
    } \
    static void name##_c128(char *const *p, const int64_t *s, int64_t n) \
    { \
        name##_double(p[0], p[1], s[0], s[1], n); \
    }

FUNCTION(exp, EXP, a.im)
FUNCTION(log, LOG, 0.0f)
FUNCTION(sqrt, SQRT, 0.0f)
FUNCTION(sin, SIN, a.re)
FUNCTION(cos, COS, a.re)
FUNCTION(sinh, SINH_OF, a.im)
FUNCTION(cosh, COSH_OF, a.im)

#define ROW(op) \
    {.name = #op, \
     .loops = {[COREX_COMPLEX64] = op##_c64, [COREX_COMPLEX128] = op##_c128}, \
     .cost = 16},
static const corex_op rows[] = {ROW(exp) ROW(log) ROW(sqrt) ROW(sin) ROW(cos) ROW(sinh) ROW(cosh)};

const corex_op_table COREX_LEVELED(corex_complex_functions) = {rows, sizeof rows / sizeof rows[0]};
