/* Philox4x32-10: random numbers that depend on their position only, so threads do not matter. */
#include <float.h>

#include "levels.h"

/* Blocks generated together; each gives two 64-bit elements. */
#define BATCH COREX_PHILOX_BATCH

typedef struct stream {
    uint64_t seed, offset;
    void *out;
    int64_t n; /* elements */
} stream;

/* A range counts batches, each of which gives `PER` elements to the output. */
#define STREAM_RANGE(name, T, PER, expr) \
    static void name(void *context, int64_t begin, int64_t end) \
    { \
        const stream *job = context; \
        const corex_random_table *kernels = corex_kernels_now()->random; \
        uint64_t bits[2 * BATCH]; \
        for (int64_t batch = begin; batch < end; batch++) { \
            kernels->philox(job->offset + (uint64_t)batch * BATCH, job->seed, bits); \
            int64_t first = batch * (PER), n = COREX_MIN((PER), job->n - first); \
            T *out = (T *)job->out + first; \
            for (int64_t i = 0; i < n; i++) \
                out[i] = (T)(expr); \
        } \
    }

static double normal(const uint64_t *bits)
{
    double u1 = (double)((bits[0] >> 11) + 1) * 0x1p-53;
    double u2 = (double)(bits[1] >> 11) * 0x1p-53;
    return sqrt(-2.0 * log(u1)) * cos(6.283185307179586 * u2);
}

STREAM_RANGE(bits_range, uint64_t, 2 * BATCH, bits[i])

/* As many leading bits as the type has digits, as a fraction. */
#define DIGITS(T) _Generic((T)0, float: FLT_MANT_DIG, default: DBL_MANT_DIG)
#define UNIFORM(sfx, T) \
    STREAM_RANGE(uniform_##sfx, T, 2 * BATCH, \
                 (T)(bits[i] >> (64 - DIGITS(T))) * ((T)1 / (T)(UINT64_C(1) << DIGITS(T))))
#define NORMAL(sfx, T) STREAM_RANGE(normal_##sfx, T, BATCH, normal(bits + 2 * i))
COREX_FLOAT_ROWS(COREX_MAKE, UNIFORM)
COREX_FLOAT_ROWS(COREX_MAKE, NORMAL)

static corex_status run(const corex_view *out, uint64_t seed, uint64_t offset, corex_body body,
                        int64_t per_batch, int64_t grain)
{
    if (!corex_is_contiguous(out))
        return corex_fail(COREX_ERR_VALUE, "random numbers need a contiguous output");
    stream job = {seed, offset, out->data, corex_numel(out)};
    corex_parallel_for(job.n == 0 ? 0 : 1 + (job.n - 1) / per_batch, grain / per_batch, body, &job);
    return COREX_OK;
}

corex_status corex_random_bits(const corex_view *out, uint64_t seed, uint64_t offset)
{
    if (out->dtype != COREX_INT64)
        return corex_fail(COREX_ERR_TYPE, "random_bits makes int64");
    return run(out, seed, offset, bits_range, 2 * BATCH, COREX_GRAIN / 4);
}

corex_status corex_random_uniform(const corex_view *out, uint64_t seed, uint64_t offset)
{
    static const corex_body bodies[COREX_NUM_DTYPES] = COREX_FLOAT_TABLE(uniform);
    if (bodies[out->dtype] == NULL)
        return corex_fail(COREX_ERR_TYPE, "random_uniform makes floats");
    return run(out, seed, offset, bodies[out->dtype], 2 * BATCH, COREX_GRAIN / 4);
}

corex_status corex_random_normal(const corex_view *out, uint64_t seed, uint64_t offset)
{
    static const corex_body bodies[COREX_NUM_DTYPES] = COREX_FLOAT_TABLE(normal);
    if (bodies[out->dtype] == NULL)
        return corex_fail(COREX_ERR_TYPE, "random_normal makes floats");
    return run(out, seed, offset, bodies[out->dtype], BATCH, COREX_GRAIN / 16);
}
