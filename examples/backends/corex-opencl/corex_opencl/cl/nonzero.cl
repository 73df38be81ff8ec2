// The positions of true elements, in order: count them by chunks, sum the counts up, write.

__kernel void count_true(__global long *counts, __global const uchar *a, const Layout layout,
                         const long chunk)
{
    const long start = get_global_id(0) * chunk;
    if (start >= layout.count)
        return;
    const long end = min(start + chunk, layout.count);
    long found = 0;
    for (long i = start; i < end; ++i) {
        long at[OPERANDS];
        locate(&layout, 1, i, at);
        found += a[at[0]] != 0;
    }
    counts[get_global_id(0)] = found;
}

// Every count becomes the sum of those before it. One work-item does it all: there are few.
__kernel void sum_up(__global long *counts, const long length)
{
    if (get_global_id(0) != 0)
        return;
    long total = 0;
    for (long i = 0; i < length; ++i) {
        const long count = counts[i];
        counts[i] = total;
        total += count;
    }
}

__kernel void write_true(__global long *found, __global const long *starts, __global const uchar *a,
                         const Layout layout, const long chunk)
{
    const long start = get_global_id(0) * chunk;
    if (start >= layout.count)
        return;
    const long end = min(start + chunk, layout.count);
    long place = starts[get_global_id(0)];
    for (long i = start; i < end; ++i) {
        long at[OPERANDS];
        locate(&layout, 1, i, at);
        if (a[at[0]] != 0)
            found[place++] = i;
    }
}

// One coordinate of the positions found.
__kernel void coordinate(__global long *out, __global const long *found, const long count,
                         const long offset, const long stride, const long divisor, const long size)
{
    const long i = get_global_id(0);
    if (i < count)
        out[offset + i * stride] = found[i] / divisor % size;
}
