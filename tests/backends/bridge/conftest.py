"""The library of `odd.c`, compiled once."""

from __future__ import annotations

import ctypes
import os
import shutil
import subprocess
from pathlib import Path

import pytest

import corex
from corex.backend import CBackend

HERE = Path(__file__).parent
CC = os.environ.get("CC", "cc").split()


@pytest.fixture(scope="session")
def compiled(tmp_path_factory):
    """Builds a shared library of a C file beside this one."""
    if shutil.which(CC[0]) is None:
        pytest.skip("there is no C compiler")

    def build(source: str, *flags: str) -> Path:
        target = tmp_path_factory.mktemp("library") / f"{Path(source).stem}.so"
        command = [
            *CC,
            "-std=c11",
            "-Wall",
            "-Wextra",
            "-Werror",
            "-Wno-missing-field-initializers",
        ]
        command += [*flags, "-shared", "-fPIC", f"-I{corex.get_include()}"]
        subprocess.run([*command, str(HERE / source), "-o", str(target)], check=True)
        return target

    return build


@pytest.fixture(scope="session")
def path(compiled):
    return compiled("odd.c")


@pytest.fixture(scope="session")
def library(path):
    library = ctypes.CDLL(str(path))
    library.told.restype = ctypes.c_char_p
    for function in (library.hint, library.stream_in_use, library.count_of_freed):
        function.restype = ctypes.c_int64
    library.wrong_table.restype = ctypes.c_void_p
    library.corex_backend_table.restype = ctypes.c_void_p
    return library


@pytest.fixture(scope="session")
def odd(path):
    return CBackend(path)
