/* Dense stand-ins for views that are not. */
#include "dense.h"

#include "sizes.h"

static corex_status make(corex_dense_view *dense, const corex_view *view)
{
    dense->scratch.data = NULL;
    dense->original = view;
    if (view == NULL) {
        memset(&dense->view, 0, sizeof dense->view);
        return COREX_OK;
    }
    dense->view = *view;
    if (corex_is_contiguous(view))
        return COREX_OK;
    int64_t step = 1;
    for (int d = view->ndim - 1; d >= 0; d--) {
        dense->strides[d] = step;
        step = corex_times(step, view->shape[d]);
    }
    dense->view.strides = dense->strides;
    corex_status status =
        corex_scratch_get(&dense->scratch, corex_times(step, corex_itemsizes[view->dtype]));
    dense->view.data = dense->scratch.data;
    return status;
}

corex_status corex_dense_input(corex_dense_view *dense, const corex_view *view)
{
    corex_status status = make(dense, view);
    if (status == COREX_OK && dense->scratch.data != NULL)
        status = corex_copy(&dense->view, view);
    return status;
}

corex_status corex_dense_output(corex_dense_view *dense, const corex_view *view)
{
    return make(dense, view);
}

void corex_dense_release(corex_dense_view *dense)
{
    if (dense->scratch.data != NULL)
        corex_scratch_release(&dense->scratch);
}

corex_status corex_dense_finish(corex_dense_view *dense, corex_status status)
{
    if (status == COREX_OK && dense->scratch.data != NULL)
        status = corex_copy(dense->original, &dense->view);
    corex_dense_release(dense);
    return status;
}
