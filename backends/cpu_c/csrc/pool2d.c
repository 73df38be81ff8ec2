/* Pooling over windows of images: one plane (image and channel) at a time. */
#include "dense.h"
#include "sizes.h"

typedef struct pool_job {
    corex_pool2d_params params;
    int64_t h, w, oh, ow;
    char *out;
    const char *in;
    int64_t *indices;
} pool_job;

/* Where a window meets the image: [*first, *last) in steps of `dilation`. */
static void window(int64_t at, int64_t kernel, int64_t stride, int64_t padding, int64_t dilation,
                   int64_t size, int64_t *first, int64_t *last)
{
    int64_t begin = at * stride - padding,
            end = corex_plus(begin, corex_plus(corex_times(kernel - 1, dilation), 1));
    if (begin < 0)
        begin = corex_plus(begin, corex_times(1 + (-begin - 1) / dilation, dilation));
    *first = begin;
    *last = COREX_MIN(end, size);
}

static void windows(const pool_job *job, int64_t i, int64_t j, int64_t y[2], int64_t x[2])
{
    const corex_pool2d_params *c = &job->params;
    window(i, c->kernel[0], c->stride[0], c->padding[0], c->dilation[0], job->h, &y[0], &y[1]);
    window(j, c->kernel[1], c->stride[1], c->padding[1], c->dilation[1], job->w, &x[0], &x[1]);
}

/* What an average divides by. */
static int64_t divisor(const pool_job *job, int64_t i, int64_t j, const int64_t y[2],
                       const int64_t x[2])
{
    const corex_pool2d_params *c = &job->params;
    if (!c->count_include_pad)
        return (y[1] - y[0]) * (x[1] - x[0]);
    /* a window may hang over the padding too; that part does not count */
    int64_t top = i * c->stride[0] - c->padding[0], left = j * c->stride[1] - c->padding[1];
    return (COREX_MIN(top + c->kernel[0], job->h + c->padding[0]) - top) *
           (COREX_MIN(left + c->kernel[1], job->w + c->padding[1]) - left);
}

#define POOL(sfx, T) \
    static void max_range_##sfx(void *context, int64_t begin, int64_t end) \
    { \
        const pool_job *job = context; \
        const int64_t dy = job->params.dilation[0], dx = job->params.dilation[1]; \
        for (int64_t plane = begin; plane < end; plane++) { \
            const T *in = (const T *)job->in + plane * job->h * job->w; \
            T *out = (T *)job->out + plane * job->oh * job->ow; \
            int64_t *at = job->indices + plane * job->oh * job->ow; \
            for (int64_t i = 0; i < job->oh; i++) \
                for (int64_t j = 0; j < job->ow; j++) { \
                    int64_t y[2], x[2]; \
                    windows(job, i, j, y, x); \
                    T best = -(T)INFINITY; \
                    int64_t where = y[0] * job->w + x[0]; \
                    for (int64_t r = y[0]; r < y[1]; r += dy) \
                        for (int64_t s = x[0]; s < x[1]; s += dx) { \
                            T value = in[r * job->w + s]; \
                            if (value > best || value != value) { \
                                best = value; \
                                where = r * job->w + s; \
                            } \
                        } \
                    out[i * job->ow + j] = best; \
                    at[i * job->ow + j] = where; \
                } \
        } \
    } \
    static void average_range_##sfx(void *context, int64_t begin, int64_t end) \
    { \
        const pool_job *job = context; \
        for (int64_t plane = begin; plane < end; plane++) { \
            const T *in = (const T *)job->in + plane * job->h * job->w; \
            T *out = (T *)job->out + plane * job->oh * job->ow; \
            for (int64_t i = 0; i < job->oh; i++) \
                for (int64_t j = 0; j < job->ow; j++) { \
                    int64_t y[2], x[2]; \
                    windows(job, i, j, y, x); \
                    T sum = 0; \
                    for (int64_t r = y[0]; r < y[1]; r++) \
                        for (int64_t s = x[0]; s < x[1]; s++) \
                            sum += in[r * job->w + s]; \
                    out[i * job->ow + j] = sum / (T)divisor(job, i, j, y, x); \
                } \
        } \
    } \
    /* `out` is the image, `in` the gradient of the pooled one */ \
    static void average_backward_range_##sfx(void *context, int64_t begin, int64_t end) \
    { \
        const pool_job *job = context; \
        for (int64_t plane = begin; plane < end; plane++) { \
            T *out = (T *)job->out + plane * job->h * job->w; \
            const T *g = (const T *)job->in + plane * job->oh * job->ow; \
            memset(out, 0, (size_t)(job->h * job->w) * sizeof(T)); \
            for (int64_t i = 0; i < job->oh; i++) \
                for (int64_t j = 0; j < job->ow; j++) { \
                    int64_t y[2], x[2]; \
                    windows(job, i, j, y, x); \
                    T share = g[i * job->ow + j] / (T)divisor(job, i, j, y, x); \
                    for (int64_t r = y[0]; r < y[1]; r++) \
                        for (int64_t s = x[0]; s < x[1]; s++) \
                            out[r * job->w + s] += share; \
                } \
        } \
    } \
    static void max_backward_range_##sfx(void *context, int64_t begin, int64_t end) \
    { \
        const pool_job *job = context; \
        for (int64_t plane = begin; plane < end; plane++) { \
            T *out = (T *)job->out + plane * job->h * job->w; \
            const T *g = (const T *)job->in + plane * job->oh * job->ow; \
            const int64_t *at = job->indices + plane * job->oh * job->ow; \
            memset(out, 0, (size_t)(job->h * job->w) * sizeof(T)); \
            for (int64_t i = 0; i < job->oh * job->ow; i++) \
                out[at[i]] += g[i]; \
        } \
    }

COREX_FLOAT_ROWS(COREX_MAKE, POOL)

static const corex_body max_ranges[COREX_NUM_DTYPES] = COREX_FLOAT_TABLE(max_range);
static const corex_body max_backward_ranges[COREX_NUM_DTYPES] =
    COREX_FLOAT_TABLE(max_backward_range);
static const corex_body average_ranges[COREX_NUM_DTYPES] = COREX_FLOAT_TABLE(average_range);
static const corex_body average_backward_ranges[COREX_NUM_DTYPES] =
    COREX_FLOAT_TABLE(average_backward_range);

/* `image` is the larger, `pooled` the smaller of the two. */
static corex_status init(pool_job *job, const corex_view *image, const corex_view *pooled,
                         const corex_pool2d_params *params)
{
    if (!COREX_AMONG(COREX_FLOATS, image->dtype) || pooled->dtype != image->dtype)
        return corex_fail(COREX_ERR_TYPE, "pooling takes floats of one dtype");
    if (image->ndim != 4 || pooled->ndim != 4 || image->shape[0] != pooled->shape[0] ||
        image->shape[1] != pooled->shape[1])
        return corex_fail(COREX_ERR_VALUE, "pooling takes (N, C, H, W)");
    for (int d = 0; params != NULL && d < 2; d++)
        if (params->kernel[d] < 1 || params->stride[d] < 1 || params->dilation[d] < 1 ||
            params->padding[d] < 0)
            return corex_fail(COREX_ERR_VALUE, "a pooling parameter is out of range");
    if (params != NULL)
        job->params = *params;
    job->h = image->shape[2];
    job->w = image->shape[3];
    job->oh = pooled->shape[2];
    job->ow = pooled->shape[3];
    for (int d = 0; params != NULL && d < 2; d++)
        if (pooled->shape[2 + d] > 0 &&
            corex_times(pooled->shape[2 + d] - 1, params->stride[d]) - params->padding[d] >=
                image->shape[2 + d])
            return corex_fail(COREX_ERR_VALUE, "a pooling window lies outside of the image");
    return COREX_OK;
}

static void run(pool_job *job, const corex_view *image, const corex_body *by_dtype)
{
    const int64_t *kernel = job->params.kernel;
    const int64_t windows = corex_times(corex_times(job->oh, job->ow),
                                        corex_plus(corex_times(kernel[0], kernel[1]), 1));
    const int64_t cost = corex_plus(corex_plus(corex_times(job->h, job->w), windows), 1);
    corex_parallel_for(corex_times(image->shape[0], image->shape[1]), 1 + COREX_GRAIN / cost,
                       by_dtype[image->dtype], job);
}

corex_status corex_max_pool2d(const corex_view *out, const corex_view *indices, const corex_view *x,
                              const corex_pool2d_params *params)
{
    pool_job job;
    corex_status status = init(&job, x, out, params);
    if (status == COREX_OK && (indices->dtype != COREX_INT64 || !corex_same_shape(indices, out)))
        status = corex_fail(COREX_ERR_TYPE, "max_pool2d: indices are int64 in the output's shape");
    if (status != COREX_OK || corex_numel(out) == 0)
        return status;
    corex_dense_view dense_out, dense_at, dense_x;
    corex_status made[] = {corex_dense_output(&dense_out, out),
                           corex_dense_output(&dense_at, indices), corex_dense_input(&dense_x, x)};
    for (int k = 0; k < 3 && status == COREX_OK; k++)
        status = made[k];
    job.out = dense_out.view.data;
    job.indices = dense_at.view.data;
    job.in = dense_x.view.data;
    if (status == COREX_OK)
        run(&job, x, max_ranges);
    corex_dense_release(&dense_x);
    status = corex_dense_finish(&dense_at, status);
    return corex_dense_finish(&dense_out, status);
}

/* Whether all indices lie inside a plane. */
static corex_status check_indices(const corex_view *indices, int64_t size)
{
    const int64_t *at = indices->data;
    for (int64_t i = 0; i < corex_numel(indices); i++)
        if (at[i] < 0 || at[i] >= size)
            return corex_fail(COREX_ERR_INDEX,
                              "index %lld is out of bounds for a plane of %lld elements",
                              (long long)at[i], (long long)size);
    return COREX_OK;
}

corex_status corex_max_pool2d_backward(const corex_view *out, const corex_view *g,
                                       const corex_view *indices)
{
    pool_job job = {.params = {.kernel = {1, 1}}};
    corex_status status = init(&job, out, g, NULL);
    if (status == COREX_OK && (indices->dtype != COREX_INT64 || !corex_same_shape(indices, g)))
        status =
            corex_fail(COREX_ERR_TYPE, "max_pool2d: indices are int64 in the gradient's shape");
    if (status != COREX_OK || corex_numel(out) == 0)
        return status;
    corex_dense_view dense_out, dense_g, dense_at;
    corex_status made[] = {corex_dense_output(&dense_out, out), corex_dense_input(&dense_g, g),
                           corex_dense_input(&dense_at, indices)};
    for (int k = 0; k < 3 && status == COREX_OK; k++)
        status = made[k];
    if (status == COREX_OK)
        status = check_indices(&dense_at.view, corex_times(job.h, job.w));
    job.out = dense_out.view.data;
    job.in = dense_g.view.data;
    job.indices = dense_at.view.data;
    if (status == COREX_OK)
        run(&job, out, max_backward_ranges);
    corex_dense_release(&dense_g);
    corex_dense_release(&dense_at);
    return corex_dense_finish(&dense_out, status);
}

static corex_status average(const corex_view *out, const corex_view *in, const corex_view *image,
                            const corex_view *pooled, const corex_pool2d_params *params,
                            const corex_body *by_dtype)
{
    pool_job job;
    corex_pool2d_params plain = *params;
    plain.dilation[0] = plain.dilation[1] = 1;
    corex_status status = init(&job, image, pooled, &plain);
    if (status != COREX_OK || corex_numel(out) == 0)
        return status;
    corex_dense_view dense_out, dense_in;
    corex_status made[] = {corex_dense_output(&dense_out, out), corex_dense_input(&dense_in, in)};
    status = made[0] != COREX_OK ? made[0] : made[1];
    job.out = dense_out.view.data;
    job.in = dense_in.view.data;
    if (status == COREX_OK)
        run(&job, image, by_dtype);
    corex_dense_release(&dense_in);
    return corex_dense_finish(&dense_out, status);
}

corex_status corex_avg_pool2d(const corex_view *out, const corex_view *x,
                              const corex_pool2d_params *params)
{
    return average(out, x, x, out, params, average_ranges);
}

corex_status corex_avg_pool2d_backward(const corex_view *out, const corex_view *g,
                                       const corex_pool2d_params *params)
{
    return average(out, g, out, g, params, average_backward_ranges);
}
