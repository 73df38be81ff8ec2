/*
 * Direct kernels: direct(shape, buffer, offset[, buffer, offset]) on dense operands, the result's
 * buffer allocated here. The whole cost of a small op is this one call.
 */
#include "python.h"

#include <stddef.h>

static PyObject *direct_repr(PyObject *self)
{
    return PyUnicode_FromFormat("<cpu_c direct kernel %s>", ((corex_direct *)self)->name);
}

PyTypeObject corex_direct_type = {
    PyVarObject_HEAD_INIT(NULL, 0).tp_name = "corex_cpu_c._native.DirectKernel",
    .tp_basicsize = sizeof(corex_direct),
    .tp_repr = direct_repr,
    .tp_call = PyVectorcall_Call,
    .tp_vectorcall_offset = offsetof(corex_direct, vectorcall),
    .tp_flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_VECTORCALL,
    .tp_doc = "A direct kernel; see docs/kernels.md.",
};

static corex_direct *new_direct(const char *name, vectorcallfunc call)
{
    corex_direct *self = PyObject_New(corex_direct, &corex_direct_type);
    if (self != NULL) {
        memset((char *)self + sizeof(PyObject), 0, sizeof *self - sizeof(PyObject));
        self->vectorcall = call;
        self->name = name;
    }
    return self;
}

typedef union scalar {
    COREX_DTYPE_ROWS(COREX_FIELD)
} scalar;

#define HOLDS(number, NAME, name, sfx, T, U, kind, value) \
    case COREX_##NAME: \
        return is_integer == 2 \
                   ? (T) - 1 > 0 && sizeof(T) == 8 \
                   : (int64_t)(T)(value) == (value) && ((T)(value) < 0) == ((value) < 0);
#define SET(number, NAME, name, sfx, T, U, kind, value) \
    case COREX_##NAME: to->sfx = (T)(value); break;
#define SET_ROUNDED(number, NAME, name, sfx, T, ...) \
    case COREX_##NAME: to->sfx = is_integer == 2 ? (T)(uint64_t)bits : (T)bits; break;

/* An int; 2 in `is_integer` if it is beyond int64, and OverflowError beyond 64 bits. */
static bool read_integer(PyObject *object, int *is_integer, int64_t *value)
{
    int overflow;
    *value = PyLong_AsLongLongAndOverflow(object, &overflow);
    if (COREX_UNLIKELY(overflow < 0))
        PyErr_SetString(PyExc_OverflowError, "an integer below -2**63");
    if (COREX_UNLIKELY(overflow > 0))
        *value = (int64_t)PyLong_AsUnsignedLongLong(object);
    *is_integer = overflow > 0 ? 2 : 1;
    return !PyErr_Occurred();
}

/* Whether an integer is one of the dtype's own, so that it can be compared as one of them. */
static bool is_held(int dtype, int is_integer, int64_t value)
{
    switch (dtype) {
        COREX_INTEGER_ROWS(HOLDS, value)
    default: return is_integer == 1;
    }
}

/* Reads a number as an operand. OverflowError: this kernel leaves it to the frontend. */
static bool read_scalar(PyObject *object, const corex_direct *kernel, scalar *to)
{
    const int dtype = kernel->dtype;
    int is_integer;
    int64_t bits;
    if (PyFloat_Check(object) && !COREX_AMONG(COREX_FLOATS, dtype)) {
        PyErr_SetString(PyExc_TypeError, "a float beside integers");
        return false;
    }
    if (!PyLong_Check(object) && !PyFloat_Check(object)) {
        PyErr_SetString(PyExc_TypeError, "an operand is a cpu_c buffer or a number");
        return false;
    }
    if (PyFloat_Check(object)) {
        switch (dtype) {
            COREX_FLOAT_ROWS(SET, PyFloat_AS_DOUBLE(object))
        }
        return true;
    }
    if (!read_integer(object, &is_integer, &bits))
        return false;
    if (COREX_UNLIKELY(kernel->compares && !is_held(dtype, is_integer, bits))) {
        PyErr_SetString(PyExc_OverflowError, "an integer that the dtype does not hold");
        return false;
    }
    switch (dtype) {
        COREX_BOOL_ROWS(SET, bits != 0)
        COREX_INTEGER_ROWS(SET, bits)
        COREX_FLOAT_ROWS(SET_ROUNDED)
    }
    return true;
}

static bool outside(void)
{
    if (!PyErr_Occurred())
        PyErr_SetString(PyExc_ValueError,
                        "an operand leaves its buffer or is not aligned to its element size");
    return false;
}

/* Sets address and stride of operand k of a kernel. */
static inline bool read_operand(const corex_direct *kernel, PyObject *const *args, int64_t n,
                                scalar *room, char **p, int64_t *stride)
{
    if (COREX_LIKELY(Py_TYPE(args[0]) == &corex_buffer_type)) {
        *stride = (int64_t)1 << kernel->shift;
        *p = corex_dense_memory((corex_buffer *)args[0], args[1], n, kernel->shift);
        return COREX_LIKELY(*p != NULL) || outside();
    }
    *p = (char *)room;
    *stride = 0;
    return read_scalar(args[0], kernel, room);
}

/* None for a number that is not for this kernel, NULL for what is wrong. */
static PyObject *refused(void)
{
    if (!PyErr_ExceptionMatches(PyExc_OverflowError))
        return NULL;
    PyErr_Clear();
    Py_RETURN_NONE;
}

static PyObject *run_large(const corex_direct *kernel, corex_buffer *out, char **p,
                           int64_t *strides, int64_t n, int nops)
{
    const int size = 1 << kernel->out_shift;
    Py_BEGIN_ALLOW_THREADS corex_run_line(p, strides, n, nops, size, COREX_WRITES_ONLY,
                                          kernel->loops[corex_level_now()], kernel->cost);
    Py_END_ALLOW_THREADS return (PyObject *)out;
}

/* Makes the result, operand 0 of the loop, and fills it. */
COREX_INLINE PyObject *run(const corex_direct *kernel, char **p, int64_t *strides, int64_t n,
                           int nops)
{
    corex_buffer *out = corex_buffer_new(corex_bytes(n, kernel->out_shift));
    if (COREX_UNLIKELY(out == NULL))
        return NULL;
    p[0] = out->ptr;
    strides[0] = (int64_t)1 << kernel->out_shift;
    if (COREX_UNLIKELY(corex_times(n, kernel->cost) > COREX_UNLOCK_ABOVE))
        return run_large(kernel, out, p, strides, n, nops);
    kernel->loops[corex_level_now()](p, strides, n);
    return (PyObject *)out;
}

static PyObject *direct_unary(PyObject *self, PyObject *const *args, size_t nargsf, PyObject *names)
{
    (void)names;
    const corex_direct *kernel = (corex_direct *)self;
    char *p[2];
    int64_t strides[2];
    scalar room;
    if (COREX_UNLIKELY(!corex_check_count(kernel->name, PyVectorcall_NARGS(nargsf), 3)))
        return NULL;
    int64_t n = corex_count(args[0], PyExc_ValueError);
    if (COREX_UNLIKELY(n < 0 || !read_operand(kernel, args + 1, n, &room, &p[1], &strides[1])))
        return NULL;
    return run(kernel, p, strides, n, 2);
}

static bool zero_divisor(const corex_direct *kernel, char *data, int64_t stride, int64_t n)
{
    int64_t step = stride == 0 ? 0 : 1;
    corex_view b = {data, &n, &step, 1, kernel->dtype};
    corex_status status = n == 0 ? COREX_OK : corex_check_divisor(&b);
    if (status != COREX_OK)
        corex_raise(status);
    return status != COREX_OK;
}

static PyObject *direct_binary(PyObject *self, PyObject *const *args, size_t nargsf,
                               PyObject *names)
{
    (void)names;
    const corex_direct *kernel = (corex_direct *)self;
    char *p[3];
    int64_t strides[3];
    scalar first, second;
    if (COREX_UNLIKELY(!corex_check_count(kernel->name, PyVectorcall_NARGS(nargsf), 5)))
        return NULL;
    int64_t n = corex_count(args[0], PyExc_ValueError);
    if (COREX_UNLIKELY(n < 0))
        return NULL;
    if (COREX_UNLIKELY(!read_operand(kernel, args + 1, n, &first, &p[1], &strides[1]) ||
                       !read_operand(kernel, args + 3, n, &second, &p[2], &strides[2])))
        return refused();
    if (COREX_UNLIKELY(kernel->checked && zero_divisor(kernel, p[2], strides[2], n)))
        return NULL;
    return run(kernel, p, strides, n, 3);
}

static uint8_t log2_size(int dtype)
{
    return (uint8_t)__builtin_ctz((unsigned)corex_itemsizes[dtype]);
}

typedef const corex_op *(*row_finder)(const corex_kernels *kernels, int op);

static PyObject *elementwise(row_finder find, int op, int dtype, vectorcallfunc call)
{
    const corex_op *row = find(corex_kernels_now(), op);
    if (row->loops[dtype] == NULL)
        Py_RETURN_NONE;
    corex_direct *kernel = new_direct(row->name, call);
    if (kernel == NULL)
        return NULL;
    kernel->dtype = dtype;
    for (int level = 0; level < COREX_LEVEL_COUNT; level++)
        if (corex_level_kernels(level) != NULL)
            kernel->loops[level] = find(corex_level_kernels(level), op)->loops[dtype];
    kernel->shift = log2_size(dtype);
    kernel->out_shift = row->to_bool ? 0 : kernel->shift;
    kernel->compares = row->to_bool && COREX_AMONG(COREX_WHOLE, dtype);
    kernel->cost = row->cost;
    kernel->checked = row->checked && COREX_AMONG(COREX_WHOLE, dtype);
    return (PyObject *)kernel;
}

PyObject *corex_find_direct(const char *name, int32_t dtype)
{
    if (dtype < 0 || dtype >= COREX_NUM_DTYPES)
        Py_RETURN_NONE; /* one that came later */
    if (corex_is_form_of_gelu(name))
        Py_RETURN_NONE; /* which form it is comes as a parameter */
    int op = corex_unary_op(name);
    if (op >= 0)
        return elementwise(corex_unary_row, op, dtype, direct_unary);
    op = corex_binary_op(name);
    if (op >= 0)
        return elementwise(corex_binary_row, op, dtype, direct_binary);
    vectorcallfunc call = corex_find_composite(name, dtype);
    if (call == NULL)
        Py_RETURN_NONE;
    corex_direct *kernel = new_direct("composite", call);
    if (kernel == NULL)
        return NULL;
    kernel->dtype = dtype;
    kernel->shift = log2_size(dtype);
    kernel->op = corex_reduce_op(name);
    return (PyObject *)kernel;
}
