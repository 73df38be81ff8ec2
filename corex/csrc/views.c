/* Reading kernel arguments. Everything that comes from Python is checked here, once. */
#include "core.h"

PyObject *core_dtypes[COREX_NUM_DTYPES];

#define SHIFT_OF(number, NAME, name, sfx, T, ...) [COREX_##NAME] = __builtin_ctz(sizeof(T)),
static const uint8_t core_shifts[COREX_NUM_DTYPES] = {COREX_DTYPE_ROWS(SHIFT_OF)};

int core_dtype_of(PyObject *object)
{
    for (int k = COREX_NUM_DTYPES - 1; k >= 0; k--)
        if (object == core_dtypes[k])
            return k;
    PyErr_Format(PyExc_TypeError, "not a dtype: %R", object);
    return -1;
}

PyObject *core_dtypes_of(uint64_t bits)
{
    PyObject *list = PyList_New(0);
    for (int k = 0; list != NULL && k < COREX_NUM_DTYPES; k++)
        if ((bits >> k & 1) && PyList_Append(list, core_dtypes[k]) < 0)
            Py_CLEAR(list);
    PyObject *tuple = list == NULL ? NULL : PyList_AsTuple(list);
    Py_XDECREF(list);
    return tuple;
}

static bool bad_view(const core_table *table, const char *reason)
{
    PyErr_Format(PyExc_TypeError,
                 "a view is (buffer, dtype, shape, strides, offset) with a %s buffer: %s",
                 table->table.name, reason);
    return false;
}

/* A view that has no elements may have been given absurd strides and an absurd offset. */
static bool is_nothing(core_view *v)
{
    bool nothing = false;
    for (int d = 0; d < v->view.ndim; d++)
        nothing |= v->shape[d] == 0;
    if (nothing) {
        memset(v->strides, 0, (size_t)v->view.ndim * sizeof *v->strides);
        v->view.offset = v->count = 0;
    }
    return nothing;
}

static bool outside(int64_t low, int64_t high, bool overflows, const corex_buffer_head *buffer)
{
    if (overflows)
        PyErr_SetString(PyExc_ValueError, "a view's extent overflows");
    else
        PyErr_Format(PyExc_ValueError,
                     "a view of elements %lld to %lld leaves its buffer of %lld bytes",
                     (long long)low, (long long)high, (long long)buffer->nbytes);
    return false;
}

/* Reads sizes and strides; first and last element must lie inside of the buffer. */
static inline bool read_layout(const core_table *table, PyObject *shape, PyObject *strides,
                               const corex_buffer_head *buffer, core_view *v)
{
    const int ndim = v->view.ndim;
    int64_t count = 1, low = v->view.offset, high = low;
    bool overflows = false;
    for (int d = 0; d < ndim; d++) {
        const int64_t size = v->shape[d] = PyLong_AsSsize_t(PyTuple_GET_ITEM(shape, d));
        const int64_t stride = v->strides[d] = PyLong_AsSsize_t(PyTuple_GET_ITEM(strides, d));
        if (COREX_UNLIKELY(size < 0 || (stride == -1 && PyErr_Occurred())))
            return PyErr_Occurred() ? false : bad_view(table, "a negative size");
        int64_t reach;
        overflows |= __builtin_mul_overflow(count, size, &count);
        overflows |= __builtin_mul_overflow(size - 1, stride, &reach);
        if (reach < 0)
            overflows |= __builtin_add_overflow(low, reach, &low);
        else
            overflows |= __builtin_add_overflow(high, reach, &high);
    }
    v->count = count;
    if (COREX_UNLIKELY((count == 0 || overflows) && is_nothing(v)))
        return true;
    if (COREX_LIKELY(!overflows && low >= 0 && high < buffer->nbytes >> core_shifts[v->view.dtype]))
        return true;
    return outside(low, high, overflows, buffer);
}

/* The address of the first element, where there are addresses. */
static inline bool set_address(const core_table *table, const corex_buffer_head *buffer,
                               core_view *v)
{
    if (!(table->table.flags & COREX_ADDRESSES))
        return true;
    const int shift = core_shifts[v->view.dtype];
    v->view.data = buffer->ptr + (v->view.offset << shift);
    if (COREX_LIKELY(!((uintptr_t)v->view.data & (((uintptr_t)1 << shift) - 1))))
        return true;
    PyErr_SetString(PyExc_ValueError, "the buffer is not aligned to its element size");
    return false;
}

bool core_read_view(const core_table *table, PyObject *tuple, core_view *out, bool writes)
{
    if (COREX_UNLIKELY(!PyTuple_Check(tuple) || PyTuple_GET_SIZE(tuple) != 5))
        return bad_view(table, "not a tuple of five");
    PyObject *object = PyTuple_GET_ITEM(tuple, 0);
    PyObject *shape = PyTuple_GET_ITEM(tuple, 2), *strides = PyTuple_GET_ITEM(tuple, 3);
    const corex_buffer_head *buffer = (corex_buffer_head *)object;
    if (COREX_UNLIKELY(Py_TYPE(object) != table->buffer_type ||
                       (table->shares_type && ((core_buffer *)object)->table != table)))
        return bad_view(table, "wrong buffer type");
    if (COREX_UNLIKELY(!PyTuple_Check(shape) || !PyTuple_Check(strides)))
        return bad_view(table, "shape and strides must be tuples");
    const Py_ssize_t ndim = PyTuple_GET_SIZE(shape);
    if (COREX_UNLIKELY(PyTuple_GET_SIZE(strides) != ndim || ndim > COREX_MAX_DIMS))
        return bad_view(table, "shape and strides differ in length, or are too long");
    const int dtype = core_dtype_of(PyTuple_GET_ITEM(tuple, 1));
    const int64_t offset = dtype < 0 ? -1 : PyLong_AsSsize_t(PyTuple_GET_ITEM(tuple, 4));
    if (COREX_UNLIKELY(offset == -1 && PyErr_Occurred()))
        return false;
    out->view = (corex_view){.shape = out->shape,
                             .strides = out->strides,
                             .ndim = (int32_t)ndim,
                             .dtype = dtype,
                             .memory = buffer->ptr,
                             .offset = offset,
                             .device = buffer->device};
    if (COREX_UNLIKELY(!read_layout(table, shape, strides, buffer, out) ||
                       !set_address(table, buffer, out)))
        return false;
    if (COREX_UNLIKELY(writes && buffer->readonly)) {
        PyErr_SetString(PyExc_ValueError, "the output's memory is read-only");
        return false;
    }
    return true;
}

bool core_read_number(PyObject *object, corex_argument *out)
{
    if (PyLong_Check(object)) {
        int overflow;
        out->kind = COREX_INT;
        out->integer = PyLong_AsLongLongAndOverflow(object, &overflow);
        if (COREX_UNLIKELY(overflow < 0))
            PyErr_SetString(PyExc_OverflowError, "an integer below -2**63");
        if (COREX_UNLIKELY(overflow > 0)) {
            out->kind = COREX_UINT;
            out->unsigned_integer = PyLong_AsUnsignedLongLong(object);
        }
    } else {
        out->kind = COREX_DOUBLE;
        out->real = PyFloat_AsDouble(object);
    }
    return !PyErr_Occurred();
}

/* As kernel `copy` makes integers of floats: what does not fit is the most negative number. */
static int64_t whole(double x, size_t itemsize)
{
    const double limit = itemsize == sizeof(int32_t) ? 2147483648.0 : 9223372036854775808.0;
    return x >= -limit && x < limit      ? (int64_t)x
           : itemsize == sizeof(int32_t) ? INT32_MIN
                                         : INT64_MIN;
}

#define SET_INTEGER(number, NAME, name, sfx, T, ...) \
    case COREX_##NAME: \
        *(T *)to = (T)(from->kind == COREX_DOUBLE ? whole(from->real, sizeof(T)) : from->integer); \
        break;
#define SET_FLOAT(number, NAME, name, sfx, T, ...) \
    case COREX_##NAME: \
        *(T *)to = from->kind == COREX_DOUBLE ? (T)from->real \
                   : from->kind == COREX_UINT ? (T)from->unsigned_integer \
                                              : (T)from->integer; \
        break;

/* The number as an element, as kernel `fill` converts it: integers wrap around, floats round. */
static void store(void *to, int dtype, const corex_argument *from)
{
    switch (dtype) {
        COREX_INTEGER_ROWS(SET_INTEGER)
        COREX_FLOAT_ROWS(SET_FLOAT)
    default: *(uint8_t *)to = from->kind == COREX_DOUBLE ? from->real != 0 : from->integer != 0;
    }
}

void core_view_number(const corex_argument *number, const core_view *like, int dtype,
                      core_view *out)
{
    store(&out->number, dtype, number);
    out->view = like->view;
    out->view.data = out->view.memory = &out->number;
    out->view.strides = out->strides;
    out->view.dtype = dtype;
    out->view.offset = 0;
    memset(out->strides, 0, (size_t)like->view.ndim * sizeof *out->strides);
    out->count = like->count;
}
