/* Exceptions for what the library answers. */
#include "python.h"

PyObject *corex_out_of_memory_error;

PyObject *corex_raise(corex_status status)
{
    PyObject *type = status == COREX_ERR_MEMORY          ? corex_out_of_memory_error
                     : status == COREX_ERR_TYPE          ? PyExc_TypeError
                     : status == COREX_ERR_INDEX         ? PyExc_IndexError
                     : status == COREX_ERR_ZERO_DIVISION ? PyExc_ZeroDivisionError
                     : status == COREX_ERR_SYSTEM        ? PyExc_OSError
                                                         : PyExc_ValueError;
    PyErr_SetString(type != NULL ? type : PyExc_MemoryError, corex_last_error());
    return NULL;
}

bool corex_check_count(const char *name, Py_ssize_t nargs, Py_ssize_t wanted)
{
    if (COREX_LIKELY(nargs == wanted))
        return true;
    PyErr_Format(PyExc_TypeError, "%s takes %zd arguments, got %zd", name, wanted, nargs);
    return false;
}
