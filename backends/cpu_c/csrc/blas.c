/*
 * BLAS, found at run time: OpenBLAS beside this library, or any other that exports a CBLAS under
 * one of the usual names. Loaded with dlopen, so that it is never a link-time dependency.
 */
#include <dlfcn.h>
#include <stdio.h>

#include "blas.h"

enum { ROW_MAJOR = 101, NO_TRANS = 111, TRANS = 112 };

/* Two integer widths exist; the name tells which. */
#define GEMM(T, I) (int, int, int, I, I, I, T, const T *, I, const T *, I, T, T *, I)
#define GEMV(T, I) (int, int, I, I, T, const T *, I, const T *, I, T, T *, I)

typedef void(*sgemm32) GEMM(float, int32_t);
typedef void(*sgemm64) GEMM(float, int64_t);
typedef void(*dgemm32) GEMM(double, int32_t);
typedef void(*dgemm64) GEMM(double, int64_t);
typedef void(*sgemv32) GEMV(float, int32_t);
typedef void(*sgemv64) GEMV(float, int64_t);
typedef void(*dgemv32) GEMV(double, int32_t);
typedef void(*dgemv64) GEMV(double, int64_t);

static struct {
    void *sgemm, *dgemm, *sgemv, *dgemv;
    void (*set_threads)(int);
    bool wide; /* 64-bit integers */
    int threads;
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
    blas.sgemv = sgemv;
    blas.dgemv = dgemv;
    blas.wide = spellings[spelling].wide;
    blas.set_threads =
        (void (*)(int))(uintptr_t)find(library, spelling, "openblas_set_num_threads");
    char *(*config)(void) =
        (char *(*)(void))(uintptr_t)find(library, spelling, "openblas_get_config");
    snprintf(blas.name, sizeof blas.name, "%s", config != NULL ? config() : "cblas");
    return true;
}

/*
 * OpenBLAS chooses its kernels while it is loaded, by a table of processors that takes AVX-512
 * machines it does not know for AVX2 ones, which halves the speed. Tell it, unless the user did.
 */
static void *open_library(const char *path)
{
    bool hint = false;
#if defined(__x86_64__) && defined(__GNUC__)
    hint = getenv("OPENBLAS_CORETYPE") == NULL && __builtin_cpu_supports("avx512f") &&
           __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512dq") &&
           __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512cd") &&
           !__builtin_cpu_is("intel");
#endif
    if (hint)
        setenv("OPENBLAS_CORETYPE", "SkylakeX", 1);
    void *library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    if (hint)
        unsetenv("OPENBLAS_CORETYPE");
    return library;
}

corex_status corex_blas_load(const char *path)
{
    if (blas.sgemm != NULL)
        return COREX_OK;
    void *library = open_library(path);
    if (library == NULL)
        return corex_fail(COREX_ERR_SYSTEM, "%s", dlerror());
    for (int k = 0; k < (int)(sizeof spellings / sizeof spellings[0]); k++)
        if (take_symbols(library, k)) {
            snprintf(blas.path, sizeof blas.path, "%s", path);
            corex_blas_set_threads(corex_get_num_threads());
            return COREX_OK;
        }
    dlclose(library);
    return corex_fail(COREX_ERR_SYSTEM, "%s has no CBLAS", path);
}

const char *corex_blas_name(void) { return blas.name; }
const char *corex_blas_path(void) { return blas.path; }

void corex_blas_set_threads(int count)
{
    if (blas.set_threads != NULL && blas.threads != count) {
        blas.threads = count;
        blas.set_threads(count);
    }
}

static bool usable(int64_t a, int64_t b, int64_t c)
{
    if (blas.sgemm == NULL || corex_path(COREX_PATH_BLAS) == COREX_NEVER)
        return false;
    return blas.wide || (a <= INT32_MAX && b <= INT32_MAX && c <= INT32_MAX);
}

#define DEFINE_GEMM(name, T, symbol, narrow, wider) \
    bool name(bool ta, bool tb, int64_t m, int64_t n, int64_t k, T alpha, const T *a, int64_t lda, \
              const T *b, int64_t ldb, T beta, T *c, int64_t ldc) \
    { \
        if (!usable(COREX_MAX(m, lda), COREX_MAX(n, ldb), COREX_MAX(k, ldc))) \
            return false; \
        int first = ta ? TRANS : NO_TRANS, second = tb ? TRANS : NO_TRANS; \
        if (blas.wide) \
            ((wider)(uintptr_t)blas.symbol)(ROW_MAJOR, first, second, m, n, k, alpha, a, lda, b, \
                                            ldb, beta, c, ldc); \
        else \
            ((narrow)(uintptr_t)blas.symbol)(ROW_MAJOR, first, second, (int32_t)m, (int32_t)n, \
                                             (int32_t)k, alpha, a, (int32_t)lda, b, (int32_t)ldb, \
                                             beta, c, (int32_t)ldc); \
        return true; \
    }

DEFINE_GEMM(corex_blas_sgemm, float, sgemm, sgemm32, sgemm64)
DEFINE_GEMM(corex_blas_dgemm, double, dgemm, dgemm32, dgemm64)

#define DEFINE_GEMV(name, T, symbol, narrow, wider) \
    bool name(bool transposed, int64_t m, int64_t n, const T *a, int64_t lda, const T *x, \
              int64_t incx, T beta, T *y, int64_t incy) \
    { \
        if (!usable(COREX_MAX(m, incx), COREX_MAX(n, incy), lda)) \
            return false; \
        int trans = transposed ? TRANS : NO_TRANS; \
        if (blas.wide) \
            ((wider)(uintptr_t)blas.symbol)(ROW_MAJOR, trans, m, n, 1, a, lda, x, incx, beta, y, \
                                            incy); \
        else \
            ((narrow)(uintptr_t)blas.symbol)(ROW_MAJOR, trans, (int32_t)m, (int32_t)n, 1, a, \
                                             (int32_t)lda, x, (int32_t)incx, beta, y, \
                                             (int32_t)incy); \
        return true; \
    }

DEFINE_GEMV(corex_blas_sgemv, float, sgemv, sgemv32, sgemv64)
DEFINE_GEMV(corex_blas_dgemv, double, dgemv, dgemv32, dgemv64)
