/* Elementwise loops over floats of 16 bits: see half.c. */
#ifndef COREX_HALF_LOOPS_H
#define COREX_HALF_LOOPS_H

#include "levels.h"

/* Operands are halves of one dtype or float32, the output is of that dtype or what the loop makes.
 */
corex_status corex_half_map(corex_loop loop, int cost, int nops, const corex_view *const *views);
/* Copies between a half and any other dtype. */
corex_status corex_half_copy(const corex_view *out, const corex_view *a);

#endif
