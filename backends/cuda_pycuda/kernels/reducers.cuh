// The reductions: what is kept while elements are taken, how two of that are combined, the result.
//
// Every `combine` is commutative, and gives the same whatever was combined before, up to rounding:
// so threads may take elements in any order.
#ifndef COREX_REDUCERS_CUH
#define COREX_REDUCERS_CUH

#include "group.cuh"
#include "numbers.cuh"

// ---- sums and products ----
template <typename T> struct Sum {
    using State = Wrapping<Accumulate<T>>;
    using Result = T;
    __device__ static State identity() { return State(0); }
    __device__ static State take(State s, T x, long long) { return s + State(x); }
    __device__ static State combine(State a, State b) { return a + b; }
    __device__ static Result finish(State s, long long) { return T(s); }
};

template <typename T> struct Mean : Sum<T> {
    using State = typename Sum<T>::State;
    __device__ static T finish(State s, long long count) { return T(s / State(count)); }
};

template <typename T> struct Prod : Sum<T> {
    using State = typename Sum<T>::State;
    __device__ static State identity() { return State(1); }
    __device__ static State take(State s, T x, long long) { return s * State(x); }
    __device__ static State combine(State a, State b) { return a * b; }
};

// ---- extremes: NaN beats every number, and the first of equals wins ----
struct Larger {
    template <typename T> __device__ static bool beats(T a, T b) { return a > b; }
};

struct Smaller {
    template <typename T> __device__ static bool beats(T a, T b) { return a < b; }
};

template <typename T> struct Limits {
    static constexpr int BITS = sizeof(T) * 8;
    __device__ static T lowest()
    {
        if constexpr (is_floating<T>)
            return -infinity<T>();
        else
            return is_signed<T> ? T(Wrapping<T>(1) << (BITS - 1)) : T(0);
    }
    __device__ static T highest()
    {
        if constexpr (is_floating<T>)
            return infinity<T>();
        else
            return T(~Wrapping<T>(lowest()));
    }
};
template <> struct Limits<bool> {
    __device__ static bool lowest() { return false; }
    __device__ static bool highest() { return true; }
};

template <typename T, typename Order> struct Extreme {
    using State = T;
    using Result = T;
    __device__ static T identity()
    {
        return Order::beats(1, 0) ? Limits<T>::lowest() : Limits<T>::highest();
    }
    __device__ static T take(T s, T x, long long) { return combine(s, x); }
    __device__ static T combine(T a, T b) { return Order::beats(a, b) || a != a ? a : b; }
    __device__ static T finish(T s, long long) { return s; }
};

template <typename T> struct Candidate {
    T value;
    long long at;
};

template <typename T> __device__ inline Candidate<T> exchange(Candidate<T> c, int distance)
{
    return {exchange(c.value, distance), exchange(c.at, distance)};
}

template <typename T, typename Order> struct Position {
    using State = Candidate<T>;
    using Result = long long;
    // Behind every element, so that even one that equals its value comes first.
    __device__ static State identity()
    {
        return {Extreme<T, Order>::identity(), Limits<long long>::highest()};
    }
    __device__ static State take(State s, T x, long long at) { return combine(s, {x, at}); }
    __device__ static State combine(State a, State b)
    {
        const bool a_nan = a.value != a.value, b_nan = b.value != b.value;
        if (a.value == b.value || (a_nan && b_nan))
            return a.at < b.at ? a : b;
        return a_nan || Order::beats(a.value, b.value) ? a : b;
    }
    __device__ static Result finish(State s, long long) { return s.at; }
};

template <typename T> using Amax = Extreme<T, Larger>;
template <typename T> using Amin = Extreme<T, Smaller>;
template <typename T> using Argmax = Position<T, Larger>;
template <typename T> using Argmin = Position<T, Smaller>;

// ---- truth: any is the largest, all the smallest of bools ----
template <typename T> using Any = Amax<T>;
template <typename T> using All = Amin<T>;

#endif
