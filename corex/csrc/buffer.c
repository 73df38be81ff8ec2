/* Buffers of tables that have no Python part: memory of the library's, or the host's wrapped. */
#include "core.h"

static PyObject *new_buffer(core_table *table, void *memory, int64_t nbytes, int32_t device,
                            Py_buffer *owner)
{
    core_buffer *self = PyObject_New(core_buffer, &core_buffer_type);
    if (self == NULL)
        return NULL;
    self->ptr = memory;
    self->nbytes = nbytes;
    self->device = device;
    self->readonly = owner != NULL && owner->readonly;
    self->table = (core_table *)Py_NewRef((PyObject *)table);
    self->owner = owner;
    return (PyObject *)self;
}

PyObject *core_buffer_new(core_table *table, int64_t nbytes, int32_t device, int32_t dtype,
                          int32_t ndim, const int64_t *shape)
{
    void *memory = NULL;
    corex_status status;
    Py_BEGIN_ALLOW_THREADS status =
        table->table.allocate(device, nbytes, dtype, ndim, shape, &memory);
    Py_END_ALLOW_THREADS if (status != COREX_OK) return core_raise(table, status);
    PyObject *self = new_buffer(table, memory, nbytes, device, NULL);
    if (self == NULL)
        table->table.release(device, memory, nbytes);
    return self;
}

static bool borrow(PyObject *source, Py_buffer *view)
{
    if (PyObject_GetBuffer(source, view, PyBUF_SIMPLE | PyBUF_WRITABLE) == 0)
        return true;
    PyErr_Clear();
    return PyObject_GetBuffer(source, view, PyBUF_SIMPLE) == 0;
}

PyObject *core_buffer_wrap(core_table *table, PyObject *source)
{
    static char nothing[64]; /* some have no address for nothing */
    Py_buffer *owner = PyMem_Calloc(1, sizeof *owner);
    if (owner == NULL)
        return PyErr_NoMemory();
    if (!borrow(source, owner)) {
        PyMem_Free(owner);
        return NULL;
    }
    PyObject *self =
        new_buffer(table, owner->buf == NULL ? nothing : owner->buf, owner->len, 0, owner);
    if (self == NULL) {
        PyBuffer_Release(owner);
        PyMem_Free(owner);
    }
    return self;
}

static void buffer_dealloc(PyObject *object)
{
    core_buffer *self = (core_buffer *)object;
    if (self->owner != NULL) {
        PyBuffer_Release(self->owner);
        PyMem_Free(self->owner);
    } else {
        self->table->table.release(self->device, self->ptr, self->nbytes);
    }
    Py_DECREF(self->table);
    PyObject_Free(self);
}

corex_buffer_head *core_buffer_of(const core_table *table, PyObject *object)
{
    const bool ours = Py_TYPE(object) == table->buffer_type &&
                      (!table->shares_type || ((core_buffer *)object)->table == table);
    if (!ours)
        PyErr_Format(PyExc_TypeError, "not a %s buffer: %R", table->table.name, object);
    return ours ? (corex_buffer_head *)object : NULL;
}

static int buffer_export(PyObject *object, Py_buffer *view, int flags)
{
    core_buffer *self = (core_buffer *)object;
    const corex_table *table = &self->table->table;
    void *bytes = self->owner != NULL || table->host_pointer == NULL
                      ? self->ptr
                      : table->host_pointer(self->device, self->ptr);
    const bool seen = (table->flags & COREX_HOST) || table->host_pointer != NULL;
    if (seen && bytes != NULL)
        return PyBuffer_FillInfo(view, object, bytes, self->nbytes, self->readonly, flags);
    view->obj = NULL;
    PyErr_Format(PyExc_BufferError, "the host does not see memory of %s", table->name);
    return -1;
}

static PyObject *buffer_nbytes(PyObject *self, void *unused)
{
    (void)unused;
    return PyLong_FromLongLong(((core_buffer *)self)->nbytes);
}

static PyObject *buffer_ptr(PyObject *self, void *unused)
{
    (void)unused;
    return PyLong_FromVoidPtr(((core_buffer *)self)->ptr);
}

static PyObject *buffer_device(PyObject *self, void *unused)
{
    (void)unused;
    return PyLong_FromLong(((core_buffer *)self)->device);
}

static PyObject *buffer_readonly(PyObject *self, void *unused)
{
    (void)unused;
    return PyBool_FromLong(((core_buffer *)self)->readonly);
}

static PyObject *buffer_repr(PyObject *object)
{
    const core_buffer *self = (core_buffer *)object;
    return PyUnicode_FromFormat("<%s buffer of %lld bytes>", self->table->table.name,
                                (long long)self->nbytes);
}

static PyGetSetDef getters[] = {
    {"nbytes", buffer_nbytes, NULL, "size in bytes", NULL},
    {"ptr", buffer_ptr, NULL, "what the library's allocate gave", NULL},
    {"device", buffer_device, NULL, "number of the device", NULL},
    {"readonly", buffer_readonly, NULL, "whether kernels may not write to it", NULL},
    {NULL, NULL, NULL, NULL, NULL},
};

static PyBufferProcs buffer_procs = {.bf_getbuffer = buffer_export};

PyTypeObject core_buffer_type = {
    PyVarObject_HEAD_INIT(NULL, 0).tp_name = "corex._core.Buffer",
    .tp_basicsize = sizeof(core_buffer),
    .tp_dealloc = buffer_dealloc,
    .tp_repr = buffer_repr,
    .tp_flags = Py_TPFLAGS_DEFAULT,
    .tp_doc = "Memory of a backend in C; supports the buffer protocol where the host sees it.",
    .tp_getset = getters,
    .tp_as_buffer = &buffer_procs,
};
