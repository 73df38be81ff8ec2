/*
 * corex_loops.h - the loops that most kernels of a backend in C or C++ are, for memory that the
 * host can address (COREX_HOST): elementwise over any strides, reductions, products; errors.
 *
 * All is static, so that it is compiled into the library that includes it. A list of kernels is
 * written once, as a macro, and expanded twice:
 *
 *     #define KERNELS(X) \
 *         X(UNARY, neg, COREX_NUMBER_ROWS, (twin)0 - (twin)x) \
 *         X(BINARY, add, COREX_NUMBER_ROWS, (twin)x + (twin)y) \
 *         X(REDUCE, sum, COREX_FLOAT_ROWS, double, 0, acc + x)
 *     KERNELS(COREX_DEFINE)
 *     static const corex_kernel kernels[] = {KERNELS(COREX_ROW) {"copy", "oa", corex_run_copy}};
 *
 * A line is X(form, op, rows of dtypes, expression). It makes a kernel for each dtype of the rows
 * (corex_dtypes.h); in the expression, `type` is the element's type and `twin` the unsigned one
 * that integer arithmetic wraps around in. Forms: UNARY, BINARY      out = expression of x (and y)
 *   TEST, COMPARE      the same, out is a bool
 *   SELECT             out = expression of c (a bool), x and y
 *   REDUCE             over the last n dimensions: type of `acc`, its start, its next value by x;
 *                      `first` says that x is the first one
 *   POSITION           the position of the element that is better than those before: an expression
 *                      of x and `best`
 *   PRODUCT            of matrices: the type that products are summed in
 * An expression may set `status`, as COREX_NO_DIVISION does.
 */
#ifndef COREX_LOOPS_H
#define COREX_LOOPS_H

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "corex_backend.h"

#ifdef __cplusplus
#define COREX_THREAD_LOCAL thread_local
#else
#define COREX_THREAD_LOCAL _Thread_local
#endif

/* ---- errors: `.last_error = corex_reason` ---- */
static inline char *corex_reason_buffer(void)
{
    static COREX_THREAD_LOCAL char text[256];
    return text;
}

static inline const char *corex_reason(void) { return corex_reason_buffer(); }

/* Answers the status, and keeps the reason for `corex_reason`. */
static inline corex_status corex_fail(corex_status status, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    vsnprintf(corex_reason_buffer(), 256, format, args);
    va_end(args);
    return status;
}

/* In an expression, for a divisor that is 0. */
#define COREX_NO_DIVISION \
    (status = corex_fail(COREX_ERR_ZERO_DIVISION, "integer division by zero"), 0)

/* ---- views ---- */
#define COREX_SIZE_CASE(number, NAME, name, sfx, T, ...) \
    case number: return (int64_t)sizeof(T);

static inline int64_t corex_size_of(int32_t dtype)
{
    switch (dtype) {
        COREX_HELD_ROWS(COREX_SIZE_CASE, 0)
    default: return 0;
    }
}

static inline int64_t corex_elements(const corex_view *view)
{
    int64_t count = 1;
    for (int d = 0; d < view->ndim; d++)
        count *= view->shape[d];
    return count;
}

/*
 * A walk over the positions of a shape, row by row, for up to COREX_MOST views of it: `at` are the
 * addresses of the present elements, `step` the distances in bytes along the last dimension, of
 * which `size` elements lie side by side.
 */
#define COREX_MOST 4

typedef struct corex_walk {
    int count, ndim;
    int64_t left, size;
    int64_t shape[COREX_MAX_DIMS], index[COREX_MAX_DIMS];
    int64_t strides[COREX_MOST][COREX_MAX_DIMS]; /* in bytes */
    char *at[COREX_MOST];
    int64_t step[COREX_MOST];
} corex_walk;

/* Whether dimension d can be merged with the one after it. */
static inline int corex_merges(const corex_walk *w, int d)
{
    for (int k = 0; k < w->count; k++)
        if (w->strides[k][d] != w->strides[k][d + 1] * w->shape[d + 1])
            return 0;
    return 1;
}

/* Dimensions [from, to) of the views, whose sizes are those of the first. */
static inline corex_walk corex_walk_over(int count, const corex_view *const *views, int from,
                                         int to)
{
    corex_walk w;
    w.count = count;
    w.ndim = 0;
    w.left = 1;
    for (int k = 0; k < count; k++)
        w.at[k] = (char *)views[k]->data;
    for (int d = from; d < to; d++) {
        const int64_t size = views[0]->shape[d];
        w.left *= size;
        if (size == 1)
            continue;
        w.shape[w.ndim] = size;
        for (int k = 0; k < count; k++)
            w.strides[k][w.ndim] = views[k]->strides[d] * corex_size_of(views[k]->dtype);
        if (w.ndim > 0 && corex_merges(&w, w.ndim - 1)) {
            for (int k = 0; k < count; k++)
                w.strides[k][w.ndim - 1] = w.strides[k][w.ndim];
            w.shape[w.ndim - 1] *= size;
        } else {
            w.ndim++;
        }
    }
    w.size = w.ndim == 0 ? 1 : w.shape[--w.ndim];
    for (int k = 0; k < count; k++)
        w.step[k] = w.left == 1 ? 0 : w.strides[k][w.ndim];
    memset(w.index, 0, (size_t)w.ndim * sizeof *w.index);
    return w;
}

/* On to the next row: `for (w = corex_walk_over(...); w.left > 0; corex_next_row(&w))`. */
static inline void corex_next_row(corex_walk *w)
{
    w->left -= w->size;
    for (int d = w->ndim - 1; d >= 0; d--) {
        const int back = ++w->index[d] == w->shape[d];
        for (int k = 0; k < w->count; k++)
            w->at[k] += back ? -(w->shape[d] - 1) * w->strides[k][d] : w->strides[k][d];
        if (!back)
            return;
        w->index[d] = 0;
    }
}

/* ---- elementwise ---- */
/* One row of elements. */
typedef corex_status (*corex_row)(char *const *at, const int64_t *step, int64_t n);

/* Calls a loop for every row of the arguments, the output first. */
static inline corex_status corex_each(const corex_argument *a, int count, corex_row loop)
{
    const corex_view *views[COREX_MOST];
    corex_status status = COREX_OK;
    for (int k = 0; k < count; k++)
        views[k] = a[k].view;
    corex_walk w = corex_walk_over(count, views, 0, views[0]->ndim);
    for (; w.left > 0 && status == COREX_OK; corex_next_row(&w))
        status = loop(w.at, w.step, w.size);
    return status;
}

/* A loop over one row, and the kernel that runs it. READ declares the elements. */
#define COREX_ELEMENTWISE(op, sfx, T, U, O, count, READ, ...) \
    static inline corex_status op##_row_##sfx(char *const *at, const int64_t *step, int64_t n) \
    { \
        typedef T type; \
        typedef U twin; \
        corex_status status = COREX_OK; \
        for (int64_t i = 0; i < n; i++) { \
            READ; \
            *(O *)(at[0] + i * step[0]) = (O)(__VA_ARGS__); \
        } \
        (void)sizeof(type); \
        (void)sizeof(twin); \
        return status; \
    } \
    static inline corex_status op##_##sfx(const corex_kernel *self, const corex_argument *a, \
                                          int32_t n) \
    { \
        (void)self; \
        (void)n; \
        return corex_each(a, count, op##_row_##sfx); \
    }

#define COREX_READ(name, T, k) const T name = *(const T *)(at[k] + i * step[k])
#define COREX_READ_1(T) COREX_READ(x, T, 1)
#define COREX_READ_2(T) \
    COREX_READ(x, T, 1); \
    COREX_READ(y, T, 2)
#define COREX_READ_3(T) \
    COREX_READ(c, uint8_t, 1); \
    COREX_READ(x, T, 2); \
    COREX_READ(y, T, 3)

#define COREX_DEFINE_UNARY(number, NAME, name, sfx, T, U, kind, op, ...) \
    COREX_ELEMENTWISE(op, sfx, T, U, T, 2, COREX_READ_1(T), __VA_ARGS__)
#define COREX_DEFINE_TEST(number, NAME, name, sfx, T, U, kind, op, ...) \
    COREX_ELEMENTWISE(op, sfx, T, U, uint8_t, 2, COREX_READ_1(T), __VA_ARGS__)
#define COREX_DEFINE_BINARY(number, NAME, name, sfx, T, U, kind, op, ...) \
    COREX_ELEMENTWISE(op, sfx, T, U, T, 3, COREX_READ_2(T), __VA_ARGS__)
#define COREX_DEFINE_COMPARE(number, NAME, name, sfx, T, U, kind, op, ...) \
    COREX_ELEMENTWISE(op, sfx, T, U, uint8_t, 3, COREX_READ_2(T), __VA_ARGS__)
#define COREX_DEFINE_SELECT(number, NAME, name, sfx, T, U, kind, op, ...) \
    COREX_ELEMENTWISE(op, sfx, T, U, T, 4, COREX_READ_3(T), __VA_ARGS__)

/* ---- reductions of the last n dimensions ---- */
/* Reduces what lies under one element of the output. */
typedef corex_status (*corex_fold)(char *out, corex_walk inner);

static inline corex_status corex_reduce(const corex_argument *a, corex_fold fold)
{
    const corex_view *out = a[0].view, *in = a[1].view, *const views[] = {out, in};
    const int kept = (int)(in->ndim - a[2].integer);
    corex_status status = COREX_OK;
    if (kept != out->ndim)
        return corex_fail(COREX_ERR_VALUE, "the output of a reduction has %d dimensions, not %d",
                          (int)out->ndim, kept);
    const corex_walk inner = corex_walk_over(1, &in, kept, in->ndim);
    corex_walk outer = corex_walk_over(2, views, 0, kept);
    for (; outer.left > 0 && status == COREX_OK; corex_next_row(&outer))
        for (int64_t i = 0; i < outer.size && status == COREX_OK; i++) {
            corex_walk each = inner;
            each.at[0] = outer.at[1] + i * outer.step[1];
            status = fold(outer.at[0] + i * outer.step[0], each);
        }
    return status;
}

#define COREX_FOLD(op, sfx, T, U, O, START, STEP, RESULT) \
    static inline corex_status op##_fold_##sfx(char *out, corex_walk w) \
    { \
        typedef T type; \
        typedef U twin; \
        corex_status status = COREX_OK; \
        int first = 1; \
        START; \
        for (; w.left > 0; corex_next_row(&w)) \
            for (int64_t i = 0; i < w.size; i++) { \
                const T x = *(const T *)(w.at[0] + i * w.step[0]); \
                STEP; \
                first = 0; \
            } \
        (void)sizeof(type); \
        (void)sizeof(twin); \
        (void)first; \
        *(O *)out = (O)(RESULT); \
        return status; \
    } \
    static inline corex_status op##_##sfx(const corex_kernel *self, const corex_argument *a, \
                                          int32_t n) \
    { \
        (void)self; \
        (void)n; \
        return corex_reduce(a, op##_fold_##sfx); \
    }

#define COREX_DEFINE_REDUCE(number, NAME, name, sfx, T, U, kind, op, A, start, ...) \
    COREX_FOLD(op, sfx, T, U, T, A acc = (A)(start), acc = (A)(__VA_ARGS__), acc)
#define COREX_DEFINE_POSITION(number, NAME, name, sfx, T, U, kind, op, ...) \
    COREX_FOLD( \
        op, sfx, T, U, int64_t, T best = 0; int64_t found = 0; int64_t position = 0, \
                                                               if (first || (__VA_ARGS__)) { \
                                                                   best = x; \
                                                                   found = position; \
                                                               } position++, \
                                                               found)

/* ---- matrix products: (B, M, K) x (B, K, N) ---- */
#define COREX_AT(T, view, i, j, k) \
    (*(T *)((char *)(view)->data + \
            ((i) * (view)->strides[0] + (j) * (view)->strides[1] + (k) * (view)->strides[2]) * \
                (int64_t)sizeof(T)))
#define COREX_DEFINE_PRODUCT(number, NAME, name, sfx, T, U, kind, op, A) \
    static inline corex_status op##_##sfx(const corex_kernel *self, const corex_argument *a, \
                                          int32_t n) \
    { \
        typedef U twin; \
        const corex_view *out = a[0].view, *left = a[1].view, *right = a[2].view; \
        (void)self; \
        (void)n; \
        (void)sizeof(twin); \
        for (int64_t b = 0; b < out->shape[0]; b++) \
            for (int64_t i = 0; i < out->shape[1]; i++) \
                for (int64_t j = 0; j < out->shape[2]; j++) { \
                    A acc = 0; \
                    for (int64_t k = 0; k < left->shape[2]; k++) \
                        acc += (A)COREX_AT(T, left, b, i, k) * (A)COREX_AT(T, right, b, k, j); \
                    COREX_AT(T, out, b, i, j) = (T)acc; \
                } \
        return COREX_OK; \
    }

/* ---- the list ---- */
#define COREX_DEFINE(form, op, ROWS, ...) ROWS(COREX_DEFINE_##form, op, __VA_ARGS__)
#define COREX_ROW(form, op, ROWS, ...) ROWS(COREX_ROW_##form, op)

#define COREX_ROW_OF(number, sfx, op, letters) \
    {#op, letters, op##_##sfx, (uint64_t)1 << number, 0, NULL, NULL},
#define COREX_ROW_UNARY(number, NAME, name, sfx, T, U, kind, op) COREX_ROW_OF(number, sfx, op, "oa")
#define COREX_ROW_TEST COREX_ROW_UNARY
#define COREX_ROW_BINARY(number, NAME, name, sfx, T, U, kind, op) \
    COREX_ROW_OF(number, sfx, op, "oee")
#define COREX_ROW_COMPARE COREX_ROW_BINARY
#define COREX_ROW_SELECT(number, NAME, name, sfx, T, U, kind, op) \
    COREX_ROW_OF(number, sfx, op, "oaee")
#define COREX_ROW_REDUCE(number, NAME, name, sfx, T, U, kind, op) \
    COREX_ROW_OF(number, sfx, op, "oai")
#define COREX_ROW_POSITION COREX_ROW_REDUCE
#define COREX_ROW_PRODUCT(number, NAME, name, sfx, T, U, kind, op) \
    COREX_ROW_OF(number, sfx, op, "oaa")

#endif
