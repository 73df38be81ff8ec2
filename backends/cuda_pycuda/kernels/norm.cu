// Layer normalisation of rows, and its gradient.
//
// OP, T, INDEX. Rows and the vectors beside them come with any strides; see `rows.cuh` for `held`
// and `looped`.
#include "rows.cuh"

// A vector along the rows, such as weight: null where there is none.
struct Along {
    const T *data;
    long long step;

    __device__ T at(Index i, T otherwise) const
    {
        return data != nullptr ? data[i * Index(step)] : otherwise;
    }
};

// One number for each row.
template <typename E> struct PerRow {
    E *data;
    long long step;

    __device__ E &at(Index row) const { return data[row * Index(step)]; }
};

// Matrices of (rows, count).
template <typename E> struct Matrix {
    E *data;
    long long row_step, step;

    __device__ E *row(Index row) const { return data + row * Index(row_step); }
};

template <bool HELD>
__device__ inline void forward(Matrix<T> out, PerRow<T> mean, PerRow<T> rstd, Matrix<const T> in,
                               Along weight, Along bias, long long rows, long long length,
                               double eps)
{
    const Index row = group_row();
    const bool exists = row < rows;
    const Index count = exists ? Index(length) : 0;
    const Elements<T, HELD> a(in.row(exists ? row : 0), Index(in.step), count);
    const T m = row_sum<T, HELD>(count, [&](Index i, int k) { return a(i, k); }) / T(length);
    const T squares = row_sum<T, HELD>(count, [&](Index i, int k) {
        const T distance = a(i, k) - m;
        return distance * distance;
    });
    const T r = T(1.0 / sqrt(double(squares) / double(length) + eps));
    if (!exists)
        return; // no thread waits for another from here on
    T *to = out.row(row);
    visit<HELD>(count, [&](Index i, int k) {
        to[i * Index(out.step)] = (a(i, k) - m) * r * weight.at(i, T(1)) + bias.at(i, T(0));
    });
    if (threadIdx.x == 0) {
        mean.at(row) = m;
        rstd.at(row) = r;
    }
}

// r (h - mean(h) - x mean(h x)), where h = g weight and x = (a - m) r
template <bool HELD>
__device__ inline void backward(Matrix<T> out, Matrix<const T> gradient, Matrix<const T> in,
                                PerRow<const T> mean, PerRow<const T> rstd, Along weight,
                                long long rows, long long length)
{
    const Index row = group_row();
    const bool exists = row < rows;
    const Index count = exists ? Index(length) : 0, from = exists ? row : 0;
    const Elements<T, HELD> g(gradient.row(from), Index(gradient.step), count);
    const Elements<T, HELD> a(in.row(from), Index(in.step), count);
    const T m = exists ? mean.at(row) : T(0), r = exists ? rstd.at(row) : T(0);
    const T sum =
        row_sum<T, HELD>(count, [&](Index i, int k) { return g(i, k) * weight.at(i, T(1)); });
    const T dot = row_sum<T, HELD>(
        count, [&](Index i, int k) { return g(i, k) * weight.at(i, T(1)) * (a(i, k) - m); });
    if (!exists)
        return; // no thread waits for another from here on
    const T mean_h = sum / T(length), slope = dot * r * r / T(length);
    T *to = out.row(row);
    visit<HELD>(count, [&](Index i, int k) {
        const T h = g(i, k) * weight.at(i, T(1));
        to[i * Index(out.step)] = r * (h - mean_h - (a(i, k) - m) * slope);
    });
}

#ifdef BACKWARD
#define KERNEL(NAME, HELD) \
    extern "C" __global__ void __launch_bounds__(MOST_THREADS) \
        NAME(Matrix<T> out, Matrix<const T> g, Matrix<const T> a, PerRow<const T> mean, \
             PerRow<const T> rstd, Along weight, long long rows, long long length) \
    { \
        backward<HELD>(out, g, a, mean, rstd, weight, rows, length); \
    }
#else
#define KERNEL(NAME, HELD) \
    extern "C" __global__ void __launch_bounds__(MOST_THREADS) \
        NAME(Matrix<T> out, PerRow<T> mean, PerRow<T> rstd, Matrix<const T> a, Along weight, \
             Along bias, long long rows, long long length, double eps) \
    { \
        forward<HELD>(out, mean, rstd, a, weight, bias, rows, length, eps); \
    }
#endif

KERNEL(held, true)
KERNEL(looped, false)
