/* The kernels of one reduction, by dtype, and the plan that drives them. */
#ifndef COREX_REDUCE_H
#define COREX_REDUCE_H

#include "internal.h"

/* Accumulators are at most this big, aligned likewise. */
#define COREX_ACC_BYTES 16
/* Columns reduced together. */
#define COREX_REDUCE_COLUMNS 256
/* Short lines reduced together, and how short they are. */
#define COREX_REDUCE_LINES 16
#define COREX_SHORT_LINE 1024

typedef struct corex_reducer {
    int acc_bytes;
    void (*start)(void *acc, int64_t count);
    /* One accumulator over a line of n elements; `position` numbers the first. */
    void (*line)(void *acc, const char *in, int64_t n, int64_t stride, int64_t position);
    /* `columns` neighbouring accumulators over n rows. */
    void (*columns)(void *acc, const char *in, int64_t columns, int64_t column_stride, int64_t n,
                    int64_t stride, int64_t position);
    /*
     * `lines` neighbouring accumulators, at most COREX_REDUCE_LINES, over short dense lines of n
     * elements each. Elements before `end` may be read. NULL: use `line`.
     */
    void (*lines)(void *acc, const char *in, int64_t lines, int64_t line_stride, int64_t n,
                  const char *end);
    /* a = a combined with b, b from later positions. */
    void (*combine)(void *a, const void *b);
    void (*finish)(char *out, const void *acc, int64_t count);
} corex_reducer;

typedef struct corex_reduction {
    const char *name;
    const corex_reducer *reducers[COREX_NUM_DTYPES];
    bool to_index; /* the output is int64 */
} corex_reduction;

#endif
