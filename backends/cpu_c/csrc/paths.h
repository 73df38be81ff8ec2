/*
 * The paths: everything that the processor, a size or a count of threads would choose, by name.
 *
 * What is chosen is the business of the code that asks corex_path(); here is the one table of names
 * and values, so that a test can force each choice. See docs/cpu.md.
 */
#ifndef COREX_PATHS_H
#define COREX_PATHS_H

#include <stdatomic.h>
#include <stdint.h>

typedef enum corex_path_number {
    COREX_PATH_LEVEL,
    COREX_PATH_STREAM,
    COREX_PATH_STREAM_BYTES,
    COREX_PATH_GRAIN,
    COREX_PATH_UNLOCK_ABOVE,
    COREX_PATH_BLAS,
    COREX_PATH_TINY_GEMM,
    COREX_PATH_GEMV,
    COREX_PATH_BATCH,
    COREX_PATH_TRANSPOSE,
    COREX_PATH_REDUCE,
    COREX_PATH_REDUCE_CHUNK,
    COREX_PATH_ROWS,
    COREX_PATH_CONV,
    COREX_PATH_CONV_TILE_BYTES,
    COREX_PATH_COUNT
} corex_path_number;

/* Values of paths that are choices; 0 is always "auto". */
enum { COREX_AUTO = 0, COREX_NEVER = 1, COREX_ALWAYS = 2 };
enum { COREX_REDUCE_BY_LINE = 1, COREX_REDUCE_BY_COLUMNS = 2, COREX_REDUCE_BY_LINES = 3 };
enum { COREX_ROWS_BY_LINE = 1, COREX_ROWS_BY_COLUMNS = 2 };
enum { COREX_BATCH_BY_BLAS = 1, COREX_BATCH_BY_POOL = 2 };
enum { COREX_CONV_UNROLLED = 1 };

extern _Atomic int64_t corex_path_values[COREX_PATH_COUNT];

static inline __attribute__((always_inline)) int64_t corex_path(corex_path_number path)
{
    return atomic_load_explicit(&corex_path_values[path], memory_order_relaxed);
}

#endif
