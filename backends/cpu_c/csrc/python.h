/* What the files of the extension module share. */
#ifndef COREX_PYTHON_H
#define COREX_PYTHON_H

#define PY_SSIZE_T_CLEAN
#include <Python.h>

#include "levels.h"
#include "sizes.h"

/* ---- buffers ---- */
typedef struct corex_buffer {
    PyObject_HEAD char *ptr;
    int64_t nbytes;
    struct corex_buffer *next; /* in a free list */
    Py_buffer *owner;          /* whose memory it is, or NULL for our own */
    bool readonly;
} corex_buffer;

extern PyTypeObject corex_buffer_type;

/* A new buffer; NULL with OutOfMemoryError set. */
corex_buffer *corex_buffer_new(int64_t nbytes);
/* Memory that belongs to an object with the buffer protocol. */
PyObject *corex_buffer_wrap(PyObject *source);
void corex_buffer_drop_cache(void);

/* ---- views ---- */
typedef struct corex_py_view {
    corex_view view;
    int64_t shape[COREX_MAX_DIMS], strides[COREX_MAX_DIMS];
    int64_t number; /* room for the element of an operand that is a number */
} corex_py_view;

/* The dtypes, by number; set once. */
extern PyObject *corex_dtypes[COREX_NUM_DTYPES];
/* Finds them in a dict by name; false with an exception set if one is missing. */
bool corex_set_dtypes(PyObject *by_name);
/* _native.dtypes() */
PyObject *corex_py_dtypes(PyObject *module, PyObject *unused);

/* The number of a dtype object, or -1 with TypeError set. */
int corex_dtype_of(PyObject *object);
/* Reads (buffer, dtype, shape, strides, offset) and checks that it lies inside its buffer. */
bool corex_read_view(PyObject *tuple, corex_py_view *out, bool writes);
/* The same of an elementwise operand, which may be a number, seen as `dtype` in the shape of `out`.
 */
bool corex_read_operand(PyObject *object, const corex_py_view *out, int dtype, corex_py_view *v);
/* The same as corex_read_view, but None gives *used = NULL. */
bool corex_read_optional(PyObject *tuple, corex_py_view *out, const corex_view **used);
/* A list or tuple of views, allocated with PyMem; free *out. `keep` owns the storage. */
bool corex_read_views(PyObject *const *items, Py_ssize_t count, bool writes, corex_view **out,
                      corex_py_view **keep);
bool corex_read_pair(PyObject *tuple, int64_t pair[2]);
/* An int or a float, as corex_fill takes it; OverflowError for an int beyond 64 bits. */
bool corex_read_number(PyObject *object, int *is_integer, void *value);
bool corex_read_uint64(PyObject *object, uint64_t *value);

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

/* ---- kernels: callable objects without the layers of a PyCFunction ---- */
typedef struct corex_kernel {
    PyObject_HEAD vectorcallfunc vectorcall;
    const char *name;
    int op, dtype;
    /* of direct kernels */
    corex_loop loops[COREX_LEVEL_COUNT]; /* NULL for a level that cannot be used */
    uint8_t shift, out_shift;            /* log2 of the itemsizes */
    uint8_t cost;
    bool checked;
    bool compares; /* integers, which must not wrap around */
} corex_kernel;

extern PyTypeObject corex_kernel_type;

corex_kernel *corex_kernel_new(const char *name, vectorcallfunc call);

typedef struct corex_kernel_def {
    const char *name;
    vectorcallfunc call;
} corex_kernel_def;

/* Tables that end with a NULL name. */
extern const corex_kernel_def corex_basic_kernels[];
extern const corex_kernel_def corex_nn_kernels[];
extern const corex_kernel_def corex_optim_kernels[];
/* gelu and gelu_tanh, forwards and backwards: ops of the library, not kernels by themselves. */
bool corex_is_form_of_gelu(const char *name);
/* Adds the kernels of every op to a dict. */
int corex_add_kernels(PyObject *dict);
/* paths(), force(), levels(), level() */
extern PyMethodDef corex_path_methods[];
/* _native.direct(op, dtype) */
PyObject *corex_py_direct(PyObject *module, PyObject *const *args, Py_ssize_t nargs);
/* _native.takes(op, dtypes) */
PyObject *corex_py_takes(PyObject *module, PyObject *const *args, Py_ssize_t nargs);
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

COREX_INLINE PyObject *corex_done(corex_status status)
{
    if (COREX_UNLIKELY(status != COREX_OK))
        return corex_raise(status);
    Py_RETURN_NONE;
}

#endif
