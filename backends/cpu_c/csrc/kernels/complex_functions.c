/*
 * Elementary functions of complex numbers without a branch cut through their inverses:
 * exponentials, roots, logarithms, sines and their like, by the functions of their parts. The
 * formulas are those of corex/ops/pointwise/complex_steps.py, and err by few ulp of the size of the
 * result.
 *
 * A formula is expanded for complex64 as a vector (v), for complex64 by the functions of libm (s),
 * where a block has angles too large to reduce as a vector, and for complex128 (d).
 */
#include "complexmath.h"

#define VARIANTS(DEFINITION) \
    DEFINITION(v, c64, corex_complex64, float, VECTOR) \
    DEFINITION(s, c64, corex_complex64, float, SINGLE) \
    DEFINITION(d, c128, corex_complex128, double, DOUBLE)

/* ---- exponentials ---- */
/* Above these sizes half of it is raised and the power squared, which may not overflow yet. */
#define HALVED_v 80
#define HALVED_s 80
#define HALVED_d 700
#define EXPONENTIAL(k, T, FN, x) \
    const bool halved = (x) > HALVED_##k; \
    const T e = FN(exp)(halved ? (x) * (T)0.5 : (x)), again = halved ? e : 1

/* sinh and cosh of one exponential: sinh by the one that is exact near 0. */
#define HYPERBOLIC(k, T, FN, x) \
    const T size = FN(fabs)(x); \
    const bool halved = size > HALVED_##k; \
    const T ex = FN(expm1)(halved ? size * (T)0.5 : size), e = ex + 1; \
    const T fall = halved ? 0 : 1 / e, large = (T)0.5 * e * e; \
    const T sh = FN(copysign)(halved ? large : (T)0.5 * (ex + ex * fall), x); \
    const T ch = halved ? large : (T)0.5 * e + (T)0.5 * fall

/*
 * y ln 2 with what rounding it loses: the first bits of y and of ln 2 have an exact product. The
 * sine and cosine of the sum.
 */
COREX_INLINE float short_v(float x) { return vm_float(vm_bits(x) & 0xfffff000u); }
COREX_INLINE float short_s(float x) { return short_v(x); }
COREX_INLINE double short_d(double x)
{
    return vm_double(vm_bits_double(x) & ~UINT64_C(0x7ffffff));
}
#define LN2_v 0.693115234375f, 3.1946184945e-05f
#define LN2_s LN2_v
#define LN2_d 0.6931471526622772, 2.7897668087737545e-08

#define EXPONENTIALS(k, sfx, C, T, FN) \
    COREX_INLINE C exp_of_##k(C a) \
    { \
        EXPONENTIAL(k, T, FN, a.re); \
        const T re = e * FN(cos)(a.im) * again, im = e * FN(sin)(a.im) * again; \
        return (C){re, a.im == 0 ? a.im : im}; \
    } \
    COREX_INLINE C exp2_of_##k(C a) \
    { \
        const T ln2[] = {LN2_##k}; \
        const T most = short_##k(a.im), turn = a.im * (T)0.693147180559945309; \
        const T lost = ((most * ln2[0] - turn) + (a.im - most) * ln2[0]) + a.im * ln2[1]; \
        const T e = FN(exp2)(a.re), s = FN(sin)(turn), c = FN(cos)(turn); \
        return (C){e * (c - lost * s), a.im == 0 ? a.im : e * (s + lost * c)}; \
    } \
    /* 1 - cos y = sin^2 y / (1 + cos y) */ \
    COREX_INLINE C expm1_of_##k(C a) \
    { \
        const T e = FN(expm1)(a.re), s = FN(sin)(a.im), c = FN(cos)(a.im); \
        const T fall = c > 0 ? s * s / (1 + c) : 1 - c; \
        return (C){e * c - fall, (e + 1) * s}; \
    } \
    /* With e = exp(-|x|) (cos y + i sin y): near its poles 1 + e cos y is a sum of small ones. */ \
    COREX_INLINE C sigmoid_of_##k(C a) \
    { \
        const T size = -FN(fabs)(a.re), e = FN(exp)(size), rest = -FN(expm1)(size); \
        const T s = FN(sin)(a.im), c = FN(cos)(a.im), up = c < 0 ? s * s / (1 - c) : 1 + c; \
        const T whole = rest + e * up, es = e * s, square = 1 / (whole * whole + es * es); \
        const bool right = a.re >= 0; \
        return (C){(right ? whole : e * (up - rest)) * square, es * square}; \
    }
VARIANTS(EXPONENTIALS)

/* ---- sines, plain and hyperbolic ---- */
#define SINES(k, sfx, C, T, FN) \
    /* Of an angle of 0 it is 0, even times infinity. */ \
    COREX_INLINE T times_sine_##k(T factor, T angle) \
    { \
        return angle == 0 ? FN(copysign)(1, factor) * angle : factor * FN(sin)(angle); \
    } \
    COREX_INLINE C sinh_of_##k(C a) \
    { \
        HYPERBOLIC(k, T, FN, a.re); \
        return (C){sh * FN(cos)(a.im), times_sine_##k(ch, a.im)}; \
    } \
    COREX_INLINE C cosh_of_##k(C a) \
    { \
        HYPERBOLIC(k, T, FN, a.re); \
        return (C){ch * FN(cos)(a.im), times_sine_##k(sh, a.im)}; \
    } \
    COREX_INLINE C sin_of_##k(C a) \
    { \
        HYPERBOLIC(k, T, FN, a.im); \
        return (C){times_sine_##k(ch, a.re), FN(cos)(a.re) * sh}; \
    } \
    COREX_INLINE C cos_of_##k(C a) \
    { \
        HYPERBOLIC(k, T, FN, a.im); \
        return (C){FN(cos)(a.re) * ch, -times_sine_##k(sh, a.re)}; \
    } \
    /* (sinh x cosh x + i sin y cos y) / (sinh^2 x + cos^2 y); far out 1 and what falls off. */ \
    COREX_INLINE C tangent_##k(T x, T y) \
    { \
        HYPERBOLIC(k, T, FN, x); \
        const T s = FN(sin)(y), c = FN(cos)(y), below = 1 / (sh * sh + c * c); \
        const bool far = FN(fabs)(x) > 20; \
        const T tail = 4 * s * c * fall * fall; \
        return (C){far ? FN(copysign)(1, x) : sh * ch * below, far ? tail : s * c * below}; \
    } \
    COREX_INLINE C tanh_of_##k(C a) { return tangent_##k(a.re, a.im); } \
    COREX_INLINE C tan_of_##k(C a) \
    { \
        const C turned = tangent_##k(a.im, a.re); \
        return (C){turned.im, turned.re}; \
    }
VARIANTS(SINES)

/* ---- roots and logarithms, which have no angles ---- */
/* sqrt(z): t = sqrt((|z| + |x|) / 2) is one part, and y / 2t the other. */
#define ROOTS(sfx, C, T, FN) \
    COREX_INLINE C sqrt_of_##sfx(C a) \
    { \
        const corex_scaled_##sfx b = corex_scaled_##sfx##_of(a); \
        const T size = FN(sqrt)(b.z.re * b.z.re + b.z.im * b.z.im); \
        const T t = FN(sqrt)((size + FN(fabs)(b.z.re)) * (T)0.5), other = b.z.im / (t * 2); \
        const T root = corex_power_##sfx(b.power / 2); \
        const bool right = a.re >= 0; \
        const T re = (right ? t : FN(fabs)(other)) * root; \
        const T im = (right ? other : FN(copysign)(t, a.im)) * root; \
        return (C){re, t == 0 ? a.im : im}; \
    } \
    COREX_INLINE C rsqrt_of_##sfx(C a) \
    { \
        const corex_scaled_##sfx b = corex_scaled_##sfx##_of(a); \
        const T size = corex_size_##sfx(b.z), t = FN(sqrt)((size + FN(fabs)(b.z.re)) * (T)0.5); \
        const T other = b.z.im / (t * 2), by = corex_power_##sfx(-b.power / 2) / size; \
        const bool right = a.re >= 0, zero = size == 0; \
        const T re = (right ? t : FN(fabs)(other)) * by; \
        const T im = (right ? other : FN(copysign)(t, a.im)) * by; \
        return (C){zero ? (T)INFINITY : re, zero ? (T)NAN : 0 - im}; \
    }
ROOTS(c64, corex_complex64, float, VECTOR)
ROOTS(c128, corex_complex128, double, DOUBLE)

/* m is the larger part, n the smaller: near |z| = 1, |z|^2 - 1 = (m - 1)(m + 1) + n^2. */
#define LOGARITHMS(sfx, C, T, FN) \
    COREX_INLINE C log_of_##sfx(C a) \
    { \
        const T u = FN(fabs)(a.re), v = FN(fabs)(a.im), m = u > v ? u : v, n = u > v ? v : u; \
        const bool near = (m > (T)0.5) & (m < 2); \
        return (C){FN(log_size)(a, near, (m - 1) * (m + 1) + n * n), FN(atan2)(a.im, a.re)}; \
    } \
    COREX_INLINE C log2_of_##sfx(C a) \
    { \
        const C log = log_of_##sfx(a); \
        return (C){log.re * (T)1.44269504088896341, log.im * (T)1.44269504088896341}; \
    } \
    COREX_INLINE C log10_of_##sfx(C a) \
    { \
        const C log = log_of_##sfx(a); \
        return (C){log.re * (T)0.434294481903251828, log.im * (T)0.434294481903251828}; \
    } \
    /* |1 + z|^2 - 1 = x (2 + x) + y^2 */ \
    COREX_INLINE C log1p_of_##sfx(C a) \
    { \
        const C next = {a.re + 1, a.im}; \
        const bool near = (FN(fabs)(a.re) < (T)0.5) & (FN(fabs)(a.im) < (T)0.5); \
        const T re = FN(log_size)(next, near, a.re * (a.re + 2) + a.im * a.im); \
        return (C){re, FN(atan2)(a.im, next.re)}; \
    } \
    COREX_INLINE T complex_angle_of_##sfx(C a) { return FN(atan2)(a.im, a.re); }
LOGARITHMS(c64, corex_complex64, float, VECTOR)
LOGARITHMS(c128, corex_complex128, double, DOUBLE)

/* ---- sizes ---- */
#define SIZES(sfx, C, T, FN) \
    COREX_INLINE T complex_abs_of_##sfx(C a) \
    { \
        const corex_scaled_##sfx b = corex_scaled_##sfx##_of(a); \
        const T back = corex_power_##sfx(b.power / 2); \
        return corex_size_##sfx(b.z) * back * back; \
    } \
    COREX_INLINE C complex_sgn_of_##sfx(C a) \
    { \
        const C z = corex_scaled_##sfx##_of(a).z; \
        const T size = FN(sqrt)(z.re * z.re + z.im * z.im); \
        return (C){size == 0 ? 0 : z.re / size, size == 0 ? 0 : z.im / size}; \
    }
SIZES(c64, corex_complex64, float, VECTOR)
SIZES(c128, corex_complex128, double, DOUBLE)

/* ---- loops ---- */
/* Those that C has not, of the numbers of which it is asked. */
COREX_INLINE float _Complex exp2_single(float _Complex z) { return cexpf(z * 0.693147181f); }
COREX_INLINE double _Complex exp2_double(double _Complex z) { return cexp(z * 0.6931471805599453); }
COREX_INLINE float _Complex log2_single(float _Complex z) { return clogf(z) * 1.44269504f; }
COREX_INLINE double _Complex log2_double(double _Complex z) { return clog(z) * 1.4426950408889634; }
COREX_INLINE float _Complex log10_single(float _Complex z) { return clogf(z) * 0.434294482f; }
COREX_INLINE double _Complex log10_double(double _Complex z)
{
    return clog(z) * 0.4342944819032518;
}
COREX_INLINE float _Complex log1p_single(float _Complex z) { return clogf(z + 1); }
COREX_INLINE double _Complex log1p_double(double _Complex z) { return clog(z + 1); }

/* Angles that a vector can reduce; PART is the one whose sine is taken. */
#define SMALL_re(a) (fabsf((a).re) <= VM_TRIG_LIMIT)
#define SMALL_im(a) (fabsf((a).im) <= VM_TRIG_LIMIT)
#define ANGLED(name, PART) \
    COREX_INLINE corex_complex128 name##_of_c128(corex_complex128 a) { return name##_of_d(a); } \
    DENSE1(name, v, corex_complex64, corex_complex64) \
    GUARDED(name, c64, corex_complex64, name##_dense_v, SMALL_##PART, s) \
    ENDED(name, c128, corex_complex128)
#define OF_C(name, PART) LIBRARIES(name, c##name##f, c##name) ANGLED(name, PART)

OF_C(exp, im)
OF_C(sinh, im)
OF_C(cosh, im)
OF_C(tanh, im)
OF_C(sin, re)
OF_C(cos, re)
OF_C(tan, re)
LIBRARIES(exp2, exp2_single, exp2_double)
ANGLED(exp2, im)
/* Of these the formulas are right, too. */
COREX_INLINE corex_complex64 expm1_library_c64(corex_complex64 a) { return expm1_of_s(a); }
COREX_INLINE corex_complex128 expm1_library_c128(corex_complex128 a) { return expm1_of_d(a); }
/* At the ends 1 and 0, in whatever direction. */
COREX_INLINE corex_complex64 sigmoid_library_c64(corex_complex64 a)
{
    return fabsf(a.re) == INFINITY ? (corex_complex64){a.re > 0, 0} : sigmoid_of_s(a);
}
COREX_INLINE corex_complex128 sigmoid_library_c128(corex_complex128 a)
{
    return fabs(a.re) == (double)INFINITY ? (corex_complex128){a.re > 0, 0} : sigmoid_of_d(a);
}
ANGLED(expm1, im)
ANGLED(sigmoid, im)

BOTH_OF_C(sqrt)
BOTH_OF_C(log)
LIBRARIES(log2, log2_single, log2_double)
LIBRARIES(log10, log10_single, log10_double)
LIBRARIES(log1p, log1p_single, log1p_double)
BOTH_ENDED(log2)
BOTH_ENDED(log10)
BOTH_ENDED(log1p)
/* 1 over a root with one infinite part is 0, over others that are not finite NaN. */
#define RSQRT_ENDS(sfx, C, T, f) \
    COREX_INLINE C rsqrt_library_##sfx(C a) \
    { \
        const C root = sqrt_library_##sfx(a); \
        if (fabs##f(root.re) == (T)INFINITY && fabs##f(root.im) < (T)INFINITY) \
            return (C){0, 0}; \
        if (fabs##f(root.im) == (T)INFINITY && fabs##f(root.re) < (T)INFINITY) \
            return (C){copysign##f(0, root.im), copysign##f(0, -root.im)}; \
        return (C){(T)NAN, (T)NAN}; \
    }
RSQRT_ENDS(c64, corex_complex64, float, f)
RSQRT_ENDS(c128, corex_complex128, double, )
BOTH_ENDED(rsqrt)
BOTH_TO_REAL(LOOP1, complex_angle)
BOTH_TO_REAL(LOOP1, complex_abs)
BOTH(LOOP1, complex_sgn)

/* ---- powers ---- */
/*
 * exp(b log a). Exponents that are not finite, of zeros among others, are left to the C library,
 * whose product follows annex G of the standard.
 */
#define POWERS(sfx, C, T, function) \
    COREX_INLINE C exponent_##sfx(C a, C b) \
    { \
        const C log = log_of_##sfx(a); \
        return (C){b.re * log.re - b.im * log.im, b.re * log.im + b.im * log.re}; \
    } \
    COREX_INLINE C pow_library_##sfx(C a, C b) \
    { \
        const union { \
            C parts; \
            T _Complex number; \
        } base = {a}, exponent = {b}, found = {.number = function(base.number, exponent.number)}; \
        return found.parts; \
    } \
    static void pow_##sfx(char *const *p, const int64_t *s, int64_t n) \
    { \
        C a[BLOCK], b[BLOCK], exponent[BLOCK], o[BLOCK]; \
        char *const lines[] = {(char *)o, (char *)exponent}; \
        static const int64_t dense[] = {sizeof o[0], sizeof o[0]}; \
        for (int64_t start = 0; start < n; start += BLOCK) { \
            const int64_t count = COREX_MIN(BLOCK, n - start); \
            BROUGHT(a, p[1], s[1]); \
            BROUGHT(b, p[2], s[2]); \
            for (int64_t i = 0; i < count; i++) \
                exponent[i] = exponent_##sfx(a[i], b[i]); \
            exp_##sfx(lines, dense, count); \
            for (int64_t i = 0; i < count; i++) \
                if (!IS_FINITE(exponent[i])) \
                    o[i] = pow_library_##sfx(a[i], b[i]); \
            TAKEN(o, p[0], s[0]); \
        } \
    }
POWERS(c64, corex_complex64, float, cpowf)
POWERS(c128, corex_complex128, double, cpow)

/* clang-format off */
static const corex_op powers[] = {ROW(pow, .cost = 32)};
static const corex_op rows[] = {
    ROW(exp, .cost = 16) ROW(exp2, .cost = 16) ROW(expm1, .cost = 16) ROW(sigmoid, .cost = 16)
    ROW(sinh, .cost = 16) ROW(cosh, .cost = 16) ROW(tanh, .cost = 16)
    ROW(sin, .cost = 16) ROW(cos, .cost = 16) ROW(tan, .cost = 16)
    ROW(sqrt, .cost = 8) ROW(rsqrt, .cost = 8)
    ROW(log, .cost = 16) ROW(log2, .cost = 16) ROW(log10, .cost = 16) ROW(log1p, .cost = 16)
    ROW(complex_angle, .to_real = true, .cost = 8)
    ROW(complex_abs, .to_real = true, .cost = 4) ROW(complex_sgn, .cost = 4)
};
/* clang-format on */

const corex_op_table COREX_LEVELED(corex_complex_functions) = {rows, sizeof rows / sizeof rows[0]};
const corex_op_table COREX_LEVELED(corex_complex_powers) = {powers,
                                                            sizeof powers / sizeof powers[0]};
