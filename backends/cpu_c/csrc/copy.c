/* Copies with conversion, constants, ranges, selection. */
#include "loops.h"

/* Float to integer out of range is undefined in C; saturate nothing, but stay defined. */
COREX_INLINE int64_t to_int64(double x)
{
    return x >= -9223372036854775808.0 && x < 9223372036854775808.0 ? (int64_t)x : INT64_MIN;
}
COREX_INLINE int32_t to_int32(double x)
{
    return x >= -2147483648.0 && x < 2147483648.0 ? (int32_t)x : (int32_t)to_int64(x);
}
COREX_INLINE uint8_t to_uint8(double x) { return (uint8_t)to_int64(x); }

#define KEEP(x) (x)
#define NONZERO(x) ((x) != 0)

/* source suffix, source type; then for each target: suffix, type, conversion */
#define MAKE(from, TI, to, TO, convert) LOOP1(copy_##from, to, TI, TO, TI, convert(x))
#define FROM_INTEGER(from, TI) \
    MAKE(from, TI, b, uint8_t, NONZERO) \
    MAKE(from, TI, u8, uint8_t, KEEP) \
    MAKE(from, TI, i32, int32_t, KEEP) \
    MAKE(from, TI, i64, int64_t, KEEP) \
    MAKE(from, TI, f32, float, KEEP) \
    MAKE(from, TI, f64, double, KEEP)
#define FROM_FLOAT(from, TI) \
    MAKE(from, TI, b, uint8_t, NONZERO) \
    MAKE(from, TI, u8, uint8_t, to_uint8) \
    MAKE(from, TI, i32, int32_t, to_int32) \
    MAKE(from, TI, i64, int64_t, to_int64) \
    MAKE(from, TI, f32, float, KEEP) \
    MAKE(from, TI, f64, double, KEEP)

FROM_INTEGER(u8, uint8_t)
FROM_INTEGER(i32, int32_t)
FROM_INTEGER(i64, int64_t)
FROM_FLOAT(f32, float)
FROM_FLOAT(f64, double)

#define ROW(from) \
    {copy_##from##_b,   copy_##from##_u8,  copy_##from##_i32, \
     copy_##from##_i64, copy_##from##_f32, copy_##from##_f64}

static const corex_loop conversions[COREX_NUM_DTYPES][COREX_NUM_DTYPES] = {
    ROW(u8), ROW(u8), ROW(i32), ROW(i64), ROW(f32), ROW(f64),
};

/* ---- transposed copies ---- */

#define TILE 16

/* Whole tiles, so that every cache line fetched from the strided side is used up. */
#define TRANSPOSE(name, T) \
    static void name(char *out, const char *in, int64_t rows, int64_t cols, int64_t so, \
                     int64_t sa) \
    { \
        for (int64_t i0 = 0; i0 < rows; i0 += TILE) \
            for (int64_t j0 = 0; j0 < cols; j0 += TILE) { \
                int64_t i1 = COREX_MIN(i0 + TILE, rows), j1 = COREX_MIN(j0 + TILE, cols); \
                for (int64_t i = i0; i < i1; i++) \
                    for (int64_t j = j0; j < j1; j++) \
                        ((T *)(out + i * so))[j] = *((const T *)(in + j * sa) + i); \
            } \
    }

TRANSPOSE(transpose_1, uint8_t)
TRANSPOSE(transpose_4, uint32_t)
TRANSPOSE(transpose_8, uint64_t)

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
        if (iter->itemsize[0] == 8)
            transpose_8(out, in, n, cols, so, sa);
        else if (iter->itemsize[0] == 4)
            transpose_4(out, in, n, cols, so, sa);
        else
            transpose_1(out, in, n, cols, so, sa);
    }
}

/* Output contiguous in the last dimension, input in the one before it. */
static bool try_transpose(const corex_iter *iter)
{
    const int last = iter->ndim - 1, size = iter->itemsize[0];
    if (last < 1 || iter->itemsize[1] != size || iter->strides[0][last] != size ||
        iter->strides[1][last - 1] != size || iter->shape[last] < 8 || iter->shape[last - 1] < 8)
        return false;
    transposition job = {iter, (iter->shape[last - 1] + TILE - 1) / TILE};
    int64_t blocks = job.row_blocks;
    for (int d = 0; d < last - 1; d++)
        blocks *= iter->shape[d];
    int64_t per_block = TILE * iter->shape[last];
    corex_parallel_for(blocks, 1 + COREX_GRAIN / per_block, transpose_range, &job);
    return true;
}

corex_loop corex_copy_loop(int dtype)
{
    return conversions[dtype][dtype == COREX_BOOL ? COREX_UINT8 : dtype];
}

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
    /* bool to bool keeps its bytes, so that a copy is a copy */
    int to = a->dtype == COREX_BOOL && out->dtype == COREX_BOOL ? COREX_UINT8 : out->dtype;
    corex_iter_run(&iter, conversions[a->dtype][to], 1);
    return COREX_OK;
}

/* ---- fill, arange ---- */

typedef union element {
    uint8_t u8;
    int32_t i32;
    int64_t i64;
    float f32;
    double f64;
} element;

static element convert_number(int dtype, int is_integer, const void *value)
{
    int64_t i = 0;
    double f = 0;
    element result = {.i64 = 0};
    if (is_integer) {
        memcpy(&i, value, sizeof i);
        f = (double)i;
    } else {
        memcpy(&f, value, sizeof f);
        i = to_int64(f);
    }
    switch (dtype) {
    case COREX_BOOL: result.u8 = is_integer ? i != 0 : f != 0; break;
    case COREX_UINT8: result.u8 = (uint8_t)i; break;
    case COREX_INT32: result.i32 = (int32_t)i; break;
    case COREX_INT64: result.i64 = i; break;
    case COREX_FLOAT32: result.f32 = is_integer ? (float)i : (float)f; break;
    default: result.f64 = f; break;
    }
    return result;
}

/* The scalar is a broadcast second operand: stride 0. */
#define FILL(name, T) \
    COREX_CLONES static void name(char *const *p, const int64_t *s, int64_t n) \
    { \
        const T value = *(const T *)p[1]; \
        if (s[0] == sizeof(T)) { \
            T *o = (T *)p[0]; \
            for (int64_t i = 0; i < n; i++) \
                o[i] = value; \
            return; \
        } \
        for (int64_t i = 0; i < n; i++) \
            *(T *)(p[0] + i * s[0]) = value; \
    }

FILL(fill_1, uint8_t)
FILL(fill_4, uint32_t)
FILL(fill_8, uint64_t)

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
    int size = corex_itemsizes[out->dtype];
    corex_iter_run(&iter, size == 1 ? fill_1 : size == 4 ? fill_4 : fill_8, 1);
    return COREX_OK;
}

#define ARANGE(T, A, start, step) \
    for (int64_t i = 0; i < n; i++) \
        *(T *)(base + i * stride) = (T)(A)((start) + (A)i * (step));

corex_status corex_arange(const corex_view *out, int is_integer, const void *start,
                          const void *step)
{
    if (out->ndim != 1 || out->dtype == COREX_BOOL)
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
    if (out->dtype == COREX_FLOAT64) {
        ARANGE(double, double, ffirst, fby)
    } else if (out->dtype == COREX_FLOAT32) {
        ARANGE(float, double, ffirst, fby)
    } else if (is_integer && out->dtype == COREX_INT64) {
        ARANGE(int64_t, uint64_t, first, by)
    } else if (is_integer && out->dtype == COREX_INT32) {
        ARANGE(int32_t, uint64_t, first, by)
    } else if (is_integer) {
        ARANGE(uint8_t, uint64_t, first, by)
    } else {
        for (int64_t i = 0; i < n; i++) {
            double value = ffirst + (double)i * fby;
            element e = convert_number(out->dtype, 0, &value);
            memcpy(base + i * stride, &e, corex_itemsizes[out->dtype]);
        }
    }
    return COREX_OK;
}

/* ---- where ---- */

#define WHERE(name, T) \
    COREX_CLONES static void name(char *const *p, const int64_t *s, int64_t n) \
    { \
        const char *c = p[1], *a = p[2], *b = p[3]; \
        char *o = p[0]; \
        if (s[0] == sizeof(T) && s[1] == 1 && s[2] == sizeof(T) && s[3] == sizeof(T)) { \
            COREX_INDEPENDENT \
            for (int64_t i = 0; i < n; i++) { \
                const T x = ((const T *)a)[i], y = ((const T *)b)[i]; \
                ((T *)o)[i] = ((const uint8_t *)c)[i] ? x : y; \
            } \
            return; \
        } \
        for (int64_t i = 0; i < n; i++) \
            *(T *)(o + i * s[0]) = \
                c[i * s[1]] ? *(const T *)(a + i * s[2]) : *(const T *)(b + i * s[3]); \
    }

WHERE(where_1, uint8_t)
WHERE(where_4, uint32_t)
WHERE(where_8, uint64_t)

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
    int size = corex_itemsizes[out->dtype];
    corex_iter_run(&iter, size == 1 ? where_1 : size == 4 ? where_4 : where_8, 1);
    return COREX_OK;
}
