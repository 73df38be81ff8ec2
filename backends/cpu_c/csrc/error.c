/* Errors, and what is known of views without looking at their elements. */
#include <stdarg.h>
#include <stdio.h>

#include "internal.h"
#include "sizes.h"

static _Thread_local char last_error[512];

corex_status corex_fail(corex_status status, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    vsnprintf(last_error, sizeof last_error, format, args);
    va_end(args);
    return status;
}

const char *corex_last_error(void) { return last_error; }

int corex_abi_version(void) { return COREX_ABI_VERSION; }

size_t corex_itemsize(int dtype)
{
    return dtype >= 0 && dtype < COREX_NUM_DTYPES ? corex_itemsizes[dtype] : 0;
}

int64_t corex_numel(const corex_view *view)
{
    int64_t total = 1;
    for (int d = 0; d < view->ndim; d++)
        total = corex_times(total, view->shape[d]);
    return total;
}

bool corex_is_contiguous(const corex_view *view)
{
    int64_t step = 1;
    for (int d = view->ndim - 1; d >= 0; d--) {
        if (view->shape[d] == 0)
            return true;
        if (view->shape[d] != 1 && view->strides[d] != step)
            return false;
        step = corex_times(step, view->shape[d]);
    }
    return true;
}

corex_view corex_leading(const corex_view *view)
{
    corex_view rest = *view;
    rest.ndim--;
    return rest;
}

bool corex_same_shape(const corex_view *a, const corex_view *b)
{
    if (a->ndim != b->ndim)
        return false;
    for (int d = 0; d < a->ndim; d++)
        if (a->shape[d] != b->shape[d])
            return false;
    return true;
}

bool corex_same_place(const corex_view *a, const corex_view *b)
{
    if (a->data != b->data || a->dtype != b->dtype || !corex_same_shape(a, b))
        return false;
    for (int d = 0; d < a->ndim; d++)
        if (a->shape[d] != 1 && a->strides[d] != b->strides[d])
            return false;
    return true;
}
