/*
 * Conversions and arithmetic with a rounding of their own. Out-of-range conversions to integers
 * saturate and NaN becomes 0, as the hardware does. Directed rounding of sums and products is
 * found from the exact error of the rounded result.
 */
#ifndef COREXSIM_ROUNDING_H
#define COREXSIM_ROUNDING_H

namespace corexsim
{

/* `value` is integral already. */
template <class Integer, class Float> inline Integer saturate(Float value)
{
    using Limits = std::numeric_limits<Integer>;
    if (value != value)
        return 0;
    /* max() + 1 is a power of two, so exact as a float, where max() might not be. */
    Float end = std::ldexp(static_cast<Float>(1), Limits::digits);
    if (value >= end)
        return Limits::max();
    if (value < static_cast<Float>(Limits::min()))
        return Limits::min();
    return static_cast<Integer>(value);
}

/* The wider result `exact` as a float, rounded down, up or towards zero. */
inline float round_to_float(double exact, int direction)
{
    auto near = static_cast<float>(exact);
    if (direction == 0 || near != near || static_cast<double>(near) == exact)
        return near;
    bool above = static_cast<double>(near) > exact;
    bool want_above = direction == 2 || (direction == 3 && exact < 0);
    if (above == want_above)
        return near;
    return nextafterf(near, above ? -INFINITY : INFINITY);
}

inline double step_towards(double near, double error, int direction)
{
    if (direction == 0 || error == 0 || error != error || near - near != 0)
        return near;
    bool above = error < 0; /* the exact result is near + error */
    bool want_above = direction == 2 || (direction == 3 && near < 0);
    if (above == want_above)
        return near;
    return nextafter(near, above ? -INFINITY : INFINITY);
}

/* What a program rounds itself is not fused with anything. */
inline double rounded(double x)
{
#ifdef __FMA__
    asm("" : "+x"(x));
#endif
    return x;
}

inline double add(double a, double b, int direction)
{
    a = rounded(a);
    b = rounded(b);
    double sum = a + b, other = sum - a;
    return step_towards(sum, (a - (sum - other)) + (b - other), direction);
}

inline double multiply(double a, double b, int direction)
{
    double product = rounded(a * b);
    return step_towards(product, ::fma(a, b, -product), direction);
}

inline double divide(double a, double b, int direction)
{
    double quotient = a / b, rest = -::fma(quotient, b, -a);
    return step_towards(quotient, b < 0 ? -rest : rest, direction);
}

inline double root(double a, int direction)
{
    double out = ::sqrt(a);
    return step_towards(out, -::fma(out, out, -a), direction);
}

} // namespace corexsim

#define COREXSIM_ROUNDED(suffix, direction, rounder) \
    inline int __float2int_##suffix(float x) { return corexsim::saturate<int>(rounder##f(x)); } \
    inline unsigned __float2uint_##suffix(float x) \
    { \
        return corexsim::saturate<unsigned>(rounder##f(x)); \
    } \
    inline long long __float2ll_##suffix(float x) \
    { \
        return corexsim::saturate<long long>(rounder##f(x)); \
    } \
    inline unsigned long long __float2ull_##suffix(float x) \
    { \
        return corexsim::saturate<unsigned long long>(rounder##f(x)); \
    } \
    inline int __double2int_##suffix(double x) { return corexsim::saturate<int>(rounder(x)); } \
    inline unsigned __double2uint_##suffix(double x) \
    { \
        return corexsim::saturate<unsigned>(rounder(x)); \
    } \
    inline long long __double2ll_##suffix(double x) \
    { \
        return corexsim::saturate<long long>(rounder(x)); \
    } \
    inline unsigned long long __double2ull_##suffix(double x) \
    { \
        return corexsim::saturate<unsigned long long>(rounder(x)); \
    } \
    inline float __double2float_##suffix(double x) \
    { \
        return corexsim::round_to_float(x, direction); \
    } \
    inline float __int2float_##suffix(int x) { return corexsim::round_to_float(x, direction); } \
    inline float __uint2float_##suffix(unsigned x) \
    { \
        return corexsim::round_to_float(x, direction); \
    } \
    inline float __fadd_##suffix(float a, float b) \
    { \
        return corexsim::round_to_float(corexsim::add(a, b, 0), direction); \
    } \
    inline float __fsub_##suffix(float a, float b) { return __fadd_##suffix(a, -b); } \
    inline float __fmul_##suffix(float a, float b) \
    { \
        return corexsim::round_to_float(static_cast<double>(a) * b, direction); \
    } \
    inline float __fdiv_##suffix(float a, float b) \
    { \
        return corexsim::round_to_float(static_cast<double>(a) / b, direction); \
    } \
    inline float __frcp_##suffix(float a) { return __fdiv_##suffix(1.0f, a); } \
    inline float __fsqrt_##suffix(float a) \
    { \
        return corexsim::round_to_float(::sqrt(static_cast<double>(a)), direction); \
    } \
    inline double __dadd_##suffix(double a, double b) { return corexsim::add(a, b, direction); } \
    inline double __dsub_##suffix(double a, double b) { return corexsim::add(a, -b, direction); } \
    inline double __dmul_##suffix(double a, double b) \
    { \
        return corexsim::multiply(a, b, direction); \
    } \
    inline double __ddiv_##suffix(double a, double b) \
    { \
        return corexsim::divide(a, b, direction); \
    } \
    inline double __drcp_##suffix(double a) { return corexsim::divide(1.0, a, direction); } \
    inline double __dsqrt_##suffix(double a) { return corexsim::root(a, direction); }

COREXSIM_ROUNDED(rn, 0, rint)
COREXSIM_ROUNDED(rd, 1, floor)
COREXSIM_ROUNDED(ru, 2, ceil)
COREXSIM_ROUNDED(rz, 3, trunc)

inline float __fmaf_rn(float a, float b, float c) { return fmaf(a, b, c); }
inline double __fma_rn(double a, double b, double c) { return fma(a, b, c); }
inline double __int2double_rn(int x) { return x; }
inline double __uint2double_rn(unsigned x) { return x; }
inline double __ll2double_rn(long long x) { return static_cast<double>(x); }
inline double __ull2double_rn(unsigned long long x) { return static_cast<double>(x); }
inline float __ll2float_rn(long long x) { return static_cast<float>(x); }
inline float __ull2float_rn(unsigned long long x) { return static_cast<float>(x); }

#endif
