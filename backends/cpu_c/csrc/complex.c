/* Complex numbers: rows of the table that corex calls, by the loops of kernels/complex.c. */
#include "export.h"
#include "levels.h"

/* The code of a row is the number of its table, and that of the row there. */
#define ROWS 64

static const corex_op_table *table_of(int number)
{
    const corex_complex_table *table = corex_kernels_now()->complex;
    return number == 0 ? &table->unary : number == 1 ? &table->binary : table->functions;
}

static corex_status run(const corex_kernel *self, const corex_argument *a, int32_t n)
{
    const corex_op *row = &table_of((int)self->code / ROWS)->rows[self->code % ROWS];
    const corex_view *views[] = {V(0), V(1), n > 2 ? V(2) : NULL};
    const corex_loop loop = row->loops[V(1)->dtype];
    corex_iter iter;
    if (loop == NULL || V(0)->dtype != (row->to_bool ? COREX_BOOL : V(1)->dtype) ||
        (n > 2 && V(2)->dtype != V(1)->dtype))
        return corex_fail(COREX_ERR_TYPE, "%s does not take these dtypes", row->name);
    const corex_status status = corex_iter_init(&iter, n, views);
    if (status == COREX_OK)
        corex_iter_run(&iter, COREX_WRITES_ONLY, loop, row->cost);
    return status;
}

static void add_rows(int number, const char *letters, void (*add)(corex_kernel row))
{
    const corex_op_table *table = table_of(number);
    for (int op = 0; op < table->count; op++)
        add((corex_kernel){table->rows[op].name, letters, run,
                           .dtypes = 1u << COREX_COMPLEX64 | 1u << COREX_COMPLEX128,
                           .code = number * ROWS + op});
}

void corex_add_complex_rows(void (*add)(corex_kernel row))
{
    add_rows(0, "oa", add);
    add_rows(1, "oaa", add);
    add_rows(2, "oa", add);
}
