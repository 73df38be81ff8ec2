// gather: out[..., j] = a[..., index[..., j]].
//
// MOVED: a type as large as the elements; INDEX.
#include "common.cuh"

struct Along {
    long long count, dimension, size, stride; // of a's last dimension
    AnyLayout<3> element;                     // out, index, a without its last dimension
};

extern "C" __global__ void along(MOVED *out, const MOVED *a, const long long *index,
                                 long long *fault, Along s)
{
    for (Index i = grid_thread(); i < Index(s.count); i += grid_threads()) {
        Index at[3];
        locate(s.element, i, at);
        const long long place = index[at[1]];
        if (place < 0 || place >= s.size)
            report_fault(fault, FAULT_INDEX, place, s.dimension, s.size);
        else
            out[at[0]] = a[at[2] + Index(place) * Index(s.stride)];
    }
}
