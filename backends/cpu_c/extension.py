"""How the C extension is built, and OpenBLAS vendored. Imported by setup.py, by path."""

from __future__ import annotations

import shutil
import sys
from importlib.metadata import distribution
from pathlib import Path

from setuptools import Extension

HERE = Path(__file__).resolve().parent

# -ffast-math is out, in compiling and above all in linking: there it would switch the whole
# process to flush-to-zero. Without -fno-trapping-math selections do not vectorise.
COMPILE_ARGS = [
    "-std=gnu11",
    "-O3",
    "-ffp-contract=fast",
    "-fno-math-errno",
    "-fno-trapping-math",
    "-fno-strict-aliasing",
    "-fopenmp-simd",
    "-fvisibility=hidden",
    "-Wall",
    "-Wextra",
    "-Wno-type-limits",
    "-Wno-missing-field-initializers",
]


def extensions(root: Path | None = None) -> list[Extension]:
    """The extension module, with paths relative to `root` (default: the current directory)."""
    root = Path.cwd() if root is None else root
    folder = HERE.relative_to(root) if HERE.is_relative_to(root) else HERE
    csrc = folder / "csrc"
    libraries = ["m", "pthread"] + (["dl"] if sys.platform.startswith("linux") else [])
    return [
        Extension(
            "corex_cpu_c._native",
            sources=sorted(str(csrc / path.name) for path in (HERE / "csrc").glob("*.c")),
            depends=sorted(str(csrc / path.name) for path in (HERE / "csrc").glob("*.h")),
            include_dirs=[str(csrc)],
            extra_compile_args=COMPILE_ARGS,
            libraries=libraries,
            optional=True,
        )
    ]


def vendor_openblas(target_dir: str | Path = HERE / "vendor") -> bool:
    """Copies OpenBLAS from the build requirement `scipy-openblas32`; False if it is not there."""
    try:
        import scipy_openblas32
    except ImportError:
        return False
    found = [
        path
        for path in Path(scipy_openblas32.get_lib_dir()).iterdir()
        if "openblas" in path.name and path.suffix in {".so", ".dylib", ".dll"}
    ]
    target = Path(target_dir)
    # Whoever passes the library on passes its licence on.
    found += [
        Path(str(file.locate()))
        for file in distribution("scipy-openblas32").files or ()
        if file.name.startswith("LICENSE")
    ]
    for path in found:
        target.mkdir(parents=True, exist_ok=True)
        shutil.copy2(path, target / path.name)
    return any(path.suffix != ".txt" for path in found)
