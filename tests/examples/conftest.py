"""The example distributions, installed as a user would install them, but into a folder of ours."""

from __future__ import annotations

import fcntl
import importlib
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from corex.plugins import manager

EXAMPLES = Path(__file__).parents[2] / "examples" / "backends"
INSTALLED = ["corex-functional", "corex-numpy", "corex-strict", "corex-opencl"]


def install(target: Path, *folders: Path) -> None:
    """Installs distributions into a folder for `sys.path`, without their dependencies."""
    command = [sys.executable, "-m", "pip", "install", "--no-deps", "--no-build-isolation"]
    options = ["--quiet", "--disable-pip-version-check", "--target", str(target)]
    result = subprocess.run(
        [*command, *options, *map(str, folders)],
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )
    assert result.returncode == 0, result.stderr


@pytest.fixture(scope="session")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the examples installed, by one process of pytest-xdist for all of them."""
    base = tmp_path_factory.getbasetemp()
    common = base.parent if "PYTEST_XDIST_WORKER" in os.environ else base
    target, done = common / "site_of_examples", common / "site_of_examples_is_complete"
    with (common / "site_of_examples_lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not done.exists():
            install_examples(target, tmp_path_factory)
            done.touch()
    return target


def install_examples(target: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    sources = tmp_path_factory.mktemp("sources")  # building leaves files behind
    ignored = shutil.ignore_patterns("build", "*.egg-info", "__pycache__")
    folders = [
        Path(shutil.copytree(EXAMPLES / name, sources / name, ignore=ignored)) for name in INSTALLED
    ]
    install(target, *folders)


@pytest.fixture(scope="module")
def site(installed: Path) -> Iterator[Path]:
    """The folder with the examples, on `sys.path`; other modules' tests do not find them there."""
    manager.load()  # so that they are not found as installed plugins, but registered by the tests
    sys.path.insert(0, str(installed))
    yield installed
    sys.path.remove(str(installed))


@pytest.fixture(scope="module")
def strict(site: Path) -> Iterator[str]:
    """The backend of corex-strict, announced if it was not installed when corex looked."""
    if "strict" in manager.descriptors():
        yield "strict"
        return
    plugin = importlib.import_module("corex_strict.plugin")
    manager.register(plugin, "strict")
    yield "strict"
    manager.unregister(plugin)


@pytest.fixture(scope="module")
def functional(site: Path) -> Iterator[str]:
    """The backend of corex-functional, announced if it was not installed when corex looked."""
    if "functional" in manager.descriptors():
        yield "functional"
        return
    plugin = importlib.import_module("corex_functional.plugin")
    manager.register(plugin, "functional")
    yield "functional"
    manager.unregister(plugin)


@pytest.fixture
def run(site: Path) -> Callable[..., str]:
    """Runs a program in a process of its own that finds the examples; returns what it prints."""

    def run_program(program: str, *arguments: str) -> str:
        result = subprocess.run(
            [sys.executable, "-W", "error", "-c", program, *arguments],
            env={**os.environ, "PYTHONPATH": str(site)},
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )
        assert result.returncode == 0, result.stdout[-3000:] + result.stderr
        return result.stdout

    return run_program
