/*
 * BLAS, found at run time: OpenBLAS beside this library, or any other that exports a CBLAS under
 * one of the usual names. Loaded with dlopen, so that it is never a link-time dependency.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <pthread.h>
#include <stdio.h>

#include "blas.h"
#include "machine.h"

enum { ROW_MAJOR = 101, NO_TRANS = 111, TRANS = 112 };

/* Two integer widths exist; the name tells which. */
#define GEMM(T, I) (int, int, int, I, I, I, T, const T *, I, const T *, I, T, T *, I)
#define GEMV(T, I) (int, int, I, I, T, const T *, I, const T *, I, T, T *, I)

typedef void(*sgemm32) GEMM(float, int32_t);
typedef void(*sgemm64) GEMM(float, int64_t);
typedef void(*dgemm32) GEMM(double, int32_t);
typedef void(*dgemm64) GEMM(double, int64_t);
/* Of complex numbers everything comes by address. */
#define GEMM_BY_ADDRESS(I) \
    (int, int, int, I, I, I, const void *, const void *, I, const void *, I, const void *, void *, \
     I)
typedef void(*zgemm32) GEMM_BY_ADDRESS(int32_t);
typedef void(*zgemm64) GEMM_BY_ADDRESS(int64_t);
typedef void(*sgemv32) GEMV(float, int32_t);
typedef void(*sgemv64) GEMV(float, int64_t);
typedef void(*dgemv32) GEMV(double, int32_t);
typedef void(*dgemv64) GEMV(double, int64_t);

static struct {
    void *sgemm, *dgemm, *sgemv, *dgemv;
    void *cgemm, *zgemm; /* or NULL */
    bool wide;           /* 64-bit integers */
    bool ours;           /* nobody else uses it, and it has one thread */
    int most;            /* threads that OPENBLAS_NUM_THREADS allows */
    char name[128], path[1024];
} blas = {.name = "none"};

static const struct {
    const char *prefix, *suffix;
    bool wide;
} spellings[] = {
    {"scipy_", "", false}, {"scipy_", "64_", true}, {"", "", false}, {"", "64_", true}};

static void *find(void *library, int spelling, const char *symbol)
{
    char name[128];
    snprintf(name, sizeof name, "%s%s%s", spellings[spelling].prefix, symbol,
             spellings[spelling].suffix);
    return dlsym(library, name);
}

static bool take_symbols(void *library, int spelling)
{
    void *sgemm = find(library, spelling, "cblas_sgemm");
    void *dgemm = find(library, spelling, "cblas_dgemm");
    void *sgemv = find(library, spelling, "cblas_sgemv");
    void *dgemv = find(library, spelling, "cblas_dgemv");
    if (sgemm == NULL || dgemm == NULL || sgemv == NULL || dgemv == NULL)
        return false;
    blas.sgemm = sgemm;
    blas.dgemm = dgemm;
    blas.cgemm = find(library, spelling, "cblas_cgemm");
    blas.zgemm = find(library, spelling, "cblas_zgemm");
    blas.sgemv = sgemv;
    blas.dgemv = dgemv;
    blas.wide = spellings[spelling].wide;
    char *(*config)(void) =
        (char *(*)(void))(uintptr_t)find(library, spelling, "openblas_get_config");
    snprintf(blas.name, sizeof blas.name, "%s", config != NULL ? config() : "cblas");
    return true;
}

/*
 * OpenBLAS chooses its kernels while it is loaded, by a table of processors that takes AVX-512
 * machines it does not know for AVX2 ones, which halves the speed. Tell it, unless the user did.
 */
static bool wants_hint(void)
{
#if defined(__x86_64__) && defined(__GNUC__)
    return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
           __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl") &&
           __builtin_cpu_supports("avx512cd") && !__builtin_cpu_is("intel");
#else
    return false;
#endif
}

/*
 * A copy of our own is loaded with one thread, for good: then there is nothing to switch between
 * kernels that call it from threads of ours and those that do not, none of its threads gets lost in
 * a fork, and products are shared among the threads of the pool (product.c).
 */
static void *open_library(const char *path, bool ours)
{
    static const char threads[] = "OPENBLAS_NUM_THREADS";
    const bool hint = getenv("OPENBLAS_CORETYPE") == NULL && wants_hint();
    char before[32];
    const char *set = getenv(threads);
    snprintf(before, sizeof before, "%s", set == NULL ? "" : set);
    if (hint)
        setenv("OPENBLAS_CORETYPE", "SkylakeX", 1);
    if (ours)
        setenv(threads, "1", 1);
    void *library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    if (hint)
        unsetenv("OPENBLAS_CORETYPE");
    if (ours && set == NULL)
        unsetenv(threads);
    else if (ours)
        setenv(threads, before, 1);
    return library;
}

/*
 * OpenBLAS has locks inside, which a fork would copy as they are, and ends its threads before one,
 * even while they work. So calls and forks keep each other out.
 */
#ifdef PTHREAD_RWLOCK_WRITER_NONRECURSIVE_INITIALIZER_NP
#define FREE_GATE PTHREAD_RWLOCK_WRITER_NONRECURSIVE_INITIALIZER_NP
#else
#define FREE_GATE PTHREAD_RWLOCK_INITIALIZER
#endif

static pthread_rwlock_t gate = FREE_GATE;

static void enter(void) { pthread_rwlock_rdlock(&gate); }
static void leave(void) { pthread_rwlock_unlock(&gate); }
static void before_fork(void) { pthread_rwlock_wrlock(&gate); }
static void after_fork_in_parent(void) { pthread_rwlock_unlock(&gate); }
static void after_fork_in_child(void)
{
    const pthread_rwlock_t fresh = FREE_GATE;
    gate = fresh;
}

corex_status corex_blas_open(const char *path, bool ours)
{
    if (blas.sgemm != NULL)
        return COREX_OK;
    void *library = open_library(path, ours);
    if (library == NULL)
        return corex_fail(COREX_ERR_SYSTEM, "%s", dlerror());
    for (int k = 0; k < (int)(sizeof spellings / sizeof spellings[0]); k++)
        if (take_symbols(library, k)) {
            snprintf(blas.path, sizeof blas.path, "%s", path);
            const int64_t most = corex_environment_number("OPENBLAS_NUM_THREADS");
            blas.most = most > 0 && most < INT_MAX ? (int)most : INT_MAX;
            blas.ours = ours;
            /* After the library's own: the last that is installed is the first to be called. */
            pthread_atfork(before_fork, after_fork_in_parent, after_fork_in_child);
            return COREX_OK;
        }
    dlclose(library);
    return corex_fail(COREX_ERR_SYSTEM, "%s has no CBLAS", path);
}

corex_status corex_blas_load(const char *path) { return corex_blas_open(path, false); }

int corex_blas_threads(void)
{
    return blas.ours ? COREX_MIN(corex_parallel_threads(), blas.most) : 1;
}

const char *corex_blas_name(void) { return blas.name; }
const char *corex_blas_path(void) { return blas.path; }

static bool usable(int64_t a, int64_t b, int64_t c)
{
    if (blas.sgemm == NULL || corex_path(COREX_PATH_BLAS) == COREX_NEVER)
        return false;
    return blas.wide || (a <= INT32_MAX && b <= INT32_MAX && c <= INT32_MAX);
}

#define DEFINE_GEMM(name, T, symbol, narrow, wider) \
    static void name(const corex_blas_gemm_call *g) \
    { \
        const int ta = g->ta ? TRANS : NO_TRANS, tb = g->tb ? TRANS : NO_TRANS; \
        const T *a = (const T *)g->a, *b = (const T *)g->b; \
        T *c = (T *)g->c; \
        const T beta = g->accumulate; \
        if (blas.wide) \
            ((wider)(uintptr_t)blas.symbol)(ROW_MAJOR, ta, tb, g->m, g->n, g->k, 1, a, g->lda, b, \
                                            g->ldb, beta, c, g->ldc); \
        else \
            ((narrow)(uintptr_t)blas.symbol)(ROW_MAJOR, ta, tb, (int32_t)g->m, (int32_t)g->n, \
                                             (int32_t)g->k, 1, a, (int32_t)g->lda, b, \
                                             (int32_t)g->ldb, beta, c, (int32_t)g->ldc); \
    }

DEFINE_GEMM(call_sgemm, float, sgemm, sgemm32, sgemm64)
DEFINE_GEMM(call_dgemm, double, dgemm, dgemm32, dgemm64)

static void call_by_address(void *symbol, const corex_blas_gemm_call *g, const void *one,
                            const void *beta)
{
    const int ta = g->ta ? TRANS : NO_TRANS, tb = g->tb ? TRANS : NO_TRANS;
    if (blas.wide)
        ((zgemm64)(uintptr_t)symbol)(ROW_MAJOR, ta, tb, g->m, g->n, g->k, one, g->a, g->lda, g->b,
                                     g->ldb, beta, g->c, g->ldc);
    else
        ((zgemm32)(uintptr_t)symbol)(ROW_MAJOR, ta, tb, (int32_t)g->m, (int32_t)g->n, (int32_t)g->k,
                                     one, g->a, (int32_t)g->lda, g->b, (int32_t)g->ldb, beta, g->c,
                                     (int32_t)g->ldc);
}

static void call_cgemm(const corex_blas_gemm_call *g)
{
    const corex_complex64 one = {1, 0}, beta = {g->accumulate, 0};
    call_by_address(blas.cgemm, g, &one, &beta);
}

static void call_zgemm(const corex_blas_gemm_call *g)
{
    const corex_complex128 one = {1, 0}, beta = {g->accumulate, 0};
    call_by_address(blas.zgemm, g, &one, &beta);
}

static bool lacks(int dtype)
{
    return (dtype == COREX_COMPLEX64 && blas.cgemm == NULL) ||
           (dtype == COREX_COMPLEX128 && blas.zgemm == NULL);
}

bool corex_blas_gemm(const corex_blas_gemm_call *g)
{
    static void (*const calls[COREX_NUM_DTYPES])(const corex_blas_gemm_call *) = {
        [COREX_FLOAT32] = call_sgemm,
        [COREX_FLOAT64] = call_dgemm,
        [COREX_COMPLEX64] = call_cgemm,
        [COREX_COMPLEX128] = call_zgemm};
    if (calls[g->dtype] == NULL || lacks(g->dtype) ||
        !usable(COREX_MAX(g->m, g->lda), COREX_MAX(g->n, g->ldb), COREX_MAX(g->k, g->ldc)))
        return false;
    enter();
    calls[g->dtype](g);
    leave();
    return true;
}

#define DEFINE_GEMV(name, T, symbol, narrow, wider) \
    static void name(const corex_blas_gemv_call *g) \
    { \
        const int trans = g->transposed ? TRANS : NO_TRANS; \
        const T *a = (const T *)g->a, *x = (const T *)g->x; \
        T *y = (T *)g->y; \
        const T beta = g->accumulate; \
        if (blas.wide) \
            ((wider)(uintptr_t)blas.symbol)(ROW_MAJOR, trans, g->m, g->n, 1, a, g->lda, x, \
                                            g->incx, beta, y, g->incy); \
        else \
            ((narrow)(uintptr_t)blas.symbol)(ROW_MAJOR, trans, (int32_t)g->m, (int32_t)g->n, 1, a, \
                                             (int32_t)g->lda, x, (int32_t)g->incx, beta, y, \
                                             (int32_t)g->incy); \
    }

DEFINE_GEMV(call_sgemv, float, sgemv, sgemv32, sgemv64)
DEFINE_GEMV(call_dgemv, double, dgemv, dgemv32, dgemv64)

bool corex_blas_gemv(const corex_blas_gemv_call *g)
{
    static void (*const calls[COREX_NUM_DTYPES])(const corex_blas_gemv_call *) = {
        [COREX_FLOAT32] = call_sgemv, [COREX_FLOAT64] = call_dgemv};
    if (calls[g->dtype] == NULL ||
        !usable(COREX_MAX(g->m, g->incx), COREX_MAX(g->n, g->incy), g->lda))
        return false;
    enter();
    calls[g->dtype](g);
    leave();
    return true;
}
