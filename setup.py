"""What setup.cfg cannot say: which packages there are, and what is compiled: `corex._core`, and
`corex_cpu_c`."""

from __future__ import annotations

import runpy
import sys
from pathlib import Path
from typing import Any

from setuptools import Extension, find_packages, setup

ROOT = Path(__file__).resolve().parent
CPU_C = ROOT / "backends" / "cpu_c"
CORE = ROOT / "corex" / "csrc"
BACKENDS = {
    "corex_reference_py": "backends/reference_py",
    "corex_cpu_c": "backends/cpu_c",
    "corex_cuda_pycuda": "backends/cuda_pycuda",
}


def packages() -> list[str]:
    """corex and its subpackages, the plugin for pytest, the backends and theirs."""
    found = find_packages(include=["corex", "corex.*", "corex_pytest"])
    found += ["corex.docs", "corex.docs.decisions"]  # pages only: the folder `docs`
    for name, folder in BACKENDS.items():
        found += [name, *(f"{name}.{package}" for package in find_packages(folder))]
    return found


def core() -> Extension:
    """`corex._core`; it knows the sources that it was built from."""
    sources = runpy.run_path(str(ROOT / "corex" / "backend" / "sources.py"))

    def relative(suffix: str) -> list[str]:
        return [str(path.relative_to(ROOT)) for path in sources["files"](suffix)]

    return Extension(
        "corex._core",
        sources=relative(".c"),
        depends=relative(".h"),
        include_dirs=[str(sources["INCLUDE"].relative_to(ROOT))],
        define_macros=[("CORE_SOURCES", sources["fingerprint"]())],
        extra_compile_args=sources["COMPILE_ARGS"],
        libraries=["dl"] if sys.platform.startswith("linux") else [],
    )


def native_code() -> dict[str, Any]:
    """The extension modules and how they are built, after their BLAS has been put beside them.

    Each extension is optional: without a working C compiler the install succeeds, and
    `corex backends` tells that `cpu_c` was not built.
    """
    if not (CPU_C / "extension.py").exists() or not CORE.is_dir():
        return {}
    recipe = runpy.run_path(str(CPU_C / "extension.py"))
    recipe["PLACING"]["vendor_openblas"]()
    extensions = [core(), *recipe["extensions"]()]
    for extension in extensions:
        extension.optional = True
    return {"ext_modules": extensions, "cmdclass": {"build_ext": recipe["BuildLevels"]}}


setup(packages=packages(), **native_code())
