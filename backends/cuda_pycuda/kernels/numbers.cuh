// The functions of numbers that several kernels share.
#ifndef COREX_NUMBERS_CUH
#define COREX_NUMBERS_CUH

template <typename T> __device__ inline bool is_negative(T x)
{
    if constexpr (is_signed<T>)
        return x < T(0);
    else
        return false;
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
