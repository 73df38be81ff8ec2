// What a unary op does to one element: a row per op, for every dtype that takes it.
#ifndef COREX_UNARY_CUH
#define COREX_UNARY_CUH

#include "numbers.cuh"

// The element is `x`, of type T; U is what T's arithmetic wraps around in.
#define UNARY(NAME, EXPRESSION) \
    template <typename T> struct NAME { \
        using U = Wrapping<T>; \
        __device__ T operator()(T x) const { return T(EXPRESSION); } \
    };

#define UNARY_OF(NAME, INTEGER, FLOAT) \
    template <typename T> struct NAME { \
        using U = Wrapping<T>; \
        __device__ T operator()(T x) const \
        { \
            if constexpr (is_floating<T>) \
                return FLOAT; \
            else \
                return T(INTEGER); \
        } \
    };

#define PREDICATE(NAME, EXPRESSION) \
    template <typename T> struct NAME { \
        __device__ bool operator()(T x) const { return EXPRESSION; } \
    };

// ---- numbers ----
//       integers, floats
UNARY_OF(Neg, -U(x), -x)
UNARY_OF(Abs, is_negative(x) ? -U(x) : U(x), fabs(x))
UNARY_OF(Sign, (x > 0) - is_negative(x), T((x > 0) - (x < 0)))
UNARY_OF(Square, U(x) * U(x), x *x)
UNARY_OF(Relu, x > 0 ? x : 0, !(x <= 0) ? x : T(0)) // NaN stays NaN

// ---- floats ----
UNARY(Floor, floor(x))
UNARY(Ceil, ceil(x))
UNARY(Round, rint(x)) // half to even
UNARY(Trunc, trunc(x))
UNARY(Sqrt, sqrt(x))
UNARY(Rsqrt, rsqrt(x))
UNARY(Reciprocal, T(1) / x)
UNARY(Exp, exp(x))
UNARY(Exp2, exp2(x))
UNARY(Expm1, expm1(x))
UNARY(Log, log(x))
UNARY(Log2, log2(x))
UNARY(Log10, log10(x))
UNARY(Log1p, log1p(x))
UNARY(Sin, sin(x))
UNARY(Cos, cos(x))
UNARY(Tan, tan(x))
UNARY(Asin, asin(x))
UNARY(Acos, acos(x))
UNARY(Atan, atan(x))
UNARY(Sinh, sinh(x))
UNARY(Cosh, cosh(x))
UNARY(Tanh, tanh(x))
UNARY(Asinh, asinh(x))
UNARY(Acosh, acosh(x))
UNARY(Atanh, atanh(x))
UNARY(Sigmoid, sigmoid_of(x))
UNARY(Erf, erf(x))
UNARY(Erfc, erfc(x))
UNARY(Gelu, x *normal_distribution(x))
UNARY(GeluTanh, x *sigmoid_of(gelu_bend(x)))
UNARY(Silu, x *sigmoid_of(x))

// ---- bits and predicates ----
template <typename T> struct BitwiseNot {
    __device__ T operator()(T x) const { return T(~Wrapping<T>(x)); }
};

template <> struct BitwiseNot<bool> {
    __device__ bool operator()(bool x) const { return !x; }
};

PREDICATE(LogicalNot, x == T(0))
PREDICATE(Isnan, x != x)
PREDICATE(Isinf, fabs(x) == infinity<T>())
PREDICATE(Isfinite, fabs(x) < infinity<T>())
PREDICATE(Signbit, signbit(x))

#endif
