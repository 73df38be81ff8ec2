// The dtypes, one row each, and what templates ask of an element type; their names in Python are in
// `elements.py`.
//
// ROW(T, SUM, WRAPPING, IS_FLOATING, DIGITS): SUM is the type in which sums of T are formed,
// WRAPPING that in which its arithmetic wraps around, where C++ leaves signed overflow undefined;
// DIGITS are those of a float's precision, or of the largest integer, in binary.
#ifndef COREX_TYPES_CUH
#define COREX_TYPES_CUH

// Types that are no dtype, such as those that sums are formed in, wrap around in themselves.
template <typename T> struct Row {
    using Sum = long long;
    using Wrapping = T;
    static constexpr bool FLOATING = false;
    static constexpr int DIGITS = 0;
};

#define ROW(T, SUM, WRAPPING, IS_FLOATING, BINARY) \
    template <> struct Row<T> { \
        using Sum = SUM; \
        using Wrapping = WRAPPING; \
        static constexpr bool FLOATING = IS_FLOATING; \
        static constexpr int DIGITS = BINARY; \
    };

// Floats of 16 bits, by their bits: they are moved and converted, and nothing computes with them.
struct Half {
    unsigned short bits;
};
struct BrainFloat {
    unsigned short bits;
};

ROW(bool, long long, unsigned, false, 1)
ROW(unsigned char, long long, unsigned, false, 8)
ROW(unsigned short, long long, unsigned, false, 16)
ROW(unsigned, long long, unsigned, false, 32)
ROW(unsigned long long, unsigned long long, unsigned long long, false, 64)
ROW(signed char, long long, unsigned, false, 7)
ROW(short, long long, unsigned, false, 15)
ROW(int, long long, unsigned, false, 31)
ROW(long long, long long, unsigned long long, false, 63)
ROW(Half, float, float, true, 11)
ROW(BrainFloat, float, float, true, 8)
ROW(float, float, float, true, 24)
ROW(double, double, double, true, 53)
#undef ROW

template <typename T> using Accumulate = typename Row<T>::Sum;
template <typename T> using Wrapping = typename Row<T>::Wrapping;
template <typename T> constexpr bool is_floating = Row<T>::FLOATING;
template <typename T> constexpr int digits_of = Row<T>::DIGITS;
template <typename T> constexpr bool is_integer = !is_floating<T> && digits_of<T> > 1;

template <typename A, typename B> constexpr bool is_same = false;
template <typename A> constexpr bool is_same<A, A> = true;

template <typename T> constexpr bool is_half = is_floating<T> && sizeof(T) == 2;

template <typename T> constexpr bool is_signed = T(-1) < T(0);
template <> constexpr bool is_signed<bool> = false;

template <typename T> __device__ inline T infinity() { return T(__int_as_float(0x7f800000)); }

#endif
