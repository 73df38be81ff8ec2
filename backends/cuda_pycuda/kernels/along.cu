// gather: out[..., j] = a[..., index[..., j]].
//
// MOVED: a type as large as the elements; INDEX.
#include "common.cuh"

struct Along {
    long long count, dimension, size, stride; // of a's last dimension
    AnyLayout<3> element;                     // out, index, a without its last dimension
};

constexpr int UNROLL = 4; // loads in flight

extern "C" __global__ void along(MOVED *out, const MOVED *a, const long long *index,
                                 long long *fault, Along s)
{
    const Index step = grid_threads(), count = Index(s.count);
    for (Index first = grid_thread(); first < count; first += step * UNROLL) {
        Index at[UNROLL][3];
        long long places[UNROLL];
#pragma unroll
        for (int u = 0; u < UNROLL; u++) {
            places[u] = -1;
            if (first + u * step >= count)
                continue;
            locate(s.element, first + u * step, at[u]);
            places[u] = index[at[u][1]];
            if (places[u] < 0 || places[u] >= s.size) {
                report_fault(fault, FAULT_INDEX, places[u], s.dimension, s.size);
                places[u] = -1;
            }
        }
        MOVED moved[UNROLL];
#pragma unroll
        for (int u = 0; u < UNROLL; u++)
            if (places[u] >= 0)
                moved[u] = a[at[u][2] + Index(places[u]) * Index(s.stride)];
#pragma unroll
        for (int u = 0; u < UNROLL; u++)
            if (places[u] >= 0)
                out[at[u][0]] = moved[u];
    }
}
