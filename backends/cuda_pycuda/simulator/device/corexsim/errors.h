/*
 * Mathematical functions with the errors that CUDA documents for them, at their largest: what a
 * GPU computes lies between. Which way a result is off depends on the arguments and on a seed
 * alone. Exact stay what a GPU has exact, too: zeros, infinities, NaN and whole ones.
 *
 * The bounds are those that the CUDA programming guide lists, in units in the last place.
 */
#ifndef COREXSIM_ERRORS_H
#define COREXSIM_ERRORS_H
#ifdef COREXSIM_ULPS

namespace corexsim
{

inline std::uint64_t read_error_seed()
{
    const char *text = std::getenv("COREX_CUDA_SIM_ULPS");
    return text ? std::strtoull(text, nullptr, 10) : 1;
}

static const std::uint64_t error_seed = read_error_seed();

inline std::uint64_t mixed(std::uint64_t x)
{
    x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9ull;
    x = (x ^ (x >> 27)) * 0x94D049BB133111EBull;
    return x ^ (x >> 31);
}

inline std::uint64_t bits_of(double x)
{
    std::uint64_t bits;
    std::memcpy(&bits, &x, sizeof(bits));
    return bits;
}

/* The number that lies so many steps from `exact`, further from zero or nearer to it. */
template <class T, class Bits> inline T stepped(T exact, int steps)
{
    Bits bits;
    std::memcpy(&bits, &exact, sizeof(bits));
    const Bits sign = bits & Bits(Bits(1) << (8 * sizeof(Bits) - 1));
    Bits size = bits ^ sign;
    if (steps < 0 && size <= Bits(-steps))
        return exact;
    size = Bits(size + Bits(steps)) | sign;
    std::memcpy(&exact, &size, sizeof(exact));
    return exact;
}

inline float step(float exact, int steps) { return stepped<float, std::uint32_t>(exact, steps); }
inline double step(double exact, int steps) { return stepped<double, std::uint64_t>(exact, steps); }

/* `function` tells functions apart; `most` is a bound that no result exceeds. */
template <class T>
inline T erroneous(T exact, int ulps, std::uint64_t arguments, unsigned function, T most)
{
    if (exact == 0 || exact - exact != 0 || exact == 1 || exact == -1)
        return exact;
    std::uint64_t chance = mixed(arguments + mixed(error_seed * 1009 + function));
    T out = step(exact, chance & 1 ? ulps : -ulps);
    if (out - out != 0 || std::fabs(out) > most)
        return exact;
    return out;
}

} // namespace corexsim

#define COREXSIM_OFF_1(name, of_float, of_double, ulps, ulps_of_double, most) \
    inline float corexsim_off_##name(float x) \
    { \
        return corexsim::erroneous(static_cast<float>(of_float), ulps, corexsim::bits_of(x), \
                                   __LINE__, static_cast<float>(most)); \
    } \
    inline float corexsim_off_##name##f(float x) { return corexsim_off_##name(x); } \
    inline double corexsim_off_##name(double x) \
    { \
        return corexsim::erroneous(static_cast<double>(of_double), ulps_of_double, \
                                   corexsim::bits_of(x), __LINE__, static_cast<double>(most)); \
    } \
    template <class I, class = std::enable_if_t<std::is_integral<I>::value>> \
    inline double corexsim_off_##name(I x) \
    { \
        return corexsim_off_##name(static_cast<double>(x)); \
    } \
    namespace std \
    { \
    using ::corexsim_off_##name; \
    using ::corexsim_off_##name##f; \
    }

/* A function of the C library: of a float, computed in double and rounded. */
#define COREXSIM_OFF(name, ulps, ulps_of_double) \
    COREXSIM_OFF_1(name, std::name(double{x}), std::name(x), ulps, ulps_of_double, INFINITY)
#define COREXSIM_OFF_UNIT(name, ulps, ulps_of_double) \
    COREXSIM_OFF_1(name, std::name(double{x}), std::name(x), ulps, ulps_of_double, 1)
/* One of functions.h. */
#define COREXSIM_OFF_OWN(name, ulps, ulps_of_double, most) \
    COREXSIM_OFF_1(name, corexsim_##name(double{x}), corexsim_##name(x), ulps, ulps_of_double, most)

#define COREXSIM_OFF_2(name, ulps, ulps_of_double) \
    inline float corexsim_off_##name(float x, float y) \
    { \
        return corexsim::erroneous(static_cast<float>(std::name(double{x}, double{y})), ulps, \
                                   corexsim::bits_of(x) + 3 * corexsim::bits_of(y), __LINE__, \
                                   static_cast<float>(INFINITY)); \
    } \
    inline float corexsim_off_##name##f(float x, float y) { return corexsim_off_##name(x, y); } \
    inline double corexsim_off_##name(double x, double y) \
    { \
        return corexsim::erroneous(std::name(x, y), ulps_of_double, \
                                   corexsim::bits_of(x) + 3 * corexsim::bits_of(y), __LINE__, \
                                   static_cast<double>(INFINITY)); \
    } \
    template <class X, class Y, \
              class = std::enable_if_t< \
                  std::is_arithmetic<X>::value && std::is_arithmetic<Y>::value && \
                  !(std::is_same<X, float>::value && std::is_same<Y, float>::value)>> \
    inline double corexsim_off_##name(X x, Y y) \
    { \
        return corexsim_off_##name(static_cast<double>(x), static_cast<double>(y)); \
    } \
    namespace std \
    { \
    using ::corexsim_off_##name; \
    using ::corexsim_off_##name##f; \
    }

/* What functions.h has under these names. */
#undef rsqrt
#undef rsqrtf
#undef rcbrt
#undef rcbrtf
#undef exp10
#undef exp10f
#undef sinpi
#undef sinpif
#undef cospi
#undef cospif
#undef erfinv
#undef erfinvf
#undef erfcinv
#undef erfcinvf
#undef normcdf
#undef normcdff
#undef normcdfinv
#undef normcdfinvf

COREXSIM_OFF(exp, 2, 1)
COREXSIM_OFF(exp2, 2, 1)
COREXSIM_OFF(expm1, 1, 1)
COREXSIM_OFF(log, 1, 1)
COREXSIM_OFF(log2, 1, 1)
COREXSIM_OFF(log10, 2, 1)
COREXSIM_OFF(log1p, 1, 1)
COREXSIM_OFF_UNIT(sin, 2, 2)
COREXSIM_OFF_UNIT(cos, 2, 2)
COREXSIM_OFF(tan, 4, 2)
COREXSIM_OFF(asin, 2, 2)
COREXSIM_OFF(acos, 2, 2)
COREXSIM_OFF(atan, 2, 2)
COREXSIM_OFF(sinh, 3, 2)
COREXSIM_OFF(cosh, 2, 1)
COREXSIM_OFF_UNIT(tanh, 2, 1)
COREXSIM_OFF(asinh, 3, 3)
COREXSIM_OFF(acosh, 4, 3)
COREXSIM_OFF(atanh, 3, 2)
COREXSIM_OFF_UNIT(erf, 2, 2)
COREXSIM_OFF(erfc, 4, 5)
COREXSIM_OFF(lgamma, 6, 4)
COREXSIM_OFF(tgamma, 5, 10)
COREXSIM_OFF(cbrt, 1, 1)
COREXSIM_OFF_OWN(rsqrt, 2, 1, INFINITY)
COREXSIM_OFF_OWN(rcbrt, 2, 1, INFINITY)
COREXSIM_OFF_OWN(exp10, 2, 1, INFINITY)
COREXSIM_OFF_OWN(sinpi, 1, 2, 1)
COREXSIM_OFF_OWN(cospi, 1, 2, 1)
COREXSIM_OFF_OWN(erfinv, 2, 5, INFINITY)
COREXSIM_OFF_OWN(erfcinv, 4, 6, INFINITY)
COREXSIM_OFF_OWN(normcdf, 5, 5, 1)
COREXSIM_OFF_OWN(normcdfinv, 5, 8, INFINITY)
COREXSIM_OFF_2(pow, 4, 2)
COREXSIM_OFF_2(atan2, 3, 2)
COREXSIM_OFF_2(hypot, 3, 2)

/* The fast ones: of `__expf` and `__exp10f` the error grows with the argument, those of
 * logarithms and circular functions are absolute near their zeros. */
#define COREXSIM_FAST(name, exact, ulps, absolute) \
    inline float corexsim_fast_##name(float x) \
    { \
        float out = \
            corexsim::erroneous(static_cast<float>(exact), static_cast<int>(ulps), \
                                corexsim::bits_of(x), __LINE__, static_cast<float>(INFINITY)); \
        bool more = corexsim::mixed(corexsim::bits_of(x) + corexsim::error_seed) & 2; \
        return out - out == 0 ? out + (more ? 1 : -1) * static_cast<float>(absolute) : out; \
    }

COREXSIM_FAST(exp, std::exp(double{x}), 2 + std::floor(std::fmin(1e3, std::fabs(1.173 * x))), 0)
COREXSIM_FAST(exp10, std::pow(10.0, x), 2 + std::floor(std::fmin(1e3, std::fabs(2.97 * x))), 0)
COREXSIM_FAST(log, std::log(double{x}), x < 0.5f || x > 2 ? 3 : 0,
              x < 0.5f || x > 2 ? 0 : 3.59e-7 /* 2^-21.41 */)
COREXSIM_FAST(log2, std::log2(double{x}), x < 0.5f || x > 2 ? 2 : 0,
              x < 0.5f || x > 2 ? 0 : 2.38e-7 /* 2^-22 */)
COREXSIM_FAST(log10, std::log10(double{x}), x < 0.5f || x > 2 ? 3 : 0,
              x < 0.5f || x > 2 ? 0 : 5.96e-8 /* 2^-24 */)
COREXSIM_FAST(sin, std::sin(double{x}), 0, 3.59e-7 /* 2^-21.41, within pi */)
COREXSIM_FAST(cos, std::cos(double{x}), 0, 4.18e-7 /* 2^-21.19, within pi */)

inline float corexsim_fast_tan(float x) { return corexsim_fast_sin(x) / corexsim_fast_cos(x); }
inline float corexsim_fast_pow(float x, float y)
{
    return corexsim_off_exp2(y * corexsim_fast_log2(x));
}
inline void corexsim_fast_sincos(float x, float *s, float *c)
{
    *s = corexsim_fast_sin(x);
    *c = corexsim_fast_cos(x);
}
inline float corexsim_fast_divide(float x, float y)
{
    return corexsim::erroneous(x / y, 2, corexsim::bits_of(x) + 3 * corexsim::bits_of(y), __LINE__,
                               static_cast<float>(INFINITY));
}

template <class T> inline void corexsim_off_sincos(T x, T *s, T *c)
{
    *s = corexsim_off_sin(x);
    *c = corexsim_off_cos(x);
}
template <class T> inline void corexsim_off_sincospi(T x, T *s, T *c)
{
    *s = corexsim_off_sinpi(x);
    *c = corexsim_off_cospi(x);
}

/* Object-like, so that `::exp(x)` and `std::exp(x)` work too. */
#define exp corexsim_off_exp
#define expf corexsim_off_expf
#define exp2 corexsim_off_exp2
#define exp2f corexsim_off_exp2f
#define expm1 corexsim_off_expm1
#define expm1f corexsim_off_expm1f
#define log corexsim_off_log
#define logf corexsim_off_logf
#define log2 corexsim_off_log2
#define log2f corexsim_off_log2f
#define log10 corexsim_off_log10
#define log10f corexsim_off_log10f
#define log1p corexsim_off_log1p
#define log1pf corexsim_off_log1pf
#define sin corexsim_off_sin
#define sinf corexsim_off_sinf
#define cos corexsim_off_cos
#define cosf corexsim_off_cosf
#define tan corexsim_off_tan
#define tanf corexsim_off_tanf
#define asin corexsim_off_asin
#define asinf corexsim_off_asinf
#define acos corexsim_off_acos
#define acosf corexsim_off_acosf
#define atan corexsim_off_atan
#define atanf corexsim_off_atanf
#define sinh corexsim_off_sinh
#define sinhf corexsim_off_sinhf
#define cosh corexsim_off_cosh
#define coshf corexsim_off_coshf
#define tanh corexsim_off_tanh
#define tanhf corexsim_off_tanhf
#define asinh corexsim_off_asinh
#define asinhf corexsim_off_asinhf
#define acosh corexsim_off_acosh
#define acoshf corexsim_off_acoshf
#define atanh corexsim_off_atanh
#define atanhf corexsim_off_atanhf
#define erf corexsim_off_erf
#define erff corexsim_off_erff
#define erfc corexsim_off_erfc
#define erfcf corexsim_off_erfcf
#define lgamma corexsim_off_lgamma
#define lgammaf corexsim_off_lgammaf
#define tgamma corexsim_off_tgamma
#define tgammaf corexsim_off_tgammaf
#define cbrt corexsim_off_cbrt
#define cbrtf corexsim_off_cbrtf
#define pow corexsim_off_pow
#define powf corexsim_off_powf
#define atan2 corexsim_off_atan2
#define atan2f corexsim_off_atan2f
#define hypot corexsim_off_hypot
#define hypotf corexsim_off_hypotf
#define rsqrt corexsim_off_rsqrt
#define rsqrtf corexsim_off_rsqrtf
#define rcbrt corexsim_off_rcbrt
#define rcbrtf corexsim_off_rcbrtf
#define exp10 corexsim_off_exp10
#define exp10f corexsim_off_exp10f
#define sinpi corexsim_off_sinpi
#define sinpif corexsim_off_sinpif
#define cospi corexsim_off_cospi
#define cospif corexsim_off_cospif
#define erfinv corexsim_off_erfinv
#define erfinvf corexsim_off_erfinvf
#define erfcinv corexsim_off_erfcinv
#define erfcinvf corexsim_off_erfcinvf
#define normcdf corexsim_off_normcdf
#define normcdff corexsim_off_normcdff
#define normcdfinv corexsim_off_normcdfinv
#define normcdfinvf corexsim_off_normcdfinvf
#undef sincos
#define sincos corexsim_off_sincos
#undef sincosf
#define sincosf corexsim_off_sincos
#undef sincospi
#define sincospi corexsim_off_sincospi
#undef sincospif
#define sincospif corexsim_off_sincospi
#undef __expf
#define __expf corexsim_fast_exp
#undef __exp10f
#define __exp10f corexsim_fast_exp10
#undef __logf
#define __logf corexsim_fast_log
#undef __log2f
#define __log2f corexsim_fast_log2
#undef __log10f
#define __log10f corexsim_fast_log10
#undef __sinf
#define __sinf corexsim_fast_sin
#undef __cosf
#define __cosf corexsim_fast_cos
#undef __tanf
#define __tanf corexsim_fast_tan
#undef __powf
#define __powf corexsim_fast_pow
#undef __sincosf
#define __sincosf corexsim_fast_sincos
#undef __tanhf
#define __tanhf corexsim_off_tanhf
#undef fdividef
#undef __fdividef
#define fdividef corexsim_fast_divide
#define __fdividef corexsim_fast_divide
#undef __frsqrt_rn
#define __frsqrt_rn corexsim_rsqrtf /* rounded correctly */

#endif
#endif
