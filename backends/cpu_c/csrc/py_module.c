/* The extension module corex_cpu_c._native: the table for corex, and what it does not have. */
#include "blas.h"
#include "python.h"

/* ---- the table, with what is Python's ---- */
static corex_table table;

static int setup(const corex_python_host *host)
{
    Py_XSETREF(corex_out_of_memory_error, Py_NewRef(host->out_of_memory_error));
    return 0;
}

static PyObject *allocate(int64_t nbytes, int32_t device)
{
    (void)device;
    return (PyObject *)corex_buffer_new(nbytes);
}

static corex_status empty_cache(int32_t device)
{
    (void)device;
    corex_buffer_drop_cache();
    corex_empty_cache();
    return COREX_OK;
}

static const corex_python part = {
    .size = sizeof(corex_python),
    .setup = setup,
    .buffer_type = &corex_buffer_type,
    .allocate = allocate,
    .wrap = corex_buffer_wrap,
    .direct = corex_find_direct,
};

static PyObject *table_capsule(void)
{
    table = *corex_backend_table();
    table.empty_cache = empty_cache;
    table.python = &part;
    return PyCapsule_New(&table, COREX_TABLE_CAPSULE, NULL);
}

/* ---- what the table does not have ---- */
static PyObject *py_set_cache_limit(PyObject *module, PyObject *nbytes)
{
    (void)module;
    Py_ssize_t limit = PyLong_AsSsize_t(nbytes);
    if (limit == -1 && PyErr_Occurred())
        return NULL;
    corex_buffer_drop_cache();
    corex_set_cache_limit(limit);
    Py_RETURN_NONE;
}

static PyObject *py_get_cache_limit(PyObject *module, PyObject *unused)
{
    (void)module;
    (void)unused;
    return PyLong_FromLongLong(corex_get_cache_limit());
}

/* Returns whether the library was usable, so that the caller tries the next. */
static PyObject *py_blas_load(PyObject *module, PyObject *const *args, Py_ssize_t nargs)
{
    (void)module;
    if (nargs != 1 && !corex_check_count("blas_load", nargs, 2))
        return NULL;
    const char *text = PyUnicode_AsUTF8(args[0]);
    const int ours = text == NULL ? -1 : nargs == 1 ? 0 : PyObject_IsTrue(args[1]);
    return ours < 0 ? NULL : PyBool_FromLong(corex_blas_open(text, ours != 0) == COREX_OK);
}

static PyObject *py_blas_info(PyObject *module, PyObject *unused)
{
    (void)module;
    (void)unused;
    return Py_BuildValue("{s:s,s:s}", "name", corex_blas_name(), "path", corex_blas_path());
}

#define TEXT_(text) #text
#define TEXT(text) TEXT_(text)
#define FAST(name, function, doc) {name, (PyCFunction)(void (*)(void))function, METH_FASTCALL, doc}

static PyMethodDef methods[] = {
    {"set_cache_limit", py_set_cache_limit, METH_O, "bytes kept for reuse, at most"},
    {"get_cache_limit", py_get_cache_limit, METH_NOARGS, "bytes kept for reuse, at most"},
    FAST("blas_load", py_blas_load,
         "blas_load(path, nobody_else_uses_it=False) -> whether it is usable"),
    {"blas_info", py_blas_info, METH_NOARGS, "name and path of the BLAS in use"},
    {NULL, NULL, 0, NULL},
};

static struct PyModuleDef definition = {
    PyModuleDef_HEAD_INIT,
    .m_name = "_native",
    .m_doc = "The table of the cpu_c backend, its paths and its BLAS.",
    .m_size = -1,
    .m_methods = methods,
};

PyMODINIT_FUNC PyInit__native(void)
{
    if (PyType_Ready(&corex_buffer_type) < 0 || PyType_Ready(&corex_direct_type) < 0)
        return NULL;
    PyObject *module = PyModule_Create(&definition);
    PyObject *capsule = module == NULL ? NULL : table_capsule();
    if (module != NULL &&
        (capsule == NULL || PyModule_AddObjectRef(module, "table", capsule) < 0 ||
         PyModule_AddObjectRef(module, "Buffer", (PyObject *)&corex_buffer_type) < 0 ||
         PyModule_AddStringConstant(module, "sources", TEXT(COREX_SOURCES)) < 0 ||
         PyModule_AddFunctions(module, corex_path_methods) < 0))
        Py_CLEAR(module);
    Py_XDECREF(capsule);
    return module;
}
