/* Reading and writing at positions given by index tensors. */
#include "corex_half.h"
#include "levels.h"
#include "sizes.h"

corex_status corex_bad_index(int64_t index, int64_t dimension, int64_t size)
{
    return corex_fail(COREX_ERR_INDEX,
                      "index %lld is out of bounds for dimension %lld with size %lld",
                      (long long)index, (long long)dimension, (long long)size);
}

/* Element offset of each indexed place, in `offsets`; everything is checked here. */
static corex_status resolve(const corex_view *a, int k, const corex_view *indices, int64_t n,
                            int64_t *offsets)
{
    memset(offsets, 0, (size_t)n * sizeof *offsets);
    for (int d = 0; d < k; d++) {
        const int64_t *index = indices[d].data;
        const int64_t step = indices[d].strides[0], size = a->shape[d], stride = a->strides[d];
        for (int64_t i = 0; i < n; i++) {
            int64_t at = index[i * step], wrapped = at < 0 ? at + size : at;
            if (COREX_UNLIKELY(wrapped < 0 || wrapped >= size))
                return corex_bad_index(at, d, size);
            offsets[i] += wrapped * stride;
        }
    }
    return COREX_OK;
}

typedef struct rows {
    corex_iter iter; /* operand 0: a row of the target, 1: a row of the source */
    corex_loop loop;
    const int64_t *offsets; /* of the indexed operand */
    int indexed;            /* which operand that is */
    int64_t n, step;        /* rows, and what is between those of the other operand, bytes */
    bool plain;             /* both rows dense and merely copied */
} rows;

static void rows_range(void *context, int64_t begin, int64_t end)
{
    const rows *job = context;
    corex_iter iter = job->iter;
    const int size = iter.itemsize[0], other = 1 - job->indexed;
    const size_t row_bytes = (size_t)(iter.total * size);
    char *base = iter.data[job->indexed], *moving = iter.data[other];
    for (int64_t i = begin; i < end; i++) {
        iter.data[job->indexed] = base + job->offsets[i] * size;
        iter.data[other] = moving + i * job->step;
        if (job->plain)
            memcpy(iter.data[0], iter.data[1], row_bytes);
        else
            corex_iter_range(&iter, job->loop, 0, iter.total);
    }
}

/* Where rows lie side by side: one element of all rows. */
#define ACROSS(shift, bytes, T, ...) \
    static void across_##bytes(char *out, const char *a, int64_t step, const int64_t *offsets, \
                               int64_t n) \
    { \
        for (int64_t j = 0; j < n; j++) \
            *(T *)(out + j * step) = ((const T *)a)[offsets[j]]; \
    }

COREX_SIZE_ROWS(ACROSS)

typedef void (*crossing)(char *out, const char *a, int64_t step, const int64_t *offsets, int64_t n);
static const crossing crossings[COREX_NUM_SIZES] = COREX_SIZE_TABLE(across);

static void across_range(void *context, int64_t begin, int64_t end)
{
    const rows *job = context;
    const crossing cross = crossings[COREX_BY_SIZE(job->iter.itemsize[0])];
    for (int64_t i = begin; i < end; i++) {
        char *p[COREX_MAX_OPERANDS];
        corex_iter_at(&job->iter, i, p);
        cross(p[0], p[1], job->step, job->offsets, job->n);
    }
}

/* Whether elements of one position are closer, in the output, than those of one row. */
static bool side_by_side(const rows *job)
{
    const int64_t choice = corex_path(COREX_PATH_ROWS);
    if (choice != COREX_AUTO)
        return choice == COREX_ROWS_BY_COLUMNS;
    return job->n > 1 && llabs(job->step) < llabs(job->iter.strides[0][job->iter.ndim - 1]);
}

static corex_status check(const corex_view *a, const corex_view *flat, int k,
                          const corex_view *indices)
{
    if (k < 1 || k > a->ndim || flat->ndim != a->ndim - k + 1 || a->dtype != flat->dtype)
        return corex_fail(COREX_ERR_VALUE, "%d indices do not fit the shapes or dtypes", k);
    for (int d = 0; d < k; d++)
        if (indices[d].dtype != COREX_INT64 || indices[d].ndim != 1 ||
            indices[d].shape[0] != flat->shape[0])
            return corex_fail(COREX_ERR_VALUE, "indices are 1-d int64, one per row");
    for (int d = 1; d < flat->ndim; d++)
        if (flat->shape[d] != a->shape[k + d - 1])
            return corex_fail(COREX_ERR_VALUE, "rows differ in shape");
    return COREX_OK;
}

/* `flat` is (n, *rest), `a` (D1..Dk, *rest); moves rows one way or the other. */
static corex_status move_rows(const corex_view *a, const corex_view *flat, int k,
                              const corex_view *indices, bool to_a, corex_loop loop, bool copies)
{
    corex_status status = check(a, flat, k, indices);
    const int64_t n = flat->shape[0];
    corex_scratch offsets;
    if (status != COREX_OK || n == 0)
        return status;
    status = corex_scratch_get(&offsets, corex_times(n, sizeof(int64_t)));
    if (status != COREX_OK)
        return status;
    status = resolve(a, k, indices, n, offsets.data);
    rows job = {.loop = loop, .offsets = offsets.data, .indexed = to_a ? 0 : 1, .n = n};
    corex_view row_a = {a->data, a->shape + k, a->strides + k, a->ndim - k, a->dtype};
    corex_view row_flat = {flat->data, flat->shape + 1, flat->strides + 1, flat->ndim - 1,
                           flat->dtype};
    const corex_view *views[] = {to_a ? &row_a : &row_flat, to_a ? &row_flat : &row_a};
    if (status == COREX_OK)
        status = corex_iter_init(&job.iter, 2, views);
    if (status == COREX_OK && job.iter.total > 0) {
        const int size = job.iter.itemsize[0];
        job.step = flat->strides[0] * size;
        job.plain = copies && job.iter.ndim == 1 && job.iter.strides[0][0] == size &&
                    job.iter.strides[1][0] == size;
        /* Writes may meet the same place twice, so they keep their order on one thread. */
        int64_t grain = to_a ? n : 1 + COREX_GRAIN / corex_plus(4, job.iter.total);
        if (!to_a && side_by_side(&job))
            corex_parallel_for(job.iter.total, 1 + COREX_GRAIN / corex_plus(4, n), across_range,
                               &job);
        else
            corex_parallel_for(n, grain, rows_range, &job);
    }
    corex_scratch_release(&offsets);
    return status;
}

corex_status corex_index(const corex_view *out, const corex_view *a, int k,
                         const corex_view *indices)
{
    return move_rows(a, out, k, indices, false, corex_copy_loop(a->dtype), true);
}

/* Target and second source are the same row, so the binary loop adds into it. */
static void add_row(char *const *p, const int64_t *s, int64_t n, corex_loop add)
{
    char *three[] = {p[0], p[0], p[1]};
    int64_t strides[] = {s[0], s[0], s[1]};
    add(three, strides, n);
}

#define ADD_ROW(number, NAME, name, sfx, ...) \
    static void add_row_##sfx(char *const *p, const int64_t *s, int64_t n) \
    { \
        const int op = corex_binary_op("add"); \
        add_row(p, s, n, corex_binary_row(corex_kernels_now(), op)->loops[COREX_##NAME]); \
    }

COREX_DTYPE_ROWS(ADD_ROW)

#define ADD_HALF_ROW(number, NAME, name, sfx, T, ...) \
    static void add_row_##sfx(char *const *p, const int64_t *s, int64_t n) \
    { \
        for (int64_t i = 0; i < n; i++) { \
            T *to = (T *)(p[0] + i * s[0]); \
            const T x = *(const T *)(p[1] + i * s[1]); \
            *to = corex_to_##sfx(corex_from_##sfx(*to) + corex_from_##sfx(x)); \
        } \
    }

COREX_HALF_ROWS(ADD_HALF_ROW)

corex_status corex_index_put(const corex_view *out, const corex_view *values, int accumulate, int k,
                             const corex_view *indices)
{
    static const corex_loop adds[] = {COREX_DTYPE_ROWS(COREX_ENTRY, add_row)
                                          COREX_HALF_ROWS(COREX_ENTRY, add_row)};
    corex_loop loop = accumulate ? adds[out->dtype] : corex_copy_loop(out->dtype);
    return move_rows(out, values, k, indices, true, loop, !accumulate);
}

corex_status corex_nonzero(const corex_view *out, const corex_view *a)
{
    if (a->dtype != COREX_BOOL || out->dtype != COREX_INT64 || out->ndim != 2 ||
        out->shape[1] != a->ndim)
        return corex_fail(COREX_ERR_VALUE, "nonzero takes bools and gives (count, ndim) of int64");
    int64_t index[COREX_MAX_DIMS] = {0}, total = corex_numel(a), found = 0;
    const uint8_t *p = a->data;
    int64_t *rows = out->data;
    for (int64_t i = 0; i < total; i++) {
        if (*p != 0) {
            if (found == out->shape[0])
                return corex_fail(COREX_ERR_VALUE, "nonzero found more than was counted");
            for (int d = 0; d < a->ndim; d++)
                rows[found * out->strides[0] + d * out->strides[1]] = index[d];
            found++;
        }
        for (int d = a->ndim - 1; d >= 0; d--) {
            p += a->strides[d];
            if (++index[d] < a->shape[d])
                break;
            p -= a->strides[d] * a->shape[d];
            index[d] = 0;
        }
    }
    if (found != out->shape[0])
        return corex_fail(COREX_ERR_VALUE, "nonzero found fewer than were counted");
    return COREX_OK;
}
