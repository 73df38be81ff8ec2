/* What the files of the extension module share. */
#ifndef COREX_CPU_PYTHON_H
#define COREX_CPU_PYTHON_H

#include "corex_python.h"
#include "levels.h"
#include "sizes.h"

/* ---- buffers ---- */
typedef struct corex_buffer {
    COREX_BUFFER_HEAD
    struct corex_buffer *next; /* in a free list */
    Py_buffer *owner;          /* whose memory it is, or NULL for our own */
} corex_buffer;

extern PyTypeObject corex_buffer_type;

/* A new buffer; NULL with OutOfMemoryError set. */
corex_buffer *corex_buffer_new(int64_t nbytes);
/* Memory that belongs to an object with the buffer protocol. */
PyObject *corex_buffer_wrap(PyObject *source);
void corex_buffer_drop_cache(void);

/* What corex gave. */
extern PyObject *corex_out_of_memory_error;

/* The elements of a shape; -1 with an exception set if it is none, or `too_much` if it has that. */
COREX_INLINE int64_t corex_count(PyObject *shape, PyObject *too_much)
{
    if (COREX_UNLIKELY(!PyTuple_Check(shape))) {
        PyErr_SetString(PyExc_TypeError, "the shape must be a tuple");
        return -1;
    }
    int64_t n = 1, size = 0;
    for (Py_ssize_t d = 0; d < PyTuple_GET_SIZE(shape) && size >= 0; d++) {
        size = PyLong_AsSsize_t(PyTuple_GET_ITEM(shape, d));
        n = corex_times(n, size);
    }
    if (COREX_LIKELY(size >= 0 && n < COREX_TOO_MUCH))
        return n;
    if (!PyErr_Occurred() && n == COREX_TOO_MUCH)
        PyErr_Format(too_much, "Storage size calculation overflowed with sizes=%R", shape);
    else if (!PyErr_Occurred())
        PyErr_SetString(PyExc_ValueError, "a shape has negative sizes");
    return -1;
}

/* The size of n elements of 1 << shift bytes; what is too much, no allocator grants. */
COREX_INLINE int64_t corex_bytes(int64_t n, int shift)
{
    return corex_times(n, (int64_t)1 << shift);
}

/*
 * The address of `n` elements of 1 << shift bytes from an offset on; NULL, perhaps with an
 * exception set, if they are not all inside the buffer. Nothing may lie anywhere.
 */
COREX_INLINE char *corex_dense_memory(const corex_buffer *buffer, PyObject *offset, int64_t n,
                                      int shift)
{
    int64_t first = PyLong_AsSsize_t(offset);
    if (COREX_UNLIKELY(first < 0 || n > (buffer->nbytes >> shift) - first ||
                       ((uintptr_t)buffer->ptr & (((uintptr_t)1 << shift) - 1))))
        return n == 0 && first >= 0 ? buffer->ptr : NULL;
    return buffer->ptr + (first << shift);
}

/* ---- direct kernels: callable objects without the layers of a PyCFunction ---- */
typedef struct corex_direct {
    PyObject_HEAD vectorcallfunc vectorcall;
    const char *name;
    int op, dtype;
    corex_loop loops[COREX_LEVEL_COUNT]; /* NULL for a level that cannot be used */
    uint8_t shift, out_shift;            /* log2 of the itemsizes */
    uint8_t cost;
    bool checked;
    bool compares; /* integers, which must not wrap around */
} corex_direct;

extern PyTypeObject corex_direct_type;

/* The direct kernel of an op, or None. */
PyObject *corex_find_direct(const char *op, int32_t dtype);

/* paths(), force(), levels(), level() */
extern PyMethodDef corex_path_methods[];
/* Direct kernels that are not elementwise, by name; NULL if there is none. */
vectorcallfunc corex_find_composite(const char *name, int dtype);

/* ---- errors ---- */
/* Sets the exception for a status. Returns NULL. */
PyObject *corex_raise(corex_status status);
bool corex_check_count(const char *name, Py_ssize_t nargs, Py_ssize_t wanted);

/* Work above this many elements (about 20 us) runs without Python's lock. */
#define COREX_UNLOCK_ABOVE corex_path(COREX_PATH_UNLOCK_ABOVE)

#define COREX_RUN(status, elements, call) \
    do { \
        if ((elements) > COREX_UNLOCK_ABOVE) { \
            Py_BEGIN_ALLOW_THREADS status = (call); \
            Py_END_ALLOW_THREADS \
        } else { \
            status = (call); \
        } \
    } while (0)

#endif
