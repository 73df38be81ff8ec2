/*
 * 2-d convolution as tiles of unrolled input times the weights. Tiles are independent, so threads
 * take them.
 */
#include "conv.h"
#include "dense.h"
#include "gemm.h"
#include "levels.h"
#include "sizes.h"

typedef struct conv_job {
    corex_conv conv;
    const char *x, *weight, *bias, *g;
    char *out;
    int64_t bias_step;
    int64_t tiles; /* per image and group */
    _Atomic int status;
} conv_job;

static void note(conv_job *job, corex_status status)
{
    if (status != COREX_OK)
        atomic_store(&job->status, (int)status);
}

static void fill_bias(const conv_job *job, char *out, int64_t group, int64_t pixels)
{
    const corex_conv *conv = &job->conv;
    const int64_t image_pixels = conv->oh * conv->ow;
    const corex_loop fill = corex_kernels_now()->copy->fill[COREX_BY_SIZE(conv->size)];
    for (int64_t o = 0; o < conv->out_channels; o++) {
        const char *value =
            job->bias + (group * conv->out_channels + o) * job->bias_step * conv->size;
        char *row = out + o * image_pixels * conv->size;
        char *p[] = {row, (char *)(uintptr_t)value};
        int64_t strides[] = {conv->size, 0};
        fill(p, strides, pixels);
    }
}

/* out[group, rows] = bias + weight x unrolled input */
static corex_status forward_tile(const conv_job *job, char *columns, int64_t part, int64_t tile)
{
    const corex_conv *conv = &job->conv;
    const int64_t pixels = conv->oh * conv->ow, group = part % conv->groups;
    const int64_t begin = tile * conv->tile, end = COREX_MIN(begin + conv->tile, conv->oh);
    const int64_t count = (end - begin) * conv->ow;
    const char *x = job->x + part * conv->in_channels * conv->h * conv->w * conv->size;
    char *out = job->out + (part * conv->out_channels * pixels + begin * conv->ow) * conv->size;
    corex_matrix weight = corex_dense(
        job->weight + group * conv->out_channels * conv->depth * conv->size, conv->depth);
    corex_matrix unrolled = corex_dense(columns, count);
    if (conv->direct)
        unrolled = corex_dense(x + begin * conv->ow * conv->size, conv->h * conv->w);
    else
        corex_im2col(conv, columns, x, begin, end);
    if (job->bias != NULL)
        fill_bias(job, out, group, count);
    return corex_gemm(conv->dtype, conv->out_channels, count, conv->depth, weight, unrolled,
                      corex_dense(out, pixels), job->bias != NULL);
}

static corex_status tile_scratch(const corex_conv *conv, corex_scratch *scratch)
{
    int64_t count = corex_times(corex_times3(conv->depth, conv->tile, conv->ow), conv->size);
    return corex_scratch_get(scratch, conv->direct ? 0 : count);
}

static void forward_range(void *context, int64_t begin, int64_t end)
{
    conv_job *job = context;
    corex_scratch columns;
    corex_status status = tile_scratch(&job->conv, &columns);
    for (int64_t i = begin; i < end && status == COREX_OK; i++)
        status = forward_tile(job, columns.data, i / job->tiles, i % job->tiles);
    note(job, status);
    corex_scratch_release(&columns);
}

/* Images and their groups. */
static int64_t parts_of(const corex_conv *conv) { return corex_times(conv->images, conv->groups); }

/* Several parts: our threads take them. One part: the threads share its products. */
static corex_status run_parts(conv_job *job, int64_t parts, corex_body body)
{
    if (parts > 1)
        corex_parallel_for(parts, 1, body, job);
    else
        body(job, 0, parts);
    int status = atomic_load(&job->status);
    return status == COREX_OK ? COREX_OK : corex_fail((corex_status)status, "no memory for conv2d");
}

corex_status corex_conv2d(const corex_view *out, const corex_view *x, const corex_view *weight,
                          const corex_view *bias, const corex_conv2d_params *params)
{
    conv_job job = {.bias = bias == NULL ? NULL : bias->data,
                    .bias_step = bias == NULL ? 0 : bias->strides[0]};
    corex_status status = corex_conv_init(&job.conv, x, weight, out, params);
    if (status == COREX_OK && bias != NULL &&
        (bias->ndim != 1 || bias->shape[0] != out->shape[1] || bias->dtype != out->dtype))
        status = corex_fail(COREX_ERR_VALUE, "conv2d: the bias must have one value per channel");
    if (status != COREX_OK || corex_numel(out) == 0)
        return status;
    corex_dense_view dense_out, dense_x, dense_weight;
    corex_status made[] = {corex_dense_output(&dense_out, out), corex_dense_input(&dense_x, x),
                           corex_dense_input(&dense_weight, weight)};
    for (int k = 0; k < 3 && status == COREX_OK; k++)
        status = made[k];
    job.out = dense_out.view.data;
    job.x = dense_x.view.data;
    job.weight = dense_weight.view.data;
    job.tiles = 1 + (job.conv.oh - 1) / job.conv.tile;
    if (status == COREX_OK)
        status = run_parts(&job, corex_times(parts_of(&job.conv), job.tiles), forward_range);
    corex_dense_release(&dense_x);
    corex_dense_release(&dense_weight);
    return corex_dense_finish(&dense_out, status);
}

/* ---- the gradient of the input: columns = weight^T g, rolled up again ---- */

static corex_status input_part(const conv_job *job, char *columns, int64_t part)
{
    const corex_conv *conv = &job->conv;
    const int64_t pixels = conv->oh * conv->ow, group = part % conv->groups;
    const int64_t image_bytes = conv->in_channels * conv->h * conv->w * conv->size;
    char *x = job->out + part * image_bytes;
    corex_matrix weight = corex_transposed(corex_dense(
        job->weight + group * conv->out_channels * conv->depth * conv->size, conv->depth));
    memset(x, 0, (size_t)image_bytes);
    for (int64_t begin = 0; begin < conv->oh; begin += conv->tile) {
        int64_t end = COREX_MIN(begin + conv->tile, conv->oh), count = (end - begin) * conv->ow;
        const char *g =
            job->g + (part * conv->out_channels * pixels + begin * conv->ow) * conv->size;
        corex_matrix target = corex_dense(columns, count);
        if (conv->direct)
            target = corex_dense(x + begin * conv->ow * conv->size, conv->h * conv->w);
        corex_status status = corex_gemm(conv->dtype, conv->depth, count, conv->out_channels,
                                         weight, corex_dense(g, pixels), target, false);
        if (status != COREX_OK)
            return status;
        if (!conv->direct)
            corex_col2im(conv, x, columns, begin, end);
    }
    return COREX_OK;
}

static void input_range(void *context, int64_t begin, int64_t end)
{
    conv_job *job = context;
    corex_scratch columns;
    corex_status status = tile_scratch(&job->conv, &columns);
    for (int64_t part = begin; part < end && status == COREX_OK; part++)
        status = input_part(job, columns.data, part);
    note(job, status);
    corex_scratch_release(&columns);
}

corex_status corex_conv2d_backward_input(const corex_view *out, const corex_view *g,
                                         const corex_view *weight,
                                         const corex_conv2d_params *params)
{
    conv_job job = {.bias = NULL};
    corex_status status = corex_conv_init(&job.conv, out, weight, g, params);
    if (status != COREX_OK || corex_numel(out) == 0)
        return status;
    corex_dense_view dense_out, dense_g, dense_weight;
    corex_status made[] = {corex_dense_output(&dense_out, out), corex_dense_input(&dense_g, g),
                           corex_dense_input(&dense_weight, weight)};
    for (int k = 0; k < 3 && status == COREX_OK; k++)
        status = made[k];
    job.out = dense_out.view.data;
    job.g = dense_g.view.data;
    job.weight = dense_weight.view.data;
    if (status == COREX_OK)
        status = run_parts(&job, parts_of(&job.conv), input_range);
    corex_dense_release(&dense_g);
    corex_dense_release(&dense_weight);
    return corex_dense_finish(&dense_out, status);
}

/* ---- the gradient of the weight: the sum over images of g columns^T, group by group ---- */

static corex_status weight_part(const conv_job *job, char *columns, int64_t group)
{
    const corex_conv *conv = &job->conv;
    const int64_t pixels = conv->oh * conv->ow;
    corex_matrix target =
        corex_dense(job->out + group * conv->out_channels * conv->depth * conv->size, conv->depth);
    for (int64_t image = 0; image < conv->images; image++) {
        const int64_t part = image * conv->groups + group;
        const char *x = job->x + part * conv->in_channels * conv->h * conv->w * conv->size;
        for (int64_t begin = 0; begin < conv->oh; begin += conv->tile) {
            int64_t end = COREX_MIN(begin + conv->tile, conv->oh);
            int64_t count = (end - begin) * conv->ow;
            const char *g =
                job->g + (part * conv->out_channels * pixels + begin * conv->ow) * conv->size;
            corex_matrix unrolled = corex_dense(columns, count);
            if (conv->direct)
                unrolled = corex_dense(x + begin * conv->ow * conv->size, conv->h * conv->w);
            else
                corex_im2col(conv, columns, x, begin, end);
            corex_status status =
                corex_gemm(conv->dtype, conv->out_channels, conv->depth, count,
                           corex_dense(g, pixels), corex_transposed(unrolled), target, true);
            if (status != COREX_OK)
                return status;
        }
    }
    return COREX_OK;
}

static void weight_range(void *context, int64_t begin, int64_t end)
{
    conv_job *job = context;
    corex_scratch columns;
    corex_status status = tile_scratch(&job->conv, &columns);
    for (int64_t group = begin; group < end && status == COREX_OK; group++)
        status = weight_part(job, columns.data, group);
    note(job, status);
    corex_scratch_release(&columns);
}

corex_status corex_conv2d_backward_weight(const corex_view *out, const corex_view *g,
                                          const corex_view *x, const corex_conv2d_params *params)
{
    conv_job job = {.bias = NULL};
    corex_status status = corex_conv_init(&job.conv, x, out, g, params);
    if (status != COREX_OK || corex_numel(out) == 0)
        return status;
    corex_dense_view dense_out, dense_g, dense_x;
    corex_status made[] = {corex_dense_output(&dense_out, out), corex_dense_input(&dense_g, g),
                           corex_dense_input(&dense_x, x)};
    for (int k = 0; k < 3 && status == COREX_OK; k++)
        status = made[k];
    job.out = dense_out.view.data;
    job.g = dense_g.view.data;
    job.x = dense_x.view.data;
    if (status == COREX_OK) {
        memset(job.out, 0, (size_t)corex_times(corex_numel(out), job.conv.size));
        status = run_parts(&job, job.conv.groups, weight_range);
    }
    corex_dense_release(&dense_g);
    corex_dense_release(&dense_x);
    return corex_dense_finish(&dense_out, status);
}
