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

static PyObject *done(const core_table *table, corex_status status)
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
    return done(self, status);
}

/* ---- memory ---- */
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
static PyObject *allocate(PyObject *object, PyObject *const *args, Py_ssize_t nargs)
{
    core_table *self = (core_table *)object;
    if (nargs < 2 || nargs > 4)
        return PyErr_Format(PyExc_TypeError, "allocate takes 2 to 4 arguments, got %zd", nargs);
    const Py_ssize_t nbytes = PyLong_AsSsize_t(args[0]);
    const long device = PyLong_AsLong(args[1]);
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

static PyObject *wrap(PyObject *object, PyObject *source)
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
        return done(self, status);
    return PyErr_Format(PyExc_ValueError, "%lld bytes at %lld do not fit a %sbuffer of %lld",
                        (long long)count, (long long)start, buffer->readonly ? "read-only " : "",
                        (long long)buffer->nbytes);
}

static PyObject *copy_from_host(PyObject *self, PyObject *const *args, Py_ssize_t nargs)
{
    return copy_bytes(self, args, nargs, true);
}

static PyObject *copy_to_host(PyObject *self, PyObject *const *args, Py_ssize_t nargs)
{
    return copy_bytes(self, args, nargs, false);
}

/* copy_device(target, target_start, source, source_start, nbytes) -> whether it was possible */
static PyObject *copy_device(PyObject *object, PyObject *const *args, Py_ssize_t nargs)
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
static PyObject *pointer(PyObject *object, PyObject *given)
{
    const core_table *self = (core_table *)object;
    const corex_buffer_head *buffer = core_buffer_of(self, given);
    if (buffer == NULL)
        return NULL;
    return PyLong_FromVoidPtr(self->table.flags & COREX_ADDRESSES ? buffer->ptr : NULL);
}

static PyObject *memory_stats(PyObject *object, PyObject *number)
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

static PyObject *empty_cache(PyObject *object, PyObject *number)
{
    const core_table *self = (core_table *)object;
    const long device = PyLong_AsLong(number);
    if (device == -1 && PyErr_Occurred())
        return NULL;
    if (self->table.empty_cache == NULL)
        Py_RETURN_NONE;
    return done(self, self->table.empty_cache((int32_t)device));
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
    return done(self, self->table.set_num_threads(count < 0           ? 0
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

#define FAST(name, doc) {#name, (PyCFunction)(void (*)(void))name, METH_FASTCALL, doc}

static PyMethodDef methods[] = {
    {"probe", probe, METH_NOARGS, "why the backend cannot work here, or None"},
    {"device_count", device_count, METH_NOARGS, "how many devices there are"},
    {"device_name", device_name, METH_O, "what a device calls itself"},
    {"traits", traits, METH_O, "how a device differs from an ideal one, in words"},
    {"synchronize", synchronize, METH_O, "waits until all is done that was queued on a device"},
    FAST(allocate, "allocate(nbytes, device[, dtype, shape]) -> Buffer"),
    {"wrap", wrap, METH_O, "wrap(host memory) -> Buffer over it, or None"},
    FAST(copy_from_host, "copy_from_host(buffer, start, source)"),
    FAST(copy_to_host, "copy_to_host(buffer, start, target)"),
    FAST(copy_device, "copy_device(target, start, source, start, nbytes) -> whether it could"),
    {"pointer", pointer, METH_O, "the address of a buffer, or 0"},
    {"memory_stats", memory_stats, METH_O, "counters of the allocator"},
    {"empty_cache", empty_cache, METH_O, "returns unused memory to the system"},
    {"kernels", kernels, METH_NOARGS, "all kernels, in order"},
    FAST(direct, "direct(op, dtype) -> callable or None"),
    {"get_num_threads", get_num_threads, METH_NOARGS, "threads used by kernels"},
    {"set_num_threads", set_num_threads, METH_O, "threads used by kernels"},
    {NULL, NULL, 0, NULL},
};

static PyGetSetDef getters[] = {
    {"name", table_name, NULL, "of the backend", NULL},
    {"device_type", table_device_type, NULL, "as in 'npu:0'", NULL},
    {"dtypes", table_dtypes, NULL, "those held, or None", NULL},
    {"features", table_features, NULL, "names of what is offered beyond the minimum", NULL},
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
