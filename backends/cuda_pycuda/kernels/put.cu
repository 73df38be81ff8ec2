// index_put: out[i1[i], ..., ik[i]] = values[i], or +=, as if i went from first to last.
// scatter_add: out[..., index[..., j]] += src[..., j], likewise.
//
// A place is known by its offset in `out`, its key. Where several values have one key, the last of
// them is written, or the first adds up all of them: no two threads write the same element, and
// sums have one order. Few values look at each other's keys; many are sorted by them before.
//
// T: the dtype, or without ACCUMULATE a type as large; ACCUMULATE; INDEX; INDICES: the number of
// index arrays, 0 for scatter_add.
#include "common.cuh"
#include "numbers.cuh"

constexpr int THREADS = 256;
constexpr int FEW = 512;
constexpr long long WRONG = -0x7fffffffffffffffLL - 1; // sorts before all keys

__device__ inline T add(T a, T b)
{
    if constexpr (is_same<T, bool>)
        return a || b;
    else
        return T(Wrapping<T>(a) + Wrapping<T>(b));
}

// Whether `key` also comes in keys[from] to keys[to - 1].
__device__ inline bool among(long long key, const long long *keys, int from, int to)
{
    for (int i = from; i < to; i++)
        if (keys[i] == key)
            return true;
    return false;
}

#if INDICES
#include "places.cuh"

struct Put {
    long long count, n; // n values of `row` elements: count in all
    Divisor row;
    AnyLayout<2> rest;  // a row of out, of values
    AnyLayout<1> value; // where value i begins
    Places places;
};

// Up to FEW values, whose keys every block finds for itself.
extern "C" __global__ void __launch_bounds__(THREADS)
    few(T *out, const T *values, long long *fault, IndexArrays indices, Put s)
{
    __shared__ long long keys[FEW];
    __shared__ int wrong;
    const int n = int(s.n);
    if (threadIdx.x == 0)
        wrong = 0;
    __syncthreads();
    for (int i = threadIdx.x; i < n; i += THREADS) {
        Index offset;
        if (!s.places.offset(indices, i, fault, offset))
            wrong = 1;
        keys[i] = offset;
    }
    __syncthreads();
    if (wrong)
        return;
    for (Index e = grid_thread(); e < Index(s.count); e += grid_threads()) {
        Index element = e;
        const int i = int(divide_off(s.row, element));
        const long long key = keys[i];
        if (ACCUMULATE ? among(key, keys, 0, i) : among(key, keys, i + 1, n))
            continue;
        Index at[2], value[1];
        locate(s.rest, element, at);
        T &target = out[Index(key) + at[0]];
#if ACCUMULATE
        T sum = target;
        for (int j = i; j < n; j++)
            if (keys[j] == key) {
                locate(s.value, j, value);
                sum = add(sum, values[value[0] + at[1]]);
            }
        target = sum;
#else
        locate(s.value, i, value);
        target = values[value[0] + at[1]];
#endif
    }
}

extern "C" __global__ void find_keys(long long *keys, long long *fault, IndexArrays indices, Put s)
{
    for (Index i = grid_thread(); i < Index(s.n); i += grid_threads()) {
        Index offset;
        keys[i] = s.places.offset(indices, i, fault, offset) ? (long long)offset : WRONG;
    }
}

#else

struct Put {
    long long count, n; // as above
    Divisor row;        // of one element
    long long rows;     // n = rows * length
    Divisor length;
    long long dimension, size, stride; // of out's last dimension
    AnyLayout<2> rest;
    AnyLayout<1> value;
    AnyLayout<3> element; // index, out without its last dimension, src
};

// The key of value `i`, WRONG where its index is out of bounds; `value`: where it is.
__device__ inline long long key_of(const long long *index, const Put &s, Index i, long long *fault,
                                   Index &value)
{
    Index at[3];
    locate(s.element, i, at);
    value = at[2];
    const long long place = index[at[0]];
    if (place >= 0 && place < s.size)
        return at[1] + place * s.stride;
    report_fault(fault, FAULT_INDEX, place, s.dimension, s.size);
    return WRONG;
}

// Rows of up to FEW values: blocks take as many of them as they have room for.
extern "C" __global__ void __launch_bounds__(THREADS)
    few(T *out, const T *values, const long long *index, long long *fault, Put s)
{
    __shared__ long long keys[FEW];
    __shared__ T kept[FEW];
    const int length = int(s.length.size), together = FEW / length;
    const long long first = (long long)blockIdx.x * together;
    const long long left = (s.rows - first) * length;
    const int count = left < together * length ? int(left) : together * length;
    for (int i = threadIdx.x; i < count; i += THREADS) {
        Index value;
        keys[i] = key_of(index, s, Index(first * length) + i, fault, value);
        kept[i] = values[value];
    }
    __syncthreads();
    for (int i = threadIdx.x; i < count; i += THREADS) {
        const int start = int(divide(s.length, i)) * length, end = start + length;
        const long long key = keys[i];
        if (key == WRONG || among(key, keys, start, i))
            continue;
        T sum = out[key];
        for (int j = i; j < end; j++)
            if (keys[j] == key)
                sum = add(sum, kept[j]);
        out[key] = sum;
    }
}

extern "C" __global__ void find_keys(long long *keys, const long long *index, long long *fault,
                                     Put s)
{
    for (Index i = grid_thread(); i < Index(s.n); i += grid_threads()) {
        Index value;
        keys[i] = key_of(index, s, i, fault, value);
    }
}

#endif

// Where the run of `key` that begins at `first` of the sorted keys ends. Most runs are short.
__device__ inline Index end_of_run(const long long *keys, const long long *order, Index first,
                                   Index n, long long key)
{
    Index low = first + 1, reach = 8; // all before `low` have the key
    while (n - first > reach && keys[order[first + reach]] == key) {
        low = first + reach + 1;
        reach = reach < n / 2 ? reach * 2 : n;
    }
    Index high = n - first > reach ? first + reach : n; // from there on, none has
    while (low < high) {
        const Index middle = low + (high - low) / 2;
        if (keys[order[middle]] == key)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

// Any number of values; `order` sorts their keys. One wrong index keeps index_put from all.
extern "C" __global__ void sorted(T *out, const T *values, const long long *keys,
                                  const long long *order, Put s)
{
    if (INDICES > 0 && keys[order[0]] == WRONG)
        return;
    const Index n = Index(s.n);
    for (Index e = grid_thread(); e < Index(s.count); e += grid_threads()) {
        Index element = e;
        const Index p = divide_off(s.row, element);
        const long long key = keys[order[p]];
        const Index neighbour = ACCUMULATE ? p - 1 : p + 1;
        if (key == WRONG || (neighbour >= 0 && neighbour < n && keys[order[neighbour]] == key))
            continue;
        Index at[2], value[1];
        locate(s.rest, element, at);
        T &target = out[Index(key) + at[0]];
#if ACCUMULATE
        T sum = target;
        const Index end = end_of_run(keys, order, p, n, key);
#pragma unroll 8
        for (Index q = p; q < end; q++) { // the loads of several turns are in flight together
            locate(s.value, Index(order[q]), value);
            sum = add(sum, values[value[0] + at[1]]);
        }
        target = sum;
#else
        locate(s.value, Index(order[p]), value);
        target = values[value[0] + at[1]];
#endif
    }
}
