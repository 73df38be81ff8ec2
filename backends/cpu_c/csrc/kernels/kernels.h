/* Names that differ from level to level; see levels.h. */
#ifndef COREX_KERNELS_H
#define COREX_KERNELS_H

#include "levels.h"

#ifndef COREX_LEVEL
#define COREX_LEVEL baseline
#endif

#define COREX_JOIN_NAMES(name, level) name##_##level
#define COREX_JOIN(name, level) COREX_JOIN_NAMES(name, level)
/* A name of this level: COREX_LEVELED(corex_unary) is corex_unary_v3. */
#define COREX_LEVELED(name) COREX_JOIN(name, COREX_LEVEL)

extern const corex_op_table COREX_LEVELED(corex_unary);
extern const corex_op_table COREX_LEVELED(corex_binary);
extern const corex_op_table COREX_LEVELED(corex_slow_binary);
extern const corex_copy_table COREX_LEVELED(corex_copy);
extern const corex_reducer COREX_LEVELED(corex_argmax)[COREX_NUM_DTYPES];
extern const corex_reducer COREX_LEVELED(corex_argmin)[COREX_NUM_DTYPES];
extern const corex_reduction_table COREX_LEVELED(corex_reductions);
extern const corex_softmax_table COREX_LEVELED(corex_softmax);
extern const corex_scan_table COREX_LEVELED(corex_scan);
extern const corex_running_table COREX_LEVELED(corex_running);
extern const corex_norm_table COREX_LEVELED(corex_norm);
extern const corex_loss_table COREX_LEVELED(corex_loss);
extern const corex_optim_table COREX_LEVELED(corex_optim);
extern const corex_gemm_table COREX_LEVELED(corex_gemm);
extern const corex_random_table COREX_LEVELED(corex_random);
extern const corex_op_table COREX_LEVELED(corex_complex_functions);
extern const corex_op_table COREX_LEVELED(corex_complex_inverses);
extern const corex_op_table COREX_LEVELED(corex_complex_powers);
extern const corex_reducer COREX_LEVELED(corex_complex_sum)[COREX_NUM_DTYPES];
extern const corex_reducer COREX_LEVELED(corex_complex_mean)[COREX_NUM_DTYPES];
extern const corex_reducer COREX_LEVELED(corex_complex_prod)[COREX_NUM_DTYPES];
extern const corex_complex_table COREX_LEVELED(corex_complex);
extern const corex_kernels COREX_LEVELED(corex_kernels);

#endif
