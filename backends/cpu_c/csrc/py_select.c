/* Which dtypes a kernel takes, for whoever chooses one before it has any views. */
#include "python.h"

/*
 * A letter for each view: T the dtype that the op is asked for, of the row's class; x any; b bool,
 * i int64. What follows '?' may be left out, a last '*' repeats the view before it.
 */
typedef enum dtype_class { ANY, NUMBER, FLOAT } dtype_class;

typedef struct signature {
    const char *name, *views;
    dtype_class of;
} signature;

static const signature table[] = {
    {"copy", "xx", ANY},
    {"fill", "T", ANY},
    {"arange", "T", NUMBER},
    {"where", "TbTT", ANY},
    {"matmul", "TTT", NUMBER},
    {"index", "TTi*", ANY},
    {"index_put", "TTi*", ANY},
    {"nonzero", "ib", ANY},
    {"random_bits", "i", ANY},
    {"random_uniform", "T", FLOAT},
    {"random_normal", "T", FLOAT},
    {"gelu", "TT", FLOAT},
    {"gelu_backward", "TTT", FLOAT},
    {"cumsum", "TT", NUMBER},
    {"argsort", "iT", ANY},
    {"gather", "TTi", ANY},
    {"scatter_add", "TiT", NUMBER},
    {"softmax", "TT", FLOAT},
    {"log_softmax", "TT", FLOAT},
    {"softmax_backward", "TTT", FLOAT},
    {"log_softmax_backward", "TTT", FLOAT},
    {"layer_norm", "TTTT?TT", FLOAT},
    {"layer_norm_backward", "TTTTT?T", FLOAT},
    {"linear", "TTT?T", FLOAT},
    {"mse_loss", "TTT", FLOAT},
    {"mse_loss_backward", "TTTT", FLOAT},
    {"conv2d", "TTT?T", FLOAT},
    {"conv2d_backward_input", "TTT", FLOAT},
    {"conv2d_backward_weight", "TTT", FLOAT},
    {"max_pool2d", "TiT", FLOAT},
    {"max_pool2d_backward", "TTi", FLOAT},
    {"avg_pool2d", "TT", FLOAT},
    {"avg_pool2d_backward", "TT", FLOAT},
    {"sgd_step", "T*", FLOAT},
    {"adam_step", "T*", FLOAT},
};

static bool is_of(dtype_class of, int dtype)
{
    return of == ANY || (of == NUMBER ? dtype != COREX_BOOL : dtype >= COREX_FLOAT32);
}

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
            if (!is_of(row->of, dtype) || (common >= 0 && common != dtype))
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
