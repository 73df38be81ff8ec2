/* Complex numbers: rows of the table that corex calls, by the loops of kernels/complex.c. */
#include "export.h"
#include "levels.h"

/* The code of a row is the number of its table, and that of the row there. */
#define ROWS 64

static const corex_op_table *table_of(int number)
{
    const corex_complex_table *table = corex_kernels_now()->complex;
    const corex_op_table *tables[] = {&table->unary, table->functions, table->inverses,
                                      &table->binary, table->powers};
    return tables[number];
}

/* The dtype of the output. */
static int output(const corex_op *row, int dtype)
{
    const int real = dtype == COREX_COMPLEX64 ? COREX_FLOAT32 : COREX_FLOAT64;
    const int whole = dtype == COREX_FLOAT32 ? COREX_COMPLEX64 : COREX_COMPLEX128;
    return row->to_bool ? COREX_BOOL : row->to_real ? real : row->of_real ? whole : dtype;
}

static corex_status run(const corex_kernel *self, const corex_argument *a, int32_t n)
{
    const corex_op *row = &table_of((int)self->code / ROWS)->rows[self->code % ROWS];
    const corex_view *views[] = {V(0), V(1), n > 2 ? V(2) : NULL};
    const corex_loop loop = row->loops[V(1)->dtype];
    corex_iter iter;
    if (loop == NULL || V(0)->dtype != output(row, V(1)->dtype) ||
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
    const uint64_t dtypes = 1u << COREX_COMPLEX64 | 1u << COREX_COMPLEX128;
    const uint64_t parts = 1u << COREX_FLOAT32 | 1u << COREX_FLOAT64;
    for (int op = 0; op < table->count; op++)
        add((corex_kernel){
            table->rows[op].name, letters, run,
            .dtypes = dtypes | (table->rows[op].to_real || table->rows[op].of_real ? parts : 0),
            .code = number * ROWS + op});
}

void corex_add_complex_rows(void (*add)(corex_kernel row))
{
    add_rows(0, "oa", add);
    add_rows(1, "oa", add);
    add_rows(2, "oa", add);
    add_rows(3, "oaa", add);
    add_rows(4, "oaa", add);
}
