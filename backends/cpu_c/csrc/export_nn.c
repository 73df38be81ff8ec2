/* Rows of tier 2. */
#include "export.h"

#include "internal.h"

/* ---- activations whose form is a parameter ---- */
RUN(gelu, corex_unary(corex_unary_op(a[2].integer ? "gelu_tanh" : "gelu"), V(0), V(1)))
RUN(gelu_backward,
    corex_binary(corex_binary_op(a[3].integer ? "gelu_tanh_backward" : "gelu_backward"), V(0), V(1),
                 V(2)))

/* ---- along the last dimension ---- */
RUN(cumsum, corex_cumsum(V(0), V(1)))
RUN(cumprod, corex_cumprod(V(0), V(1)))
RUN(prod_others, corex_prod_others(V(0), V(1)))
RUN(chain, corex_chain(V(0), V(1), V(2), (int)a[3].integer))
RUN(argcummax, corex_argcumextreme(V(0), V(1), 0))
RUN(argcummin, corex_argcumextreme(V(0), V(1), 1))
RUN(logcumsumexp, corex_logcumsumexp(V(0), V(1)))
RUN(argsort, corex_argsort(V(0), V(1), (int)a[2].integer))
RUN(argselect, corex_argselect(V(0), V(1), a[2].integer, (int)a[3].integer))
RUN(gather, corex_gather(V(0), V(1), V(2)))
RUN(scatter_add, corex_scatter_add(V(0), V(1), V(2)))
RUN(softmax, corex_softmax(V(0), V(1), 0))
RUN(log_softmax, corex_softmax(V(0), V(1), 1))
RUN(softmax_backward, corex_softmax_backward(V(0), V(1), V(2), 0))
RUN(log_softmax_backward, corex_softmax_backward(V(0), V(1), V(2), 1))

/* ---- normalisation, linear, losses ---- */
RUN(layer_norm, corex_layer_norm(V(0), V(1), V(2), V(3), OR_NULL(4), OR_NULL(5), a[6].real))
RUN(layer_norm_backward, corex_layer_norm_backward(V(0), V(1), V(2), V(3), V(4), OR_NULL(5)))
RUN(linear, corex_linear(V(0), V(1), V(2), OR_NULL(3)))
RUN(mse_loss, corex_mse_loss(V(0), V(1), V(2)))
RUN(mse_loss_backward, corex_mse_loss_backward(V(0), V(1), V(2), V(3)))

WORK(four, corex_times(corex_numel(V(1)), 4))
WORK(sixteen, corex_times(corex_numel(V(1)), 16))
WORK(linear, corex_times(corex_numel(V(0)), V(1)->ndim == 2 ? V(1)->shape[1] : 1))

/* ---- convolution: stride, padding, dilation, groups from a[0] on ---- */
static void read_pair(const corex_argument *a, int64_t pair[2])
{
    pair[0] = a->integers[0];
    pair[1] = a->integers[1];
}

static corex_conv2d_params conv_params(const corex_argument *a)
{
    corex_conv2d_params params = {.groups = a[3].integer};
    read_pair(&a[0], params.stride);
    read_pair(&a[1], params.padding);
    read_pair(&a[2], params.dilation);
    return params;
}

#define CONV(name, parameters, call) \
    static corex_status run_##name(const corex_kernel *self, const corex_argument *a, int32_t n) \
    { \
        (void)self; \
        (void)n; \
        const corex_conv2d_params params = conv_params(a + (parameters)); \
        return call; \
    }

CONV(conv2d, 4, corex_conv2d(V(0), V(1), V(2), OR_NULL(3), &params))
CONV(conv2d_backward_input, 3, corex_conv2d_backward_input(V(0), V(1), V(2), &params))
CONV(conv2d_backward_weight, 3, corex_conv2d_backward_weight(V(0), V(1), V(2), &params))

WORK(conv2d, corex_times(corex_numel(V(0)), 16))

/* ---- pooling ---- */
static corex_status run_max_pool2d(const corex_kernel *self, const corex_argument *a, int32_t n)
{
    (void)self;
    (void)n;
    corex_pool2d_params params = {.count_include_pad = 0};
    read_pair(&a[3], params.kernel);
    read_pair(&a[4], params.stride);
    read_pair(&a[5], params.padding);
    read_pair(&a[6], params.dilation);
    return corex_max_pool2d(V(0), V(1), V(2), &params);
}

static corex_pool2d_params average(const corex_argument *a)
{
    corex_pool2d_params params = {.dilation = {1, 1}, .count_include_pad = (int)a[5].integer};
    read_pair(&a[2], params.kernel);
    read_pair(&a[3], params.stride);
    read_pair(&a[4], params.padding);
    return params;
}

#define AVG_POOL(name) \
    static corex_status run_##name(const corex_kernel *self, const corex_argument *a, int32_t n) \
    { \
        (void)self; \
        (void)n; \
        const corex_pool2d_params params = average(a); \
        return corex_##name(V(0), V(1), &params); \
    }

AVG_POOL(avg_pool2d)
AVG_POOL(avg_pool2d_backward)
RUN(max_pool2d_backward, corex_max_pool2d_backward(V(0), V(1), V(2)))

const corex_kernel corex_nn_rows[] = {
    {"gelu", "oab", run_gelu},
    {"gelu_backward", "oaab", run_gelu_backward},
    {"cumsum", "oa", run_cumsum, .dtypes = COREX_NUMBERS, .work = work_four},
    {"cumprod", "oa", run_cumprod,
     .dtypes = COREX_NUMBERS | 1u << COREX_COMPLEX64 | 1u << COREX_COMPLEX128, .work = work_four},
    {"prod_others", "oa", run_prod_others, .work = work_four},
    {"chain", "oaab", run_chain, .work = work_four},
    {"argcummax", "oa", run_argcummax, .dtypes = COREX_ALL, .work = work_four},
    {"argcummin", "oa", run_argcummin, .dtypes = COREX_ALL, .work = work_four},
    {"logcumsumexp", "oa", run_logcumsumexp, .work = work_sixteen},
    {"argsort", "oab", run_argsort, .dtypes = COREX_MOVED, .work = work_sixteen},
    {"argselect", "oaib", run_argselect, .dtypes = COREX_MOVED, .work = work_sixteen},
    {"gather", "oaa", run_gather, .dtypes = COREX_HELD, .work = work_four},
    {"scatter_add", "oaa", run_scatter_add, .dtypes = COREX_NUMBERS, .work = work_four},
    {"softmax", "oa", run_softmax, .work = work_four},
    {"log_softmax", "oa", run_log_softmax, .work = work_four},
    {"softmax_backward", "oaa", run_softmax_backward, .work = work_four},
    {"log_softmax_backward", "oaa", run_log_softmax_backward, .work = work_four},
    {"layer_norm", "oooammf", run_layer_norm},
    {"layer_norm_backward", "oaaaam", run_layer_norm_backward},
    {"linear", "oaam", run_linear, .work = work_linear},
    {"mse_loss", "oaa", run_mse_loss, .work = work_four},
    {"mse_loss_backward", "oaaa", run_mse_loss_backward},
    {"conv2d", "oaampppi", run_conv2d, .work = work_conv2d},
    {"conv2d_backward_input", "oaapppi", run_conv2d_backward_input, .work = work_sixteen},
    {"conv2d_backward_weight", "oaapppi", run_conv2d_backward_weight, .work = work_sixteen},
    {"max_pool2d", "ooapppp", run_max_pool2d},
    {"max_pool2d_backward", "oaa", run_max_pool2d_backward, .work = work_four},
    {"avg_pool2d", "oapppb", run_avg_pool2d},
    {"avg_pool2d_backward", "oapppb", run_avg_pool2d_backward},
    {NULL},
};
