// Reading and writing at positions that are data. The positions have been checked before.

#ifdef POSITIONS_ONLY
// positions[i] (+)= index[i] * stride, the index counted from the start.
__kernel void positions(__global long *out, __global const long *index, const Layout layout,
                        const long size, const long stride, const int first)
{
    const long i = get_global_id(0);
    if (i >= layout.count)
        return;
    long at[OPERANDS];
    locate(&layout, 1, i, at);
    const long from_start = index[at[0]] < 0 ? index[at[0]] + size : index[at[0]];
    out[i] = (first ? 0 : out[i]) + from_start * stride;
}
#else
// out = a[... + position * step]; the operands are out, a and the positions.
__kernel void take(__global T *out, __global const T *a, __global const long *positions,
                   const Layout layout, const long step)
{
    const long i = get_global_id(0);
    if (i >= layout.count)
        return;
    long at[OPERANDS];
    locate(&layout, 3, i, at);
    out[at[0]] = a[at[1] + positions[at[2]] * step];
}

// For every element of the layout, in order of j < length:
// out[... + position[j] * step] = or += values[j]; the operands are out, values and the positions.
__kernel void put(__global T *out, __global const T *values, __global const long *positions,
                  const Layout layout, const long step, const long length, const long value_step,
                  const long position_step)
{
    const long i = get_global_id(0);
    if (i >= layout.count)
        return;
    long at[OPERANDS];
    locate(&layout, 3, i, at);
    for (long j = 0; j < length; ++j) {
        const long target = at[0] + positions[at[2] + j * position_step] * step;
        const T value = values[at[1] + j * value_step];
        out[target] = COMBINE(out[target], value);
    }
}
#endif
