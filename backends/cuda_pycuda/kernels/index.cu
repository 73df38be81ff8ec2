// index: out[i] = a[i1[i], ..., ik[i]], rows of any shape.
//
// MOVED: a type as large as the elements, or as sixteen bytes of a row; INDEX; INDICES.
#include "places.cuh"

struct Take {
    long long count, row; // elements in all, and of a row
    long long out_step;
    AnyLayout<2> rest; // a row of out, of a
    Places places;
};

extern "C" __global__ void take(MOVED *out, const MOVED *a, long long *fault, IndexArrays indices,
                                Take s)
{
    for (Index i = grid_thread(); i < Index(s.count); i += grid_threads()) {
        const Index place = i / Index(s.row);
        Index start, at[2];
        if (!s.places.offset(indices, place, fault, start))
            continue;
        locate(s.rest, i - place * Index(s.row), at);
        out[place * Index(s.out_step) + at[0]] = a[start + at[1]];
    }
}
