// Layer normalisation of rows, and its gradient.
//
// T, INDEX; BACKWARD: the gradient. WIDTH and the kernels `held`, `parts` and `rest`: see
// `rows.cuh`. Rows and the vectors beside them come with any strides, where WIDTH is 1.
#include "rows.cuh"

using Items = T[ITEMS];

// A vector along the rows, such as weight: null where there is none.
struct Along {
    const T *data;
    long long step;

    __device__ void read(Items &held, const Place &place, T otherwise) const
    {
        if (data != nullptr)
            ::read<T>(held, data, Index(step), place, otherwise);
        else
#pragma unroll
            for (int k = 0; k < ITEMS; k++)
                held[k] = otherwise;
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

// 1 / sqrt(x); in double where floats would lose what is small.
__device__ inline T inverse_root(T variance, double eps)
{
    const T x = variance + T(eps);
    if (x > T(1e-30) && x < infinity<T>())
        return T(1) / sqrt(x);
    return T(1.0 / sqrt(double(variance) + eps));
}

#ifndef BACKWARD

// Of some elements: how many, their mean, and the sum of squared distances to it.
struct State {
    T count, mean, squares;
};

__device__ inline State exchange(State s, int distance)
{
    return {exchange(s.count, distance), exchange(s.mean, distance), exchange(s.squares, distance)};
}

// After Chan, Golub and LeVeque, *Updating formulae and a pairwise algorithm for computing sample
// variances*, 1979.
struct Merge {
    __device__ State operator()(const State &p, const State &q) const
    {
        const T count = p.count + q.count;
        if (p.count == T(0) || q.count == T(0))
            return p.count == T(0) ? q : p;
        const T apart = q.mean - p.mean, share = q.count / count;
        return {count, p.mean + apart * share,
                p.squares + q.squares + apart * apart * p.count * share};
    }
};

__device__ inline State look(const Items &a, const Place &place, Index count)
{
    T sum = T(0);
#pragma unroll
    for (int k = 0; k < ITEMS; k++)
        sum += a[k]; // what is missing is 0
    const T mean = group_sum(sum) / T(count);
    T squares = T(0);
    visit(place, [&](int k, Index i) {
        const T distance = a[k] - mean;
        squares += place.has(i) ? distance * distance : T(0);
    });
    return {T(count), mean, group_sum(squares)};
}

struct Job {
    Matrix<T> out;
    PerRow<T> mean, rstd;
    Matrix<const T> a;
    Along weight, bias;
    State *scratch; // [rows][parts]
    Cut cut;
    double eps;
};

template <Step STEP> __device__ inline void run(const Job &job)
{
    const Index row = group_row();
    const bool exists = row < job.cut.rows;
    const Index count = exists ? Index(job.cut.count) : 0;
    const T *in = job.a.row(exists ? row : 0);
    const Place place(job.cut, in, count);
    Items a, weight, bias;
    read<T>(a, in, Index(job.a.step), place, T(0));
    State own, all;
    if constexpr (STEP == REST)
        all = collect(job.scratch, job.cut, own, State{T(0), T(0), T(0)}, Merge());
    else
        all = look(a, place, STEP == PARTS ? place.length() : Index(job.cut.count));
    if constexpr (STEP == PARTS) {
        leave(job.scratch, job.cut, all);
        return;
    }
    if (!exists)
        return; // no thread waits for another from here on
    const T r = inverse_root(all.squares / T(job.cut.count), job.eps);
    job.weight.read(weight, place, T(1));
    job.bias.read(bias, place, T(0));
#pragma unroll
    for (int k = 0; k < ITEMS; k++)
        a[k] = (a[k] - all.mean) * r * weight[k] + bias[k];
    write(job.out.row(row), Index(job.out.step), place, a);
    if (threadIdx.x == 0 && group_part() == 0) {
        job.mean.at(row) = all.mean;
        job.rstd.at(row) = r;
    }
}

#else

// The sums of h and of h (a - mean), where h = g weight.
struct State {
    T sum, dot;
};

__device__ inline State exchange(State s, int distance)
{
    return {exchange(s.sum, distance), exchange(s.dot, distance)};
}

struct Job {
    Matrix<T> out;
    Matrix<const T> g, a;
    PerRow<const T> mean, rstd;
    Along weight;
    State *scratch; // [rows][parts]
    Cut cut;
};

struct Merge {
    __device__ State operator()(const State &p, const State &q) const
    {
        return {p.sum + q.sum, p.dot + q.dot};
    }
};

// r (h - mean(h) - x mean(h x)), where x = (a - mean) r
template <Step STEP> __device__ inline void run(const Job &job)
{
    const Index row = group_row();
    const bool exists = row < job.cut.rows;
    const Index count = exists ? Index(job.cut.count) : 0, from = exists ? row : 0;
    const T *in = job.a.row(from);
    const Place place(job.cut, in, count);
    Items a, h, weight;
    read<T>(a, in, Index(job.a.step), place, T(0));
    read<T>(h, job.g.row(from), Index(job.g.step), place, T(0));
    job.weight.read(weight, place, T(1));
    const T m = exists ? job.mean.at(row) : T(0), r = exists ? job.rstd.at(row) : T(0);
#pragma unroll
    for (int k = 0; k < ITEMS; k++) {
        h[k] = h[k] * weight[k];
        a[k] -= m;
    }
    State own, all{T(0), T(0)};
    if constexpr (STEP == REST) {
        all = collect(job.scratch, job.cut, own, all, Merge());
    } else {
        visit(place, [&](int k, Index i) {
            all.sum += h[k];
            all.dot += place.has(i) ? h[k] * a[k] : T(0);
        });
        all = group_combine(all, Merge());
    }
    if constexpr (STEP == PARTS) {
        leave(job.scratch, job.cut, all);
        return;
    }
    if (!exists)
        return; // no thread waits for another from here on
    const T length = T(job.cut.count);
    const T mean_h = all.sum / length, slope = all.dot * r * r / length;
#pragma unroll
    for (int k = 0; k < ITEMS; k++)
        a[k] = r * (h[k] - mean_h - a[k] * slope);
    write(job.out.row(row), Index(job.out.step), place, a);
}

#endif

#define KERNEL(NAME, STEP) \
    extern "C" __global__ void __launch_bounds__(MOST_THREADS) NAME(Job job) { run<STEP>(job); }

KERNEL(held, HELD)
KERNEL(parts, PARTS)
KERNEL(rest, REST)
