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

inline float rsqrt_(float x) { return static_cast<float>(1.0 / std::sqrt(static_cast<double>(x))); }
inline double rsqrt_(double x) { return 1.0 / std::sqrt(x); }
template <class T, class = std::enable_if_t<std::is_integral<T>::value>> inline double rsqrt_(T x)
{
    return rsqrt_(static_cast<double>(x));
}
inline float sinpi_(float x) { return static_cast<float>(sin_pi(static_cast<double>(x))); }
inline double sinpi_(double x) { return sin_pi(x); }
inline float cospi_(float x) { return static_cast<float>(cos_pi(static_cast<double>(x))); }
inline double cospi_(double x) { return cos_pi(x); }
inline float exp10_(float x) { return static_cast<float>(std::pow(10.0, static_cast<double>(x))); }
inline double exp10_(double x) { return std::pow(10.0, x); }
inline void sincos_(float x, float *s, float *c)
{
    *s = std::sin(x);
    *c = std::cos(x);
}
inline void sincos_(double x, double *s, double *c)
{
    *s = std::sin(x);
    *c = std::cos(x);
}

} // namespace corexsim

#define rsqrt(x) (::corexsim::rsqrt_(x))
#define rsqrtf(x) (::corexsim::rsqrt_(static_cast<float>(x)))
#define rcbrt(x) (1.0 / ::cbrt(x))
#define rcbrtf(x) (static_cast<float>(1.0 / ::cbrt(static_cast<double>(x))))
#define sinpi(x) (::corexsim::sinpi_(x))
#define sinpif(x) (::corexsim::sinpi_(static_cast<float>(x)))
#define cospi(x) (::corexsim::cospi_(x))
#define cospif(x) (::corexsim::cospi_(static_cast<float>(x)))
#define exp10(x) (::corexsim::exp10_(x))
#define exp10f(x) (::corexsim::exp10_(static_cast<float>(x)))
#define sincos(x, s, c) (::corexsim::sincos_(x, s, c))
#define sincosf(x, s, c) (::corexsim::sincos_(static_cast<float>(x), s, c))
#define sincospi(x, s, c) ((void)(*(s) = sinpi(x), *(c) = cospi(x)))
#define sincospif(x, s, c) ((void)(*(s) = sinpif(x), *(c) = cospif(x)))
#define erfinv(x) (::corexsim::erf_inverse(x))
#define erfinvf(x) (static_cast<float>(::corexsim::erf_inverse(static_cast<double>(x))))
#define erfcinv(x) (::corexsim::erf_inverse(1 - (x)))
#define erfcinvf(x) (static_cast<float>(::corexsim::erf_inverse(1 - static_cast<double>(x))))
#define normcdf(x) (::corexsim::normal_cdf(x))
#define normcdff(x) (static_cast<float>(::corexsim::normal_cdf(static_cast<double>(x))))
#define normcdfinv(x) (::corexsim::normal_cdf_inverse(x))
#define normcdfinvf(x) (static_cast<float>(::corexsim::normal_cdf_inverse(static_cast<double>(x))))

#define __expf(x) (::expf(x))
#define __exp10f(x) (exp10f(x))
#define __logf(x) (::logf(x))
#define __log2f(x) (::log2f(x))
#define __log10f(x) (::log10f(x))
#define __powf(x, y) (::powf(x, y))
#define __sinf(x) (::sinf(x))
#define __cosf(x) (::cosf(x))
#define __tanf(x) (::tanf(x))
#define __tanhf(x) (::tanhf(x))
#define __sincosf(x, s, c) (sincosf(x, s, c))
#define __frsqrt_rn(x) (rsqrtf(x))
#define __fdividef(x, y) ((float)(x) / (float)(y))
#define fdividef(x, y) ((float)(x) / (float)(y))
#define fdivide(x, y) ((double)(x) / (double)(y))
#define __saturatef(x) (::fminf(1.0f, ::fmaxf(0.0f, x)))

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
