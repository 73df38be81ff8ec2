/* The extension module corex_cpu_c._native: setup, memory, threads. */
#include "blas.h"
#include "force.h"
#include "python.h"

/* setup({name: dtype}, out_of_memory_error) -> {name: kernel} */
static PyObject *py_setup(PyObject *module, PyObject *const *args, Py_ssize_t nargs)
{
    (void)module;
    if (!corex_check_count("setup", nargs, 2))
        return NULL;
    if (corex_paths_status() != COREX_OK)
        return corex_raise(COREX_ERR_VALUE);
    if (!corex_set_dtypes(args[0]))
        return NULL;
    Py_XSETREF(corex_out_of_memory_error, Py_NewRef(args[1]));
    PyObject *kernels = PyDict_New();
    if (kernels != NULL && corex_add_kernels(kernels) < 0)
        Py_CLEAR(kernels);
    return kernels;
}

static PyObject *py_allocate(PyObject *module, PyObject *const *args, Py_ssize_t nargs)
{
    (void)module;
    /* the device number and the hints (dtype, shape) are of no interest here */
    if ((nargs < 1 || nargs > 4) && !corex_check_count("allocate", nargs, 4))
        return NULL;
    Py_ssize_t nbytes = PyLong_AsSsize_t(args[0]);
    if (nbytes < 0) {
        if (!PyErr_Occurred())
            PyErr_SetString(PyExc_ValueError, "a size in bytes cannot be negative");
        return NULL;
    }
    return (PyObject *)corex_buffer_new(nbytes);
}

static PyObject *py_wrap(PyObject *module, PyObject *source)
{
    (void)module;
    return corex_buffer_wrap(source);
}

/* copy_bytes(buffer, start, object, to_buffer) */
static PyObject *py_copy_bytes(PyObject *module, PyObject *const *args, Py_ssize_t nargs)
{
    (void)module;
    if (!corex_check_count("copy_bytes", nargs, 4))
        return NULL;
    if (Py_TYPE(args[0]) != &corex_buffer_type) {
        PyErr_SetString(PyExc_TypeError, "not a cpu_c buffer");
        return NULL;
    }
    corex_buffer *buffer = (corex_buffer *)args[0];
    Py_ssize_t start = PyLong_AsSsize_t(args[1]);
    int to_buffer = PyObject_IsTrue(args[3]);
    if (to_buffer < 0 || (start == -1 && PyErr_Occurred()))
        return NULL;
    Py_buffer host;
    if (PyObject_GetBuffer(args[2], &host, to_buffer ? PyBUF_SIMPLE : PyBUF_WRITABLE) < 0)
        return NULL;
    if (start < 0 || host.len > buffer->nbytes - start || (to_buffer && buffer->readonly)) {
        PyErr_Format(PyExc_ValueError, "%zd bytes at %zd do not fit a %sbuffer of %lld", host.len,
                     start, buffer->readonly ? "read-only " : "", (long long)buffer->nbytes);
        PyBuffer_Release(&host);
        return NULL;
    }
    char *inside = buffer->ptr + start;
    Py_BEGIN_ALLOW_THREADS memmove(to_buffer ? inside : host.buf, to_buffer ? host.buf : inside,
                                   (size_t)host.len);
    Py_END_ALLOW_THREADS PyBuffer_Release(&host);
    Py_RETURN_NONE;
}

static PyObject *py_memory_stats(PyObject *module, PyObject *unused)
{
    (void)module;
    (void)unused;
    corex_memory_stats stats;
    corex_get_memory_stats(&stats);
    return Py_BuildValue("{s:L,s:L,s:L,s:L}", "allocated_bytes", (long long)stats.allocated_bytes,
                         "reserved_bytes", (long long)stats.reserved_bytes, "peak_allocated_bytes",
                         (long long)stats.peak_allocated_bytes, "allocations",
                         (long long)stats.allocations);
}

static PyObject *py_empty_cache(PyObject *module, PyObject *unused)
{
    (void)module;
    (void)unused;
    corex_buffer_drop_cache();
    corex_empty_cache();
    Py_RETURN_NONE;
}

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

static PyObject *py_get_num_threads(PyObject *module, PyObject *unused)
{
    (void)module;
    (void)unused;
    return PyLong_FromLong(corex_get_num_threads());
}

static PyObject *py_set_num_threads(PyObject *module, PyObject *count)
{
    (void)module;
    long threads = PyLong_AsLong(count);
    if (threads == -1 && PyErr_Occurred())
        return NULL;
    threads = COREX_MAX(COREX_MIN(threads, INT_MAX), 0);
    return corex_done(corex_set_num_threads((int)threads));
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

#define FAST(name, function, doc) {name, (PyCFunction)(void (*)(void))function, METH_FASTCALL, doc}

static PyMethodDef methods[] = {
    FAST("setup", py_setup, "setup({name: dtype}, out_of_memory_error) -> {name: kernel}"),
    FAST("allocate", py_allocate, "allocate(nbytes, device=0, dtype=None, shape=None) -> Buffer"),
    FAST("copy_bytes", py_copy_bytes, "copy_bytes(buffer, start, host, to_buffer)"),
    {"dtypes", corex_py_dtypes, METH_NOARGS, "[(number, name, kind, itemsize) of each dtype]"},
    FAST("takes", corex_py_takes, "takes(op, dtypes of all views) -> whether there is a kernel"),
    FAST("direct", corex_py_direct, "direct(op, dtype) -> callable or None"),
    {"wrap", py_wrap, METH_O, "wrap(host memory) -> Buffer, zero copy"},
    {"memory_stats", py_memory_stats, METH_NOARGS, "counters of the allocator"},
    {"empty_cache", py_empty_cache, METH_NOARGS, "return unused memory to the system"},
    {"set_cache_limit", py_set_cache_limit, METH_O, "bytes kept for reuse, at most"},
    {"get_cache_limit", py_get_cache_limit, METH_NOARGS, "bytes kept for reuse, at most"},
    {"get_num_threads", py_get_num_threads, METH_NOARGS, "threads used by kernels"},
    {"set_num_threads", py_set_num_threads, METH_O, "threads used by kernels"},
    FAST("blas_load", py_blas_load,
         "blas_load(path, nobody_else_uses_it=False) -> whether it is usable"),
    {"blas_info", py_blas_info, METH_NOARGS, "name and path of the BLAS in use"},
    {NULL, NULL, 0, NULL},
};

static struct PyModuleDef definition = {
    PyModuleDef_HEAD_INIT,
    .m_name = "_native",
    .m_doc = "Kernels, memory and threads of the cpu_c backend.",
    .m_size = -1,
    .m_methods = methods,
};

PyMODINIT_FUNC PyInit__native(void)
{
    if (PyType_Ready(&corex_buffer_type) < 0 || PyType_Ready(&corex_kernel_type) < 0)
        return NULL;
    PyObject *module = PyModule_Create(&definition);
    if (module != NULL &&
        (PyModule_AddObjectRef(module, "Buffer", (PyObject *)&corex_buffer_type) < 0 ||
         PyModule_AddFunctions(module, corex_path_methods) < 0))
        Py_CLEAR(module);
    return module;
}
