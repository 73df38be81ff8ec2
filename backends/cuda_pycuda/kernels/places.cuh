// Index arrays that name places of a view: i1[i], ..., ik[i], each one-dimensional.
//
// INDICES: how many there are.
#ifndef COREX_PLACES_CUH
#define COREX_PLACES_CUH

#include "common.cuh"

struct IndexArrays {
    const long long *at[INDICES];
};

struct Places {
    long long step[INDICES];                  // of the index array
    long long size[INDICES], stride[INDICES]; // of the dimension it indexes

    // The offset of place `i`; false, with a fault, where an index is out of bounds.
    __device__ bool offset(const IndexArrays &indices, Index i, long long *fault,
                           Index &found) const
    {
        bool inside = true;
        found = 0;
#pragma unroll
        for (int k = 0; k < INDICES; k++) {
            long long index = indices.at[k][i * Index(step[k])];
            inside &= wrap_index(index, k, size[k], fault);
            found += Index(index) * Index(stride[k]);
        }
        return inside;
    }
};

#endif
