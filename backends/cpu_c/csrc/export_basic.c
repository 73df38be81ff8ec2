/* Rows of tier 1 whose arguments are their own. */
#include "export.h"

#include "internal.h"

RUN(copy, corex_copy(V(0), V(1)))
RUN(where, corex_where(V(0), V(1), V(2), V(3)))
RUN(matmul, corex_matmul(V(0), V(1), V(2)))
RUN(nonzero, corex_nonzero(V(0), V(1)))
RUN(random_bits, corex_random_bits(V(0), a[1].unsigned_integer, a[2].unsigned_integer))
RUN(random_uniform, corex_random_uniform(V(0), a[1].unsigned_integer, a[2].unsigned_integer))
RUN(random_normal, corex_random_normal(V(0), a[1].unsigned_integer, a[2].unsigned_integer))

WORK(matmul, corex_times(corex_numel(V(0)), V(1)->ndim == 3 ? V(1)->shape[2] : 1))
WORK(random, corex_times(corex_numel(V(0)), 4))
WORK(first, corex_numel(V(0)))
WORK(second, corex_numel(V(1)))

/* A number as corex_fill and corex_arange take it. */
static int is_integer(const corex_argument *number)
{
    return number->kind == COREX_INT ? 1 : number->kind == COREX_UINT ? 2 : 0;
}

RUN(fill, corex_fill(V(0), is_integer(&a[1]), &a[1].integer))

static double as_double(const corex_argument *number)
{
    return number->kind == COREX_INT    ? (double)number->integer
           : number->kind == COREX_UINT ? (double)number->unsigned_integer
                                        : number->real;
}

static corex_status run_arange(const corex_kernel *self, const corex_argument *a, int32_t n)
{
    (void)self;
    (void)n;
    if (is_integer(&a[1]) && is_integer(&a[2]))
        return corex_arange(V(0), is_integer(&a[1]), &a[1].integer, &a[2].integer);
    const double start = as_double(&a[1]), step = as_double(&a[2]); /* one is a float: both are */
    return corex_arange(V(0), 0, &start, &step);
}

/* The views from argument `first` on, side by side. */
static corex_status gather_views(const corex_argument *a, int32_t count, corex_view *views)
{
    if (count > COREX_MAX_DIMS)
        return corex_fail(COREX_ERR_VALUE, "%d index views are too many", (int)count);
    for (int32_t k = 0; k < count; k++)
        views[k] = *V(k);
    return COREX_OK;
}

static corex_status run_index(const corex_kernel *self, const corex_argument *a, int32_t n)
{
    (void)self;
    corex_view indices[COREX_MAX_DIMS];
    const corex_status status = gather_views(a + 2, n - 2, indices);
    return status != COREX_OK ? status : corex_index(V(0), V(1), n - 2, indices);
}

static corex_status run_index_put(const corex_kernel *self, const corex_argument *a, int32_t n)
{
    (void)self;
    corex_view indices[COREX_MAX_DIMS];
    const corex_status status = gather_views(a + 3, n - 3, indices);
    return status != COREX_OK ? status
                              : corex_index_put(V(0), V(1), (int)a[2].integer, n - 3, indices);
}

/* ---- optimizers ---- */
static corex_status same_lengths(const corex_argument *a, int lists)
{
    for (int k = 1; k < lists; k++)
        if (a[k].count != a[0].count)
            return corex_fail(COREX_ERR_VALUE, "the lists of views differ in length");
    return COREX_OK;
}

static corex_status run_sgd_step(const corex_kernel *self, const corex_argument *a, int32_t n)
{
    (void)self;
    (void)n;
    const corex_sgd_params c = {
        .lr = a[3].real,
        .momentum = a[4].real,
        .dampening = a[5].real,
        .weight_decay = a[6].real,
        .nesterov = (int)a[7].integer,
        .maximize = (int)a[8].integer,
        .first = (int)a[9].integer,
    };
    const corex_status status = same_lengths(a, c.momentum != 0 ? 3 : 2);
    return status != COREX_OK ? status : corex_sgd_step(a[0].count, V(0), V(1), V(2), &c);
}

static corex_status run_adam_step(const corex_kernel *self, const corex_argument *a, int32_t n)
{
    (void)self;
    (void)n;
    const corex_adam_params c = {
        .step = a[4].real,
        .lr = a[5].real,
        .beta1 = a[6].real,
        .beta2 = a[7].real,
        .eps = a[8].real,
        .weight_decay = a[9].real,
        .decoupled = (int)a[10].integer,
        .maximize = (int)a[11].integer,
    };
    const corex_status status = same_lengths(a, 4);
    return status != COREX_OK ? status : corex_adam_step(a[0].count, V(0), V(1), V(2), V(3), &c);
}

const corex_kernel corex_basic_rows[] = {
    {"copy", "oa", run_copy, .dtypes = COREX_MOVED},
    /* Of complex numbers what keeps the dtype; conversions are those of the parts. */
    {"copy", "oa", run_copy, .dtypes = 1u << COREX_COMPLEX32},
    {"copy", "oa", run_copy, .dtypes = 1u << COREX_COMPLEX64},
    {"copy", "oa", run_copy, .dtypes = 1u << COREX_COMPLEX128},
    {"fill", "ox", run_fill, .dtypes = COREX_MOVED},
    {"arange", "oxx", run_arange, .dtypes = COREX_NUMBERS | COREX_HALVES},
    {"where", "oaee", run_where, .dtypes = COREX_MOVED},
    {"where", "oaaa", run_where, .dtypes = COREX_COMPLEX},
    {"matmul", "oaa", run_matmul,
     .dtypes = COREX_NUMBERS | 1u << COREX_COMPLEX64 | 1u << COREX_COMPLEX128, .work = work_matmul},
    {"index", "oaa*", run_index, .dtypes = COREX_HELD, .work = work_first},
    {"index_put", "oaba*", run_index_put, .dtypes = COREX_MOVED, .work = work_second},
    {"nonzero", "oa", run_nonzero},
    {"random_bits", "ouu", run_random_bits, .work = work_random},
    {"random_uniform", "ouu", run_random_uniform, .work = work_random},
    {"random_normal", "ouu", run_random_normal, .work = work_random},
    {"sgd_step", "OAOffffbbb", run_sgd_step},
    {"adam_step", "OAOOffffffbb", run_adam_step},
    {NULL},
};
