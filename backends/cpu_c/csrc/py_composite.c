/*
 * Direct kernels that are not elementwise: matrix products, losses, full reductions. All operands
 * are dense; see "Direct kernels" in docs/kernels.md for the signatures.
 */
#include "gemm.h"
#include "py_kernel.h"
#include "sizes.h"

#define DIRECT(count) \
    const corex_direct *kernel = (corex_direct *)self; \
    const int dtype = kernel->dtype; \
    NARGS(count)

/*
 * Reads a shape of `ndim` (any, if negative); returns the number of elements, or -1. That of a
 * product may be too much though its factors are nothing.
 */
static int64_t read_shape(PyObject *shape, int ndim, int64_t *sizes)
{
    if (!PyTuple_Check(shape) || PyTuple_GET_SIZE(shape) > COREX_MAX_DIMS ||
        (ndim >= 0 && PyTuple_GET_SIZE(shape) != ndim)) {
        PyErr_SetString(PyExc_TypeError, "a shape has the wrong type or number of dimensions");
        return -1;
    }
    for (Py_ssize_t d = 0; d < PyTuple_GET_SIZE(shape); d++)
        sizes[d] = PyLong_AsSsize_t(PyTuple_GET_ITEM(shape, d));
    return corex_count(shape, ndim < 0 ? PyExc_ValueError : corex_out_of_memory_error);
}

/* The address of `n` elements of the buffer args[0] from offset args[1]; NULL on error. */
static char *read_memory(const corex_direct *kernel, PyObject *const *args, int64_t n)
{
    if (Py_TYPE(args[0]) != &corex_buffer_type) {
        PyErr_SetString(PyExc_TypeError, "not a cpu_c buffer");
        return NULL;
    }
    char *address = corex_dense_memory((corex_buffer *)args[0], args[1], n, kernel->shift);
    if (address == NULL && !PyErr_Occurred())
        PyErr_SetString(PyExc_ValueError, "an operand leaves its buffer or is not aligned");
    return address;
}

typedef struct product {
    int64_t m, n, k;
    int64_t counts[3]; /* of the result's and the operands' elements */
} product;

/*
 * Reads the shapes args[0] of a product (m, n), args[3] of its first operand (m, k) and args[6] of
 * the second, (k, n) or, transposed, (n, k); false with an exception set.
 */
COREX_INLINE bool read_product(PyObject *const *args, bool transposed, product *found)
{
    int64_t shapes[3][2];
    for (int i = 0; i < 3; i++)
        if ((found->counts[i] = read_shape(args[3 * i], 2, shapes[i])) < 0)
            return false;
    const int64_t m = shapes[0][0], n = shapes[0][1], k = shapes[1][1];
    if (shapes[1][0] == m && shapes[2][transposed] == k && shapes[2][!transposed] == n) {
        found->m = m, found->n = n, found->k = k;
        return true;
    }
    PyErr_SetString(PyExc_ValueError, "the shapes of the operands do not fit together");
    return false;
}

static PyObject *finish(corex_buffer *out, corex_status status)
{
    if (status == COREX_OK)
        return (PyObject *)out;
    Py_DECREF(out);
    return corex_raise(status);
}

/* How much of Python's time a matrix product is worth. */
static int64_t work_of(int64_t m, int64_t n, int64_t k) { return corex_times3(m, n, k); }

/* (out_shape, a, a_offset, a_shape, b, b_offset, b_shape) */
KERNEL(direct_matmul)
{
    DIRECT(7);
    product p;
    if (!read_product(args, false, &p))
        return NULL;
    const int64_t m = p.m, n = p.n, k = p.k;
    const char *a = read_memory(kernel, args + 1, p.counts[1]);
    const char *b = read_memory(kernel, args + 4, p.counts[2]);
    corex_buffer *out =
        a == NULL || b == NULL ? NULL : corex_buffer_new(corex_bytes(p.counts[0], kernel->shift));
    if (out == NULL)
        return NULL;
    corex_status status;
    COREX_RUN(status, work_of(m, n, k),
              corex_gemm(dtype, m, n, k, corex_dense(a, k), corex_dense(b, n),
                         corex_dense(out->ptr, n), false));
    return finish(out, status);
}

/* (out_shape, a, a_offset, a_shape, w, w_offset, w_shape, bias or None, bias_offset) */
KERNEL(direct_linear)
{
    DIRECT(9);
    product p;
    if (!read_product(args, true, &p))
        return NULL;
    const int64_t m = p.m, n = p.n, k = p.k;
    const bool biased = args[7] != Py_None;
    const char *a = read_memory(kernel, args + 1, p.counts[1]);
    const char *w = read_memory(kernel, args + 4, p.counts[2]);
    const char *bias = biased ? read_memory(kernel, args + 7, n) : NULL;
    if (a == NULL || w == NULL || (biased && bias == NULL))
        return NULL;
    corex_buffer *out = corex_buffer_new(corex_bytes(p.counts[0], kernel->shift));
    if (out == NULL)
        return NULL;
    for (int64_t i = 0; biased && i < m; i++)
        memcpy(out->ptr + ((i * n) << kernel->shift), bias, (size_t)n << kernel->shift);
    corex_status status;
    COREX_RUN(status, work_of(m, n, k),
              corex_gemm(dtype, m, n, k, corex_dense(a, k), corex_transposed(corex_dense(w, k)),
                         corex_dense(out->ptr, n), biased));
    return finish(out, status);
}

/* One of the three gradients, as a new reference: a buffer, or None if it is not needed. */
static PyObject *linear_gradient(const corex_direct *kernel, int which, bool needed, const char *g,
                                 const char *a, const char *w, int64_t m, int64_t n, int64_t k)
{
    if (!needed)
        Py_RETURN_NONE;
    const int64_t count = which == 0 ? corex_times(m, k) : which == 1 ? corex_times(n, k) : n;
    corex_buffer *out = corex_buffer_new(corex_bytes(count, kernel->shift));
    if (out == NULL)
        return NULL;
    corex_status status = COREX_OK;
    const corex_matrix gm = corex_dense(g, n), target = corex_dense(out->ptr, k);
    if (which == 0)
        COREX_RUN(status, work_of(m, n, k),
                  corex_gemm(kernel->dtype, m, k, n, gm, corex_dense(w, k), target, false));
    else if (which == 1)
        COREX_RUN(status, work_of(m, n, k),
                  corex_gemm(kernel->dtype, n, k, m, corex_transposed(gm), corex_dense(a, k),
                             target, false));
    else
        corex_column_sums(kernel->dtype, out->ptr, g, m, n);
    return finish(out, status);
}

/* (needs, g, g_offset, g_shape, a, a_offset, a_shape, w, w_offset, w_shape) */
KERNEL(direct_linear_backward)
{
    DIRECT(10);
    (void)dtype;
    product p;
    if (!read_product(args + 3, true, &p))
        return NULL;
    const int64_t m = p.m, n = p.n, k = p.k;
    if (!PyTuple_Check(args[0]) || PyTuple_GET_SIZE(args[0]) != 3) {
        PyErr_SetString(PyExc_TypeError, "needs must be three bools");
        return NULL;
    }
    const char *g = read_memory(kernel, args + 1, p.counts[0]);
    const char *a = read_memory(kernel, args + 4, p.counts[1]);
    /* The weight counts only for the gradient of `a`; without that it may be None. */
    const bool weighs = PyTuple_GET_ITEM(args[0], 0) == Py_True;
    const char *w = weighs ? read_memory(kernel, args + 7, p.counts[2]) : "";
    PyObject *result = g == NULL || a == NULL || w == NULL ? NULL : PyTuple_New(3);
    for (int which = 0; result != NULL && which < 3; which++) {
        int needed = PyObject_IsTrue(PyTuple_GET_ITEM(args[0], which));
        PyObject *part =
            needed < 0 ? NULL : linear_gradient(kernel, which, needed != 0, g, a, w, m, n, k);
        if (part == NULL)
            Py_CLEAR(result);
        else
            PyTuple_SET_ITEM(result, which, part);
    }
    return result;
}

/* A dense line as a view. */
#define LINE_VIEW(name, memory, count) \
    const corex_view name = {(void *)(uintptr_t)(memory), &(count), &one, 1, dtype}
#define POINT_VIEW(name, memory) \
    const corex_view name = {(void *)(uintptr_t)(memory), NULL, NULL, 0, dtype}

/* sum, mean: (shape, a, a_offset) */
KERNEL(direct_reduce)
{
    static const int64_t one = 1;
    DIRECT(3);
    int64_t shape[COREX_MAX_DIMS];
    const int64_t n = read_shape(args[0], -1, shape);
    const char *a = n < 0 ? NULL : read_memory(kernel, args + 1, n);
    corex_buffer *out = a == NULL ? NULL : corex_buffer_new((int64_t)1 << kernel->shift);
    if (out == NULL)
        return NULL;
    LINE_VIEW(in, a, n);
    POINT_VIEW(point, out->ptr);
    corex_status status;
    COREX_RUN(status, n, corex_reduce(kernel->op, &point, &in, 1));
    return finish(out, status);
}

/* ((rows, n), a, a_offset, freedom): a float64 per row */
KERNEL(direct_variance)
{
    DIRECT(4);
    int64_t shape[COREX_MAX_DIMS];
    const int64_t n = read_shape(args[0], 2, shape);
    const double freedom = PyFloat_AsDouble(args[3]);
    if (n < 0 || PyErr_Occurred())
        return NULL;
    const char *a = read_memory(kernel, args + 1, n);
    corex_buffer *out =
        a == NULL ? NULL : corex_buffer_new(corex_times(shape[0], (int64_t)sizeof(double)));
    if (out == NULL)
        return NULL;
    double *to = (double *)out->ptr;
    corex_status status = COREX_OK;
    COREX_RUN(status, n, (corex_row_variance(to, a, dtype, shape[0], shape[1], freedom), COREX_OK));
    return finish(out, status);
}

/* (shape, a, a_offset, b, b_offset) */
KERNEL(direct_mse_loss)
{
    static const int64_t one = 1;
    DIRECT(5);
    int64_t shape[COREX_MAX_DIMS];
    const int64_t n = read_shape(args[0], -1, shape);
    const char *a = n < 0 ? NULL : read_memory(kernel, args + 1, n);
    const char *b = a == NULL ? NULL : read_memory(kernel, args + 3, n);
    corex_buffer *out = b == NULL ? NULL : corex_buffer_new((int64_t)1 << kernel->shift);
    if (out == NULL)
        return NULL;
    LINE_VIEW(first, a, n);
    LINE_VIEW(second, b, n);
    POINT_VIEW(point, out->ptr);
    corex_status status;
    COREX_RUN(status, n, corex_mse_loss(&point, &first, &second));
    return finish(out, status);
}

/* (shape, g, g_offset, a, a_offset, b, b_offset) */
KERNEL(direct_mse_loss_backward)
{
    static const int64_t one = 1;
    DIRECT(7);
    int64_t shape[COREX_MAX_DIMS];
    const int64_t n = read_shape(args[0], -1, shape);
    const char *g = n < 0 ? NULL : read_memory(kernel, args + 1, 1);
    const char *a = g == NULL ? NULL : read_memory(kernel, args + 3, n);
    const char *b = a == NULL ? NULL : read_memory(kernel, args + 5, n);
    corex_buffer *out = b == NULL ? NULL : corex_buffer_new(corex_bytes(n, kernel->shift));
    if (out == NULL)
        return NULL;
    LINE_VIEW(first, a, n);
    LINE_VIEW(second, b, n);
    LINE_VIEW(target, out->ptr, n);
    POINT_VIEW(gradient, g);
    corex_status status;
    COREX_RUN(status, n, corex_mse_loss_backward(&target, &gradient, &first, &second));
    return finish(out, status);
}

typedef struct sgd_operands {
    int64_t n;
    char *param, *grad;
} sgd_operands;

/* One tensor of each list, dense from the start of its buffer; false with an exception set. */
static bool read_sgd(const corex_direct *kernel, PyObject *const *tuples, Py_ssize_t i,
                     sgd_operands *found)
{
    static PyObject *zero;
    if (zero == NULL && (zero = PyLong_FromLong(0)) == NULL)
        return false;
    int64_t sizes[COREX_MAX_DIMS];
    PyObject *of_param[] = {PyTuple_GET_ITEM(tuples[0], i), zero};
    PyObject *of_grad[] = {PyTuple_GET_ITEM(tuples[1], i), zero};
    found->n = read_shape(PyTuple_GET_ITEM(tuples[2], i), -1, sizes);
    if (found->n < 0 || (found->param = read_memory(kernel, of_param, found->n)) == NULL ||
        (found->grad = read_memory(kernel, of_grad, found->n)) == NULL)
        return false;
    if (((corex_buffer *)of_param[0])->readonly) {
        PyErr_SetString(PyExc_ValueError, "a parameter is read-only");
        return false;
    }
    return true;
}

/* Reads all before anything is written. */
static bool run_sgd(const corex_direct *kernel, PyObject *const *tuples, const corex_sgd_params *c)
{
    static const int64_t one = 1;
    const int dtype = kernel->dtype;
    const Py_ssize_t count = PyTuple_GET_SIZE(tuples[0]);
    sgd_operands *all = PyMem_Calloc((size_t)count + 1, sizeof *all);
    bool good = all != NULL || PyErr_NoMemory() != NULL;
    for (Py_ssize_t i = 0; good && i < count; i++)
        good = read_sgd(kernel, tuples, i, &all[i]);
    for (Py_ssize_t i = 0; good && i < count; i++) {
        LINE_VIEW(target, all[i].param, all[i].n);
        LINE_VIEW(slope, all[i].grad, all[i].n);
        corex_status status;
        COREX_RUN(status, all[i].n, corex_sgd_step(1, &target, &slope, NULL, c));
        good = status == COREX_OK || corex_raise(status) != NULL;
    }
    PyMem_Free(all);
    return good;
}

/*
 * (params, grads, shapes, lr, weight_decay, maximize): lists of buffers, no momentum.
 *
 * Other threads may change the lists while Python's lock is released: the tuples that are made of
 * them own the buffers until all is done.
 */
KERNEL(direct_sgd_step)
{
    DIRECT(6);
    (void)dtype;
    corex_sgd_params c = {0};
    DOUBLE(3, c.lr);
    DOUBLE(4, c.weight_decay);
    FLAG(5, c.maximize);
    PyObject *tuples[3] = {NULL};
    bool good = true;
    for (int k = 0; good && k < 3; k++) {
        good = PyList_Check(args[k]) && (tuples[k] = PyList_AsTuple(args[k])) != NULL;
        if (!good || PyTuple_GET_SIZE(tuples[k]) != PyTuple_GET_SIZE(tuples[0])) {
            PyErr_SetString(PyExc_TypeError, "expected three lists of one length");
            good = false;
        }
    }
    good = good && run_sgd(kernel, tuples, &c);
    for (int k = 0; k < 3; k++)
        Py_XDECREF(tuples[k]);
    return good ? Py_NewRef(Py_None) : NULL;
}

vectorcallfunc corex_find_composite(const char *name, int dtype)
{
    static const struct {
        const char *name;
        vectorcallfunc call;
        int takes;
    } table[] = {
        {"matmul", direct_matmul, COREX_NUMBERS},
        {"linear", direct_linear, COREX_FLOATS},
        {"linear_backward", direct_linear_backward, COREX_FLOATS},
        {"sum", direct_reduce, COREX_NUMBERS},
        {"mean", direct_reduce, COREX_FLOATS},
        {"variance", direct_variance, COREX_FLOATS},
        {"mse_loss", direct_mse_loss, COREX_FLOATS},
        {"mse_loss_backward", direct_mse_loss_backward, COREX_FLOATS},
        {"sgd_step", direct_sgd_step, COREX_FLOATS},
    };
    for (size_t k = 0; k < sizeof table / sizeof table[0]; k++)
        if (strcmp(table[k].name, name) == 0)
            return COREX_AMONG(table[k].takes, dtype) ? table[k].call : NULL;
    return NULL;
}
