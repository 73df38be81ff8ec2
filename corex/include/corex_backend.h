/*
 * corex_backend.h - a backend in C (C++, Rust, ...): one table of functions that corex calls.
 *
 * A shared library exports
 *
 *     const corex_table *corex_backend_table(void);
 *
 * and `corex.backend.CBackend("library.so")` makes a backend of it. Nothing here needs Python, and
 * nothing of corex is linked. docs/c-backend.md tells it step by step; docs/contract.md says what a
 * backend promises, docs/kernels.md what each kernel does. corex_loops.h has the loops that most
 * kernels are.
 *
 * Provisional until corex 1.0: COREX_TABLE_MAJOR grows with every change that is not an addition.
 */
#ifndef COREX_BACKEND_H
#define COREX_BACKEND_H

#include "corex_types.h"

#ifdef __cplusplus
extern "C" {
#endif

/*
 * The version of this header. corex refuses a table of another major version, by name. Within one,
 * members are added at the end of `corex_table` and of `corex_kernel` alone: `size` and
 * `kernel_size` say which are there, and those that are not count as NULL or 0. The other structs
 * stay as they are.
 */
#define COREX_TABLE_MAJOR 1
#define COREX_TABLE_MINOR 0

/* ---- what kernels are called with ---- */
typedef enum corex_kind {
    COREX_NONE = 0,
    COREX_VIEW = 1,   /* view */
    COREX_VIEWS = 2,  /* view[0] to view[count - 1] */
    COREX_INT = 3,    /* integer; of a bool 0 or 1 */
    COREX_UINT = 4,   /* unsigned_integer, of which only what is beyond int64 comes so by itself */
    COREX_DOUBLE = 5, /* real */
    COREX_INTS = 6    /* integers[0] to integers[count - 1] */
} corex_kind;

typedef struct corex_argument {
    int32_t kind;
    int32_t count;
    union {
        const corex_view *view;
        int64_t integer;
        uint64_t unsigned_integer;
        double real;
        const int64_t *integers;
    };
} corex_argument;

/* ---- kernels ---- */
typedef struct corex_kernel corex_kernel;

/*
 * Called with the arguments of docs/kernels.md, from any thread and from several at once. Views and
 * lists are gone when it returns; memory that work queued for later still needs is not, if
 * `release` waits its turn.
 */
typedef corex_status (*corex_run)(const corex_kernel *self, const corex_argument *arguments,
                                  int32_t count);

/*
 * A kernel. `arguments` has a letter for each argument, by which they are checked and converted:
 *   o  output view                 a  input view                  m  input view, or COREX_NONE
 *   n  operand: a view, or a number, which comes as COREX_INT, COREX_UINT or COREX_DOUBLE
 *   e  operand: a view, or a number, which comes as a view of one element, of strides 0, in the
 *      host's memory and in the dtype of the other operand (with COREX_HOST alone)
 *   x  number, as for n            i  COREX_INT                   u  COREX_UINT
 *   f  COREX_DOUBLE                b  bool, as COREX_INT          p  pair of ints, as COREX_INTS
 *   O  list of output views        A  list of input views         *  at the end: the last again,
 *                                                                    any number of times
 * so that `add` is "oaa", or "onn" if it takes numbers, and `index` is "oaa*".
 *
 * Several kernels may have one name; the first whose dtypes fit is called. `dtypes` are those that
 * "T" in corex/backend/signatures.py stands for, as bits (1 << COREX_FLOAT32); 0 means those that
 * docs/kernels.md says.
 */
struct corex_kernel {
    const char *name; /* of the op */
    const char *arguments;
    corex_run run;
    uint64_t dtypes;
    /* The library's own. */
    int64_t code;
    const void *context;
    /* What a call is worth, in additions; NULL: the elements of its largest view. */
    int64_t (*work)(const corex_kernel *self, const corex_argument *arguments, int32_t count);
};

/* ---- the table ---- */
/* Flags. */
/* Memory is an address in which bytes can be counted, on the host or on the device. */
#define COREX_ADDRESSES ((uint64_t)1)
/* It is the host's own memory (COREX_ADDRESSES is implied): kernels take any of it. */
#define COREX_HOST ((uint64_t)2)

/*
 * All that corex calls. Members marked (*) may be NULL; those of memory, too, with COREX_HOST,
 * where corex then does it by itself. Sizes and starts are in bytes and may be 0.
 */
typedef struct corex_table {
    uint32_t size; /* sizeof(corex_table) */
    uint16_t major, minor;
    uint32_t kernel_size; /* sizeof(corex_kernel) */
    uint32_t reserved;
    const char *name;        /* of the backend, as in corex.set_backend(name) */
    const char *device_type; /* as in "npu:0" */
    uint64_t flags;
    uint64_t dtypes; /* that memory holds, as bits; 0: all of this version of the contract */

    /* The reason of this thread's last failure; valid until its next one. */
    const char *(*last_error)(void);
    /* (*) Asked first: NULL, or why the backend cannot work on this machine. */
    const char *(*probe)(void);
    /* (*) How many devices there are, by default 1, and what they call themselves. */
    int32_t (*device_count)(void);
    const char *(*device_name)(int32_t device);
    /* (*) How a device differs from the contract's ideal: words as "subnormals=flushed
     * ulps=unary:16,reduce:8 held_only=float64 index_bits=32 errors=deferred"; names and values are
     * those of corex.backend.Traits. */
    const char *(*traits)(int32_t device);

    /* ---- memory ---- */
    /* dtype and shape say what it is for, where that is known: else dtype is -1 and ndim 0. */
    corex_status (*allocate)(int32_t device, int64_t nbytes, int32_t dtype, int32_t ndim,
                             const int64_t *shape, void **memory);
    /* With the size it was allocated with. */
    void (*release)(int32_t device, void *memory, int64_t nbytes);
    /* When it returns, the source is the caller's again. */
    corex_status (*copy_from_host)(int32_t device, void *memory, int64_t start, const void *source,
                                   int64_t nbytes);
    /* When it returns, the bytes are there, as they are after all that was queued before. */
    corex_status (*copy_to_host)(int32_t device, const void *memory, int64_t start, void *target,
                                 int64_t nbytes);
    /* (*) Between two memories, on one device or on two. */
    corex_status (*copy_device)(int32_t to_device, void *to, int64_t to_start, int32_t from_device,
                                const void *from, int64_t from_start, int64_t nbytes);
    /* (*) Waits until all that was queued on the device is done. */
    corex_status (*synchronize)(int32_t device);
    /* (*) Where the host sees the memory's bytes, or NULL. */
    void *(*host_pointer)(int32_t device, void *memory);
    /* (*) What the allocator counts. */
    corex_status (*memory_stats)(int32_t device, corex_memory_stats *stats);
    /* (*) Returns unused memory to the system. */
    corex_status (*empty_cache)(int32_t device);

    /* ---- kernels ---- */
    /* Kernel number `index`, or NULL beyond the last; the same at each call. */
    const corex_kernel *(*kernel)(int32_t index);
    /* (*) Calls that are worth more run without Python's lock; read at each call. NULL: 16384. */
    const int64_t *unlock_above;

    /* ---- (*) threads, for device type "cpu" ---- */
    int32_t (*get_num_threads)(void);
    corex_status (*set_num_threads)(int32_t count);

    /* ---- (*) queues of work: all of these, or none ---- */
    corex_status (*new_stream)(int32_t device, void **stream);
    /* What it was given is still done. */
    void (*free_stream)(int32_t device, void *stream);
    /* Where the calling thread's work on the device goes from now on; NULL: to the default one. */
    corex_status (*set_stream)(int32_t device, void *stream);
    corex_status (*synchronize_stream)(int32_t device, void *stream);
    corex_status (*query_stream)(int32_t device, void *stream, int32_t *is_done);
    /* What the stream is given from now on runs after the event. */
    corex_status (*stream_waits)(int32_t device, void *stream, void *event);

    /* ---- (*) moments in such a queue: all of these, or none ---- */
    corex_status (*new_event)(int32_t timed, void **event);
    void (*free_event)(void *event);
    corex_status (*record_event)(void *event, int32_t device, void *stream);
    corex_status (*synchronize_event)(void *event);
    corex_status (*query_event)(void *event, int32_t *is_done);
    corex_status (*elapsed_time)(void *start, void *end, double *milliseconds);

    /* (*) Free and total bytes of a device. */
    corex_status (*memory_info)(int32_t device, int64_t *free_bytes, int64_t *total_bytes);

    /* (*) A part that knows Python: corex_python.h. */
    const struct corex_python *python;
} corex_table;

/* What the library exports, and what CBackend looks for. */
COREX_EXPORT const corex_table *corex_backend_table(void);

#ifdef __cplusplus
}
#endif

#endif
