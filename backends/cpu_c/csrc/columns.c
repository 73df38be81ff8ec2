/* The driver of kernels that treat blocks of neighbouring rows, column by column. */
#include "columns.h"

#include "sizes.h"

/* Below so many neighbours, a row by itself is faster. */
#define FEW 8
/* Columns of a block, however long they are: what a line of the cache holds, and some more. */
#define NARROWEST 64

bool corex_by_columns(const corex_rows *rows, int written)
{
    const corex_iter *iter = &rows->iter;
    const int64_t choice = corex_path(COREX_PATH_ROWS);
    const int last = iter->ndim - 1;
    if (choice != COREX_AUTO || iter->total == 0)
        return choice == COREX_ROWS_BY_COLUMNS;
    if (iter->shape[last] < FEW || iter->strides[written][last] != iter->itemsize[written])
        return false;
    for (int k = 0; k < iter->nops; k++)
        if (llabs(iter->strides[k][last]) > llabs(rows->stride[k] * iter->itemsize[k]))
            return false;
    return rows->stride[written] != 1;
}

typedef struct columns_job {
    const corex_rows *rows;
    corex_block_kernel kernel;
    int written;
    int64_t width;
    _Atomic bool failed;
} columns_job;

typedef struct packing {
    corex_scratch dense;
    corex_loop copy;
    int64_t n, step, column, size; /* rows, and what is between them and between columns, bytes */
} packing;

/* Room for what must be copied of operand k: nothing if its columns are neighbours. */
static bool prepare(const columns_job *job, int k, packing *pack)
{
    const corex_iter *iter = &job->rows->iter;
    const int64_t size = iter->itemsize[k];
    *pack = (packing){.n = job->rows->n[k],
                      .step = job->rows->stride[k] * size,
                      .column = iter->strides[k][iter->ndim - 1],
                      .size = size,
                      .copy = corex_move_loop(size)};
    return pack->column == size ||
           corex_scratch_get(&pack->dense, corex_times3(pack->n, job->width, size)) == COREX_OK;
}

static void move(const packing *pack, char *strided, bool back, int64_t columns)
{
    const int64_t steps[2][2] = {{pack->size, pack->column}, {pack->column, pack->size}};
    char *dense = pack->dense.data;
    for (int64_t i = 0; i < pack->n; i++, strided += pack->step, dense += columns * pack->size) {
        char *p[2][2] = {{dense, strided}, {strided, dense}};
        pack->copy(p[back], steps[back], columns);
    }
}

static void run_block(const columns_job *job, const packing *packs, int64_t first, int64_t columns)
{
    const int nops = job->rows->iter.nops;
    corex_block block = {.n = job->rows->n[0], .columns = columns};
    const packing *result = &packs[job->written];
    corex_iter_at(&job->rows->iter, first, block.p);
    char *out = block.p[job->written];
    for (int k = 0; k < nops; k++) {
        block.step[k] = packs[k].step;
        if (packs[k].dense.data == NULL)
            continue;
        if (k != job->written)
            move(&packs[k], block.p[k], false, columns);
        block.p[k] = packs[k].dense.data;
        block.step[k] = columns * packs[k].size;
    }
    job->kernel(&block);
    if (result->dense.data != NULL)
        move(result, out, true, columns);
}

static void columns_range(void *context, int64_t begin, int64_t end)
{
    columns_job *job = context;
    const corex_iter *iter = &job->rows->iter;
    const int64_t neighbours = iter->shape[iter->ndim - 1];
    packing packs[COREX_MAX_OPERANDS];
    for (int k = 0; k < iter->nops; k++)
        if (!prepare(job, k, &packs[k]))
            atomic_store(&job->failed, true);
    while (begin < end && !atomic_load(&job->failed)) {
        const int64_t left = COREX_MIN(end - begin, neighbours - begin % neighbours);
        const int64_t columns = COREX_MIN(job->width, left);
        run_block(job, packs, begin, columns);
        begin += columns;
    }
    for (int k = 0; k < iter->nops; k++)
        if (packs[k].dense.data != NULL)
            corex_scratch_release(&packs[k].dense);
}

corex_status corex_columns_run(const corex_rows *rows, int written, corex_block_kernel kernel,
                               int64_t block_bytes, int64_t cost)
{
    const corex_iter *iter = &rows->iter;
    if (iter->total == 0)
        return COREX_OK;
    const int64_t column_bytes = corex_times(rows->n[0], iter->itemsize[0]);
    const int64_t fitting = block_bytes / column_bytes / NARROWEST * NARROWEST;
    columns_job job = {.rows = rows, .kernel = kernel, .written = written};
    job.width = COREX_MIN(COREX_MAX(fitting, NARROWEST), COREX_COLUMNS);
    const int64_t grain = 1 + COREX_GRAIN / corex_plus(1, cost);
    corex_parallel_for(iter->total, COREX_MAX(grain, NARROWEST), columns_range, &job);
    return job.failed ? corex_fail(COREX_ERR_MEMORY, "no memory for columns") : COREX_OK;
}
