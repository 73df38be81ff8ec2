/*
 * corex_kernels.h - kernels that are ready to be used, for memory that the host can address: those
 * with nothing to gain in being written again, as each of their bits is defined. In a table they
 * are
 *
 *     COREX_READY_KERNELS        copy, fill, arange, index, index_put, nonzero, random_bits
 */
#ifndef COREX_KERNELS_H
#define COREX_KERNELS_H

#include "corex_half.h"
#include "corex_loops.h"
#include "corex_whole.h"

/* ---- elements of any dtype, as COREX_INT, COREX_UINT or COREX_DOUBLE ---- */
#define COREX_LOAD_CASE(number, NAME, name, sfx, T, U, of, ...) \
    case number: \
        value.kind = (of) == 'f'                     ? COREX_DOUBLE \
                     : (T) - 1 > 0 && sizeof(T) == 8 ? COREX_UINT \
                                                     : COREX_INT; \
        if ((of) == 'f') \
            value.real = (double)*(const T *)from; \
        else \
            value.integer = (int64_t)*(const T *)from; \
        break;

#define COREX_LOAD_HALF_CASE(number, NAME, name, sfx, ...) \
    case number: \
        value.kind = COREX_DOUBLE; \
        value.real = (double)corex_from_##sfx(*(const uint16_t *)from); \
        break;

static inline corex_argument corex_load(const void *from, int32_t dtype)
{
    corex_argument value;
    value.count = 0;
    switch (dtype) {
        COREX_DTYPE_ROWS(COREX_LOAD_CASE, 0)
        COREX_HALF_ROWS(COREX_LOAD_HALF_CASE, 0)
    default: value.kind = COREX_NONE;
    }
    return value;
}

/* The number as float of type T, rounded once. */
#define COREX_ROUNDED(T, value) \
    ((value)->kind == COREX_DOUBLE ? (T)(value)->real \
     : (value)->kind == COREX_UINT ? (T)(value)->unsigned_integer \
                                   : (T)(value)->integer)
#define COREX_STORE_BOOL_CASE(number, NAME, name, sfx, T, ...) \
    case number: \
        *(T *)to = (T)(value->kind == COREX_DOUBLE ? value->real != 0 : value->integer != 0); \
        break;
#define COREX_STORE_INTEGER_CASE(number, NAME, name, sfx, T, ...) \
    case number: \
        *(T *)to = value->kind == COREX_DOUBLE ? corex_to_##sfx(value->real) : (T)value->integer; \
        break;
#define COREX_STORE_FLOAT_CASE(number, NAME, name, sfx, T, ...) \
    case number: *(T *)to = COREX_ROUNDED(T, value); break;
#define COREX_STORE_HALF_CASE(number, NAME, name, sfx, T, ...) \
    case number: *(T *)to = corex_to_##sfx(COREX_ROUNDED(float, value)); break;

static inline void corex_store(void *to, int32_t dtype, const corex_argument *value)
{
    switch (dtype) {
        COREX_BOOL_ROWS(COREX_STORE_BOOL_CASE, 0)
        COREX_INTEGER_ROWS(COREX_STORE_INTEGER_CASE, 0)
        COREX_FLOAT_ROWS(COREX_STORE_FLOAT_CASE, 0)
        COREX_HALF_ROWS(COREX_STORE_HALF_CASE, 0)
    }
}

#define COREX_ADD_CASE(number, NAME, name, sfx, T, U, of, ...) \
    case number: \
        if ((of) == 'b') \
            *(T *)to = (T)(*(T *)to != 0 || *(const T *)from != 0); \
        else \
            *(T *)to = (T)((U) * (T *)to + (U) * (const T *)from); \
        break;

#define COREX_ADD_HALF_CASE(number, NAME, name, sfx, T, ...) \
    case number: \
        *(T *)to = \
            corex_to_##sfx(corex_from_##sfx(*(T *)to) + corex_from_##sfx(*(const T *)from)); \
        break;

/* One element onto another. */
static inline void corex_add_to(void *to, const void *from, int32_t dtype)
{
    switch (dtype) {
        COREX_DTYPE_ROWS(COREX_ADD_CASE, 0)
        COREX_HALF_ROWS(COREX_ADD_HALF_CASE, 0)
    }
}

/* ---- copy, fill, arange ---- */
static inline void corex_move(const corex_view *to, const corex_view *from, int adds)
{
    const corex_view *const views[] = {to, from};
    const size_t size = (size_t)corex_size_of(to->dtype);
    corex_walk w = corex_walk_over(2, views, 0, to->ndim);
    for (; w.left > 0; corex_next_row(&w))
        for (int64_t i = 0; i < w.size; i++) {
            char *target = w.at[0] + i * w.step[0];
            const char *source = w.at[1] + i * w.step[1];
            if (adds) {
                corex_add_to(target, source, to->dtype);
            } else if (to->dtype == from->dtype) {
                memmove(target, source, size);
            } else {
                const corex_argument value = corex_load(source, from->dtype);
                corex_store(target, to->dtype, &value);
            }
        }
}

static inline corex_status corex_run_copy(const corex_kernel *self, const corex_argument *a,
                                          int32_t n)
{
    (void)self;
    (void)n;
    corex_move(a[0].view, a[1].view, 0);
    return COREX_OK;
}

static inline corex_status corex_run_fill(const corex_kernel *self, const corex_argument *a,
                                          int32_t n)
{
    static const int64_t zeros[COREX_MAX_DIMS] = {0};
    int64_t element = 0;
    corex_view one = *a[0].view;
    (void)self;
    (void)n;
    corex_store(&element, one.dtype, &a[1]);
    one.data = &element;
    one.strides = zeros;
    corex_move(a[0].view, &one, 0);
    return COREX_OK;
}

static inline double corex_as_double(const corex_argument *number)
{
    return number->kind == COREX_INT    ? (double)number->integer
           : number->kind == COREX_UINT ? (double)number->unsigned_integer
                                        : number->real;
}

static inline corex_status corex_run_arange(const corex_kernel *self, const corex_argument *a,
                                            int32_t n)
{
    const corex_view *out = a[0].view;
    const int64_t step = out->strides[0] * corex_size_of(out->dtype);
    const int whole = a[1].kind != COREX_DOUBLE && a[2].kind != COREX_DOUBLE;
    corex_argument value = {COREX_DOUBLE, 0, {NULL}};
    (void)self;
    (void)n;
    for (int64_t i = 0; i < out->shape[0]; i++) {
        if (whole) {
            value.kind = COREX_INT;
            value.integer = (int64_t)(a[1].unsigned_integer + (uint64_t)i * a[2].unsigned_integer);
        } else {
            value.real = corex_as_double(&a[1]) + (double)i * corex_as_double(&a[2]);
        }
        corex_store((char *)out->data + i * step, out->dtype, &value);
    }
    return COREX_OK;
}

/* ---- positions ---- */
/* The view without its first dimensions, at another address. */
static inline corex_view corex_inner(const corex_view *view, int dimensions, void *data)
{
    corex_view rest = *view;
    rest.shape += dimensions;
    rest.strides += dimensions;
    rest.ndim -= dimensions;
    rest.data = data;
    return rest;
}

/* How far, in bytes, the row lies that is named by entry i of the index views; -1 if nowhere. */
static inline corex_status corex_locate(const corex_view *a, const corex_argument *indices, int k,
                                        int64_t i, int64_t *place)
{
    *place = 0;
    for (int d = 0; d < k; d++) {
        const corex_view *index = indices[d].view;
        const int64_t given = ((const int64_t *)index->data)[i * index->strides[0]];
        const int64_t size = a->shape[d], at = given < 0 ? given + size : given;
        if (at < 0 || at >= size)
            return corex_fail(COREX_ERR_INDEX,
                              "index %lld is out of bounds for dimension %d with size %lld",
                              (long long)given, d, (long long)size);
        *place += at * a->strides[d] * corex_size_of(a->dtype);
    }
    return COREX_OK;
}

/* Rows of `flat`, (n, *rest), from or to `a`, (D1..Dk, *rest). Looks at all indices first. */
static inline corex_status corex_rows(const corex_view *a, const corex_view *flat,
                                      const corex_argument *indices, int k, int to_a, int adds)
{
    const int64_t count = flat->shape[0], size = corex_size_of(flat->dtype);
    corex_status status = COREX_OK;
    int64_t place;
    for (int64_t i = 0; i < count && status == COREX_OK; i++)
        status = corex_locate(a, indices, k, i, &place);
    for (int64_t i = 0; i < count && status == COREX_OK; i++) {
        status = corex_locate(a, indices, k, i, &place);
        const corex_view inside = corex_inner(a, k, (char *)a->data + place);
        const corex_view row =
            corex_inner(flat, 1, (char *)flat->data + i * flat->strides[0] * size);
        corex_move(to_a ? &inside : &row, to_a ? &row : &inside, adds);
    }
    return status;
}

static inline corex_status corex_run_index(const corex_kernel *self, const corex_argument *a,
                                           int32_t n)
{
    (void)self;
    return corex_rows(a[1].view, a[0].view, a + 2, n - 2, 0, 0);
}

static inline corex_status corex_run_index_put(const corex_kernel *self, const corex_argument *a,
                                               int32_t n)
{
    (void)self;
    return corex_rows(a[0].view, a[1].view, a + 3, n - 3, 1, a[2].integer != 0);
}

static inline corex_status corex_run_nonzero(const corex_kernel *self, const corex_argument *a,
                                             int32_t n)
{
    const corex_view *out = a[0].view, *in = a[1].view;
    const int64_t total = corex_elements(in);
    int64_t found = 0;
    (void)self;
    (void)n;
    for (int64_t i = 0; i < total; i++) {
        int64_t index[COREX_MAX_DIMS], left = i, at = 0;
        for (int d = in->ndim - 1; d >= 0; d--) {
            index[d] = left % in->shape[d];
            left /= in->shape[d];
            at += index[d] * in->strides[d];
        }
        if (((const uint8_t *)in->data)[at] == 0 || found == out->shape[0])
            continue;
        for (int d = 0; d < in->ndim; d++)
            ((int64_t *)out->data)[found * out->strides[0] + d * out->strides[1]] = index[d];
        found++;
    }
    return COREX_OK;
}

/* ---- random bits: Philox 4x32-10, as docs/kernels.md defines it ---- */
static inline void corex_philox(uint64_t block, uint64_t seed, uint32_t words[4])
{
    uint32_t key[2] = {(uint32_t)seed, (uint32_t)(seed >> 32)};
    words[0] = (uint32_t)block;
    words[1] = (uint32_t)(block >> 32);
    words[2] = words[3] = 0;
    for (int round = 0; round < 10; round++) {
        const uint64_t left = (uint64_t)0xD2511F53u * words[0];
        const uint64_t right = (uint64_t)0xCD9E8D57u * words[2];
        const uint32_t next[4] = {(uint32_t)(right >> 32) ^ words[1] ^ key[0], (uint32_t)right,
                                  (uint32_t)(left >> 32) ^ words[3] ^ key[1], (uint32_t)left};
        memcpy(words, next, sizeof next);
        key[0] += 0x9E3779B9u;
        key[1] += 0xBB67AE85u;
    }
}

static inline corex_status corex_run_random_bits(const corex_kernel *self, const corex_argument *a,
                                                 int32_t n)
{
    uint64_t *out = (uint64_t *)a[0].view->data;
    const int64_t count = corex_elements(a[0].view);
    (void)self;
    (void)n;
    for (int64_t i = 0; i < count; i += 2) {
        uint32_t words[4];
        corex_philox(a[2].unsigned_integer + (uint64_t)i / 2, a[1].unsigned_integer, words);
        out[i] = words[0] | (uint64_t)words[1] << 32;
        if (i + 1 < count)
            out[i + 1] = words[2] | (uint64_t)words[3] << 32;
    }
    return COREX_OK;
}

#define COREX_READY(name, letters) {#name, letters, corex_run_##name, 0, 0, NULL, NULL},
#define COREX_READY_KERNELS \
    COREX_READY(copy, "oa") \
    COREX_READY(fill, "ox") \
    COREX_READY(arange, "oxx") \
    COREX_READY(index, "oaa*") \
    COREX_READY(index_put, "oaba*") \
    COREX_READY(nonzero, "oa") \
    COREX_READY(random_bits, "ouu")

#endif
