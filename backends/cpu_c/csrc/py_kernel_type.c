/* The callable that stands for a kernel, and the dict of all of them. */
#include <stddef.h>

#include "python.h"

static PyObject *kernel_repr(PyObject *self)
{
    return PyUnicode_FromFormat("<cpu_c kernel %s>", ((corex_kernel *)self)->name);
}

static PyObject *kernel_name(PyObject *self, void *unused)
{
    (void)unused;
    return PyUnicode_FromString(((corex_kernel *)self)->name);
}

static PyObject *call_binary(PyObject *self, PyObject *const *args, size_t nargsf, PyObject *names);

/* Whether operands may be numbers. */
static PyObject *takes_numbers(PyObject *self, void *unused)
{
    (void)unused;
    const corex_kernel *kernel = (corex_kernel *)self;
    return PyBool_FromLong(kernel->vectorcall == call_binary || strcmp(kernel->name, "where") == 0);
}

static PyGetSetDef getters[] = {
    {"__name__", kernel_name, NULL, NULL, NULL},
    {"numbers", takes_numbers, NULL, NULL, NULL},
    {NULL, NULL, NULL, NULL, NULL},
};

PyTypeObject corex_kernel_type = {
    PyVarObject_HEAD_INIT(NULL, 0).tp_name = "corex_cpu_c._native.Kernel",
    .tp_basicsize = sizeof(corex_kernel),
    .tp_repr = kernel_repr,
    .tp_call = PyVectorcall_Call,
    .tp_vectorcall_offset = offsetof(corex_kernel, vectorcall),
    .tp_flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_VECTORCALL,
    .tp_doc = "A kernel; see docs/kernels.md.",
    .tp_getset = getters,
};

corex_kernel *corex_kernel_new(const char *name, vectorcallfunc call)
{
    corex_kernel *self = PyObject_New(corex_kernel, &corex_kernel_type);
    if (self != NULL) {
        memset((char *)self + sizeof(PyObject), 0, sizeof *self - sizeof(PyObject));
        self->vectorcall = call;
        self->name = name;
    }
    return self;
}

static int add(PyObject *dict, const char *name, vectorcallfunc call, int op)
{
    if (PyDict_GetItemString(dict, name) != NULL)
        return 0; /* the first row of a name is the one in use */
    if (corex_is_form_of_gelu(name) && op != 0)
        return 0; /* kernel gelu chooses between them */
    corex_kernel *kernel = corex_kernel_new(name, call);
    if (kernel == NULL)
        return -1;
    kernel->op = op;
    int failed = PyDict_SetItemString(dict, name, (PyObject *)kernel);
    Py_DECREF(kernel);
    return failed;
}

/* kernel(out, a) */
static PyObject *call_unary(PyObject *self, PyObject *const *args, size_t nargsf, PyObject *names)
{
    (void)names;
    const corex_kernel *kernel = (corex_kernel *)self;
    corex_py_view out, a;
    if (!corex_check_count(kernel->name, PyVectorcall_NARGS(nargsf), 2) ||
        !corex_read_view(args[0], &out, true) || !corex_read_view(args[1], &a, false))
        return NULL;
    corex_status status;
    COREX_RUN(status, corex_numel(&out.view), corex_unary(kernel->op, &out.view, &a.view));
    return corex_done(status);
}

/* kernel(out, a, b); one of a and b may be a number, which is of the other's dtype. */
static PyObject *call_binary(PyObject *self, PyObject *const *args, size_t nargsf, PyObject *names)
{
    (void)names;
    const corex_kernel *kernel = (corex_kernel *)self;
    corex_py_view out, a, b;
    if (!corex_check_count(kernel->name, PyVectorcall_NARGS(nargsf), 3) ||
        !corex_read_view(args[0], &out, true))
        return NULL;
    if (PyTuple_Check(args[1])) {
        if (!corex_read_view(args[1], &a, false) ||
            !corex_read_operand(args[2], &out, a.view.dtype, &b))
            return NULL;
    } else if (!corex_read_view(args[2], &b, false) ||
               !corex_read_operand(args[1], &out, b.view.dtype, &a)) {
        return NULL;
    }
    corex_status status;
    COREX_RUN(status, corex_numel(&out.view),
              corex_binary(kernel->op, &out.view, &a.view, &b.view));
    return corex_done(status);
}

/* kernel(out, a, n) */
static PyObject *call_reduce(PyObject *self, PyObject *const *args, size_t nargsf, PyObject *names)
{
    (void)names;
    const corex_kernel *kernel = (corex_kernel *)self;
    corex_py_view out, a;
    if (!corex_check_count(kernel->name, PyVectorcall_NARGS(nargsf), 3) ||
        !corex_read_view(args[0], &out, true) || !corex_read_view(args[1], &a, false))
        return NULL;
    Py_ssize_t n = PyLong_AsSsize_t(args[2]);
    if (n == -1 && PyErr_Occurred())
        return NULL;
    n = COREX_MIN(n, COREX_MAX_DIMS + 1);
    corex_status status;
    COREX_RUN(status, corex_numel(&a.view), corex_reduce(kernel->op, &out.view, &a.view, (int)n));
    return corex_done(status);
}

int corex_add_kernels(PyObject *dict)
{
    const corex_kernel_def *tables[] = {corex_basic_kernels, corex_nn_kernels, corex_optim_kernels};
    for (int t = 0; t < 3; t++)
        for (const corex_kernel_def *def = tables[t]; def->name != NULL; def++)
            if (add(dict, def->name, def->call, 0) < 0)
                return -1;
    for (int op = 0; op < corex_unary_count(); op++)
        if (add(dict, corex_unary_row(corex_kernels_now(), op)->name, call_unary, op) < 0)
            return -1;
    for (int op = 0; op < corex_binary_count(); op++)
        if (add(dict, corex_binary_row(corex_kernels_now(), op)->name, call_binary, op) < 0)
            return -1;
    for (int op = 0; corex_reduce_name(op) != NULL; op++)
        if (add(dict, corex_reduce_name(op), call_reduce, op) < 0)
            return -1;
    return 0;
}
