/* Kernels along the last dimension, element after element: cumsum, gather, scatter_add. */
#include "levels.h"
#include "sizes.h"

corex_status corex_rows_init(corex_rows *rows, int nops, const corex_view *const *views)
{
    corex_view leading[COREX_MAX_OPERANDS];
    const corex_view *list[COREX_MAX_OPERANDS];
    for (int k = 0; k < nops; k++) {
        if (views[k]->ndim < 1)
            return corex_fail(COREX_ERR_VALUE, "operand %d has no last dimension", k);
        leading[k] = corex_leading(views[k]);
        /* an input may be larger than the output in dimensions that lead */
        leading[k].shape = views[0]->shape;
        if (views[k]->ndim != views[0]->ndim)
            return corex_fail(COREX_ERR_VALUE, "operand %d has other dimensions", k);
        for (int d = 0; d < leading[k].ndim; d++)
            if (views[k]->shape[d] < views[0]->shape[d])
                return corex_fail(COREX_ERR_VALUE, "operand %d is too small", k);
        list[k] = &leading[k];
        rows->n[k] = views[k]->shape[views[k]->ndim - 1];
        rows->stride[k] = views[k]->strides[views[k]->ndim - 1];
    }
    corex_status status = corex_iter_init(&rows->iter, nops, list);
    if (rows->n[0] == 0)
        rows->iter.total = 0; /* any number of rows of nothing */
    return status;
}

void corex_rows_run(corex_rows *rows, corex_row_body body, int64_t cost)
{
    rows->body = body;
    if (rows->iter.total > 0)
        corex_parallel_for(rows->iter.total, 1 + COREX_GRAIN / corex_plus(1, cost),
                           corex_rows_range, rows);
}

void corex_rows_range(void *context, int64_t begin, int64_t end)
{
    const corex_rows *rows = context;
    char *p[COREX_MAX_OPERANDS];
    for (int64_t row = begin; row < end; row++) {
        corex_iter_at(&rows->iter, row, p);
        rows->body(rows, p);
    }
}

/* Sums of floats are kept in double, as PyTorch does. */
#define CUMSUM(sfx, T, A) \
    static void cumsum_##sfx(const corex_rows *rows, char *const *p) \
    { \
        T *out = (T *)p[0]; \
        const T *a = (const T *)p[1]; \
        A sum = 0; \
        for (int64_t i = 0; i < rows->n[0]; i++) { \
            sum += (A)a[i * rows->stride[1]]; \
            out[i * rows->stride[0]] = (T)sum; \
        } \
    }

COREX_INTEGER_ROWS(COREX_MAKE, CUMSUM, uint64_t)
COREX_FLOAT_ROWS(COREX_MAKE, CUMSUM, double)

corex_status corex_cumsum(const corex_view *out, const corex_view *a)
{
    static const corex_row_body bodies[COREX_NUM_DTYPES] = COREX_NUMBER_TABLE(cumsum);
    if (a->dtype != out->dtype || bodies[a->dtype] == NULL || !corex_same_shape(out, a))
        return corex_fail(COREX_ERR_TYPE, "cumsum takes numbers and keeps shape and dtype");
    if (a->ndim == 0)
        return corex_copy(out, a);
    corex_rows rows;
    const corex_view *views[] = {out, a};
    corex_status status = corex_rows_init(&rows, 2, views);
    const int64_t cost = corex_times(2, rows.n[0]);
    if (status != COREX_OK)
        return status;
    if (corex_by_columns(&rows, 0))
        return corex_columns_run(&rows, 0, corex_kernels_now()->scan->cumsum[a->dtype], INT64_MAX,
                                 cost);
    corex_rows_run(&rows, bodies[a->dtype], cost);
    return COREX_OK;
}

/* ---- gather, scatter_add: operands are out, a or src, index ---- */

typedef struct bounds {
    int64_t size, bad;
    bool failed;
} bounds;

/* Operands are indices and, with stride 0, the bounds. */
static void check_line(char *const *p, const int64_t *s, int64_t n)
{
    bounds *found = (bounds *)p[1];
    const uint64_t most = (uint64_t)found->size - 1;
    uint64_t outside = 0; /* has the sign of an index below 0, or of what one above leaves */
    if (s[0] == sizeof(int64_t))
        for (int64_t j = 0; j < n; j++) {
            const uint64_t at = ((const uint64_t *)p[0])[j];
            outside |= at | (most - at);
        }
    if (s[0] == sizeof(int64_t) && outside >> 63 == 0)
        return;
    for (int64_t j = 0; j < n; j++) {
        const int64_t at = *(const int64_t *)(p[0] + j * s[0]);
        if (COREX_UNLIKELY((at < 0 || at >= found->size) && !found->failed)) {
            found->bad = at;
            found->failed = true;
        }
    }
}

static corex_status check_indices(const corex_view *index, int64_t size, int dimension)
{
    static const int64_t zeros[COREX_MAX_DIMS];
    bounds found = {.size = size};
    const corex_view state = {&found, index->shape, zeros, index->ndim, COREX_UINT8};
    const corex_view *views[] = {index, &state};
    corex_iter iter;
    corex_status status = corex_iter_init(&iter, 2, views);
    if (status != COREX_OK)
        return status;
    corex_iter_range(&iter, check_line, 0, iter.total);
    return found.failed ? corex_bad_index(found.bad, dimension, size) : COREX_OK;
}

#define GATHER(shift, bytes, T, ...) \
    static void gather_##bytes(const corex_rows *rows, char *const *p) \
    { \
        T *out = (T *)p[0]; \
        const T *a = (const T *)p[1]; \
        const int64_t *index = (const int64_t *)p[2]; \
        for (int64_t j = 0; j < rows->n[0]; j++) { \
            const int64_t at = index[j * rows->stride[2]]; \
            out[j * rows->stride[0]] = a[at * rows->stride[1]]; \
        } \
    }

COREX_SIZE_ROWS(GATHER)

corex_status corex_gather(const corex_view *out, const corex_view *a, const corex_view *index)
{
    static const corex_row_body bodies[COREX_NUM_SIZES] = COREX_SIZE_TABLE(gather);
    if (index->dtype != COREX_INT64 || a->dtype != out->dtype)
        return corex_fail(COREX_ERR_TYPE, "gather takes int64 indices and keeps the dtype");
    if (!corex_same_shape(out, index) || out->ndim == 0)
        return corex_fail(COREX_ERR_VALUE, "gather gives the shape of the indices");
    corex_rows rows;
    const corex_view *views[] = {out, a, index};
    corex_status status = corex_rows_init(&rows, 3, views);
    if (status != COREX_OK || rows.iter.total == 0)
        return status;
    status = check_indices(index, rows.n[1], a->ndim - 1);
    if (status != COREX_OK)
        return status;
    const int kind = COREX_BY_SIZE(corex_itemsizes[a->dtype]);
    const int64_t cost = corex_times(2, rows.n[0]);
    if (corex_by_columns(&rows, 0))
        return corex_columns_run(&rows, 0, corex_kernels_now()->scan->gather[kind],
                                 COREX_BLOCK_BYTES, cost);
    corex_rows_run(&rows, bodies[kind], cost);
    return COREX_OK;
}

#define SCATTER_ADD(sfx, T, U) \
    static void scatter_##sfx(const corex_rows *rows, char *const *p) \
    { \
        T *out = (T *)p[1]; \
        const T *src = (const T *)p[0]; \
        const int64_t *index = (const int64_t *)p[2]; \
        for (int64_t j = 0; j < rows->n[2]; j++) { \
            T *to = out + index[j * rows->stride[2]] * rows->stride[1]; \
            *to = (T)((U) * to + (U)src[j * rows->stride[0]]); \
        } \
    }

COREX_NUMBER_ROWS(COREX_MAKE_TWIN, SCATTER_ADD)

corex_status corex_scatter_add(const corex_view *out, const corex_view *index,
                               const corex_view *src)
{
    static const corex_row_body bodies[COREX_NUM_DTYPES] = COREX_NUMBER_TABLE(scatter);
    if (index->dtype != COREX_INT64 || src->dtype != out->dtype || bodies[out->dtype] == NULL)
        return corex_fail(COREX_ERR_TYPE, "scatter_add takes int64 indices and numbers");
    if (index->ndim == 0 || index->ndim != src->ndim || index->ndim != out->ndim)
        return corex_fail(COREX_ERR_VALUE, "scatter_add needs equal numbers of dimensions");
    /* The indices rule the shape; src and out may be larger. */
    corex_view used = *src;
    used.shape = index->shape;
    for (int d = 0; d < src->ndim; d++)
        if (src->shape[d] < index->shape[d])
            return corex_fail(COREX_ERR_VALUE, "src is smaller than index");
    corex_rows rows;
    const corex_view *views[] = {&used, out, index};
    corex_status status = corex_rows_init(&rows, 3, views);
    if (status != COREX_OK || rows.iter.total == 0)
        return status;
    status = check_indices(index, rows.n[1], out->ndim - 1);
    if (status != COREX_OK)
        return status;
    const int64_t cost = corex_times(4, rows.n[0]);
    /* What it adds to cannot go through a copy. */
    const int last = rows.iter.ndim - 1;
    if (rows.iter.strides[1][last] == rows.iter.itemsize[1] && corex_by_columns(&rows, 1))
        return corex_columns_run(&rows, 1, corex_kernels_now()->scan->scatter_add[out->dtype],
                                 COREX_BLOCK_BYTES, cost);
    corex_rows_run(&rows, bodies[out->dtype], cost);
    return COREX_OK;
}
