"""What setup.cfg cannot say: which packages there are, and how `corex_cpu_c` is compiled."""

from __future__ import annotations

import runpy
from pathlib import Path
from typing import Any

from setuptools import find_packages, setup

CPU_C = Path(__file__).parent / "backends" / "cpu_c"
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


def native_code() -> dict[str, Any]:
    """The extension modules and how they are built, after their BLAS has been put beside them.

    Each extension is optional: without a working C compiler the install succeeds, and
    `corex backends` tells that `cpu_c` was not built.
    """
    if not (CPU_C / "extension.py").exists():
        return {}
    recipe = runpy.run_path(str(CPU_C / "extension.py"))
    recipe["PLACING"]["vendor_openblas"]()
    extensions = recipe["extensions"]()
    for extension in extensions:
        extension.optional = True
    return {"ext_modules": extensions, "cmdclass": {"build_ext": recipe["BuildLevels"]}}


setup(packages=packages(), **native_code())
