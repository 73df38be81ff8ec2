/* Dense stand-ins for views that are not, for kernels that insist. */
#ifndef COREX_DENSE_H
#define COREX_DENSE_H

#include "internal.h"

typedef struct corex_dense_view {
    corex_view view; /* row-major */
    const corex_view *original;
    corex_scratch scratch; /* data is NULL if the original was dense already */
    int64_t strides[COREX_MAX_DIMS];
} corex_dense_view;

/* A dense copy of an input, or the input itself; NULL gives an empty one. */
corex_status corex_dense_input(corex_dense_view *dense, const corex_view *view);
/* Room for an output; corex_dense_finish copies it to its place. */
corex_status corex_dense_output(corex_dense_view *dense, const corex_view *view);
/* Copies an output back (where `status` is COREX_OK) and releases; returns the status. */
corex_status corex_dense_finish(corex_dense_view *dense, corex_status status);
void corex_dense_release(corex_dense_view *dense);

#endif
