/* Optimizer kernels: lists of views, read into one block of memory. */
#include "py_kernel.h"

#define MAX_LISTS 4

typedef struct lists {
    int count;
    corex_view *views[MAX_LISTS];
    corex_py_view *keep[MAX_LISTS];
} lists;

static void free_lists(lists *all)
{
    for (int k = 0; k < MAX_LISTS; k++) {
        PyMem_Free(all->views[k]);
        PyMem_Free(all->keep[k]);
    }
}

/* Reads `n` lists of one length; list 1, the gradients, is not written. */
static bool read_lists(lists *all, PyObject *const *args, int n)
{
    memset(all, 0, sizeof *all);
    for (int k = 0; k < n; k++) {
        PyObject *list = PySequence_Fast(args[k], "expected a list of views");
        bool good = list != NULL;
        Py_ssize_t count = good ? PySequence_Fast_GET_SIZE(list) : 0;
        if (good && k > 0 && count != all->count) {
            PyErr_SetString(PyExc_ValueError, "the lists of views differ in length");
            good = false;
        }
        all->count = (int)count;
        good = good && corex_read_views(PySequence_Fast_ITEMS(list), count, k != 1, &all->views[k],
                                        &all->keep[k]);
        Py_XDECREF(list);
        if (!good) {
            all->views[k] = NULL;
            all->keep[k] = NULL;
            free_lists(all);
            return false;
        }
    }
    return true;
}

static int64_t total_elements(const lists *all)
{
    int64_t total = 0;
    for (int i = 0; i < all->count; i++)
        total += corex_numel(&all->views[0][i]);
    return total;
}

KERNEL(call_sgd_step)
{
    lists all;
    corex_sgd_params c;
    NARGS(10);
    DOUBLE(3, c.lr);
    DOUBLE(4, c.momentum);
    DOUBLE(5, c.dampening);
    DOUBLE(6, c.weight_decay);
    FLAG(7, c.nesterov);
    FLAG(8, c.maximize);
    FLAG(9, c.first);
    const bool with = c.momentum != 0;
    if (!read_lists(&all, args, with ? 3 : 2))
        return NULL;
    corex_status status;
    COREX_RUN(status, total_elements(&all),
              corex_sgd_step(all.count, all.views[0], all.views[1], all.views[2], &c));
    free_lists(&all);
    return corex_done(status);
}

KERNEL(call_adam_step)
{
    lists all;
    corex_adam_params c;
    NARGS(12);
    DOUBLE(4, c.step);
    DOUBLE(5, c.lr);
    DOUBLE(6, c.beta1);
    DOUBLE(7, c.beta2);
    DOUBLE(8, c.eps);
    DOUBLE(9, c.weight_decay);
    FLAG(10, c.decoupled);
    FLAG(11, c.maximize);
    if (!read_lists(&all, args, 4))
        return NULL;
    corex_status status;
    COREX_RUN(
        status, total_elements(&all),
        corex_adam_step(all.count, all.views[0], all.views[1], all.views[2], all.views[3], &c));
    free_lists(&all);
    return corex_done(status);
}

const corex_kernel_def corex_optim_kernels[] = {
    {"sgd_step", call_sgd_step},
    {"adam_step", call_adam_step},
    {NULL, NULL},
};
