// conv2d and its two gradients, each as a product of matrices that exist in no memory:
//
//                     rows (m)              columns (n)           depth (k)
// conv2d              features of a group   images, places        channels of a group, taps
// gradient of x       channels of a group   images, pixels of x   features of a group, taps
// gradient of weight  features of a group   channels, taps        images, places
//
// A is the weight, or for the gradient of the weight that of the result; B is what the window looks
// at. Strides do the rest, and groups are the matrices of a batch.
//
// T: the dtype; INDEX; TILE_SIDE: side of a block's tile, 0 for the kernels without tiles;
// TO_INPUT: for the gradient of x, where a pixel asks which places have seen it; B_ALONG_DEPTH:
// whether neighbouring threads read B along the depth.
#include "gemm.cuh"

using Wide = Wrapping<T>;

struct Conv {
    long long m, n, k;
    Division division;     // batches: groups
    Divisor rows, columns; // by m and n
    Layout<3, 1> a_depth;
    long long a_line, a_group;
    Layout<3, 3> b_line, b_depth; // what a digit adds to the offset, the row h, the column w
    long long b_shift, b_group;   // offset of (h, w) = (0, 0), and of a group
    long long shift_h, shift_w;   // add to h, w
    long long height, width;      // 0 <= h < height, 0 <= w < width is not padding
    Divisor stride_h, stride_w;   // TO_INPUT: h, w are multiples of these, else nothing saw them
    long long b_row, b_column;    // TO_INPUT: strides of the rows and columns
    Layout<3, 1> out_column;
    long long out_row, out_group;
    long long bias_step;
};

// An element of the products, by its number.
struct Element {
    Index group, row, column;

    __device__ Element(const Conv &s, Index number) : column(number)
    {
        row = divide_off(s.columns, column);
        group = divide_off(s.rows, row);
    }
};

template <typename To> __device__ inline Packed<To, 1> one(To value)
{
    Packed<To, 1> pack;
    pack.at[0] = value;
    return pack;
}

struct Lines {
    static constexpr bool ALONG_DEPTH = true;
    using Line = Index;
    const T *data;
    const Conv *s;

    __device__ Index line(Index l) const { return l * Index(s->a_line); }
    __device__ Index depth(Index k) const
    {
        Index offset[1];
        locate(s->a_depth, k, offset);
        return offset[0];
    }
    template <typename To, int COUNT> __device__ Packed<To, COUNT> get(Index l, Index k) const
    {
        return one(To(data[l + k]));
    }
};

struct Window {
    static constexpr bool ALONG_DEPTH = B_ALONG_DEPTH;
    struct Line {
        Index at[3];
    };
    const T *data;
    const Conv *s;

    __device__ Line line(Index l) const
    {
        Line found;
        locate(s->b_line, l, found.at);
        found.at[1] += Index(s->shift_h);
        found.at[2] += Index(s->shift_w);
        return found;
    }
    __device__ Line depth(Index k) const
    {
        Line found;
        locate(s->b_depth, k, found.at);
        return found;
    }
    template <typename To, int COUNT>
    __device__ Packed<To, COUNT> get(const Line &l, const Line &k) const
    {
#if TO_INPUT
        Index h = l.at[1] - k.at[1], w = l.at[2] - k.at[2];
        if (h < 0 || w < 0)
            return one(To(0));
        if (s->stride_h.size != 1 || s->stride_w.size != 1) {
            const Index row = divide_off(s->stride_h, h), column = divide_off(s->stride_w, w);
            if (h != 0 || w != 0)
                return one(To(0));
            h = row, w = column;
        }
        if (h >= Index(s->height) || w >= Index(s->width))
            return one(To(0));
        return one(To(data[l.at[0] + k.at[0] + h * Index(s->b_row) + w * Index(s->b_column)]));
#else
        const Index h = l.at[1] + k.at[1], w = l.at[2] + k.at[2];
        if (h < 0 || h >= Index(s->height) || w < 0 || w >= Index(s->width))
            return one(To(0));
        return one(To(data[l.at[0] + k.at[0]]));
#endif
    }
};

__device__ inline void put(T *out, const T *bias, const Conv &s, long long group, Index row,
                           Index column, Wide sum)
{
    Index offset[1];
    locate(s.out_column, column, offset);
    if (bias != nullptr)
        sum += Wide(bias[(group * s.m + row) * s.bias_step]);
    out[group * s.out_group + row * s.out_row + offset[0]] = T(sum);
}

#if TILE_SIDE

extern "C" __global__ void __launch_bounds__(GEMM_THREADS, 2)
    product(T *out, Wide *partial, const T *a, const T *b, const T *bias, Conv s)
{
    const Index m = Index(s.m), n = Index(s.n);
    const Tile tile = tile_of_block(m, n, TILE_SIDE);
    const Division d = s.division;
    const long long part = part_of_block();
    if (part >= d.batches * d.pieces)
        return;
    const long long group = part % d.batches, start = part / d.batches * d.piece;
    const long long end = start + d.piece < s.k ? start + d.piece : s.k;
    const Lines lines{a + group * s.a_group, &s};
    const Window window{b + group * s.b_group + s.b_shift, &s};
    const auto store = [&](Index row, Index column, Wide sum) {
        if (partial != nullptr)
            partial[(part * s.m + row) * s.n + column] = sum;
        else
            put(out, bias, s, group, row, column, sum);
    };
    gemm_tile<Wide, TILE_SIDE, 1>(lines, window, tile.row, tile.column, m, n, Index(start),
                                  Index(end), store);
}

// out = the partial sums of every element, added in order, and the bias.
extern "C" __global__ void combine(T *out, const Wide *partial, const T *bias, Conv s)
{
    const long long total = s.division.batches * s.m * s.n;
    for (Index i = grid_thread(); i < total; i += grid_threads()) {
        Wide sum = Wide(0);
#pragma unroll 4
        for (long long piece = 0; piece < s.division.pieces; piece++)
            sum += partial[piece * total + i];
        const Element e(s, i);
        put(out, bias, s, e.group, e.row, e.column, sum);
    }
}

#else

// The sum over depths `first`, `first + step`, ... of one element.
__device__ inline Wide sum_of(const Lines &lines, const Window &window, Index row, Index column,
                              Index first, Index step)
{
    const Index line = lines.line(row);
    const Window::Line place = window.line(column);
    Wide sum = Wide(0);
    for (Index k = first; k < Index(lines.s->k); k += step)
        sum += lines.get<Wide, 1>(line, lines.depth(k)).at[0] *
               window.get<Wide, 1>(place, window.depth(k)).at[0];
    return sum;
}

// A thread per element: for groups of so few rows that most of a tile would be empty.
extern "C" __global__ void direct(T *out, const T *a, const T *b, const T *bias, Conv s)
{
    const long long total = s.division.batches * s.m * s.n;
    for (Index i = grid_thread(); i < total; i += grid_threads()) {
        const Element e(s, i);
        const Lines lines{a + e.group * s.a_group, &s};
        const Window window{b + e.group * s.b_group + s.b_shift, &s};
        put(out, bias, s, e.group, e.row, e.column, sum_of(lines, window, e.row, e.column, 0, 1));
    }
}

// A block per element: likewise, where the depth is long.
extern "C" __global__ void __launch_bounds__(GEMM_THREADS)
    direct_block(T *out, const T *a, const T *b, const T *bias, Conv s)
{
    __shared__ Wide sums[GEMM_THREADS];
    const Element e(s, Index(blockIdx.x));
    const Lines lines{a + e.group * s.a_group, &s};
    const Window window{b + e.group * s.b_group + s.b_shift, &s};
    sums[threadIdx.x] =
        sum_of(lines, window, e.row, e.column, Index(threadIdx.x), Index(GEMM_THREADS));
    __syncthreads();
    for (int reach = GEMM_THREADS / 2; reach > 0; reach /= 2) {
        if ((int)threadIdx.x < reach)
            sums[threadIdx.x] += sums[threadIdx.x + reach];
        __syncthreads();
    }
    if (threadIdx.x == 0)
        put(out, bias, s, e.group, e.row, e.column, sums[0]);
}

#endif
