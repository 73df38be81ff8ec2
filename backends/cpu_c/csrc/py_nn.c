/* Kernels of tier 2. */
#include "py_kernel.h"
#include "sizes.h"

/* ---- activations whose form is a parameter ---- */

bool corex_is_form_of_gelu(const char *name) { return strncmp(name, "gelu", 4) == 0; }

KERNEL(call_gelu)
{
    corex_py_view out, a;
    int tanh_form;
    NARGS(3);
    WRITE(0, out);
    READ(1, a);
    FLAG(2, tanh_form);
    const int op = corex_unary_op(tanh_form ? "gelu_tanh" : "gelu");
    RUN(corex_numel(&out.view), corex_unary(op, &out.view, &a.view));
}

KERNEL(call_gelu_backward)
{
    corex_py_view out, g, a;
    int tanh_form;
    NARGS(4);
    WRITE(0, out);
    READ(1, g);
    READ(2, a);
    FLAG(3, tanh_form);
    const int op = corex_binary_op(tanh_form ? "gelu_tanh_backward" : "gelu_backward");
    RUN(corex_numel(&out.view), corex_binary(op, &out.view, &g.view, &a.view));
}

/* ---- along the last dimension ---- */

#define TWO_VIEWS(name, call) \
    KERNEL(call_##name) \
    { \
        corex_py_view out, a; \
        NARGS(2); \
        WRITE(0, out); \
        READ(1, a); \
        RUN(corex_times(corex_numel(&a.view), 4), call); \
    }

#define THREE_VIEWS(name, call) \
    KERNEL(call_##name) \
    { \
        corex_py_view out, a, b; \
        NARGS(3); \
        WRITE(0, out); \
        READ(1, a); \
        READ(2, b); \
        RUN(corex_times(corex_numel(&a.view), 4), call); \
    }

TWO_VIEWS(cumsum, corex_cumsum(&out.view, &a.view))
TWO_VIEWS(softmax, corex_softmax(&out.view, &a.view, 0))
TWO_VIEWS(log_softmax, corex_softmax(&out.view, &a.view, 1))
THREE_VIEWS(softmax_backward, corex_softmax_backward(&out.view, &a.view, &b.view, 0))
THREE_VIEWS(log_softmax_backward, corex_softmax_backward(&out.view, &a.view, &b.view, 1))
THREE_VIEWS(gather, corex_gather(&out.view, &a.view, &b.view))
THREE_VIEWS(scatter_add, corex_scatter_add(&out.view, &a.view, &b.view))
THREE_VIEWS(mse_loss, corex_mse_loss(&out.view, &a.view, &b.view))
THREE_VIEWS(max_pool2d_backward, corex_max_pool2d_backward(&out.view, &a.view, &b.view))

KERNEL(call_argsort)
{
    corex_py_view out, a;
    int descending;
    NARGS(3);
    WRITE(0, out);
    READ(1, a);
    FLAG(2, descending);
    RUN(corex_times(corex_numel(&a.view), 16), corex_argsort(&out.view, &a.view, descending));
}

/* ---- normalisation, linear, loss ---- */

KERNEL(call_layer_norm)
{
    corex_py_view out, mean, rstd, a, weight, bias;
    const corex_view *w, *b;
    double eps;
    NARGS(7);
    WRITE(0, out);
    WRITE(1, mean);
    WRITE(2, rstd);
    READ(3, a);
    OPTIONAL(4, weight, w);
    OPTIONAL(5, bias, b);
    DOUBLE(6, eps);
    RUN(corex_numel(&a.view),
        corex_layer_norm(&out.view, &mean.view, &rstd.view, &a.view, w, b, eps));
}

KERNEL(call_layer_norm_backward)
{
    corex_py_view out, g, a, mean, rstd, weight;
    const corex_view *w;
    NARGS(6);
    WRITE(0, out);
    READ(1, g);
    READ(2, a);
    READ(3, mean);
    READ(4, rstd);
    OPTIONAL(5, weight, w);
    RUN(corex_numel(&a.view),
        corex_layer_norm_backward(&out.view, &g.view, &a.view, &mean.view, &rstd.view, w));
}

KERNEL(call_linear)
{
    corex_py_view out, a, weight, bias;
    const corex_view *b;
    NARGS(4);
    WRITE(0, out);
    READ(1, a);
    READ(2, weight);
    OPTIONAL(3, bias, b);
    const int64_t depth = a.view.ndim == 2 ? a.shape[1] : 1;
    RUN(corex_times(corex_numel(&out.view), depth),
        corex_linear(&out.view, &a.view, &weight.view, b));
}

KERNEL(call_mse_loss_backward)
{
    corex_py_view out, g, a, b;
    NARGS(4);
    WRITE(0, out);
    READ(1, g);
    READ(2, a);
    READ(3, b);
    RUN(corex_numel(&out.view), corex_mse_loss_backward(&out.view, &g.view, &a.view, &b.view));
}

/* ---- convolution: stride, padding, dilation, groups from args[k] on ---- */

static bool read_conv(PyObject *const *args, corex_conv2d_params *params)
{
    params->groups = 0;
    if (!corex_read_pair(args[0], params->stride) || !corex_read_pair(args[1], params->padding) ||
        !corex_read_pair(args[2], params->dilation))
        return false;
    params->groups = PyLong_AsSsize_t(args[3]);
    return !PyErr_Occurred();
}

KERNEL(call_conv2d)
{
    corex_py_view out, x, weight, bias;
    const corex_view *b;
    corex_conv2d_params params;
    NARGS(8);
    WRITE(0, out);
    READ(1, x);
    READ(2, weight);
    OPTIONAL(3, bias, b);
    if (!read_conv(args + 4, &params))
        return NULL;
    RUN(corex_times(corex_numel(&out.view), 16),
        corex_conv2d(&out.view, &x.view, &weight.view, b, &params));
}

#define CONV_BACKWARD(name) \
    KERNEL(call_##name) \
    { \
        corex_py_view out, g, other; \
        corex_conv2d_params params; \
        NARGS(7); \
        WRITE(0, out); \
        READ(1, g); \
        READ(2, other); \
        if (!read_conv(args + 3, &params)) \
            return NULL; \
        RUN(corex_times(corex_numel(&g.view), 16), \
            corex_##name(&out.view, &g.view, &other.view, &params)); \
    }

CONV_BACKWARD(conv2d_backward_input)
CONV_BACKWARD(conv2d_backward_weight)

/* ---- pooling ---- */

KERNEL(call_max_pool2d)
{
    corex_py_view out, indices, x;
    corex_pool2d_params params = {.count_include_pad = 0};
    NARGS(7);
    WRITE(0, out);
    WRITE(1, indices);
    READ(2, x);
    PAIR(3, params.kernel);
    PAIR(4, params.stride);
    PAIR(5, params.padding);
    PAIR(6, params.dilation);
    RUN(corex_numel(&x.view), corex_max_pool2d(&out.view, &indices.view, &x.view, &params));
}

#define AVG_POOL(name) \
    KERNEL(call_##name) \
    { \
        corex_py_view out, a; \
        corex_pool2d_params params = {.dilation = {1, 1}}; \
        NARGS(6); \
        WRITE(0, out); \
        READ(1, a); \
        PAIR(2, params.kernel); \
        PAIR(3, params.stride); \
        PAIR(4, params.padding); \
        FLAG(5, params.count_include_pad); \
        RUN(corex_numel(&a.view), corex_##name(&out.view, &a.view, &params)); \
    }

AVG_POOL(avg_pool2d)
AVG_POOL(avg_pool2d_backward)

const corex_kernel_def corex_nn_kernels[] = {
    {"gelu", call_gelu},
    {"gelu_backward", call_gelu_backward},
    {"cumsum", call_cumsum},
    {"argsort", call_argsort},
    {"gather", call_gather},
    {"scatter_add", call_scatter_add},
    {"softmax", call_softmax},
    {"log_softmax", call_log_softmax},
    {"softmax_backward", call_softmax_backward},
    {"log_softmax_backward", call_log_softmax_backward},
    {"layer_norm", call_layer_norm},
    {"layer_norm_backward", call_layer_norm_backward},
    {"linear", call_linear},
    {"mse_loss", call_mse_loss},
    {"mse_loss_backward", call_mse_loss_backward},
    {"conv2d", call_conv2d},
    {"conv2d_backward_input", call_conv2d_backward_input},
    {"conv2d_backward_weight", call_conv2d_backward_weight},
    {"max_pool2d", call_max_pool2d},
    {"max_pool2d_backward", call_max_pool2d_backward},
    {"avg_pool2d", call_avg_pool2d},
    {"avg_pool2d_backward", call_avg_pool2d_backward},
    {NULL, NULL},
};
