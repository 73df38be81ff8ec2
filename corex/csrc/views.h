/* Reading a view, in line: it is most of what a call costs. */
#ifndef COREX_CORE_VIEWS_H
#define COREX_CORE_VIEWS_H

#include "core.h"

extern const uint8_t core_shifts[COREX_NUM_DTYPES]; /* log2 of the itemsizes */
/* 0 and 1, to be known again without being read: offsets and strides mostly are. */
extern PyObject *core_zero, *core_one;

/* Set an exception, unless there is one; return false. */
bool core_bad_view(const core_table *table, const char *reason);
bool core_outside(int64_t low, int64_t high, bool overflows, const corex_buffer_head *buffer);
bool core_cannot(const char *reason);
/* A view that has no elements may have been given absurd strides and an absurd offset. */
bool core_is_nothing(core_view *v);

/* Reads sizes and strides; first and last element must lie inside of the buffer. */
COREX_INLINE bool core_read_layout(const core_table *table, PyObject *shape, PyObject *strides,
                                   const corex_buffer_head *buffer, core_view *v)
{
    const int ndim = v->view.ndim;
    int64_t count = 1, low = v->view.offset, high = low;
    bool overflows = false;
    for (int d = 0; d < ndim; d++) {
        PyObject *step = PyTuple_GET_ITEM(strides, d);
        const int64_t size = v->shape[d] = PyLong_AsSsize_t(PyTuple_GET_ITEM(shape, d));
        const int64_t stride = v->strides[d] = step == core_one ? 1 : PyLong_AsSsize_t(step);
        if (COREX_UNLIKELY(size < 0 || (stride == -1 && PyErr_Occurred())))
            return core_bad_view(table, "a negative size");
        int64_t reach;
        overflows |= __builtin_mul_overflow(count, size, &count);
        overflows |= __builtin_mul_overflow(size - 1, stride, &reach);
        if (reach < 0)
            overflows |= __builtin_add_overflow(low, reach, &low);
        else
            overflows |= __builtin_add_overflow(high, reach, &high);
    }
    v->count = count;
    if (COREX_UNLIKELY((count == 0 || overflows) && core_is_nothing(v)))
        return true;
    return COREX_LIKELY(!overflows && low >= 0 &&
                        high < buffer->nbytes >> core_shifts[v->view.dtype]) ||
           core_outside(low, high, overflows, buffer);
}

/* The address of the first element, where there are addresses. */
COREX_INLINE bool core_set_address(const core_table *table, const corex_buffer_head *buffer,
                                   core_view *v)
{
    if (!(table->table.flags & COREX_ADDRESSES))
        return true;
    const int shift = core_shifts[v->view.dtype];
    v->view.data = buffer->ptr + (v->view.offset << shift);
    return COREX_LIKELY(!((uintptr_t)v->view.data & (((uintptr_t)1 << shift) - 1))) ||
           core_cannot("the buffer is not aligned to its element size");
}

COREX_INLINE bool core_read_view_here(const core_table *table, PyObject *tuple, core_view *out,
                                      bool writes)
{
    if (COREX_UNLIKELY(!PyTuple_Check(tuple) || PyTuple_GET_SIZE(tuple) != 5))
        return core_bad_view(table, "not a tuple of five");
    PyObject *object = PyTuple_GET_ITEM(tuple, 0), *first = PyTuple_GET_ITEM(tuple, 4);
    PyObject *shape = PyTuple_GET_ITEM(tuple, 2), *strides = PyTuple_GET_ITEM(tuple, 3);
    const corex_buffer_head *buffer = (corex_buffer_head *)object;
    if (COREX_UNLIKELY(Py_TYPE(object) != table->buffer_type ||
                       (table->shares_type && ((core_buffer *)object)->table != table)))
        return core_bad_view(table, "wrong buffer type");
    if (COREX_UNLIKELY(!PyTuple_Check(shape) || !PyTuple_Check(strides)))
        return core_bad_view(table, "shape and strides must be tuples");
    const Py_ssize_t ndim = PyTuple_GET_SIZE(shape);
    if (COREX_UNLIKELY(PyTuple_GET_SIZE(strides) != ndim || ndim > COREX_MAX_DIMS))
        return core_bad_view(table, "shape and strides differ in length, or are too long");
    const int dtype = core_dtype_of(PyTuple_GET_ITEM(tuple, 1));
    const int64_t offset = first == core_zero ? 0 : PyLong_AsSsize_t(first);
    if (COREX_UNLIKELY(dtype < 0 || (offset == -1 && PyErr_Occurred())))
        return false;
    out->view = (corex_view){.shape = out->shape,
                             .strides = out->strides,
                             .ndim = (int32_t)ndim,
                             .dtype = dtype,
                             .memory = buffer->ptr,
                             .offset = offset,
                             .device = buffer->device};
    if (COREX_UNLIKELY(!core_read_layout(table, shape, strides, buffer, out) ||
                       !core_set_address(table, buffer, out)))
        return false;
    return COREX_LIKELY(!writes || !buffer->readonly) ||
           core_cannot("the output's memory is read-only");
}

#endif
