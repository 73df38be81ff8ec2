/* Matrix products without BLAS: memory for the register-blocked kernels. */
#include "levels.h"

corex_status corex_gemm_blocked(int dtype, int64_t m, int64_t n, int64_t k, corex_matrix a,
                                corex_matrix b, corex_matrix c, bool accumulate)
{
    const int size = corex_itemsizes[dtype];
    corex_scratch packed;
    corex_status status = corex_scratch_get(&packed, (int64_t)COREX_GEMM_PACKED * size);
    if (status != COREX_OK)
        return status;
    for (int64_t i = 0; i < m && !accumulate; i++)
        for (int64_t j = 0; j < n; j++)
            memset(c.data + (i * c.row + j * c.column) * size, 0, (size_t)size);
    corex_kernels_now()->gemm->blocked[dtype](m, n, k, a, b, c, packed.data);
    corex_scratch_release(&packed);
    return COREX_OK;
}
