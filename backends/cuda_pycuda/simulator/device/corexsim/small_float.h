/*
 * Floats of 16 bits, which compute as floats and round once: for sums, products, quotients and
 * roots that is what a GPU gives, since a float has more than twice the digits. The two formats
 * differ in their conversions alone.
 */
#ifndef COREXSIM_SMALL_FLOAT_H
#define COREXSIM_SMALL_FLOAT_H

extern "C++" { /* also where the text around is extern "C" */

namespace corexsim
{

/* Rounds to nearest, ties to even. */
inline unsigned short float_to_half(float value)
{
    unsigned bits = __float_as_uint(value);
    unsigned sign = bits >> 16 & 0x8000, magnitude = bits & 0x7FFFFFFF;
    if (magnitude > 0x7F800000)
        return static_cast<unsigned short>(0x7FFF);
    if (magnitude >= 0x477FF000) /* 65520, the first that rounds to infinity */
        return static_cast<unsigned short>(sign | 0x7C00);
    if (magnitude < 0x38800000) { /* below 2^-14: subnormal, a multiple of 2^-24 */
        float scaled = __uint_as_float(magnitude) * 16777216.0f;
        return static_cast<unsigned short>(sign | static_cast<unsigned>(rintf(scaled)));
    }
    unsigned rounded = magnitude + 0xFFF + (magnitude >> 13 & 1);
    return static_cast<unsigned short>(sign | ((rounded >> 13) - (112u << 10)));
}

inline float half_to_float(unsigned short half)
{
    unsigned sign = (half & 0x8000u) << 16, exponent = half >> 10 & 31, digits = half & 0x3FFu;
    if (exponent == 31)
        return __uint_as_float(sign | 0x7F800000 | digits << 13);
    if (exponent == 0) {
        float magnitude = static_cast<float>(digits) / 16777216.0f;
        return sign ? -magnitude : magnitude;
    }
    return __uint_as_float(sign | (exponent + 112) << 23 | digits << 13);
}

inline unsigned short float_to_bfloat16(float value)
{
    unsigned bits = __float_as_uint(value);
    if ((bits & 0x7FFFFFFF) > 0x7F800000)
        return 0x7FFF;
    return static_cast<unsigned short>((bits + 0x7FFF + (bits >> 16 & 1)) >> 16);
}

inline float bfloat16_to_float(unsigned short bits)
{
    return __uint_as_float(static_cast<unsigned>(bits) << 16);
}

} // namespace corexsim

/* A format's type: trivial, so that it may be in shared memory. */
#define COREXSIM_SMALL_FLOAT(type, raw, to_bits, to_float) \
    struct raw { \
        unsigned short x; \
    }; \
    struct __attribute__((aligned(2))) type { \
        unsigned short __x; \
        type() = default; \
        type(const raw &bits) : __x(bits.x) {} \
        type(float value) : __x(corexsim::to_bits(value)) {} \
        template <class T, class = std::enable_if_t<std::is_arithmetic<T>::value>> \
        type(T value) : type(corexsim::narrow(value)) \
        { \
        } \
        operator float() const { return corexsim::to_float(__x); } \
        operator raw() const { return {__x}; } \
        type &operator+=(type other) { return *this = type(float(*this) + float(other)); } \
        type &operator-=(type other) { return *this = type(float(*this) - float(other)); } \
        type &operator*=(type other) { return *this = type(float(*this) * float(other)); } \
        type &operator/=(type other) { return *this = type(float(*this) / float(other)); } \
        type &operator++() { return *this += type(1.0f); } \
        type &operator--() { return *this -= type(1.0f); } \
    }; \
    inline type operator+(type a, type b) { return a += b; } \
    inline type operator-(type a, type b) { return a -= b; } \
    inline type operator*(type a, type b) { return a *= b; } \
    inline type operator/(type a, type b) { return a /= b; } \
    inline type operator-(type a) { return raw{static_cast<unsigned short>(a.__x ^ 0x8000)}; } \
    inline type operator+(type a) { return a; } \
    inline bool operator==(type a, type b) { return float(a) == float(b); } \
    inline bool operator!=(type a, type b) { return float(a) != float(b); } \
    inline bool operator<(type a, type b) { return float(a) < float(b); } \
    inline bool operator<=(type a, type b) { return float(a) <= float(b); } \
    inline bool operator>(type a, type b) { return float(a) > float(b); } \
    inline bool operator>=(type a, type b) { return float(a) >= float(b); }

namespace corexsim
{

/* To float for one more rounding, to odd: the second rounding is then as if it were the only. */
template <class T> inline float narrow(T value)
{
    if constexpr (std::is_same<T, float>::value) {
        return value;
    } else {
        auto near = static_cast<float>(value);
        double exact = static_cast<double>(value), error = exact - static_cast<double>(near);
        unsigned bits = __float_as_uint(near);
        if (error == 0 || error != error || (bits & 1))
            return near;
        return nextafterf(near, error > 0 ? INFINITY : -INFINITY);
    }
}

} // namespace corexsim

/* The functions of both formats: CUDA overloads the names that do not say the format. */
#define COREXSIM_SMALL_FUNCTIONS(type) \
    inline type __hadd(type a, type b) { return a + b; } \
    inline type __hsub(type a, type b) { return a - b; } \
    inline type __hmul(type a, type b) { return a * b; } \
    inline type __hdiv(type a, type b) { return a / b; } \
    inline type __hfma(type a, type b, type c) \
    { \
        return type(double(float(a)) * double(float(b)) + double(float(c))); \
    } \
    inline type __hneg(type a) { return -a; } \
    inline type __habs(type a) { return type(fabsf(float(a))); } \
    inline type __hmax(type a, type b) { return type(fmaxf(float(a), float(b))); } \
    inline type __hmin(type a, type b) { return type(fminf(float(a), float(b))); } \
    inline bool __heq(type a, type b) { return a == b; } \
    inline bool __hne(type a, type b) { return a != b; } \
    inline bool __hlt(type a, type b) { return a < b; } \
    inline bool __hle(type a, type b) { return a <= b; } \
    inline bool __hgt(type a, type b) { return a > b; } \
    inline bool __hge(type a, type b) { return a >= b; } \
    inline bool __hisnan(type a) { return a != a; } \
    inline int __hisinf(type a) \
    { \
        float value = float(a); \
        return value == INFINITY ? 1 : value == -INFINITY ? -1 : 0; \
    } \
    inline type hsqrt(type a) { return type(sqrtf(float(a))); } \
    inline type hrsqrt(type a) { return type(rsqrtf(float(a))); } \
    inline type hrcp(type a) { return type(1.0f / float(a)); } \
    inline type hexp(type a) { return type(expf(float(a))); } \
    inline type hexp2(type a) { return type(exp2f(float(a))); } \
    inline type hlog(type a) { return type(logf(float(a))); } \
    inline type hlog2(type a) { return type(log2f(float(a))); } \
    inline type hsin(type a) { return type(sinf(float(a))); } \
    inline type hcos(type a) { return type(cosf(float(a))); } \
    inline type htanh(type a) { return type(tanhf(float(a))); } \
    inline type hfloor(type a) { return type(floorf(float(a))); } \
    inline type hceil(type a) { return type(ceilf(float(a))); } \
    inline type hrint(type a) { return type(rintf(float(a))); } \
    inline type htrunc(type a) { return type(truncf(float(a))); } \
    inline type atomicAdd(type *address, type value) \
    { \
        return corexsim::update(address, [&](type old) -> type { return old + value; }); \
    }

/* Pairs. */
#define COREXSIM_SMALL_PAIR(type, pair) \
    struct __attribute__((aligned(4))) pair { \
        type x, y; \
        pair() = default; \
        pair(type a, type b) : x(a), y(b) {} \
    }; \
    inline pair operator+(pair a, pair b) { return {a.x + b.x, a.y + b.y}; } \
    inline pair operator-(pair a, pair b) { return {a.x - b.x, a.y - b.y}; } \
    inline pair operator*(pair a, pair b) { return {a.x * b.x, a.y * b.y}; } \
    inline pair operator/(pair a, pair b) { return {a.x / b.x, a.y / b.y}; } \
    inline pair operator-(pair a) { return {-a.x, -a.y}; } \
    inline pair __hadd2(pair a, pair b) { return a + b; } \
    inline pair __hsub2(pair a, pair b) { return a - b; } \
    inline pair __hmul2(pair a, pair b) { return a * b; } \
    inline pair __h2div(pair a, pair b) { return a / b; } \
    inline pair __hneg2(pair a) { return -a; } \
    inline pair __hfma2(pair a, pair b, pair c) \
    { \
        return {__hfma(a.x, b.x, c.x), __hfma(a.y, b.y, c.y)}; \
    } \
    inline pair __hmax2(pair a, pair b) { return {__hmax(a.x, b.x), __hmax(a.y, b.y)}; } \
    inline pair __hmin2(pair a, pair b) { return {__hmin(a.x, b.x), __hmin(a.y, b.y)}; } \
    inline pair atomicAdd(pair *address, pair value) \
    { \
        return corexsim::update(address, [&](pair old) -> pair { return old + value; }); \
    }

} // extern "C++"

#endif
