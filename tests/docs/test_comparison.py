"""The comparison claims nothing without a source, and nothing of corex without a test."""

from __future__ import annotations

import ast
import importlib.util
import re
from functools import cache
from pathlib import Path
from urllib.parse import urlsplit

import pytest

import corex
from corex import dtypes
from corex.backend import API_VERSION
from corex.plugins import manager

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "comparison.md").read_text()
BODY, _, SOURCES = PAGE.partition("\n## Sources\n")
SYSTEMS = ["PyTorch", "ONNX Runtime", "ggml", "PJRT", "Burn", "corex"]
DEFINED = re.findall(r'^\[([\w-]+)\]: (\S+) "([^"]+)"$', SOURCES, re.MULTILINE)
TESTS = sorted(set(re.findall(r"`([\w/]+\.py::\w+)`", BODY)))
VERSION = re.compile(r"commit [0-9a-f]{7}\b|\d+\.\d+|as of 20\d\d")


def tables() -> dict[str, list[list[str]]]:
    """The rows of each section's table, as cells."""
    found = {}
    for section in BODY.split("\n## ")[1:]:
        rows = [line for line in section.splitlines() if line.startswith("| ")]
        if rows:
            cells = [[cell.strip() for cell in row.strip("|").split(" | ")] for row in rows[1:]]
            found[section.splitlines()[0]] = cells
    return found


def named(text: str) -> list[str]:
    """The sources that a text refers to."""
    return re.findall(r"\[([a-z][\w-]*)\](?![(:])", text)


@cache
def functions(path: str) -> set[str]:
    tree = ast.parse((ROOT / "tests" / path).read_text())
    return {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}


@pytest.mark.parametrize("title", tables())
def test_every_point_is_told_of_every_system_with_a_source(title: str) -> None:
    rows = tables()[title]
    assert [row[0] for row in rows] == SYSTEMS
    for system, what, source in rows:
        assert what
        if system == "corex":
            assert re.search(r"`[\w/]+\.py::\w+`", source), title
            assert not named(source)
        else:
            assert named(source), f"{title}: {system}"


def test_there_are_points_enough() -> None:
    assert len(tables()) >= 12


@pytest.mark.parametrize("test", TESTS)
def test_what_is_said_of_corex_names_a_test_that_exists(test: str) -> None:
    path, _, name = test.partition("::")
    assert name in functions(path)


def test_every_source_is_defined_once_and_used() -> None:
    names = [name for name, _, _ in DEFINED]
    assert sorted(set(names)) == sorted(names)
    assert set(named(BODY)) == set(names)
    assert len(DEFINED) == sum(bool(line) for line in SOURCES.splitlines())


@pytest.mark.parametrize(("name", "url", "title"), DEFINED, ids=[name for name, _, _ in DEFINED])
def test_a_source_is_an_address_and_says_which_version_was_read(
    name: str, url: str, title: str
) -> None:
    parts = urlsplit(url)
    assert parts.scheme == "https"
    assert re.fullmatch(r"[\w-]+(\.[\w-]+)+", parts.netloc)
    assert re.fullmatch(r"[\w./-]+", parts.path)
    assert VERSION.search(title), title
    if parts.netloc == "github.com":
        at = parts.path.split("/")[4]
        assert re.fullmatch(r"[0-9a-f]{40}|v\d+\.\d+\.\d+", at), url
        assert at[:7] in title or at[1:] in title


def test_what_corex_is_not() -> None:
    """What the page says is missing. Who adds it changes the page."""
    assert len(dtypes.ALL) == 16
    assert min(dtype.itemsize for dtype in dtypes.ALL if dtype.is_floating_point) == 2
    assert API_VERSION == (1, 0)
    assert corex.__version__.startswith("0.")
    assert "compile" not in manager.backend("cpu_c").features
    assert importlib.util.find_spec("corex.distributed") is None
