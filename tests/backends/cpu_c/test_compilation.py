"""The recipe of the C library: which files for which levels, and nothing compiled twice."""

from __future__ import annotations

import runpy
import shutil
import stat
from pathlib import Path

import pytest

from corex_cpu_c import plugin

ROOT = Path(__file__).parents[3]
RECIPE = runpy.run_path(str(ROOT / "backends" / "cpu_c" / "compilation.py"))
units, accepts, included = RECIPE["units"], RECIPE["accepts"], RECIPE["included"]


def levels(work) -> set[str]:
    return {unit.level for unit in work if unit.level}


def test_an_old_compiler_builds_fewer_levels() -> None:
    assert levels(units(lambda flag: True)) == {"baseline", "v3", "v4"}
    assert levels(units(lambda flag: flag != "-march=x86-64-v4")) == {"baseline", "v3"}
    nothing = units(lambda flag: False)
    assert levels(nothing) == {"baseline"}
    assert not any("BUILT" in flag for unit in nothing for flag in unit.flags)


def test_every_source_is_compiled_under_a_name_of_its_own() -> None:
    work = units(lambda flag: True)
    csrc = ROOT / "backends" / "cpu_c" / "csrc"
    assert {unit.source for unit in work} == set(csrc.rglob("*.c"))
    assert len({unit.name for unit in work}) == len(work)
    told = {flag for unit in work if unit.source.name == "levels.c" for flag in unit.flags}
    assert told == {"-DCOREX_BUILT_V3", "-DCOREX_BUILT_V4"}


def test_flags_are_tried(tmp_path: Path) -> None:
    compiler = tmp_path / "cc"
    compiler.write_text('#!/bin/sh\ncase "$*" in *v4*) exit 1;; esac\n')
    compiler.chmod(compiler.stat().st_mode | stat.S_IXUSR)
    assert accepts([str(compiler)], "-march=x86-64-v3")
    assert not accepts([str(compiler)], "-march=x86-64-v4")
    assert not accepts([str(tmp_path / "no such compiler")], "-march=x86-64-v3")


@pytest.fixture
def csrc(tmp_path: Path) -> Path:
    """A copy of the sources that a test may change."""
    copy = tmp_path / "csrc"
    shutil.copytree(ROOT / "backends" / "cpu_c" / "csrc", copy)
    return copy


def test_only_what_changed_is_compiled_again(tmp_path: Path, csrc: Path) -> None:
    def build() -> list[str]:
        done = []

        def compile_to(unit, target: Path) -> None:
            done.append(unit.name)
            target.write_text("object")

        store = RECIPE["ObjectStore"](tmp_path / "objects", ["cc"], csrc)
        found = store.objects(units(lambda flag: True, csrc), compile_to, 2)
        assert all(path.exists() for path in found)
        assert len(list((tmp_path / "objects").iterdir())) >= len(found)
        return sorted(done)

    assert len(build()) == len(units(lambda flag: True, csrc))
    assert build() == []
    source = csrc / "kernels" / "loss.c"
    source.write_text(source.read_text() + "/* changed */\n")
    # The module itself tells which sources it is of.
    assert build() == ["loss.baseline.o", "loss.v3.o", "loss.v4.o", "py_module.o"]
    header = csrc / "python.h"
    header.write_text(header.read_text() + "/* changed */\n")
    again = build()
    assert "py_module.o" in again
    assert not any(".v3." in name for name in again)


def test_a_failure_leaves_no_object(tmp_path: Path) -> None:
    store = RECIPE["ObjectStore"](tmp_path, ["cc"])

    def compile_to(unit, target: Path) -> None:
        target.write_text("half")
        raise RuntimeError("no space left")

    with pytest.raises(RuntimeError, match="no space"):
        store.objects(units(lambda flag: False)[:1], compile_to, 1)
    assert not any(store.path(unit).exists() for unit in units(lambda flag: False))


def test_headers_are_found_through_headers() -> None:
    csrc = ROOT / "backends" / "cpu_c" / "csrc"
    names = {path.name for path in included(csrc / "kernels" / "unary.c")}
    assert {"loops.h", "vecmath.h", "kernels.h", "levels.h", "internal.h"} <= names
    assert "python.h" not in names


def test_a_library_of_other_sources_is_refused(monkeypatch) -> None:
    assert plugin._probe() is None
    monkeypatch.setattr(plugin.sources, "fingerprint", lambda: "others")
    if plugin.sources.CSRC.is_dir():
        reason = plugin._probe()
        assert "was built from other sources" in reason
        assert "pip install --editable ." in reason
