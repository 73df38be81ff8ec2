"""`import corex` is light: no backend, no heavy library, before it is needed."""

from __future__ import annotations

import subprocess
import sys

HEAVY = (
    "torch scipy sklearn matplotlib tqdm safetensors "
    "corex_reference_py corex_cpu_c corex_cuda_pycuda argparse importlib.metadata"
)


def imported_by(program: str) -> set[str]:
    result = subprocess.run(
        [sys.executable, "-W", "error", "-c", f"{program}\nimport sys; print(*sys.modules)"],
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    return set(result.stdout.split())


def test_import_corex_loads_nothing_heavy_and_no_backend() -> None:
    already = imported_by("import numpy, pluggy")
    assert "corex" not in already
    assert not (imported_by("import corex") - already) & set(HEAVY.split())


def test_the_first_tensor_loads_only_the_backend_in_use() -> None:
    found = imported_by("import corex; corex.set_backend('reference_py'); corex.ones(2)")
    assert "corex_reference_py.backend" in found
    assert not {"corex_cpu_c._native", "torch", "scipy", "matplotlib"} & found
