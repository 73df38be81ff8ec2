/* Unrolling of the input of a convolution, so that it becomes a matrix product. */
#include "conv.h"
#include "sizes.h"

static corex_status bad(const char *what)
{
    return corex_fail(COREX_ERR_VALUE, "conv2d: %s", what);
}

static corex_status check_types(const corex_view *x, const corex_view *weight,
                                const corex_view *out)
{
    if (!COREX_AMONG(COREX_FLOATS, x->dtype) || weight->dtype != x->dtype || out->dtype != x->dtype)
        return corex_fail(COREX_ERR_TYPE, "conv2d takes floats of one dtype");
    if (x->ndim != 4 || weight->ndim != 4 || out->ndim != 4)
        return bad("needs four dimensions each");
    return COREX_OK;
}

static int64_t out_size(int64_t in, int64_t kernel, int64_t stride, int64_t padding,
                        int64_t dilation)
{
    const int64_t padded = corex_plus(in, corex_times(2, padding));
    const int64_t reach = corex_plus(corex_times(dilation, COREX_MAX(kernel - 1, 0)), 1);
    if (padded == COREX_TOO_MUCH || reach > padded)
        return 0;
    return (padded - reach) / stride + 1;
}

corex_status corex_conv_init(corex_conv *conv, const corex_view *x, const corex_view *weight,
                             const corex_view *out, const corex_conv2d_params *params)
{
    corex_status status = check_types(x, weight, out);
    if (status != COREX_OK)
        return status;
    if (params->groups < 1)
        return bad("groups must be positive");
    for (int d = 0; d < 2; d++) {
        if (params->stride[d] < 1 || params->dilation[d] < 1 || params->padding[d] < 0)
            return bad("stride and dilation must be positive, padding not negative");
        conv->stride[d] = params->stride[d];
        conv->padding[d] = params->padding[d];
        conv->dilation[d] = params->dilation[d];
    }
    conv->dtype = x->dtype;
    conv->size = corex_itemsizes[x->dtype];
    conv->images = x->shape[0];
    conv->groups = params->groups;
    conv->in_channels = weight->shape[1];
    conv->out_channels = weight->shape[0] / params->groups;
    conv->h = x->shape[2];
    conv->w = x->shape[3];
    conv->kh = weight->shape[2];
    conv->kw = weight->shape[3];
    conv->oh = out->shape[2];
    conv->ow = out->shape[3];
    conv->depth = corex_times3(conv->in_channels, conv->kh, conv->kw);
    if (x->shape[1] != corex_times(conv->in_channels, conv->groups) ||
        out->shape[1] != corex_times(conv->out_channels, conv->groups) ||
        weight->shape[0] != out->shape[1] || out->shape[0] != conv->images)
        return bad("channels or batch sizes do not fit");
    if (conv->oh !=
            out_size(conv->h, conv->kh, conv->stride[0], conv->padding[0], conv->dilation[0]) ||
        conv->ow !=
            out_size(conv->w, conv->kw, conv->stride[1], conv->padding[1], conv->dilation[1]))
        return bad("the output has the wrong size");
    conv->direct = corex_path(COREX_PATH_CONV) == COREX_AUTO && conv->kh == 1 && conv->kw == 1 &&
                   conv->stride[0] == 1 && conv->stride[1] == 1 && conv->padding[0] == 0 &&
                   conv->padding[1] == 0;
    int64_t row_bytes = COREX_MAX(1, corex_times3(conv->depth, conv->ow, conv->size));
    /* A tile should stay in the second-level cache. */
    const int64_t rows = corex_path(COREX_PATH_CONV_TILE_BYTES) / row_bytes;
    conv->tile = COREX_MAX(1, COREX_MIN(rows, conv->oh));
    return COREX_OK;
}

/* Output columns [*first, *last) whose input column lies inside the image. */
static void valid_columns(const corex_conv *conv, int64_t kx, int64_t *first, int64_t *last)
{
    const int64_t shift = kx * conv->dilation[1] - conv->padding[1], stride = conv->stride[1];
    *first = shift < 0 ? 1 + (-shift - 1) / stride : 0;
    *last = conv->w - shift <= 0 ? 0 : 1 + (conv->w - shift - 1) / stride;
    *first = COREX_MIN(*first, conv->ow);
    *last = COREX_MAX(*first, COREX_MIN(*last, conv->ow));
}

#define IM2COL(sfx, T) \
    static void im2col_row_##sfx(const corex_conv *conv, T *to, const T *row, int64_t kx) \
    { \
        int64_t first, last; \
        valid_columns(conv, kx, &first, &last); \
        const T *from = row + kx * conv->dilation[1] - conv->padding[1]; \
        const int64_t stride = conv->stride[1]; \
        for (int64_t j = 0; j < first; j++) \
            to[j] = 0; \
        if (stride == 1) \
            memcpy(to + first, from + first, (size_t)(last - first) * sizeof(T)); \
        else \
            for (int64_t j = first; j < last; j++) \
                to[j] = from[j * stride]; \
        for (int64_t j = last; j < conv->ow; j++) \
            to[j] = 0; \
    } \
    static void im2col_##sfx(const corex_conv *conv, T *columns, const T *x, int64_t begin, \
                             int64_t end) \
    { \
        for (int64_t c = 0; c < conv->in_channels; c++) \
            for (int64_t ky = 0; ky < conv->kh; ky++) \
                for (int64_t kx = 0; kx < conv->kw; kx++) \
                    for (int64_t i = begin; i < end; i++, columns += conv->ow) { \
                        int64_t y = \
                            i * conv->stride[0] - conv->padding[0] + ky * conv->dilation[0]; \
                        if (y < 0 || y >= conv->h) \
                            memset(columns, 0, (size_t)conv->ow * sizeof(T)); \
                        else \
                            im2col_row_##sfx(conv, columns, x + (c * conv->h + y) * conv->w, kx); \
                    } \
    } \
    static void col2im_##sfx(const corex_conv *conv, T *x, const T *columns, int64_t begin, \
                             int64_t end) \
    { \
        const int64_t stride = conv->stride[1]; \
        for (int64_t c = 0; c < conv->in_channels; c++) \
            for (int64_t ky = 0; ky < conv->kh; ky++) \
                for (int64_t kx = 0; kx < conv->kw; kx++) { \
                    int64_t first, last; \
                    valid_columns(conv, kx, &first, &last); \
                    for (int64_t i = begin; i < end; i++, columns += conv->ow) { \
                        int64_t y = \
                            i * conv->stride[0] - conv->padding[0] + ky * conv->dilation[0]; \
                        if (y < 0 || y >= conv->h) \
                            continue; \
                        T *to = x + (c * conv->h + y) * conv->w + kx * conv->dilation[1] - \
                                conv->padding[1]; \
                        if (stride == 1) \
                            for (int64_t j = first; j < last; j++) \
                                to[j] += columns[j]; \
                        else \
                            for (int64_t j = first; j < last; j++) \
                                to[j * stride] += columns[j]; \
                    } \
                } \
    }

COREX_FLOAT_ROWS(COREX_MAKE, IM2COL)

#define CASE(number, NAME, name, sfx, T, U, kind, prefix, to, from) \
    case COREX_##NAME: prefix##_##sfx(conv, (T *)to, (const T *)from, begin, end); break;

void corex_im2col(const corex_conv *conv, char *columns, const char *x, int64_t begin, int64_t end)
{
    switch (conv->dtype) {
        COREX_FLOAT_ROWS(CASE, im2col, columns, x)
    }
}

void corex_col2im(const corex_conv *conv, char *x, const char *columns, int64_t begin, int64_t end)
{
    switch (conv->dtype) {
        COREX_FLOAT_ROWS(CASE, col2im, x, columns)
    }
}
