// Reductions: every output joins the elements of one row. The layout `kept` says where the outputs
// and their rows are (operands 0 and 1), `inner` where the elements of a row are (operand 0).
//
// Macros: T the element; ACC what is accumulated; NOTHING its neutral value; ITEM(x, j) an element
// as ACC; JOIN(p, q) both together, q coming later; OUT_TYPE, and RESULT(total, length).

#define BLOCK 128

#ifdef POSITIONS
// For argmax and argmin: the best element and where it was; -1 if there is none yet.
typedef struct {
    T value;
    long at;
} Best;

static inline Best item(T value, long at)
{
    const Best best = {value, at};
    return best;
}

static inline bool wins(Best q, Best p)
{
    const bool q_nan = q.value != q.value, p_nan = p.value != p.value;
    if (q_nan || p_nan)
        return q_nan && (!p_nan || q.at < p.at);
    return BEATS(q.value, p.value) || (q.value == p.value && q.at < p.at);
}

static inline Best join(Best p, Best q)
{
    if (p.at < 0 || q.at < 0)
        return p.at < 0 ? q : p;
    return wins(q, p) ? q : p;
}
#else
static inline ACC join(ACC p, ACC q) { return JOIN(p, q); }
#endif

static inline ACC element(__global const T *row, const Layout *inner, long j)
{
    if (inner->rank <= 1)
        return ITEM(row[j * inner->stride[0][0]], j);
    long at[OPERANDS];
    locate(inner, 1, j, at);
    return ITEM(row[at[0]], j);
}

// One work-item per output. The sums of blocks are joined apart, against rounding errors.
__kernel void rows(__global OUT_TYPE *out, __global const T *a, const Layout kept,
                   const Layout inner)
{
    const long i = get_global_id(0);
    if (i >= kept.count)
        return;
    long at[OPERANDS];
    locate(&kept, 2, i, at);
    ACC total = NOTHING;
    for (long start = 0; start < inner.count; start += BLOCK) {
        const long end = min(start + BLOCK, inner.count);
        ACC part = NOTHING;
        for (long j = start; j < end; ++j)
            part = join(part, element(a + at[1], &inner, j));
        total = join(total, part);
    }
    out[at[0]] = RESULT(total, inner.count);
}

// One group per output and segment of its row: a tree in local memory.
__kernel void segments(__global ACC *parts, __global const T *a, const Layout kept,
                       const Layout inner, const long segments_per_row)
{
    __local ACC shared[GROUP];
    const long group = get_group_id(0);
    const long lane = get_local_id(0);
    long at[OPERANDS];
    locate(&kept, 2, group / segments_per_row, at);
    ACC total = NOTHING;
    const long step = segments_per_row * GROUP;
    for (long j = group % segments_per_row * GROUP + lane; j < inner.count; j += step)
        total = join(total, element(a + at[1], &inner, j));
    shared[lane] = total;
    for (long lower = GROUP / 2; lower > 0; lower /= 2) {
        barrier(CLK_LOCAL_MEM_FENCE);
        if (lane < lower)
            shared[lane] = join(shared[lane], shared[lane + lower]);
    }
    if (lane == 0)
        parts[group] = shared[0];
}

// One work-item per output joins the segments.
__kernel void together(__global OUT_TYPE *out, __global const ACC *parts, const Layout kept,
                       const long segments_per_row, const long length)
{
    const long i = get_global_id(0);
    if (i >= kept.count)
        return;
    long at[OPERANDS];
    locate(&kept, 2, i, at);
    ACC total = NOTHING;
    for (long s = 0; s < segments_per_row; ++s)
        total = join(total, parts[i * segments_per_row + s]);
    out[at[0]] = RESULT(total, length);
}
