// One tile of a matrix product, whatever its operands are made of:
// C(m, n) = sum over k of A(m, k) B(k, n).
//
// An operand is a struct that knows how to find elements. Its first index, m or n, is called the
// line, the second, k, the depth. `line(l)` and `depth(k)` return what can be said of one index
// alone; `get(line, depth)` reads, so that whatever costs divisions is computed once per line or
// once per depth, not once per element.
//
// A block of 256 threads computes TILE x TILE elements, each thread a (TILE / 16)^2 part of them.
// The next DEPTH-deep slice is on its way from memory, in registers, while the present one is
// multiplied from shared memory.
#ifndef COREX_GEMM_CUH
#define COREX_GEMM_CUH

#include "common.cuh"
#include "numbers.cuh"

constexpr int GEMM_THREADS = 256;
constexpr int GEMM_DEPTH = 16;

// COUNT elements that move by as wide an access as 16 bytes allow.
template <typename T, int COUNT>
struct alignas(sizeof(T) * COUNT < 16 ? sizeof(T) * COUNT : 16) Packed {
    T at[COUNT];
};

// The slice of an operand that lies in shared memory: depth by depth, lines side by side. The
// padding keeps stores along the depth from meeting in one bank, and rows aligned to 16 bytes.
template <typename Wide, int TILE> struct Slice {
    alignas(16) Wide at[GEMM_DEPTH][TILE + 16 / sizeof(Wide)];
};

// What one thread moves from an operand to its slice: PER_THREAD packs of WIDTH elements.
// Neighbouring threads step along the depth or across the lines, whichever lies dense in memory.
template <typename Operand, typename Wide, int TILE, int WIDTH> struct Mover {
    static constexpr bool ALONG = Operand::ALONG_DEPTH;
    static constexpr int PER_THREAD = TILE * GEMM_DEPTH / (GEMM_THREADS * WIDTH);
    typename Operand::Line line[PER_THREAD];
    Packed<Wide, WIDTH> pack[PER_THREAD];
    unsigned inside;

    static __device__ int line_of(int i)
    {
        const int unit = (int)threadIdx.x + i * GEMM_THREADS;
        return ALONG ? unit / (GEMM_DEPTH / WIDTH) : unit % (TILE / WIDTH) * WIDTH;
    }
    static __device__ int depth_of(int i)
    {
        const int unit = (int)threadIdx.x + i * GEMM_THREADS;
        return ALONG ? unit % (GEMM_DEPTH / WIDTH) * WIDTH : unit / (TILE / WIDTH);
    }

    __device__ void aim(const Operand &operand, Index first, Index lines)
    {
        inside = 0;
#pragma unroll
        for (int i = 0; i < PER_THREAD; i++) {
            const Index l = first + line_of(i);
            inside |= (unsigned)(l < lines) << i;
            line[i] = operand.line(l < lines ? l : 0);
        }
    }

    __device__ void fetch(const Operand &operand, Index start, Index end)
    {
#pragma unroll
        for (int i = 0; i < PER_THREAD; i++) {
            const Index k = start + depth_of(i);
            if ((inside >> i & 1) && k < end) {
                pack[i] = operand.template get<Wide, WIDTH>(line[i], operand.depth(k));
            } else {
#pragma unroll
                for (int w = 0; w < WIDTH; w++)
                    pack[i].at[w] = Wide(0);
            }
        }
    }

    __device__ void place(Slice<Wide, TILE> &slice) const
    {
#pragma unroll
        for (int i = 0; i < PER_THREAD; i++) {
            const int l = line_of(i), k = depth_of(i);
            if constexpr (ALONG || WIDTH == 1) {
#pragma unroll
                for (int w = 0; w < WIDTH; w++)
                    slice.at[k + w][l] = pack[i].at[w];
            } else {
                *reinterpret_cast<Packed<Wide, WIDTH> *>(&slice.at[k][l]) = pack[i];
            }
        }
    }
};

// The part of the tile that a thread computes: QUAD neighbours, then the next 16 * QUAD further.
template <typename Wide, int TILE> struct Part {
    static constexpr int SIDE = TILE / 16;
    static constexpr int QUAD = SIDE < 4 ? SIDE : 4;
    Wide sum[SIDE][SIDE];

    static __device__ int place_of(int thread, int i)
    {
        return i / QUAD * (16 * QUAD) + thread * QUAD + i % QUAD;
    }
    static __device__ int row_of(int i) { return place_of(threadIdx.x / 16, i); }
    static __device__ int column_of(int j) { return place_of(threadIdx.x % 16, j); }

    __device__ void clear()
    {
#pragma unroll
        for (int i = 0; i < SIDE; i++)
#pragma unroll
            for (int j = 0; j < SIDE; j++)
                sum[i][j] = Wide(0);
    }

    static __device__ void read(const Wide *row, int thread, Wide *to)
    {
#pragma unroll
        for (int i = 0; i < SIDE; i += QUAD) {
            const auto quad =
                *reinterpret_cast<const Packed<Wide, QUAD> *>(row + place_of(thread, i));
#pragma unroll
            for (int q = 0; q < QUAD; q++)
                to[i + q] = quad.at[q];
        }
    }

    __device__ void multiply(const Slice<Wide, TILE> &a, const Slice<Wide, TILE> &b)
    {
#pragma unroll
        for (int k = 0; k < GEMM_DEPTH; k++) {
            Wide x[SIDE], y[SIDE];
            read(a.at[k], threadIdx.x / 16, x);
            read(b.at[k], threadIdx.x % 16, y);
#pragma unroll
            for (int i = 0; i < SIDE; i++)
#pragma unroll
                for (int j = 0; j < SIDE; j++)
                    sum[i][j] += x[i] * y[j];
        }
    }
};

// Computes the block's tile at (m0, n0) over depths start to end, then calls
// `store(m, n, sum)` for its elements. Every thread of the block must call it.
template <typename Wide, int TILE, int WIDTH, typename A, typename B, typename Store>
__device__ inline void gemm_tile(const A &a, const B &b, Index m0, Index n0, Index m, Index n,
                                 Index start, Index end, Store store)
{
    __shared__ Slice<Wide, TILE> a_slice, b_slice;
    Mover<A, Wide, TILE, WIDTH> a_mover;
    Mover<B, Wide, TILE, WIDTH> b_mover;
    Part<Wide, TILE> part;
    part.clear();
    a_mover.aim(a, m0, m);
    b_mover.aim(b, n0, n);
    a_mover.fetch(a, start, end);
    b_mover.fetch(b, start, end);
    for (Index k = start; k < end; k += GEMM_DEPTH) {
        a_mover.place(a_slice);
        b_mover.place(b_slice);
        __syncthreads();
        a_mover.fetch(a, k + GEMM_DEPTH, end);
        b_mover.fetch(b, k + GEMM_DEPTH, end);
        part.multiply(a_slice, b_slice);
        __syncthreads();
    }
#pragma unroll
    for (int i = 0; i < part.SIDE; i++)
#pragma unroll
        for (int j = 0; j < part.SIDE; j++) {
            const Index row = m0 + part.row_of(i), column = n0 + part.column_of(j);
            if (row < m && column < n)
                store(row, column, part.sum[i][j]);
        }
}

// The tile of a block, row by row and column by column of tiles, in bands of a few rows: blocks
// that run together then share more of what they read.
struct Tile {
    Index row, column;
};

__device__ inline Tile tile_of_block(Index m, Index n, int side)
{
    constexpr Index BAND = 8;
    const Index down = (m - 1) / side + 1, across = (n - 1) / side + 1;
    const Index tile = Index(blockIdx.x), first = tile / (BAND * across) * BAND;
    const Index rows = down - first < BAND ? down - first : BAND;
    const Index within = tile - first * across;
    return Tile{(first + within % rows) * side, within / rows * side};
}

// How a grid shares out a product: blockIdx.x counts tiles, the other two count parts, which are
// the matrices of a batch for every piece of the depth. What several pieces have summed up is kept
// and then added in order, so that the same call gives the same bits.
struct Division {
    long long batches, pieces, piece; // matrices, pieces of the depth, depths in a piece
};

__device__ inline long long part_of_block()
{
    return (long long)blockIdx.z * gridDim.y + blockIdx.y;
}

#endif
