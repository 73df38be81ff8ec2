// softmax, log_softmax and their gradients along the last dimension.
//
// OP, T, INDEX; OUTER, the rank that rows collapse to (0: any); WIDTH and the kernels `held`,
// `parts` and `rest`: see `rows.cuh`.
#include "rows.cuh"

using Rows = ViewsOf<OUTER, 3>::Type;
using Items = T[ITEMS];

// Each op has
//   missing   what stands where a row has no element
//   State     what is known of a part of a row, `identity` of nothing, and how two `combine`
//   look      finds a part's state; may change what is held
//   leaves    whether what is held then is kept in `out` until all parts are known
//   Whole     what results need, found from the states of their part and of the row
//   result    an element of it

// ---- forward ----
// The largest element, and the sum of exp(x - top).
struct Powers {
    T top, sum;
};

__device__ inline Powers exchange(Powers p, int distance)
{
    return {exchange(p.top, distance), exchange(p.sum, distance)};
}

struct Larger {
    __device__ T operator()(T p, T q) const { return p > q || p != p ? p : q; }
};

// An infinite or NaN top makes the sum NaN: in `look`, by the element itself; of nothing but
// -infinity, when the whole row is known.
struct OfPowers {
    using State = Powers;
    static constexpr bool TWO = false;
    __device__ static T missing() { return -infinity<T>(); }
    __device__ static State identity() { return {-infinity<T>(), T(0)}; }

    __device__ State operator()(State p, State q) const
    {
        if (p.top == q.top)
            return {p.top, p.sum + q.sum};
        const bool first = p.top > q.top;
        const T top = first ? p.top : q.top;
        return {top, first ? p.sum + q.sum * exp(q.top - top) : q.sum + p.sum * exp(p.top - top)};
    }

    __device__ static T top_of(const Items &a)
    {
        T top = -infinity<T>();
#pragma unroll
        for (int k = 0; k < ITEMS; k++)
            top = Larger()(top, a[k]);
        return group_combine(top, Larger());
    }

    // What is subtracted from exponents.
    __device__ static T shift(T top) { return top == -infinity<T>() ? T(0) : top; }
};

struct Softmax : OfPowers {
    static constexpr bool LEAVES = true;
    using Whole = T;

    // What is held becomes exp(x - top): so each exponential is computed once.
    __device__ static State look(Items &a, const Items &)
    {
        const T top = top_of(a), by = shift(top);
        T sum = T(0);
#pragma unroll
        for (int k = 0; k < ITEMS; k++) {
            a[k] = exp(a[k] - by);
            sum += a[k];
        }
        return {top, group_sum(sum)};
    }

    template <Step STEP> __device__ static Whole whole(State own, State all)
    {
        const T more = STEP == REST ? exp(own.top - all.top) : T(1);
        return more / all.sum + (all.top - all.top);
    }

    __device__ static T result(T a, T, Whole scale) { return a * scale; }
};

struct LogSoftmax : OfPowers {
    static constexpr bool LEAVES = false;
    struct Whole {
        T top, log_sum;
    };

    __device__ static State look(Items &a, const Items &)
    {
        const T top = top_of(a), by = shift(top);
        T sum = T(0);
#pragma unroll
        for (int k = 0; k < ITEMS; k++)
            sum += exp(a[k] - by);
        return {top, group_sum(sum)};
    }

    template <Step STEP> __device__ static Whole whole(State, State all)
    {
        return {all.top, log(all.sum)};
    }

    __device__ static T result(T a, T, Whole all) { return a - all.top - all.log_sum; }
};

// ---- gradients: a is the incoming one, b the result of the forward op ----
struct OfSum : Plus {
    using State = T;
    using Whole = T;
    static constexpr bool TWO = true, LEAVES = false;
    __device__ static T missing() { return T(0); }
    __device__ static State identity() { return T(0); }
    template <Step STEP> __device__ static Whole whole(State, State all) { return all; }
};

struct SoftmaxBackward : OfSum {
    __device__ static State look(Items &g, const Items &y)
    {
        T dot = T(0);
#pragma unroll
        for (int k = 0; k < ITEMS; k++)
            dot += g[k] * y[k];
        return group_sum(dot);
    }
    __device__ static T result(T g, T y, Whole dot) { return y * (g - dot); }
};

struct LogSoftmaxBackward : OfSum {
    __device__ static State look(Items &g, const Items &)
    {
        T sum = T(0);
#pragma unroll
        for (int k = 0; k < ITEMS; k++)
            sum += g[k];
        return group_sum(sum);
    }
    __device__ static T result(T g, T y, Whole sum) { return g - exp(y) * sum; }
};

// ---- kernels ----
using State = OP::State;

struct Job {
    T *out;
    const T *a, *b;
    State *scratch; // [rows][parts]
    Cut cut;
    long long out_step, a_step, b_step;
};

template <Step STEP> __device__ inline void run(const Job &job, const Rows &rows)
{
    const Index row = group_row();
    Index at[3] = {0, 0, 0};
    if (row < job.cut.rows)
        locate(rows, row, at);
    // A group without a row has no elements, but comes along to where threads meet.
    const Index count = row < job.cut.rows ? Index(job.cut.count) : 0;
    T *out = job.out + at[0];
    const Index out_step = Index(job.out_step);
    const Place place(job.cut, job.a + at[1], count);
    constexpr bool LEFT = STEP == REST && OP::LEAVES;
    Items a, b;
    read<T>(a, LEFT ? out : job.a + at[1], LEFT ? out_step : Index(job.a_step), place,
            OP::missing());
    if constexpr (OP::TWO)
        read<T>(b, job.b + at[2], Index(job.b_step), place, OP::missing());
    State own, all;
    if constexpr (STEP == REST)
        all = collect(job.scratch, job.cut, own, OP::identity(), OP());
    else
        own = all = OP::look(a, b);
    if constexpr (STEP == PARTS) {
        leave(job.scratch, job.cut, own);
        if (OP::LEAVES)
            write(out, out_step, place, a);
        return;
    }
    const typename OP::Whole whole = OP::template whole<STEP>(own, all);
#pragma unroll
    for (int k = 0; k < ITEMS; k++)
        a[k] = OP::result(a[k], b[k], whole);
    write(out, out_step, place, a);
}

#define KERNEL(NAME, STEP) \
    extern "C" __global__ void __launch_bounds__(MOST_THREADS) NAME(Job job, Rows rows) \
    { \
        run<STEP>(job, rows); \
    }

KERNEL(held, HELD)
KERNEL(parts, PARTS)
KERNEL(rest, REST)
