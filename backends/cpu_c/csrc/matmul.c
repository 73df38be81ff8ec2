/* Matrix products on views: which loops or BLAS call, and what has to be packed for it. */
#include "blas.h"
#include "levels.h"
#include "sizes.h"

/* ---- one product ---- */

/* A dimension of size 1 may have any stride; give it the one that reads best. */
static corex_matrix tidy(corex_matrix a, int64_t rows, int64_t columns)
{
    if (columns == 1 && a.row != 1)
        a.column = 1;
    if (rows == 1)
        a.row = a.column == 1 ? columns : 1;
    return a;
}

/* Row-major as BLAS wants it. */
static bool is_dense(corex_matrix a, int64_t columns)
{
    return a.column == 1 && a.row >= COREX_MAX(columns, 1);
}

static void pack(int dtype, corex_matrix *a, int64_t rows, int64_t columns, void *to)
{
    int64_t shape[] = {rows, columns}, from[] = {a->row, a->column}, dense[] = {columns, 1};
    corex_view source = {a->data, shape, from, 2, dtype}, target = {to, shape, dense, 2, dtype};
    corex_copy(&target, &source);
    *a = corex_dense(to, columns);
}

/* A (m x k) times a column; false if it has to be done otherwise. */
static bool try_gemv(int dtype, int64_t m, int64_t k, corex_matrix a, const char *x, int64_t incx,
                     char *y, int64_t incy, bool accumulate)
{
    if (incx <= 0 || incy <= 0 || corex_path(COREX_PATH_GEMV) == COREX_NEVER)
        return false;
    corex_blas_gemv_call call = {.dtype = dtype,
                                 .accumulate = accumulate,
                                 .m = m,
                                 .n = k,
                                 .a = a.data,
                                 .lda = a.row,
                                 .x = x,
                                 .incx = incx,
                                 .y = y,
                                 .incy = incy};
    if (is_dense(a, k))
        return corex_product_gemv(&call);
    call.transposed = true;
    call.m = k;
    call.n = m;
    call.lda = a.column;
    return is_dense(corex_transposed(a), m) && corex_product_gemv(&call);
}

/* C is row-major; A and B are each dense one way or the other. */
static bool try_gemm(int dtype, int64_t m, int64_t n, int64_t k, corex_matrix a, corex_matrix b,
                     corex_matrix c, bool accumulate)
{
    const bool ta = !is_dense(a, k), tb = !is_dense(b, n);
    const corex_blas_gemm_call call = {.dtype = dtype,
                                       .ta = ta,
                                       .tb = tb,
                                       .accumulate = accumulate,
                                       .m = m,
                                       .n = n,
                                       .k = k,
                                       .a = a.data,
                                       .lda = ta ? a.column : a.row,
                                       .b = b.data,
                                       .ldb = tb ? b.column : b.row,
                                       .c = c.data,
                                       .ldc = c.row};
    return corex_product_gemm(&call);
}

/* Plain loops; those of complex numbers serve also where there is no BLAS. */
static corex_gemm_loops corex_direct_product(int dtype)
{
    const corex_kernels *kernels = corex_kernels_now();
    return COREX_AMONG(COREX_COMPLEX, dtype) ? kernels->complex->direct[dtype]
                                             : kernels->gemm->direct[dtype];
}

/* The general float case: pack what BLAS cannot read, compute, unpack. */
static corex_status gemm_packing(int dtype, int64_t m, int64_t n, int64_t k, corex_matrix a,
                                 corex_matrix b, corex_matrix c, bool accumulate)
{
    const int64_t size = corex_itemsizes[dtype];
    bool pack_a = !is_dense(a, k) && !is_dense(corex_transposed(a), m);
    bool pack_b = !is_dense(b, n) && !is_dense(corex_transposed(b), k);
    bool pack_c = !is_dense(c, n);
    const int64_t bytes_a = pack_a ? corex_times3(m, k, size) : 0;
    const int64_t bytes_b = pack_b ? corex_times3(k, n, size) : 0;
    const int64_t bytes_c = pack_c ? corex_times3(m, n, size) : 0;
    corex_scratch scratch;
    corex_status status =
        corex_scratch_get(&scratch, corex_plus(corex_plus(bytes_a, bytes_b), bytes_c));
    if (status != COREX_OK)
        return status;
    char *room = scratch.data;
    if (pack_a)
        pack(dtype, &a, m, k, room);
    if (pack_b)
        pack(dtype, &b, k, n, room + bytes_a);
    corex_matrix target = c;
    if (pack_c && accumulate)
        pack(dtype, &target, m, n, room + bytes_a + bytes_b);
    else if (pack_c)
        target = corex_dense(room + bytes_a + bytes_b, n);
    if (try_gemm(dtype, m, n, k, a, b, target, accumulate))
        status = COREX_OK;
    else if (COREX_AMONG(COREX_COMPLEX, dtype))
        corex_direct_product(dtype)(m, n, k, a, b, target, accumulate);
    else
        status = corex_gemm_blocked(dtype, m, n, k, a, b, target, accumulate);
    if (pack_c) {
        int64_t shape[] = {m, n}, dense[] = {n, 1}, to[] = {c.row, c.column};
        corex_view source = {target.data, shape, dense, 2, dtype};
        corex_view out = {c.data, shape, to, 2, dtype};
        corex_copy(&out, &source);
    }
    corex_scratch_release(&scratch);
    return status;
}

corex_status corex_gemm(int dtype, int64_t m, int64_t n, int64_t k, corex_matrix a, corex_matrix b,
                        corex_matrix c, bool accumulate)
{
    if (m == 0 || n == 0 || (k == 0 && accumulate))
        return COREX_OK;
    if (!COREX_AMONG(COREX_FLOATS | COREX_COMPLEX, dtype) || k == 0 ||
        corex_times(corex_times(m, n), k) <= corex_path(COREX_PATH_TINY_GEMM)) {
        corex_direct_product(dtype)(m, n, k, a, b, c, accumulate);
        return COREX_OK;
    }
    a = tidy(a, m, k);
    b = tidy(b, k, n);
    if (n == 1 && try_gemv(dtype, m, k, a, b.data, k == 1 ? 1 : b.row, c.data, m == 1 ? 1 : c.row,
                           accumulate))
        return COREX_OK;
    if (m == 1 && try_gemv(dtype, n, k, corex_transposed(b), a.data, k == 1 ? 1 : a.column, c.data,
                           n == 1 ? 1 : c.column, accumulate))
        return COREX_OK;
    c = tidy(c, m, n);
    if (!is_dense(c, n) && is_dense(corex_transposed(c), m))
        return gemm_packing(dtype, n, m, k, corex_transposed(b), corex_transposed(a),
                            corex_transposed(c), accumulate);
    return gemm_packing(dtype, m, n, k, a, b, c, accumulate);
}

#define PRODUCTS (COREX_NUMBERS | 1u << COREX_COMPLEX64 | 1u << COREX_COMPLEX128)

/* ---- batches ---- */

typedef struct batch {
    int dtype;
    int64_t m, n, k;
    corex_matrix a, b, c;
    int64_t step_a, step_b, step_c;
    _Atomic int status;
} batch;

static corex_matrix matrix_of(const corex_view *v)
{
    const int last = v->ndim - 1;
    return (corex_matrix){v->data, v->strides[last - 1], v->strides[last]};
}

static void batch_range(void *context, int64_t begin, int64_t end)
{
    batch *job = context;
    const int64_t size = corex_itemsizes[job->dtype];
    for (int64_t i = begin; i < end; i++) {
        corex_matrix a = job->a, b = job->b, c = job->c;
        a.data += i * job->step_a * size;
        b.data += i * job->step_b * size;
        c.data += i * job->step_c * size;
        corex_status status = corex_gemm(job->dtype, job->m, job->n, job->k, a, b, c, false);
        if (status != COREX_OK)
            atomic_store(&job->status, (int)status);
    }
}

/* Rows of one matrix, for integers, which have no BLAS. */
static void rows_range(void *context, int64_t begin, int64_t end)
{
    batch *job = context;
    const int64_t size = corex_itemsizes[job->dtype];
    corex_matrix a = job->a, c = job->c;
    a.data += begin * a.row * size;
    c.data += begin * c.row * size;
    corex_kernels_now()->gemm->direct[job->dtype](end - begin, job->n, job->k, a, job->b, c, false);
}

/* Big products: the threads share each of them. */
static bool batch_by_blas(int64_t work)
{
    const int64_t choice = corex_path(COREX_PATH_BATCH);
    return choice == COREX_AUTO ? work > 1 << 22 : choice == COREX_BATCH_BY_BLAS;
}

static corex_status run_batch(batch *job, int64_t count)
{
    const int64_t row = corex_times(job->n, COREX_MAX(job->k, 1)), work = corex_times(job->m, row);
    /* A broadcast right side and a dense left one: one tall product. */
    if (count > 1 && job->step_b == 0 && job->step_a == job->m * job->a.row &&
        job->step_c == job->m * job->c.row) {
        job->m = corex_times(job->m, count);
        count = 1;
    }
    if (count == 1 && !COREX_AMONG(COREX_FLOATS | COREX_COMPLEX, job->dtype)) {
        corex_parallel_for(job->m, 1 + COREX_GRAIN / corex_plus(row, 1), rows_range, job);
    } else if (count == 1 || batch_by_blas(work)) {
        batch_range(job, 0, count);
    } else {
        corex_parallel_for(count, 1 + COREX_GRAIN / corex_plus(work, 1), batch_range, job);
    }
    int status = atomic_load(&job->status);
    return status == COREX_OK ? COREX_OK : corex_fail(status, "out of memory in matmul");
}

corex_status corex_matmul(const corex_view *out, const corex_view *a, const corex_view *b)
{
    if (a->dtype != out->dtype || b->dtype != out->dtype || !COREX_AMONG(PRODUCTS, out->dtype))
        return corex_fail(COREX_ERR_TYPE, "matmul takes numbers of one dtype");
    if (out->ndim != 3 || a->ndim != 3 || b->ndim != 3 || a->shape[2] != b->shape[1] ||
        a->shape[0] != out->shape[0] || b->shape[0] != out->shape[0] ||
        a->shape[1] != out->shape[1] || b->shape[2] != out->shape[2])
        return corex_fail(COREX_ERR_VALUE, "matmul takes (B, M, K), (B, K, N) and (B, M, N)");
    batch job = {.dtype = out->dtype,
                 .m = out->shape[1],
                 .n = out->shape[2],
                 .k = a->shape[2],
                 .a = matrix_of(a),
                 .b = matrix_of(b),
                 .c = matrix_of(out),
                 .step_a = a->strides[0],
                 .step_b = b->strides[0],
                 .step_c = out->strides[0]};
    if (out->shape[0] == 0 || job.m == 0 || job.n == 0)
        return COREX_OK;
    return run_batch(&job, out->shape[0]);
}

/* ---- linear ---- */

corex_status corex_linear(const corex_view *out, const corex_view *a, const corex_view *weight,
                          const corex_view *bias)
{
    if (!COREX_AMONG(COREX_FLOATS, out->dtype) || a->dtype != out->dtype ||
        weight->dtype != out->dtype || (bias != NULL && bias->dtype != out->dtype))
        return corex_fail(COREX_ERR_TYPE, "linear takes floats of one dtype");
    if (out->ndim != 2 || a->ndim != 2 || weight->ndim != 2 || a->shape[1] != weight->shape[1] ||
        a->shape[0] != out->shape[0] || weight->shape[0] != out->shape[1] ||
        (bias != NULL && (bias->ndim != 1 || bias->shape[0] != out->shape[1])))
        return corex_fail(COREX_ERR_VALUE, "linear takes (M, K), (N, K), (N,) and (M, N)");
    const int64_t m = out->shape[0], n = out->shape[1], k = a->shape[1];
    if (bias != NULL) {
        int64_t strides[] = {0, bias->strides[0]};
        corex_view rows = {bias->data, out->shape, strides, 2, bias->dtype};
        corex_status status = corex_copy(out, &rows);
        if (status != COREX_OK)
            return status;
    }
    return corex_gemm(out->dtype, m, n, k, matrix_of(a), corex_transposed(matrix_of(weight)),
                      matrix_of(out), bias != NULL);
}

void corex_column_sums(int dtype, char *out, const char *a, int64_t rows, int64_t columns)
{
    static int op = -1;
    if (op < 0)
        op = corex_reduce_op("sum");
    int64_t shape[] = {columns, rows}, strides[] = {1, columns}, step = 1;
    corex_view source = {(char *)(uintptr_t)a, shape, strides, 2, dtype};
    corex_view target = {out, shape, &step, 1, dtype};
    corex_reduce(op, &target, &source, 1);
}
