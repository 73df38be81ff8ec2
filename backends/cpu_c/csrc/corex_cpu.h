/*
 * corex_cpu.h - the C ABI of the corex CPU library.
 *
 * Every function that can fail returns a corex_status; corex_last_error() then has the reason, per
 * thread. Nothing here exits, prints, or keeps a pointer it was given. Functions may be called from
 * several threads at once, as long as they do not write the same memory.
 *
 * The library needs no Python, so it can be loaded with ctypes or linked from C. Views, statuses
 * and dtypes are those of corex_types.h; corex calls it by a table (export.c).
 */
#ifndef COREX_CPU_H
#define COREX_CPU_H

#include <stddef.h>
#include <stdint.h>

#include "corex_types.h"

#ifdef __cplusplus
extern "C" {
#endif

#define COREX_API COREX_EXPORT

/* The version of this header; corex_abi_version() returns that of the library. */
#define COREX_ABI_VERSION 2

/* ---- the library ---- */
COREX_API int corex_abi_version(void);
/* The reason of this thread's last failure; valid until its next failure. */
COREX_API const char *corex_last_error(void);
/* Bytes per element, or 0 for a number that is no dtype. */
COREX_API size_t corex_itemsize(int dtype);

/* ---- memory ---- */
/* 64-byte aligned, uninitialised; nbytes may be 0. Free with the same nbytes. */
COREX_API corex_status corex_alloc(int64_t nbytes, void **out);
COREX_API void corex_free(void *ptr, int64_t nbytes);
COREX_API void corex_empty_cache(void);
/* At most this many unused bytes are kept for reuse (default: a quarter of the memory, or
 * COREX_CPU_CACHE_BYTES from the environment). */
COREX_API void corex_set_cache_limit(int64_t nbytes);
COREX_API int64_t corex_get_cache_limit(void);
COREX_API void corex_get_memory_stats(corex_memory_stats *out);

/* ---- threads ---- */
COREX_API int corex_get_num_threads(void);
COREX_API corex_status corex_set_num_threads(int count);

/* ---- paths: what the processor, a size or a number of threads would choose; docs/cpu.md ---- */
/* Forces a path to a value, "auto" being the default. Not while kernels run. */
COREX_API corex_status corex_force(const char *path, const char *value);
COREX_API int corex_path_count(void);
/* Number, name and meaning of a path; -1 or NULL if there is none. */
COREX_API int corex_path_find(const char *name);
COREX_API const char *corex_path_name(int path);
COREX_API const char *corex_path_about(int path);
/* The value: the number of a choice where the path has choices, else as it is. */
COREX_API int64_t corex_path_value(int path);
/* Choice number `choice` of a path, or NULL beyond the last. */
COREX_API const char *corex_path_choice(int path, int choice);
/* The level of the instruction set in use: "baseline", "v3" or "v4". */
COREX_API const char *corex_level_name(void);

/* ---- elementwise; ops are named as in docs/kernels.md ---- */
/* The number of an op for the functions below, or -1. */
COREX_API int corex_unary_op(const char *name);
COREX_API int corex_binary_op(const char *name);
COREX_API int corex_reduce_op(const char *name);

COREX_API corex_status corex_copy(const corex_view *out, const corex_view *a);
/* value: 8 bytes, an int64_t for is_integer, else a double. */
/* is_integer: 0 for a double, 1 for an int64, 2 for a uint64 (fill alone). Integers wrap around;
 * a double is converted as by corex_copy. */
COREX_API corex_status corex_fill(const corex_view *out, int is_integer, const void *value);
COREX_API corex_status corex_arange(const corex_view *out, int is_integer, const void *start,
                                    const void *step);
COREX_API corex_status corex_unary(int op, const corex_view *out, const corex_view *a);
COREX_API corex_status corex_binary(int op, const corex_view *out, const corex_view *a,
                                    const corex_view *b);
COREX_API corex_status corex_where(const corex_view *out, const corex_view *cond,
                                   const corex_view *a, const corex_view *b);

/* ---- reductions: the last n dimensions of a are reduced ---- */
COREX_API corex_status corex_reduce(int op, const corex_view *out, const corex_view *a, int n);
COREX_API corex_status corex_cumsum(const corex_view *out, const corex_view *a);
COREX_API corex_status corex_argsort(const corex_view *out, const corex_view *a, int descending);
/* Entries first, first + 1, ... of argsort, as many as the last dimension of out has. */
COREX_API corex_status corex_argselect(const corex_view *out, const corex_view *a, int64_t first,
                                       int descending);

COREX_API corex_status corex_cumprod(const corex_view *out, const corex_view *a);
/* Of each entry of a row, the product of all others. */
COREX_API corex_status corex_prod_others(const corex_view *out, const corex_view *a);
COREX_API corex_status corex_logcumsumexp(const corex_view *out, const corex_view *a);
/* Where the largest (smallest) entry so far is. */
COREX_API corex_status corex_argcumextreme(const corex_view *out, const corex_view *a,
                                           int smallest);
/* out[j] = a[j] + b[j] out[j - 1], or from the end: out[j] = a[j] + b[j + 1] out[j + 1]. */
COREX_API corex_status corex_chain(const corex_view *out, const corex_view *a, const corex_view *b,
                                   int from_the_end);

/* ---- linear algebra ---- */
COREX_API corex_status corex_matmul(const corex_view *out, const corex_view *a,
                                    const corex_view *b);
/* bias may be NULL */
COREX_API corex_status corex_linear(const corex_view *out, const corex_view *a,
                                    const corex_view *weight, const corex_view *bias);
/* Which BLAS is in use ("none": own kernels) and where it was found. */
COREX_API const char *corex_blas_name(void);
COREX_API const char *corex_blas_path(void);
/* Loads a BLAS from a shared library; the first success wins. */
COREX_API corex_status corex_blas_load(const char *path);

/* ---- indexing ---- */
COREX_API corex_status corex_index(const corex_view *out, const corex_view *a, int k,
                                   const corex_view *indices);
COREX_API corex_status corex_index_put(const corex_view *out, const corex_view *values,
                                       int accumulate, int k, const corex_view *indices);
COREX_API corex_status corex_nonzero(const corex_view *out, const corex_view *a);
COREX_API corex_status corex_gather(const corex_view *out, const corex_view *a,
                                    const corex_view *index);
COREX_API corex_status corex_scatter_add(const corex_view *out, const corex_view *index,
                                         const corex_view *src);

/* ---- random numbers (Philox4x32-10) ---- */
COREX_API corex_status corex_random_bits(const corex_view *out, uint64_t seed, uint64_t offset);
COREX_API corex_status corex_random_uniform(const corex_view *out, uint64_t seed, uint64_t offset);
COREX_API corex_status corex_random_normal(const corex_view *out, uint64_t seed, uint64_t offset);

/* ---- normalisation ---- */
COREX_API corex_status corex_softmax(const corex_view *out, const corex_view *a, int log);
COREX_API corex_status corex_softmax_backward(const corex_view *out, const corex_view *g,
                                              const corex_view *y, int log);
/* weight, bias may be NULL */
COREX_API corex_status corex_layer_norm(const corex_view *out, const corex_view *mean,
                                        const corex_view *rstd, const corex_view *a,
                                        const corex_view *weight, const corex_view *bias,
                                        double eps);
/* Per dense row of n floats its squared deviations over `freedom`, computed in float64. */
COREX_API void corex_row_variance(double *out, const void *a, int dtype, int64_t rows, int64_t n,
                                  double freedom);
COREX_API corex_status corex_layer_norm_backward(const corex_view *out, const corex_view *g,
                                                 const corex_view *a, const corex_view *mean,
                                                 const corex_view *rstd, const corex_view *weight);

/* ---- losses ---- */
COREX_API corex_status corex_mse_loss(const corex_view *out, const corex_view *a,
                                      const corex_view *b);
COREX_API corex_status corex_mse_loss_backward(const corex_view *out, const corex_view *g,
                                               const corex_view *a, const corex_view *b);

/* ---- convolution and pooling, NCHW; pairs are (height, width) ---- */
typedef struct corex_conv2d_params {
    int64_t stride[2], padding[2], dilation[2], groups;
} corex_conv2d_params;

typedef struct corex_pool2d_params {
    int64_t kernel[2], stride[2], padding[2], dilation[2];
    int count_include_pad;
} corex_pool2d_params;

COREX_API corex_status corex_conv2d(const corex_view *out, const corex_view *x,
                                    const corex_view *weight, const corex_view *bias,
                                    const corex_conv2d_params *params);
COREX_API corex_status corex_conv2d_backward_input(const corex_view *out, const corex_view *g,
                                                   const corex_view *weight,
                                                   const corex_conv2d_params *params);
COREX_API corex_status corex_conv2d_backward_weight(const corex_view *out, const corex_view *g,
                                                    const corex_view *x,
                                                    const corex_conv2d_params *params);
COREX_API corex_status corex_max_pool2d(const corex_view *out, const corex_view *indices,
                                        const corex_view *x, const corex_pool2d_params *params);
COREX_API corex_status corex_max_pool2d_backward(const corex_view *out, const corex_view *g,
                                                 const corex_view *indices);
COREX_API corex_status corex_avg_pool2d(const corex_view *out, const corex_view *x,
                                        const corex_pool2d_params *params);
COREX_API corex_status corex_avg_pool2d_backward(const corex_view *out, const corex_view *g,
                                                 const corex_pool2d_params *params);

/* ---- optimizers: one call per step, over `count` parameters ---- */
typedef struct corex_sgd_params {
    double lr, momentum, dampening, weight_decay;
    int nesterov, maximize, first;
} corex_sgd_params;

typedef struct corex_adam_params {
    double step, lr, beta1, beta2, eps, weight_decay;
    int decoupled, maximize;
} corex_adam_params;

/* momenta may be NULL when momentum is 0 */
COREX_API corex_status corex_sgd_step(int count, const corex_view *params, const corex_view *grads,
                                      const corex_view *momenta, const corex_sgd_params *options);
COREX_API corex_status corex_adam_step(int count, const corex_view *params, const corex_view *grads,
                                       const corex_view *exp_avgs, const corex_view *exp_avg_sqs,
                                       const corex_adam_params *options);

#ifdef __cplusplus
}
#endif

#endif
