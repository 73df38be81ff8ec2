/*
 * Optimizer steps: one loop per parameter does all of the arithmetic, in PyTorch's order. The
 * constants ride along as a last operand with stride 0.
 */
#include "internal.h"

/* Loads element i of operand k. */
#define AT(T, k) (*(T *)(p[k] + i * s[k]))

/* ---- SGD: operands param, grad, momentum?, constants ---- */

#define SGD_BODY(T, PARAM, GRAD, BUFFER) \
    T d = c.maximize ? -(GRAD) : (GRAD); \
    d = decay != 0 ? d + decay * (PARAM) : d; \
    if (with_momentum) { \
        const T b = c.first ? d : (BUFFER) * momentum + keep * d; \
        BUFFER = b; \
        d = c.nesterov ? d + momentum * b : b; \
    } \
    PARAM = (PARAM) + rate * d;

#define SGD(name, T, OPERANDS, WITH_MOMENTUM) \
    COREX_CLONES static void name(char *const *p, const int64_t *s, int64_t n) \
    { \
        const corex_sgd_params c = *(const corex_sgd_params *)p[OPERANDS]; \
        const bool with_momentum = WITH_MOMENTUM; \
        const T decay = (T)c.weight_decay, momentum = (T)c.momentum; \
        const T keep = (T)(1 - c.dampening), rate = (T) - c.lr; \
        (void)momentum; \
        (void)keep; \
        if (s[0] == sizeof(T) && s[1] == sizeof(T) && s[OPERANDS - 1] == sizeof(T)) { \
            T *param = (T *)p[0], *buffer = (T *)p[OPERANDS - 1]; \
            const T *grad = (const T *)p[1]; \
            (void)buffer; \
            COREX_INDEPENDENT \
            for (int64_t i = 0; i < n; i++) { \
                SGD_BODY(T, param[i], grad[i], buffer[i]) \
            } \
            return; \
        } \
        for (int64_t i = 0; i < n; i++) { \
            SGD_BODY(T, AT(T, 0), AT(T, 1), AT(T, OPERANDS - 1)) \
        } \
    }

SGD(sgd_f32, float, 2, false)
SGD(sgd_f64, double, 2, false)
SGD(sgd_momentum_f32, float, 3, true)
SGD(sgd_momentum_f64, double, 3, true)

/* ---- Adam: operands param, grad, exp_avg, exp_avg_sq, constants ---- */

typedef struct adam_constants {
    double decay, shrink, beta1, beta2, eps, step_size, correction;
    bool maximize;
} adam_constants;

#define ADAM_BODY(T, PARAM, GRAD, AVG, SQUARE) \
    T x = (PARAM) * shrink, d = c.maximize ? -(GRAD) : (GRAD); \
    d = decay != 0 ? d + decay * x : d; \
    const T m = (AVG) + take1 * (d - (AVG)); \
    const T v = (SQUARE) * beta2 + take2 * d * d; \
    AVG = m; \
    SQUARE = v; \
    PARAM = x - step_size * m / (COREX_TG(sqrt, v) / correction + eps);

#define ADAM(name, T) \
    COREX_CLONES static void name(char *const *p, const int64_t *s, int64_t n) \
    { \
        const adam_constants c = *(const adam_constants *)p[4]; \
        const T shrink = (T)c.shrink, decay = (T)c.decay, beta2 = (T)c.beta2, eps = (T)c.eps; \
        const T take1 = (T)(1 - c.beta1), take2 = (T)(1 - c.beta2); \
        const T step_size = (T)c.step_size, correction = (T)c.correction; \
        if (s[0] == sizeof(T) && s[1] == sizeof(T) && s[2] == sizeof(T) && s[3] == sizeof(T)) { \
            T *param = (T *)p[0], *avg = (T *)p[2], *square = (T *)p[3]; \
            const T *grad = (const T *)p[1]; \
            COREX_INDEPENDENT \
            for (int64_t i = 0; i < n; i++) { \
                ADAM_BODY(T, param[i], grad[i], avg[i], square[i]) \
            } \
            return; \
        } \
        for (int64_t i = 0; i < n; i++) { \
            ADAM_BODY(T, AT(T, 0), AT(T, 1), AT(T, 2), AT(T, 3)) \
        } \
    }

ADAM(adam_f32, float)
ADAM(adam_f64, double)

/* ---- over lists ---- */

/* One parameter: the operands, then the constants. */
static corex_status step_one(int nops, const corex_view *const *operands, const void *constants,
                             corex_loop f32, corex_loop f64, int cost)
{
    static const int64_t zeros[COREX_MAX_DIMS];
    const corex_view *param = operands[0], *views[COREX_MAX_OPERANDS];
    for (int k = 0; k < nops; k++) {
        views[k] = operands[k];
        if (views[k]->dtype != param->dtype || param->dtype < COREX_FLOAT32)
            return corex_fail(COREX_ERR_TYPE, "optimizers take floats of one dtype");
    }
    corex_view last = {(void *)(uintptr_t)constants, param->shape, zeros, param->ndim, COREX_UINT8};
    views[nops] = &last;
    corex_iter iter;
    corex_status status = corex_iter_init(&iter, nops + 1, views);
    if (status != COREX_OK)
        return status;
    iter.strides[nops][iter.ndim - 1] = 0; /* also where there was no dimension to have it */
    corex_iter_run(&iter, param->dtype == COREX_FLOAT32 ? f32 : f64, cost);
    return COREX_OK;
}

corex_status corex_sgd_step(int count, const corex_view *params, const corex_view *grads,
                            const corex_view *momenta, const corex_sgd_params *options)
{
    bool with = momenta != NULL && options->momentum != 0;
    for (int i = 0; i < count; i++) {
        const corex_view *operands[] = {&params[i], &grads[i], with ? &momenta[i] : NULL};
        corex_status status =
            step_one(with ? 3 : 2, operands, options, with ? sgd_momentum_f32 : sgd_f32,
                     with ? sgd_momentum_f64 : sgd_f64, 1);
        if (status != COREX_OK)
            return status;
    }
    return COREX_OK;
}

corex_status corex_adam_step(int count, const corex_view *params, const corex_view *grads,
                             const corex_view *exp_avgs, const corex_view *exp_avg_sqs,
                             const corex_adam_params *options)
{
    const double decay = options->weight_decay;
    adam_constants constants = {
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
        corex_status status = step_one(4, operands, &constants, adam_f32, adam_f64, 2);
        if (status != COREX_OK)
            return status;
    }
    return COREX_OK;
}
