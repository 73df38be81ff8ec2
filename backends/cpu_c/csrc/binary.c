/* Elementwise functions of two operands: which row, checks, iteration. */
#include "half.h"

int corex_binary_count(void)
{
    const corex_kernels *kernels = corex_kernels_now();
    return kernels->binary->count + kernels->slow_binary->count;
}

/* The slow ones are numbered after the others. */
const corex_op *corex_binary_row(const corex_kernels *kernels, int op)
{
    const int count = kernels->binary->count;
    return op < count ? &kernels->binary->rows[op] : &kernels->slow_binary->rows[op - count];
}

int corex_binary_op(const char *name)
{
    for (int op = 0; op < corex_binary_count(); op++)
        if (strcmp(corex_binary_row(corex_kernels_now(), op)->name, name) == 0)
            return op;
    return -1;
}

static corex_status refused(const corex_op *row)
{
    return corex_fail(COREX_ERR_TYPE, "%s does not take these dtypes", row->name);
}

/* Beside a half may be a float32: a number, which is not rounded before. */
static corex_status half_binary(const corex_op *row, const corex_view *out, const corex_view *a,
                                const corex_view *b)
{
    const int half = COREX_AMONG(COREX_HALVES, a->dtype) ? a->dtype : b->dtype;
    const corex_view *views[] = {out, a, b};
    corex_loop loop = row->loops[COREX_FLOAT32];
    for (int k = 1; k < 3; k++)
        if (views[k]->dtype != half && views[k]->dtype != COREX_FLOAT32)
            return refused(row);
    if (loop == NULL || out->dtype != (row->to_bool ? COREX_BOOL : half))
        return refused(row);
    return corex_half_map(loop, row->cost, 3, views);
}

corex_status corex_binary(int op, const corex_view *out, const corex_view *a, const corex_view *b)
{
    if (op < 0 || op >= corex_binary_count())
        return corex_fail(COREX_ERR_VALUE, "no binary op has number %d", op);
    const corex_op *row = corex_binary_row(corex_kernels_now(), op);
    if (COREX_AMONG(COREX_HALVES, a->dtype) || COREX_AMONG(COREX_HALVES, b->dtype))
        return half_binary(row, out, a, b);
    corex_loop loop = row->loops[a->dtype];
    if (loop == NULL || b->dtype != a->dtype ||
        out->dtype != (row->to_bool ? COREX_BOOL : a->dtype))
        return refused(row);
    corex_iter iter;
    const corex_view *views[] = {out, a, b};
    corex_status status = corex_iter_init(&iter, 3, views);
    if (status == COREX_OK && row->checked && COREX_AMONG(COREX_WHOLE, a->dtype) && iter.total > 0)
        status = corex_check_divisor(b);
    if (status == COREX_OK)
        corex_iter_run(&iter, COREX_WRITES_ONLY, loop, row->cost);
    return status;
}

/* ---- the check before an integer division ---- */

#define ANY_ZERO(sfx, T) \
    static void any_zero_##sfx(char *const *p, const int64_t *s, int64_t n) \
    { \
        bool zero = false; \
        for (int64_t i = 0; i < n; i++) \
            zero |= *(const T *)(p[1] + i * s[1]) == 0; \
        if (zero) \
            *(bool *)p[0] = true; \
    }

COREX_INTEGER_ROWS(COREX_MAKE, ANY_ZERO)

corex_status corex_check_divisor(const corex_view *b)
{
    static const corex_loop loops[] = COREX_INTEGER_TABLE(any_zero);
    bool zero = false;
    int64_t shape[COREX_MAX_DIMS], none[COREX_MAX_DIMS];
    for (int d = 0; d < b->ndim; d++) {
        shape[d] = b->strides[d] == 0 && b->shape[d] > 0 ? 1 : b->shape[d];
        none[d] = 0;
    }
    corex_view flag = {&zero, shape, none, b->ndim, COREX_BOOL};
    corex_view divisor = {b->data, shape, b->strides, b->ndim, b->dtype};
    const corex_view *views[] = {&flag, &divisor};
    corex_iter iter;
    corex_status status = corex_iter_init(&iter, 2, views);
    if (status != COREX_OK || iter.total == 0)
        return status;
    corex_iter_range(&iter, loops[b->dtype], 0, iter.total);
    return zero ? corex_fail(COREX_ERR_ZERO_DIVISION, "integer division by zero") : COREX_OK;
}
