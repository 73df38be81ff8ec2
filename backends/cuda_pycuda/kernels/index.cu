// index: out[i] = a[i1[i], ..., ik[i]], rows of any shape.
//
// MOVED: a type as large as the elements, or as sixteen bytes of a row; INDEX; INDICES.
#include "places.cuh"

struct Take {
    long long count; // elements in all
    Divisor row;     // elements of a row
    long long out_step;
    AnyLayout<2> rest; // a row of out, of a
    Places places;
};

constexpr int UNROLL = 4; // loads in flight

extern "C" __global__ void take(MOVED *out, const MOVED *a, long long *fault, IndexArrays indices,
                                Take s)
{
    const Index step = grid_threads(), count = Index(s.count);
    for (Index first = grid_thread(); first < count; first += step * UNROLL) {
        MOVED moved[UNROLL];
        Index to[UNROLL];
        bool inside[UNROLL];
#pragma unroll
        for (int u = 0; u < UNROLL; u++) {
            Index element = first + u * step;
            inside[u] = element < count;
            if (!inside[u])
                continue;
            const Index place = divide_off(s.row, element);
            Index start, at[2];
            inside[u] = s.places.offset(indices, place, fault, start);
            locate(s.rest, element, at);
            to[u] = place * Index(s.out_step) + at[0];
            if (inside[u])
                moved[u] = a[start + at[1]];
        }
#pragma unroll
        for (int u = 0; u < UNROLL; u++)
            if (inside[u])
                out[to[u]] = moved[u];
    }
}
