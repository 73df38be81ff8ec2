"""The C ABI through ctypes: the library needs nothing of Python."""

from __future__ import annotations

import ctypes
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

ROOT = Path(__file__).parents[3]
NUMBER = {"bool": 0, "uint8": 1, "int32": 2, "int64": 3, "float32": 4, "float64": 5}  # of six


class View(ctypes.Structure):
    _fields_ = (
        ("data", ctypes.c_void_p),
        ("shape", ctypes.POINTER(ctypes.c_int64)),
        ("strides", ctypes.POINTER(ctypes.c_int64)),
        ("ndim", ctypes.c_int32),
        ("dtype", ctypes.c_int32),
        ("memory", ctypes.c_void_p),
        ("offset", ctypes.c_int64),
        ("device", ctypes.c_int32),
        ("reserved", ctypes.c_int32),
    )


class Stats(ctypes.Structure):
    _fields_ = tuple(
        (name, ctypes.c_int64)
        for name in ("allocated_bytes", "reserved_bytes", "peak_allocated_bytes", "allocations")
    )


@pytest.fixture(scope="module")
def library():
    native = pytest.importorskip("corex_cpu_c._native")
    library = ctypes.CDLL(native.__file__)
    library.corex_last_error.restype = ctypes.c_char_p
    library.corex_blas_name.restype = ctypes.c_char_p
    return library


def view(array):
    """The array as the ABI sees it; keeps what it points to."""
    numbers = ctypes.c_int64 * max(array.ndim, 1)
    result = View(
        array.ctypes.data,
        numbers(*array.shape),
        numbers(*(step // array.itemsize for step in array.strides)),
        array.ndim,
        NUMBER[array.dtype.name],
    )
    return ctypes.byref(result)


def test_version_and_sizes(library):
    assert library.corex_abi_version() == 2
    assert [library.corex_itemsize(k) for k in range(-1, 17)] == [
        *(0, 1, 1, 4, 8, 4, 8),
        *(1, 2, 2, 4, 8, 2, 2, 4, 8, 16, 0),
    ]


def test_elementwise_and_reduction(library):
    a = np.arange(12, dtype=np.float32).reshape(3, 4)
    out = np.empty((4, 3), np.float32)
    assert (
        library.corex_binary(library.corex_binary_op(b"add"), view(out), view(a.T), view(a.T)) == 0
    )
    np.testing.assert_array_equal(out, 2 * a.T)
    total = np.empty(3, np.float32)
    assert library.corex_reduce(library.corex_reduce_op(b"sum"), view(total), view(a), 1) == 0
    np.testing.assert_array_equal(total, a.sum(1))
    assert library.corex_unary_op(b"no such op") == -1


def test_errors_have_reasons(library):
    a, b = np.zeros(3), np.zeros(4)
    status = library.corex_unary(library.corex_unary_op(b"exp"), view(a), view(b))
    assert status == 2
    assert b"shape" in library.corex_last_error()
    assert library.corex_unary(9999, view(a), view(a)) == 2
    integers = np.ones(3, np.int64)
    zeros = np.zeros(3, np.int64)
    op = library.corex_binary_op(b"floor_divide")
    assert library.corex_binary(op, view(integers), view(integers), view(zeros)) == 5
    assert library.corex_unary(library.corex_unary_op(b"exp"), view(zeros), view(zeros)) == 3


def test_memory(library):
    stats, pointer = Stats(), ctypes.c_void_p()
    library.corex_get_memory_stats(ctypes.byref(stats))
    before = stats.allocated_bytes
    nbytes = ctypes.c_int64(100_000)
    assert library.corex_alloc(nbytes, ctypes.byref(pointer)) == 0
    assert pointer.value % 64 == 0
    library.corex_get_memory_stats(ctypes.byref(stats))
    assert stats.allocated_bytes == before + 100_000
    library.corex_free(pointer, nbytes)
    assert library.corex_alloc(ctypes.c_int64(2**60), ctypes.byref(pointer)) == 1
    assert b"bytes" in library.corex_last_error()
    assert library.corex_alloc(ctypes.c_int64(-5), ctypes.byref(pointer)) == 1


def test_matmul_without_a_backend(library):
    a, b = np.arange(6.0).reshape(1, 2, 3), np.arange(12.0).reshape(1, 3, 4)
    out = np.empty((1, 2, 4))
    assert library.corex_matmul(view(out), view(a), view(b)) == 0
    np.testing.assert_array_equal(out, a @ b)
    assert library.corex_blas_name()


WITHOUT_BLAS = """
import ctypes, sys
import numpy as np
from tests.backends.cpu_c.test_abi import view
library = ctypes.CDLL(sys.argv[1])
library.corex_blas_name.restype = ctypes.c_char_p
assert library.corex_blas_name() == b"none"
rng = np.random.default_rng(0)
for dtype, tolerance in ((np.float32, 1e-3), (np.float64, 1e-10)):
    for m, n, k in ((200, 150, 300), (1, 700, 300), (700, 1, 300), (73, 1100, 257)):
        a = rng.normal(size=(2, m, k)).astype(dtype)
        b = rng.normal(size=(2, n, k)).astype(dtype).transpose(0, 2, 1)
        out = np.empty((2, m, n), dtype)
        assert library.corex_matmul(view(out), view(a), view(b)) == 0
        np.testing.assert_allclose(out, a @ b, rtol=tolerance, atol=tolerance)
"""


def test_matmul_without_blas():
    native = pytest.importorskip("corex_cpu_c._native")
    subprocess.run(
        [sys.executable, "-c", WITHOUT_BLAS, native.__file__], check=True, timeout=100, cwd=ROOT
    )


def test_numpys_blas_serves_as_well():
    code = """
import sys
import numpy
from pathlib import Path
from corex_cpu_c import _native
site = Path(numpy.__file__).parent.parent
patterns = ("numpy.libs/lib*openblas*", "numpy/.dylibs/lib*openblas*")
found = [path for pattern in patterns for path in site.glob(pattern)]
print(any(_native.blas_load(str(p)) for p in found) if found else "skip")
"""
    result = subprocess.run(
        [sys.executable, "-c", code], check=True, timeout=100, capture_output=True, text=True
    )
    if result.stdout.strip() == "skip":
        pytest.skip("this NumPy brings no OpenBLAS")
    assert result.stdout.strip() == "True"
