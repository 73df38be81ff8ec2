/*
 * The driver of reductions: which dimension to run along, and how to split it among threads.
 *
 * If the closest elements of `a` belong to one output, each output runs along its line. If they
 * belong to neighbouring outputs (or the lines are very short), many outputs advance together,
 * which vectorises just as well. A single long line is cut into chunks of fixed size, so that the
 * result does not depend on the number of threads.
 */
#include "levels.h"
#include "sizes.h"

#define SHORT_LINE 16

typedef struct plan {
    const corex_reducer *reducer;
    int outer, inner; /* numbers of dimensions */
    int itemsize;
    int64_t outputs, count;
    char *out;
    const char *in;
    bool by_columns, by_lines;
    const char *end; /* of what may be read */
    int64_t outer_shape[COREX_MAX_DIMS], out_stride[COREX_MAX_DIMS], a_stride[COREX_MAX_DIMS];
    int64_t inner_shape[COREX_MAX_DIMS], inner_stride[COREX_MAX_DIMS];
} plan;

/* The outer dimensions may come in any order; the inner order numbers the positions. */
static void set_dims(plan *p, const corex_view *out, const corex_view *a)
{
    const int so = corex_itemsizes[out->dtype], sa = corex_itemsizes[a->dtype];
    for (int d = 0; d < out->ndim; d++) {
        if (out->shape[d] == 1)
            continue;
        int k = p->outer++;
        for (; k > 0 && llabs(p->a_stride[k - 1]) < llabs(a->strides[d] * sa); k--) {
            p->outer_shape[k] = p->outer_shape[k - 1];
            p->out_stride[k] = p->out_stride[k - 1];
            p->a_stride[k] = p->a_stride[k - 1];
        }
        p->outer_shape[k] = out->shape[d];
        p->out_stride[k] = out->strides[d] * so;
        p->a_stride[k] = a->strides[d] * sa;
    }
    int kept = 0;
    for (int k = 1; k < p->outer; k++) {
        int64_t size = p->outer_shape[k];
        if (p->a_stride[kept] == p->a_stride[k] * size &&
            p->out_stride[kept] == p->out_stride[k] * size)
            p->outer_shape[kept] *= size;
        else
            p->outer_shape[++kept] = size;
        p->a_stride[kept] = p->a_stride[k];
        p->out_stride[kept] = p->out_stride[k];
    }
    p->outer = p->outer == 0 ? 0 : kept + 1;
    for (int d = out->ndim; d < a->ndim; d++) {
        int64_t size = a->shape[d], stride = a->strides[d] * sa;
        if (size == 1)
            continue;
        if (p->inner > 0 && p->inner_stride[p->inner - 1] == stride * size)
            p->inner_shape[p->inner - 1] *= size;
        else
            p->inner_shape[p->inner++] = size;
        p->inner_stride[p->inner - 1] = stride;
    }
    if (p->outer == 0) {
        p->outer_shape[p->outer] = 1;
        p->out_stride[p->outer] = p->a_stride[p->outer] = 0;
        p->outer++;
    }
    if (p->inner == 0) {
        p->inner_shape[0] = 1;
        p->inner_stride[p->inner++] = 0;
    }
}

/* Reduces `columns` outputs that start at `in`, into accumulators. */
static void accumulate(const plan *p, char *acc, const char *in, int64_t columns)
{
    const int last = p->inner - 1;
    const int64_t n = p->inner_shape[last], stride = p->inner_stride[last];
    int64_t index[COREX_MAX_DIMS] = {0};
    if (p->by_lines) {
        p->reducer->lines(acc, in, columns, p->a_stride[p->outer - 1], n, p->end);
        return;
    }
    for (int64_t c = 0; c < columns; c++)
        p->reducer->start(acc + c * p->reducer->acc_bytes, p->count);
    for (int64_t position = 0; position < p->count; position += n) {
        if (p->by_columns)
            p->reducer->columns(acc, in, columns, p->a_stride[p->outer - 1], n, stride, position);
        else
            p->reducer->line(acc, in, n, stride, position);
        for (int d = last - 1; d >= 0; d--) {
            in += p->inner_stride[d];
            if (++index[d] < p->inner_shape[d])
                break;
            in -= p->inner_stride[d] * p->inner_shape[d];
            index[d] = 0;
        }
    }
}

/* Outputs [begin, end), counted along the outer dimensions. */
static void reduce_range(void *context, int64_t begin, int64_t end)
{
    const plan *p = context;
    _Alignas(64) char acc[COREX_REDUCE_COLUMNS * COREX_ACC_BYTES];
    const int last = p->outer - 1;
    while (begin < end) {
        int64_t rest = begin / p->outer_shape[last], column = begin % p->outer_shape[last];
        int64_t columns = p->by_columns ? COREX_REDUCE_COLUMNS
                          : p->by_lines ? COREX_REDUCE_LINES
                                        : 1;
        columns = COREX_MIN(columns, COREX_MIN(end - begin, p->outer_shape[last] - column));
        const char *in = p->in + column * p->a_stride[last];
        char *out = p->out + column * p->out_stride[last];
        for (int d = last - 1; d >= 0; d--) {
            in += rest % p->outer_shape[d] * p->a_stride[d];
            out += rest % p->outer_shape[d] * p->out_stride[d];
            rest /= p->outer_shape[d];
        }
        accumulate(p, acc, in, columns);
        for (int64_t c = 0; c < columns; c++)
            p->reducer->finish(out + c * p->out_stride[last], acc + c * p->reducer->acc_bytes,
                               p->count);
        begin += columns;
    }
}

typedef struct long_line {
    const plan *plan;
    char *partial;
    int64_t chunk; /* elements */
} long_line;

static void chunk_range(void *context, int64_t begin, int64_t end)
{
    const long_line *job = context;
    const plan *p = job->plan;
    const int64_t n = p->inner_shape[0], stride = p->inner_stride[0], size = job->chunk;
    for (int64_t chunk = begin; chunk < end; chunk++) {
        char *acc = job->partial + chunk * COREX_ACC_BYTES;
        int64_t first = chunk * size;
        p->reducer->start(acc, p->count);
        p->reducer->line(acc, p->in + first * stride, COREX_MIN(size, n - first), stride, first);
    }
}

static corex_status reduce_long_line(const plan *p)
{
    const int64_t size = corex_path(COREX_PATH_REDUCE_CHUNK);
    const int64_t chunks = 1 + (p->inner_shape[0] - 1) / size;
    corex_scratch partial;
    corex_status status = corex_scratch_get(&partial, corex_times(chunks, COREX_ACC_BYTES));
    if (status != COREX_OK)
        return status;
    long_line job = {p, partial.data, size};
    corex_parallel_for(chunks, 1, chunk_range, &job);
    /* Neighbours by twos, then fours, ...: the error grows with the logarithm of their number. */
    for (int64_t step = 1; step < chunks; step *= 2)
        for (int64_t chunk = 0; chunk < chunks - step; chunk += 2 * step)
            p->reducer->combine(job.partial + chunk * COREX_ACC_BYTES,
                                job.partial + (chunk + step) * COREX_ACC_BYTES);
    p->reducer->finish(p->out, job.partial, p->count);
    corex_scratch_release(&partial);
    return COREX_OK;
}

/* Whether lines can be reduced several at a time; also finds where reading must end. */
static bool lines_fit(plan *p)
{
    const int64_t n = p->inner_shape[0], size = p->inner_stride[0];
    if (p->reducer->lines == NULL || p->inner != 1 || size != p->itemsize ||
        llabs(p->a_stride[p->outer - 1]) < size)
        return false;
    p->end = p->in + n * size;
    for (int d = 0; d < p->outer; d++)
        if (p->a_stride[d] > 0)
            p->end += (p->outer_shape[d] - 1) * p->a_stride[d];
    return true;
}

/* Short dense lines one after another; else columns, where neighbours or short lines make them. */
static void choose_way(plan *p)
{
    const int64_t n = p->inner_shape[0], outputs = p->outer_shape[p->outer - 1];
    const int64_t line_stride = llabs(p->inner_stride[p->inner - 1]);
    const int64_t column_stride = llabs(p->a_stride[p->outer - 1]);
    const int64_t choice = corex_path(COREX_PATH_REDUCE);
    if (choice == COREX_AUTO) {
        p->by_lines = n >= 4 && n <= COREX_SHORT_LINE && outputs >= 4 && lines_fit(p);
        p->by_columns = !p->by_lines && outputs > 1 && p->count > 0 &&
                        (column_stride < line_stride || p->inner_shape[p->inner - 1] <= SHORT_LINE);
        return;
    }
    p->by_lines = choice == COREX_REDUCE_BY_LINES && p->count > 0 && lines_fit(p);
    p->by_columns = choice == COREX_REDUCE_BY_COLUMNS && p->count > 0;
}

static corex_status run_plan(plan *p)
{
    if (p->outputs == 1 && p->inner == 1 && p->count > corex_path(COREX_PATH_REDUCE_CHUNK))
        return reduce_long_line(p);
    choose_way(p);
    int64_t grain = 1 + COREX_GRAIN / COREX_MAX(p->count, 1);
    if (p->by_columns)
        grain = COREX_MAX(grain, 64);
    corex_parallel_for(p->outputs, grain, reduce_range, p);
    return COREX_OK;
}

int corex_reduce_op(const char *name)
{
    for (int op = 0; op < corex_kernels_now()->reductions->count; op++)
        if (strcmp(corex_kernels_now()->reductions->rows[op].name, name) == 0)
            return op;
    return -1;
}

const char *corex_reduce_name(int op)
{
    return op < corex_kernels_now()->reductions->count
               ? corex_kernels_now()->reductions->rows[op].name
               : NULL;
}

corex_status corex_reduce(int op, const corex_view *out, const corex_view *a, int n)
{
    if (op < 0 || op >= corex_kernels_now()->reductions->count)
        return corex_fail(COREX_ERR_VALUE, "no reduction has number %d", op);
    const corex_reduction *row = &corex_kernels_now()->reductions->rows[op];
    plan p = {.reducer = row->reducers[a->dtype],
              .outputs = corex_numel(out),
              .count = 1,
              .itemsize = corex_itemsizes[a->dtype],
              .out = out->data,
              .in = a->data};
    if (p.reducer == NULL || out->dtype != (row->to_index ? COREX_INT64 : a->dtype))
        return corex_fail(COREX_ERR_TYPE, "%s does not take these dtypes", row->name);
    if (n < 0 || out->ndim + n != a->ndim || a->ndim > COREX_MAX_DIMS)
        return corex_fail(COREX_ERR_VALUE, "%s: %d of %d dimensions do not reduce to %d", row->name,
                          n, a->ndim, out->ndim);
    for (int d = 0; d < out->ndim; d++)
        if (out->shape[d] != a->shape[d])
            return corex_fail(COREX_ERR_VALUE, "%s: the output differs in shape", row->name);
    for (int d = out->ndim; d < a->ndim; d++)
        p.count = corex_times(p.count, a->shape[d]);
    if (p.outputs == 0)
        return COREX_OK;
    set_dims(&p, out, a);
    return run_plan(&p);
}
