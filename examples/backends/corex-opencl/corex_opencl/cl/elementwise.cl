// out = EXPRESSION of one element each of a, b, c.
//
// Macros: INPUTS 1 to 3; OUT_TYPE; A_TYPE, B_TYPE, C_TYPE as stored and A_AS, B_AS, C_AS as
// computed with.

#if INPUTS == 1
#define POINTERS __global OUT_TYPE *out, __global const A_TYPE *x
#define ARGUMENTS A_AS a
#define ELEMENTS (A_AS) x[at[1]]
#elif INPUTS == 2
#define POINTERS __global OUT_TYPE *out, __global const A_TYPE *x, __global const B_TYPE *y
#define ARGUMENTS A_AS a, B_AS b
#define ELEMENTS (A_AS) x[at[1]], (B_AS)y[at[2]]
#else
#define POINTERS \
    __global OUT_TYPE *out, __global const A_TYPE *x, __global const B_TYPE *y, \
        __global const C_TYPE *z
#define ARGUMENTS A_AS a, B_AS b, C_AS c
#define ELEMENTS (A_AS) x[at[1]], (B_AS)y[at[2]], (C_AS)z[at[3]]
#endif

static inline OUT_TYPE result(ARGUMENTS) { return (OUT_TYPE)(EXPRESSION); }

// One dim, along which each operand takes the given step: 1, or 0 where it is broadcast.
#define ALONG(name, step1, step2, step3) \
    __kernel void name(POINTERS, const Layout layout) \
    { \
        const long i = get_global_id(0); \
        if (i >= layout.count) \
            return; \
        const long at[] = {layout.offset[0] + i, layout.offset[1] + step1 * i, \
                           layout.offset[2] + step2 * i, layout.offset[3] + step3 * i}; \
        out[at[0]] = result(ELEMENTS); \
    }

#if INPUTS == 1
ALONG(along_11, 1, 0, 0)
ALONG(along_10, 0, 0, 0)
#elif INPUTS == 2
ALONG(along_111, 1, 1, 0)
ALONG(along_110, 1, 0, 0)
ALONG(along_101, 0, 1, 0)
#else
ALONG(along_1111, 1, 1, 1)
#endif

__kernel void anywhere(POINTERS, const Layout layout)
{
    const long i = get_global_id(0);
    if (i >= layout.count)
        return;
    long at[OPERANDS];
    locate(&layout, INPUTS + 1, i, at);
    out[at[0]] = result(ELEMENTS);
}
