/* Matrix products without BLAS: direct loops, and a register-blocked kernel as its stand-in. */
#include "kernels.h"

/* ---- direct loops ---- */

/* Rows of C that stay in registers together. */
#define TALL 4

/* TALL rows and WIDE columns of C = A B; rows of B and C are dense. */
#define PATCH(name, T, WIDE) \
    COREX_INLINE void name(int64_t k, const T *a, corex_matrix am, const T *b, int64_t ldb, T *c, \
                           int64_t ldc, bool accumulate) \
    { \
        T acc[TALL][WIDE]; \
        for (int r = 0; r < TALL; r++) \
            COREX_LANES \
        for (int j = 0; j < WIDE; j++) \
            acc[r][j] = accumulate ? c[r * ldc + j] : 0; \
        for (int64_t l = 0; l < k; l++) \
            for (int r = 0; r < TALL; r++) \
                COREX_LANES \
        for (int j = 0; j < WIDE; j++) \
            acc[r][j] += a[r * am.row + l * am.column] * b[l * ldb + j]; \
        for (int r = 0; r < TALL; r++) \
            COREX_LANES \
        for (int j = 0; j < WIDE; j++) \
            c[r * ldc + j] = acc[r][j]; \
    }

#define PATCH_16(sfx, T) PATCH(patch16_##sfx, T, 16)
#define PATCH_8(sfx, T) PATCH(patch8_##sfx, T, 8)
COREX_FLOAT_ROWS(COREX_MAKE, PATCH_16)
COREX_FLOAT_ROWS(COREX_MAKE, PATCH_8)

/* The part of the product that consists of whole patches; the rest is left to the loops below. */
#define PATCHES(name, T, patch16, patch8, loops) \
    static void name(int64_t m, int64_t n, int64_t k, corex_matrix a, corex_matrix b, \
                     corex_matrix c, bool accumulate) \
    { \
        if (b.column != 1 || c.column != 1 || m < TALL || n < 8) { \
            loops(m, n, k, a, b, c, accumulate); \
            return; \
        } \
        const int64_t rows = m - m % TALL, columns = n - n % 8; \
        for (int64_t i = 0; i < rows; i += TALL) { \
            const T *ai = (const T *)a.data + i * a.row, *bj = (const T *)b.data; \
            T *ci = (T *)c.data + i * c.row; \
            int64_t j = 0; \
            for (; j + 16 <= columns; j += 16) \
                patch16(k, ai, a, bj + j, b.row, ci + j, c.row, accumulate); \
            if (j < columns) \
                patch8(k, ai, a, bj + j, b.row, ci + j, c.row, accumulate); \
        } \
        corex_matrix right = b, corner = c, low = a, bottom = c; \
        right.data += columns * (int64_t)sizeof(T); \
        corner.data += columns * (int64_t)sizeof(T); \
        low.data += rows * a.row * (int64_t)sizeof(T); \
        bottom.data += rows * c.row * (int64_t)sizeof(T); \
        if (columns < n) \
            loops(rows, n - columns, k, a, right, corner, accumulate); \
        if (rows < m) \
            loops(m - rows, n, k, low, b, bottom, accumulate); \
    }

/* The middle loop runs over k when rows of B and C are dense, so that the inner one vectorises. */
#define DIRECT(sfx, T, U) \
    static void direct_##sfx(int64_t m, int64_t n, int64_t k, corex_matrix a, corex_matrix b, \
                             corex_matrix c, bool accumulate) \
    { \
        for (int64_t i = 0; i < m; i++) { \
            const T *ai = (const T *)a.data + i * a.row; \
            T *restrict ci = (T *)c.data + i * c.row; \
            if (b.column == 1 && c.column == 1 && n > 1) { \
                for (int64_t j = 0; j < n && !accumulate; j++) \
                    ci[j] = 0; \
                for (int64_t l = 0; l < k; l++) { \
                    const T x = ai[l * a.column]; \
                    const T *bl = (const T *)b.data + l * b.row; \
                    for (int64_t j = 0; j < n; j++) \
                        ci[j] = (T)((U)ci[j] + (U)x * (U)bl[j]); \
                } \
                continue; \
            } \
            for (int64_t j = 0; j < n; j++) { \
                const T *bj = (const T *)b.data + j * b.column; \
                U sum = accumulate ? (U)ci[j * c.column] : (U)0; \
                for (int64_t l = 0; l < k; l++) \
                    sum += (U)ai[l * a.column] * (U)bj[l * b.row]; \
                ci[j * c.column] = (T)sum; \
            } \
        } \
    }

COREX_NUMBER_ROWS(COREX_MAKE_TWIN, DIRECT)

#define PATCHES_OF(sfx, T) PATCHES(patches_##sfx, T, patch16_##sfx, patch8_##sfx, direct_##sfx)
COREX_FLOAT_ROWS(COREX_MAKE, PATCHES_OF)

/* ---- register-blocked ---- */

#define MR 6
#define KC COREX_GEMM_KC
#define MC COREX_GEMM_MC
#define NC COREX_GEMM_NC

/*
 * A panel of MR rows and a panel of NR columns, both packed along k and padded with zeros, make a
 * block of C that stays in registers.
 */
#define BLOCKED(name, T, NR) \
    static void name##_pack(T *to, const T *from, int64_t n, int64_t k, int64_t along, \
                            int64_t across, int width) \
    { \
        for (int64_t j = 0; j < n; j += width) \
            for (int64_t l = 0; l < k; l++) \
                for (int r = 0; r < width; r++) \
                    *to++ = j + r < n ? from[l * along + (j + r) * across] : 0; \
    } \
    static void name##_micro(int64_t k, const T *restrict a, const T *restrict b, \
                             T *restrict block) \
    { \
        T acc[MR][NR] = {{0}}; \
        for (int64_t l = 0; l < k; l++, a += MR, b += NR) \
            for (int r = 0; r < MR; r++) \
                for (int j = 0; j < NR; j++) \
                    acc[r][j] += a[r] * b[j]; \
        memcpy(block, acc, sizeof acc); \
    } \
    static void name##_macro(int64_t m, int64_t n, int64_t k, const T *a, const T *b, \
                             corex_matrix c) \
    { \
        _Alignas(64) T block[MR * NR]; \
        for (int64_t j = 0; j < n; j += NR) \
            for (int64_t i = 0; i < m; i += MR) { \
                name##_micro(k, a + i * k, b + j * k, block); \
                for (int64_t r = 0; r < COREX_MIN(MR, m - i); r++) { \
                    T *ci = (T *)c.data + (i + r) * c.row + j * c.column; \
                    for (int64_t s = 0; s < COREX_MIN(NR, n - j); s++) \
                        ci[s * c.column] += block[r * NR + s]; \
                } \
            } \
    } \
    static void name(int64_t m, int64_t n, int64_t k, corex_matrix a, corex_matrix b, \
                     corex_matrix c, void *packed) \
    { \
        T *packed_a = packed, *packed_b = packed_a + (int64_t)MC * KC; \
        for (int64_t j = 0; j < n; j += NC) \
            for (int64_t l = 0; l < k; l += KC) { \
                int64_t nb = COREX_MIN(NC, n - j), kb = COREX_MIN(KC, k - l); \
                name##_pack(packed_b, (const T *)b.data + l * b.row + j * b.column, nb, kb, b.row, \
                            b.column, NR); \
                for (int64_t i = 0; i < m; i += MC) { \
                    int64_t mb = COREX_MIN(MC, m - i); \
                    name##_pack(packed_a, (const T *)a.data + i * a.row + l * a.column, mb, kb, \
                                a.column, a.row, MR); \
                    corex_matrix part = c; \
                    part.data = (char *)((T *)c.data + i * c.row + j * c.column); \
                    name##_macro(mb, nb, kb, packed_a, packed_b, part); \
                } \
            } \
    }

/* As many columns as fill two cache lines. */
#define BLOCKED_OF(sfx, T) BLOCKED(blocked_##sfx, T, (int)(128 / sizeof(T)))
COREX_FLOAT_ROWS(COREX_MAKE, BLOCKED_OF)

const corex_gemm_table COREX_LEVELED(corex_gemm) = {
    .direct = {COREX_INTEGER_ROWS(COREX_ENTRY, direct) COREX_FLOAT_ROWS(COREX_ENTRY, patches)},
    .blocked = COREX_FLOAT_TABLE(blocked),
};
