/* Copies with conversion, constants, ranges, selection. */
#include "corex_half.h"
#include "corex_whole.h"
#include "half.h"

/* ---- transposed copies ---- */

#define TILE 16

/* Whole tiles, so that every cache line fetched from the strided side is used up. */
#define TRANSPOSE(shift, bytes, T, ...) \
    static void transpose_##bytes(char *out, const char *in, int64_t rows, int64_t cols, \
                                  int64_t so, int64_t sa) \
    { \
        for (int64_t i0 = 0; i0 < rows; i0 += TILE) \
            for (int64_t j0 = 0; j0 < cols; j0 += TILE) { \
                int64_t i1 = COREX_MIN(i0 + TILE, rows), j1 = COREX_MIN(j0 + TILE, cols); \
                for (int64_t i = i0; i < i1; i++) \
                    for (int64_t j = j0; j < j1; j++) \
                        ((T *)(out + i * so))[j] = *((const T *)(in + j * sa) + i); \
            } \
    }

COREX_SIZE_ROWS(TRANSPOSE)

typedef void (*transposer)(char *out, const char *in, int64_t rows, int64_t cols, int64_t so,
                           int64_t sa);
static const transposer transposers[COREX_NUM_SIZES] = COREX_SIZE_TABLE(transpose);

typedef struct transposition {
    const corex_iter *iter;
    int64_t row_blocks; /* blocks of TILE rows per matrix */
} transposition;

static void transpose_range(void *context, int64_t begin, int64_t end)
{
    const transposition *job = context;
    const corex_iter *iter = job->iter;
    const int last = iter->ndim - 1;
    const int64_t rows = iter->shape[last - 1], cols = iter->shape[last];
    for (int64_t block = begin; block < end; block++) {
        int64_t matrix = block / job->row_blocks, row = block % job->row_blocks * TILE;
        char *out = iter->data[0] + row * iter->strides[0][last - 1];
        const char *in = iter->data[1] + row * iter->strides[1][last - 1];
        for (int d = last - 2; d >= 0; d--) {
            out += matrix % iter->shape[d] * iter->strides[0][d];
            in += matrix % iter->shape[d] * iter->strides[1][d];
            matrix /= iter->shape[d];
        }
        int64_t n = COREX_MIN(TILE, rows - row);
        int64_t so = iter->strides[0][last - 1], sa = iter->strides[1][last];
        transposers[COREX_BY_SIZE(iter->itemsize[0])](out, in, n, cols, so, sa);
    }
}

/* Output contiguous in the last dimension, input in the one before it. */
static bool try_transpose(const corex_iter *iter)
{
    const int last = iter->ndim - 1, size = iter->itemsize[0];
    if (last < 1 || iter->itemsize[1] != size || iter->strides[0][last] != size ||
        iter->strides[1][last - 1] != size || iter->shape[last] < 8 || iter->shape[last - 1] < 8 ||
        corex_path(COREX_PATH_TRANSPOSE) == COREX_NEVER)
        return false;
    transposition job = {iter, (iter->shape[last - 1] + TILE - 1) / TILE};
    int64_t blocks = job.row_blocks;
    for (int d = 0; d < last - 1; d++)
        blocks *= iter->shape[d];
    int64_t per_block = TILE * iter->shape[last];
    corex_parallel_for(blocks, 1 + COREX_GRAIN / per_block, transpose_range, &job);
    return true;
}

corex_loop corex_move_loop(int64_t itemsize)
{
    return corex_kernels_now()->copy->move[COREX_BY_SIZE(itemsize)];
}

corex_loop corex_copy_loop(int dtype) { return corex_move_loop(corex_itemsizes[dtype]); }

corex_status corex_copy(const corex_view *out, const corex_view *a)
{
    corex_iter iter;
    const corex_view *views[] = {out, a};
    corex_status status = corex_iter_init(&iter, 2, views);
    if (status != COREX_OK || iter.total == 0)
        return status;
    bool converts = a->dtype != out->dtype && out->dtype != COREX_BOOL;
    if ((a->dtype == out->dtype || (!converts && a->dtype == COREX_BOOL)) && try_transpose(&iter))
        return COREX_OK;
    /* A copy is a copy: a bool keeps its byte, and a NaN its bits. */
    if (a->dtype == out->dtype)
        corex_iter_run(&iter, COREX_WRITES_ONLY, corex_copy_loop(a->dtype), 1);
    else if (COREX_AMONG(COREX_HALVES, a->dtype) || COREX_AMONG(COREX_HALVES, out->dtype))
        return corex_half_copy(out, a);
    else
        corex_iter_run(&iter, COREX_WRITES_ONLY,
                       corex_kernels_now()->copy->convert[a->dtype][out->dtype], 1);
    return COREX_OK;
}

/* ---- fill, arange ---- */

typedef union element {
    COREX_HELD_ROWS(COREX_FIELD)
} element;

#define TRUTH(number, NAME, name, sfx, ...) \
    case COREX_##NAME: result.sfx = is_integer ? i != 0 : f != 0; break;
#define WHOLE(number, NAME, name, sfx, T, ...) \
    case COREX_##NAME: result.sfx = is_integer ? (T)i : corex_to_##sfx(f); break;
#define FLOATING(number, NAME, name, sfx, T, ...) \
    case COREX_##NAME: result.sfx = is_integer == 2 ? (T)natural : is_integer ? (T)i : (T)f; break;

#define ROUNDED(number, NAME, name, sfx, ...) \
    case COREX_##NAME: \
        result.sfx = corex_to_##sfx(is_integer == 2 ? (float)natural \
                                    : is_integer    ? (float)i \
                                                    : (float)f); \
        break;

/* The number is a double, an int64 or a uint64, as is_integer is 0, 1 or 2. */
static element convert_number(int dtype, int is_integer, const void *value)
{
    int64_t i = 0;
    double f = 0;
    element result = {0};
    memcpy(is_integer ? (void *)&i : (void *)&f, value, sizeof i);
    const uint64_t natural = (uint64_t)i;
    switch (dtype) {
        COREX_BOOL_ROWS(TRUTH)
        COREX_INTEGER_ROWS(WHOLE)
        COREX_FLOAT_ROWS(FLOATING)
        COREX_HALF_ROWS(ROUNDED)
    }
    return result;
}

corex_status corex_fill(const corex_view *out, int is_integer, const void *value)
{
    static const int64_t zeros[COREX_MAX_DIMS];
    element number = convert_number(out->dtype, is_integer, value);
    corex_view scalar = {&number, out->shape, zeros, out->ndim, out->dtype};
    const corex_view *views[] = {out, &scalar};
    corex_iter iter;
    corex_status status = corex_iter_init(&iter, 2, views);
    if (status != COREX_OK || iter.total == 0)
        return status;
    const int kind = COREX_BY_SIZE(corex_itemsizes[out->dtype]);
    corex_iter_run(&iter, COREX_WRITES_ONLY, corex_kernels_now()->copy->fill[kind], 1);
    return COREX_OK;
}

#define ARANGE(NAME, T, A, start, step) \
    case COREX_##NAME: \
        for (int64_t i = 0; i < n; i++) \
            *(T *)(base + i * stride) = (T)(A)((start) + (A)i * (step)); \
        break;
#define ARANGE_INTEGER(number, NAME, name, sfx, T, ...) ARANGE(NAME, T, uint64_t, first, by)
#define ARANGE_FLOAT(number, NAME, name, sfx, T, ...) ARANGE(NAME, T, double, ffirst, fby)

corex_status corex_arange(const corex_view *out, int is_integer, const void *start,
                          const void *step)
{
    if (out->ndim != 1 || !COREX_AMONG(COREX_NUMBERS | COREX_HALVES, out->dtype))
        return corex_fail(COREX_ERR_TYPE, "arange needs a 1-d view of numbers");
    const int64_t n = out->shape[0], stride = out->strides[0] * corex_itemsizes[out->dtype];
    char *base = out->data;
    uint64_t first = 0, by = 0;
    double ffirst = 0, fby = 0;
    if (is_integer) {
        memcpy(&first, start, 8);
        memcpy(&by, step, 8);
        ffirst = (double)(int64_t)first;
        fby = (double)(int64_t)by;
    } else {
        memcpy(&ffirst, start, 8);
        memcpy(&fby, step, 8);
    }
    if ((is_integer && !COREX_AMONG(COREX_HALVES, out->dtype)) ||
        COREX_AMONG(COREX_FLOATS, out->dtype)) {
        switch (out->dtype) {
            COREX_INTEGER_ROWS(ARANGE_INTEGER)
            COREX_FLOAT_ROWS(ARANGE_FLOAT)
        }
    } else {
        for (int64_t i = 0; i < n; i++) {
            double value = ffirst + (double)i * fby;
            element e = convert_number(out->dtype, 0, &value);
            memcpy(base + i * stride, &e, corex_itemsizes[out->dtype]);
        }
    }
    return COREX_OK;
}

corex_status corex_where(const corex_view *out, const corex_view *cond, const corex_view *a,
                         const corex_view *b)
{
    if (cond->dtype != COREX_BOOL || a->dtype != out->dtype || b->dtype != out->dtype)
        return corex_fail(COREX_ERR_TYPE, "where needs a bool condition and equal dtypes");
    corex_iter iter;
    const corex_view *views[] = {out, cond, a, b};
    corex_status status = corex_iter_init(&iter, 4, views);
    if (status != COREX_OK)
        return status;
    const int kind = COREX_BY_SIZE(corex_itemsizes[out->dtype]);
    corex_iter_run(&iter, COREX_WRITES_ONLY, corex_kernels_now()->copy->where[kind], 1);
    return COREX_OK;
}
