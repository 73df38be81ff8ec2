/* Which level of the instruction set is in use: the best that was built and that the processor has.
 */
#include "levels.h"
#if defined(__x86_64__) && defined(__GNUC__)
#include <cpuid.h>
#endif

#include "force.h"

static const char *const names[COREX_LEVEL_COUNT] = {"baseline", "v3", "v4"};

extern const corex_kernels corex_kernels_baseline;
#ifdef COREX_BUILT_V3
extern const corex_kernels corex_kernels_v3;
#endif
#ifdef COREX_BUILT_V4
extern const corex_kernels corex_kernels_v4;
#endif

static const corex_kernels *const built[COREX_LEVEL_COUNT] = {
    [COREX_LEVEL_BASELINE] = &corex_kernels_baseline,
#ifdef COREX_BUILT_V3
    [COREX_LEVEL_V3] = &corex_kernels_v3,
#endif
#ifdef COREX_BUILT_V4
    [COREX_LEVEL_V4] = &corex_kernels_v4,
#endif
};

_Atomic int corex_level_in_use = COREX_LEVEL_BASELINE;
_Atomic(const corex_kernels *) corex_kernels_in_use = &corex_kernels_baseline;

#if defined(__x86_64__) && defined(__GNUC__)
/* Bits of CPUID that __builtin_cpu_supports does not know in every compiler. */
#define MOVBE (1u << 22)
#define F16C (1u << 29)
#define LZCNT (1u << 5)

static bool has_small_extensions(void)
{
    unsigned a, b, c, d;
    if (!__get_cpuid(1, &a, &b, &c, &d) || (c & (MOVBE | F16C)) != (MOVBE | F16C))
        return false;
    return __get_cpuid(0x80000001, &a, &b, &c, &d) && (c & LZCNT) != 0;
}

/* The builtin also asks whether the system saves the registers. */
static bool processor_has(int level)
{
    __builtin_cpu_init();
    if (level == COREX_LEVEL_BASELINE)
        return true;
    const bool v3 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") &&
                    __builtin_cpu_supports("bmi") && __builtin_cpu_supports("bmi2") &&
                    has_small_extensions();
    if (level == COREX_LEVEL_V3)
        return v3;
    return v3 && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
           __builtin_cpu_supports("avx512cd") && __builtin_cpu_supports("avx512dq") &&
           __builtin_cpu_supports("avx512vl");
}
#else
static bool processor_has(int level) { return level == COREX_LEVEL_BASELINE; }
#endif

const corex_kernels *corex_level_kernels(int level)
{
    return level >= 0 && level < COREX_LEVEL_COUNT && processor_has(level) ? built[level] : NULL;
}

corex_status corex_level_select(int64_t choice, const char *name)
{
    int level = choice == COREX_AUTO ? COREX_LEVEL_COUNT - 1 : (int)choice - 1;
    while (choice == COREX_AUTO && corex_level_kernels(level) == NULL)
        level--;
    const corex_kernels *kernels = corex_level_kernels(level);
    if (kernels == NULL)
        return corex_fail(COREX_ERR_VALUE, "level %s %s", name,
                          built[level] == NULL ? "was not built"
                                               : "is more than this processor has");
    atomic_store(&corex_level_in_use, level);
    atomic_store(&corex_kernels_in_use, kernels);
    return COREX_OK;
}

const char *corex_level_name(void) { return names[corex_level_now()]; }
