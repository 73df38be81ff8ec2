// What an op of two or three elements does to them: a row per op, for every dtype that takes it.
#ifndef COREX_BINARY_CUH
#define COREX_BINARY_CUH

#include "numbers.cuh"

// The elements are `x` and `y`, of type T; U is what T's arithmetic wraps around in.
#define BINARY(NAME, EXPRESSION) \
    template <typename T> struct NAME { \
        using U = Wrapping<T>; \
        __device__ T operator()(T x, T y) const { return T(EXPRESSION); } \
    };

#define BINARY_OF(NAME, INTEGER, FLOAT) \
    template <typename T> struct NAME { \
        using U = Wrapping<T>; \
        __device__ T operator()(T x, T y) const \
        { \
            if constexpr (is_floating<T>) \
                return FLOAT; \
            else \
                return T(INTEGER); \
        } \
    };

#define COMPARISON(NAME, EXPRESSION) \
    template <typename T> struct NAME { \
        __device__ bool operator()(T x, T y) const { return EXPRESSION; } \
    };

// ---- arithmetic; of bools, `T(...)` makes it or, and ----
BINARY(Add, U(x) + U(y))
BINARY(Sub, U(x) - U(y))
BINARY(Mul, U(x) * U(y))
BINARY(Div, x / y)

// ---- division of integers: the kernel keeps zero divisors away ----
// The most negative number divided by -1 overflows, so -1 goes its own way.
template <typename T> __device__ inline T whole_floor_divide(T x, T y)
{
    using U = Wrapping<T>;
    if (is_signed<T> && y == T(-1))
        return T(-U(x));
    return T(x / y - (x % y != 0 && is_negative(x) != is_negative(y)));
}

template <typename T> __device__ inline T whole_fmod(T x, T y)
{
    return is_signed<T> && y == T(-1) ? T(0) : T(x % y);
}

template <typename T> __device__ inline T whole_remainder(T x, T y)
{
    const T rest = whole_fmod(x, y);
    return rest != 0 && is_negative(rest) != is_negative(y) ? T(rest + y) : rest;
}

// ---- division of floats: `fmod` is exact, and nothing here can be contracted ----
template <typename T> __device__ inline T float_floor_divide(T x, T y)
{
    if (y == T(0))
        return x / y;
    const T rest = fmod(x, y);
    T quotient = (x - rest) / y;
    if (rest != T(0) && is_negative(rest) != is_negative(y))
        quotient -= T(1);
    if (quotient == T(0))
        return copysign(T(0), x / y);
    const T whole = floor(quotient);
    return quotient - whole > T(0.5) ? whole + T(1) : whole;
}

template <typename T> __device__ inline T float_remainder(T x, T y)
{
    const T rest = fmod(x, y);
    if (rest == T(0))
        return copysign(T(0), y);
    return is_negative(rest) != is_negative(y) ? rest + y : rest;
}

// Square and multiply, wrapping; a negative exponent leaves 0, except of 1 and -1.
template <typename T> __device__ inline T whole_power(T base, T exponent)
{
    using U = Wrapping<T>;
    if (is_negative(exponent))
        return base == T(1) ? T(1) : base == T(-1) ? T(exponent & 1 ? -1 : 1) : T(0);
    U result = 1, square = U(base);
    for (U left = U(exponent); left != 0; left >>= 1, square *= square)
        if (left & 1)
            result *= square;
    return T(result);
}

BINARY_OF(FloorDivide, whole_floor_divide(x, y), float_floor_divide(x, y))
BINARY_OF(Remainder, whole_remainder(x, y), float_remainder(x, y))
BINARY_OF(Fmod, whole_fmod(x, y), fmod(x, y))
BINARY_OF(Pow, whole_power(x, y), pow(x, y))

// ---- extremes: a comparison with NaN is false, which decides who propagates it ----
BINARY(Maximum, x > y || x != x ? x : y)
BINARY(Minimum, x < y || x != x ? x : y)
BINARY(Fmax, x >= y || y != y ? x : y)
BINARY(Fmin, x <= y || y != y ? x : y)

BINARY(Atan2, atan2(x, y))
BINARY(Hypot, hypot(x, y))
BINARY(Copysign, copysign(x, y))

// ---- bits; a count outside the width shifts everything out ----
template <typename T> __device__ inline bool shifts_all(T count)
{
    return is_negative(count) || count >= T(sizeof(T) * 8);
}

BINARY(BitwiseAnd, U(x) & U(y))
BINARY(BitwiseOr, U(x) | U(y))
BINARY(BitwiseXor, U(x) ^ U(y))
BINARY(BitwiseLeftShift, shifts_all(y) ? U(0) : U(x) << int(y))
BINARY(BitwiseRightShift, shifts_all(y) ? T(is_negative(x) ? -1 : 0) : T(x >> int(y)))

// ---- comparisons ----
COMPARISON(Eq, x == y)
COMPARISON(Ne, x != y)
COMPARISON(Lt, x < y)
COMPARISON(Le, x <= y)
COMPARISON(Gt, x > y)
COMPARISON(Ge, x >= y)
COMPARISON(LogicalAnd, x != T(0) && y != T(0))
COMPARISON(LogicalOr, x != T(0) || y != T(0))
COMPARISON(LogicalXor, (x != T(0)) != (y != T(0)))

// ---- gradients: x is the incoming one, y the forward op's output or, from gelu on, its input ----
BINARY(SigmoidBackward, x * y * (T(1) - y))
BINARY(TanhBackward, x *(T(1) - y * y))
BINARY(ReluBackward, !(y <= T(0)) ? x : T(0))

// The derivative of x Phi(x) is Phi(x) + x phi(x).
template <typename T> __device__ inline T gelu_slope(T x)
{
    return normal_distribution(x) + x * T(0.3989422804014327) * exp(T(-0.5) * x * x);
}

// s + x s (1 - s) (2 u)', where s = sigmoid(2 u)
template <typename T> __device__ inline T gelu_tanh_slope(T x)
{
    const T s = sigmoid_of(gelu_bend(x));
    return s + x * s * (T(1) - s) * T(1.5957691216057308) * (T(1) + T(0.134145) * x * x);
}

template <typename T> __device__ inline T silu_slope(T x)
{
    const T s = sigmoid_of(x);
    return s * (T(1) + x * (T(1) - s));
}

BINARY(GeluBackward, x *gelu_slope(y))
BINARY(GeluTanhBackward, x *gelu_tanh_slope(y))
BINARY(SiluBackward, x *silu_slope(y))

// ---- three elements ----
template <typename T> struct Where {
    __device__ T operator()(bool condition, T x, T y) const { return condition ? x : y; }
};

// g 2 (a - b) / n, for the kernel's parameter 2 / n
template <typename T> struct MseLossBackward {
    double scale;
    __device__ T operator()(T g, T a, T b) const { return g * T(scale) * (a - b); }
};

#endif
