"""The bridge to backends in C: what the library sees of a call, and what Python sees of it."""

from __future__ import annotations

import gc
from pathlib import Path

import pytest

import corex
from corex.backend import BackendUnavailableError, CBackend, OutOfMemoryError, bridge
from corex.dtypes import BY_NAME, bool_, float32, float64, int32, int64
from tests.backends.bridge.views import get, put


# ---- what a table is ----
def test_names_and_devices(odd):
    assert (odd.name, odd.device_type, odd.device_count()) == ("odd", "odd", 2)
    assert [odd.device_name(k) for k in range(2)] == ["left", "right"]
    assert odd.dtypes(1) == (bool_, int32, int64, float32)
    assert odd.table.version == (1, 0)


def test_a_table_by_its_address(library):
    backend = CBackend(library.corex_backend_table())
    assert backend.name == "odd"
    assert get(backend, put(backend, [1, 2])) == [1, 2]


def test_a_table_in_a_capsule():
    native = pytest.importorskip("corex_cpu_c._native")
    assert CBackend(native.table).name == "cpu_c"


@pytest.mark.parametrize(
    "what, message",
    [
        ("major", r"version 2\.0, and this corex takes 1\.x: build the library again"),
        ("size", "set size and kernel_size by sizeof"),
        ("allocate", "the table lacks 'allocate'"),
        ("letters", "odd: kernel 'neg' has wrong letters for its arguments: 'oaz'"),
        ("elements", "odd: kernel 'add' has wrong letters for its arguments: 'oee'"),
        ("probe", "this machine has no odd device"),
    ],
)
def test_tables_that_cannot_be_used(library, what, message):
    with pytest.raises(BackendUnavailableError, match=message):
        CBackend(library.wrong_table(what.encode()))


@pytest.mark.parametrize("what", ["newer minor", "larger", "older"])
def test_tables_of_other_minor_versions(library, what):
    backend = CBackend(library.wrong_table(what.encode()))
    out, a = put(backend, [0]), put(backend, [2])
    backend.kernels["neg"](out, a)
    assert get(backend, out) == [-2]


def test_libraries_that_are_none(tmp_path, compiled):
    with pytest.raises(BackendUnavailableError, match=r"cannot use .*gone\.so as a backend"):
        CBackend(tmp_path / "gone.so")
    other = tmp_path / "other.so"
    other.write_text("not a library")
    with pytest.raises(BackendUnavailableError, match=r"other\.so"):
        CBackend(other)
    with pytest.raises(BackendUnavailableError, match="exports no 'corex_backend_table'"):
        CBackend(compiled("nothing.c"))
    with pytest.raises(BackendUnavailableError, match="null pointer"):
        CBackend(0)


def test_without_the_compiled_part_it_says_why(monkeypatch, path):
    def absent(name):
        raise ImportError(f"No module named {name!r}")

    monkeypatch.delenv("COREX_CORE", raising=False)

    bridge._core.cache_clear()
    monkeypatch.setattr(bridge.importlib, "import_module", absent)
    try:
        with pytest.raises(BackendUnavailableError, match="no C compiler when corex is installed"):
            CBackend(path)
        assert "corex._core" in CBackend.unavailable()
    finally:
        bridge._core.cache_clear()
    monkeypatch.undo()
    assert CBackend.unavailable() is None


def test_another_build_can_be_chosen(monkeypatch, tmp_path):
    monkeypatch.setenv("COREX_CORE", str(tmp_path / "gone.so"))
    bridge._core.cache_clear()
    try:
        assert "gone.so" in CBackend.unavailable()
    finally:
        bridge._core.cache_clear()


def test_a_module_of_other_sources_is_refused(monkeypatch, path):
    if not bridge.sources.CSRC.is_dir():
        pytest.skip("no checkout")
    bridge._core.cache_clear()
    monkeypatch.setattr(bridge.sources, "fingerprint", lambda: "others")
    try:
        with pytest.raises(BackendUnavailableError, match="install this checkout again"):
            CBackend(path)
    finally:
        bridge._core.cache_clear()


# ---- dtypes ----
def test_rows_are_those_of_corex():
    rows = bridge._core().dtypes()
    assert [number for number, *_ in rows] == list(range(len(rows)))
    assert {name: (kind, size) for _, name, kind, size in rows} == {
        dtype.name: (dtype.kind, dtype.itemsize) for dtype in BY_NAME.values()
    }


def test_dtypes_are_found_by_name(odd):
    """A row of corex's that comes between others moves no dtype of ours."""
    setup = bridge._core().setup
    with pytest.raises(KeyError, match="float64"):
        setup({name: d for name, d in BY_NAME.items() if name != "float64"}, None)
    setup(dict(reversed(BY_NAME.items())), OutOfMemoryError)
    assert odd.dtypes(0) == (bool_, int32, int64, float32)
    out, a = put(odd, [0]), put(odd, [1])
    odd.kernels["neg"](out, a)
    assert get(odd, out) == [-1]


# ---- memory ----
def test_memory(odd):
    before = odd.memory_stats(0)
    buffer = odd.allocate(12, 1)
    assert odd.nbytes(buffer) == 12
    assert buffer.device == 1
    assert odd.memory_stats(0)["allocated_bytes"] == before["allocated_bytes"] + 12
    odd.copy_from_host(buffer, 4, memoryview(b"abcdefgh"))
    other = odd.allocate(4, 0)
    assert odd.copy_device(other, 1, buffer, 5, 3)
    target = bytearray(3)
    odd.copy_to_host(other, 1, memoryview(target))
    assert target == b"bcd"
    assert odd.host_view(buffer) is None
    assert odd.wrap_host(memoryview(b"abc")) is None
    assert odd.data_ptr(buffer) == 0
    del buffer, other
    gc.collect()
    assert odd.memory_stats(0)["allocated_bytes"] == before["allocated_bytes"]


def test_too_much_memory(odd):
    with pytest.raises(OutOfMemoryError, match="no memory for so many bytes"):
        odd.allocate(1 << 40, 0)
    with pytest.raises(ValueError, match="negative"):
        odd.allocate(-1, 0)


def test_copies_that_do_not_fit(odd):
    buffer = odd.allocate(10, 0)
    for start in (-1, 6, 2**62):
        with pytest.raises(ValueError, match="do not fit"):
            odd.copy_from_host(buffer, start, memoryview(b"abcde"))
        with pytest.raises(ValueError, match="do not fit"):
            odd.copy_to_host(buffer, start, memoryview(bytearray(5)))
        with pytest.raises(ValueError, match="do not fit"):
            odd.copy_device(buffer, 0, buffer, start, 5)


def test_hints_of_what_memory_is_for(odd, library):
    odd.allocate(24, 0, float32, (2, 3))
    assert [library.hint(k) for k in range(3)] == [4, 2, 3]
    odd.allocate(8, 0)
    assert [library.hint(k) for k in range(2)] == [-1, 0]
    with pytest.raises(TypeError, match="shape must be a tuple"):
        odd.allocate(8, 0, float32, [2])


def test_buffers_of_other_tables_are_refused(odd, library):
    other = CBackend(library.corex_backend_table())
    mine, foreign = put(odd, [1]), put(other, [1])
    with pytest.raises(TypeError, match="with a odd buffer: wrong buffer type"):
        odd.kernels["neg"](mine, foreign)
    with pytest.raises(TypeError, match="not a odd buffer"):
        odd.copy_to_host(foreign[0], 0, memoryview(bytearray(1)))


def test_what_is_left_of_a_device_that_stopped(odd):
    odd.synchronize(0)
    with pytest.raises(RuntimeError, match="device 1 has stopped"):
        odd.synchronize(1)


# ---- kernels ----
def test_kernels(odd):
    out, a = put(odd, [0, 0, 0]), put(odd, [1, 2, 3])
    odd.kernels["neg"](out, a)
    assert get(odd, out) == [-1, -2, -3]
    buffer, *rest = put(odd, [1, 2, 3])
    odd.kernels["neg"](out, (buffer, rest[0], (3,), (-1,), 2))
    assert get(odd, out) == [-3, -2, -1]
    assert repr(odd.kernels["neg"]) == "<odd kernel neg>"
    assert odd.kernels["neg"].__name__ == "neg"


@pytest.mark.parametrize("number, expected", [(2, 3), (0.5, 1.5), (2**63, 2.0**63), (True, 2)])
def test_numbers_stay_numbers(odd, number, expected):
    out, a = put(odd, [0]), put(odd, [1])
    assert odd.kernels["add"].numbers
    odd.kernels["add"](out, a, number)
    assert get(odd, out) == [expected]
    odd.kernels["add"](out, number, a)
    assert get(odd, out) == [expected]


def test_the_first_kernel_that_fits_is_chosen(odd):
    assert odd.select("neg", (float32, float32)) is not None
    assert odd.select("neg", (int32, int32)) is None
    assert odd.select("nothing", (float32,)) is None
    for dtype, code in ((int32, 32), (int64, 64)):
        choice = odd.select("which", (dtype,))
        out = put(odd, [0], int64)
        choice.run(out)
        assert get(odd, out) == [code]
    assert odd.select("which", (float64,)) is None


def test_every_kind_of_argument(path, library):
    backend = CBackend(path)
    a, out = put(backend, [1, 2], device=1), put(backend, [0, 0], int64)
    late = (a[0], a[1], (1,), (1,), 1)
    backend.kernels["tell"](out, late, None, 1.5, 2**64 - 1, -(2**63), 2**64 - 1, 2, [1], (-3, 4))
    assert library.told().decode() == (
        "view 1 d3 +0 @0 handle; view 1 d4 +1 @1 handle; none; double 1.5; "
        "uint 18446744073709551615; int -9223372036854775808; uint 18446744073709551615; "
        "double 2; int 1; ints -3 4; "
    )


def test_any_number_of_views(path, library):
    backend = CBackend(path)
    a = put(backend, [1])
    for count in (1, 10, 30):
        backend.kernels["tell_all"](a, *[a] * count)
        assert library.told().decode().count("view") == count + 1
    with pytest.raises(TypeError, match="tell_all takes at least 2 arguments, got 1"):
        backend.kernels["tell_all"](a)


def test_lists_of_views(path, library):
    backend = CBackend(path)
    a = put(backend, [1])
    backend.kernels["tell_lists"]([a, a, a], (a,), 0.5)
    assert library.told().decode() == "3 views; 1 views; double 0.5; "
    for wrong in ([a, None], a[0], [b"x"]):
        with pytest.raises(TypeError):
            backend.kernels["tell_lists"](wrong, [], 0.5)


@pytest.mark.parametrize(
    "status, error",
    [
        (1, OutOfMemoryError),
        (2, ValueError),
        (3, TypeError),
        (4, IndexError),
        (5, ZeroDivisionError),
        (6, OSError),
        (7, NotImplementedError),
        (8, RuntimeError),
        (77, RuntimeError),
    ],
)
def test_what_a_status_raises(odd, status, error):
    with pytest.raises(error, match="as it was asked to") as caught:
        odd.kernels["fail"](put(odd, [0]), status)
    assert caught.type is error
    assert odd.kernels["fail"](put(odd, [0]), 0) is None


BAD = {
    "no tuple": lambda b, v: None,
    "four": lambda b, v: v[:4],
    "another buffer": lambda b, v: (b"abc", *v[1:]),
    "no dtype": lambda b, v: (v[0], "float32", *v[2:]),
    "a list": lambda b, v: (v[0], v[1], [3], (1,), 0),
    "lengths": lambda b, v: (v[0], v[1], (3,), (1, 1), 0),
    "too many": lambda b, v: (v[0], v[1], (1,) * 65, (1,) * 65, 0),
    "a fraction": lambda b, v: (v[0], v[1], (1.5,), (1,), 0),
    "no offset": lambda b, v: (v[0], v[1], (3,), (1,), None),
    "negative": lambda b, v: (v[0], v[1], (-3,), (1,), 0),
    "after the end": lambda b, v: (v[0], v[1], (3,), (1,), 1),
    "before": lambda b, v: (v[0], v[1], (3,), (-1,), 1),
    "far": lambda b, v: (v[0], v[1], (3, 2), (2**62, 2**62), 0),
    "beyond int64": lambda b, v: (v[0], v[1], (2**70,), (1,), 0),
}


@pytest.mark.parametrize("kind", BAD)
def test_views_that_are_wrong(odd, kind):
    good = put(odd, [1, 2, 3])
    with pytest.raises((TypeError, ValueError, OverflowError)):
        odd.kernels["neg"](good, BAD[kind](odd, good))
    assert get(odd, good) == [1, 2, 3]


def test_a_view_of_nothing_may_lie_anywhere(odd):
    nothing = (odd.allocate(0, 0), float32, (3, 0), (2**40, -5), 2**50)
    odd.kernels["neg"](nothing, nothing)


def test_calls_that_are_wrong(odd):
    good = put(odd, [1])
    with pytest.raises(TypeError, match="neg takes 2 arguments, got 1"):
        odd.kernels["neg"](good)
    with pytest.raises(TypeError, match="no keyword arguments"):
        odd.kernels["neg"](good, good, a=1)
    with pytest.raises(OverflowError):
        odd.kernels["add"](good, good, 2**64)
    with pytest.raises(TypeError):
        odd.kernels["add"](good, good, "1")


def test_a_subclass_may_define_any_method(path):
    class Quiet(CBackend):
        name = "quiet"
        device_type = "odd"

        def allocate(self, nbytes, device, dtype=None, shape=None):
            return super().allocate(nbytes + 8, device, dtype, shape)

        def host_view(self, buffer):
            return None

    backend = Quiet(path)
    assert backend.name == "quiet"
    assert backend.nbytes(backend.allocate(4, 0)) == 12
    assert backend.features == CBackend(path).features | {"host_view"}


# ---- in programs ----
def test_get_include():
    assert Path(corex.get_include(), "corex_backend.h").is_file()
