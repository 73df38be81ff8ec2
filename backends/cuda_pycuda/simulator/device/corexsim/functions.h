/*
 * Mathematical functions that C++ does not have. Names that some C libraries declare too are
 * macros, and so are the fast ones (`__expf`): here they are as exact as the others.
 */
#ifndef COREXSIM_FUNCTIONS_H
#define COREXSIM_FUNCTIONS_H

namespace corexsim
{

constexpr double PI = 3.14159265358979323846;

/* Reduces first, so that sin(pi n) is exactly 0 for whole n. */
inline double sin_pi(double x)
{
    double rest = std::remainder(x, 2.0);
    if (rest == std::trunc(rest))
        return std::copysign(0.0, x);
    return std::sin(PI * rest);
}

inline double cos_pi(double x)
{
    double rest = std::fabs(std::remainder(x, 2.0));
    return rest == 0.5 ? 0.0 : std::cos(PI * rest);
}

/* The inverse of erf: a first guess, then Newton's method. */
inline double erf_inverse(double x)
{
    if (x != x || x < -1 || x > 1)
        return NAN;
    if (x == 1 || x == -1)
        return std::copysign(INFINITY, x);
    double w = -std::log((1 - x) * (1 + x));
    double a = 2 / (PI * 0.147) - w / 2;
    double y = std::copysign(std::sqrt(std::sqrt(a * a + w / 0.147) - a), x);
    for (int i = 0; i < 4; i++)
        y -= (std::erf(y) - x) / (2 / std::sqrt(PI) * std::exp(-y * y));
    return y;
}

inline double normal_cdf(double x) { return 0.5 * std::erfc(-x * 0.70710678118654752440); }
inline double normal_cdf_inverse(double p)
{
    return 1.41421356237309504880 * erf_inverse(2 * p - 1);
}

} // namespace corexsim

/* Under names of our own, which object-like macros give them: so `::rsqrt(x)` works too. */

inline double corexsim_rsqrt(double x) { return 1.0 / std::sqrt(x); }
inline float corexsim_rsqrt(float x)
{
    return static_cast<float>(corexsim_rsqrt(static_cast<double>(x)));
}
inline double corexsim_rcbrt(double x) { return 1.0 / std::cbrt(x); }
inline double corexsim_sinpi(double x) { return corexsim::sin_pi(x); }
inline double corexsim_cospi(double x) { return corexsim::cos_pi(x); }
inline double corexsim_exp10(double x) { return std::pow(10.0, x); }
inline double corexsim_erfinv(double x) { return corexsim::erf_inverse(x); }
inline double corexsim_erfcinv(double x) { return corexsim::erf_inverse(1 - x); }
inline double corexsim_normcdf(double x) { return corexsim::normal_cdf(x); }
inline double corexsim_normcdfinv(double x) { return corexsim::normal_cdf_inverse(x); }

#define COREXSIM_OF_FLOAT(name) \
    inline float corexsim_##name##f(float x) \
    { \
        return static_cast<float>(corexsim_##name(static_cast<double>(x))); \
    }
COREXSIM_OF_FLOAT(rsqrt)
COREXSIM_OF_FLOAT(rcbrt)
COREXSIM_OF_FLOAT(sinpi)
COREXSIM_OF_FLOAT(cospi)
COREXSIM_OF_FLOAT(exp10)
COREXSIM_OF_FLOAT(erfinv)
COREXSIM_OF_FLOAT(erfcinv)
COREXSIM_OF_FLOAT(normcdf)
COREXSIM_OF_FLOAT(normcdfinv)

template <class T> inline void corexsim_sincos(T x, T *s, T *c)
{
    *s = std::sin(x);
    *c = std::cos(x);
}
inline void corexsim_sincosf(float x, float *s, float *c) { corexsim_sincos(x, s, c); }
inline void corexsim_sincospi(double x, double *s, double *c)
{
    *s = corexsim_sinpi(x);
    *c = corexsim_cospi(x);
}
inline void corexsim_sincospif(float x, float *s, float *c)
{
    *s = corexsim_sinpif(x);
    *c = corexsim_cospif(x);
}
inline float corexsim_fdividef(float x, float y) { return x / y; }
inline float corexsim_saturatef(float x) { return fminf(1.0f, fmaxf(0.0f, x)); }

#define rsqrt corexsim_rsqrt
#define rsqrtf corexsim_rsqrtf
#define rcbrt corexsim_rcbrt
#define rcbrtf corexsim_rcbrtf
#define sinpi corexsim_sinpi
#define sinpif corexsim_sinpif
#define cospi corexsim_cospi
#define cospif corexsim_cospif
#define exp10 corexsim_exp10
#define exp10f corexsim_exp10f
#define erfinv corexsim_erfinv
#define erfinvf corexsim_erfinvf
#define erfcinv corexsim_erfcinv
#define erfcinvf corexsim_erfcinvf
#define normcdf corexsim_normcdf
#define normcdff corexsim_normcdff
#define normcdfinv corexsim_normcdfinv
#define normcdfinvf corexsim_normcdfinvf
#define sincos corexsim_sincos
#define sincosf corexsim_sincosf
#define sincospi corexsim_sincospi
#define sincospif corexsim_sincospif
#define fdividef corexsim_fdividef

#define __expf expf
#define __exp10f exp10f
#define __logf logf
#define __log2f log2f
#define __log10f log10f
#define __powf powf
#define __sinf sinf
#define __cosf cosf
#define __tanf tanf
#define __tanhf tanhf
#define __sincosf sincosf
#define __frsqrt_rn rsqrtf
#define __fdividef corexsim_fdividef
#define __saturatef corexsim_saturatef

inline float norm3df(float a, float b, float c)
{
    return static_cast<float>(std::sqrt(double{a} * a + double{b} * b + double{c} * c));
}
inline double norm3d(double a, double b, double c) { return std::hypot(a, b, c); }
inline float rnorm3df(float a, float b, float c) { return 1.0f / norm3df(a, b, c); }
inline float rhypotf(float a, float b) { return 1.0f / hypotf(a, b); }
inline double rhypot(double a, double b) { return 1.0 / hypot(a, b); }

using std::acos;
using std::acosh;
using std::asin;
using std::asinh;
using std::atan;
using std::atan2;
using std::atanh;
using std::cbrt;
using std::ceil;
using std::copysign;
using std::cosh;
using std::erf;
using std::erfc;
using std::exp2;
using std::expm1;
using std::fdim;
using std::floor;
using std::fma;
using std::fmax;
using std::fmin;
using std::fmod;
using std::hypot;
using std::isfinite;
using std::isinf;
using std::isnan;
using std::ldexp;
using std::lgamma;
using std::llrint;
using std::llround;
using std::log10;
using std::log1p;
using std::log2;
using std::lrint;
using std::lround;
using std::nearbyint;
using std::nextafter;
using std::remainder;
using std::rint;
using std::round;
using std::scalbn;
using std::signbit;
using std::sinh;
using std::tanh;
using std::tgamma;
using std::trunc;

#endif
