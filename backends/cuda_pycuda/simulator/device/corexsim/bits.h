/* Integers: bits, wide products, reinterpretations, and the overloads of min, max and abs. */
#ifndef COREXSIM_BITS_H
#define COREXSIM_BITS_H

inline int __popc(unsigned x) { return __builtin_popcount(x); }
inline int __popcll(unsigned long long x) { return __builtin_popcountll(x); }
inline int __clz(int x) { return x ? __builtin_clz(static_cast<unsigned>(x)) : 32; }
inline int __clzll(long long x)
{
    return x ? __builtin_clzll(static_cast<unsigned long long>(x)) : 64;
}
inline int __ffs(int x) { return __builtin_ffs(x); }
inline int __ffsll(long long x) { return __builtin_ffsll(x); }

inline unsigned __brev(unsigned x)
{
    unsigned out = 0;
    for (int i = 0; i < 32; i++)
        out |= (x >> i & 1u) << (31 - i);
    return out;
}

inline unsigned long long __brevll(unsigned long long x)
{
    return static_cast<unsigned long long>(__brev(static_cast<unsigned>(x))) << 32 |
           __brev(static_cast<unsigned>(x >> 32));
}

inline unsigned __byte_perm(unsigned a, unsigned b, unsigned selector)
{
    unsigned long long bytes = static_cast<unsigned long long>(b) << 32 | a;
    unsigned out = 0;
    for (int i = 0; i < 4; i++) {
        unsigned nibble = selector >> (4 * i) & 15;
        unsigned byte = static_cast<unsigned>(bytes >> (8 * (nibble & 7))) & 255;
        if (nibble & 8)
            byte = byte & 128 ? 255 : 0;
        out |= byte << (8 * i);
    }
    return out;
}

inline unsigned __funnelshift_l(unsigned low, unsigned high, unsigned shift)
{
    unsigned long long both = static_cast<unsigned long long>(high) << 32 | low;
    return static_cast<unsigned>(both << (shift & 31) >> 32);
}

inline unsigned __funnelshift_r(unsigned low, unsigned high, unsigned shift)
{
    unsigned long long both = static_cast<unsigned long long>(high) << 32 | low;
    return static_cast<unsigned>(both >> (shift & 31));
}

inline int __mulhi(int a, int b) { return static_cast<int>(static_cast<long long>(a) * b >> 32); }
inline unsigned __umulhi(unsigned a, unsigned b)
{
    return static_cast<unsigned>(static_cast<unsigned long long>(a) * b >> 32);
}
inline long long __mul64hi(long long a, long long b)
{
    return static_cast<long long>(static_cast<__int128>(a) * b >> 64);
}
inline unsigned long long __umul64hi(unsigned long long a, unsigned long long b)
{
    return static_cast<unsigned long long>(static_cast<unsigned __int128>(a) * b >> 64);
}
inline int __mul24(int a, int b)
{
    return static_cast<int>(static_cast<unsigned>(a * 256 / 256) *
                            static_cast<unsigned>(b * 256 / 256));
}
inline unsigned __umul24(unsigned a, unsigned b) { return (a & 0xFFFFFF) * (b & 0xFFFFFF); }
inline unsigned __sad(int a, int b, unsigned c)
{
    return c + (a > b ? static_cast<unsigned>(a) - static_cast<unsigned>(b)
                      : static_cast<unsigned>(b) - static_cast<unsigned>(a));
}
inline unsigned __usad(unsigned a, unsigned b, unsigned c) { return c + (a > b ? a - b : b - a); }
inline int __hadd(int a, int b) { return static_cast<int>((static_cast<long long>(a) + b) >> 1); }
inline int __rhadd(int a, int b)
{
    return static_cast<int>((static_cast<long long>(a) + b + 1) >> 1);
}
inline unsigned __uhadd(unsigned a, unsigned b)
{
    return static_cast<unsigned>((static_cast<unsigned long long>(a) + b) >> 1);
}

inline int __dp4a(int a, int b, int c)
{
    for (int i = 0; i < 4; i++)
        c += static_cast<signed char>(a >> (8 * i)) * static_cast<signed char>(b >> (8 * i));
    return c;
}
inline unsigned __dp4a(unsigned a, unsigned b, unsigned c)
{
    for (int i = 0; i < 4; i++)
        c += (a >> (8 * i) & 255) * (b >> (8 * i) & 255);
    return c;
}

namespace corexsim
{

template <class To, class From> inline To reinterpret(From value)
{
    static_assert(sizeof(To) == sizeof(From), "of one size");
    To out;
    std::memcpy(&out, &value, sizeof(To));
    return out;
}

} // namespace corexsim

inline int __float_as_int(float x) { return corexsim::reinterpret<int>(x); }
inline unsigned __float_as_uint(float x) { return corexsim::reinterpret<unsigned>(x); }
inline float __int_as_float(int x) { return corexsim::reinterpret<float>(x); }
inline float __uint_as_float(unsigned x) { return corexsim::reinterpret<float>(x); }
inline long long __double_as_longlong(double x) { return corexsim::reinterpret<long long>(x); }
inline double __longlong_as_double(long long x) { return corexsim::reinterpret<double>(x); }
inline int __double2hiint(double x) { return static_cast<int>(__double_as_longlong(x) >> 32); }
inline int __double2loint(double x) { return static_cast<int>(__double_as_longlong(x)); }
inline double __hiloint2double(int high, int low)
{
    return __longlong_as_double(
        static_cast<long long>(static_cast<unsigned long long>(static_cast<unsigned>(high)) << 32 |
                               static_cast<unsigned>(low)));
}

/* As CUDA has them: for mixed signs, unsigned wins; floats ignore a NaN. */
#define COREXSIM_MIN_MAX(a_type, b_type, type) \
    inline type min(a_type a, b_type b) \
    { \
        return static_cast<type>(a) < static_cast<type>(b) ? static_cast<type>(a) \
                                                           : static_cast<type>(b); \
    } \
    inline type max(a_type a, b_type b) \
    { \
        return static_cast<type>(a) > static_cast<type>(b) ? static_cast<type>(a) \
                                                           : static_cast<type>(b); \
    }

COREXSIM_MIN_MAX(int, int, int)
COREXSIM_MIN_MAX(unsigned, unsigned, unsigned)
COREXSIM_MIN_MAX(int, unsigned, unsigned)
COREXSIM_MIN_MAX(unsigned, int, unsigned)
COREXSIM_MIN_MAX(long, long, long)
COREXSIM_MIN_MAX(unsigned long, unsigned long, unsigned long)
COREXSIM_MIN_MAX(long, unsigned long, unsigned long)
COREXSIM_MIN_MAX(unsigned long, long, unsigned long)
COREXSIM_MIN_MAX(long long, long long, long long)
COREXSIM_MIN_MAX(unsigned long long, unsigned long long, unsigned long long)
COREXSIM_MIN_MAX(long long, unsigned long long, unsigned long long)
COREXSIM_MIN_MAX(unsigned long long, long long, unsigned long long)

inline float min(float a, float b) { return fminf(a, b); }
inline float max(float a, float b) { return fmaxf(a, b); }
inline double min(double a, double b) { return fmin(a, b); }
inline double max(double a, double b) { return fmax(a, b); }
inline double min(float a, double b) { return fmin(static_cast<double>(a), b); }
inline double min(double a, float b) { return fmin(a, static_cast<double>(b)); }
inline double max(float a, double b) { return fmax(static_cast<double>(a), b); }
inline double max(double a, float b) { return fmax(a, static_cast<double>(b)); }

inline unsigned umin(unsigned a, unsigned b) { return min(a, b); }
inline unsigned umax(unsigned a, unsigned b) { return max(a, b); }
inline long long llmin(long long a, long long b) { return min(a, b); }
inline long long llmax(long long a, long long b) { return max(a, b); }
inline unsigned long long ullmin(unsigned long long a, unsigned long long b) { return min(a, b); }
inline unsigned long long ullmax(unsigned long long a, unsigned long long b) { return max(a, b); }

#endif
