/*
 * corex_python.h - the part of a table that knows Python, for a library that is an extension module
 * as well: buffers of its own type, and direct kernels (docs/kernels.md). Nobody needs it; it is
 * for those who count nanoseconds.
 */
#ifndef COREX_PYTHON_H
#define COREX_PYTHON_H

#define PY_SSIZE_T_CLEAN
#include <Python.h>
#include <stdbool.h>

#include "corex_backend.h"

/*
 * How every buffer object begins. `ptr` is the memory that `allocate` of the table gave, or the
 * host's that is wrapped. While a kernel runs without Python's lock, its arguments keep the
 * objects.
 */
#define COREX_BUFFER_HEAD \
    PyObject_HEAD char *ptr; \
    int64_t nbytes; \
    int32_t device; \
    bool readonly;

typedef struct corex_buffer_head {
    COREX_BUFFER_HEAD
} corex_buffer_head;

/* What corex hands over. */
typedef struct corex_python_host {
    uint32_t size; /* sizeof(corex_python_host) */
    uint32_t reserved;
    PyObject *out_of_memory_error;
} corex_python_host;

typedef struct corex_python {
    uint32_t size; /* sizeof(corex_python) */
    uint32_t reserved;
    /* Called before all others; -1 with an exception set if the library cannot be used. */
    int (*setup)(const corex_python_host *host);
    /* Of the buffers that the library makes itself; no other is taken by its kernels. */
    PyTypeObject *buffer_type;
    /* A new buffer; NULL with OutOfMemoryError or another exception set. */
    PyObject *(*allocate)(int64_t nbytes, int32_t device);
    /* A buffer over the memory of an object with the buffer protocol, which it keeps. */
    PyObject *(*wrap)(PyObject *source);
    /* (*) The direct kernel of an op: a callable, None, or NULL with an exception set. */
    PyObject *(*direct)(const char *op, int32_t dtype);
} corex_python;

/* The name of a capsule that holds a table. */
#define COREX_TABLE_CAPSULE "corex_backend_table"

#endif
