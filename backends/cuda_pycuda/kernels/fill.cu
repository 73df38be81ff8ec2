// Constants and ranges. T is the element type; for constants, an unsigned integer of its size.
#include "common.cuh"

constexpr int LANES = LANES_OF<T>;

extern "C" __global__ void dense(T *out, long long count, unsigned long long bits)
{
    const T value = T(bits);
    Index done = 0;
    if (is_aligned(out, VECTOR_BYTES)) {
        Vector<T, LANES> vector;
#pragma unroll
        for (int lane = 0; lane < LANES; lane++)
            vector.lanes[lane] = value;
        const Index vectors = Index(count / LANES);
        for (Index i = grid_thread(); i < vectors; i += grid_threads())
            store_vector(out, i, vector);
        done = vectors * LANES;
    }
    for (Index i = done + grid_thread(); i < Index(count); i += grid_threads())
        out[i] = value;
}

extern "C" __global__ void strided(T *out, long long count, unsigned long long bits,
                                   AnyLayout<1> layout)
{
    for (Index i = grid_thread(); i < Index(count); i += grid_threads()) {
        Index offsets[1];
        locate(layout, i, offsets);
        out[offsets[0]] = T(bits);
    }
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
