/*
 * Inverse functions of complex numbers and their powers: what has branch cuts. The formulas are
 * Kahan's, "Branch cuts for complex elementary functions" (1987); in them no terms cancel.
 */
#include "complexmath.h"

/* ---- roots ---- */
/* As sqrt of complex_functions.c, of finite parts. */
#define ROOT(sfx, C, T, FN) \
    COREX_INLINE C root_##sfx(T x, T y) \
    { \
        const corex_scaled_##sfx b = corex_scaled_##sfx##_of((C){x, y}); \
        const T size = FN(sqrt)(b.z.re * b.z.re + b.z.im * b.z.im); \
        const T t = FN(sqrt)((size + FN(fabs)(b.z.re)) * (T)0.5) * corex_power_##sfx(b.power / 2); \
        const T quotient = y / (t * 2), other = t == 0 ? 0 : quotient, \
                turned = FN(copysign)(t, y); \
        const T im = x >= 0 ? other : turned; \
        return (C){x >= 0 ? t : FN(fabs)(other), t == 0 ? y : im}; \
    }
ROOT(c64, corex_complex64, float, VECTOR)
ROOT(c128, corex_complex128, double, DOUBLE)

#define INVERSES(sfx, C, T, FN, PI) \
    /* With the roots p of 1 + z and m of 1 - z. */ \
    COREX_INLINE C asin_of_##sfx(C a) \
    { \
        const C m = root_##sfx(1 - a.re, -a.im), p = root_##sfx(1 + a.re, a.im); \
        return (C){FN(atan2)(a.re, m.re * p.re - m.im * p.im), \
                   FN(asinh)(m.re * p.im - m.im * p.re)}; \
    } \
    COREX_INLINE C asinh_of_##sfx(C a) \
    { \
        const C turned = asin_of_##sfx((C){-a.im, a.re}); \
        return (C){turned.im, -turned.re}; \
    } \
    COREX_INLINE C acos_of_##sfx(C a) \
    { \
        const C m = root_##sfx(1 - a.re, -a.im), p = root_##sfx(1 + a.re, a.im); \
        return (C){2 * FN(atan2)(m.re, p.re), FN(asinh)(p.re * m.im - p.im * m.re)}; \
    } \
    COREX_INLINE C acosh_of_##sfx(C a) \
    { \
        const C m = root_##sfx(a.re - 1, a.im), p = root_##sfx(a.re + 1, a.im); \
        return (C){FN(asinh)(m.re * p.re + m.im * p.im), 2 * FN(atan2)(m.im, p.re)}; \
    } \
    /* log1p(4 |x| / ((1 - |x|)^2 + y^2)) / 4, far out x / |z|^2, near a pole log(2 / |y|) / 2. */ \
    COREX_INLINE C atanh_parts_##sfx(T x, T y) \
    { \
        const T u = FN(fabs)(x), v = FN(fabs)(y), m = u > v ? u : v, d = 1 - u; \
        const bool far = m > (T)0x1p60, close = (d == 0) & (v < (T)0x1p-40); \
        const T square = d * d + y * y; \
        const T log = FN(log1p)(close ? 2 / v : 4 * u / square) * (close ? (T)0.5 : (T)0.25); \
        const T r = u / m, q = v / m, size = r / (r * r + q * q) / m; \
        const T angle = FN(atan2)(y * 2, (1 - x) * (1 + x) - y * y) * (T)0.5; \
        return (C){FN(copysign)(far ? size : log, x), far ? FN(copysign)((T)(PI / 2), y) : angle}; \
    } \
    COREX_INLINE C atanh_of_##sfx(C a) { return atanh_parts_##sfx(a.re, a.im); } \
    COREX_INLINE C atan_of_##sfx(C a) \
    { \
        const C turned = atanh_parts_##sfx(-a.im, a.re); \
        return (C){turned.im, -turned.re}; \
    }
#define PI 3.14159265358979324
INVERSES(c64, corex_complex64, float, VECTOR, PI)
INVERSES(c128, corex_complex128, double, DOUBLE, PI)

BOTH_OF_C(asin)
BOTH_OF_C(acos)
BOTH_OF_C(atan)
BOTH_OF_C(asinh)
BOTH_OF_C(acosh)
BOTH_OF_C(atanh)

/* clang-format off */
static const corex_op rows[] = {
    ROW(asin, .cost = 32) ROW(acos, .cost = 32) ROW(atan, .cost = 32)
    ROW(asinh, .cost = 32) ROW(acosh, .cost = 32) ROW(atanh, .cost = 32)
};
/* clang-format on */

const corex_op_table COREX_LEVELED(corex_complex_inverses) = {rows, sizeof rows / sizeof rows[0]};
