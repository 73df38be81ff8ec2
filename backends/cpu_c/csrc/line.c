/* One contiguous line of elements: threads, and streaming stores where they pay. */
#include "internal.h"
#include "sizes.h"
#if defined(__SSE2__)
#include <emmintrin.h>
#endif

/*
 * Streaming stores skip the cache; they pay only when the output would not fit there anyway, and
 * only where the processor would otherwise read each line before it writes it. Those with AVX-512
 * write whole lines: there, streaming was measured to cost a fifth (on AVX2 ones, to save a third).
 *
 * The loop then writes to a block beside the output, which is copied past the cache. So it may only
 * be done to loops that are declared COREX_WRITES_ONLY: another would read the block for its
 * output.
 */
#define STREAM_BLOCK 4096

static bool processor_gains(void)
{
#if defined(__x86_64__) && defined(__GNUC__)
    return !__builtin_cpu_supports("avx512vl");
#else
    return false;
#endif
}

/* Copies whole vectors past the cache; both sides keep their alignment modulo 16. */
static void stream_copy(char *restrict to, const char *restrict from, int64_t nbytes)
{
#if defined(__SSE2__)
    int64_t head = COREX_MIN((int64_t)(-(uintptr_t)to & 15), nbytes);
    memcpy(to, from, (size_t)head);
    int64_t i = head;
    for (; i + 64 <= nbytes; i += 64) {
        __m128i v0 = _mm_loadu_si128((const __m128i *)(from + i));
        __m128i v1 = _mm_loadu_si128((const __m128i *)(from + i + 16));
        __m128i v2 = _mm_loadu_si128((const __m128i *)(from + i + 32));
        __m128i v3 = _mm_loadu_si128((const __m128i *)(from + i + 48));
        _mm_stream_si128((__m128i *)(to + i), v0);
        _mm_stream_si128((__m128i *)(to + i + 16), v1);
        _mm_stream_si128((__m128i *)(to + i + 32), v2);
        _mm_stream_si128((__m128i *)(to + i + 48), v3);
    }
    memcpy(to + i, from + i, (size_t)(nbytes - i));
#else
    memcpy(to, from, (size_t)nbytes);
#endif
}

typedef struct line {
    char *const *p;
    const int64_t *strides;
    int nops, out_itemsize;
    bool stream;
    corex_loop loop;
} line;

static void line_range(void *context, int64_t begin, int64_t end)
{
    const line *job = context;
    char *p[COREX_MAX_OPERANDS];
    for (int k = 0; k < job->nops; k++)
        p[k] = job->p[k] + begin * job->strides[k];
    if (!job->stream) {
        job->loop(p, job->strides, end - begin);
        return;
    }
    _Alignas(64) char block[STREAM_BLOCK];
    const int64_t step = STREAM_BLOCK / job->out_itemsize;
    for (int64_t i = begin; i < end; i += step) {
        int64_t n = COREX_MIN(step, end - i);
        char *target = p[0];
        p[0] = block;
        job->loop(p, job->strides, n);
        stream_copy(target, block, n * job->out_itemsize);
        p[0] = target;
        for (int k = 0; k < job->nops; k++)
            p[k] += n * job->strides[k];
    }
#if defined(__SSE2__)
    _mm_sfence();
#endif
}

/* The bytes that operand k may touch; no element has more than eight. */
static void reach(const char *p, int64_t stride, int64_t n, uintptr_t *low, uintptr_t *high)
{
    const uintptr_t first = (uintptr_t)p, last = (uintptr_t)(p + (n - 1) * stride);
    *low = COREX_MIN(first, last);
    *high = COREX_MAX(first, last) + 8;
}

/* An output that is also an input is in the cache, or on its way there. */
static bool overlaps_an_input(char *const *p, const int64_t *strides, int64_t n, int nops)
{
    uintptr_t low, high, other_low, other_high;
    reach(p[0], strides[0], n, &low, &high);
    for (int k = 1; k < nops; k++) {
        reach(p[k], strides[k], n, &other_low, &other_high);
        if (low < other_high && other_low < high)
            return true;
    }
    return false;
}

static bool should_stream(char *const *p, const int64_t *strides, int64_t n, int nops,
                          int out_itemsize, corex_access access)
{
    const int64_t choice = corex_path(COREX_PATH_STREAM);
    if (access != COREX_WRITES_ONLY || strides[0] != out_itemsize || choice == COREX_NEVER)
        return false;
    if (COREX_LIKELY(corex_times(n, out_itemsize) < corex_path(COREX_PATH_STREAM_BYTES)) &&
        choice != COREX_ALWAYS)
        return false;
    return (choice == COREX_ALWAYS || processor_gains()) && !overlaps_an_input(p, strides, n, nops);
}

void corex_run_line(char *const *p, const int64_t *strides, int64_t n, int nops, int out_itemsize,
                    corex_access access, corex_loop loop, int cost)
{
    const bool stream = n > 0 && should_stream(p, strides, n, nops, out_itemsize, access);
    const int64_t grain = COREX_GRAIN;
    if (!stream && corex_times(n, cost) <= grain) {
        loop(p, strides, n);
        return;
    }
    line job = {p, strides, nops, out_itemsize, stream, loop};
    corex_parallel_for(n, grain / cost, line_range, &job);
}
