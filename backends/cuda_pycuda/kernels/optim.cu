// sgd_step and adam_step: all arithmetic of a step in one pass over the parameters, in PyTorch's
// order.
//
// T: the dtype; INDEX; OPTIMIZER: 0 for SGD, 1 for SGD with momentum, 2 for Adam.
#include "common.cuh"

constexpr int THREADS = 256;
constexpr int TENSORS = 64;                                           // in one launch
constexpr int CHUNK = 4096;                                           // elements that a block takes
constexpr int OPERANDS = OPTIMIZER == 2 ? 4 : OPTIMIZER == 1 ? 3 : 2; // param, grad, states
constexpr int LANES = LANES_OF<T>;

using Real = Accumulate<T>;

#if OPTIMIZER == 2

struct Constants {
    double decay, shrink, beta2, take1, take2, eps, step_size, correction;
    long long maximize;
};

// `x`: one element of param, grad, exp_avg and exp_avg_sq; those that change are replaced.
__device__ inline void update(const Constants &c, T (&x)[OPERANDS])
{
    const Real param = Real(x[0]) * Real(c.shrink);
    Real grad = c.maximize ? -Real(x[1]) : Real(x[1]);
    if (c.decay != 0) // or else an infinite parameter would make a NaN
        grad += Real(c.decay) * param;
    const Real average = Real(x[2]) + Real(c.take1) * (grad - Real(x[2]));
    const Real square = Real(x[3]) * Real(c.beta2) + Real(c.take2) * grad * grad;
    x[2] = T(average);
    x[3] = T(square);
    const Real root = sqrt(square) / Real(c.correction) + Real(c.eps);
    x[0] = T(param - Real(c.step_size) * average / root);
}

#else

struct Constants {
    double lr, momentum, keep, decay;
    long long nesterov, maximize, first;
};

// `x`: one element of param, grad and, with momentum, of the buffer.
__device__ inline void update(const Constants &c, T (&x)[OPERANDS])
{
    const Real param = Real(x[0]);
    Real step = c.maximize ? -Real(x[1]) : Real(x[1]);
    if (c.decay != 0) // or else an infinite parameter would make a NaN
        step += Real(c.decay) * param;
#if OPTIMIZER == 1
    const Real momentum = Real(c.momentum);
    const Real kept = c.first ? step : Real(x[2]) * momentum + Real(c.keep) * step;
    x[2] = T(kept);
    step = c.nesterov ? step + momentum * kept : kept;
#endif
    x[0] = T(param - Real(c.lr) * step);
}

#endif

struct Tensor {
    long long first_block, size;
    T *operands[OPERANDS];
};

struct Table {
    long long count;
    Tensor tensors[TENSORS];
};

// The tensor that a block works on; `first_block` ascends.
__device__ inline int tensor_of_block(const Table &table)
{
    int low = 0, high = int(table.count);
    while (high - low > 1) {
        const int middle = (low + high) / 2;
        if (table.tensors[middle].first_block <= (long long)blockIdx.x)
            low = middle;
        else
            high = middle;
    }
    return low;
}

__device__ inline void update_packs(const Constants &c, T *const (&at)[OPERANDS], int count)
{
    for (int i = threadIdx.x; i < count / LANES; i += THREADS) {
        Vector<T, LANES> packs[OPERANDS];
#pragma unroll
        for (int k = 0; k < OPERANDS; k++)
            packs[k] = load_vector<LANES>(at[k], i);
#pragma unroll
        for (int lane = 0; lane < LANES; lane++) {
            T x[OPERANDS];
#pragma unroll
            for (int k = 0; k < OPERANDS; k++)
                x[k] = packs[k].lanes[lane];
            update(c, x);
#pragma unroll
            for (int k = 0; k < OPERANDS; k++)
                packs[k].lanes[lane] = x[k];
        }
#pragma unroll
        for (int k = 0; k < OPERANDS; k++)
            if (k != 1) // the gradient stays as it is
                store_vector<LANES>(at[k], i, packs[k]);
    }
}

__device__ inline void update_one(const Constants &c, T *const (&at)[OPERANDS],
                                  const Index (&offsets)[OPERANDS])
{
    T x[OPERANDS];
#pragma unroll
    for (int k = 0; k < OPERANDS; k++)
        x[k] = at[k][offsets[k]];
    update(c, x);
#pragma unroll
    for (int k = 0; k < OPERANDS; k++)
        if (k != 1)
            at[k][offsets[k]] = x[k];
}

// Up to TENSORS tensors, whose operands lie dense in the same order; a block takes a chunk of one.
extern "C" __global__ void __launch_bounds__(THREADS) dense(Table table, Constants c)
{
    const Tensor &tensor = table.tensors[tensor_of_block(table)];
    const long long start = ((long long)blockIdx.x - tensor.first_block) * CHUNK;
    const long long left = tensor.size - start;
    const int count = left < CHUNK ? int(left) : CHUNK;
    T *at[OPERANDS];
    bool aligned = true;
#pragma unroll
    for (int k = 0; k < OPERANDS; k++) {
        at[k] = tensor.operands[k] + start;
        aligned &= is_aligned(at[k], VECTOR_BYTES);
    }
    int done = 0;
    if (aligned) {
        update_packs(c, at, count);
        done = count / LANES * LANES;
    }
    for (int i = done + (int)threadIdx.x; i < count; i += THREADS) {
        Index offsets[OPERANDS];
#pragma unroll
        for (int k = 0; k < OPERANDS; k++)
            offsets[k] = i;
        update_one(c, at, offsets);
    }
}

struct Operands {
    T *at[OPERANDS];
};

// One tensor, whose operands have strides of their own.
extern "C" __global__ void strided(Operands operands, long long count, AnyLayout<OPERANDS> layout,
                                   Constants c)
{
    for (Index i = grid_thread(); i < Index(count); i += grid_threads()) {
        Index offsets[OPERANDS];
        locate(layout, i, offsets);
        update_one(c, operands.at, offsets);
    }
}
