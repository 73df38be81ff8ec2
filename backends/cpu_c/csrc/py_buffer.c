/*
 * The buffer object. Freed small ones wait, with their memory, in lists of their own: taking one
 * from there is a handful of instructions, guarded by Python's lock.
 */
#include "python.h"

#include "alloc.h"

#define SMALL_CLASSES (COREX_SMALL_LIMIT / 64)
#define KEEP_PER_CLASS 1024
/* With a smaller cache limit than this, small buffers are not kept at all. */
#define KEEP_ABOVE_LIMIT ((int64_t)16 << 20)

static corex_buffer *kept[SMALL_CLASSES];
static int kept_count[SMALL_CLASSES];
static corex_buffer *empty_objects; /* objects without memory */
static int empty_count;

static corex_buffer *new_object(void)
{
    corex_buffer *self = empty_objects;
    if (self != NULL) {
        empty_objects = self->next;
        empty_count--;
        PyObject_Init((PyObject *)self, &corex_buffer_type);
    } else {
        self = PyObject_New(corex_buffer, &corex_buffer_type);
        if (self == NULL)
            return NULL;
    }
    self->device = 0;
    self->owner = NULL;
    self->readonly = false;
    return self;
}

static void free_object(corex_buffer *self)
{
    if (empty_count < KEEP_PER_CLASS) {
        self->next = empty_objects;
        empty_objects = self;
        empty_count++;
    } else {
        PyObject_Free(self);
    }
}

static corex_buffer *new_with_memory(int64_t nbytes)
{
    void *ptr;
    corex_status status = corex_alloc(nbytes, &ptr);
    if (status == COREX_ERR_MEMORY && nbytes >= 0) {
        corex_buffer_drop_cache();
        corex_empty_cache();
        status = corex_alloc(nbytes, &ptr);
    }
    if (status != COREX_OK) {
        corex_raise(status);
        return NULL;
    }
    corex_buffer *self = new_object();
    if (self == NULL) {
        corex_free(ptr, nbytes);
        return NULL;
    }
    self->ptr = ptr;
    self->nbytes = nbytes;
    if (nbytes > 0 && nbytes <= COREX_SMALL_LIMIT) {
        /* from now on in the small half of the counters */
        corex_uncount_allocation(nbytes);
        corex_counter_add(&corex_memory.small_allocated, nbytes);
        corex_counter_add(&corex_memory.small_allocations, 1);
    }
    return self;
}

corex_buffer *corex_buffer_new(int64_t nbytes)
{
    /* 0 wraps around to a large class */
    uint64_t class = ((uint64_t)nbytes - 1) >> 6;
    if (COREX_UNLIKELY(class >= SMALL_CLASSES || kept[class] == NULL))
        return new_with_memory(nbytes);
    corex_buffer *self = kept[class];
    kept[class] = self->next;
    kept_count[class]--;
    PyObject_Init((PyObject *)self, &corex_buffer_type);
    self->nbytes = nbytes;
    int64_t now = corex_counter_add(&corex_memory.small_allocated, nbytes);
    corex_counter_add(&corex_memory.small_allocations, 1);
    corex_note_peak(now + corex_counter_get(&corex_memory.allocated));
    return self;
}

static void buffer_dealloc(PyObject *object)
{
    corex_buffer *self = (corex_buffer *)object;
    if (COREX_UNLIKELY(self->owner != NULL)) {
        PyBuffer_Release(self->owner);
        PyMem_Free(self->owner);
        free_object(self);
        return;
    }
    uint64_t class = ((uint64_t)self->nbytes - 1) >> 6;
    if (class >= SMALL_CLASSES) {
        corex_free(self->ptr, self->nbytes);
        free_object(self);
        return;
    }
    corex_counter_add(&corex_memory.small_allocated, -self->nbytes);
    if (COREX_LIKELY(kept_count[class] < KEEP_PER_CLASS &&
                     corex_get_cache_limit() >= KEEP_ABOVE_LIMIT)) {
        self->next = kept[class];
        kept[class] = self;
        kept_count[class]++;
        return;
    }
    corex_free_uncounted(self->ptr, self->nbytes);
    free_object(self);
}

void corex_buffer_drop_cache(void)
{
    for (int class = 0; class < SMALL_CLASSES; class++) {
        while (kept[class] != NULL) {
            corex_buffer *self = kept[class];
            kept[class] = self->next;
            corex_free_uncounted(self->ptr, self->nbytes);
            PyObject_Free(self);
        }
        kept_count[class] = 0;
    }
}

PyObject *corex_buffer_wrap(PyObject *source)
{
    Py_buffer *owner = PyMem_Calloc(1, sizeof *owner);
    if (owner == NULL)
        return PyErr_NoMemory();
    if (PyObject_GetBuffer(source, owner, PyBUF_SIMPLE | PyBUF_WRITABLE) < 0) {
        PyErr_Clear();
        if (PyObject_GetBuffer(source, owner, PyBUF_SIMPLE) < 0) {
            PyMem_Free(owner);
            return NULL;
        }
    }
    corex_buffer *self = new_object();
    if (self == NULL) {
        PyBuffer_Release(owner);
        PyMem_Free(owner);
        return NULL;
    }
    self->ptr =
        owner->buf != NULL ? owner->buf : (char *)self; /* some have no address for nothing */
    self->nbytes = owner->len;
    self->owner = owner;
    self->readonly = owner->readonly;
    return (PyObject *)self;
}

static int buffer_export(PyObject *object, Py_buffer *view, int flags)
{
    corex_buffer *self = (corex_buffer *)object;
    return PyBuffer_FillInfo(view, object, self->ptr, self->nbytes, self->readonly, flags);
}

static PyObject *buffer_nbytes(PyObject *self, void *unused)
{
    (void)unused;
    return PyLong_FromLongLong(((corex_buffer *)self)->nbytes);
}

static PyObject *buffer_ptr(PyObject *self, void *unused)
{
    (void)unused;
    return PyLong_FromVoidPtr(((corex_buffer *)self)->ptr);
}

static PyObject *buffer_readonly(PyObject *self, void *unused)
{
    (void)unused;
    return PyBool_FromLong(((corex_buffer *)self)->readonly);
}

static PyObject *buffer_repr(PyObject *self)
{
    return PyUnicode_FromFormat("<cpu_c buffer of %lld bytes>",
                                (long long)((corex_buffer *)self)->nbytes);
}

static PyGetSetDef getters[] = {
    {"nbytes", buffer_nbytes, NULL, "size in bytes", NULL},
    {"ptr", buffer_ptr, NULL, "address of the first byte", NULL},
    {"readonly", buffer_readonly, NULL, "whether kernels may not write to it", NULL},
    {NULL, NULL, NULL, NULL, NULL},
};

static PyBufferProcs buffer_procs = {.bf_getbuffer = buffer_export};

PyTypeObject corex_buffer_type = {
    PyVarObject_HEAD_INIT(NULL, 0).tp_name = "corex_cpu_c._native.Buffer",
    .tp_basicsize = sizeof(corex_buffer),
    .tp_dealloc = buffer_dealloc,
    .tp_repr = buffer_repr,
    .tp_flags = Py_TPFLAGS_DEFAULT,
    .tp_doc = "Memory of the cpu_c backend; supports the buffer protocol.",
    .tp_getset = getters,
    .tp_as_buffer = &buffer_procs,
};
