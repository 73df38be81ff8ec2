// softmax, log_softmax and their gradients along the last dimension.
//
// OP, T, INDEX; OUTER, the rank that rows collapse to (0: any). The kernel `held` is for rows whose
// elements fit into the registers of blockDim.x threads, `looped` for longer ones.
#include "rows.cuh"

using Rows = ViewsOf<OUTER, 3>::Type;

struct Line {
    T *out;
    const T *a, *b;
    Index out_step, a_step, b_step, count;
};

// ---- forward ----
// The largest element so far, and the sum of exp(x - top).
struct Powers {
    T top, sum;
};

__device__ inline Powers exchange(Powers p, int distance)
{
    return {exchange(p.top, distance), exchange(p.sum, distance)};
}

struct MergePowers {
    __device__ Powers operator()(Powers p, Powers q) const
    {
        if (p.top == q.top)
            return {p.top, p.sum + q.sum};
        const bool first = p.top > q.top;
        const T top = first ? p.top : q.top;
        return {top, first ? p.sum + q.sum * exp(q.top - top) : q.sum + p.sum * exp(p.top - top)};
    }
};

struct Larger {
    __device__ T operator()(T p, T q) const { return p > q || p != p ? p : q; }
};

// Of infinite tops, exp(x - top) is NaN somewhere in the row; so is then the sum.
template <bool HELD> __device__ inline Powers powers_of(const Elements<T, HELD> &a, Index count)
{
    T top = -infinity<T>();
    if constexpr (HELD) {
        visit<HELD>(count, [&](Index i, int k) { top = Larger()(top, a(i, k)); });
        top = group_combine(top, Larger());
        return {top, row_sum<T, HELD>(count, [&](Index i, int k) { return exp(a(i, k) - top); })};
    }
    T sum = T(0);
    visit<HELD>(count, [&](Index i, int k) {
        const T x = a(i, k);
        if (x > top) {
            sum = sum * exp(top - x) + T(1);
            top = x;
        } else {
            sum += x == top ? T(1) : exp(x - top);
        }
    });
    const Powers all = group_combine(Powers{top, sum}, MergePowers());
    return {all.top, all.sum + (all.top - all.top)};
}

struct Softmax {
    template <bool HELD> __device__ static void run(const Line &line)
    {
        const Elements<T, HELD> a(line.a, line.a_step, line.count);
        const Powers powers = powers_of<HELD>(a, line.count);
        const T scale = T(1) / powers.sum;
        visit<HELD>(line.count, [&](Index i, int k) {
            line.out[i * line.out_step] = exp(a(i, k) - powers.top) * scale;
        });
    }
};

struct LogSoftmax {
    template <bool HELD> __device__ static void run(const Line &line)
    {
        const Elements<T, HELD> a(line.a, line.a_step, line.count);
        const Powers powers = powers_of<HELD>(a, line.count);
        const T shift = log(powers.sum);
        visit<HELD>(line.count, [&](Index i, int k) {
            line.out[i * line.out_step] = a(i, k) - powers.top - shift;
        });
    }
};

// ---- gradients: a is the incoming one, b the result of the forward op ----
struct SoftmaxBackward {
    template <bool HELD> __device__ static void run(const Line &line)
    {
        const Elements<T, HELD> g(line.a, line.a_step, line.count);
        const Elements<T, HELD> y(line.b, line.b_step, line.count);
        const T dot =
            row_sum<T, HELD>(line.count, [&](Index i, int k) { return g(i, k) * y(i, k); });
        visit<HELD>(line.count, [&](Index i, int k) {
            line.out[i * line.out_step] = y(i, k) * (g(i, k) - dot);
        });
    }
};

struct LogSoftmaxBackward {
    template <bool HELD> __device__ static void run(const Line &line)
    {
        const Elements<T, HELD> g(line.a, line.a_step, line.count);
        const Elements<T, HELD> y(line.b, line.b_step, line.count);
        const T sum = row_sum<T, HELD>(line.count, [&](Index i, int k) { return g(i, k); });
        visit<HELD>(line.count, [&](Index i, int k) {
            line.out[i * line.out_step] = g(i, k) - exp(y(i, k)) * sum;
        });
    }
};

template <bool HELD>
__device__ inline void run(T *out, const T *a, const T *b, const Lines<3> &lines, const Rows &rows)
{
    const Index row = group_row();
    Index at[3] = {0, 0, 0};
    if (row < lines.rows)
        locate(rows, row, at);
    // A group without a row has no elements, but comes along to where threads meet.
    const Index count = row < lines.rows ? Index(lines.count) : 0;
    OP::run<HELD>(Line{out + at[0], a + at[1], b + at[2], Index(lines.steps[0]),
                       Index(lines.steps[1]), Index(lines.steps[2]), count});
}

extern "C" __global__ void __launch_bounds__(MOST_THREADS)
    held(T *out, const T *a, const T *b, Lines<3> lines, Rows rows)
{
    run<true>(out, a, b, lines, rows);
}

extern "C" __global__ void __launch_bounds__(MOST_THREADS)
    looped(T *out, const T *a, const T *b, Lines<3> lines, Rows rows)
{
    run<false>(out, a, b, lines, rows);
}
