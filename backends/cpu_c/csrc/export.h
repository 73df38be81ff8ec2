/* The shorthands with which kernels become rows of the table that corex calls. */
#ifndef COREX_EXPORT_H
#define COREX_EXPORT_H

#include "corex_backend.h"
#include "corex_cpu.h"
#include "sizes.h"

/* Kernel and arguments of a row: RUN(name, what to answer), in terms of a[k] and V(k). */
#define V(k) a[k].view
#define OR_NULL(k) (a[k].kind == COREX_NONE ? NULL : a[k].view)
#define RUN(name, call) \
    static corex_status run_##name(const corex_kernel *self, const corex_argument *a, int32_t n) \
    { \
        (void)self; \
        (void)n; \
        return call; \
    }
/* What a call is worth, where that is not the elements of its largest view. */
#define WORK(name, amount) \
    static int64_t work_##name(const corex_kernel *self, const corex_argument *a, int32_t n) \
    { \
        (void)self; \
        (void)n; \
        return amount; \
    }

/* Rows, up to one without a name. */
extern const corex_kernel corex_basic_rows[];
extern const corex_kernel corex_nn_rows[];
/* The rows of complex numbers, handed to `add`. */
void corex_add_complex_rows(void (*add)(corex_kernel row));

#endif
