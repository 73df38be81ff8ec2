/*
 * Elementary functions that the compiler can vectorise: no branches, no calls, no tables.
 *
 * float32 ones err by at most 3 ulp and honour inf, NaN, -0.0 and denormals. Coefficients were
 * fitted for the least largest relative error on the interval given beside them.
 */
#ifndef COREX_VECMATH_H
#define COREX_VECMATH_H

#include "kernels.h"

COREX_INLINE uint32_t vm_bits(float x)
{
    union {
        float f;
        uint32_t u;
    } pun = {.f = x};
    return pun.u;
}

COREX_INLINE float vm_float(uint32_t u)
{
    union {
        uint32_t u;
        float f;
    } pun = {.u = u};
    return pun.f;
}

COREX_INLINE float vm_copysign(float x, float sign)
{
    return vm_float((vm_bits(x) & 0x7fffffffu) | (vm_bits(sign) & 0x80000000u));
}

/* Adding this rounds to an integer, which then sits in the low bits. */
#define VM_ROUND 12582912.0f

/* 2^n, n in the low bits of `rounded`, split in two factors so that denormal results come out. */
COREX_INLINE float vm_scale(float x, uint32_t rounded_bits)
{
    int32_t n = (int32_t)(rounded_bits - 0x4b400000u);
    int32_t half = n >> 1;
    return x * vm_float((uint32_t)(half + 127) << 23) * vm_float((uint32_t)(n - half + 127) << 23);
}

/* (e^r - 1 - r) / r^2, |r| <= ln(2) / 2 */
COREX_INLINE float vm_exp_tail(float r)
{
    float q = 0.00138144661f;
    q = q * r + 0.00836878082f;
    q = q * r + 0.0416683942f;
    q = q * r + 0.166665201f;
    return q * r + 0.499999934f;
}

COREX_INLINE float vm_exp_poly(float r) { return 1.0f + (r + r * r * vm_exp_tail(r)); }

COREX_INLINE float vm_exp(float x)
{
    /* Beyond these the result is inf or 0 anyway; a NaN passes both comparisons. */
    x = x > 89.0f ? 89.0f : x;
    x = x < -104.0f ? -104.0f : x;
    float t = x * 1.44269504f + VM_ROUND;
    float n = t - VM_ROUND;
    float r = x - n * 0.693145752f;
    r = r - n * 1.42860677e-6f;
    return vm_scale(vm_exp_poly(r), vm_bits(t));
}

COREX_INLINE float vm_exp2(float x)
{
    x = x > 129.0f ? 129.0f : x;
    x = x < -151.0f ? -151.0f : x;
    float t = x + VM_ROUND;
    float r = (x - (t - VM_ROUND)) * 0.693147182f;
    return vm_scale(vm_exp_poly(r), vm_bits(t));
}

/* Splits x > 0 into 2^n * (1 + f), f in [sqrt(1/2) - 1, sqrt(2) - 1]. */
COREX_INLINE float vm_log_split(float x, float *n)
{
    bool tiny = x < 1.17549435e-38f;
    float scaled = tiny ? x * 8388608.0f : x;
    uint32_t u = vm_bits(scaled);
    int32_t e = (int32_t)(u - 0x3f3504f3u) >> 23;
    *n = (float)e - (tiny ? 23.0f : 0.0f);
    return vm_float(u - ((uint32_t)e << 23)) - 1.0f;
}

/* log(1 + f) - f */
COREX_INLINE float vm_log_poly(float f)
{
    float q = -0.0763553475f;
    q = q * f + 0.127632802f;
    q = q * f - 0.131606058f;
    q = q * f + 0.142015608f;
    q = q * f - 0.166232967f;
    q = q * f + 0.20001233f;
    q = q * f - 0.250008228f;
    q = q * f + 0.333333317f;
    float s = f * f;
    return s * f * q - 0.5f * s;
}

/* What log does where it has no finite value. */
COREX_INLINE float vm_log_edges(float x, float result)
{
    result = x == INFINITY ? x : result;
    result = x == 0.0f ? -INFINITY : result;
    return !(x >= 0.0f) ? NAN : result;
}

COREX_INLINE float vm_log(float x)
{
    float n, f = vm_log_split(x, &n);
    float y = vm_log_poly(f) + n * 1.42860677e-6f;
    return vm_log_edges(x, n * 0.693145752f + (f + y));
}

COREX_INLINE float vm_log2(float x)
{
    float n, f = vm_log_split(x, &n);
    float y = vm_log_poly(f);
    /* 1 / ln 2 = 1 + 0.4427; keeping the 1 apart keeps f's bits. */
    return vm_log_edges(x, n + (f + (y + (f + y) * 0.442695041f)));
}

COREX_INLINE float vm_log10(float x)
{
    float n, f = vm_log_split(x, &n);
    float y = vm_log_poly(f);
    /* log10(2) in two parts, the first short enough for n times it to be exact */
    float small = (f + y) * 0.434294482f + n * -4.60503683e-06f;
    return vm_log_edges(x, n * 0.301034600f + small);
}

/* log(u) + (x - (u - 1)) / u, u = 1 + x: the second term repairs what rounding u lost. */
COREX_INLINE float vm_log1p(float x)
{
    float u = 1.0f + x;
    float n, f = vm_log_split(u, &n);
    float lost = (x - (u - 1.0f)) / u;
    float y = vm_log_poly(f) + (n * 1.42860677e-6f + lost);
    float result = n * 0.693145752f + (f + y);
    result = fabsf(x) < 1e-7f ? x : result;
    return vm_log_edges(u, result);
}

/* 2^n (e^r - 1) + (2^n - 1), whose second term is exact */
COREX_INLINE float vm_expm1(float x)
{
    float c = x > 89.0f ? 89.0f : x;
    c = c < -30.0f ? -30.0f : c;
    float t = c * 1.44269504f + VM_ROUND;
    float n = t - VM_ROUND;
    float r = c - n * 0.693145752f;
    r = r - n * 1.42860677e-6f;
    float p = r + r * r * vm_exp_tail(r);
    float power = vm_float((vm_bits(t) - 0x4b400000u + 127u) << 23);
    float result = power * p + (power - 1.0f);
    result = x > 80.0f ? vm_scale(1.0f + p, vm_bits(t)) : result;
    return x != x ? x : vm_copysign(result, x);
}

COREX_INLINE float vm_sigmoid(float x)
{
    float e = vm_exp(-fabsf(x));
    float d = 1.0f / (1.0f + e);
    return x >= 0.0f ? d : e * d;
}

COREX_INLINE float vm_tanh(float x)
{
    float a = fabsf(x), z = x * x;
    float q = -0.00551514623f; /* |x| <= 0.65 */
    q = q * z + 0.0204694011f;
    q = q * z - 0.0536880161f;
    q = q * z + 0.133308302f;
    q = q * z - 0.333332598f;
    float small = x + x * (z * q);
    float large = 1.0f - 2.0f / (vm_exp(2.0f * a) + 1.0f);
    float result = vm_copysign(a < 0.65f ? small : large, x);
    return x != x ? x : result;
}

/* erfc(t) for 1 <= t; the result underflows to 0 */
COREX_INLINE float vm_erfc_tail(float t)
{
    float s = 1.0f / (1.0f + 0.5f * t);
    float q = 0.094261265f; /* erfc(t) e^(t t) / s, t in [1, 11] */
    q = q * s - 0.228591522f;
    q = q * s + 0.0854035218f;
    q = q * s + 0.0589929444f;
    q = q * s + 0.179580008f;
    q = q * s + 0.246779168f;
    q = q * s + 0.282062438f;
    q = q * s + 0.282097242f;
    return q * s * vm_exp(-(t * t));
}

/* erf(x), |x| <= 1 */
COREX_INLINE float vm_erf_poly(float x)
{
    float z = x * x;
    float q = 7.82069722e-05f;
    q = q * z - 0.000800092864f;
    q = q * z + 0.0051873629f;
    q = q * z - 0.0268533521f;
    q = q * z + 0.112835753f;
    q = q * z - 0.376126251f;
    q = q * z + 0.128379166f;
    return x + x * q; /* 2 / sqrt(pi) = 1 + 0.128... */
}

COREX_INLINE float vm_erf(float x)
{
    float a = fabsf(x);
    float large = vm_copysign(1.0f - vm_erfc_tail(a), x);
    float result = a < 1.0f ? vm_erf_poly(x) : large;
    return x != x ? x : result;
}

/* erfc(t) for 0.4 <= t, its own magnitude kept down to denormals */
COREX_INLINE float vm_erfc_large(float t)
{
    t = t > 10.5f ? 10.5f : t; /* beyond, the result is 0 anyway */
    float v = (t - 3.0f) / (t + 3.0f);
    float q = -0.000480543968f; /* erfc(t) e^(t t) (1 + 2 t), t in [0.4, 10.5] */
    q = q * v + 0.00185614685f;
    q = q * v + 0.00235064398f;
    q = q * v - 0.0237771869f;
    q = q * v + 0.0683495328f;
    q = q * v - 0.119270951f;
    q = q * v + 0.129641369f;
    q = q * v - 0.0475624800f;
    q = q * v - 0.135621011f;
    q = q * v + 1.25300801f;
    /* t t in two parts, the first of them exact: its rounding would be multiplied by t t. */
    float most = vm_float(vm_bits(t) & 0xfffff000u), square = most * most;
    float rest = (t - most) * (t + most);
    float rounded = (square + rest) * -1.44269504f + VM_ROUND;
    float n = rounded - VM_ROUND;
    float r = -square - n * 0.693145752f;
    float twice = t + t, divisor = 1.0f + twice, lost = twice - (divisor - 1.0f);
    r = (r - n * 1.42860677e-6f) - (rest + lost / divisor);
    return vm_scale(q / divisor * vm_exp_poly(r), vm_bits(rounded));
}

COREX_INLINE float vm_erfc(float x)
{
    float a = fabsf(x), tail = vm_erfc_large(a);
    float large = x < 0.0f ? 2.0f - tail : tail;
    float result = a < 0.5f ? 1.0f - vm_erf_poly(x) : large;
    return x != x ? x : result;
}

/* The normal distribution function */
COREX_INLINE float vm_phi(float x)
{
    float t = x * 0.707106781f, a = fabsf(t);
    float tail = 0.5f * vm_erfc_tail(a);
    float large = x > 0.0f ? 1.0f - tail : tail;
    float result = a < 1.0f ? 0.5f + 0.5f * vm_erf_poly(t) : large;
    return x != x ? x : result;
}

/*
 * sin(x + quarter pi / 2) for |x| <= VM_TRIG_LIMIT. The reduction runs in double; the first part of
 * pi / 2 is so short that n times it is exact.
 */
#define VM_TRIG_LIMIT 1.0e6f

COREX_INLINE float vm_trig(float x, uint32_t quarter)
{
    union {
        double f;
        uint64_t u;
    } rounded;
    double d = (double)x;
    rounded.f = d * 0.63661977236758138 + 6755399441055744.0;
    double n = rounded.f - 6755399441055744.0;
    float r = (float)((d - n * 1.57079632673412561417) - n * 6.07710050650619224932e-11);
    uint32_t k = (uint32_t)rounded.u + quarter;
    float z = r * r;
    float s = -0.000195146298f; /* |r| <= pi / 4 */
    s = s * z + 0.00833215603f;
    s = s * z - 0.166666545f;
    s = r + r * (z * s);
    float c = 2.44324094e-05f;
    c = c * z - 0.00138873098f;
    c = c * z + 0.0416666456f;
    c = 1.0f - (0.5f * z - z * z * c);
    float result = k & 1 ? c : s;
    return vm_float(vm_bits(result) ^ (k & 2) << 30);
}

/* ---- erfc of float64, within 4 ulp down to denormals ---- */
#define VM_ROUND_DOUBLE 6755399441055744.0

COREX_INLINE uint64_t vm_bits_double(double x)
{
    union {
        double f;
        uint64_t u;
    } pun = {.f = x};
    return pun.u;
}

COREX_INLINE double vm_double(uint64_t u)
{
    union {
        uint64_t u;
        double f;
    } pun = {.u = u};
    return pun.f;
}

/* 2^n for n > -1100, in two factors as vm_scale has them */
COREX_INLINE double vm_scale_double(double x, uint64_t rounded_bits)
{
    const uint64_t n = rounded_bits - UINT64_C(0x4338000000000000) + 2046; /* positive */
    const uint64_t half = n >> 1;
    return x * vm_double(half << 52) * vm_double((n - half) << 52);
}

COREX_INLINE double vm_erfc_large_double(double t)
{
    t = t > 28.0 ? 28.0 : t; /* beyond, the result is 0 anyway */
    double v = (t - 3.0) / (t + 3.0);
    double q = 8.393734858663902e-10;
    q = q * v + 9.862533510334848e-10;
    q = q * v - 8.217595058695637e-09;
    q = q * v - 1.3312919661032604e-08;
    q = q * v + 4.10640136678999e-08;
    q = q * v + 1.0183620603841243e-07;
    q = q * v - 1.4047654315422538e-07;
    q = q * v - 6.166011460398518e-07;
    q = q * v + 3.557608668407511e-07;
    q = q * v + 3.47237094497715e-06;
    q = q * v - 7.308281468783279e-07;
    q = q * v - 2.0100542268525602e-05;
    q = q * v + 4.9491966499683315e-06;
    q = q * v + 0.0001250993424583729;
    q = q * v - 0.00010515971958448064;
    q = q * v - 0.0007798322696543306;
    q = q * v + 0.0018886903449991718;
    q = q * v + 0.0025293918156939696;
    q = q * v - 0.02377051491717134;
    q = q * v + 0.0683080273440099;
    q = q * v - 0.11927366341538638;
    q = q * v + 0.1296451587027594;
    q = q * v - 0.0475622943534492;
    q = q * v - 0.13562110612458117;
    q = q * v; /* and 1.25300...: erfc(t) e^(t t) (1 + 2 t) */
    double whole = 1.2530080582697296 + q;
    double short_by = q - (whole - 1.2530080582697296) + 4.4e-17; /* what neither of them holds */
    double most = vm_double(vm_bits_double(t) & ~UINT64_C(0x7ffffff)), square = most * most;
    double rest = (t - most) * (t + most);
    double rounded = (square + rest) * -1.4426950408889634 + VM_ROUND_DOUBLE;
    double n = rounded - VM_ROUND_DOUBLE;
    double twice = t + t, divisor = 1.0 + twice, lost = twice - (divisor - 1.0);
    double r = -square - n * 0.693147180369123816490;
    r = (r - n * 1.90821492927058770002e-10) - (rest + lost / divisor - 0.8 * short_by);
    double p = 1.6059043836821613e-10; /* e^r - 1, by Taylor */
    p = p * r + 2.08767569878681e-09;
    p = p * r + 2.505210838544172e-08;
    p = p * r + 2.755731922398589e-07;
    p = p * r + 2.7557319223985893e-06;
    p = p * r + 2.48015873015873e-05;
    p = p * r + 0.0001984126984126984;
    p = p * r + 0.001388888888888889;
    p = p * r + 0.008333333333333333;
    p = p * r + 0.041666666666666664;
    p = p * r + 0.16666666666666666;
    p = p * r + 0.5;
    p = p * r + 1.0;
    p = 1.0 + p * r;
    return vm_scale_double(whole / divisor * p, vm_bits_double(rounded));
}

COREX_INLINE double vm_erfc_double(double x)
{
    double a = fabs(x), z = x * x, tail = vm_erfc_large_double(a);
    double q = 9.422759064650411e-11; /* erf(x) / x - 1, by Taylor */
    q = q * z - 1.2290555301717926e-09;
    q = q * z + 1.4807192815879218e-08;
    q = q * z - 1.6365844691234924e-07;
    q = q * z + 1.6462114365889246e-06;
    q = q * z - 1.492565035840625e-05;
    q = q * z + 0.00012055332981789664;
    q = q * z - 0.0008548327023450852;
    q = q * z + 0.005223977625442188;
    q = q * z - 0.026866170645131252;
    q = q * z + 0.11283791670955126;
    q = q * z - 0.37612638903183754;
    q = q * z + 0.12837916709551256;
    double large = x < 0.0 ? 2.0 - tail : tail;
    double result = a < 0.5 ? 1.0 - (x + x * q) : large;
    return x != x ? x : result;
}

/* ---- the same by type, for tables over float and double ---- */
COREX_INLINE double vm_sigmoid_double(double x)
{
    double e = exp(-fabs(x));
    return x >= 0.0 ? 1.0 / (1.0 + e) : e / (1.0 + e);
}

COREX_INLINE double vm_phi_double(double x) { return 0.5 * erfc(-x * 0.70710678118654752440); }

#define VM_EXP(x) _Generic((x), float: vm_exp, default: exp)(x)
#define VM_EXP2(x) _Generic((x), float: vm_exp2, default: exp2)(x)
#define VM_LOG(x) _Generic((x), float: vm_log, default: log)(x)
#define VM_LOG2(x) _Generic((x), float: vm_log2, default: log2)(x)
#define VM_LOG10(x) _Generic((x), float: vm_log10, default: log10)(x)
#define VM_LOG1P(x) _Generic((x), float: vm_log1p, default: log1p)(x)
#define VM_EXPM1(x) _Generic((x), float: vm_expm1, default: expm1)(x)
#define VM_SIGMOID(x) _Generic((x), float: vm_sigmoid, default: vm_sigmoid_double)(x)
#define VM_TANH(x) _Generic((x), float: vm_tanh, default: tanh)(x)
#define VM_ERF(x) _Generic((x), float: vm_erf, default: erf)(x)
#define VM_ERFC(x) _Generic((x), float: vm_erfc, default: vm_erfc_double)(x)
#define VM_PHI(x) _Generic((x), float: vm_phi, default: vm_phi_double)(x)

#endif
