// max_pool2d, avg_pool2d and their gradients, on (N, C, H, W) of any strides. Every element of a
// result is computed by one thread, or in an order that is always the same.
//
// T: the dtype; INDEX.
#include "common.cuh"

constexpr int THREADS = 256;

struct Window {
    long long kernel[2];
    Divisor stride[2];
    long long padding[2];
    Divisor dilation[2];
    long long count_padding; // whether padding counts in an average
};

struct Pool {
    long long count;       // elements of the result
    Layout<4, 5> element;  // out, indices, plane of the input, row, column
    long long image[2];    // height and width of the image
    long long pooled[2];   // and of what it is pooled to
    long long in_steps[2]; // strides of the input's rows and columns
    Window window;
};

// Rows (axis 0) or columns (axis 1) of the image that the window at `place` covers, as [from, to);
// `from` is not padding.
struct Span {
    Index from, to, all;
};

__device__ inline Span span_of(const Pool &s, int axis, Index place)
{
    const Window &w = s.window;
    const Index dilation = Index(w.dilation[axis].size), size = Index(s.image[axis]);
    const Index start = place * Index(w.stride[axis].size) - Index(w.padding[axis]);
    const Index end = start + (Index(w.kernel[axis]) - 1) * dilation + 1;
    const Index edge = size + Index(w.padding[axis]);
    Span span{start, end < size ? end : size, (end < edge ? end : edge) - start};
    if (start < 0)
        span.from = start + divide(w.dilation[axis], -start + dilation - 1) * dilation;
    return span;
}

__device__ inline T divisor(const Pool &s, const Span &rows, const Span &columns)
{
    return s.window.count_padding ? T(rows.all * columns.all)
                                  : T((rows.to - rows.from) * (columns.to - columns.from));
}

// The first of equals is the maximum, and the last NaN is above all.
extern "C" __global__ void max_pool(T *out, long long *indices, const T *in, Pool s)
{
    for (Index i = grid_thread(); i < Index(s.count); i += grid_threads()) {
        Index at[5];
        locate(s.element, i, at);
        const Span rows = span_of(s, 0, at[3]), columns = span_of(s, 1, at[4]);
        T best = T(0);
        Index where = -1;
        for (Index r = rows.from; r < rows.to; r += Index(s.window.dilation[0].size))
            for (Index c = columns.from; c < columns.to; c += Index(s.window.dilation[1].size)) {
                const T value = in[at[2] + r * Index(s.in_steps[0]) + c * Index(s.in_steps[1])];
                if (where < 0 || value > best || value != value) {
                    best = value;
                    where = r * Index(s.image[1]) + c;
                }
            }
        out[at[0]] = best;
        indices[at[1]] = where;
    }
}

extern "C" __global__ void average_pool(T *out, const T *in, Pool s)
{
    for (Index i = grid_thread(); i < Index(s.count); i += grid_threads()) {
        Index at[5];
        locate(s.element, i, at);
        const Span rows = span_of(s, 0, at[3]), columns = span_of(s, 1, at[4]);
        T sum = T(0);
        for (Index r = rows.from; r < rows.to; r++)
            for (Index c = columns.from; c < columns.to; c++)
                sum += in[at[2] + r * Index(s.in_steps[0]) + c * Index(s.in_steps[1])];
        out[at[0]] = sum / divisor(s, rows, columns);
    }
}

// The places whose windows cover row or column `at` of the image, as [from, to).
__device__ inline Span seen_from(const Pool &s, int axis, Index at)
{
    const Divisor &stride = s.window.stride[axis];
    const Index kernel = Index(s.window.kernel[axis]);
    const Index reach = at + Index(s.window.padding[axis]);
    const Index last = divide(stride, reach) + 1, places = Index(s.pooled[axis]);
    const Index first = reach < kernel ? 0 : divide(stride, reach - kernel) + 1;
    return Span{first, last < places ? last : places, 0};
}

// A thread per pixel adds up its shares of the windows that have seen it.
extern "C" __global__ void average_backward(T *out, const T *g, Pool s)
{
    for (Index i = grid_thread(); i < Index(s.count); i += grid_threads()) {
        Index at[5];
        locate(s.element, i, at);
        const Span rows = seen_from(s, 0, at[3]), columns = seen_from(s, 1, at[4]);
        T sum = T(0);
        for (Index r = rows.from; r < rows.to; r++) {
            const Span covered = span_of(s, 0, r);
            for (Index c = columns.from; c < columns.to; c++)
                sum += g[at[2] + r * Index(s.in_steps[0]) + c * Index(s.in_steps[1])] /
                       divisor(s, covered, span_of(s, 1, c));
        }
        out[at[0]] = sum;
    }
}

struct MaxBackward {
    long long planes, places, pixels; // images times channels; elements of a plane of g, of out
    Divisor width;                    // of the image
    Layout<2, 3> plane;               // out, g, indices
    Layout<2, 2> place;               // g, indices
    long long out_steps[2];           // strides of the rows and columns of out
};

constexpr int NOBODY = 0x7fffffff;
constexpr int TURNS = 32; // places of a thread in one round, a bit each

// What one thread has left to add, of places `start + turn * THREADS + threadIdx.x`.
struct Pending {
    unsigned turns;
    long long start;

    __device__ long long place(int turn) const
    {
        return start + (long long)turn * THREADS + threadIdx.x;
    }
};

__device__ inline Pending pending_places(const MaxBackward &s, long long start,
                                         const long long *indices, long long *fault)
{
    Pending pending{0, start};
    for (int turn = 0; turn < TURNS; turn++) {
        if (pending.place(turn) >= s.places)
            break;
        Index at[2];
        locate(s.place, Index(pending.place(turn)), at);
        const long long pixel = indices[at[1]];
        if (pixel < 0 || pixel >= s.pixels)
            report_fault(fault, FAULT_INDEX, pixel, 2, s.pixels);
        else
            pending.turns |= 1u << turn;
    }
    return pending;
}

// A block per plane. Several places may have found the same pixel: the first of them adds, then the
// next, so that the sum has one order. `first` has room for a plane of each block.
extern "C" __global__ void __launch_bounds__(THREADS)
    max_backward(T *out, const T *g, const long long *indices, int *first, long long *fault,
                 MaxBackward s)
{
    __shared__ int busy[2];
    first += blockIdx.x * s.pixels;
    for (long long plane = blockIdx.x; plane < s.planes; plane += gridDim.x) {
        Index base[3];
        locate(s.plane, Index(plane), base);
        const auto target = [&](long long pixel) {
            Index column = Index(pixel);
            const Index row = divide_off(s.width, column);
            return base[0] + row * Index(s.out_steps[0]) + column * Index(s.out_steps[1]);
        };
        for (long long i = threadIdx.x; i < s.pixels; i += THREADS) {
            out[target(i)] = T(0);
            first[i] = NOBODY;
        }
        if (threadIdx.x < 2)
            busy[threadIdx.x] = 0;
        __syncthreads();
        int round = 0;
        for (long long start = 0; start < s.places; start += TURNS * THREADS) {
            Pending pending = pending_places(s, start, indices + base[2], fault);
            do {
                for (int turn = 0; turn < TURNS; turn++)
                    if (pending.turns >> turn & 1) {
                        Index at[2];
                        locate(s.place, Index(pending.place(turn)), at);
                        atomicMin(&first[indices[base[2] + at[1]]], int(pending.place(turn)));
                    }
                __syncthreads();
                for (int turn = 0; turn < TURNS; turn++)
                    if (pending.turns >> turn & 1) {
                        Index at[2];
                        locate(s.place, Index(pending.place(turn)), at);
                        const long long pixel = indices[base[2] + at[1]];
                        if (first[pixel] != int(pending.place(turn)))
                            continue;
                        out[target(pixel)] += g[base[1] + at[0]];
                        first[pixel] = NOBODY;
                        pending.turns &= ~(1u << turn);
                    }
                if (pending.turns)
                    busy[round & 1] = 1;
                round++;
                if (threadIdx.x == 0)
                    busy[round & 1] = 0; // the flag of the round after this
                __syncthreads();
            } while (busy[(round - 1) & 1]);
        }
        __syncthreads();
    }
}
