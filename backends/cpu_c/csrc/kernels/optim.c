/* Optimizer steps: one loop per parameter does all of the arithmetic, in PyTorch's order. */
#include "kernels.h"

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
    static void name(char *const *p, const int64_t *s, int64_t n) \
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

#define SGD_PLAIN(sfx, T) SGD(sgd_##sfx, T, 2, false)
#define SGD_MOMENTUM(sfx, T) SGD(sgd_momentum_##sfx, T, 3, true)
COREX_FLOAT_ROWS(COREX_MAKE, SGD_PLAIN)
COREX_FLOAT_ROWS(COREX_MAKE, SGD_MOMENTUM)

/* ---- Adam: operands param, grad, exp_avg, exp_avg_sq, constants ---- */

#define ADAM_BODY(T, PARAM, GRAD, AVG, SQUARE) \
    T x = (PARAM) * shrink, d = c.maximize ? -(GRAD) : (GRAD); \
    d = decay != 0 ? d + decay * x : d; \
    const T m = (AVG) + take1 * (d - (AVG)); \
    const T v = (SQUARE) * beta2 + take2 * d * d; \
    AVG = m; \
    SQUARE = v; \
    PARAM = x - step_size * m / (COREX_TG(sqrt, v) / correction + eps);

#define ADAM(sfx, T) \
    static void adam_##sfx(char *const *p, const int64_t *s, int64_t n) \
    { \
        const corex_adam_constants c = *(const corex_adam_constants *)p[4]; \
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

COREX_FLOAT_ROWS(COREX_MAKE, ADAM)

const corex_optim_table COREX_LEVELED(corex_optim) = {
    .sgd = COREX_FLOAT_TABLE(sgd),
    .sgd_momentum = COREX_FLOAT_TABLE(sgd_momentum),
    .adam = COREX_FLOAT_TABLE(adam),
};
