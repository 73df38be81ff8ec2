// Layer norm over the rows of a matrix, one work-item per row; sums are computed in WIDE.
//
// A Lines says where a matrix begins and the strides of its rows and columns; a vector has one
// stride, and the other one is 0. `present` is 0 for an operand that is not there.

typedef struct {
    long present, offset, row, column;
} Lines;

#define AT(lines, i, j) ((lines).offset + (i) * (lines).row + (j) * (lines).column)

__kernel void layer_norm(__global T *out, __global T *mean, __global T *rstd, __global const T *a,
                         __global const T *weight, __global const T *bias, const Lines out_at,
                         const Lines mean_at, const Lines rstd_at, const Lines a_at,
                         const Lines weight_at, const Lines bias_at, const long rows, const long n,
                         const WIDE eps)
{
    const long i = get_global_id(0);
    if (i >= rows)
        return;
    WIDE sum = 0, squares = 0;
    for (long j = 0; j < n; ++j)
        sum += (WIDE)a[AT(a_at, i, j)];
    const WIDE center = sum / n;
    for (long j = 0; j < n; ++j) {
        const WIDE distance = (WIDE)a[AT(a_at, i, j)] - center;
        squares += distance * distance;
    }
    const WIDE scale = 1 / sqrt(squares / n + eps);
    for (long j = 0; j < n; ++j) {
        WIDE value = ((WIDE)a[AT(a_at, i, j)] - center) * scale;
        if (weight_at.present)
            value *= (WIDE)weight[AT(weight_at, 0, j)];
        if (bias_at.present)
            value += (WIDE)bias[AT(bias_at, 0, j)];
        out[AT(out_at, i, j)] = (T)value;
    }
    mean[AT(mean_at, i, 0)] = (T)center;
    rstd[AT(rstd_at, i, 0)] = (T)scale;
}

static inline WIDE scaled(__global const T *g, __global const T *weight, Lines g_at,
                          Lines weight_at, long i, long j)
{
    const WIDE value = (WIDE)g[AT(g_at, i, j)];
    return weight_at.present ? value * (WIDE)weight[AT(weight_at, 0, j)] : value;
}

__kernel void layer_norm_backward(__global T *out, __global const T *g, __global const T *a,
                                  __global const T *mean, __global const T *rstd,
                                  __global const T *weight, const Lines out_at, const Lines g_at,
                                  const Lines a_at, const Lines mean_at, const Lines rstd_at,
                                  const Lines weight_at, const long rows, const long n)
{
    const long i = get_global_id(0);
    if (i >= rows)
        return;
    const WIDE center = (WIDE)mean[AT(mean_at, i, 0)], scale = (WIDE)rstd[AT(rstd_at, i, 0)];
    WIDE sum = 0, product = 0;
    for (long j = 0; j < n; ++j) {
        const WIDE value = scaled(g, weight, g_at, weight_at, i, j);
        sum += value;
        product += value * ((WIDE)a[AT(a_at, i, j)] - center) * scale;
    }
    for (long j = 0; j < n; ++j) {
        const WIDE normed = ((WIDE)a[AT(a_at, i, j)] - center) * scale;
        const WIDE value = scaled(g, weight, g_at, weight_at, i, j);
        out[AT(out_at, i, j)] = (T)((value - sum / n - normed * product / n) * scale);
    }
}
