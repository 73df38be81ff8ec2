"""Where and with what it was measured; equal threads for all."""

from __future__ import annotations

import datetime
import os
import platform
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from types import ModuleType
from typing import Any

THREAD_VARIABLES = ("OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "OMP_NUM_THREADS")


def restart_with_threads(threads: int, arguments: list[str]) -> None:
    """Replaces the process by one whose environment limits BLAS and OpenMP to `threads`.

    The libraries read these variables once, when they are loaded. Returns if all is set already.
    """
    wanted = dict.fromkeys(THREAD_VARIABLES, str(threads))
    if all(os.environ.get(name) == value for name, value in wanted.items()):
        return
    os.environ.update(wanted)
    sys.stdout.flush()
    os.execv(sys.executable, [sys.executable, "-m", "benchmarks", *arguments])


def set_threads(libraries: Mapping[str, ModuleType], threads: int) -> None:
    """Tells each library how many threads it may use."""
    if "torch" in libraries:
        libraries["torch"].set_num_threads(threads)
    backend = libraries["corex"].find_place().backend
    if hasattr(backend, "set_num_threads"):
        backend.set_num_threads(threads)


def facts(libraries: Mapping[str, ModuleType], threads: int) -> dict[str, Any]:
    """Date, machine, versions and threads, as plain data."""
    backend = libraries["corex"].find_place().backend
    return {
        "date": datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="seconds"),
        "cpu": _cpu_model(),
        "cores": os.cpu_count(),
        "system": f"{platform.system()} {platform.machine()}",
        "load_before": round(os.getloadavg()[0], 2),
        "threads": threads,
        "commit": commit(),
        "python": platform.python_version(),
        "versions": {name: module.__version__ for name, module in libraries.items()},
        "backend": backend.name,
        "blas": backend.blas_info().get("name", "") if hasattr(backend, "blas_info") else "",
    }


def _cpu_model() -> str:
    path = Path("/proc/cpuinfo")
    if path.exists():
        for line in path.read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def commit() -> str:
    """What is checked out, as git describes it; empty outside of a checkout."""
    command = ["git", "describe", "--always", "--dirty", "--abbrev=12"]
    try:
        found = subprocess.run(
            command, cwd=Path(__file__).parent, capture_output=True, text=True, check=False
        )
    except OSError:
        return ""
    return found.stdout.strip()
