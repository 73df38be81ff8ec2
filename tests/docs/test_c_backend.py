"""The libraries of the page about backends in C compile, load and compute, in each language."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from corex.backend import CBackend
from corex.dtypes import float32, int32
from tests.backends.bridge.views import get, put

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "c-backend.md").read_text()
BLOCKS = re.findall(r"^```(\w+)\n(.*?)^```$", PAGE, re.DOTALL | re.MULTILINE)

# Language -> (compiler, source, what the page calls the library).
SOURCES = {
    "c": ("cc", "mini.c", "mini.so"),
    "cpp": ("c++", "plus.cpp", "plus.so"),
    "rust": ("rustc", "oxide.rs", "oxide.so"),
}


def command_for(source: str) -> str:
    found = [text for language, text in BLOCKS if language == "sh" and f" {source} " in text]
    assert len(found) == 1
    return found[0]


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    """The folder with the library of a language, built by the command that the page shows."""
    folder = tmp_path_factory.mktemp("page")

    def build(language: str) -> Path:
        compiler, source, library = SOURCES[language]
        if shutil.which(compiler) is None:
            pytest.skip(f"there is no {compiler}")
        text = [text for each, text in BLOCKS if each == language]
        assert len(text) == 1
        (folder / source).write_text(text[0])
        path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
        environment = {**os.environ, "PATH": path}
        subprocess.run(command_for(source), shell=True, cwd=folder, env=environment, check=True)
        return folder / library

    return build


def test_c(built):
    library = built("c")
    backend = CBackend(library)
    assert backend.name == "mini"
    out = put(backend, [0, 0])
    backend.select("neg", (float32, float32)).run(out, put(backend, [1, -2]))
    assert get(backend, out) == [-1, 2]
    out = put(backend, [0, 0], int32)
    choice = backend.select("neg", (int32, int32))
    choice.run(out, put(backend, [5, -(2**31)], int32))
    assert get(backend, out) == [-5, -(2**31)]


def test_the_python_of_the_page_runs(built):
    library = built("c")
    (program,) = [text for language, text in BLOCKS if language == "python"]
    told = subprocess.run(
        [sys.executable, "-c", program],
        cwd=library.parent,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        check=True,
        capture_output=True,
        text=True,
    ).stdout
    assert told.startswith("mini ['copy_device', 'host_view', 'wrap_host']\nKernelChoice(run=<mini")


def test_cpp(built):
    backend = CBackend(built("cpp"))
    a = put(backend, [0, 1, 2])
    out = put(backend, [0, 0, 0])
    backend.select("exp", (float32, float32)).run(out, a)
    assert get(backend, out) == pytest.approx([1, 2.718281828, 7.389056099])
    backend.select("add", (float32,) * 3).run(out, a, 0.5)
    assert get(backend, out) == [0.5, 1.5, 2.5]
    buffer, dtype, *_ = put(backend, [0])
    total = (buffer, dtype, (), (), 0)
    backend.select("sum", (float32, float32)).run(total, a, 1)
    assert get(backend, (buffer, dtype, (1,), (1,), 0)) == [3]


def test_rust(built):
    backend = CBackend(built("rust"))
    buffer, *_ = put(backend, [1, 2, 3, 4])
    out = put(backend, [0] * 4)
    turned = (buffer, float32, (2, 2), (1, 2), 0)
    backend.kernels["neg"]((out[0], float32, (2, 2), (2, 1), 0), turned)
    assert get(backend, out) == [-1, -3, -2, -4]
