/* Optimizer kernels: lists of views, read into one block of memory. */
#include "py_kernel.h"

#define MAX_LISTS 4

/*
 * Other threads may change the lists while Python's lock is released, so that the tuples made of
 * them, which own the views and by these the buffers, live until the kernel is done.
 */
typedef struct lists {
    Py_ssize_t count;
    PyObject *tuples[MAX_LISTS];
    corex_view *views[MAX_LISTS];
    corex_py_view *keep[MAX_LISTS];
} lists;

static void free_lists(lists *all)
{
    for (int k = 0; k < MAX_LISTS; k++) {
        PyMem_Free(all->views[k]);
        PyMem_Free(all->keep[k]);
        Py_XDECREF(all->tuples[k]);
    }
}

/* One of the lists; the gradients, number 1, are not written. */
static bool read_list(lists *all, PyObject *list, int k)
{
    if (!PyList_Check(list) && !PyTuple_Check(list)) {
        PyErr_SetString(PyExc_TypeError, "expected a list of views");
        return false;
    }
    PyObject *tuple = all->tuples[k] = PySequence_Tuple(list);
    if (tuple == NULL)
        return false;
    const Py_ssize_t count = PyTuple_GET_SIZE(tuple);
    if (k == 0)
        all->count = count;
    if (count != all->count || count > INT_MAX) {
        PyErr_SetString(PyExc_ValueError, "the lists of views differ in length");
        return false;
    }
    if (corex_read_views(((PyTupleObject *)tuple)->ob_item, count, k != 1, &all->views[k],
                         &all->keep[k]))
        return true;
    all->views[k] = NULL;
    all->keep[k] = NULL;
    return false;
}

static bool read_lists(lists *all, PyObject *const *args, int n)
{
    memset(all, 0, sizeof *all);
    for (int k = 0; k < n; k++)
        if (!read_list(all, args[k], k)) {
            free_lists(all);
            return false;
        }
    return true;
}

static int64_t total_elements(const lists *all)
{
    int64_t total = 0;
    for (Py_ssize_t i = 0; i < all->count; i++)
        total = corex_plus(total, corex_numel(&all->views[0][i]));
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
              corex_sgd_step((int)all.count, all.views[0], all.views[1], all.views[2], &c));
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
    COREX_RUN(status, total_elements(&all),
              corex_adam_step((int)all.count, all.views[0], all.views[1], all.views[2],
                              all.views[3], &c));
    free_lists(&all);
    return corex_done(status);
}

const corex_kernel_def corex_optim_kernels[] = {
    {"sgd_step", call_sgd_step},
    {"adam_step", call_adam_step},
    {NULL, NULL},
};
