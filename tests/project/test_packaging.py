"""What the installed distribution promises."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from importlib.metadata import distribution, entry_points
from pathlib import Path
from zipfile import ZipFile

import pytest

ROOT = Path(__file__).parents[2]


def test_the_core_depends_on_numpy_and_pluggy_alone() -> None:
    core = [line for line in distribution("corex").requires or () if "extra ==" not in line]
    assert sorted(line.split(">")[0] for line in core) == ["numpy", "pluggy"]


def test_the_backends_are_found_like_a_strangers() -> None:
    points = {
        point.name: point.value
        for point in entry_points(group="corex")
        if point.dist is not None and point.dist.name == "corex"
    }
    assert points == {
        "reference_py": "corex_reference_py.plugin",
        "cpu_c": "corex_cpu_c.plugin",
        "cuda_pycuda": "corex_cuda_pycuda.plugin",
    }


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel of this checkout, without what a C compiler makes."""
    folder = tmp_path_factory.mktemp("wheel")
    ignored = shutil.ignore_patterns(".*", "build", "*.egg-info", "__pycache__", "vendor", "tests")
    source = Path(shutil.copytree(ROOT, folder / "source", ignore=ignored))
    (source / "backends" / "cpu_c" / "extension.py").unlink()
    command = [sys.executable, "-m", "pip", "wheel", "--no-deps", "--no-build-isolation", "--quiet"]
    options = ["--disable-pip-version-check", "--wheel-dir", str(folder), str(source)]
    done = subprocess.run(
        [*command, *options], capture_output=True, text=True, check=False, timeout=100
    )
    assert done.returncode == 0, done.stderr
    (found,) = folder.glob("*.whl")
    return found


def test_the_wheel_carries_the_pages(wheel: Path) -> None:
    with ZipFile(wheel) as archive:
        carried = {name for name in archive.namelist() if name.startswith("corex/docs/")}
        text = archive.read("corex/docs/contract.md").decode()
    pages = {f"corex/docs/{page.relative_to(ROOT / 'docs')}" for page in ROOT.glob("docs/**/*.md")}
    assert carried == pages
    beside = {f"corex/docs/{page}" for page in re.findall(r"\]\(([\w-]+\.md)", text)}
    assert beside
    assert beside <= carried


def test_the_wheel_carries_the_headers(wheel: Path) -> None:
    with ZipFile(wheel) as archive:
        carried = {name for name in archive.namelist() if name.startswith("corex/include/")}
    assert carried == {f"corex/include/{path.name}" for path in ROOT.glob("corex/include/*.h")}
    assert "corex/include/corex_backend.h" in carried


def test_help_says_where_the_installed_pages_lie(wheel: Path, tmp_path: Path) -> None:
    with ZipFile(wheel) as archive:
        archive.extractall(tmp_path)
    code = f"import sys; sys.path.insert(0, {str(tmp_path)!r}); from corex.cli import main; main()"
    help_ = subprocess.run(
        [sys.executable, "-c", code, "backends", "--help"],
        capture_output=True, text=True, check=True, cwd=tmp_path, timeout=60,
    )  # fmt: skip
    assert str(tmp_path / "corex" / "docs") in "".join(help_.stdout.split())
