/* The shorthands with which kernels read their arguments. */
#ifndef COREX_PY_KERNEL_H
#define COREX_PY_KERNEL_H

#include "python.h"

/* Every kernel is called with its object, its arguments and their number. */
#define KERNEL(name) \
    static PyObject *name(PyObject *self, PyObject *const *args, size_t nargsf, PyObject *names)
#define NARGS(count) \
    (void)names; \
    if (!corex_check_count(((corex_kernel *)self)->name, PyVectorcall_NARGS(nargsf), count)) \
    return NULL
#define READ(k, v) \
    if (!corex_read_view(args[k], &v, false)) \
    return NULL
#define WRITE(k, v) \
    if (!corex_read_view(args[k], &v, true)) \
    return NULL
#define OPTIONAL(k, v, used) \
    if (!corex_read_optional(args[k], &v, &used)) \
    return NULL
#define PAIR(k, pair) \
    if (!corex_read_pair(args[k], pair)) \
    return NULL
#define FLAG(k, flag) \
    if ((flag = PyObject_IsTrue(args[k])) < 0) \
    return NULL
#define DOUBLE(k, value) \
    value = PyFloat_AsDouble(args[k]); \
    if (value == -1.0 && PyErr_Occurred()) \
    return NULL

/* Runs `call` without Python's lock if there is much to do, and returns from the kernel. */
#define RUN(elements, call) \
    do { \
        corex_status status; \
        COREX_RUN(status, elements, call); \
        return corex_done(status); \
    } while (0)

#endif
