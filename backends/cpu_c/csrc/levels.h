/*
 * The kernels that exist once per level of the instruction set, and which level is in use.
 *
 * The files in kernels/ are compiled once per level, with other flags and another COREX_LEVEL. What
 * they define is static but for one table each, whose name carries the level; kernels/table.c puts
 * the tables of its level together. Everything else in the library is compiled once, for the
 * baseline, and reaches the kernels through corex_kernels_now().
 */
#ifndef COREX_LEVELS_H
#define COREX_LEVELS_H

#include "columns.h"
#include "gemm.h"
#include "internal.h"
#include "reduce.h"

/* Levels, from the one that every processor has. On processors other than x86-64 it is the only. */
typedef enum corex_level {
    COREX_LEVEL_BASELINE,
    COREX_LEVEL_V3, /* x86-64-v3: AVX2 and FMA */
    COREX_LEVEL_V4, /* x86-64-v4: AVX-512 */
    COREX_LEVEL_COUNT
} corex_level;

/* Tables have one kernel per dtype, NULL where there is none, or one per size. */
typedef struct corex_op_table {
    const corex_op *rows;
    int count;
} corex_op_table;

typedef struct corex_reduction_table {
    const corex_reduction *rows;
    int count;
} corex_reduction_table;

typedef struct corex_copy_table {
    corex_loop convert[COREX_NUM_DTYPES][COREX_NUM_DTYPES];            /* from, to */
    corex_loop from_half[COREX_NUM_DTYPES], to_half[COREX_NUM_DTYPES]; /* to and from float32 */
    corex_loop move[COREX_NUM_SIZES];                                  /* operands out, a */
    corex_loop fill[COREX_NUM_SIZES];                                  /* operands out, value */
    corex_loop where[COREX_NUM_SIZES]; /* operands out, cond, a, b */
} corex_copy_table;

typedef struct corex_loss_table {
    corex_loop squares[COREX_NUM_DTYPES];    /* operands total (a double), a, b */
    corex_loop difference[COREX_NUM_DTYPES]; /* operands out, a, b, factor */
} corex_loss_table;

/* What an Adam step needs besides its operands, computed once for all elements. */
typedef struct corex_adam_constants {
    double decay, shrink, beta1, beta2, eps, step_size, correction;
    bool maximize;
} corex_adam_constants;

/* The last operand is a corex_sgd_params or corex_adam_constants, with stride 0. */
typedef struct corex_optim_table {
    corex_loop sgd[COREX_NUM_DTYPES];          /* operands param, grad */
    corex_loop sgd_momentum[COREX_NUM_DTYPES]; /* operands param, grad, buffer */
    corex_loop adam[COREX_NUM_DTYPES];         /* operands param, grad, exp_avg, exp_avg_sq */
} corex_optim_table;

/* Dense rows of n elements; out and an input may be the same. */
typedef void (*corex_row_kernel)(void *out, const void *a, const void *b, int64_t n);
typedef struct corex_softmax_table {
    /* not of the logarithm, of the logarithm */
    corex_row_kernel forward[2][COREX_NUM_DTYPES], backward[2][COREX_NUM_DTYPES];
    corex_block_kernel forward_columns[2][COREX_NUM_DTYPES], backward_columns[2][COREX_NUM_DTYPES];
} corex_softmax_table;

typedef struct corex_scan_table {
    corex_block_kernel cumsum[COREX_NUM_DTYPES];
    corex_block_kernel gather[COREX_NUM_SIZES];       /* operands out, a, index; by itemsize */
    corex_block_kernel scatter_add[COREX_NUM_DTYPES]; /* operands src, out, index */
} corex_scan_table;

/* What runs along rows; a chain has its factors at the elements or, late, at those before. */
typedef enum corex_running {
    COREX_CUMPROD,
    COREX_PROD_OTHERS,
    COREX_CHAIN,
    COREX_CHAIN_LATE,
    COREX_ARGCUMMAX,
    COREX_ARGCUMMIN,
    COREX_LOGCUMSUMEXP,
    COREX_RUNNING_COUNT
} corex_running;
/* The elements of a line of prod_others for which its last operand, room, has two doubles. */
#define COREX_RUNNING_CHUNK 64
typedef struct corex_running_table {
    corex_loop lines[COREX_RUNNING_COUNT][COREX_NUM_DTYPES];
    corex_block_kernel columns[COREX_RUNNING_COUNT][COREX_NUM_DTYPES];
} corex_running_table;

/* Rows [begin, end) of n elements each; weight and bias may be NULL. */
typedef struct corex_norm_job {
    char *out, *mean, *rstd;
    const char *a, *g, *weight, *bias;
    int64_t n;
    double eps;
} corex_norm_job;
/* Rows of n elements; each gives a float64, its squared deviations over `freedom`. */
typedef struct corex_variance_job {
    double *out;
    const char *a;
    int64_t n;
    double freedom;
} corex_variance_job;
typedef struct corex_norm_table {
    corex_body forward[COREX_NUM_DTYPES], backward[COREX_NUM_DTYPES]; /* of a corex_norm_job */
    corex_body variance[COREX_NUM_DTYPES];                            /* of a corex_variance_job */
} corex_norm_table;

/* Register-blocked C += A B; `packed` has room for COREX_GEMM_PACKED elements. */
typedef void (*corex_gemm_blocks)(int64_t m, int64_t n, int64_t k, corex_matrix a, corex_matrix b,
                                  corex_matrix c, void *packed);
typedef struct corex_gemm_table {
    corex_gemm_loops direct[COREX_NUM_DTYPES];
    corex_gemm_blocks blocked[COREX_NUM_DTYPES];
} corex_gemm_table;

/* Of complex numbers; of other dtypes there is nothing in it. */
typedef struct corex_complex_table {
    corex_op_table unary, binary;
    const corex_op_table *functions, *inverses; /* of one operand, too */
    const corex_op_table *powers;               /* of two */
    corex_gemm_loops direct[COREX_NUM_DTYPES];
} corex_complex_table;

/* Elements of the stream of random numbers, two per Philox block, for this many blocks. */
#define COREX_PHILOX_BATCH 16
typedef struct corex_random_table {
    void (*philox)(uint64_t first, uint64_t seed, uint64_t *out);
} corex_random_table;

typedef struct corex_kernels {
    const corex_op_table *unary, *binary, *slow_binary;
    const corex_copy_table *copy;
    const corex_reduction_table *reductions;
    const corex_softmax_table *softmax;
    const corex_scan_table *scan;
    const corex_running_table *running;
    const corex_norm_table *norm;
    const corex_loss_table *loss;
    const corex_optim_table *optim;
    const corex_gemm_table *gemm;
    const corex_random_table *random;
    const corex_complex_table *complex;
} corex_kernels;

/* The kernels of a level, or NULL if the library or the processor lacks it. */
const corex_kernels *corex_level_kernels(int level);

extern _Atomic int corex_level_in_use;
extern _Atomic(const corex_kernels *) corex_kernels_in_use;

COREX_INLINE int corex_level_now(void)
{
    return atomic_load_explicit(&corex_level_in_use, memory_order_relaxed);
}

COREX_INLINE const corex_kernels *corex_kernels_now(void)
{
    return atomic_load_explicit(&corex_kernels_in_use, memory_order_relaxed);
}

/* Rows of the elementwise ops by number; all levels have the same rows in the same order. */
int corex_unary_count(void);
int corex_binary_count(void);
const corex_op *corex_unary_row(const corex_kernels *kernels, int op);
const corex_op *corex_binary_row(const corex_kernels *kernels, int op);
/* gelu and gelu_tanh, forwards and backwards: loops of the library, not kernels by themselves. */
bool corex_is_form_of_gelu(const char *name);

#endif
