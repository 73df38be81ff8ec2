/* Elementwise functions of one operand: which row, checks, iteration. */
#include "half.h"

int corex_unary_count(void) { return corex_kernels_now()->unary->count; }

const corex_op *corex_unary_row(const corex_kernels *kernels, int op)
{
    return &kernels->unary->rows[op];
}

int corex_unary_op(const char *name)
{
    for (int op = 0; op < corex_unary_count(); op++)
        if (strcmp(corex_unary_row(corex_kernels_now(), op)->name, name) == 0)
            return op;
    return -1;
}

corex_status corex_unary(int op, const corex_view *out, const corex_view *a)
{
    if (op < 0 || op >= corex_unary_count())
        return corex_fail(COREX_ERR_VALUE, "no unary op has number %d", op);
    const corex_op *row = corex_unary_row(corex_kernels_now(), op);
    const bool half = COREX_AMONG(COREX_HALVES, a->dtype);
    corex_loop loop = row->loops[half ? COREX_FLOAT32 : a->dtype];
    if (loop == NULL || out->dtype != (row->to_bool ? COREX_BOOL : a->dtype))
        return corex_fail(COREX_ERR_TYPE, "%s does not take these dtypes", row->name);
    corex_iter iter;
    const corex_view *views[] = {out, a};
    if (half)
        return corex_half_map(loop, row->cost, 2, views);
    corex_status status = corex_iter_init(&iter, 2, views);
    if (status == COREX_OK)
        corex_iter_run(&iter, COREX_WRITES_ONLY, loop, row->cost);
    return status;
}
