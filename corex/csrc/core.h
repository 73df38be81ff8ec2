/* corex._core: what its files share. */
#ifndef COREX_CORE_H
#define COREX_CORE_H

#include "corex_python.h"

#include <string.h>

#define COREX_INLINE static inline __attribute__((always_inline))
#define COREX_LIKELY(x) __builtin_expect(!!(x), 1)
#define COREX_UNLIKELY(x) __builtin_expect(!!(x), 0)

/* ---- tables ---- */
typedef struct core_table {
    PyObject_HEAD corex_table table; /* a copy, of which what the library lacks is 0 */
    corex_python python;             /* the same; all 0 if there is none */
    const int64_t *unlock_above;
    PyTypeObject *buffer_type;
    bool shares_type; /* with other tables */
} core_table;

extern PyTypeObject core_table_type;

/* A Table of what a library gave; NULL with an exception set if it is none for us. */
PyObject *core_table_new(const corex_table *given);
/* What a table for the host's memory leaves to us. */
void core_fill_in(corex_table *table);

/* ---- errors ---- */
extern PyObject *core_out_of_memory_error;
/* Sets the exception for a status of a table's function; returns NULL. */
PyObject *core_raise(const core_table *table, corex_status status);
/* The reason where the function was one of ours; empty else. */
extern _Thread_local char core_own_error[128];

/* None, or the exception for a status. */
PyObject *core_done(const core_table *table, corex_status status);

/* ---- methods of Table ---- */
typedef PyObject *core_method(PyObject *self, PyObject *argument);
typedef PyObject *core_fast_method(PyObject *self, PyObject *const *args, Py_ssize_t nargs);
core_fast_method core_allocate, core_copy_from_host, core_copy_to_host, core_copy_device;
core_method core_wrap, core_pointer, core_memory_stats, core_memory_info, core_empty_cache;
core_method core_new_stream, core_free_stream, core_set_stream, core_synchronize_stream;
core_method core_query_stream, core_stream_waits;
core_method core_new_event, core_free_event, core_record_event, core_synchronize_event;
core_method core_query_event, core_elapsed_time;

/* ---- dtypes: corex's objects, by number; set once ---- */
extern PyObject *core_dtypes[COREX_NUM_DTYPES];
/* -1 with TypeError set. */
int core_no_dtype(PyObject *object);

/* The number of a dtype object, or -1 with TypeError set. */
COREX_INLINE int core_dtype_of(PyObject *object)
{
    for (int k = COREX_NUM_DTYPES - 1; k >= 0; k--)
        if (object == core_dtypes[k])
            return k;
    return core_no_dtype(object);
}

/* The dtypes of a set, as a tuple. */
PyObject *core_dtypes_of(uint64_t bits);

/* ---- buffers ---- */
typedef struct core_buffer {
    COREX_BUFFER_HEAD
    core_table *table;
    Py_buffer *owner; /* whose memory it is, or NULL for the table's */
} core_buffer;

extern PyTypeObject core_buffer_type;

PyObject *core_buffer_new(core_table *table, int64_t nbytes, int32_t device, int32_t dtype,
                          int32_t ndim, const int64_t *shape);
PyObject *core_buffer_wrap(core_table *table, PyObject *source);
/* The buffer as one of this table, or NULL with TypeError set. */
corex_buffer_head *core_buffer_of(const core_table *table, PyObject *object);

/* ---- views ---- */
typedef struct core_view {
    corex_view view;
    int64_t shape[COREX_MAX_DIMS], strides[COREX_MAX_DIMS];
    int64_t count;  /* of elements; INT64_MAX for more */
    int64_t number; /* room for the element of an operand that is a number */
} core_view;

/* Reads (buffer, dtype, shape, strides, offset) and checks that it lies inside of its buffer. */
bool core_read_view(const core_table *table, PyObject *tuple, core_view *out, bool writes);
/* An int or a float; OverflowError for an int beyond 64 bits. */
bool core_read_number(PyObject *object, corex_argument *out);
/* A number as a view of one element of `dtype`, in the shape of another view. */
void core_view_number(const corex_argument *number, const core_view *like, int dtype,
                      core_view *out);

/* ---- kernels ---- */
extern PyTypeObject core_kernel_type;

PyObject *core_kernel_new(core_table *table, const corex_kernel *kernel);

#endif
