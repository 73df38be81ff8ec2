/* The callable that stands for a kernel: reads its arguments by the letters of its table. */
#include "views.h"

#include <stddef.h>

/* More arguments, as `index` may have, are read into memory of their own. */
#define FEW 12

typedef struct core_kernel {
    PyObject_HEAD vectorcallfunc vectorcall;
    core_table *table;
    corex_kernel kernel; /* a copy, of which what the library lacks is 0 */
    const corex_kernel *given;
    int letters;  /* without '*' */
    bool repeats; /* the last letter */
    bool numbers; /* may be operands */
} core_kernel;

/* One call: its arguments as the library sees them, and what these point to. */
typedef struct call {
    const core_kernel *kernel;
    int count;
    corex_argument few[FEW], *arguments;
    core_view few_views[FEW], *views; /* one for each argument */
    int64_t pairs[4][2];
    int pair;
    int64_t elements; /* of the largest view */
    int late;         /* operands that are numbers, to be seen as views */
    void *lists[4];   /* memory of lists of views */
    PyObject *tuples[4];
    int list;
} call;

static char letter_of(const core_kernel *kernel, int k)
{
    return kernel->kernel.arguments[k < kernel->letters ? k : kernel->letters - 1];
}

static void note(call *c, const core_view *view)
{
    if (view->count > c->elements)
        c->elements = view->count;
}

static inline bool read_view(call *c, PyObject *object, int k, bool writes)
{
    if (COREX_UNLIKELY(!core_read_view_here(c->kernel->table, object, &c->views[k], writes)))
        return false;
    c->arguments[k].kind = COREX_VIEW;
    c->arguments[k].view = &c->views[k].view;
    note(c, &c->views[k]);
    return true;
}

/*
 * A list of views. Other threads may change the list while Python's lock is released, so that a
 * tuple made of it owns the views, and by these the buffers, until the kernel is done.
 */
static bool read_list(call *c, PyObject *list, int k, bool writes)
{
    if (!PyList_Check(list) && !PyTuple_Check(list)) {
        PyErr_SetString(PyExc_TypeError, "expected a list of views");
        return false;
    }
    const int number = c->list++;
    c->lists[number] = NULL;
    PyObject *tuple = c->tuples[number] = PySequence_Tuple(list);
    if (tuple == NULL)
        return false;
    const Py_ssize_t count = PyTuple_GET_SIZE(tuple);
    const size_t room = (size_t)count + 1;
    corex_view *views = PyMem_Calloc(room, sizeof *views + sizeof(core_view));
    if (views == NULL || count >= INT32_MAX)
        return PyErr_NoMemory() != NULL;
    c->lists[number] = views;
    core_view *keep = (core_view *)(views + room);
    int64_t total = 0;
    for (Py_ssize_t i = 0; i < count; i++) {
        if (!core_read_view(c->kernel->table, PyTuple_GET_ITEM(tuple, i), &keep[i], writes))
            return false;
        views[i] = keep[i].view;
        if (__builtin_add_overflow(total, keep[i].count, &total))
            total = INT64_MAX;
    }
    c->arguments[k] = (corex_argument){COREX_VIEWS, (int32_t)count, .view = views};
    c->elements = total > c->elements ? total : c->elements;
    return true;
}

static bool read_pair(call *c, PyObject *object, int k)
{
    if (!PyTuple_Check(object) || PyTuple_GET_SIZE(object) != 2) {
        PyErr_SetString(PyExc_TypeError, "expected a pair of ints");
        return false;
    }
    int64_t *pair = c->pairs[c->pair++];
    pair[0] = PyLong_AsSsize_t(PyTuple_GET_ITEM(object, 0));
    pair[1] = PyLong_AsSsize_t(PyTuple_GET_ITEM(object, 1));
    c->arguments[k] = (corex_argument){COREX_INTS, 2, .integers = pair};
    return !PyErr_Occurred();
}

static bool read_scalar(PyObject *object, char letter, corex_argument *to)
{
    switch (letter) {
    case 'i':
        to->kind = COREX_INT;
        to->integer = PyLong_AsLongLong(object);
        return to->integer != -1 || !PyErr_Occurred();
    case 'u':
        to->kind = COREX_UINT;
        to->unsigned_integer = PyLong_AsUnsignedLongLong(object);
        return to->unsigned_integer != UINT64_MAX || !PyErr_Occurred();
    case 'b':
        to->kind = COREX_INT;
        to->integer = PyObject_IsTrue(object);
        return to->integer >= 0;
    case 'f':
        to->kind = COREX_DOUBLE;
        to->real = PyFloat_AsDouble(object);
        return to->real != -1 || !PyErr_Occurred();
    default: return core_read_number(object, to);
    }
}

static bool read_operand(call *c, PyObject *object, int k, char letter)
{
    if (COREX_LIKELY(PyTuple_Check(object)))
        return read_view(c, object, k, false);
    if (letter == 'm' && object == Py_None) {
        c->arguments[k] = (corex_argument){COREX_NONE, 0, .view = NULL};
        return true;
    }
    if (letter == 'm' || (!PyLong_Check(object) && !PyFloat_Check(object)))
        return read_view(c, object, k, false); /* says what is wrong */
    c->late |= letter == 'e';
    return core_read_number(object, &c->arguments[k]);
}

static bool read_argument(call *c, PyObject *object, int k)
{
    const char letter = letter_of(c->kernel, k);
    switch (letter) {
    case 'o': return read_view(c, object, k, true);
    case 'a': return read_view(c, object, k, false);
    case 'e':
    case 'n':
    case 'm': return read_operand(c, object, k, letter);
    case 'O': return read_list(c, object, k, true);
    case 'A': return read_list(c, object, k, false);
    case 'p': return read_pair(c, object, k);
    default: return read_scalar(object, letter, &c->arguments[k]);
    }
}

/* Numbers become views: in the shape of the first output, in the dtype of the other operand. */
static void view_numbers(const core_kernel *self, int count, corex_argument *arguments,
                         core_view *views)
{
    int dtype = views[0].view.dtype;
    for (int k = count - 1; k > 0; k--)
        if (letter_of(self, k) == 'e' && arguments[k].kind == COREX_VIEW)
            dtype = views[k].view.dtype;
    for (int k = 1; k < count; k++)
        if (letter_of(self, k) == 'e' && arguments[k].kind != COREX_VIEW) {
            core_view_number(&arguments[k], &views[0], dtype, &views[k]);
            arguments[k].kind = COREX_VIEW;
            arguments[k].view = &views[k].view;
        }
}

static corex_status run(const core_kernel *self, const corex_argument *arguments, int32_t count,
                        int64_t elements)
{
    const corex_kernel *kernel = &self->kernel;
    const int64_t work =
        kernel->work == NULL ? elements : kernel->work(self->given, arguments, count);
    if (COREX_LIKELY(work <= *(const volatile int64_t *)self->table->unlock_above))
        return kernel->run(self->given, arguments, count);
    corex_status status;
    Py_BEGIN_ALLOW_THREADS status = kernel->run(self->given, arguments, count);
    Py_END_ALLOW_THREADS return status;
}

static PyObject *finish(const core_kernel *self, corex_status status)
{
    if (COREX_UNLIKELY(status != COREX_OK))
        return core_raise(self->table, status);
    Py_RETURN_NONE;
}

static PyObject *call_with(call *c, PyObject *const *args)
{
    for (int k = 0; k < c->count; k++)
        if (COREX_UNLIKELY(!read_argument(c, args[k], k)))
            return NULL;
    if (c->late)
        view_numbers(c->kernel, c->count, c->arguments, c->views);
    return finish(c->kernel, run(c->kernel, c->arguments, c->count, c->elements));
}

static bool check_count(const core_kernel *self, Py_ssize_t count)
{
    if (COREX_LIKELY(count == self->letters || (self->repeats && count > self->letters)))
        return count < INT32_MAX;
    PyErr_Format(PyExc_TypeError, "%s takes %s%d arguments, got %zd", self->kernel.name,
                 self->repeats ? "at least " : "", self->letters, count);
    return false;
}

static PyObject *call_kernel(PyObject *object, PyObject *const *args, size_t nargsf,
                             PyObject *names)
{
    const core_kernel *self = (core_kernel *)object;
    const Py_ssize_t count = PyVectorcall_NARGS(nargsf);
    if (COREX_UNLIKELY(!check_count(self, count)))
        return NULL;
    if (COREX_UNLIKELY(names != NULL && PyTuple_GET_SIZE(names) > 0))
        return PyErr_Format(PyExc_TypeError, "%s takes no keyword arguments", self->kernel.name);
    call c;
    c.kernel = self;
    c.count = (int)count;
    c.arguments = c.few;
    c.views = c.few_views;
    c.elements = 0;
    c.late = c.pair = c.list = 0;
    void *more = NULL;
    if (COREX_UNLIKELY(count > FEW)) {
        more = PyMem_Calloc((size_t)count, sizeof(core_view) + sizeof(corex_argument));
        if (more == NULL)
            return PyErr_NoMemory();
        c.views = more;
        c.arguments = (corex_argument *)(c.views + count);
    }
    PyObject *result = call_with(&c, args);
    for (int k = 0; k < c.list; k++) {
        PyMem_Free(c.lists[k]);
        Py_XDECREF(c.tuples[k]);
    }
    PyMem_Free(more);
    return result;
}

/* Kernels that take views alone, or numbers in their place: the most, and those called most. */
#define SIMPLE 4

static PyObject *call_simple(PyObject *object, PyObject *const *args, size_t nargsf,
                             PyObject *names)
{
    const core_kernel *self = (core_kernel *)object;
    const Py_ssize_t count = PyVectorcall_NARGS(nargsf);
    core_view views[SIMPLE];
    corex_argument arguments[SIMPLE];
    int64_t elements = 0;
    bool late = false;
    if (COREX_UNLIKELY(count != self->letters || names != NULL))
        return call_kernel(object, args, nargsf, names);
    for (Py_ssize_t k = 0; k < count; k++) {
        const char letter = self->kernel.arguments[k];
        if (COREX_UNLIKELY(!PyTuple_Check(args[k])) && letter == 'e' &&
            (PyLong_Check(args[k]) || PyFloat_Check(args[k]))) {
            late = true;
            if (COREX_UNLIKELY(!core_read_number(args[k], &arguments[k])))
                return NULL;
            continue;
        }
        if (COREX_UNLIKELY(!core_read_view_here(self->table, args[k], &views[k], letter == 'o')))
            return NULL;
        arguments[k].kind = COREX_VIEW;
        arguments[k].view = &views[k].view;
        elements = views[k].count > elements ? views[k].count : elements;
    }
    if (late)
        view_numbers(self, (int)count, arguments, views);
    return finish(self, run(self, arguments, (int32_t)count, elements));
}

/* ---- the object ---- */
static bool letters_are_good(const core_table *table, const corex_kernel *kernel)
{
    const char *text = kernel->arguments;
    int lists = 0, pairs = 0, numbers = 0;
    bool good = text != NULL && (*text == 'o' || *text == 'O');
    for (const char *p = text; good && *p; p++) {
        good = strchr("oamnexiufbpOA", *p) != NULL ||
               (*p == '*' && p[1] == 0 && p > text && strchr("oa", p[-1]) != NULL);
        lists += *p == 'O' || *p == 'A';
        pairs += *p == 'p';
        numbers += *p == 'e';
    }
    good = good && lists <= 4 && pairs <= 4 && (numbers == 0 || *text == 'o') &&
           (numbers == 0 || (table->table.flags & COREX_HOST));
    if (!good)
        PyErr_Format(PyExc_ValueError, "%s: kernel '%s' has wrong letters for its arguments: '%s'",
                     table->table.name, kernel->name, text == NULL ? "" : text);
    return good;
}

PyObject *core_kernel_new(core_table *table, const corex_kernel *given)
{
    corex_kernel kernel = {0};
    const size_t size = table->table.kernel_size;
    memcpy(&kernel, given, size < sizeof kernel ? size : sizeof kernel);
    if (kernel.name == NULL || kernel.run == NULL)
        return PyErr_Format(PyExc_ValueError, "%s: a kernel without a name or function",
                            table->table.name);
    if (!letters_are_good(table, &kernel))
        return NULL;
    core_kernel *self = PyObject_New(core_kernel, &core_kernel_type);
    if (self == NULL)
        return NULL;
    self->table = (core_table *)Py_NewRef((PyObject *)table);
    self->kernel = kernel;
    self->given = given;
    const size_t letters = strlen(kernel.arguments);
    self->repeats = kernel.arguments[letters - 1] == '*';
    self->letters = (int)letters - self->repeats;
    self->numbers = strpbrk(kernel.arguments, "ne") != NULL;
    self->vectorcall =
        strspn(kernel.arguments, "oae") == letters && letters <= SIMPLE ? call_simple : call_kernel;
    return (PyObject *)self;
}

static void kernel_dealloc(PyObject *self)
{
    Py_DECREF(((core_kernel *)self)->table);
    PyObject_Free(self);
}

static PyObject *kernel_repr(PyObject *self)
{
    const core_kernel *kernel = (core_kernel *)self;
    return PyUnicode_FromFormat("<%s kernel %s>", kernel->table->table.name, kernel->kernel.name);
}

static PyObject *kernel_name(PyObject *self, void *unused)
{
    (void)unused;
    return PyUnicode_FromString(((core_kernel *)self)->kernel.name);
}

static PyObject *kernel_numbers(PyObject *self, void *unused)
{
    (void)unused;
    return PyBool_FromLong(((core_kernel *)self)->numbers);
}

static PyObject *kernel_dtypes(PyObject *self, void *unused)
{
    (void)unused;
    const uint64_t bits = ((core_kernel *)self)->kernel.dtypes;
    if (bits == 0)
        Py_RETURN_NONE;
    return core_dtypes_of(bits);
}

static PyGetSetDef getters[] = {
    {"__name__", kernel_name, NULL, "the op", NULL},
    {"numbers", kernel_numbers, NULL, "whether operands may be numbers", NULL},
    {"dtypes", kernel_dtypes, NULL, "what it computes with; None: as in docs/kernels.md", NULL},
    {NULL, NULL, NULL, NULL, NULL},
};

PyTypeObject core_kernel_type = {
    PyVarObject_HEAD_INIT(NULL, 0).tp_name = "corex._core.Kernel",
    .tp_basicsize = sizeof(core_kernel),
    .tp_dealloc = kernel_dealloc,
    .tp_repr = kernel_repr,
    .tp_call = PyVectorcall_Call,
    .tp_vectorcall_offset = offsetof(core_kernel, vectorcall),
    .tp_flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_VECTORCALL,
    .tp_doc = "A kernel of a backend in C; see docs/kernels.md.",
    .tp_getset = getters,
};
