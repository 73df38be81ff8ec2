// Copies, with or without a conversion: TO and FROM are the element types, INDEX that of indices.
#include "common.cuh"

// ---- dense ----
// Each thread moves vectors of as many elements as make the wider type 16 bytes.
constexpr int LANES = LANES_OF<TO> < LANES_OF<FROM> ? LANES_OF<TO> : LANES_OF<FROM>;

extern "C" __global__ void dense(TO *out, const FROM *in, long long count)
{
    Index done = 0;
    if (is_aligned(out, LANES * sizeof(TO)) && is_aligned(in, LANES * sizeof(FROM))) {
        const Index vectors = Index(count / LANES);
        for (Index i = grid_thread(); i < vectors; i += grid_threads()) {
            const Vector<FROM, LANES> from = load_vector<LANES>(in, i);
            Vector<TO, LANES> to;
#pragma unroll
            for (int lane = 0; lane < LANES; lane++)
                to.lanes[lane] = convert<TO>(from.lanes[lane]);
            store_vector(out, i, to);
        }
        done = vectors * LANES;
    }
    for (Index i = done + grid_thread(); i < Index(count); i += grid_threads())
        out[i] = convert<TO>(in[i]);
}

// ---- strided ----
template <typename SOME_LAYOUT>
__device__ inline void strided(TO *out, const FROM *in, Index count, const SOME_LAYOUT &layout)
{
    for (Index i = grid_thread(); i < count; i += grid_threads()) {
        Index offsets[2];
        locate(layout, i, offsets);
        out[offsets[0]] = convert<TO>(in[offsets[1]]);
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

// ---- transposed ----
// Planes of `rows` by `columns`, of which `out` is contiguous along the columns, `in` along the
// rows. A tile goes through shared memory, so that both sides are read and written in whole lines;
// the column more keeps the threads of a warp on different banks.
constexpr int TILE = 32;
constexpr int TILE_ROWS = 8;

extern "C" __global__ void transposed(TO *out, const FROM *in, long long rows, long long columns,
                                      long long planes, long long out_row, long long in_column,
                                      long long out_plane, long long in_plane)
{
    __shared__ FROM tile[TILE][TILE + 1];
    const Index down = (Index(rows) + TILE - 1) / TILE;
    const Index across = (Index(columns) + TILE - 1) / TILE;
    const Index tiles = down * across * Index(planes);
    for (Index number = blockIdx.x; number < tiles; number += gridDim.x) {
        const Index plane = number / (down * across);
        const Index place = number - plane * (down * across);
        const Index row0 = place / across * TILE;
        const Index column0 = place % across * TILE;
        const FROM *from = in + plane * Index(in_plane);
        TO *to = out + plane * Index(out_plane);
        for (int k = threadIdx.y; k < TILE; k += TILE_ROWS) {
            const Index row = row0 + threadIdx.x, column = column0 + k;
            if (row < Index(rows) && column < Index(columns))
                tile[k][threadIdx.x] = from[row + column * Index(in_column)];
        }
        __syncthreads();
        for (int k = threadIdx.y; k < TILE; k += TILE_ROWS) {
            const Index row = row0 + k, column = column0 + threadIdx.x;
            if (row < Index(rows) && column < Index(columns))
                to[row * Index(out_row) + column] = convert<TO>(tile[threadIdx.x][k]);
        }
        __syncthreads(); // the next tile overwrites what others may still read
    }
}
