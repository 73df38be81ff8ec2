/* argsort: a stable merge sort of positions, row by row. */
#include "rows.h"
#include "sizes.h"

#define INSERTION 16

/* Whether x must come before y. A NaN counts as the largest. */
#define BEFORE_INTEGER(x, y) ((x) < (y))
#define BEFORE_FLOAT(x, y) ((x) < (y) || ((y) != (y) && (x) == (x)))

#define ARGSORT(name, T, BEFORE) \
    typedef struct name##_item { \
        T key; \
        int64_t at; \
    } name##_item; \
    COREX_INLINE bool name##_goes_first(name##_item x, name##_item y, bool descending) \
    { \
        return descending ? BEFORE(y.key, x.key) : BEFORE(x.key, y.key); \
    } \
    static void name##_insertion(name##_item *a, int64_t n, bool descending) \
    { \
        for (int64_t i = 1; i < n; i++) { \
            name##_item x = a[i]; \
            int64_t j = i; \
            for (; j > 0 && name##_goes_first(x, a[j - 1], descending); j--) \
                a[j] = a[j - 1]; \
            a[j] = x; \
        } \
    } \
    /* Merges runs of `width` from `from` to `to`; the left run wins ties. */ \
    static void name##_merge(const name##_item *from, name##_item *to, int64_t n, int64_t width, \
                             bool descending) \
    { \
        for (int64_t start = 0; start < n; start += 2 * width) { \
            int64_t i = start, middle = COREX_MIN(start + width, n), j = middle; \
            int64_t end = COREX_MIN(start + 2 * width, n); \
            for (int64_t k = start; k < end; k++) { \
                bool right = \
                    i == middle || (j < end && name##_goes_first(from[j], from[i], descending)); \
                to[k] = right ? from[j++] : from[i++]; \
            } \
        } \
    } \
    static void name(const corex_rows *rows, char *const *p) \
    { \
        const int64_t n = rows->n[1]; \
        corex_scratch scratch; \
        if (corex_scratch_get(&scratch, corex_times3(2, n, sizeof(name##_item))) != COREX_OK) { \
            *rows->failed = true; \
            return; \
        } \
        name##_item *a = scratch.data, *b = a + n; \
        const T *in = (const T *)p[1]; \
        for (int64_t i = 0; i < n; i++) \
            a[i] = (name##_item){in[i * rows->stride[1]], i}; \
        for (int64_t i = 0; i < n; i += INSERTION) \
            name##_insertion(a + i, COREX_MIN(INSERTION, n - i), rows->flag); \
        for (int64_t width = INSERTION; width < n; width *= 2) { \
            name##_merge(a, b, n, width, rows->flag); \
            name##_item *swap = a; \
            a = b; \
            b = swap; \
        } \
        for (int64_t i = 0; i < n; i++) \
            ((int64_t *)p[0])[i * rows->stride[0]] = a[i].at; \
        corex_scratch_release(&scratch); \
    }

#define ARGSORT_OF(sfx, T, BEFORE) ARGSORT(argsort_##sfx, T, BEFORE)
COREX_INTEGER_ROWS(COREX_MAKE, ARGSORT_OF, BEFORE_INTEGER)
COREX_FLOAT_ROWS(COREX_MAKE, ARGSORT_OF, BEFORE_FLOAT)

corex_status corex_argsort(const corex_view *out, const corex_view *a, int descending)
{
    static const corex_row_body bodies[] = COREX_ANY_TABLE(argsort);
    if (out->dtype != COREX_INT64 || !corex_same_shape(out, a))
        return corex_fail(COREX_ERR_TYPE, "argsort gives int64 in the shape of its operand");
    int64_t zero = 0;
    if (a->ndim == 0)
        return corex_fill(out, 1, &zero);
    corex_rows rows;
    bool failed = false;
    const corex_view *views[] = {out, a};
    corex_status status = corex_rows_init(&rows, 2, views);
    if (status != COREX_OK)
        return status;
    rows.flag = descending != 0;
    rows.failed = &failed;
    corex_rows_run(&rows, bodies[a->dtype], corex_times(32, rows.n[1]));
    return failed ? corex_fail(COREX_ERR_MEMORY, "no memory to sort with") : COREX_OK;
}
