// Raises the fault flag where BAD(x) holds for an element x of type T.

__kernel void check(__global int *fault, __global const T *values, const Layout layout,
                    const long lowest, const long highest)
{
    const long i = get_global_id(0);
    if (i >= layout.count)
        return;
    long at[OPERANDS];
    locate(&layout, 1, i, at);
    const T x = values[at[0]];
    if (BAD(x))
        *fault = 1; // whoever comes first, the flag is the same
}
