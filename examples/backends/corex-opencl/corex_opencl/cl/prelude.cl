// What every program begins with.

#ifdef FP64
#pragma OPENCL EXTENSION cl_khr_fp64 : enable
#endif
// A fused multiply-add would round differently from device to device.
#pragma OPENCL FP_CONTRACT OFF

#define RANK 8
#define OPERANDS 4

// Where the elements of up to four operands of one shape are; packed by layouts.py.
typedef struct {
    long offset[OPERANDS];
    long count;
    long rank;
    long shape[RANK];
    long stride[OPERANDS][RANK];
} Layout;

// The positions of element number `index`, in row-major order, in the first `operands` operands.
static inline void locate(const Layout *layout, int operands, long index, long *at)
{
    for (int k = 0; k < operands; ++k)
        at[k] = layout->offset[k];
    for (int dim = (int)layout->rank - 1; dim >= 0; --dim) {
        const long size = layout->shape[dim];
        // Most indices fit into 32 bits, where division is much faster.
        const long rest = (ulong)index <= UINT_MAX && (ulong)size <= UINT_MAX
                              ? (long)((uint)index / (uint)size)
                              : index / size;
        const long along = index - rest * size;
        for (int k = 0; k < operands; ++k)
            at[k] += along * layout->stride[k][dim];
        index = rest;
    }
}
