// Filling memory. BITS_TYPE holds T's bits.

__kernel void fill(__global BITS_TYPE *out, const Layout layout, const BITS_TYPE value)
{
    const long i = get_global_id(0);
    if (i >= layout.count)
        return;
    long at[OPERANDS];
    locate(&layout, 1, i, at);
    out[at[0]] = value;
}

// out[i] = start + i * step, computed in STEP_TYPE.
__kernel void arange(__global T *out, const Layout layout, const STEP_TYPE start,
                     const STEP_TYPE step)
{
    const long i = get_global_id(0);
    if (i >= layout.count)
        return;
    long at[OPERANDS];
    locate(&layout, 1, i, at);
    out[at[0]] = (T)(start + (STEP_TYPE)i * step);
}
