"""Libraries that must be told of corex are told, once, when they are imported, and only then."""

from __future__ import annotations

import importlib
import importlib.util
import inspect
import subprocess
import sys
from pathlib import Path

import pytest

import corex
from corex import neighbours

LIBRARY = '''"""A library with a list of the types that it knows."""
known = ["its own"]
'''
TELLER = """
import library_with_a_list
def register():
    library_with_a_list.known.append("corex")
"""
TWO_NAMES = "__all__ = ['First', 'second']\nclass First: pass\nsecond, third = 2, 3\n"


@pytest.fixture
def library(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder on the path with such a library, and with what tells it of corex."""
    (tmp_path / "library_with_a_list.py").write_text(LIBRARY)
    (tmp_path / "teller.py").write_text(TELLER)
    (tmp_path / "two_names.py").write_text(TWO_NAMES)
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setitem(neighbours._TOLD, "library_with_a_list", "teller")
    monkeypatch.setitem(neighbours._OURS, "library_with_a_list_layers", "two_names")
    for name in ("library_with_a_list", "library_with_a_list_layers", "teller", "two_names"):
        monkeypatch.delitem(sys.modules, name, raising=False)
    return tmp_path


def test_a_library_is_told_after_its_import(library: Path) -> None:
    found = importlib.util.find_spec("library_with_a_list")
    assert found is not None
    assert "teller" not in sys.modules
    module = importlib.import_module("library_with_a_list")
    assert module.known == ["its own", "corex"]
    assert inspect.getsource(module) == LIBRARY
    assert module.__spec__.origin == str(library / "library_with_a_list.py")
    assert importlib.reload(module).known == ["its own", "corex"]


def test_one_that_is_there_already_is_told_at_once(
    library: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delitem(neighbours._TOLD, "library_with_a_list")
    module = importlib.import_module("library_with_a_list")
    assert module.known == ["its own"]
    monkeypatch.setattr(neighbours, "_TOLD", {"library_with_a_list": "teller"})
    monkeypatch.setattr(sys, "meta_path", list(sys.meta_path))
    neighbours.watch()
    assert module.known == ["its own", "corex"]


@pytest.mark.parametrize("fault", ["import none_such_here", "library_with_a_list.none_such"])
def test_a_library_that_is_not_as_expected_stays_as_it_is(library: Path, fault: str) -> None:
    (library / "teller.py").write_text(TELLER + f"    {fault}\n")
    assert importlib.import_module("library_with_a_list").known[0] == "its own"


def test_a_library_that_fails_fails_as_before(library: Path) -> None:
    (library / "library_with_a_list.py").write_text("raise ValueError('broken')")
    with pytest.raises(ValueError, match="broken"):
        importlib.import_module("library_with_a_list")
    assert "teller" not in sys.modules


def test_a_library_that_is_not_there(library: Path) -> None:
    (library / "library_with_a_list.py").unlink()
    assert importlib.util.find_spec("library_with_a_list") is None
    with pytest.raises(ModuleNotFoundError):
        importlib.import_module("library_with_a_list")


def test_a_module_of_ours_under_a_name_of_theirs(library: Path) -> None:
    module = importlib.import_module("library_with_a_list_layers")
    ours = importlib.import_module("two_names")
    assert (module.First, module.second) == (ours.First, 2)
    assert not hasattr(module, "third")


def test_all_that_is_named_exists_and_is_not_loaded_before() -> None:
    for name in [*neighbours._TOLD.values(), *neighbours._OURS.values()]:
        assert importlib.util.find_spec(name) is not None
    code = "import corex, sys; print([n for n in sys.modules if n.startswith('corex.neighbours.')])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
    assert any(isinstance(finder, neighbours._Waiting) for finder in sys.meta_path)
    assert corex.Tensor.__module__.split(".")[0] == "corex"  # by which opt_einsum knows a tensor
