/*
 * Floats of 16 bits, computed with in float32: some hundred elements at a time are converted into a
 * block that stays in the first cache, where the loop for float32 runs, and its result is converted
 * back. So every loop serves them, and none is written for them.
 */
#include "half.h"

#define BLOCK 1024
#define MOST 3 /* operands */

/* How a line is computed; it travels as a last operand whose stride is 0. */
typedef struct job {
    int nops;
    corex_loop loop;
    corex_loop from[MOST]; /* makes float32 of an operand, or NULL where that is done */
    corex_loop to;         /* makes a half of float32, or NULL */
} job;

/* The operand as float32: in `block`, if it has to be converted. */
static void read_block(const job *j, int k, float *block, char **p, int64_t *stride, int64_t n)
{
    if (j->from[k] == NULL)
        return;
    char *both[] = {(char *)block, *p};
    const int64_t steps[] = {sizeof(float), *stride};
    j->from[k](both, steps, *stride == 0 ? 1 : n);
    *p = (char *)block;
    *stride = *stride == 0 ? 0 : (int64_t)sizeof(float);
}

static void run_block(const job *j, char *const *p, const int64_t *s, int64_t n)
{
    float blocks[MOST][BLOCK];
    char *at[MOST];
    int64_t step[MOST];
    for (int k = 0; k < j->nops; k++) {
        at[k] = p[k];
        step[k] = s[k];
        if (k > 0)
            read_block(j, k, blocks[k], &at[k], &step[k], n);
    }
    if (j->to == NULL) {
        j->loop(at, step, n);
        return;
    }
    char *both[] = {at[0], (char *)blocks[0]};
    const int64_t steps[] = {step[0], sizeof(float)};
    at[0] = (char *)blocks[0];
    step[0] = sizeof(float);
    j->loop(at, step, n);
    j->to(both, steps, n);
}

static void run_line(const job *j, char *const *p, const int64_t *s, int64_t n)
{
    for (int64_t start = 0; start < n; start += BLOCK) {
        char *at[MOST];
        for (int k = 0; k < j->nops; k++)
            at[k] = p[k] + start * s[k];
        run_block(j, at, s, COREX_MIN(BLOCK, n - start));
    }
}

static void line2(char *const *p, const int64_t *s, int64_t n)
{
    run_line((const job *)p[2], p, s, n);
}

static void line3(char *const *p, const int64_t *s, int64_t n)
{
    run_line((const job *)p[3], p, s, n);
}

static corex_status run(job *j, int cost, const corex_view *const *views)
{
    static const int64_t zeros[COREX_MAX_DIMS];
    const corex_view *out = views[0];
    const corex_view last = {j, out->shape, zeros, out->ndim, COREX_UINT8};
    const corex_view *all[MOST + 1];
    corex_iter iter;
    for (int k = 0; k < j->nops; k++)
        all[k] = views[k];
    all[j->nops] = &last;
    const corex_status status = corex_iter_init(&iter, j->nops + 1, all);
    if (status == COREX_OK)
        corex_iter_run(&iter, COREX_WRITES_ONLY, j->nops == 2 ? line2 : line3, cost + 2);
    return status;
}

corex_status corex_half_map(corex_loop loop, int cost, int nops, const corex_view *const *views)
{
    const corex_copy_table *copy = corex_kernels_now()->copy;
    job j = {.nops = nops, .loop = loop, .to = copy->to_half[views[0]->dtype]};
    for (int k = 1; k < nops; k++)
        j.from[k] = copy->from_half[views[k]->dtype];
    return run(&j, cost, views);
}

corex_status corex_half_copy(const corex_view *out, const corex_view *a)
{
    const corex_copy_table *copy = corex_kernels_now()->copy;
    const bool halves = copy->to_half[out->dtype] != NULL, single = a->dtype == COREX_FLOAT32;
    const corex_view *views[] = {out, a};
    job j = {.nops = 2, .loop = copy->convert[COREX_FLOAT32][out->dtype]};
    if (!halves) {
        j.from[1] = copy->from_half[a->dtype];
    } else {
        /* The loop makes float32 of what comes, unless it comes so. */
        j.to = copy->to_half[out->dtype];
        j.loop = single                      ? copy->convert[COREX_UINT32][COREX_UINT32]
                 : copy->from_half[a->dtype] ? copy->from_half[a->dtype]
                                             : copy->convert[a->dtype][COREX_FLOAT32];
    }
    return run(&j, 1, views);
}
