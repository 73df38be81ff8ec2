"""Imports point downward only, nothing grows too long, and third parties stay where they belong."""

from __future__ import annotations

import ast
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

# From the ground floor up. A file may import those before it; a folder counts as one entry.
FLOORS = """
    errors dtypes device layout formats generated backend
    tensor observe plugins dispatch return_types
    ops autograd interop
    compiler
    accelerator cpu cuda utils sparse nn optim signal masked special linalg fft array_api toplevel
    random version hub jit backends
    neighbours
    testing
    __init__ cli __main__
""".split()

RUNTIME = {"numpy", "pluggy"}  # may be imported when corex is
INSIDE_FUNCTIONS = {"safetensors", "tqdm", "matplotlib", "sklearn", "pytest", "PIL", "ml_dtypes"}
NEIGHBOURS = {"einops", "opt_einsum"}  # by what in corex/neighbours is loaded after they are
BACKENDS = {"corex_reference_py", "corex_cpu_c", "corex_cuda_pycuda"}
LINES = 800
WRITTEN_BY_TOOLS = ("_functions.pyi", "_methods.pyi")
SUFFIXES = {".py", ".pyi", ".c", ".h", ".cu", ".cuh"}

STANDARD = set(__import__("sys").stdlib_module_names) | {"__future__"}


def python_files(folder: str) -> list[Path]:
    return sorted((ROOT / folder).rglob("*.py"))


def is_type_checking(node: ast.AST) -> bool:
    return isinstance(node, ast.If) and ast.unparse(node.test).endswith("TYPE_CHECKING")


def imports(path: Path) -> Iterator[tuple[str, bool]]:
    """(absolute name of the imported module or object, whether that happens in a function).

    Imports for type checkers alone are left out: nothing is loaded by them.
    """
    yield from _imports(ast.parse(path.read_text()), _package(path), inside=False)


def _package(path: Path) -> list[str]:
    return list(path.relative_to(ROOT).with_suffix("").parts[:-1])


def _imports(node: ast.AST, package: list[str], inside: bool) -> Iterator[tuple[str, bool]]:
    for child in ast.iter_child_nodes(node):
        if is_type_checking(child):
            assert isinstance(child, ast.If)
            for other in child.orelse:
                yield from _imports(other, package, inside)
        elif isinstance(child, ast.Import):
            for alias in child.names:
                yield alias.name, inside
        elif isinstance(child, ast.ImportFrom):
            base = package[: len(package) - child.level + 1] if child.level else []
            for alias in child.names:
                yield ".".join([*base, *filter(None, [child.module]), alias.name]), inside
        else:
            function = isinstance(child, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda))
            yield from _imports(child, package, inside or function)


def floor_of(module: str) -> str:
    """The entry of FLOORS that a module inside corex belongs to."""
    parts = module.split(".")
    if len(parts) > 1 and ((ROOT / "corex" / parts[1]).is_dir() or is_module(parts[1])):
        return parts[1]
    return "__init__"


def is_module(name: str) -> bool:
    return (ROOT / "corex" / f"{name}.py").exists()


def floor_of_file(path: Path) -> str:
    return path.relative_to(ROOT / "corex").parts[0].removesuffix(".py")


def test_every_part_of_corex_has_its_floor() -> None:
    parts = {floor_of_file(path) for path in python_files("corex")}
    assert parts <= set(FLOORS), "say in FLOORS where the new part belongs"


def file_of(module: str) -> Path | None:
    """The file in which a module, or an object imported from one, is to be found."""
    parts = module.split(".")
    for end in range(len(parts), 0, -1):
        place = ROOT.joinpath(*parts[:end])
        for path in (place.with_suffix(".py"), place / "__init__.py"):
            if path.exists():
                return path
    return None


def cycle_in(graph: dict[Path, set[Path]]) -> list[str]:
    """One circle of imports, or nothing."""
    done: set[Path] = set()

    def walk(path: Path, trail: list[Path]) -> list[Path]:
        if path in trail:
            return [*trail[trail.index(path) :], path]
        if path not in done:
            for other in sorted(graph[path]):
                if found := walk(other, [*trail, path]):
                    return found
            done.add(path)
        return []

    for start in sorted(graph):
        if found := walk(start, []):
            return [str(path.relative_to(ROOT)) for path in found]
    return []


FOLDERS = sorted(path.parent for path in (ROOT / "corex").glob("*/__init__.py"))


def test_a_circle_would_be_found() -> None:
    a, b, c = (ROOT / name for name in "abc")
    assert cycle_in({a: {b}, b: {c}, c: {b}}) == ["b", "c", "b"]
    assert not cycle_in({a: {b, c}, b: {c}, c: set()})


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda path: path.name)
def test_no_circle_of_imports_in_a_folder(folder: Path) -> None:
    files = set(folder.rglob("*.py"))
    graph = {
        path: {found for name, _ in imports(path) if (found := file_of(name)) in files - {path}}
        for path in files
    }
    assert not cycle_in(graph)


def public_floor() -> int:
    """Where `import corex` (the package itself) may be used: above the engine room."""
    return FLOORS.index("autograd")


@pytest.mark.parametrize("path", python_files("corex"), ids=lambda p: str(p.relative_to(ROOT)))
def test_imports_point_downward(path: Path) -> None:
    own = floor_of_file(path)
    level = FLOORS.index(own)
    for name, inside in imports(path):
        top = name.split(".")[0]
        assert top not in BACKENDS, f"{path.name} imports the backend {name} by name"
        if top != "corex":
            if top in INSIDE_FUNCTIONS:
                assert inside or own == "testing", f"import {name} inside the function"
            elif own != "neighbours" or top not in NEIGHBOURS:
                assert top in STANDARD | RUNTIME, f"{name} is not a dependency of corex"
            continue
        other = floor_of(name)
        if other == "__init__":
            # `import corex` inside a part that is written against the public API.
            assert level > public_floor() or own == "__init__", f"{own} imports corex itself"
        else:
            assert other == own or FLOORS.index(other) < level, f"{own} imports {name}"


@pytest.mark.parametrize("path", python_files("backends"), ids=lambda p: str(p.relative_to(ROOT)))
def test_a_backend_knows_only_the_contract(path: Path) -> None:
    own = "corex_" + path.relative_to(ROOT / "backends").parts[0]
    for name, _ in imports(path):
        parts = name.split(".")
        if parts[0] == "corex":
            assert parts[:2] in (["corex", "backend"], ["corex", "dtypes"]), name
        assert parts[0] not in BACKENDS - {own}, f"{path.name} imports another backend, {name}"


@pytest.mark.parametrize("path", python_files("backends/reference_py"), ids=lambda p: p.name)
def test_the_reference_is_plain_python(path: Path) -> None:
    for name, _ in imports(path):
        top = name.split(".")[0]
        assert top in STANDARD | {"corex", "corex_reference_py", "backends"} or (
            (top, path.name) == ("pluggy", "plugin.py")
        ), f"{path.name} imports {name}"


def test_no_file_is_too_long() -> None:
    listing = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True)
    if listing.returncode == 0:
        paths = [ROOT / line for line in listing.stdout.splitlines()]
    else:  # an unpacked source distribution
        paths = [
            path for name in ("corex", "backends", "tests") for path in (ROOT / name).rglob("*")
        ]
    long = {
        str(path.relative_to(ROOT)): count
        for path in paths
        if path.suffix in SUFFIXES and path.exists() and path.name not in WRITTEN_BY_TOOLS
        if (count := len(path.read_text().splitlines())) > LINES
    }
    assert not long
