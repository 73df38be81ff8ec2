// Ops whose every result depends on one element of each operand.
//
// OP names the functor, T its type; ARITY operands, the first of type First. Without DIMS the
// kernels are those for dense memory, with DIMS that for views of as many dimensions (0: any), of
// which WIDTH neighbours move at once.
// DIVIDES: the last operand may be an integer zero, which is a fault. PARAMETER: OP has a number.
//
// An output may be the same view as an operand: a thread reads all it needs before it writes.
#include "unary.cuh"
#include "binary.cuh"

#if ARITY == 1
using Result = decltype(OP<T>()(T()));
#elif ARITY == 2
using Result = decltype(OP<T>()(T(), T()));
#else
using Result = decltype(OP<T>()(First(), T(), T()));
#endif

// What does not depend on the layout.
struct Job {
    Result *out;
    long long count;
    long long *fault;
    double parameter;
};

template <int LANES> struct Operands {
    Vector<First, LANES> a;
#if ARITY > 1
    Vector<T, LANES> b;
#endif
#if ARITY > 2
    Vector<T, LANES> c;
#endif
};

template <int LANES>
__device__ inline Result apply(const Job &job, const Operands<LANES> &in, int lane, bool &fault)
{
#ifdef PARAMETER
    const OP<T> op{job.parameter};
#else
    const OP<T> op{};
#endif
#if ARITY == 1
    return op(in.a.lanes[lane]);
#elif ARITY == 2
#ifdef DIVIDES
    if (in.b.lanes[lane] == T(0)) {
        fault = true;
        return T(0);
    }
#endif
    return op(in.a.lanes[lane], in.b.lanes[lane]);
#else
    return op(in.a.lanes[lane], in.b.lanes[lane], in.c.lanes[lane]);
#endif
}

__device__ inline void report(const Job &job, bool fault)
{
    if (fault)
        report_fault(job.fault, FAULT_ZERO_DIVISION);
}

template <int LANES>
__device__ inline void write(const Job &job, Result *out, const Operands<LANES> &in, bool &fault)
{
    Vector<Result, LANES> result;
#pragma unroll
    for (int lane = 0; lane < LANES; lane++)
        result.lanes[lane] = apply<LANES>(job, in, lane, fault);
    store_vector<LANES>(out, Index(0), result);
}

#ifndef DIMS

// ---- dense memory ----
// Where an operand comes from: an array like the output, one element for all, or the host.
enum Source : long long { ARRAY = 0, ELEMENT = 1, NUMBER = 2 };

struct Operand {
    unsigned long long bits; // an address, or a double or long long
    long long source;
};

struct Sources {
    Operand operands[ARITY];
};

template <typename E> __device__ inline E number_of(unsigned long long bits)
{
    if constexpr (is_floating<E>)
        return E(__longlong_as_double((long long)bits));
    else
        return E((long long)bits);
}

// Fetches one operand, LANES elements at a time; what is one element for all is fetched once.
template <typename E, int LANES> struct Reader {
    const E *array;
    Vector<E, LANES> same;

    __device__ Reader(const Operand &operand)
    {
        const E *address = reinterpret_cast<const E *>(operand.bits);
        array = operand.source == ARRAY ? address : nullptr;
        const E value = operand.source == ELEMENT  ? *address
                        : operand.source == NUMBER ? number_of<E>(operand.bits)
                                                   : E();
        same = spread<LANES>(value);
    }

    __device__ Vector<E, LANES> operator()(Index number) const
    {
        return array != nullptr ? load_vector<LANES>(array, number) : same;
    }
};

template <int LANES> struct Readers {
    Reader<First, LANES> a;
#if ARITY > 1
    Reader<T, LANES> b;
#endif
#if ARITY > 2
    Reader<T, LANES> c;
#endif

    __device__ Readers(const Sources &from)
        : a(from.operands[0])
#if ARITY > 1
          ,
          b(from.operands[1])
#endif
#if ARITY > 2
          ,
          c(from.operands[2])
#endif
    {
    }

    __device__ void read(Operands<LANES> &in, Index number) const
    {
        in.a = a(number);
#if ARITY > 1
        in.b = b(number);
#endif
#if ARITY > 2
        in.c = c(number);
#endif
    }
};

constexpr int UNROLL = 2; // vectors of each operand in flight

template <int LANES>
__device__ inline void run(const Job &job, const Sources &from, Index vectors, bool &fault)
{
    const Readers<LANES> readers(from);
    const Index step = grid_threads();
    for (Index number = grid_thread(); number < vectors; number += step * UNROLL) {
        Operands<LANES> in[UNROLL];
#pragma unroll
        for (int u = 0; u < UNROLL; u++)
            if (number + u * step < vectors)
                readers.read(in[u], number + u * step);
#pragma unroll
        for (int u = 0; u < UNROLL; u++)
            if (number + u * step < vectors)
                write<LANES>(job, job.out + (number + u * step) * LANES, in[u], fault);
    }
}

// All arrays begin at multiples of 16 bytes, or of what as many elements of theirs take.
extern "C" __global__ void dense(Job job, Sources from)
{
    constexpr int LANES = LANES_OF<T>;
    const Index vectors = Index(job.count / LANES);
    bool fault = false;
    run<LANES>(job, from, vectors, fault);
    // The elements behind the last whole vector.
    const Index rest = vectors * LANES + grid_thread();
    if (rest < job.count) {
        Operands<1> in;
        Readers<1>(from).read(in, rest);
        write<1>(job, job.out + rest, in, fault);
    }
    report(job, fault);
}

// As above, wherever arrays begin.
extern "C" __global__ void dense_unaligned(Job job, Sources from)
{
    bool fault = false;
    run<1>(job, from, Index(job.count), fault);
    report(job, fault);
}

#else

// ---- views ----
constexpr int UNROLL = WIDTH > 1 ? 2 : 4; // accesses of each operand in flight

struct Pointers {
    const First *a;
#if ARITY > 1
    const T *b;
#endif
#if ARITY > 2
    const T *c;
#endif
};

#if DIMS == 0
using Views = AnyLayout<ARITY + 1>;
#else
using Views = Layout<DIMS, ARITY + 1>;
#endif

// Where WIDTH is more than 1, `count` and the innermost of the dimensions are of vectors,
// everything else is of elements; an operand that does not move along that dimension is one element
// for all.
extern "C" __global__ void strided(Job job, Pointers from, Views views)
{
    const Index step = grid_threads(), count = Index(job.count);
    bool same[ARITY];
#pragma unroll
    for (int k = 0; k < ARITY; k++)
        same[k] = innermost(views, k + 1) == 0;
    bool fault = false;
    for (Index number = grid_thread(); number < count; number += step * UNROLL) {
        Operands<WIDTH> in[UNROLL];
        Index at[UNROLL][ARITY + 1];
#pragma unroll
        for (int u = 0; u < UNROLL; u++) {
            if (number + u * step >= count)
                continue;
            locate(views, number + u * step, at[u]);
            in[u].a = fetch<WIDTH>(from.a + at[u][1], same[0]);
#if ARITY > 1
            in[u].b = fetch<WIDTH>(from.b + at[u][2], same[1]);
#endif
#if ARITY > 2
            in[u].c = fetch<WIDTH>(from.c + at[u][3], same[2]);
#endif
        }
#pragma unroll
        for (int u = 0; u < UNROLL; u++)
            if (number + u * step < count)
                write<WIDTH>(job, job.out + at[u][0], in[u], fault);
    }
    report(job, fault);
}

#endif
