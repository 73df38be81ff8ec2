// Copies, with or without a conversion: TO and FROM are the element types, INDEX that of indices.
// WIDTH: of views, how many neighbours move at once.
#include "common.cuh"

constexpr int UNROLL = 4; // accesses in flight

template <int LANES> __device__ inline Vector<TO, LANES> converted(const Vector<FROM, LANES> &from)
{
    Vector<TO, LANES> to;
#pragma unroll
    for (int lane = 0; lane < LANES; lane++)
        to.lanes[lane] = convert<TO>(from.lanes[lane]);
    return to;
}

#ifndef WIDTH

// ---- dense ----
// Each thread moves vectors of as many elements as make the wider type 16 bytes.
constexpr int LANES = LANES_OF<TO> < LANES_OF<FROM> ? LANES_OF<TO> : LANES_OF<FROM>;

extern "C" __global__ void dense(TO *out, const FROM *in, long long count)
{
    const Index step = grid_threads();
    Index done = 0;
    if (is_aligned(out, LANES * sizeof(TO)) && is_aligned(in, LANES * sizeof(FROM))) {
        const Index vectors = Index(count / LANES);
        for (Index i = grid_thread(); i < vectors; i += step * UNROLL) {
            Vector<FROM, LANES> from[UNROLL];
#pragma unroll
            for (int u = 0; u < UNROLL; u++)
                if (i + u * step < vectors)
                    from[u] = load_vector<LANES>(in, i + u * step);
#pragma unroll
            for (int u = 0; u < UNROLL; u++)
                if (i + u * step < vectors)
                    store_vector(out, i + u * step, converted(from[u]));
        }
        done = vectors * LANES;
    }
    for (Index i = done + grid_thread(); i < Index(count); i += step)
        out[i] = convert<TO>(in[i]);
}

// ---- transposed ----
// Planes of `rows` by `columns`, of which `out` is contiguous along the columns, `in` along the
// rows. A tile goes through shared memory, so that both sides are read and written in whole lines;
// the column more keeps the threads of a warp on different banks.
constexpr int TILE = 32;
constexpr int TILE_ROWS = 8;
constexpr int EACH = TILE / TILE_ROWS; // rows of a tile that a thread moves, all in flight

struct Planes {
    long long rows, columns;
    long long tiles;      // of all planes
    Divisor across, down; // tiles of a plane
    long long out_row, in_column, out_plane, in_plane;
};

extern "C" __global__ void transposed(TO *out, const FROM *in, Planes s)
{
    __shared__ FROM tile[TILE][TILE + 1];
    const Index rows = Index(s.rows), columns = Index(s.columns);
    for (Index number = blockIdx.x; number < Index(s.tiles); number += gridDim.x) {
        Index across = number;
        Index down = divide_off(s.across, across);
        const Index plane = divide_off(s.down, down);
        const Index row0 = down * TILE, column0 = across * TILE;
        const FROM *from = in + plane * Index(s.in_plane);
        TO *to = out + plane * Index(s.out_plane);
        FROM moved[EACH];
#pragma unroll
        for (int j = 0; j < EACH; j++) {
            const Index row = row0 + threadIdx.x, column = column0 + threadIdx.y + j * TILE_ROWS;
            if (row < rows && column < columns)
                moved[j] = from[row + column * Index(s.in_column)];
        }
#pragma unroll
        for (int j = 0; j < EACH; j++)
            tile[threadIdx.y + j * TILE_ROWS][threadIdx.x] = moved[j];
        __syncthreads();
#pragma unroll
        for (int j = 0; j < EACH; j++) {
            const int k = threadIdx.y + j * TILE_ROWS;
            const Index row = row0 + k, column = column0 + threadIdx.x;
            if (row < rows && column < columns)
                to[row * Index(s.out_row) + column] = convert<TO>(tile[threadIdx.x][k]);
        }
        __syncthreads(); // the next tile overwrites what others may still read
    }
}

#else

// ---- views ----
// `count` and the innermost of the dimensions are of vectors, everything else is of elements.
template <typename SOME_LAYOUT>
__device__ inline void strided(TO *out, const FROM *in, Index count, const SOME_LAYOUT &layout)
{
    const Index step = grid_threads();
    const bool same = innermost(layout, 1) == 0;
    for (Index i = grid_thread(); i < count; i += step * UNROLL) {
        Vector<FROM, WIDTH> from[UNROLL];
        Index at[UNROLL][2];
#pragma unroll
        for (int u = 0; u < UNROLL; u++)
            if (i + u * step < count) {
                locate(layout, i + u * step, at[u]);
                from[u] = fetch<WIDTH>(in + at[u][1], same);
            }
#pragma unroll
        for (int u = 0; u < UNROLL; u++)
            if (i + u * step < count)
                store_vector(out + at[u][0], Index(0), converted(from[u]));
    }
}

#define STRIDED(NAME, LAYOUT) \
    extern "C" __global__ void NAME(TO *out, const FROM *in, long long count, LAYOUT layout) \
    { \
        strided(out, in, Index(count), layout); \
    }

#define COMMA ,
STRIDED(strided1, Layout<1 COMMA 2>)
STRIDED(strided2, Layout<2 COMMA 2>)
STRIDED(strided3, Layout<3 COMMA 2>)
STRIDED(strided4, Layout<4 COMMA 2>)
STRIDED(strided_any, AnyLayout<2>)

#endif
