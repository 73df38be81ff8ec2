/* The table by which corex calls the library: corex_backend.h. */
#include "export.h"

#include <pthread.h>

#include "force.h"
#include "half.h"

/* ---- elementwise ops and reductions, from their tables of loops ---- */
#define MOST_ROWS 256

static corex_kernel rows[MOST_ROWS];
static int32_t row_count;

RUN(unary, corex_unary((int)self->code, V(0), V(1)))
RUN(binary, corex_binary((int)self->code, V(0), V(1), V(2)))
RUN(reduce,
    corex_reduce((int)self->code, V(0), V(1), (int)COREX_MIN(a[2].integer, COREX_MAX_DIMS + 1)))

/* A number beside halves, as float32 of strides 0. */
static corex_view as_view(const corex_argument *argument, const corex_view *like, float *room)
{
    static const int64_t zeros[COREX_MAX_DIMS];
    if (argument->kind == COREX_VIEW)
        return *argument->view;
    *room = argument->kind == COREX_DOUBLE ? (float)argument->real
            : argument->kind == COREX_UINT ? (float)argument->unsigned_integer
                                           : (float)argument->integer;
    return (corex_view){room, like->shape, zeros, like->ndim, COREX_FLOAT32};
}

static corex_status run_half_binary(const corex_kernel *self, const corex_argument *a, int32_t n)
{
    (void)n;
    float rooms[2];
    const corex_view x = as_view(&a[1], V(0), &rooms[0]), y = as_view(&a[2], V(0), &rooms[1]);
    return corex_binary((int)self->code, V(0), &x, &y);
}

bool corex_is_form_of_gelu(const char *name) { return strncmp(name, "gelu", 4) == 0; }

/* The first row of a name and of dtypes is the one in use. */
static bool has_row(const corex_kernel *row)
{
    for (int32_t k = 0; k < row_count; k++)
        if (strcmp(rows[k].name, row->name) == 0 && (rows[k].dtypes & row->dtypes || !row->dtypes))
            return true;
    return false;
}

static void add(corex_kernel row)
{
    if (row_count < MOST_ROWS && !has_row(&row))
        rows[row_count++] = row;
}

static uint64_t dtypes_of(const corex_op *row)
{
    uint64_t bits = 0;
    for (int dtype = 0; dtype < COREX_NUM_DTYPES; dtype++)
        bits |= (uint64_t)(row->loops[dtype] != NULL) << dtype;
    return bits;
}

static void add_loops(const corex_op *row, int op, const char *letters, corex_run run)
{
    if (!corex_is_form_of_gelu(row->name))
        add((corex_kernel){row->name, letters, run, .dtypes = dtypes_of(row), .code = op});
}

/* What has a loop for float32 takes halves, too. */
static void add_halves(const corex_op *row, int op, const char *letters, corex_run run)
{
    if (row->loops[COREX_FLOAT32] != NULL && !corex_is_form_of_gelu(row->name))
        add((corex_kernel){row->name, letters, run, .dtypes = COREX_HALVES, .code = op});
}

static void add_reduction(const corex_reduction *row, int op)
{
    uint64_t bits = 0;
    for (int dtype = 0; dtype < COREX_NUM_DTYPES; dtype++)
        bits |= (uint64_t)(row->reducers[dtype] != NULL) << dtype;
    add((corex_kernel){corex_reduce_name(op), "oai", run_reduce, .dtypes = bits, .code = op});
}

static void collect(void)
{
    const corex_kernels *kernels = corex_kernels_now();
    for (const corex_kernel *row = corex_basic_rows; row->name != NULL; row++)
        add(*row);
    for (const corex_kernel *row = corex_nn_rows; row->name != NULL; row++)
        add(*row);
    for (int op = 0; op < corex_unary_count(); op++)
        add_loops(corex_unary_row(kernels, op), op, "oa", run_unary);
    for (int op = 0; op < corex_binary_count(); op++)
        add_loops(corex_binary_row(kernels, op), op, "oee", run_binary);
    for (int op = 0; op < corex_unary_count(); op++)
        add_halves(corex_unary_row(kernels, op), op, "oa", run_unary);
    for (int op = 0; op < corex_binary_count(); op++)
        add_halves(corex_binary_row(kernels, op), op, "onn", run_half_binary);
    corex_add_complex_rows(add);
    for (int op = 0; corex_reduce_name(op) != NULL; op++)
        add_reduction(&kernels->reductions->rows[op], op);
}

static const corex_kernel *kernel(int32_t index)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, collect);
    return index < 0 || index >= row_count ? NULL : &rows[index];
}

/* ---- memory: all of it is the host's ---- */
static corex_status allocate(int32_t device, int64_t nbytes, int32_t dtype, int32_t ndim,
                             const int64_t *shape, void **memory)
{
    (void)device;
    (void)dtype;
    (void)ndim;
    (void)shape;
    return corex_alloc(nbytes, memory);
}

static void release(int32_t device, void *memory, int64_t nbytes)
{
    (void)device;
    corex_free(memory, nbytes);
}

static corex_status memory_stats(int32_t device, corex_memory_stats *stats)
{
    (void)device;
    corex_get_memory_stats(stats);
    return COREX_OK;
}

static corex_status empty_cache(int32_t device)
{
    (void)device;
    corex_empty_cache();
    return COREX_OK;
}

/* A path that the environment names wrongly. */
static const char *probe(void)
{
    return corex_paths_status() == COREX_OK ? NULL : corex_last_error();
}

static const corex_table table = {
    .size = sizeof(corex_table),
    .major = COREX_TABLE_MAJOR,
    .minor = COREX_TABLE_MINOR,
    .kernel_size = sizeof(corex_kernel),
    .name = "cpu_c",
    .device_type = "cpu",
    .flags = COREX_HOST,
    .dtypes = COREX_HELD,
    .last_error = corex_last_error,
    .probe = probe,
    .allocate = allocate,
    .release = release,
    .memory_stats = memory_stats,
    .empty_cache = empty_cache,
    .kernel = kernel,
    .unlock_above = (const int64_t *)&corex_path_values[COREX_PATH_UNLOCK_ABOVE],
    .get_num_threads = corex_get_num_threads,
    .set_num_threads = corex_set_num_threads,
};

const corex_table *corex_backend_table(void) { return &table; }
