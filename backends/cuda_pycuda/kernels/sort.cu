// argsort along the last dimension: stable, NaN above all numbers.
//
// Values become unsigned keys of the same order. A block sorts TILE of them in shared memory, by a
// bitonic network; as no two pairs (key, position) are equal, what comes out is stable. Longer rows
// are tiles that are merged by twos, through scratch memory.
//
// T: the dtype; INDEX: of positions in a row and of offsets.
#include "common.cuh"

constexpr int THREADS = 256;
constexpr int TILE = 1024;
constexpr int EACH = TILE / THREADS;

struct Sort {
    long long rows, n, descending;
    long long out_step, in_step;
    AnyLayout<2> row; // out, in
};

// ---- keys ----
template <int BYTES> struct KeyOf {
    using Type = unsigned;
};
template <> struct KeyOf<8> {
    using Type = unsigned long long;
};
using Key = typename KeyOf<sizeof(T)>::Type;
constexpr Key LAST = ~Key(0);
constexpr Key SIGN = ~(LAST >> 1);

__device__ inline Key bits_of(float value) { return Key(__float_as_uint(value)); }
__device__ inline Key bits_of(double value) { return Key(__double_as_longlong(value)); }

template <typename V> __device__ inline Key key_of(V value)
{
    if constexpr (is_floating<V>) {
        if (value != value)
            return LAST;
        const Key bits = bits_of(value == V(0) ? V(0) : value); // -0.0 equals 0.0
        return bits & SIGN ? ~bits : bits | SIGN;
    } else if constexpr (!is_signed<V>) {
        return Key(value);
    } else {
        return Key(value) ^ SIGN;
    }
}

struct Item {
    Key key;
    Index at;
};

__device__ inline bool before(const Item &a, const Item &b)
{
    return a.key < b.key || (a.key == b.key && a.at < b.at);
}

__device__ inline Item item_of(const T *in, const Sort &s, Index base, Index at)
{
    const Key key = key_of(in[base + at * Index(s.in_step)]);
    return Item{s.descending ? ~key : key, at};
}

// Comes after all others.
__device__ inline Item nothing()
{
    return Item{LAST, Index(sizeof(Index) == 4 ? 0x7fffffffLL : 0x7fffffffffffffffLL)};
}

// ---- a tile ----
// Sorts every run of `width` items, a power of two.
__device__ inline void sort_runs(Item *items, int width)
{
    for (int run = 2; run <= width; run *= 2)
        for (int apart = run / 2; apart > 0; apart /= 2) {
            for (int pair = threadIdx.x; pair < TILE / 2; pair += THREADS) {
                const int low = (pair & ~(apart - 1)) * 2 | (pair & (apart - 1));
                const bool ascending = (low & (width - 1) & run) == 0;
                const Item a = items[low], b = items[low + apart];
                if (before(b, a) == ascending) {
                    items[low] = b;
                    items[low + apart] = a;
                }
            }
            __syncthreads();
        }
}

// Rows of up to TILE elements, each padded to `width`: several in a block.
extern "C" __global__ void __launch_bounds__(THREADS)
    sort_rows(long long *out, const T *in, Sort s, long long width)
{
    __shared__ Item items[TILE];
    const int padded = int(width), digits = 31 - __clz(padded); // a power of two
    const long long first = (long long)blockIdx.x * (TILE >> digits);
    for (int i = threadIdx.x; i < TILE; i += THREADS) {
        const long long row = first + (i >> digits);
        const Index at = i & (padded - 1);
        if (row < s.rows && at < Index(s.n)) {
            Index base[2];
            locate(s.row, Index(row), base);
            items[i] = item_of(in, s, base[1], at);
        } else {
            items[i] = nothing();
        }
    }
    __syncthreads();
    sort_runs(items, padded);
    for (int i = threadIdx.x; i < TILE; i += THREADS) {
        const long long row = first + (i >> digits);
        const Index at = i & (padded - 1);
        if (row < s.rows && at < Index(s.n)) {
            Index base[2];
            locate(s.row, Index(row), base);
            out[base[0] + at * Index(s.out_step)] = items[i].at;
        }
    }
}

// ---- long rows ----
// The tiles of a row lie side by side; blockIdx.x counts tiles, the other two count rows.
__device__ inline long long row_of_block()
{
    return (long long)blockIdx.z * gridDim.y + blockIdx.y;
}

extern "C" __global__ void __launch_bounds__(THREADS)
    sort_tiles(Key *keys, Index *places, const T *in, Sort s)
{
    __shared__ Item items[TILE];
    const long long row = row_of_block();
    if (row >= s.rows)
        return;
    const Index start = Index(blockIdx.x) * TILE, n = Index(s.n);
    Index base[2];
    locate(s.row, Index(row), base);
    for (int i = threadIdx.x; i < TILE; i += THREADS)
        items[i] = start + i < n ? item_of(in, s, base[1], start + i) : nothing();
    __syncthreads();
    sort_runs(items, TILE);
    for (int i = threadIdx.x; i < TILE && start + i < n; i += THREADS) {
        keys[row * s.n + start + i] = items[i].key;
        places[row * s.n + start + i] = items[i].at;
    }
}

// How many of the first `count` of two merged runs come from the left one, which wins ties.
__device__ inline Index share_of_left(const Key *left, Index lefts, const Key *right, Index rights,
                                      Index count)
{
    Index low = count > rights ? count - rights : 0, high = count < lefts ? count : lefts;
    while (low < high) {
        const Index middle = (low + high) / 2;
        if (left[middle] <= right[count - 1 - middle])
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

// Merges runs of `width` by twos; a block makes one tile. The last time, positions go to `out`.
extern "C" __global__ void __launch_bounds__(THREADS)
    merge_runs(Key *to_keys, Index *to_places, const Key *keys, const Index *places, long long *out,
               Sort s, long long width)
{
    __shared__ Key some[TILE];
    __shared__ Index share[2];
    const long long row = row_of_block();
    if (row >= s.rows)
        return;
    keys += row * s.n;
    places += row * s.n;
    const Index start = Index(blockIdx.x) * TILE, n = Index(s.n);
    const Index end = n - start < TILE ? n : start + TILE;
    const Index pair = start - start % Index(2 * width);
    const Index middle = n - pair < Index(width) ? n : pair + Index(width);
    const Index stop = n - pair < Index(2 * width) ? n : pair + Index(2 * width);
    if (threadIdx.x < 2)
        share[threadIdx.x] = share_of_left(keys + pair, middle - pair, keys + middle, stop - middle,
                                           (threadIdx.x ? end : start) - pair);
    __syncthreads();
    const Index left = pair + share[0], right = middle + (start - pair - share[0]);
    const Index lefts = share[1] - share[0], total = end - start;
    for (Index i = threadIdx.x; i < total; i += THREADS)
        some[i] = i < lefts ? keys[left + i] : keys[right + i - lefts];
    __syncthreads();
    const Index first = Index(threadIdx.x) * EACH;
    if (first >= total)
        return;
    Index a = share_of_left(some, lefts, some + lefts, total - lefts, first);
    Index b = first - a;
    Index base[2];
    locate(s.row, Index(row), base);
    for (Index i = first; i < total && i < first + EACH; i++) {
        const bool from_left = b >= total - lefts || (a < lefts && some[a] <= some[lefts + b]);
        const Key key = some[from_left ? a : lefts + b];
        const Index place = places[from_left ? left + a : right + b];
        a += from_left;
        b += !from_left;
        if (out != nullptr) {
            out[base[0] + (start + i) * Index(s.out_step)] = place;
        } else {
            to_keys[row * s.n + start + i] = key;
            to_places[row * s.n + start + i] = place;
        }
    }
}
