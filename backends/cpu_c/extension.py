"""How the C extension is built. Imported by setup.py, by path."""

from __future__ import annotations

import runpy
import sys
from pathlib import Path
from typing import Any

from setuptools import Extension

HERE = Path(__file__).resolve().parent
MODULE = "corex_cpu_c._native"
# By path: the package that it belongs to is not installed yet.
RECIPE: dict[str, Any] = runpy.run_path(str(HERE / "compilation.py"))
PLACING: dict[str, Any] = runpy.run_path(str(HERE / "placing.py"))


def extensions(root: Path | None = None) -> list[Extension]:
    """The extension module, with paths relative to `root` (default: the current directory)."""
    root = Path.cwd() if root is None else root
    csrc, include = [
        path.relative_to(root) if path.is_relative_to(root) else path
        for path in (HERE / "csrc", RECIPE["INCLUDE"])
    ]
    files = sorted(csrc / path.relative_to(HERE / "csrc") for path in (HERE / "csrc").rglob("*.?"))
    libraries = ["m", "pthread"] + (["dl"] if sys.platform.startswith("linux") else [])
    return [
        Extension(
            MODULE,
            sources=[str(path) for path in files if path.suffix == ".c"],
            depends=[str(path) for path in files if path.suffix == ".h"],
            include_dirs=[str(csrc), str(include)],
            extra_compile_args=RECIPE["COMPILE_ARGS"],
            libraries=libraries,
            optional=True,
        )
    ]


class BuildLevels(PLACING["BuildExt"]):  # type: ignore[misc]
    """Compiles our kernels once per level of the instruction set, on all cores, once per change."""

    def build_extension(self, ext: Extension) -> None:
        """Builds as setuptools does, but for the compilation itself of our own module."""
        if ext.name != MODULE:
            super().build_extension(ext)
            return
        ordinary = self.compiler.compile
        self.compiler.compile = self._compile
        try:
            super().build_extension(ext)
        finally:
            self.compiler.compile = ordinary

    def _compile(self, sources: list[str], output_dir: str = "", **options: Any) -> list[str]:
        """Takes the place of `CCompiler.compile`; `sources` are those of `units` below."""
        compiler = self.compiler
        tool = list(compiler.compiler_so)
        folders = [*(options.get("include_dirs") or []), *compiler.include_dirs]
        include = [f"-I{folder}" for folder in folders]
        macros = [
            f"-U{macro[0]}" if len(macro) == 1 else "-D" + "=".join(filter(None, macro))
            for macro in [*compiler.macros, *(options.get("macros") or [])]
        ]
        command = [*tool, *macros, *include, *(["-g"] if options.get("debug") else [])]
        command += options.get("extra_postargs") or []
        command += [flag for flag in RECIPE["PLACING_ARGS"] if RECIPE["accepts"](tool, flag)]

        def compile_to(unit: Any, target: Path) -> None:
            compiler.spawn([*command, *unit.flags, "-c", str(unit.source), "-o", str(target)])

        work = RECIPE["units"](lambda flag: RECIPE["accepts"](tool, flag))
        store = RECIPE["ObjectStore"](
            HERE.parent.parent / "build" / "objects",
            [RECIPE["version_of"](tool[:1]), *command],
        )
        return [str(path) for path in store.objects(work, compile_to)]
