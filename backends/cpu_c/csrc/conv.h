/* The geometry of a 2-d convolution, and its unrolled input. */
#ifndef COREX_CONV_H
#define COREX_CONV_H

#include "internal.h"

typedef struct corex_conv {
    int dtype, size;
    int64_t images, groups;
    int64_t in_channels, out_channels; /* of one group */
    int64_t h, w, kh, kw, oh, ow;
    int64_t stride[2], padding[2], dilation[2];
    int64_t depth; /* rows of the unrolled input: in_channels * kh * kw */
    int64_t tile;  /* output rows unrolled together */
    bool direct;   /* 1x1, stride 1: the input is its own unrolling */
} corex_conv;

/* Checks all shapes; x (N, C, H, W), weight (O, C / groups, KH, KW), out (N, O, OH, OW). */
corex_status corex_conv_init(corex_conv *conv, const corex_view *x, const corex_view *weight,
                             const corex_view *out, const corex_conv2d_params *params);

/* Unrolls output rows [begin, end) of one image and group: (depth, (end - begin) * ow). */
void corex_im2col(const corex_conv *conv, char *columns, const char *x, int64_t begin, int64_t end);
/* The reverse: adds the columns to the places in x they came from. */
void corex_col2im(const corex_conv *conv, char *x, const char *columns, int64_t begin, int64_t end);

#endif
