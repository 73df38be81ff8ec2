/* The memory of a table as Python sees it. */
#include "views.h"

/* dtype and shape, as hints, either of which may be None: false with an exception set otherwise. */
static bool read_hints(PyObject *dtype, PyObject *shape, int *number, Py_ssize_t *ndim,
                       int64_t *sizes)
{
    if (dtype == Py_None || shape == Py_None)
        return true;
    *number = core_dtype_of(dtype);
    if (*number < 0)
        return false;
    if (!PyTuple_Check(shape) || PyTuple_GET_SIZE(shape) > COREX_MAX_DIMS) {
        PyErr_SetString(PyExc_TypeError, "the shape must be a tuple of at most 64 sizes");
        return false;
    }
    *ndim = PyTuple_GET_SIZE(shape);
    for (Py_ssize_t d = 0; d < *ndim; d++)
        sizes[d] = PyLong_AsSsize_t(PyTuple_GET_ITEM(shape, d));
    return !PyErr_Occurred();
}

/* allocate(nbytes, device[, dtype[, shape]]) */
PyObject *core_allocate(PyObject *object, PyObject *const *args, Py_ssize_t nargs)
{
    core_table *self = (core_table *)object;
    if (nargs < 2 || nargs > 4)
        return PyErr_Format(PyExc_TypeError, "allocate takes 2 to 4 arguments, got %zd", nargs);
    const Py_ssize_t nbytes = PyLong_AsSsize_t(args[0]);
    const long device = args[1] == core_zero ? 0 : PyLong_AsLong(args[1]);
    if ((nbytes == -1 || device == -1) && PyErr_Occurred())
        return NULL;
    if (nbytes < 0)
        return PyErr_Format(PyExc_ValueError, "a size in bytes cannot be negative");
    if (self->python.allocate != NULL)
        return self->python.allocate(nbytes, (int32_t)device);
    int64_t sizes[COREX_MAX_DIMS];
    Py_ssize_t ndim = 0;
    int dtype = -1;
    if (nargs == 4 && !read_hints(args[2], args[3], &dtype, &ndim, sizes))
        return NULL;
    return core_buffer_new(self, nbytes, (int32_t)device, dtype, (int32_t)ndim, sizes);
}

PyObject *core_wrap(PyObject *object, PyObject *source)
{
    core_table *self = (core_table *)object;
    if (self->python.wrap != NULL)
        return self->python.wrap(source);
    if (!(self->table.flags & COREX_HOST))
        Py_RETURN_NONE;
    return core_buffer_wrap(self, source);
}

/* copy_from_host(buffer, start, source), copy_to_host(buffer, start, target) */
static PyObject *copy_bytes(PyObject *object, PyObject *const *args, Py_ssize_t nargs, bool in)
{
    core_table *self = (core_table *)object;
    if (nargs != 3)
        return PyErr_Format(PyExc_TypeError, "three arguments are needed, not %zd", nargs);
    const corex_buffer_head *buffer = core_buffer_of(self, args[0]);
    const int64_t start = buffer == NULL ? -1 : PyLong_AsSsize_t(args[1]);
    if (start == -1 && PyErr_Occurred())
        return NULL;
    Py_buffer host;
    if (PyObject_GetBuffer(args[2], &host, in ? PyBUF_SIMPLE : PyBUF_WRITABLE) < 0)
        return NULL;
    const int64_t count = host.len;
    corex_status status = COREX_OK;
    const bool fits = start >= 0 && count <= buffer->nbytes - start && !(in && buffer->readonly);
    if (fits && count > 0) {
        Py_BEGIN_ALLOW_THREADS status =
            in ? self->table.copy_from_host(buffer->device, buffer->ptr, start, host.buf, count)
               : self->table.copy_to_host(buffer->device, buffer->ptr, start, host.buf, count);
        Py_END_ALLOW_THREADS
    }
    PyBuffer_Release(&host);
    if (fits)
        return core_done(self, status);
    return PyErr_Format(PyExc_ValueError, "%lld bytes at %lld do not fit a %sbuffer of %lld",
                        (long long)count, (long long)start, buffer->readonly ? "read-only " : "",
                        (long long)buffer->nbytes);
}

PyObject *core_copy_from_host(PyObject *self, PyObject *const *args, Py_ssize_t nargs)
{
    return copy_bytes(self, args, nargs, true);
}

PyObject *core_copy_to_host(PyObject *self, PyObject *const *args, Py_ssize_t nargs)
{
    return copy_bytes(self, args, nargs, false);
}

/* copy_device(target, target_start, source, source_start, nbytes) -> whether it was possible */
PyObject *core_copy_device(PyObject *object, PyObject *const *args, Py_ssize_t nargs)
{
    core_table *self = (core_table *)object;
    if (nargs != 5)
        return PyErr_Format(PyExc_TypeError, "copy_device takes 5 arguments, got %zd", nargs);
    const corex_buffer_head *to = core_buffer_of(self, args[0]);
    const corex_buffer_head *from = to == NULL ? NULL : core_buffer_of(self, args[2]);
    if (from == NULL)
        return NULL;
    const int64_t at = PyLong_AsSsize_t(args[1]), start = PyLong_AsSsize_t(args[3]);
    const int64_t nbytes = PyLong_AsSsize_t(args[4]);
    if (PyErr_Occurred())
        return NULL;
    if (at < 0 || start < 0 || nbytes < 0 || nbytes > to->nbytes - at ||
        nbytes > from->nbytes - start || to->readonly)
        return PyErr_Format(PyExc_ValueError, "%lld bytes do not fit the buffers",
                            (long long)nbytes);
    if (self->table.copy_device == NULL)
        Py_RETURN_FALSE;
    corex_status status = COREX_OK;
    if (nbytes > 0) {
        Py_BEGIN_ALLOW_THREADS status = self->table.copy_device(
            to->device, to->ptr, at, from->device, from->ptr, start, nbytes);
        Py_END_ALLOW_THREADS
    }
    return status == COREX_OK ? Py_NewRef(Py_True) : core_raise(self, status);
}

/* pointer(buffer) -> the address that other libraries may use, or 0 */
PyObject *core_pointer(PyObject *object, PyObject *given)
{
    const core_table *self = (core_table *)object;
    const corex_buffer_head *buffer = core_buffer_of(self, given);
    if (buffer == NULL)
        return NULL;
    return PyLong_FromVoidPtr(self->table.flags & COREX_ADDRESSES ? buffer->ptr : NULL);
}

PyObject *core_memory_stats(PyObject *object, PyObject *number)
{
    const core_table *self = (core_table *)object;
    const long device = PyLong_AsLong(number);
    corex_memory_stats stats;
    if (device == -1 && PyErr_Occurred())
        return NULL;
    if (self->table.memory_stats == NULL)
        return PyDict_New();
    corex_status status = self->table.memory_stats((int32_t)device, &stats);
    if (status != COREX_OK)
        return core_raise(self, status);
    return Py_BuildValue("{s:L,s:L,s:L,s:L}", "allocated_bytes", (long long)stats.allocated_bytes,
                         "reserved_bytes", (long long)stats.reserved_bytes, "peak_allocated_bytes",
                         (long long)stats.peak_allocated_bytes, "allocations",
                         (long long)stats.allocations);
}

PyObject *core_empty_cache(PyObject *object, PyObject *number)
{
    const core_table *self = (core_table *)object;
    const long device = PyLong_AsLong(number);
    if (device == -1 && PyErr_Occurred())
        return NULL;
    if (self->table.empty_cache == NULL)
        Py_RETURN_NONE;
    return core_done(self, self->table.empty_cache((int32_t)device));
}
