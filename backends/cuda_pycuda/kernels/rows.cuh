// Kernels along the last dimension that need whole rows: who keeps which elements.
//
// The threads of a group (`group.cuh`) read a row once, all loads in flight, and keep it in
// registers, ITEMS elements each. WIDTH: how many neighbours a thread takes at once. Where it is
// more than 1, rows are dense, and move 16 bytes at a time from the first multiple of 16 bytes on;
// what lies before and behind goes element by element.
//
// Rows longer than the registers of a block are cut into parts. `parts` leaves what is known of
// each in scratch memory, and `rest` does with that of all parts what `held` does without them.
#ifndef COREX_ROWS_CUH
#define COREX_ROWS_CUH

#include "gather.cuh"
#include "group.cuh"
#include "numbers.cuh"

constexpr int ITEMS = 32 / sizeof(T); // of 1024 threads, none has more than 64 registers
constexpr int MOST_THREADS = 1024;

enum Step { HELD, PARTS, REST };

struct Cut {
    long long rows, count; // elements of each row
    long long parts, part; // of a row; elements of each
};

__device__ inline Index group_row() { return Index(blockIdx.x) * blockDim.y + threadIdx.y; }
__device__ inline Index group_part() { return Index(blockIdx.z) * gridDim.y + blockIdx.y; }

// Which elements of its row are this thread's: WIDTH neighbours each from `first`,
// `first + WIDTH * blockDim.x`, ... The first may lie before the row, and some behind the part,
// which goes from `begin` to before `end`.
struct Place {
    Index begin, end, first;

    // `row`: where the row begins; `count`: its elements, 0 where there is no row.
    template <typename E> __device__ Place(const Cut &cut, const E *row, Index count)
    {
        const Index start = group_part() * Index(cut.part);
        const Index shift = WIDTH > 1 ? Index(misplaced(row, VECTOR_BYTES) / sizeof(E)) : 0;
        const Index stop = start + Index(cut.part) - shift;
        begin = start > shift ? start - shift : 0;
        end = stop < count ? stop : count;
        first = start - shift + Index(threadIdx.x) * WIDTH;
    }

    __device__ Index turn(int k) const { return first + Index(k) * blockDim.x; }
    __device__ bool has(Index i) const { return i >= 0 && i < end; }
    // Of a turn: whether all of its elements are in the part.
    __device__ bool whole(Index i) const { return i >= 0 && i + WIDTH <= end; }
    __device__ Index length() const { return end > begin ? end - begin : 0; }
};

// Reads a thread's elements; `missing` where the row has none.
template <typename E>
__device__ inline void read(E (&held)[ITEMS], const E *row, Index step, const Place &place,
                            E missing)
{
    const bool aligned = WIDTH > 1 && is_aligned(row + place.first, VECTOR_BYTES);
    // First all vectors, without a branch between them that would keep one from the next.
    if constexpr (WIDTH > 1) {
        Vector<E, WIDTH> vectors[ITEMS / WIDTH];
#pragma unroll
        for (int k = 0; k < ITEMS; k += WIDTH)
            if (aligned && place.whole(place.turn(k)))
                vectors[k / WIDTH] =
                    *reinterpret_cast<const Vector<E, WIDTH> *>(row + place.turn(k));
#pragma unroll
        for (int k = 0; k < ITEMS; k++)
            held[k] = vectors[k / WIDTH].lanes[k % WIDTH];
    }
#pragma unroll
    for (int k = 0; k < ITEMS; k += WIDTH) {
        const Index i = place.turn(k);
        if (WIDTH > 1 && aligned && place.whole(i))
            continue;
#pragma unroll
        for (int lane = 0; lane < WIDTH; lane++)
            held[k + lane] = place.has(i + lane) ? row[(i + lane) * step] : missing;
    }
}

template <typename E>
__device__ inline void write(E *row, Index step, const Place &place, const E (&held)[ITEMS])
{
    const bool aligned = WIDTH > 1 && is_aligned(row + place.first, VECTOR_BYTES);
#pragma unroll
    for (int k = 0; k < ITEMS; k += WIDTH) {
        const Index i = place.turn(k);
        if (WIDTH > 1 && aligned && place.whole(i)) {
            Vector<E, WIDTH> vector;
#pragma unroll
            for (int lane = 0; lane < WIDTH; lane++)
                vector.lanes[lane] = held[k + lane];
            *reinterpret_cast<Vector<E, WIDTH> *>(row + i) = vector;
        } else {
#pragma unroll
            for (int lane = 0; lane < WIDTH; lane++)
                if (place.has(i + lane))
                    row[(i + lane) * step] = held[k + lane];
        }
    }
}

// Calls `f(held element, its number in the row)` for all that a thread keeps.
template <typename F> __device__ inline void visit(const Place &place, F f)
{
#pragma unroll
    for (int k = 0; k < ITEMS; k++)
        f(k, place.turn(k / WIDTH * WIDTH) + k % WIDTH);
}

// ---- parts ----
template <typename State>
__device__ inline void leave(State *scratch, const Cut &cut, const State &state)
{
    const Index row = group_row(), part = group_part();
    if (row < cut.rows && part < cut.parts && threadIdx.x == 0)
        scratch[(long long)row * cut.parts + part] = state;
}

// This part's state in `own`; that of the whole row is returned.
template <typename State, typename Combine>
__device__ inline State collect(const State *scratch, const Cut &cut, State &own, State identity,
                                Combine combine)
{
    const Index row = group_row(), part = group_part();
    State state = identity;
    own = identity;
    if (row < cut.rows) {
        const State *states = scratch + (long long)row * cut.parts;
        for (Index i = threadIdx.x; i < cut.parts; i += blockDim.x)
            state = combine(state, states[i]);
        if (part < cut.parts)
            own = states[part];
    }
    return group_combine(state, combine);
}

#endif
