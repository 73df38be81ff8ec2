/* Reading kernel arguments. Everything that comes from Python is checked here, once. */
#include "corex_half.h"
#include "corex_whole.h"
#include "views.h"

PyObject *core_dtypes[COREX_NUM_DTYPES];
PyObject *core_zero, *core_one;

#define SHIFT_OF(number, NAME, name, sfx, T, ...) [COREX_##NAME] = __builtin_ctz(sizeof(T)),
const uint8_t core_shifts[COREX_NUM_DTYPES] = {COREX_HELD_ROWS(SHIFT_OF)};

int core_no_dtype(PyObject *object)
{
    if (!PyErr_Occurred())
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

bool core_bad_view(const core_table *table, const char *reason)
{
    if (!PyErr_Occurred())
        PyErr_Format(PyExc_TypeError,
                     "a view is (buffer, dtype, shape, strides, offset) with a %s buffer: %s",
                     table->table.name, reason);
    return false;
}

bool core_is_nothing(core_view *v)
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

bool core_outside(int64_t low, int64_t high, bool overflows, const corex_buffer_head *buffer)
{
    if (overflows)
        PyErr_SetString(PyExc_ValueError, "a view's extent overflows");
    else
        PyErr_Format(PyExc_ValueError,
                     "a view of elements %lld to %lld leaves its buffer of %lld bytes",
                     (long long)low, (long long)high, (long long)buffer->nbytes);
    return false;
}

bool core_cannot(const char *reason)
{
    PyErr_SetString(PyExc_ValueError, reason);
    return false;
}

bool core_read_view(const core_table *table, PyObject *tuple, core_view *out, bool writes)
{
    return core_read_view_here(table, tuple, out, writes);
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

#define SET_INTEGER(number, NAME, name, sfx, T, ...) \
    case COREX_##NAME: \
        *(T *)to = from->kind == COREX_DOUBLE ? corex_to_##sfx(from->real) : (T)from->integer; \
        break;
#define SET_FLOAT(number, NAME, name, sfx, T, ...) \
    case COREX_##NAME: \
        *(T *)to = from->kind == COREX_DOUBLE ? (T)from->real \
                   : from->kind == COREX_UINT ? (T)from->unsigned_integer \
                                              : (T)from->integer; \
        break;

#define SET_HALF(number, NAME, name, sfx, T, ...) \
    case COREX_##NAME: \
        *(T *)to = corex_to_##sfx(from->kind == COREX_DOUBLE ? (float)from->real \
                                  : from->kind == COREX_UINT ? (float)from->unsigned_integer \
                                                             : (float)from->integer); \
        break;

/* The number as an element, as kernel `fill` converts it: integers wrap around, floats round. */
static void store(void *to, int dtype, const corex_argument *from)
{
    switch (dtype) {
        COREX_INTEGER_ROWS(SET_INTEGER)
        COREX_FLOAT_ROWS(SET_FLOAT)
        COREX_HALF_ROWS(SET_HALF)
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
