/* The BLAS found at run time, or none. */
#ifndef COREX_BLAS_H
#define COREX_BLAS_H

#include "internal.h"

/* Row-major C = A B, or C += A B; A is stored transposed where `ta` says so, B where `tb` does. */
typedef struct corex_blas_gemm_call {
    int dtype;
    bool ta, tb, accumulate;
    int64_t m, n, k;
    const char *a, *b;
    char *c;
    int64_t lda, ldb, ldc;
} corex_blas_gemm_call;

/* y = A x, or y += A x (A^T x if transposed), A row-major m x n. */
typedef struct corex_blas_gemv_call {
    int dtype;
    bool transposed, accumulate;
    int64_t m, n;
    const char *a, *x;
    char *y;
    int64_t lda, incx, incy;
} corex_blas_gemv_call;

/* False if no BLAS is loaded or a size does not fit. */
bool corex_blas_gemm(const corex_blas_gemm_call *call);
bool corex_blas_gemv(const corex_blas_gemv_call *call);

/* The same, shared among our threads where that pays. */
bool corex_product_gemm(const corex_blas_gemm_call *call);
bool corex_product_gemv(const corex_blas_gemv_call *call);

/* As corex_blas_load, of a library that nobody else in the process uses. */
corex_status corex_blas_open(const char *path, bool ours);
/* How many calls at once are worth while here: 1 if the library has threads of its own. */
int corex_blas_threads(void);

#endif
