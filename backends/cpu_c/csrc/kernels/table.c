/* The tables of one level together. */
#include "kernels.h"

const corex_kernels COREX_LEVELED(corex_kernels) = {
    .unary = &COREX_LEVELED(corex_unary),
    .binary = &COREX_LEVELED(corex_binary),
    .slow_binary = &COREX_LEVELED(corex_slow_binary),
    .copy = &COREX_LEVELED(corex_copy),
    .reductions = &COREX_LEVELED(corex_reductions),
    .softmax = &COREX_LEVELED(corex_softmax),
    .scan = &COREX_LEVELED(corex_scan),
    .running = &COREX_LEVELED(corex_running),
    .norm = &COREX_LEVELED(corex_norm),
    .loss = &COREX_LEVELED(corex_loss),
    .optim = &COREX_LEVELED(corex_optim),
    .gemm = &COREX_LEVELED(corex_gemm),
    .random = &COREX_LEVELED(corex_random),
    .complex = &COREX_LEVELED(corex_complex),
};
