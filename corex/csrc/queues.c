/* Streams and events of a table: their handles are numbers to Python, 0 the default stream. */
#include "core.h"

/* Runs a function without Python's lock. */
#define UNLOCKED(status, call) \
    do { \
        Py_BEGIN_ALLOW_THREADS status = (call); \
        Py_END_ALLOW_THREADS \
    } while (0)

static PyObject *none_of(const core_table *self, const char *what)
{
    return PyErr_Format(PyExc_NotImplementedError, "%s has no %s", self->table.name, what);
}

#define NEED(function, what) \
    const core_table *self = (core_table *)object; \
    if (self->table.function == NULL) \
    return none_of(self, what)

/* (device, stream[, event]) */
static bool read_stream(PyObject *args, int *device, void **stream, void **event)
{
    Py_ssize_t handle, other = 0;
    if (!PyArg_ParseTuple(args, event == NULL ? "in" : "inn", device, &handle, &other))
        return false;
    *stream = (void *)handle;
    if (event != NULL)
        *event = (void *)other;
    return true;
}

PyObject *core_new_stream(PyObject *object, PyObject *number)
{
    NEED(new_stream, "streams");
    const long device = PyLong_AsLong(number);
    void *stream = NULL;
    if (device == -1 && PyErr_Occurred())
        return NULL;
    const corex_status status = self->table.new_stream((int32_t)device, &stream);
    return status == COREX_OK ? PyLong_FromVoidPtr(stream) : core_raise(self, status);
}

PyObject *core_free_stream(PyObject *object, PyObject *args)
{
    NEED(free_stream, "streams");
    int device;
    void *stream;
    if (!read_stream(args, &device, &stream, NULL))
        return NULL;
    self->table.free_stream(device, stream);
    Py_RETURN_NONE;
}

PyObject *core_set_stream(PyObject *object, PyObject *args)
{
    NEED(set_stream, "streams");
    int device;
    void *stream;
    if (!read_stream(args, &device, &stream, NULL))
        return NULL;
    return core_done(self, self->table.set_stream(device, stream));
}

PyObject *core_synchronize_stream(PyObject *object, PyObject *args)
{
    NEED(synchronize_stream, "streams");
    int device;
    void *stream;
    corex_status status;
    if (!read_stream(args, &device, &stream, NULL))
        return NULL;
    UNLOCKED(status, self->table.synchronize_stream(device, stream));
    return core_done(self, status);
}

PyObject *core_query_stream(PyObject *object, PyObject *args)
{
    NEED(query_stream, "streams");
    int device;
    int32_t is_done = 0;
    void *stream;
    if (!read_stream(args, &device, &stream, NULL))
        return NULL;
    const corex_status status = self->table.query_stream(device, stream, &is_done);
    return status == COREX_OK ? PyBool_FromLong(is_done) : core_raise(self, status);
}

PyObject *core_stream_waits(PyObject *object, PyObject *args)
{
    NEED(stream_waits, "streams");
    int device;
    void *stream, *event;
    if (!read_stream(args, &device, &stream, &event))
        return NULL;
    return core_done(self, self->table.stream_waits(device, stream, event));
}

/* ---- events ---- */
PyObject *core_new_event(PyObject *object, PyObject *timed)
{
    NEED(new_event, "events");
    void *event = NULL;
    const int wanted = PyObject_IsTrue(timed);
    if (wanted < 0)
        return NULL;
    const corex_status status = self->table.new_event(wanted, &event);
    return status == COREX_OK ? PyLong_FromVoidPtr(event) : core_raise(self, status);
}

PyObject *core_free_event(PyObject *object, PyObject *handle)
{
    NEED(free_event, "events");
    void *event = PyLong_AsVoidPtr(handle);
    if (event == NULL && PyErr_Occurred())
        return NULL;
    self->table.free_event(event);
    Py_RETURN_NONE;
}

PyObject *core_record_event(PyObject *object, PyObject *args)
{
    NEED(record_event, "events");
    Py_ssize_t event, stream;
    int device;
    if (!PyArg_ParseTuple(args, "nin", &event, &device, &stream))
        return NULL;
    return core_done(self, self->table.record_event((void *)event, device, (void *)stream));
}

PyObject *core_synchronize_event(PyObject *object, PyObject *handle)
{
    NEED(synchronize_event, "events");
    void *event = PyLong_AsVoidPtr(handle);
    corex_status status;
    if (event == NULL && PyErr_Occurred())
        return NULL;
    UNLOCKED(status, self->table.synchronize_event(event));
    return core_done(self, status);
}

PyObject *core_query_event(PyObject *object, PyObject *handle)
{
    NEED(query_event, "events");
    void *event = PyLong_AsVoidPtr(handle);
    int32_t is_done = 0;
    if (event == NULL && PyErr_Occurred())
        return NULL;
    const corex_status status = self->table.query_event(event, &is_done);
    return status == COREX_OK ? PyBool_FromLong(is_done) : core_raise(self, status);
}

PyObject *core_elapsed_time(PyObject *object, PyObject *args)
{
    NEED(elapsed_time, "events");
    Py_ssize_t start, end;
    double milliseconds = 0;
    if (!PyArg_ParseTuple(args, "nn", &start, &end))
        return NULL;
    const corex_status status = self->table.elapsed_time((void *)start, (void *)end, &milliseconds);
    return status == COREX_OK ? PyFloat_FromDouble(milliseconds) : core_raise(self, status);
}

PyObject *core_memory_info(PyObject *object, PyObject *number)
{
    NEED(memory_info, "count of free bytes");
    int64_t free_bytes = 0, total_bytes = 0;
    const long device = PyLong_AsLong(number);
    if (device == -1 && PyErr_Occurred())
        return NULL;
    const corex_status status = self->table.memory_info((int32_t)device, &free_bytes, &total_bytes);
    return status == COREX_OK ? Py_BuildValue("(LL)", (long long)free_bytes, (long long)total_bytes)
                              : core_raise(self, status);
}
