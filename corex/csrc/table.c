/* A library's table as Python sees it: memory, devices, and a list of kernels. */
#include "core.h"

static const int64_t unlock_above = 16384;

PyObject *core_raise(const core_table *table, corex_status status)
{
    PyObject *type = status == COREX_ERR_MEMORY          ? core_out_of_memory_error
                     : status == COREX_ERR_VALUE         ? PyExc_ValueError
                     : status == COREX_ERR_TYPE          ? PyExc_TypeError
                     : status == COREX_ERR_INDEX         ? PyExc_IndexError
                     : status == COREX_ERR_ZERO_DIVISION ? PyExc_ZeroDivisionError
                     : status == COREX_ERR_SYSTEM        ? PyExc_OSError
                     : status == COREX_ERR_UNSUPPORTED   ? PyExc_NotImplementedError
                                                         : PyExc_RuntimeError;
    const char *(*last_error)(void) = table->table.last_error;
    const char *reason = core_own_error[0]    ? core_own_error
                         : last_error == NULL ? ""
                                              : last_error();
    if (reason != NULL && reason[0])
        PyErr_SetString(type, reason);
    else
        PyErr_Format(type, "%s failed with status %d", table->table.name, (int)status);
    core_own_error[0] = 0;
    return NULL;
}

PyObject *core_done(const core_table *table, corex_status status)
{
    if (status != COREX_OK)
        return core_raise(table, status);
    Py_RETURN_NONE;
}

/* ---- making one ---- */
static bool versions_fit(const corex_table *given)
{
    if (given->major != COREX_TABLE_MAJOR) {
        PyErr_Format(PyExc_ValueError,
                     "the table is of version %d.%d, and this corex takes %d.x: build the library "
                     "again with the headers in corex.get_include()",
                     given->major, given->minor, COREX_TABLE_MAJOR);
        return false;
    }
    if (given->size < offsetof(corex_table, unlock_above) ||
        given->kernel_size < offsetof(corex_kernel, work)) {
        PyErr_SetString(PyExc_ValueError, "the table's size says that what version 1.0 has is "
                                          "missing: set size and kernel_size by sizeof");
        return false;
    }
    return true;
}

static const char *what_is_missing(const corex_table *table)
{
    return table->name == NULL             ? "name"
           : table->device_type == NULL    ? "device_type"
           : table->allocate == NULL       ? "allocate"
           : table->release == NULL        ? "release"
           : table->copy_from_host == NULL ? "copy_from_host"
           : table->copy_to_host == NULL   ? "copy_to_host"
           : table->kernel == NULL         ? "kernel"
                                           : NULL;
}

static bool read_python(core_table *self)
{
    const corex_python *given = self->table.python;
    if (given == NULL)
        return true;
    memcpy(&self->python, given,
           given->size < sizeof self->python ? given->size : sizeof self->python);
    const corex_python_host host = {sizeof host, 0, core_out_of_memory_error};
    if (self->python.setup != NULL && self->python.setup(&host) < 0)
        return false;
    if (self->python.buffer_type != NULL)
        self->buffer_type = self->python.buffer_type;
    return true;
}

PyObject *core_table_new(const corex_table *given)
{
    if (!versions_fit(given))
        return NULL;
    core_table *self = PyObject_New(core_table, &core_table_type);
    if (self == NULL)
        return NULL;
    memset((char *)self + sizeof(PyObject), 0, sizeof *self - sizeof(PyObject));
    memcpy(&self->table, given, given->size < sizeof *given ? given->size : sizeof *given);
    core_fill_in(&self->table);
    self->buffer_type = &core_buffer_type;
    self->unlock_above =
        self->table.unlock_above == NULL ? &unlock_above : self->table.unlock_above;
    const char *missing = what_is_missing(&self->table);
    if (missing != NULL)
        PyErr_Format(PyExc_ValueError, "the table lacks '%s'", missing);
    if (missing != NULL || !read_python(self))
        Py_CLEAR(self);
    else
        self->shares_type = self->buffer_type == &core_buffer_type;
    return (PyObject *)self;
}

/* ---- devices ---- */
static PyObject *probe(PyObject *object, PyObject *unused)
{
    (void)unused;
    const corex_table *table = &((core_table *)object)->table;
    const char *reason = table->probe == NULL ? NULL : table->probe();
    if (reason == NULL)
        Py_RETURN_NONE;
    return PyUnicode_FromString(reason);
}

static PyObject *device_count(PyObject *object, PyObject *unused)
{
    (void)unused;
    const corex_table *table = &((core_table *)object)->table;
    return PyLong_FromLong(table->device_count == NULL ? 1 : table->device_count());
}

static PyObject *device_name(PyObject *object, PyObject *number)
{
    const corex_table *table = &((core_table *)object)->table;
    const long device = PyLong_AsLong(number);
    if (device == -1 && PyErr_Occurred())
        return NULL;
    const char *name = table->device_name == NULL ? NULL : table->device_name((int32_t)device);
    return PyUnicode_FromString(name == NULL ? table->name : name);
}

static PyObject *traits(PyObject *object, PyObject *number)
{
    const corex_table *table = &((core_table *)object)->table;
    const long device = PyLong_AsLong(number);
    if (device == -1 && PyErr_Occurred())
        return NULL;
    const char *words = table->traits == NULL ? NULL : table->traits((int32_t)device);
    return PyUnicode_FromString(words == NULL ? "" : words);
}

static PyObject *synchronize(PyObject *object, PyObject *number)
{
    core_table *self = (core_table *)object;
    const long device = PyLong_AsLong(number);
    if (device == -1 && PyErr_Occurred())
        return NULL;
    corex_status status = COREX_OK;
    if (self->table.synchronize != NULL) {
        Py_BEGIN_ALLOW_THREADS status = self->table.synchronize((int32_t)device);
        Py_END_ALLOW_THREADS
    }
    return core_done(self, status);
}

/* ---- kernels and threads ---- */
static PyObject *kernels(PyObject *object, PyObject *unused)
{
    (void)unused;
    core_table *self = (core_table *)object;
    PyObject *list = PyList_New(0);
    for (int32_t index = 0; list != NULL; index++) {
        const corex_kernel *given = self->table.kernel(index);
        if (given == NULL)
            break;
        PyObject *kernel = core_kernel_new(self, given);
        if (kernel == NULL || PyList_Append(list, kernel) < 0)
            Py_CLEAR(list);
        Py_XDECREF(kernel);
    }
    return list;
}

/* direct(op, dtype) -> callable or None */
static PyObject *direct(PyObject *object, PyObject *const *args, Py_ssize_t nargs)
{
    const core_table *self = (core_table *)object;
    if (nargs != 2)
        return PyErr_Format(PyExc_TypeError, "direct takes 2 arguments, got %zd", nargs);
    if (self->python.direct == NULL)
        Py_RETURN_NONE;
    const char *op = PyUnicode_AsUTF8(args[0]);
    const int dtype = op == NULL ? -1 : core_dtype_of(args[1]);
    return dtype < 0 ? NULL : self->python.direct(op, dtype);
}

static PyObject *get_num_threads(PyObject *object, PyObject *unused)
{
    (void)unused;
    const corex_table *table = &((core_table *)object)->table;
    return PyLong_FromLong(table->get_num_threads == NULL ? 1 : table->get_num_threads());
}

static PyObject *set_num_threads(PyObject *object, PyObject *number)
{
    const core_table *self = (core_table *)object;
    const long count = PyLong_AsLong(number);
    if (count == -1 && PyErr_Occurred())
        return NULL;
    if (self->table.set_num_threads == NULL)
        Py_RETURN_NONE;
    return core_done(self, self->table.set_num_threads(count < 0           ? 0
                                                       : count > INT32_MAX ? INT32_MAX
                                                                           : (int32_t)count));
}

/* ---- the object ---- */
static PyObject *table_name(PyObject *self, void *unused)
{
    (void)unused;
    return PyUnicode_FromString(((core_table *)self)->table.name);
}

static PyObject *table_device_type(PyObject *self, void *unused)
{
    (void)unused;
    return PyUnicode_FromString(((core_table *)self)->table.device_type);
}

static PyObject *table_dtypes(PyObject *self, void *unused)
{
    (void)unused;
    const uint64_t bits = ((core_table *)self)->table.dtypes;
    if (bits == 0)
        Py_RETURN_NONE;
    return core_dtypes_of(bits);
}

/* What is offered of the names in corex.backend.FEATURES. */
static PyObject *table_features(PyObject *object, void *unused)
{
    (void)unused;
    const core_table *self = (core_table *)object;
    const corex_table *table = &self->table;
    const bool wraps = (table->flags & COREX_HOST) || self->python.wrap != NULL;
    const bool threads = table->get_num_threads != NULL && table->set_num_threads != NULL;
    const struct {
        const char *name;
        bool there;
    } features[] = {
        {"host_view", table->host_pointer != NULL},  {"wrap_host", wraps},
        {"copy_device", table->copy_device != NULL}, {"memory_stats", table->memory_stats != NULL},
        {"direct", self->python.direct != NULL},     {"threads", threads},
        {"streams", table->new_stream != NULL},      {"events", table->new_event != NULL},
        {"memory_info", table->memory_info != NULL},
    };
    PyObject *set = PyFrozenSet_New(NULL);
    for (size_t k = 0; set != NULL && k < sizeof features / sizeof *features; k++) {
        PyObject *name = features[k].there ? PyUnicode_FromString(features[k].name) : NULL;
        if (features[k].there && (name == NULL || PySet_Add(set, name) < 0))
            Py_CLEAR(set);
        Py_XDECREF(name);
    }
    return set;
}

static PyObject *table_is_host(PyObject *self, void *unused)
{
    (void)unused;
    return PyBool_FromLong((((core_table *)self)->table.flags & COREX_HOST) != 0);
}

static PyObject *table_version(PyObject *self, void *unused)
{
    (void)unused;
    const corex_table *table = &((core_table *)self)->table;
    return Py_BuildValue("(ii)", table->major, table->minor);
}

static PyObject *table_repr(PyObject *self)
{
    return PyUnicode_FromFormat("<table of backend %s>", ((core_table *)self)->table.name);
}

#define FAST(name, function, doc) {#name, (PyCFunction)(void (*)(void))function, METH_FASTCALL, doc}

static PyMethodDef methods[] = {
    {"probe", probe, METH_NOARGS, "why the backend cannot work here, or None"},
    {"device_count", device_count, METH_NOARGS, "how many devices there are"},
    {"device_name", device_name, METH_O, "what a device calls itself"},
    {"traits", traits, METH_O, "how a device differs from an ideal one, in words"},
    {"synchronize", synchronize, METH_O, "waits until all is done that was queued on a device"},
    FAST(allocate, core_allocate, "allocate(nbytes, device[, dtype, shape]) -> Buffer"),
    {"wrap", core_wrap, METH_O, "wrap(host memory) -> Buffer over it, or None"},
    FAST(copy_from_host, core_copy_from_host, "copy_from_host(buffer, start, source)"),
    FAST(copy_to_host, core_copy_to_host, "copy_to_host(buffer, start, target)"),
    FAST(copy_device, core_copy_device,
         "copy_device(target, start, source, start, nbytes) -> whether it could"),
    {"pointer", core_pointer, METH_O, "the address of a buffer, or 0"},
    {"memory_stats", core_memory_stats, METH_O, "counters of the allocator"},
    {"empty_cache", core_empty_cache, METH_O, "returns unused memory to the system"},
    {"kernels", kernels, METH_NOARGS, "all kernels, in order"},
    FAST(direct, direct, "direct(op, dtype) -> callable or None"),
    {"get_num_threads", get_num_threads, METH_NOARGS, "threads used by kernels"},
    {"set_num_threads", set_num_threads, METH_O, "threads used by kernels"},
    {"new_stream", core_new_stream, METH_O, "new_stream(device) -> handle"},
    {"free_stream", core_free_stream, METH_VARARGS, "free_stream(device, handle)"},
    {"set_stream", core_set_stream, METH_VARARGS, "set_stream(device, handle), for this thread"},
    {"synchronize_stream", core_synchronize_stream, METH_VARARGS,
     "synchronize_stream(device, handle)"},
    {"query_stream", core_query_stream, METH_VARARGS, "query_stream(device, handle) -> bool"},
    {"stream_waits", core_stream_waits, METH_VARARGS, "stream_waits(device, handle, event)"},
    {"new_event", core_new_event, METH_O, "new_event(timed) -> handle"},
    {"free_event", core_free_event, METH_O, "free_event(event)"},
    {"record_event", core_record_event, METH_VARARGS, "record_event(event, device, stream)"},
    {"synchronize_event", core_synchronize_event, METH_O, "synchronize_event(event)"},
    {"query_event", core_query_event, METH_O, "query_event(event) -> bool"},
    {"elapsed_time", core_elapsed_time, METH_VARARGS, "elapsed_time(start, end) -> milliseconds"},
    {"memory_info", core_memory_info, METH_O, "memory_info(device) -> (free, total) bytes"},
    {NULL, NULL, 0, NULL},
};

static PyGetSetDef getters[] = {
    {"name", table_name, NULL, "of the backend", NULL},
    {"device_type", table_device_type, NULL, "as in 'npu:0'", NULL},
    {"dtypes", table_dtypes, NULL, "those held, or None", NULL},
    {"features", table_features, NULL, "names of what is offered beyond the minimum", NULL},
    {"is_host", table_is_host, NULL, "whether all memory is the host's", NULL},
    {"version", table_version, NULL, "(major, minor)", NULL},
    {NULL, NULL, NULL, NULL, NULL},
};

static void table_dealloc(PyObject *self) { PyObject_Free(self); }

PyTypeObject core_table_type = {
    PyVarObject_HEAD_INIT(NULL, 0).tp_name = "corex._core.Table",
    .tp_basicsize = sizeof(core_table),
    .tp_dealloc = table_dealloc,
    .tp_repr = table_repr,
    .tp_flags = Py_TPFLAGS_DEFAULT,
    .tp_doc = "What a library in C gave: see corex_backend.h.",
    .tp_methods = methods,
    .tp_getset = getters,
};
