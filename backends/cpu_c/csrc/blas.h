/* The BLAS found at run time, or none. */
#ifndef COREX_BLAS_H
#define COREX_BLAS_H

#include "internal.h"

/* Row-major C = alpha A B + beta C; false if no BLAS is loaded or a size does not fit. */
bool corex_blas_sgemm(bool ta, bool tb, int64_t m, int64_t n, int64_t k, float alpha,
                      const float *a, int64_t lda, const float *b, int64_t ldb, float beta,
                      float *c, int64_t ldc);
bool corex_blas_dgemm(bool ta, bool tb, int64_t m, int64_t n, int64_t k, double alpha,
                      const double *a, int64_t lda, const double *b, int64_t ldb, double beta,
                      double *c, int64_t ldc);
/* y = A x + beta y (A^T x if transposed), A row-major m x n. */
bool corex_blas_sgemv(bool transposed, int64_t m, int64_t n, const float *a, int64_t lda,
                      const float *x, int64_t incx, float beta, float *y, int64_t incy);
bool corex_blas_dgemv(bool transposed, int64_t m, int64_t n, const double *a, int64_t lda,
                      const double *x, int64_t incx, double beta, double *y, int64_t incy);
void corex_blas_set_threads(int count);

#endif
