// Kernels along the last dimension, one work-item per row. The layout shows the beginnings of the
// rows, the steps lead from element to element. Sums and exponentials are computed in WIDE.

typedef struct {
    long length;
    long step[OPERANDS];
} Row;

#define ROW_OF(operands) \
    const long i = get_global_id(0); \
    if (i >= layout.count) \
        return; \
    long at[OPERANDS]; \
    locate(&layout, operands, i, at); \
    const long n = row.length

#if IS_FLOAT
static inline WIDE largest(__global const T *a, long step, long n)
{
    T found = -INFINITY;
    for (long j = 0; j < n; ++j)
        found = a[j * step] > found ? a[j * step] : found;
    return found;
}

static inline WIDE exponentials(__global const T *a, long step, long n, WIDE top)
{
    WIDE sum = 0;
    for (long j = 0; j < n; ++j)
        sum += exp((WIDE)a[j * step] - top);
    return sum;
}

__kernel void softmax(__global T *out, __global const T *a, const Layout layout, const Row row)
{
    ROW_OF(2);
    out += at[0];
    a += at[1];
    const WIDE top = largest(a, row.step[1], n);
    const WIDE sum = exponentials(a, row.step[1], n, top);
    for (long j = 0; j < n; ++j)
        out[j * row.step[0]] = (T)(exp((WIDE)a[j * row.step[1]] - top) / sum);
}

__kernel void log_softmax(__global T *out, __global const T *a, const Layout layout, const Row row)
{
    ROW_OF(2);
    out += at[0];
    a += at[1];
    const WIDE top = largest(a, row.step[1], n);
    const WIDE shift = log(exponentials(a, row.step[1], n, top));
    for (long j = 0; j < n; ++j)
        out[j * row.step[0]] = (T)((WIDE)a[j * row.step[1]] - top - shift);
}

__kernel void softmax_backward(__global T *out, __global const T *g, __global const T *y,
                               const Layout layout, const Row row)
{
    ROW_OF(3);
    out += at[0];
    g += at[1];
    y += at[2];
    WIDE sum = 0;
    for (long j = 0; j < n; ++j)
        sum += (WIDE)g[j * row.step[1]] * (WIDE)y[j * row.step[2]];
    for (long j = 0; j < n; ++j)
        out[j * row.step[0]] = (T)((WIDE)y[j * row.step[2]] * ((WIDE)g[j * row.step[1]] - sum));
}

__kernel void log_softmax_backward(__global T *out, __global const T *g, __global const T *y,
                                   const Layout layout, const Row row)
{
    ROW_OF(3);
    out += at[0];
    g += at[1];
    y += at[2];
    WIDE sum = 0;
    for (long j = 0; j < n; ++j)
        sum += (WIDE)g[j * row.step[1]];
    for (long j = 0; j < n; ++j)
        out[j * row.step[0]] = (T)((WIDE)g[j * row.step[1]] - exp((WIDE)y[j * row.step[2]]) * sum);
}
#endif

__kernel void cumsum(__global T *out, __global const T *a, const Layout layout, const Row row)
{
    ROW_OF(2);
    WIDE sum = 0;
    for (long j = 0; j < n; ++j) {
        sum += (WIDE)a[at[1] + j * row.step[1]];
        out[at[0] + j * row.step[0]] = (T)sum;
    }
}
