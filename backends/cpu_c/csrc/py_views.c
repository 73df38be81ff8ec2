/* Reading kernel arguments. Everything that comes from Python is checked here, once. */
#include "python.h"

PyObject *corex_dtypes[COREX_NUM_DTYPES];
PyObject *corex_out_of_memory_error;

PyObject *corex_raise(corex_status status)
{
    PyObject *type = status == COREX_ERR_MEMORY          ? corex_out_of_memory_error
                     : status == COREX_ERR_TYPE          ? PyExc_TypeError
                     : status == COREX_ERR_INDEX         ? PyExc_IndexError
                     : status == COREX_ERR_ZERO_DIVISION ? PyExc_ZeroDivisionError
                     : status == COREX_ERR_SYSTEM        ? PyExc_OSError
                                                         : PyExc_ValueError;
    PyErr_SetString(type != NULL ? type : PyExc_MemoryError, corex_last_error());
    return NULL;
}

bool corex_check_count(const char *name, Py_ssize_t nargs, Py_ssize_t wanted)
{
    if (COREX_LIKELY(nargs == wanted))
        return true;
    PyErr_Format(PyExc_TypeError, "%s takes %zd arguments, got %zd", name, wanted, nargs);
    return false;
}

typedef struct row {
    const char *name;
    int kind;
} row;

#define ROW(number, NAME, name, sfx, T, U, kind, ...) [COREX_##NAME] = {name, kind},
static const row rows[COREX_NUM_DTYPES] = {COREX_DTYPE_ROWS(ROW)};

bool corex_set_dtypes(PyObject *by_name)
{
    for (int k = 0; k < COREX_NUM_DTYPES; k++) {
        PyObject *found = PyMapping_GetItemString(by_name, rows[k].name);
        if (found == NULL)
            return false;
        Py_XSETREF(corex_dtypes[k], found);
    }
    return true;
}

PyObject *corex_py_dtypes(PyObject *module, PyObject *unused)
{
    (void)module;
    (void)unused;
    PyObject *list = PyList_New(COREX_NUM_DTYPES);
    for (int k = 0; list != NULL && k < COREX_NUM_DTYPES; k++) {
        PyObject *item =
            Py_BuildValue("(isCi)", k, rows[k].name, rows[k].kind, (int)corex_itemsizes[k]);
        if (item == NULL)
            Py_CLEAR(list);
        else
            PyList_SET_ITEM(list, k, item);
    }
    return list;
}

int corex_dtype_of(PyObject *object)
{
    for (int k = COREX_NUM_DTYPES - 1; k >= 0; k--)
        if (object == corex_dtypes[k])
            return k;
    PyErr_Format(PyExc_TypeError, "not a dtype: %R", object);
    return -1;
}

static bool bad_view(const char *reason)
{
    PyErr_Format(PyExc_TypeError,
                 "a view is (buffer, dtype, shape, strides, offset) with a cpu_c buffer: %s",
                 reason);
    return false;
}

/* Sets the address; first and last element must lie inside the buffer. */
static bool set_data(corex_py_view *v, const corex_buffer *buffer, int64_t offset)
{
    v->view.data = buffer->ptr; /* which no element of an empty view is read from */
    const int64_t size = corex_itemsizes[v->view.dtype];
    int64_t low = offset, high = offset;
    for (int d = 0; d < v->view.ndim; d++) {
        int64_t reach, last = v->shape[d] - 1;
        if (last < 0) {
            memset(v->strides, 0, (size_t)v->view.ndim * sizeof *v->strides); /* perhaps absurd */
            return true;
        }
        if (__builtin_mul_overflow(last, v->strides[d], &reach) ||
            __builtin_add_overflow(reach, reach < 0 ? low : high, reach < 0 ? &low : &high)) {
            PyErr_SetString(PyExc_ValueError, "a view's extent overflows");
            return false;
        }
    }
    if (low < 0 || high >= buffer->nbytes / size) {
        PyErr_Format(PyExc_ValueError,
                     "a view of elements %lld to %lld leaves its buffer of %lld bytes",
                     (long long)low, (long long)high, (long long)buffer->nbytes);
        return false;
    }
    v->view.data = buffer->ptr + offset * size;
    return true;
}

bool corex_read_view(PyObject *tuple, corex_py_view *out, bool writes)
{
    if (COREX_UNLIKELY(!PyTuple_Check(tuple) || PyTuple_GET_SIZE(tuple) != 5))
        return bad_view("not a tuple of five");
    PyObject *buffer = PyTuple_GET_ITEM(tuple, 0);
    PyObject *shape = PyTuple_GET_ITEM(tuple, 2), *strides = PyTuple_GET_ITEM(tuple, 3);
    if (COREX_UNLIKELY(Py_TYPE(buffer) != &corex_buffer_type))
        return bad_view("wrong buffer type");
    if (COREX_UNLIKELY(!PyTuple_Check(shape) || !PyTuple_Check(strides)))
        return bad_view("shape and strides must be tuples");
    const Py_ssize_t ndim = PyTuple_GET_SIZE(shape);
    if (COREX_UNLIKELY(PyTuple_GET_SIZE(strides) != ndim || ndim > COREX_MAX_DIMS))
        return bad_view("shape and strides differ in length, or are too long");
    int dtype = corex_dtype_of(PyTuple_GET_ITEM(tuple, 1));
    if (COREX_UNLIKELY(dtype < 0))
        return false;
    for (Py_ssize_t d = 0; d < ndim; d++) {
        out->shape[d] = PyLong_AsSsize_t(PyTuple_GET_ITEM(shape, d));
        out->strides[d] = PyLong_AsSsize_t(PyTuple_GET_ITEM(strides, d));
        if (COREX_UNLIKELY(out->shape[d] < 0 || (out->strides[d] == -1 && PyErr_Occurred())))
            return PyErr_Occurred() ? false : bad_view("a negative size");
    }
    int64_t offset = PyLong_AsSsize_t(PyTuple_GET_ITEM(tuple, 4));
    if (COREX_UNLIKELY(offset == -1 && PyErr_Occurred()))
        return false;
    corex_buffer *memory = (corex_buffer *)buffer;
    out->view = (corex_view){NULL, out->shape, out->strides, (int32_t)ndim, dtype};
    if (COREX_UNLIKELY(!set_data(out, memory, offset)))
        return false;
    if (COREX_UNLIKELY(writes && memory->readonly)) {
        PyErr_SetString(PyExc_ValueError, "the output's memory is read-only");
        return false;
    }
    if (COREX_UNLIKELY((uintptr_t)out->view.data & (uintptr_t)(corex_itemsizes[dtype] - 1))) {
        PyErr_SetString(PyExc_ValueError, "the buffer is not aligned to its element size");
        return false;
    }
    return true;
}

bool corex_read_operand(PyObject *object, const corex_py_view *out, int dtype, corex_py_view *v)
{
    if (COREX_LIKELY(PyTuple_Check(object)))
        return corex_read_view(object, v, false);
    int is_integer;
    int64_t value;
    if (!PyLong_Check(object) && !PyFloat_Check(object))
        return bad_view("nor is it a number");
    if (!corex_read_number(object, &is_integer, &value))
        return false;
    v->view = (corex_view){&v->number, v->shape, v->strides, 0, dtype};
    corex_status status = corex_fill(&v->view, is_integer, &value);
    if (COREX_UNLIKELY(status != COREX_OK))
        return corex_raise(status) != NULL;
    v->view.ndim = out->view.ndim;
    memcpy(v->shape, out->shape, (size_t)v->view.ndim * sizeof *v->shape);
    memset(v->strides, 0, (size_t)v->view.ndim * sizeof *v->strides);
    return true;
}

bool corex_read_optional(PyObject *tuple, corex_py_view *out, const corex_view **used)
{
    *used = NULL;
    if (tuple == Py_None)
        return true;
    *used = &out->view;
    return corex_read_view(tuple, out, false);
}

bool corex_read_views(PyObject *const *items, Py_ssize_t count, bool writes, corex_view **out,
                      corex_py_view **keep)
{
    *out = PyMem_Calloc((size_t)count + 1, sizeof **out);
    *keep = PyMem_Calloc((size_t)count + 1, sizeof **keep);
    bool good = *out != NULL && *keep != NULL;
    if (!good)
        PyErr_NoMemory();
    for (Py_ssize_t i = 0; good && i < count; i++) {
        good = corex_read_view(items[i], &(*keep)[i], writes);
        (*out)[i] = (*keep)[i].view;
    }
    if (!good) {
        PyMem_Free(*out);
        PyMem_Free(*keep);
    }
    return good;
}

bool corex_read_pair(PyObject *tuple, int64_t pair[2])
{
    if (!PyTuple_Check(tuple) || PyTuple_GET_SIZE(tuple) != 2) {
        PyErr_SetString(PyExc_TypeError, "expected a pair of ints");
        return false;
    }
    pair[0] = PyLong_AsSsize_t(PyTuple_GET_ITEM(tuple, 0));
    pair[1] = PyLong_AsSsize_t(PyTuple_GET_ITEM(tuple, 1));
    return !PyErr_Occurred();
}

bool corex_read_number(PyObject *object, int *is_integer, void *value)
{
    if (PyLong_Check(object)) {
        int overflow;
        int64_t number = PyLong_AsLongLongAndOverflow(object, &overflow);
        if (COREX_UNLIKELY(overflow < 0))
            PyErr_SetString(PyExc_OverflowError, "an integer below -2**63");
        if (COREX_UNLIKELY(overflow > 0))
            number = (int64_t)PyLong_AsUnsignedLongLong(object);
        *is_integer = overflow > 0 ? 2 : 1;
        memcpy(value, &number, sizeof number);
    } else {
        double number = PyFloat_AsDouble(object);
        *is_integer = 0;
        memcpy(value, &number, sizeof number);
    }
    return !PyErr_Occurred();
}

bool corex_read_uint64(PyObject *object, uint64_t *value)
{
    *value = PyLong_AsUnsignedLongLong(object);
    return !PyErr_Occurred();
}
