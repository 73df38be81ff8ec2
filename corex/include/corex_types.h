/* corex_types.h - what a backend in C computes with: statuses, dtypes, views. */
#ifndef COREX_TYPES_H
#define COREX_TYPES_H

#include <stddef.h>
#include <stdint.h>

#include "corex_dtypes.h"

/* Put before what the library exports. */
#if defined(_WIN32)
#define COREX_EXPORT __declspec(dllexport)
#else
#define COREX_EXPORT __attribute__((visibility("default")))
#endif

/* No view has more dimensions. */
#define COREX_MAX_DIMS 64

/* ---- errors ---- */
/* What a function answers; for all but COREX_OK `last_error` has the reason. */
typedef enum corex_status {
    COREX_OK = 0,
    COREX_ERR_MEMORY = 1,        /* OutOfMemoryError: the backend stays usable */
    COREX_ERR_VALUE = 2,         /* ValueError: shapes or parameters do not fit together */
    COREX_ERR_TYPE = 3,          /* TypeError: the kernel does not take this dtype */
    COREX_ERR_INDEX = 4,         /* IndexError: an index is out of range */
    COREX_ERR_ZERO_DIVISION = 5, /* ZeroDivisionError: integer division by zero */
    COREX_ERR_SYSTEM = 6,        /* OSError: a system call failed */
    COREX_ERR_UNSUPPORTED = 7,   /* NotImplementedError */
    COREX_ERR_DEVICE = 8         /* RuntimeError, as any number that is not here */
} corex_status;

/* ---- views ---- */
/*
 * A strided view. Strides count elements and may be 0 (inputs only) or negative; the first element
 * is `offset` elements after the beginning of `memory`, which is what `allocate` gave. `data` is
 * its address where the table says COREX_ADDRESSES, aligned to the element, else NULL. A view of no
 * elements points to nothing that may be read.
 */
typedef struct corex_view {
    void *data;
    const int64_t *shape;
    const int64_t *strides;
    int32_t ndim;
    int32_t dtype; /* a corex_dtype */
    void *memory;
    int64_t offset;
    int32_t device;
    int32_t reserved;
} corex_view;

/* ---- memory ---- */
/* What an allocator counts. */
typedef struct corex_memory_stats {
    int64_t allocated_bytes;      /* asked for and not yet freed */
    int64_t reserved_bytes;       /* held from the system, in use or cached */
    int64_t peak_allocated_bytes; /* highest allocated_bytes so far */
    int64_t allocations;          /* ever made */
} corex_memory_stats;

#endif
