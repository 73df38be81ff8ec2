"""`corex new-backend`: what it writes works as it is, and it writes all or nothing."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest

from corex import cli
from corex.cli import new_backend
from tests.examples.programs import DIGITS

FILES = """
    .github/workflows/test.yml .gitignore README.md corex_toy/__init__.py corex_toy/backend.py
    corex_toy/kernels.py corex_toy/plugin.py pyproject.toml tests/test_conformance.py
    tests/test_demo.py
""".split()
IN_C = """
    .github/workflows/test.yml .gitignore README.md corex_toy/__init__.py corex_toy/backend.py
    corex_toy/plugin.py corex_toy/toy.c pyproject.toml setup.py tests/test_conformance.py
    tests/test_demo.py
""".split()


def made(folder: Path) -> list[str]:
    return sorted(p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.is_file())


def test_it_writes_a_package(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["new-backend", "toy", "--directory", str(tmp_path)]) == 0
    assert made(tmp_path / "corex-toy") == FILES
    assert [path.name for path in tmp_path.iterdir()] == ["corex-toy"]
    assert f"cd {tmp_path / 'corex-toy'}" in capsys.readouterr().out


def test_it_writes_a_package_in_c(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    command = ["new-backend", "toy", "--language", "c", "--directory", str(tmp_path)]
    assert cli.main(command) == 0
    assert made(tmp_path / "corex-toy") == IN_C
    assert "corex_toy/toy.c" in capsys.readouterr().out


def test_an_empty_folder_is_filled(tmp_path: Path) -> None:
    (tmp_path / "corex-toy").mkdir()
    new_backend.write("toy", tmp_path)
    assert made(tmp_path / "corex-toy") == FILES


@pytest.mark.parametrize(
    "language, kernels, base", [("python", "kernels.py", "Backend"), ("c", "my_chip.c", "CBackend")]
)
def test_the_name_goes_everywhere(language: str, kernels: str, base: str) -> None:
    files = new_backend.files("my_chip", language)
    assert f"corex_my_chip/{kernels}" in files
    assert f"class MyChipBackend({base})" in files["corex_my_chip/backend.py"]
    for path, text in files.items():
        assert not re.search(r"@\w+@", text), path
        assert "toy" not in text, path
        if path.endswith(".py"):
            compile(text, path, "exec")
        if path.endswith((".py", ".c")):
            assert max(map(len, text.splitlines())) <= 100, path


def test_the_templates_are_part_of_the_installed_package() -> None:
    templates = [p for p in new_backend.TEMPLATES.rglob("*") if p.is_file()]
    assert len(templates) > len(FILES)
    package = Path(cli.__file__).parents[1]
    assert set(templates) == set(package.glob("cli/templates/**/*.tmpl"))
    root = package.parent
    if (root / "setup.cfg").exists():  # a source checkout
        assert "\n    cli/templates/**/*.tmpl\n" in (root / "setup.cfg").read_text()


def refusal(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    assert cli.main(["new-backend", *arguments]) == 1
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.count("\n") == 1
    return captured.err


@pytest.mark.parametrize(
    "name",
    ["Toy", "1toy", "my-chip", "my chip", "", "toy_", "_toy", "class", "größe", "a/b", "../a"],
)
def test_bad_names(name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    message = refusal(capsys, name, "--directory", str(tmp_path))
    assert repr(name) in message
    assert "lower-case Python identifier" in message
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "name, reason",
    [
        ("reference_py", "there is a backend 'reference_py' already"),
        ("cpu", "'cpu' is the device type of backend 'cpu_c'"),
        ("pytest", "a package corex_pytest is installed already"),
    ],
)
def test_names_that_are_taken(
    name: str,
    reason: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.syspath_prepend(tmp_path / "installed")
    (tmp_path / "installed" / "corex_pytest").mkdir(parents=True)
    assert reason in refusal(capsys, name, "--directory", str(tmp_path))
    assert [path.name for path in tmp_path.iterdir()] == ["installed"]


def test_what_exists_is_not_touched(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "corex-toy").mkdir()
    (tmp_path / "corex-toy" / "mine").write_text("precious")
    assert "not empty; nothing was written" in refusal(capsys, "toy", "--directory", str(tmp_path))
    assert made(tmp_path) == ["corex-toy/mine"]
    (tmp_path / "corex-ship").write_text("a file")
    assert "is not a folder" in refusal(capsys, "ship", "--directory", str(tmp_path))


def test_the_directory_must_exist(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert "there is no folder" in refusal(capsys, "toy", "--directory", str(tmp_path / "no"))


@pytest.mark.parametrize("before", ["nothing", "an empty folder"])
def test_nothing_is_left_of_a_failure(
    before: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if before == "an empty folder":
        (tmp_path / "corex-toy").mkdir()
    write_text = Path.write_text

    def full_disk(self: Path, text: str, **options: str) -> int:
        if self.name == "README.md":
            raise OSError("no space left")
        return write_text(self, text, **options)

    monkeypatch.setattr(Path, "write_text", full_disk)
    with pytest.raises(OSError, match="no space left"):
        new_backend.write("toy", tmp_path)
    expected = [] if before == "nothing" else ["corex-toy"]
    assert [path.name for path in tmp_path.iterdir()] == expected
    assert made(tmp_path) == []


def python(*arguments: str, folder: Path, site: Path) -> str:
    path = os.pathsep.join(filter(None, [str(site), os.environ.get("PYTHONPATH", "")]))
    result = subprocess.run(
        [sys.executable, *arguments],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": path},
        capture_output=True,
        text=True,
        timeout=200,
        check=False,
    )
    assert result.returncode == 0, result.stdout[-3000:] + result.stderr
    return result.stdout


@pytest.fixture(scope="module", params=["python", "c"])
def toy(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Path, Path]:
    """The package in each language, and a folder for `sys.path` in which it is installed."""
    compiler = sysconfig.get_config_var("CC") or "cc"
    if request.param == "c" and shutil.which(compiler.split()[0]) is None:
        pytest.skip("there is no C compiler")
    base = tmp_path_factory.mktemp("toy")
    folder, site = new_backend.write("toy", base, request.param), base / "site"
    quiet = ["--quiet", "--disable-pip-version-check", "--no-deps", "--no-build-isolation"]
    install = ["-m", "pip", "install", *quiet, "--target", str(site), str(folder)]
    python(*install, folder=folder, site=site)
    # What an editable installation has: the folder comes before the site.
    for built in site.glob("corex_toy/*.so"):
        shutil.copy(built, folder / "corex_toy")
    return folder, site


@pytest.mark.slow
@pytest.mark.timeout(400)
def test_the_tests_of_the_package_pass(toy: tuple[Path, Path]) -> None:
    """Installed, it conforms, in every kernel of the core, and its network learns."""
    folder, site = toy
    listed = python("-m", "corex", "backends", "--ops", folder=folder, site=site)
    rows = [line.split() for line in listed.splitlines()]
    assert ["toy", "toy", "basic", "available"] in rows
    kernels = 0
    for tier, expected in (("1", (True, False)), ("2", (False, True))):
        natively, decomposed, fallback = next(row[2:] for row in rows if row[:2] == ["toy", tier])
        assert (int(natively) > 0, int(decomposed) > 0) == expected
        assert fallback == "0"
        kernels = max(kernels, int(natively))
    # The core alone, with a sample: what is composed of it, other tests check on other cores.
    sample = ["--corex-reduced", "--corex-tier", "0,1"]
    out = python("-m", "pytest", "-q", *sample, folder=folder, site=site)
    passed = re.search(r"(\d+) passed", out)
    assert passed is not None, out
    assert int(passed[1]) > 4 * kernels  # some of each
    assert "failed" not in out


WHOLE = """
import time
from corex.testing.suite import generate, run_case

ways = set()
for case in generate(["test", "grad"]):
    result = run_case("toy", 0, case)
    assert result.status in ("passed", "unsupported"), result
    ways.add((result.tier, result.how))
assert {(1, "native"), (2, "decomposed")} <= ways and (2, "native") not in ways
print(time.process_time())
"""
"""All of the suite, in the time of one processor: others may be at work on this machine."""


@pytest.mark.full
@pytest.mark.timeout(400)
def test_it_conforms_within_a_minute(toy: tuple[Path, Path]) -> None:
    assert float(python("-c", WHOLE, folder=toy[0], site=toy[1])) < 60


@pytest.mark.slow
@pytest.mark.timeout(400)
def test_it_learns_the_digits(toy: tuple[Path, Path]) -> None:
    """As the C backend does, and with its own kernels alone."""
    program = ("-W", "error", "-c", DIGITS, "toy", "cpu_c")
    found = json.loads(python(*program, folder=toy[0], site=toy[1]))
    losses = found["toy"]["losses"]
    assert losses == pytest.approx(found["cpu_c"]["losses"], rel=1e-3)
    assert losses[-1] < losses[0]
    assert "fallback" not in found["toy"]["how"]


SORTING = """
import json, time
import corex
import numpy as np

corex.set_strict(True)
OPS = {
    "argsort": lambda a, b: a.argsort(), "sort": lambda a, b: a.sort(),
    "topk": lambda a, b: a.topk(10), "median": lambda a, b: a.median(),
    "unique": lambda a, b: b.unique(), "cumsum": lambda a, b: a.cumsum(0),
}

def seconds(device, size, op):
    corex.manual_seed(0)
    a = corex.randn(size)
    given = a.to(device), (a * 100).floor().to(device)
    best = float("inf")
    for _ in range(3):
        start = time.process_time()
        op(*given)
        best = min(best, time.process_time() - start)
    return best

def comparing():
    a = np.random.default_rng(0).standard_normal(100_000).astype("float32")
    start = time.process_time()
    a.argsort(kind="stable")
    return time.process_time() - start

work = 0

def count(call):
    global work
    work += call.nbytes if call.backend == "toy" and call.how == "native" else 0

found = {}
for name, op in OPS.items():
    moved = []
    for size in (100_000, 200_000):
        a = corex.arange(size, dtype=corex.float32, device="toy")
        work = 0
        with corex.observe(count):
            op(a, a)
        moved.append(work)
    theirs = seconds("cpu", 100_000, op) if name == "cumsum" else comparing()
    found[name] = (*moved, seconds("toy", 100_000, op), theirs)
print(json.dumps(found))
"""


@pytest.mark.full
@pytest.mark.timeout(400)
def test_sorting_is_composed_at_a_fair_price(toy: tuple[Path, Path]) -> None:
    """Of 100 000 elements in less than 200 times the time of NumPy's sort, which compares, too; of
    twice as many the kernels read and write at most 2.5 times the bytes."""
    found = json.loads(python("-c", SORTING, folder=toy[0], site=toy[1]))
    for name, (small, large, ours, theirs) in found.items():
        assert large <= 2.5 * small, name
        assert ours < 200 * max(theirs, 5e-5), f"{name}: {ours} s, not {theirs} s"
