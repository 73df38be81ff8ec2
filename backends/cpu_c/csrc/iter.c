/* Elementwise iteration: sort and merge dimensions, split among threads, call a loop per line. */
#include "internal.h"
#include "sizes.h"

/* Moves dimension d before its predecessors with smaller output strides. */
static void insert_sorted(corex_iter *iter, int d)
{
    for (; d > 0; d--) {
        int64_t mine = llabs(iter->strides[0][d]), other = llabs(iter->strides[0][d - 1]);
        if (mine <= other)
            return;
        int64_t size = iter->shape[d];
        iter->shape[d] = iter->shape[d - 1];
        iter->shape[d - 1] = size;
        for (int k = 0; k < iter->nops; k++) {
            int64_t stride = iter->strides[k][d];
            iter->strides[k][d] = iter->strides[k][d - 1];
            iter->strides[k][d - 1] = stride;
        }
    }
}

static bool mergeable(const corex_iter *iter, int outer, int inner)
{
    for (int k = 0; k < iter->nops; k++)
        if (iter->strides[k][outer] != iter->strides[k][inner] * iter->shape[inner])
            return false;
    return true;
}

static void merge_dims(corex_iter *iter)
{
    int kept = 0;
    for (int d = 1; d < iter->ndim; d++) {
        if (mergeable(iter, kept, d)) {
            iter->shape[kept] *= iter->shape[d];
        } else {
            kept++;
            iter->shape[kept] = iter->shape[d];
        }
        for (int k = 0; k < iter->nops; k++)
            iter->strides[k][kept] = iter->strides[k][d];
    }
    iter->ndim = kept + 1;
}

corex_status corex_iter_init(corex_iter *iter, int nops, const corex_view *const *views)
{
    const corex_view *out = views[0];
    if (out->ndim > COREX_MAX_DIMS)
        return corex_fail(COREX_ERR_VALUE, "more than %d dimensions", COREX_MAX_DIMS);
    for (int k = 1; k < nops; k++)
        if (!corex_same_shape(out, views[k]))
            return corex_fail(COREX_ERR_VALUE, "operand %d differs in shape from the output", k);
    iter->nops = nops;
    iter->ndim = 0;
    iter->total = 1;
    for (int k = 0; k < nops; k++) {
        iter->data[k] = views[k]->data;
        iter->itemsize[k] = corex_itemsizes[views[k]->dtype];
    }
    for (int d = 0; d < out->ndim; d++) {
        int64_t size = out->shape[d];
        iter->total = corex_times(iter->total, size);
        if (size == 1)
            continue;
        iter->shape[iter->ndim] = size;
        for (int k = 0; k < nops; k++)
            iter->strides[k][iter->ndim] = views[k]->strides[d] * iter->itemsize[k];
        insert_sorted(iter, iter->ndim++);
    }
    if (iter->ndim == 0) {
        iter->ndim = 1;
        iter->shape[0] = iter->total;
        for (int k = 0; k < nops; k++)
            iter->strides[k][0] = iter->itemsize[k];
    } else {
        merge_dims(iter);
    }
    return COREX_OK;
}

void corex_iter_at(const corex_iter *iter, int64_t i, char **p)
{
    for (int k = 0; k < iter->nops; k++)
        p[k] = iter->data[k];
    for (int d = iter->ndim - 1; d >= 0; d--) {
        int64_t at = d == 0 ? i : i % iter->shape[d];
        i /= iter->shape[d];
        for (int k = 0; k < iter->nops; k++)
            p[k] += at * iter->strides[k][d];
    }
}

void corex_iter_range(const corex_iter *iter, corex_loop loop, int64_t begin, int64_t end)
{
    int64_t index[COREX_MAX_DIMS], strides[COREX_MAX_OPERANDS];
    char *p[COREX_MAX_OPERANDS];
    const int last = iter->ndim - 1, nops = iter->nops;
    for (int k = 0; k < nops; k++) {
        p[k] = iter->data[k];
        strides[k] = iter->strides[k][last];
    }
    int64_t rest = begin;
    for (int d = last; d >= 0; d--) {
        index[d] = rest % iter->shape[d];
        rest /= iter->shape[d];
        for (int k = 0; k < nops; k++)
            p[k] += index[d] * iter->strides[k][d];
    }
    while (begin < end) {
        int64_t n = COREX_MIN(iter->shape[last] - index[last], end - begin);
        loop(p, strides, n);
        begin += n;
        if (begin >= end)
            return;
        /* To the start of the next line: carry through the outer dimensions. */
        for (int k = 0; k < nops; k++)
            p[k] -= index[last] * strides[k];
        index[last] = 0;
        for (int d = last - 1; d >= 0; d--) {
            int64_t wrap = ++index[d] == iter->shape[d] ? iter->shape[d] - 1 : -1;
            for (int k = 0; k < nops; k++)
                p[k] += wrap < 0 ? iter->strides[k][d] : -wrap * iter->strides[k][d];
            if (wrap < 0)
                break;
            index[d] = 0;
        }
    }
}

typedef struct walk {
    const corex_iter *iter;
    corex_loop loop;
} walk;

static void walk_range(void *context, int64_t begin, int64_t end)
{
    const walk *job = context;
    corex_iter_range(job->iter, job->loop, begin, end);
}

void corex_iter_run(const corex_iter *iter, corex_access access, corex_loop loop, int cost)
{
    if (iter->total == 0)
        return;
    if (iter->ndim == 1) {
        int64_t strides[COREX_MAX_OPERANDS];
        for (int k = 0; k < iter->nops; k++)
            strides[k] = iter->strides[k][0];
        corex_run_line(iter->data, strides, iter->shape[0], iter->nops, iter->itemsize[0], access,
                       loop, cost);
        return;
    }
    walk job = {iter, loop};
    corex_parallel_for(iter->total, COREX_GRAIN / cost, walk_range, &job);
}
