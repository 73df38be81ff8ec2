/* argsort and argselect: rows become keys, many side by side where they lie so. */
#include "order.h"
#include "rows.h"
#include "sizes.h"

/* Rows treated together where neighbours lie side by side, and what their keys may take. */
#define TOGETHER 16
#define TOGETHER_BYTES ((int64_t)1 << 20)

/* Keys of rows: entry i of row c is at from + i * step + c * apart (bytes), its key number
 * c * n + i. Descending order is the ascending one of the complements. */
typedef struct key_job {
    void *keys;
    const char *from;
    int64_t n, rows, step, apart;
    bool descending;
} key_job;
typedef void (*key_loop)(const key_job *job);

COREX_INLINE uint32_t bits_of_4(float x)
{
    uint32_t u;
    memcpy(&u, &x, sizeof u);
    return u;
}

COREX_INLINE uint64_t bits_of_8(double x)
{
    uint64_t u;
    memcpy(&u, &x, sizeof u);
    return u;
}

/* Of the bits of an entry. */
#define ALL_BITS(T) (UINT64_MAX >> (64 - 8 * sizeof(T)))
#define TOP_BIT(T) (UINT64_C(1) << (8 * sizeof(T) - 1))

/* Larger numbers have larger keys; -0.0 equals 0.0 (x + 0), NaN is the largest. */
COREX_INLINE uint32_t key_of_float(float x)
{
    const uint32_t u = bits_of_4(x + 0.0f);
    const uint32_t key = u ^ ((uint32_t)((int32_t)u >> 31) | UINT32_C(1) << 31);
    return x != x ? UINT32_MAX : key;
}
COREX_INLINE uint64_t key_of_double(double x)
{
    const uint64_t u = bits_of_8(x + 0.0);
    const uint64_t key = u ^ ((uint64_t)((int64_t)u >> 63) | UINT64_C(1) << 63);
    return x != x ? UINT64_MAX : key;
}
#define KEY_OF_FLOAT(T, x) _Generic((x), float: key_of_float, default: key_of_double)(x)
/* The sign's bit is turned, where there is one. */
#define KEY_OF_INTEGER(T, x) \
    (((uint64_t)(x) ^ ((T) - 1 < (T)0 ? TOP_BIT(T) : UINT64_C(0))) & ALL_BITS(T))

/* Floats of 16 bits, by their bits: those above an infinity's are of a NaN. */
#define INFINITY_OF_corex_half 0x7c00u
#define INFINITY_OF_corex_bfloat 0x7f80u
#define KEY_OF_HALF(T, x) key_of_half(x, INFINITY_OF_##T)
COREX_INLINE uint32_t key_of_half(uint16_t x, uint32_t infinity)
{
    const uint32_t size = x & 0x7fffu;
    const uint32_t key = x >> 15 && size ? 0x8000u - size : 0x8000u + size;
    return size > infinity ? UINT16_MAX : key;
}

#define KEYS(sfx, T, K, KEY) \
    static void K##_keys_##sfx(const key_job *job) \
    { \
        K *const to = job->keys; \
        const char *const from = job->from; \
        const int64_t n = job->n, rows = job->rows, step = job->step, apart = job->apart; \
        const K turn = (K)(job->descending ? ALL_BITS(T) : 0); \
        if (rows == 1 && step == sizeof(T)) { \
            const T *const dense = (const T *)from; \
            for (int64_t i = 0; i < n; i++) \
                to[i] = (K)KEY(T, dense[i]) ^ turn; \
            return; \
        } \
        for (int64_t i = 0; i < n; i++) \
            for (int64_t c = 0; c < rows; c++) { \
                const T x = *(const T *)(from + i * step + c * apart); \
                to[c * n + i] = (K)KEY(T, x) ^ turn; \
            } \
    }

/* Keys of 32 bits for entries of no more; of 64 for all, and for rows that are too long. */
#define KEYS_OF(sfx, T, KEY) KEYS(sfx, T, uint32_t, KEY) KEYS(sfx, T, uint64_t, KEY)
COREX_INTEGER_ROWS(COREX_MAKE, KEYS_OF, KEY_OF_INTEGER)
COREX_FLOAT_ROWS(COREX_MAKE, KEYS_OF, KEY_OF_FLOAT)
COREX_HALF_ROWS(COREX_MAKE, KEYS_OF, KEY_OF_HALF)
#define KEY_TABLE(prefix) \
    {[COREX_BOOL] = prefix##_u8, \
     COREX_NUMBER_ROWS(COREX_ENTRY, prefix) COREX_HALF_ROWS(COREX_ENTRY, prefix)}

/* ---- rows ---- */
typedef struct order_job {
    const corex_rows *rows;
    key_loop keys;
    int64_t first, together;
    bool narrow, descending;
    _Atomic bool failed;
} order_job;

static int64_t key_bytes(const order_job *job) { return job->narrow ? 4 : 8; }

/* The order of rows that are neighbours, from number `row` on. */
static void order_rows(const order_job *job, int64_t row, int64_t count, char *keys, void *room)
{
    const corex_rows *rows = job->rows;
    const corex_iter *iter = &rows->iter;
    const int last = iter->ndim - 1;
    const int64_t n = rows->n[1], size = iter->itemsize[1];
    char *p[COREX_MAX_OPERANDS];
    corex_iter_at(iter, row, p);
    const key_job load = {.keys = keys,
                          .from = p[1],
                          .n = n,
                          .rows = count,
                          .step = rows->stride[1] * size,
                          .apart = count > 1 ? iter->strides[1][last] : 0,
                          .descending = job->descending};
    job->keys(&load);
    const corex_rank rank = {
        .n = n, .first = job->first, .count = rows->n[0], .bits = 8 * (int)size};
    for (int64_t c = 0; c < count; c++) {
        int64_t *out = (int64_t *)(p[0] + (count > 1 ? c * iter->strides[0][last] : 0));
        if (job->narrow)
            corex_order_32(&rank, (const uint32_t *)keys + c * n, room, out, rows->stride[0]);
        else
            corex_order_64(&rank, (const uint64_t *)keys + c * n, room, out, rows->stride[0]);
    }
}

static void order_range(void *context, int64_t begin, int64_t end)
{
    order_job *job = context;
    const corex_iter *iter = &job->rows->iter;
    const int64_t n = job->rows->n[1];
    const int64_t neighbours = iter->ndim > 0 ? iter->shape[iter->ndim - 1] : 1;
    /* The keys of one row may be where its items are sorted to, for they are items by then. */
    const int64_t room = corex_order_room(n, job->narrow);
    const int64_t apart = job->together > 1 ? corex_times3(n, job->together, key_bytes(job)) : 0;
    corex_scratch scratch;
    if (corex_scratch_get(&scratch, corex_plus(room, apart)) != COREX_OK) {
        atomic_store(&job->failed, true);
        return;
    }
    char *const keys = (char *)scratch.data + (apart > 0 ? room : room / 2);
    while (begin < end) {
        const int64_t left = COREX_MIN(end - begin, neighbours - begin % neighbours);
        const int64_t count = COREX_MIN(job->together, left);
        order_rows(job, begin, count, keys, scratch.data);
        begin += count;
    }
    corex_scratch_release(&scratch);
}

/* How many rows are read together: as many as lie side by side, closer than entries do. */
static int64_t together(const corex_rows *rows, int64_t bytes)
{
    const corex_iter *iter = &rows->iter;
    const int last = iter->ndim - 1;
    const int64_t each = corex_times(rows->n[1], bytes);
    if (last < 0 || llabs(iter->strides[1][last]) >= llabs(rows->stride[1] * iter->itemsize[1]))
        return 1;
    return COREX_MAX(1, COREX_MIN(TOGETHER, TOGETHER_BYTES / COREX_MAX(1, each)));
}

static corex_status order(const corex_view *out, const corex_view *a, int64_t first,
                          bool descending)
{
    static const key_loop short_keys[] = KEY_TABLE(uint32_t_keys);
    static const key_loop long_keys[] = KEY_TABLE(uint64_t_keys);
    corex_rows rows;
    const corex_view *views[] = {out, a};
    corex_status status = corex_rows_init(&rows, 2, views);
    if (status != COREX_OK || rows.iter.total == 0)
        return status;
    order_job job = {.rows = &rows, .first = first, .descending = descending};
    job.narrow = rows.iter.itemsize[1] <= 4 && rows.n[1] <= COREX_SHORT_ROW;
    job.keys = job.narrow ? short_keys[a->dtype] : long_keys[a->dtype];
    job.together = together(&rows, key_bytes(&job));
    corex_parallel_for(rows.iter.total, 1 + COREX_GRAIN / corex_plus(1, corex_times(16, rows.n[1])),
                       order_range, &job);
    return atomic_load(&job.failed) ? corex_fail(COREX_ERR_MEMORY, "no memory to sort with")
                                    : COREX_OK;
}

corex_status corex_argsort(const corex_view *out, const corex_view *a, int descending)
{
    if (out->dtype != COREX_INT64 || !corex_same_shape(out, a))
        return corex_fail(COREX_ERR_TYPE, "argsort gives int64 in the shape of its operand");
    int64_t zero = 0;
    if (a->ndim == 0)
        return corex_fill(out, 1, &zero);
    return order(out, a, 0, descending != 0);
}

corex_status corex_argselect(const corex_view *out, const corex_view *a, int64_t first,
                             int descending)
{
    if (out->dtype != COREX_INT64)
        return corex_fail(COREX_ERR_TYPE, "argselect gives int64");
    if (a->ndim == 0 || out->ndim != a->ndim)
        return corex_fail(COREX_ERR_VALUE, "argselect gives as many dimensions as it is given");
    const int64_t n = a->shape[a->ndim - 1], count = out->shape[a->ndim - 1];
    if (first < 0 || first > n || count > n - first)
        return corex_fail(COREX_ERR_VALUE, "argselect has no such entries in rows of %lld",
                          (long long)n);
    /* The last dimension of the output is shorter, which the rows do not mind. */
    return order(out, a, first, descending != 0);
}
