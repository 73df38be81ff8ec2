"""How builds put files in their places: whole, never into a file in use, one build at a time."""

from __future__ import annotations

import ctypes
import os
import runpy
import subprocess
import sys
import threading
from pathlib import Path
from types import SimpleNamespace

import pytest

pytest.importorskip("setuptools")
PACKAGE = Path(__file__).resolve().parents[3] / "backends" / "cpu_c"
USER = """
import ctypes, sys
library = ctypes.CDLL(sys.argv[1])
print("ready", flush=True)
sys.stdin.readline()
library.corex_last_error.restype = ctypes.c_char_p
assert library.corex_abi_version() == 2
assert library.corex_blas_load(b"/nowhere") != 0
assert library.corex_last_error()
assert library.corex_unary_op(b"exp") >= 0
print("alive")
"""


@pytest.fixture(scope="module")
def placing():
    if not (PACKAGE / "placing.py").exists():
        pytest.skip("only a checkout builds")
    return SimpleNamespace(**runpy.run_path(str(PACKAGE / "placing.py")))


def copy_by_setuptools(placing, source, target):
    from setuptools import Distribution

    placing.BuildExt(Distribution()).copy_file(str(source), str(target))


@pytest.mark.parametrize("way", ["replace_file", "BuildExt"])
def test_a_library_in_use_outlives_its_replacement(backend, placing, tmp_path, way):
    from corex_cpu_c import _native

    library, empty = tmp_path / "library.so", tmp_path / "empty"
    library.write_bytes(Path(_native.__file__).read_bytes())
    empty.write_bytes(b"")
    user = subprocess.Popen(
        [sys.executable, "-c", USER, str(library)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert user.stdout.readline() == "ready\n"
    if way == "BuildExt":
        copy_by_setuptools(placing, empty, library)
    else:
        placing.replace_file(empty, library)
    out, _ = user.communicate("go\n", timeout=60)
    assert (out, user.returncode) == ("alive\n", 0)
    assert library.read_bytes() == b""
    assert sorted(os.listdir(tmp_path)) == ["empty", "library.so"]


def test_openblas_is_replaced_not_rewritten(placing, tmp_path, monkeypatch):
    source, target = tmp_path / "site", tmp_path / "vendor"
    for folder in (source / "scipy_openblas32" / "lib", source / "scipy_openblas32-1.dist-info"):
        folder.mkdir(parents=True)
    library = source / "scipy_openblas32" / "lib" / "libscipy_openblas.so"
    library.write_text("first")
    (source / "scipy_openblas32" / "__init__.py").write_text(
        f"def get_lib_dir(): return {str(library.parent)!r}"
    )
    info = source / "scipy_openblas32-1.dist-info"
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: scipy-openblas32\nVersion: 1\n")
    (info / "RECORD").write_text("scipy_openblas32-1.dist-info/LICENSE.txt,,\n")
    (info / "LICENSE.txt").write_text("do what you want")
    monkeypatch.syspath_prepend(str(source))
    monkeypatch.delitem(sys.modules, "scipy_openblas32", raising=False)
    assert placing.vendor_openblas(target)
    placed = target / library.name
    with placed.open() as in_use:
        before = placed.stat()
        assert placing.vendor_openblas(target)
        assert placed.stat().st_ino == before.st_ino, "nothing new: nothing to replace"
        library.write_text("second")
        assert placing.vendor_openblas(target)
        assert (in_use.read(), placed.read_text()) == ("first", "second")
    assert sorted(os.listdir(target)) == ["LICENSE.txt", library.name]


def test_builds_take_turns(placing, tmp_path):
    pytest.importorskip("fcntl")
    lock, order = tmp_path / "build" / "lock", []
    inside, leave = threading.Event(), threading.Event()

    def first():
        with placing.alone(lock):
            inside.set()
            leave.wait(60)
            order.append("first")

    def second():
        with placing.alone(lock):
            order.append("second")

    one, other = threading.Thread(target=first), threading.Thread(target=second)
    one.start()
    inside.wait(60)
    other.start()
    other.join(0.2)
    assert order == []
    leave.set()
    one.join(60)
    other.join(60)
    assert order == ["first", "second"]


def test_the_copy_is_loadable(backend, placing, tmp_path):
    from corex_cpu_c import _native

    placing.replace_file(_native.__file__, tmp_path / "new" / "library.so")
    assert ctypes.CDLL(str(tmp_path / "new" / "library.so")).corex_abi_version() == 2
