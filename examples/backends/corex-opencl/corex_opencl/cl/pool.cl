// Pooling: a window slides over the last two dims of (N, C, H, W).

// Offset and strides of a 4-d operand, in elements.
typedef struct {
    long offset, stride[4];
} Grid;

typedef struct {
    long batches, channels, height, width; // of the input
    long down, across;                     // places of the window: the output's size
    long kernel_size[2], stride[2], padding[2], dilation[2];
} Window;

static inline long place(Grid grid, long batch, long channel, long row, long column)
{
    return grid.offset + batch * grid.stride[0] + channel * grid.stride[1] + row * grid.stride[2] +
           column * grid.stride[3];
}

// Splits a work-item's number into (batch, channel, row, column) of a rows x columns image.
#define PIXEL(rows, columns) \
    const long i = get_global_id(0); \
    if (i >= window.batches * window.channels * (rows) * (columns)) \
        return; \
    const long column = i % (columns), row = i / (columns) % (rows); \
    const long plane = i / (columns) / (rows); \
    const long channel = plane % window.channels, batch = plane / window.channels

__kernel void max_pool2d(__global T *out, __global long *indices, __global const T *x,
                         const Grid out_grid, const Grid indices_grid, const Grid x_grid,
                         const Window window)
{
    PIXEL(window.down, window.across);
    long best = -1;
    T value = 0;
    for (long p = 0; p < window.kernel_size[0]; ++p) {
        const long h = row * window.stride[0] - window.padding[0] + p * window.dilation[0];
        for (long q = 0; q < window.kernel_size[1]; ++q) {
            const long w = column * window.stride[1] - window.padding[1] + q * window.dilation[1];
            if (h < 0 || h >= window.height || w < 0 || w >= window.width)
                continue;
            const T candidate = x[place(x_grid, batch, channel, h, w)];
            if (best < 0 || candidate > value || candidate != candidate) {
                best = h * window.width + w;
                value = candidate;
            }
        }
    }
    out[place(out_grid, batch, channel, row, column)] = value;
    indices[place(indices_grid, batch, channel, row, column)] = best;
}

// One work-item per plane, so that the order of additions is always the same.
__kernel void max_pool2d_backward(__global T *out, __global const T *g,
                                  __global const long *indices, const Grid out_grid,
                                  const Grid g_grid, const Grid indices_grid, const Window window)
{
    PIXEL(1, 1);
    for (long h = 0; h < window.height; ++h)
        for (long w = 0; w < window.width; ++w)
            out[place(out_grid, batch, channel, row + h, column + w)] = 0;
    for (long p = 0; p < window.down; ++p)
        for (long q = 0; q < window.across; ++q) {
            const long at = indices[place(indices_grid, batch, channel, p, q)];
            out[place(out_grid, batch, channel, at / window.width, at % window.width)] +=
                g[place(g_grid, batch, channel, p, q)];
        }
}

// How many positions of a window along one dim count, and the first and last real one.
static inline long counted(const Window *window, int dim, long at, long size, int with_padding,
                           long *first, long *last)
{
    const long start = at * window->stride[dim] - window->padding[dim];
    const long end = min(start + window->kernel_size[dim], size + window->padding[dim]);
    *first = max(start, 0L);
    *last = min(end, size);
    return with_padding ? end - start : *last - *first;
}

__kernel void avg_pool2d(__global T *out, __global const T *x, const Grid out_grid,
                         const Grid x_grid, const Window window, const int with_padding)
{
    PIXEL(window.down, window.across);
    long top, bottom, left, right;
    const long rows = counted(&window, 0, row, window.height, with_padding, &top, &bottom);
    const long columns = counted(&window, 1, column, window.width, with_padding, &left, &right);
    WIDE sum = 0;
    for (long h = top; h < bottom; ++h)
        for (long w = left; w < right; ++w)
            sum += (WIDE)x[place(x_grid, batch, channel, h, w)];
    out[place(out_grid, batch, channel, row, column)] = (T)(sum / (WIDE)(rows * columns));
}

__kernel void avg_pool2d_backward(__global T *out, __global const T *g, const Grid out_grid,
                                  const Grid g_grid, const Window window, const int with_padding)
{
    PIXEL(window.height, window.width);
    WIDE sum = 0;
    for (long p = 0; p < window.kernel_size[0]; ++p) {
        const long h = row + window.padding[0] - p;
        if (h < 0 || h % window.stride[0] != 0 || h / window.stride[0] >= window.down)
            continue;
        for (long q = 0; q < window.kernel_size[1]; ++q) {
            const long w = column + window.padding[1] - q;
            if (w < 0 || w % window.stride[1] != 0 || w / window.stride[1] >= window.across)
                continue;
            const long y = h / window.stride[0], x = w / window.stride[1];
            long first, last;
            const long rows = counted(&window, 0, y, window.height, with_padding, &first, &last);
            const long columns = counted(&window, 1, x, window.width, with_padding, &first, &last);
            sum += (WIDE)g[place(g_grid, batch, channel, y, x)] / (WIDE)(rows * columns);
        }
    }
    out[place(out_grid, batch, channel, row, column)] = (T)sum;
}
