/* Which dtypes a kernel takes, for whoever chooses one before it has any views. */
#include "python.h"

/*
 * A letter for each view: T the dtype that the op is asked for, of the row's set; x any; b bool,
 * i int64. What follows '?' may be left out, a last '*' repeats the view before it.
 */
typedef struct signature {
    const char *name, *views;
    int of;
} signature;

static const signature table[] = {
    {"copy", "xx", COREX_ALL},
    {"fill", "T", COREX_ALL},
    {"arange", "T", COREX_NUMBERS},
    {"where", "TbTT", COREX_ALL},
    {"matmul", "TTT", COREX_NUMBERS},
    {"index", "TTi*", COREX_ALL},
    {"index_put", "TTi*", COREX_ALL},
    {"nonzero", "ib", COREX_ALL},
    {"random_bits", "i", COREX_ALL},
    {"random_uniform", "T", COREX_FLOATS},
    {"random_normal", "T", COREX_FLOATS},
    {"gelu", "TT", COREX_FLOATS},
    {"gelu_backward", "TTT", COREX_FLOATS},
    {"cumsum", "TT", COREX_NUMBERS},
    {"argsort", "iT", COREX_ALL},
    {"gather", "TTi", COREX_ALL},
    {"scatter_add", "TiT", COREX_NUMBERS},
    {"softmax", "TT", COREX_FLOATS},
    {"log_softmax", "TT", COREX_FLOATS},
    {"softmax_backward", "TTT", COREX_FLOATS},
    {"log_softmax_backward", "TTT", COREX_FLOATS},
    {"layer_norm", "TTTT?TT", COREX_FLOATS},
    {"layer_norm_backward", "TTTTT?T", COREX_FLOATS},
    {"linear", "TTT?T", COREX_FLOATS},
    {"mse_loss", "TTT", COREX_FLOATS},
    {"mse_loss_backward", "TTTT", COREX_FLOATS},
    {"conv2d", "TTT?T", COREX_FLOATS},
    {"conv2d_backward_input", "TTT", COREX_FLOATS},
    {"conv2d_backward_weight", "TTT", COREX_FLOATS},
    {"max_pool2d", "TiT", COREX_FLOATS},
    {"max_pool2d_backward", "TTi", COREX_FLOATS},
    {"avg_pool2d", "TT", COREX_FLOATS},
    {"avg_pool2d_backward", "TT", COREX_FLOATS},
    {"sgd_step", "T*", COREX_FLOATS},
    {"adam_step", "T*", COREX_FLOATS},
};

static bool fits(const signature *row, const int *dtypes, Py_ssize_t count)
{
    const char *view = row->views;
    int common = -1;
    bool optional = false;
    for (Py_ssize_t k = 0; k < count; k++) {
        if (*view == '?') {
            optional = true;
            view++;
        }
        const char letter = *view == '*' ? view[-1] : *view;
        const int dtype = dtypes[k];
        if (letter == 0 || (letter == 'b' && dtype != COREX_BOOL) ||
            (letter == 'i' && dtype != COREX_INT64))
            return false;
        if (letter == 'T') {
            if (!COREX_AMONG(row->of, dtype) || (common >= 0 && common != dtype))
                return false;
            common = dtype;
        }
        view += *view != '*';
    }
    return *view == 0 || *view == '?' || *view == '*' || optional;
}

/* The elementwise ops and the reductions: their tables of loops say it. */
static bool loops_take(const char *name, const int *dtypes, Py_ssize_t count)
{
    const corex_kernels *kernels = corex_kernels_now();
    const int unary = corex_unary_op(name), binary = corex_binary_op(name);
    const int reduction = corex_reduce_op(name);
    if (unary >= 0 || binary >= 0) {
        const corex_op *row =
            unary >= 0 ? corex_unary_row(kernels, unary) : corex_binary_row(kernels, binary);
        const int of = count > 1 ? dtypes[1] : -1;
        return count == (unary >= 0 ? 2 : 3) && row->loops[of] != NULL && dtypes[count - 1] == of &&
               dtypes[0] == (row->to_bool ? COREX_BOOL : of);
    }
    if (reduction < 0 || count != 2)
        return false;
    const corex_reduction *row = &kernels->reductions->rows[reduction];
    return row->reducers[dtypes[1]] != NULL &&
           dtypes[0] == (row->to_index ? (int)COREX_INT64 : dtypes[1]);
}

/* takes(op, dtypes of all views, outputs first) -> bool */
PyObject *corex_py_takes(PyObject *module, PyObject *const *args, Py_ssize_t nargs)
{
    (void)module;
    if (!corex_check_count("takes", nargs, 2))
        return NULL;
    int dtypes[COREX_MAX_DIMS + 3];
    const char *name = PyUnicode_AsUTF8(args[0]);
    if (name == NULL || !PyTuple_Check(args[1]))
        return name == NULL ? NULL : PyErr_Format(PyExc_TypeError, "the dtypes must be a tuple");
    const Py_ssize_t count = PyTuple_GET_SIZE(args[1]);
    if (count > (Py_ssize_t)(sizeof dtypes / sizeof dtypes[0]))
        Py_RETURN_FALSE;
    for (Py_ssize_t k = 0; k < count; k++) {
        dtypes[k] = -1;
        for (int dtype = 0; dtype < COREX_NUM_DTYPES; dtype++)
            if (PyTuple_GET_ITEM(args[1], k) == corex_dtypes[dtype])
                dtypes[k] = dtype;
        if (dtypes[k] < 0) /* one that came later */
            Py_RETURN_FALSE;
    }
    for (size_t k = 0; k < sizeof table / sizeof table[0]; k++)
        if (strcmp(table[k].name, name) == 0)
            return PyBool_FromLong(count > 0 && fits(&table[k], dtypes, count));
    return PyBool_FromLong(loops_take(name, dtypes, count));
}
