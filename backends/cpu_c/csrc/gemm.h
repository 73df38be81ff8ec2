/* Matrix products on bare pointers; strides count elements. */
#ifndef COREX_GEMM_H
#define COREX_GEMM_H

#include "internal.h"

typedef struct corex_matrix {
    char *data;
    int64_t row, column; /* strides */
} corex_matrix;

/* C = A B, or C += A B; any strides, but C's may not be 0. */
corex_status corex_gemm(int dtype, int64_t m, int64_t n, int64_t k, corex_matrix a, corex_matrix b,
                        corex_matrix c, bool accumulate);

/* Plain loops: tiny sizes, integers. */
typedef void (*corex_gemm_loops)(int64_t m, int64_t n, int64_t k, corex_matrix a, corex_matrix b,
                                 corex_matrix c, bool accumulate);

/* The blocks of the register-blocked kernels, and the elements that packing them needs. */
#define COREX_GEMM_KC 256
#define COREX_GEMM_MC 72
#define COREX_GEMM_NC 1024
#define COREX_GEMM_PACKED ((COREX_GEMM_MC + COREX_GEMM_NC + 64) * COREX_GEMM_KC)

/* Register-blocked, for when no BLAS was found; float32 and float64. */
corex_status corex_gemm_blocked(int dtype, int64_t m, int64_t n, int64_t k, corex_matrix a,
                                corex_matrix b, corex_matrix c, bool accumulate);

/* out[j] = sum over i of a[i][j], a dense (rows, columns); bias gradients. */
void corex_column_sums(int dtype, char *out, const char *a, int64_t rows, int64_t columns);

COREX_INLINE corex_matrix corex_dense(const void *data, int64_t columns)
{
    return (corex_matrix){(char *)(uintptr_t)data, columns, 1};
}

COREX_INLINE corex_matrix corex_transposed(corex_matrix a)
{
    return (corex_matrix){a.data, a.column, a.row};
}

#endif
