/* The shorthands with which direct kernels read their arguments. */
#ifndef COREX_PY_KERNEL_H
#define COREX_PY_KERNEL_H

#include "python.h"

/* Every kernel is called with its object, its arguments and their number. */
#define KERNEL(name) \
    static PyObject *name(PyObject *self, PyObject *const *args, size_t nargsf, PyObject *names)
#define NARGS(count) \
    (void)names; \
    if (!corex_check_count(((corex_direct *)self)->name, PyVectorcall_NARGS(nargsf), count)) \
    return NULL
#define FLAG(k, flag) \
    if ((flag = PyObject_IsTrue(args[k])) < 0) \
    return NULL
#define DOUBLE(k, value) \
    value = PyFloat_AsDouble(args[k]); \
    if (value == -1.0 && PyErr_Occurred()) \
    return NULL

#endif
