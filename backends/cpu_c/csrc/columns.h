/* Rows that lie side by side, whose elements of one position are neighbours: many at once. */
#ifndef COREX_COLUMNS_H
#define COREX_COLUMNS_H

#include "rows.h"

/* Columns treated together, at most. */
#define COREX_COLUMNS 512

/* Element i of column c of operand k is number c of the elements at p[k] + i * step[k]. */
typedef struct corex_block {
    char *p[COREX_MAX_OPERANDS];
    int64_t step[COREX_MAX_OPERANDS]; /* bytes */
    int64_t n, columns;
} corex_block;

typedef void (*corex_block_kernel)(const corex_block *block);

/* How much of the first operand a block has, if it is passed over more than once. */
#define COREX_BLOCK_BYTES ((int64_t)128 << 10)

/*
 * Whether the rows are treated so: their neighbours are closer than their elements. `written` is
 * the operand that the kernel writes.
 */
bool corex_by_columns(const corex_rows *rows, int written);
/*
 * Calls kernel for blocks of columns, of about block_bytes if columns are short enough. Operands
 * whose columns are no neighbours go through dense copies. Cost is that of one row.
 */
corex_status corex_columns_run(const corex_rows *rows, int written, corex_block_kernel kernel,
                               int64_t block_bytes, int64_t cost);

#endif
