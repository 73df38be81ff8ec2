/*
 * Optimizer steps over lists of parameters. The constants ride along as a last operand with
 * stride 0.
 */
#include "levels.h"

/* One parameter: the operands, then the constants. */
static corex_status step_one(int nops, const corex_view *const *operands, const void *constants,
                             const corex_loop *by_dtype, int cost)
{
    static const int64_t zeros[COREX_MAX_DIMS];
    const corex_view *param = operands[0], *views[COREX_MAX_OPERANDS];
    for (int k = 0; k < nops; k++) {
        views[k] = operands[k];
        if (views[k]->dtype != param->dtype || !COREX_AMONG(COREX_FLOATS, param->dtype))
            return corex_fail(COREX_ERR_TYPE, "optimizers take floats of one dtype");
    }
    corex_view last = {(void *)(uintptr_t)constants, param->shape, zeros, param->ndim, COREX_UINT8};
    views[nops] = &last;
    corex_iter iter;
    corex_status status = corex_iter_init(&iter, nops + 1, views);
    if (status != COREX_OK)
        return status;
    iter.strides[nops][iter.ndim - 1] = 0; /* also where there was no dimension to have it */
    corex_iter_run(&iter, COREX_UPDATES, by_dtype[param->dtype], cost);
    return COREX_OK;
}

corex_status corex_sgd_step(int count, const corex_view *params, const corex_view *grads,
                            const corex_view *momenta, const corex_sgd_params *options)
{
    const corex_optim_table *kernels = corex_kernels_now()->optim;
    bool with = momenta != NULL && options->momentum != 0;
    for (int i = 0; i < count; i++) {
        const corex_view *operands[] = {&params[i], &grads[i], with ? &momenta[i] : NULL};
        corex_status status = step_one(with ? 3 : 2, operands, options,
                                       with ? kernels->sgd_momentum : kernels->sgd, 1);
        if (status != COREX_OK)
            return status;
    }
    return COREX_OK;
}

corex_status corex_adam_step(int count, const corex_view *params, const corex_view *grads,
                             const corex_view *exp_avgs, const corex_view *exp_avg_sqs,
                             const corex_adam_params *options)
{
    const corex_optim_table *kernels = corex_kernels_now()->optim;
    const double decay = options->weight_decay;
    corex_adam_constants constants = {
        .decay = options->decoupled ? 0 : decay,
        .shrink = options->decoupled ? 1 - options->lr * decay : 1,
        .beta1 = options->beta1,
        .beta2 = options->beta2,
        .eps = options->eps,
        .step_size = options->lr / (1 - pow(options->beta1, options->step)),
        .correction = sqrt(1 - pow(options->beta2, options->step)),
        .maximize = options->maximize != 0,
    };
    for (int i = 0; i < count; i++) {
        const corex_view *operands[] = {&params[i], &grads[i], &exp_avgs[i], &exp_avg_sqs[i]};
        corex_status status = step_one(4, operands, &constants, kernels->adam, 2);
        if (status != COREX_OK)
            return status;
    }
    return COREX_OK;
}
