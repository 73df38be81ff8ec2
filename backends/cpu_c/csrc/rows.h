/* Kernels that treat each row along the last dimension by itself. */
#ifndef COREX_ROWS_H
#define COREX_ROWS_H

#include "internal.h"

typedef struct corex_rows corex_rows;
/* One row: p has the first element of each operand. */
typedef void (*corex_row_body)(const corex_rows *rows, char *const *p);

struct corex_rows {
    corex_iter iter;                                           /* over the leading dimensions */
    int64_t n[COREX_MAX_OPERANDS], stride[COREX_MAX_OPERANDS]; /* of the last, in elements */
    corex_row_body body;
    /* what some bodies need besides */
    bool *failed, flag;
};

/* Leading dimensions are those of the first view; the others' may be larger. */
corex_status corex_rows_init(corex_rows *rows, int nops, const corex_view *const *views);
/* Calls body for each row; cost is that of one row, in additions. */
void corex_rows_run(corex_rows *rows, corex_row_body body, int64_t cost);
void corex_rows_range(void *context, int64_t begin, int64_t end);

#endif
