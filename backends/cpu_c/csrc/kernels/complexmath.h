/*
 * What the loops of complex numbers share: sizes that cannot overflow, lines that are brought side
 * by side, and float32 functions that the compiler vectorises.
 */
#ifndef COREX_COMPLEXMATH_H
#define COREX_COMPLEXMATH_H

#include "vecmath.h"

#include <complex.h>
#undef I
#undef complex

/* ---- sizes ---- */
/*
 * A number as z 2^power, where the larger part of z is near 1 and the power even: squares of it
 * neither overflow nor are lost. Made of bits, for with selections there would be no vectors.
 */
#define SCALED(sfx, C, T, I, f, BITS_OF, OF_BITS, WIDTH, BIAS) \
    typedef struct corex_scaled_##sfx { \
        C z; \
        I power; \
    } corex_scaled_##sfx; \
    COREX_INLINE T corex_power_##sfx(I n) { return OF_BITS(((n + BIAS) << WIDTH)); } \
    COREX_INLINE corex_scaled_##sfx corex_scaled_##sfx##_of(C a) \
    { \
        const T u = fabs##f(a.re), v = fabs##f(a.im), m = u > v ? u : v; \
        const I odd = (I)(BITS_OF(m) >> WIDTH) | 1, n = COREX_MIN(odd, 2 * BIAS - 1) - BIAS; \
        const T scale = corex_power_##sfx(-n); \
        return (corex_scaled_##sfx){{a.re * scale, a.im * scale}, n}; \
    } \
    COREX_INLINE bool corex_infinite_##sfx(C a) \
    { \
        return (fabs##f(a.re) == (T)INFINITY) | (fabs##f(a.im) == (T)INFINITY); \
    } \
    /* Of scaled parts. Of what has an infinite part infinite, be the other what it may. */ \
    COREX_INLINE T corex_size_##sfx(C a) \
    { \
        const T size = sqrt##f(a.re * a.re + a.im * a.im); \
        return corex_infinite_##sfx(a) ? (T)INFINITY : size; \
    }

SCALED(c64, corex_complex64, float, int32_t, f, vm_bits, vm_float, 23, 127)
SCALED(c128, corex_complex128, double, int64_t, , vm_bits_double, vm_double, 52, 1023)

/* ---- lines ---- */
/* Elements of a line that are brought side by side together. */
#define BLOCK 256
#define BROUGHT(to, from, stride) \
    for (int64_t i = 0; i < count; i++) \
    to[i] = *(const __typeof__(to[0]) *)((from) + (start + i) * (stride))
#define TAKEN(from, to, stride) \
    for (int64_t i = 0; i < count; i++) \
    *(__typeof__(from[0]) *)((to) + (start + i) * (stride)) = from[i]

/*
 * name_of_k for each element, k a variant of the function; input C, output O. Not inlined: beside
 * the copies of blocks the compiler would find fewer vectors.
 */
#define APART __attribute__((noinline))
#define DENSE1(name, k, C, O) \
    static APART void name##_dense_##k(O *o, const C *a, int64_t n) \
    { \
        COREX_INDEPENDENT \
        for (int64_t i = 0; i < n; i++) \
            o[i] = name##_of_##k(a[i]); \
    }
#define LOOP1(name, k, C, O) \
    DENSE1(name, k, C, O) \
    static void name##_##k(char *const *p, const int64_t *s, int64_t n) \
    { \
        if (s[0] == sizeof(O) && s[1] == sizeof(C)) { \
            name##_dense_##k((O *)p[0], (const C *)p[1], n); \
            return; \
        } \
        C a[BLOCK]; \
        O o[BLOCK]; \
        for (int64_t start = 0; start < n; start += BLOCK) { \
            const int64_t count = COREX_MIN(BLOCK, n - start); \
            BROUGHT(a, p[1], s[1]); \
            name##_dense_##k(o, a, count); \
            TAKEN(o, p[0], s[0]); \
        } \
    }
/*
 * A function whose values at infinities and NaN are the C library's (annex G of the standard): FAST
 * is the loop for blocks of what is USUAL(z), `slow` the variant for other finite numbers. What is
 * usual has the same value whatever lies beside it.
 */
#define IS_FINITE(a) (((a).re - (a).re == 0) & ((a).im - (a).im == 0))
#define LIBRARY(name, sfx, C, T, function) \
    COREX_INLINE C name##_library_##sfx(C a) \
    { \
        const union { \
            C parts; \
            T _Complex number; \
        } of = {a}, found = {.number = function(of.number)}; \
        return found.parts; \
    }
#define GUARDED(name, sfx, C, FAST, USUAL, slow) \
    static void name##_##sfx(char *const *p, const int64_t *s, int64_t n) \
    { \
        C room[BLOCK], result[BLOCK], fast[BLOCK]; \
        const bool dense = s[1] == sizeof(C), sent = s[0] == sizeof(C); \
        for (int64_t start = 0; start < n; start += BLOCK) { \
            const int64_t count = COREX_MIN(BLOCK, n - start); \
            const C *a = dense ? (const C *)p[1] + start : room; \
            C *o = sent ? (C *)p[0] + start : result; \
            if (!dense) \
                BROUGHT(room, p[1], s[1]); \
            int odd = 0; \
            for (int64_t i = 0; i < count; i++) \
                odd |= !USUAL(a[i]) | !IS_FINITE(a[i]); \
            FAST(odd ? fast : o, a, count); \
            for (int64_t i = 0; odd && i < count; i++) \
                o[i] = !IS_FINITE(a[i]) ? name##_library_##sfx(a[i]) \
                       : USUAL(a[i])    ? fast[i] \
                                        : name##_of_##slow(a[i]); \
            if (!sent) \
                TAKEN(result, p[0], s[0]); \
        } \
    }
#define ANY(a) 1
#define ENDED(name, sfx, C) \
    DENSE1(name, sfx, C, C) GUARDED(name, sfx, C, name##_dense_##sfx, ANY, sfx)
#define LIBRARIES(name, single, twice) \
    LIBRARY(name, c64, corex_complex64, float, single) \
    LIBRARY(name, c128, corex_complex128, double, twice)

#define BOTH_ENDED(name) ENDED(name, c64, corex_complex64) ENDED(name, c128, corex_complex128)
#define BOTH_OF_C(name) LIBRARIES(name, c##name##f, c##name) BOTH_ENDED(name)
#define BOTH(LOOP, name) \
    LOOP(name, c64, corex_complex64, corex_complex64) \
    LOOP(name, c128, corex_complex128, corex_complex128)
#define BOTH_TO_REAL(LOOP, name) \
    LOOP(name, c64, corex_complex64, float) LOOP(name, c128, corex_complex128, double)

#define ROW(op, ...) \
    {.name = #op, \
     .loops = {[COREX_COMPLEX64] = op##_c64, [COREX_COMPLEX128] = op##_c128}, \
     __VA_ARGS__},

/* ---- functions of floats ---- */
/* With which a formula is expanded: FN(sin)(x) is vec_sin(x), sinf(x) or sin(x). */
#define VECTOR(name) vec_##name
#define SINGLE(name) name##f
#define DOUBLE(name) name
COREX_INLINE float vec_exp(float x) { return vm_exp(x); }
COREX_INLINE float vec_exp2(float x) { return vm_exp2(x); }
COREX_INLINE float vec_expm1(float x) { return vm_expm1(x); }
COREX_INLINE float vec_log1p(float x) { return vm_log1p(x); }
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
    return (x != x) | (y != y) ? NAN : vm_copysign(angle, y);
}

/* log1p(a + a^2 / (1 + sqrt(1 + a^2))), and of what is large log(2 a). */
COREX_INLINE float vec_asinh(float x)
{
    const float a = fabsf(x), square = a * a;
    const bool large = a > 0x1p28f;
    const float near = a + square / (1 + sqrtf(1 + square));
    return vm_copysign(vm_log1p(large ? a : near) + (large ? 0.693147181f : 0.0f), x);
}

/*
 * log |z|, by the square of |z| scaled; near |z| = 1 it is log1p(p) / 2, where p is |z|^2 - 1
 * without loss, of whoever asks.
 */
COREX_INLINE float vec_log_size(corex_complex64 a, bool near, float p)
{
    const corex_scaled_c64 b = corex_scaled_c64_of(a);
    const float w = near ? 1 + p : b.z.re * b.z.re + b.z.im * b.z.im;
    const float lost = near ? (p - (w - 1)) / w : 0.0f;
    const float powers = near ? 0.0f : (float)(2 * b.power);
    float n, f = vm_log_split(w, &n);
    n += powers;
    const float log = n * 0.693145752f + (f + (vm_log_poly(f) + (n * 1.42860677e-6f + lost)));
    return 0.5f * vm_log_edges(w, log);
}
COREX_INLINE double log_size(corex_complex128 a, bool near, double p)
{
    const corex_scaled_c128 b = corex_scaled_c128_of(a);
    if (near)
        return 0.5 * log1p(p);
    return 0.5 * log(b.z.re * b.z.re + b.z.im * b.z.im) + (double)b.power * 0.693147180559945309;
}

#endif
