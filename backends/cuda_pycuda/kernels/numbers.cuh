// How integers wrap around, and the functions of floats that several kernels share.
#ifndef COREX_NUMBERS_CUH
#define COREX_NUMBERS_CUH

// The type in which a dtype's arithmetic wraps around, where C++ leaves signed overflow undefined.
template <typename T> struct WrappingOf {
    using Type = T;
};
template <> struct WrappingOf<bool> {
    using Type = unsigned;
};
template <> struct WrappingOf<unsigned char> {
    using Type = unsigned;
};
template <> struct WrappingOf<int> {
    using Type = unsigned;
};
template <> struct WrappingOf<long long> {
    using Type = unsigned long long;
};
template <typename T> using Wrapping = typename WrappingOf<T>::Type;

template <typename T> constexpr bool is_signed = T(-1) < T(0);
template <> constexpr bool is_signed<bool> = false;

template <typename T> __device__ inline bool is_negative(T x)
{
    if constexpr (is_signed<T>)
        return x < T(0);
    else
        return false;
}

template <typename T> __device__ inline T infinity();
template <> __device__ inline float infinity<float>() { return __int_as_float(0x7f800000); }
template <> __device__ inline double infinity<double>()
{
    return __longlong_as_double(0x7ff0000000000000LL);
}

// 1 / (1 + exp(-x)), by an exponential that cannot overflow and leaves subnormal results alone.
template <typename T> __device__ inline T sigmoid_of(T x)
{
    const T small = exp(-fabs(x));
    return (is_negative(x) ? small : T(1)) / (T(1) + small);
}

// Phi(x); erfc does not cancel on the left.
template <typename T> __device__ inline T normal_distribution(T x)
{
    return T(0.5) * erfc(x * T(-0.7071067811865476));
}

// The tanh form of gelu is x sigmoid(2 u), u = sqrt(2 / pi) (x + 0.044715 x^3): this is 2 u.
template <typename T> __device__ inline T gelu_bend(T x)
{
    return T(1.5957691216057308) * (x + T(0.044715) * x * x * x);
}

#endif
