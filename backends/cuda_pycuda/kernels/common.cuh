// What every kernel builds on: the index type, views, vectors of elements, conversions, faults.
#ifndef COREX_COMMON_CUH
#define COREX_COMMON_CUH

#include "types.cuh"

#ifndef INDEX
#define INDEX long long
#endif
using Index = INDEX;

// ---- the place of a thread, for loops over the whole grid ----
__device__ inline Index grid_thread()
{
    return Index(blockIdx.x) * Index(blockDim.x) + threadIdx.x;
}
__device__ inline Index grid_threads() { return Index(gridDim.x) * Index(blockDim.x); }

// ---- division by numbers that the host knows ----
// n / size for n below 2^31, by the factor and the shift that `packing.magic` finds for the size: a
// GPU has no instruction that divides, and its compiler makes about 20 of a division of ints.
__device__ inline unsigned quotient(unsigned n, long long magic, long long shift)
{
    return (__umulhi(n, unsigned(magic)) + n) >> unsigned(shift);
}

struct Divisor {
    long long size, magic, shift;
};

__device__ inline Index divide(const Divisor &by, Index number)
{
    if constexpr (sizeof(Index) == 4)
        return Index(quotient(unsigned(number), by.magic, by.shift));
    else
        return Index(number / by.size);
}

// Divides, and leaves the remainder in `number`.
__device__ inline Index divide_off(const Divisor &by, Index &number)
{
    const Index whole = divide(by, number);
    number -= whole * Index(by.size);
    return whole;
}

// ---- strided views ----
// ARGS views of one shape. Dimensions are collapsed and go from the innermost to the outermost;
// strides count elements. Eight bytes each, as `ops/packing.py` packs them.
template <int RANK, int ARGS> struct Layout {
    long long sizes[RANK];
    long long magic[RANK]; // with `shift`: as in `quotient`
    long long shift[RANK];
    long long strides[ARGS][RANK];
};

// A Layout of any rank up to MAX_RANK.
constexpr int MAX_RANK = 32;
template <int ARGS> struct AnyLayout {
    long long rank;
    Layout<MAX_RANK, ARGS> dims;
};

template <int RANK, int ARGS>
__device__ inline Index divide(const Layout<RANK, ARGS> &layout, int dimension, Index number)
{
    if constexpr (sizeof(Index) == 4)
        return Index(quotient(unsigned(number), layout.magic[dimension], layout.shift[dimension]));
    else
        return Index(number / layout.sizes[dimension]);
}

// Takes the digit of one dimension off `number` and adds what it moves each view.
template <int RANK, int ARGS>
__device__ inline void step(const Layout<RANK, ARGS> &layout, int dimension, Index &number,
                            Index (&offsets)[ARGS])
{
    const Index rest = divide(layout, dimension, number);
    const Index digit = number - rest * Index(layout.sizes[dimension]);
    number = rest;
#pragma unroll
    for (int k = 0; k < ARGS; k++)
        offsets[k] += digit * Index(layout.strides[k][dimension]);
}

template <int RANK, int ARGS>
__device__ inline void finish(const Layout<RANK, ARGS> &layout, int dimension, Index number,
                              Index (&offsets)[ARGS])
{
#pragma unroll
    for (int k = 0; k < ARGS; k++)
        offsets[k] += number * Index(layout.strides[k][dimension]);
}

// Where element `number`, in row-major order, lies in each view.
template <int RANK, int ARGS>
__device__ inline void locate(const Layout<RANK, ARGS> &layout, Index number,
                              Index (&offsets)[ARGS])
{
#pragma unroll
    for (int k = 0; k < ARGS; k++)
        offsets[k] = 0;
#pragma unroll
    for (int dimension = 0; dimension < RANK - 1; dimension++)
        step(layout, dimension, number, offsets);
    finish(layout, RANK - 1, number, offsets);
}

template <int ARGS>
__device__ inline void locate(const AnyLayout<ARGS> &layout, Index number, Index (&offsets)[ARGS])
{
#pragma unroll
    for (int k = 0; k < ARGS; k++)
        offsets[k] = 0;
    const int last = int(layout.rank) - 1;
    for (int dimension = 0; dimension < last; dimension++)
        step(layout.dims, dimension, number, offsets);
    finish(layout.dims, last, number, offsets);
}

// ---- several elements at once ----
// One access where the address is a multiple of the size.
template <typename T, int LANES> struct alignas(sizeof(T) * LANES) Vector {
    T lanes[LANES];
};

constexpr int VECTOR_BYTES = 16;
template <typename T> constexpr int LANES_OF = VECTOR_BYTES / int(sizeof(T));

// How many bytes an address is behind a multiple of `bytes`, a power of two.
__device__ inline unsigned misplaced(const void *pointer, int bytes)
{
    return unsigned(reinterpret_cast<unsigned long long>(pointer)) & unsigned(bytes - 1);
}

__device__ inline bool is_aligned(const void *pointer, int bytes)
{
    return misplaced(pointer, bytes) == 0;
}

template <int LANES, typename T>
__device__ inline Vector<T, LANES> load_vector(const T *base, Index number)
{
    return reinterpret_cast<const Vector<T, LANES> *>(base)[number];
}

template <int LANES, typename T>
__device__ inline void store_vector(T *base, Index number, const Vector<T, LANES> &value)
{
    reinterpret_cast<Vector<T, LANES> *>(base)[number] = value;
}

template <int LANES, typename T> __device__ inline Vector<T, LANES> spread(T value)
{
    Vector<T, LANES> vector;
#pragma unroll
    for (int lane = 0; lane < LANES; lane++)
        vector.lanes[lane] = value;
    return vector;
}

// LANES neighbours, whose place is a multiple of their size; or one element in all lanes.
template <int LANES, typename T> __device__ inline Vector<T, LANES> fetch(const T *from, bool same)
{
    if (LANES == 1 || !same)
        return *reinterpret_cast<const Vector<T, LANES> *>(from);
    return spread<LANES>(*from);
}

// The stride of a view along the innermost dimension.
template <int RANK, int ARGS>
__device__ inline Index innermost(const Layout<RANK, ARGS> &layout, int view)
{
    return Index(layout.strides[view][0]);
}

template <int ARGS> __device__ inline Index innermost(const AnyLayout<ARGS> &layout, int view)
{
    return innermost(layout.dims, view);
}

// ---- conversions ----
// From a float to an integer: towards zero; what does not fit (NaN neither) is the most negative
// number. The bound is a power of two, so that every type holds it.
template <typename To, typename From> __device__ inline To truncated(From value)
{
    constexpr From BOUND = sizeof(To) == 4 ? From(2147483648.0) : From(9223372036854775808.0);
    constexpr To LOWEST = To(sizeof(To) == 4 ? -2147483647 - 1 : -9223372036854775807LL - 1);
    return value >= -BOUND && value < BOUND ? static_cast<To>(value) : LOWEST;
}

// Halves are the upper half of a float, or hold its digits three places further left. There, the
// multiplication by 2^112 adds what the exponents' offsets differ by, and makes normal numbers of
// subnormal ones; infinities and NaN come out too small and are put right.
__device__ inline float widened(BrainFloat x) { return __uint_as_float(unsigned(x.bits) << 16); }
__device__ inline float widened(Half x)
{
    const unsigned digits = unsigned(x.bits & 0x7fff) << 13, sign = unsigned(x.bits >> 15) << 31;
    const float scaled = __uint_as_float(digits) * __uint_as_float(0x77800000u);
    const unsigned special = (x.bits & 0x7c00) == 0x7c00 ? 0x7f800000u : 0u;
    return __uint_as_float(__float_as_uint(scaled) | special | sign);
}

// To the nearest, to even where two are near; beyond the range to infinity.
__device__ inline void narrowed(float x, BrainFloat &to)
{
    const unsigned bits = __float_as_uint(x);
    const unsigned near = (bits + 0x7fffu + (bits >> 16 & 1u)) >> 16;
    to.bits = (unsigned short)(x != x ? 0x7fc0u : near);
}

// Of a normal result the surplus digits are rounded off as integers; below, adding 0.5 leaves the
// digits of a subnormal one, rounded, at the end of the sum.
__device__ inline void narrowed(float x, Half &to)
{
    const unsigned bits = __float_as_uint(x), sign = bits >> 16 & 0x8000u;
    const unsigned size = bits & 0x7fffffffu;
    const unsigned small = __float_as_uint(__uint_as_float(size) + 0.5f) - 0x3f000000u;
    const unsigned normal = (size - 0x38000000u + 0xfffu + (size >> 13 & 1u)) >> 13;
    const unsigned special = size > 0x7f800000u ? 0x7e00u | (size >> 13 & 0x3ffu) : 0x7c00u;
    const unsigned finite = size < 0x38800000u ? small : normal;
    to.bits = (unsigned short)(sign | (size >= 0x477ff000u ? special : finite));
}

// To bool: is it not zero. A float becomes a narrow integer, or unsigned, by way of long long;
// unsigned long long goes on where that ends.
template <typename To, typename From> __device__ inline To convert(From value)
{
    if constexpr (is_same<To, From>) {
        return value;
    } else if constexpr (is_half<From>) {
        return convert<To>(widened(value));
    } else if constexpr (is_half<To>) {
        To result;
        narrowed(static_cast<float>(value), result);
        return result;
    } else if constexpr (!is_floating<From> || !is_integer<To>) {
        return static_cast<To>(value);
    } else if constexpr (is_same<To, int> || is_same<To, long long>) {
        return truncated<To>(value);
    } else {
        constexpr From END = From(9223372036854775808.0);
        if (digits_of<To> == 64 && value >= END)
            return static_cast<To>(truncated<long long>(value - END)) ^ static_cast<To>(1ull << 63);
        return static_cast<To>(truncated<long long>(value));
    }
}

// ---- faults: errors that depend on values ----
// The device's fault word, read by the host when it next waits; the first fault stays.
struct Fault {
    long long code;
    long long index;
    long long dimension;
    long long size;
};

enum FaultCode : long long {
    FAULT_INDEX = 1,         // index `index` is out of bounds for dimension `dimension` of `size`
    FAULT_ZERO_DIVISION = 2, // an integer divided by zero
};

__device__ inline void report_fault(long long *word, long long code, long long index = 0,
                                    long long dimension = 0, long long size = 0)
{
    Fault *fault = reinterpret_cast<Fault *>(word);
    unsigned long long *first = reinterpret_cast<unsigned long long *>(&fault->code);
    if (atomicCAS(first, 0ull, (unsigned long long)code) == 0ull) {
        fault->index = index;
        fault->dimension = dimension;
        fault->size = size;
    }
}

// An index that counts from the end where negative, else from the start; false: out of bounds.
__device__ inline bool wrap_index(long long &index, long long dimension, long long size,
                                  long long *word)
{
    if (index < -size || index >= size) {
        report_fault(word, FAULT_INDEX, index, dimension, size);
        return false;
    }
    index += index < 0 ? size : 0;
    return true;
}

#endif
