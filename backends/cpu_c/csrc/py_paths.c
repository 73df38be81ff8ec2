/* The paths of the library as Python sees them. */
#include "python.h"

/* "auto" is said of choices alone: a number is given as it is. */
static PyObject *value_of(int k)
{
    const char *choice = corex_path_choice(k, 0);
    if (choice == NULL)
        return PyLong_FromLongLong(corex_path_value(k));
    return PyUnicode_FromString(corex_path_choice(k, (int)corex_path_value(k)));
}

static PyObject *choices_of(int k)
{
    PyObject *list = PyList_New(0);
    for (int i = 0; list != NULL && corex_path_choice(k, i) != NULL; i++) {
        PyObject *choice = PyUnicode_FromString(corex_path_choice(k, i));
        if (choice == NULL || PyList_Append(list, choice) < 0)
            Py_CLEAR(list);
        Py_XDECREF(choice);
    }
    PyObject *tuple = list == NULL ? NULL : PyList_AsTuple(list);
    Py_XDECREF(list);
    return tuple;
}

/* paths() -> {name: (value, choices, meaning)} */
static PyObject *py_paths(PyObject *module, PyObject *unused)
{
    (void)module;
    (void)unused;
    PyObject *all = PyDict_New();
    for (int k = 0; all != NULL && k < corex_path_count(); k++) {
        PyObject *entry = Py_BuildValue("(NNs)", value_of(k), choices_of(k), corex_path_about(k));
        if (entry == NULL || PyDict_SetItemString(all, corex_path_name(k), entry) < 0)
            Py_CLEAR(all);
        Py_XDECREF(entry);
    }
    return all;
}

/* force(name, value) -> the value before */
static PyObject *py_force(PyObject *module, PyObject *const *args, Py_ssize_t nargs)
{
    (void)module;
    if (!corex_check_count("force", nargs, 2))
        return NULL;
    const char *name = PyUnicode_AsUTF8(args[0]);
    PyObject *text = name == NULL ? NULL : PyObject_Str(args[1]);
    const char *value = text == NULL ? NULL : PyUnicode_AsUTF8(text);
    const int k = value == NULL ? -1 : corex_path_find(name);
    PyObject *before = k < 0 ? NULL : value_of(k);
    if (value != NULL && corex_force(name, value) != COREX_OK) {
        Py_CLEAR(before);
        corex_raise(COREX_ERR_VALUE);
    }
    Py_XDECREF(text);
    return before;
}

/* levels() -> the names of the usable ones, the lowest first */
static PyObject *py_levels(PyObject *module, PyObject *unused)
{
    (void)module;
    (void)unused;
    const int path = corex_path_find("level");
    PyObject *list = PyList_New(0);
    for (int level = 0; list != NULL && level < COREX_LEVEL_COUNT; level++) {
        if (corex_level_kernels(level) == NULL)
            continue;
        /* choice 0 is "auto" */
        PyObject *name = PyUnicode_FromString(corex_path_choice(path, level + 1));
        if (name == NULL || PyList_Append(list, name) < 0)
            Py_CLEAR(list);
        Py_XDECREF(name);
    }
    return list;
}

static PyObject *py_level(PyObject *module, PyObject *unused)
{
    (void)module;
    (void)unused;
    return PyUnicode_FromString(corex_level_name());
}

PyMethodDef corex_path_methods[] = {
    {"paths", py_paths, METH_NOARGS, "paths() -> {name: (value, choices, meaning)}"},
    {"force", (PyCFunction)(void (*)(void))py_force, METH_FASTCALL,
     "force(path, value) -> the value before; 'auto' is the default of each"},
    {"levels", py_levels, METH_NOARGS, "levels that are built and that the processor has"},
    {"level", py_level, METH_NOARGS, "the level in use"},
    {NULL, NULL, 0, NULL},
};
