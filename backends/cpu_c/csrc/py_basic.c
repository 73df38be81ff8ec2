/* Kernels of tier 1 that have arguments of their own. */
#include "python.h"

/* Every kernel here is called with its object, its arguments and their number. */
#define KERNEL(name) \
    static PyObject *name(PyObject *self, PyObject *const *args, size_t nargsf, PyObject *names)
#define NARGS(count) \
    (void)names; \
    if (!corex_check_count(((corex_kernel *)self)->name, PyVectorcall_NARGS(nargsf), count)) \
    return NULL
#define READ(k, v) \
    if (!corex_read_view(args[k], &v, false)) \
    return NULL
#define WRITE(k, v) \
    if (!corex_read_view(args[k], &v, true)) \
    return NULL

KERNEL(call_copy)
{
    corex_py_view out, a;
    NARGS(2);
    WRITE(0, out);
    READ(1, a);
    corex_status status;
    COREX_RUN(status, corex_numel(&out.view), corex_copy(&out.view, &a.view));
    return corex_done(status);
}

KERNEL(call_fill)
{
    corex_py_view out;
    int is_integer;
    int64_t value;
    NARGS(2);
    WRITE(0, out);
    if (!corex_read_number(args[1], &is_integer, &value))
        return NULL;
    corex_status status;
    COREX_RUN(status, corex_numel(&out.view), corex_fill(&out.view, is_integer, &value));
    return corex_done(status);
}

KERNEL(call_arange)
{
    corex_py_view out;
    int start_integer, step_integer;
    int64_t start, step;
    NARGS(3);
    WRITE(0, out);
    if (!corex_read_number(args[1], &start_integer, &start) ||
        !corex_read_number(args[2], &step_integer, &step))
        return NULL;
    if (start_integer != step_integer) {
        /* one of them is a float: both are */
        double as_double;
        int64_t *integer = start_integer ? &start : &step;
        as_double = (double)*integer;
        memcpy(integer, &as_double, sizeof as_double);
        start_integer = 0;
    }
    return corex_done(corex_arange(&out.view, start_integer, &start, &step));
}

KERNEL(call_where)
{
    corex_py_view out, cond, a, b;
    NARGS(4);
    WRITE(0, out);
    READ(1, cond);
    READ(2, a);
    READ(3, b);
    corex_status status;
    COREX_RUN(status, corex_numel(&out.view), corex_where(&out.view, &cond.view, &a.view, &b.view));
    return corex_done(status);
}

KERNEL(call_matmul)
{
    corex_py_view out, a, b;
    NARGS(3);
    WRITE(0, out);
    READ(1, a);
    READ(2, b);
    corex_status status;
    int64_t inner = a.view.ndim == 3 ? a.shape[2] : 1;
    COREX_RUN(status, corex_numel(&out.view) * COREX_MIN(inner, 1 << 20),
              corex_matmul(&out.view, &a.view, &b.view));
    return corex_done(status);
}

const corex_kernel_def corex_basic_kernels[] = {
    {"copy", call_copy},   {"fill", call_fill},     {"arange", call_arange},
    {"where", call_where}, {"matmul", call_matmul}, {NULL, NULL},
};
