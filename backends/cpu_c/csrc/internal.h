/* What the library's own files share: errors, iteration, threads. */
#ifndef COREX_INTERNAL_H
#define COREX_INTERNAL_H

#include <limits.h>
#include <math.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "corex_cpu.h"
#include "paths.h"

#define COREX_INLINE static inline __attribute__((always_inline))
#define COREX_LIKELY(x) __builtin_expect(!!(x), 1)
#define COREX_UNLIKELY(x) __builtin_expect(!!(x), 0)
#define COREX_MIN(a, b) ((a) < (b) ? (a) : (b))
#define COREX_MAX(a, b) ((a) > (b) ? (a) : (b))

/*
 * True of every elementwise loop, also when the output is one of the inputs: iterations touch
 * different elements. `restrict` would be false for x.exp_().
 */
#define COREX_INDEPENDENT _Pragma("GCC ivdep")

/*
 * Before loops over a few lanes: the compiler would unroll them at once, before it looks for
 * vectors, and then not find any.
 */
#define COREX_LANES _Pragma("GCC unroll 1")

/* The libm function for the type of x: COREX_TG(floor, x) is floorf or floor. */
#define COREX_TG(fn, x) _Generic((x), float: fn##f, default: fn)(x)
#define COREX_TG2(fn, x, y) _Generic((x), float: fn##f, default: fn)(x, y)

/* ---- dtypes ---- */
#define COREX_SIZE_OF(number, NAME, name, sfx, T, ...) [COREX_##NAME] = sizeof(T),
static const uint8_t corex_itemsizes[COREX_NUM_DTYPES] = {COREX_HELD_ROWS(COREX_SIZE_OF)};
/* Where a table has one kernel per size. */
#define COREX_BY_SIZE(itemsize) __builtin_ctz((unsigned)(itemsize))

/* COREX_FLOAT_ROWS(COREX_MAKE, MACRO, ...): MACRO(suffix, type, ...) for each row. */
#define COREX_MAKE(number, NAME, name, sfx, T, U, kind, MACRO, ...) MACRO(sfx, T, ##__VA_ARGS__)
/* The same with the twin: MACRO(suffix, type, twin, ...). */
#define COREX_MAKE_TWIN(number, NAME, name, sfx, T, U, kind, MACRO, ...) \
    MACRO(sfx, T, U, ##__VA_ARGS__)

/* A union of all types. */
#define COREX_FIELD(number, NAME, name, sfx, T, ...) T sfx;

/*
 * A list of rows within a list of rows: a macro cannot be expanded inside itself, so the inner list
 * is put together only, and waits for COREX_AGAIN around the whole.
 */
#define COREX_AGAIN(...) __VA_ARGS__
#define COREX_NOTHING()
#define COREX_GET_FLOAT_ROWS() COREX_FLOAT_ROWS
#define COREX_FLOAT_ROWS_LATER COREX_GET_FLOAT_ROWS COREX_NOTHING()()
#define COREX_GET_NUMBER_ROWS() COREX_NUMBER_ROWS
#define COREX_NUMBER_ROWS_LATER COREX_GET_NUMBER_ROWS COREX_NOTHING()()

/* Tables by dtype, of what is called prefix_suffix; NULL where there is none. */
#define COREX_ENTRY(number, NAME, name, sfx, T, U, kind, prefix, ...) \
    [COREX_##NAME] = prefix##_##sfx,
#define COREX_FLOAT_TABLE(prefix) {COREX_FLOAT_ROWS(COREX_ENTRY, prefix)}
#define COREX_INTEGER_TABLE(prefix) {COREX_INTEGER_ROWS(COREX_ENTRY, prefix)}
#define COREX_NUMBER_TABLE(prefix) {COREX_NUMBER_ROWS(COREX_ENTRY, prefix)}
/* A bool is a byte, so that what is made for uint8 serves it. */
#define COREX_ANY_TABLE(prefix) {[COREX_BOOL] = prefix##_u8, COREX_NUMBER_ROWS(COREX_ENTRY, prefix)}
/* And by size, of what is called prefix_bytes. */
#define COREX_SIZE_ENTRY(shift, bytes, T, prefix, ...) [shift] = prefix##_##bytes,
#define COREX_SIZE_TABLE(prefix) {COREX_SIZE_ROWS(COREX_SIZE_ENTRY, prefix)}

/* ---- errors ---- */
corex_status corex_fail(corex_status status, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
/* An index that is out of range, of a dimension with that size. */
corex_status corex_bad_index(int64_t index, int64_t dimension, int64_t size);

/* ---- memory: scratch space of a kernel, from the same cache as tensors ---- */
typedef struct corex_scratch {
    void *data;
    int64_t nbytes;
} corex_scratch;

corex_status corex_scratch_get(corex_scratch *scratch, int64_t nbytes);
void corex_scratch_release(corex_scratch *scratch);

/* ---- threads ---- */
/* Smallest number of cheap elements worth a thread. */
#define COREX_GRAIN corex_path(COREX_PATH_GRAIN)

typedef void (*corex_body)(void *context, int64_t begin, int64_t end);

/* Calls body on disjoint ranges that cover [0, n), each of at least `grain` (but for the last). */
void corex_parallel_for(int64_t n, int64_t grain, corex_body body, void *context);
/* How many threads parallel_for would use here: 1 inside a worker. */
int corex_parallel_threads(void);

/* ---- elementwise iteration ---- */
#define COREX_MAX_OPERANDS 5

/* One line of elements: p[0] is the output, the rest inputs, strides in bytes. */
typedef void (*corex_loop)(char *const *p, const int64_t *strides, int64_t n);

/*
 * What a loop does to memory, which whoever runs it declares: only of a loop that writes operand 0
 * and nothing else, without reading it, may the output be made elsewhere and stored past the cache.
 */
typedef enum corex_access {
    COREX_UPDATES,    /* reads operand 0, or writes others too */
    COREX_WRITES_ONLY /* writes operand 0 without reading it; reads the others */
} corex_access;

/* Operands of one shape, dimensions sorted and merged, strides in bytes. */
typedef struct corex_iter {
    int nops, ndim;
    int64_t total;
    char *data[COREX_MAX_OPERANDS];
    int itemsize[COREX_MAX_OPERANDS];
    int64_t shape[COREX_MAX_DIMS];
    int64_t strides[COREX_MAX_OPERANDS][COREX_MAX_DIMS];
} corex_iter;

/* Checks that all views have the shape of the first. */
corex_status corex_iter_init(corex_iter *iter, int nops, const corex_view *const *views);
/* Runs the loop over everything; `cost` is relative to an addition. */
void corex_iter_run(const corex_iter *iter, corex_access access, corex_loop loop, int cost);
/* The same for elements [begin, end), on this thread. */
void corex_iter_range(const corex_iter *iter, corex_loop loop, int64_t begin, int64_t end);
/* Where element number i lies, for every operand. */
void corex_iter_at(const corex_iter *iter, int64_t i, char **p);
/* One contiguous line, with threads and streaming stores where they pay. */
void corex_run_line(char *const *p, const int64_t *strides, int64_t n, int nops, int out_itemsize,
                    corex_access access, corex_loop loop, int cost);

/* The loop that copies elements of one dtype. */
corex_loop corex_copy_loop(int dtype);
/* The loop that copies elements of that many bytes. */
corex_loop corex_move_loop(int64_t itemsize);
/* The view without its last dimension. */
corex_view corex_leading(const corex_view *view);

int64_t corex_numel(const corex_view *view);
bool corex_is_contiguous(const corex_view *view);
bool corex_same_shape(const corex_view *a, const corex_view *b);
bool corex_same_place(const corex_view *a, const corex_view *b);

/* ---- loops by op and dtype; NULL where the op does not take the dtype ---- */
typedef struct corex_op {
    const char *name;
    corex_loop loops[COREX_NUM_DTYPES];
    bool to_bool; /* the output is bool, whatever the input */
    bool to_real; /* the output is of the complex input's parts */
    bool of_real; /* the inputs are of the complex output's parts */
    bool checked; /* integer division: the divisor must not be 0 */
    uint8_t cost; /* relative to an addition */
} corex_op;

/* NULL beyond the last. */
const char *corex_reduce_name(int op);

/* Whether an integer divisor contains 0. */
corex_status corex_check_divisor(const corex_view *b);

#endif
