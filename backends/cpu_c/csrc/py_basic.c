/* Kernels of tier 1 that have arguments of their own. */
#include "py_kernel.h"
#include "sizes.h"

KERNEL(call_copy)
{
    corex_py_view out, a;
    NARGS(2);
    WRITE(0, out);
    READ(1, a);
    RUN(corex_numel(&out.view), corex_copy(&out.view, &a.view));
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
    RUN(corex_numel(&out.view), corex_fill(&out.view, is_integer, &value));
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
    if (!start_integer != !step_integer) {
        /* one of them is a float: both are */
        double as_double;
        int64_t *integer = start_integer ? &start : &step;
        as_double =
            (start_integer | step_integer) == 2 ? (double)(uint64_t)*integer : (double)*integer;
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
    if (!corex_read_operand(args[2], &out, out.view.dtype, &a) ||
        !corex_read_operand(args[3], &out, out.view.dtype, &b))
        return NULL;
    RUN(corex_numel(&out.view), corex_where(&out.view, &cond.view, &a.view, &b.view));
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
    COREX_RUN(status, corex_times(corex_numel(&out.view), inner),
              corex_matmul(&out.view, &a.view, &b.view));
    return corex_done(status);
}

/* The views from args[first] on, all of them indices. */
static bool read_indices(PyObject *const *args, Py_ssize_t nargs, Py_ssize_t first,
                         corex_view **views, corex_py_view **keep)
{
    if (nargs > first)
        return corex_read_views(args + first, nargs - first, false, views, keep);
    PyErr_SetString(PyExc_TypeError, "at least one index view is needed");
    return false;
}

KERNEL(call_index)
{
    (void)self;
    (void)names;
    corex_py_view out, a, *keep;
    corex_view *indices;
    const Py_ssize_t nargs = PyVectorcall_NARGS(nargsf);
    if (!read_indices(args, nargs, 2, &indices, &keep))
        return NULL;
    corex_status status = COREX_OK;
    bool good = corex_read_view(args[0], &out, true) && corex_read_view(args[1], &a, false);
    if (good)
        COREX_RUN(status, corex_numel(&out.view),
                  corex_index(&out.view, &a.view, (int)(nargs - 2), indices));
    PyMem_Free(indices);
    PyMem_Free(keep);
    return good ? corex_done(status) : NULL;
}

KERNEL(call_index_put)
{
    (void)self;
    (void)names;
    corex_py_view out, values, *keep;
    corex_view *indices;
    const Py_ssize_t nargs = PyVectorcall_NARGS(nargsf);
    if (!read_indices(args, nargs, 3, &indices, &keep))
        return NULL;
    corex_status status = COREX_OK;
    int accumulate = PyObject_IsTrue(args[2]);
    bool good = accumulate >= 0 && corex_read_view(args[0], &out, true) &&
                corex_read_view(args[1], &values, false);
    if (good)
        COREX_RUN(status, corex_numel(&values.view),
                  corex_index_put(&out.view, &values.view, accumulate, (int)(nargs - 3), indices));
    PyMem_Free(indices);
    PyMem_Free(keep);
    return good ? corex_done(status) : NULL;
}

KERNEL(call_nonzero)
{
    corex_py_view out, a;
    NARGS(2);
    WRITE(0, out);
    READ(1, a);
    RUN(corex_numel(&a.view), corex_nonzero(&out.view, &a.view));
}

#define RANDOM(name) \
    KERNEL(call_##name) \
    { \
        corex_py_view out; \
        uint64_t seed, offset; \
        NARGS(3); \
        WRITE(0, out); \
        if (!corex_read_uint64(args[1], &seed) || !corex_read_uint64(args[2], &offset)) \
            return NULL; \
        RUN(corex_times(corex_numel(&out.view), 4), corex_##name(&out.view, seed, offset)); \
    }

RANDOM(random_bits)
RANDOM(random_uniform)
RANDOM(random_normal)

const corex_kernel_def corex_basic_kernels[] = {
    {"copy", call_copy},
    {"fill", call_fill},
    {"arange", call_arange},
    {"where", call_where},
    {"matmul", call_matmul},
    {"index", call_index},
    {"index_put", call_index_put},
    {"nonzero", call_nonzero},
    {"random_bits", call_random_bits},
    {"random_uniform", call_random_uniform},
    {"random_normal", call_random_normal},
    {NULL, NULL},
};
