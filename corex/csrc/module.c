/* corex._core, the compiled part of corex: here the bridge to backends in C. */
#include "views.h"

#include <dlfcn.h>

#define SYMBOL "corex_backend_table"
#define TEXT_OF(x) #x
#define TEXT(x) TEXT_OF(x)

PyObject *core_out_of_memory_error;

#define ROW_OF(number, NAME, name, sfx, T, U, kind, ...) [number] = {name, kind, sizeof(T)},
static const struct {
    const char *name;
    int kind, itemsize;
} rows[COREX_NUM_DTYPES] = {COREX_HELD_ROWS(ROW_OF)};

/* dtypes() -> [(number, name, kind, itemsize)] */
static PyObject *dtypes(PyObject *module, PyObject *unused)
{
    (void)module;
    (void)unused;
    PyObject *list = PyList_New(COREX_NUM_DTYPES);
    for (int k = 0; list != NULL && k < COREX_NUM_DTYPES; k++) {
        PyObject *item = Py_BuildValue("(isCi)", k, rows[k].name, rows[k].kind, rows[k].itemsize);
        if (item == NULL)
            Py_CLEAR(list);
        else
            PyList_SET_ITEM(list, k, item);
    }
    return list;
}

/* setup({name: dtype}, OutOfMemoryError) */
static PyObject *setup(PyObject *module, PyObject *const *args, Py_ssize_t nargs)
{
    (void)module;
    if (nargs != 2)
        return PyErr_Format(PyExc_TypeError, "setup takes 2 arguments, got %zd", nargs);
    for (int k = 0; k < COREX_NUM_DTYPES; k++) {
        PyObject *found = PyMapping_GetItemString(args[0], rows[k].name);
        if (found == NULL)
            return NULL;
        Py_XSETREF(core_dtypes[k], found);
    }
    Py_XSETREF(core_out_of_memory_error, Py_NewRef(args[1]));
    Py_RETURN_NONE;
}

/* The function is a pointer to an object for dlsym; POSIX says that this is how it is read. */
static PyObject *table_of_library(const char *path, void *library)
{
    const corex_table *(*function)(void);
    *(void **)&function = dlsym(library, SYMBOL);
    const corex_table *given = function == NULL ? NULL : function();
    if (function == NULL)
        PyErr_Format(PyExc_ValueError, "%s exports no '" SYMBOL "'", path);
    else if (given == NULL)
        PyErr_Format(PyExc_ValueError, SYMBOL "() of %s gave no table", path);
    return given == NULL ? NULL : core_table_new(given);
}

/* open(path) -> Table. The library stays loaded: its threads may outlive any object. */
static PyObject *open_library(PyObject *module, PyObject *path)
{
    (void)module;
    PyObject *bytes = NULL;
    if (!PyUnicode_FSConverter(path, &bytes))
        return NULL;
    void *library = dlopen(PyBytes_AS_STRING(bytes), RTLD_NOW | RTLD_LOCAL);
    PyObject *table = NULL;
    if (library == NULL)
        PyErr_Format(PyExc_OSError, "%s", dlerror());
    else
        table = table_of_library(PyBytes_AS_STRING(bytes), library);
    Py_DECREF(bytes);
    return table;
}

/* adopt(address or capsule) -> Table */
static PyObject *adopt(PyObject *module, PyObject *given)
{
    (void)module;
    void *address = PyCapsule_CheckExact(given) ? PyCapsule_GetPointer(given, COREX_TABLE_CAPSULE)
                                                : PyLong_AsVoidPtr(given);
    if (address == NULL && !PyErr_Occurred())
        PyErr_SetString(PyExc_ValueError, "a null pointer is no table");
    return address == NULL ? NULL : core_table_new(address);
}

static PyMethodDef methods[] = {
    {"setup", (PyCFunction)(void (*)(void))setup, METH_FASTCALL,
     "setup({name: dtype}, OutOfMemoryError), once"},
    {"dtypes", dtypes, METH_NOARGS, "[(number, name, kind, itemsize) of each dtype]"},
    {"open", open_library, METH_O, "open(path of a library) -> Table"},
    {"adopt", adopt, METH_O, "adopt(address or capsule) -> Table"},
    {NULL, NULL, 0, NULL},
};

static struct PyModuleDef definition = {
    PyModuleDef_HEAD_INIT, .m_name = "_core",    .m_doc = "The compiled part of corex.",
    .m_size = -1,          .m_methods = methods,
};

PyMODINIT_FUNC PyInit__core(void)
{
    core_zero = PyLong_FromLong(0);
    core_one = PyLong_FromLong(1);
    if (core_zero == NULL || core_one == NULL || PyType_Ready(&core_table_type) < 0 ||
        PyType_Ready(&core_buffer_type) < 0 || PyType_Ready(&core_kernel_type) < 0)
        return NULL;
    PyObject *module = PyModule_Create(&definition);
    if (module != NULL &&
        (PyModule_AddObjectRef(module, "Table", (PyObject *)&core_table_type) < 0 ||
         PyModule_AddObjectRef(module, "Buffer", (PyObject *)&core_buffer_type) < 0 ||
         PyModule_AddObjectRef(module, "Kernel", (PyObject *)&core_kernel_type) < 0 ||
         PyModule_AddStringConstant(module, "sources", TEXT(CORE_SOURCES)) < 0 ||
         PyModule_AddIntConstant(module, "TABLE_MAJOR", COREX_TABLE_MAJOR) < 0))
        Py_CLEAR(module);
    return module;
}
