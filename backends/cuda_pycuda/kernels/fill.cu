// Constants and ranges. T is the element type; for constants, an unsigned integer of its size.
#include "common.cuh"

constexpr int LANES = LANES_OF<T>;

extern "C" __global__ void dense(T *out, long long count, unsigned long long bits)
{
    const T value = T(bits);
    Index done = 0;
    if (is_aligned(out, VECTOR_BYTES)) {
        const Vector<T, LANES> vector = spread<LANES>(value);
        const Index vectors = Index(count / LANES);
        for (Index i = grid_thread(); i < vectors; i += grid_threads())
            store_vector(out, i, vector);
        done = vectors * LANES;
    }
    for (Index i = done + grid_thread(); i < Index(count); i += grid_threads())
        out[i] = value;
}

template <int LANES>
__device__ inline void fill_views(T *out, Index count, T value, const AnyLayout<1> &layout)
{
    const Vector<T, LANES> vector = spread<LANES>(value);
    for (Index i = grid_thread(); i < count; i += grid_threads()) {
        Index at[1];
        locate(layout, i, at);
        store_vector(out + at[0], Index(0), vector);
    }
}

extern "C" __global__ void strided(T *out, long long count, unsigned long long bits,
                                   AnyLayout<1> layout)
{
    fill_views<1>(out, Index(count), T(bits), layout);
}

// Where rows are of whole vectors: `count` and the innermost dimension are of these.
extern "C" __global__ void strided_wide(T *out, long long count, unsigned long long bits,
                                        AnyLayout<1> layout)
{
    fill_views<LANES>(out, Index(count), T(bits), layout);
}

// `out[i] = start + i * step`, in int64 (which wraps around) or in float64.
extern "C" __global__ void range_integer(T *out, long long count, long long stride,
                                         unsigned long long start, unsigned long long step)
{
    for (Index i = grid_thread(); i < Index(count); i += grid_threads())
        out[i * Index(stride)] = convert<T>((long long)(start + (unsigned long long)i * step));
}

extern "C" __global__ void range_float(T *out, long long count, long long stride, double start,
                                       double step)
{
    for (Index i = grid_thread(); i < Index(count); i += grid_threads())
        out[i * Index(stride)] = convert<T>(start + (double)i * step);
}
