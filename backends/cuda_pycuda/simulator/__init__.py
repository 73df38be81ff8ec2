"""A CUDA driver and compiler without a GPU, for the unmodified PyCUDA.

    from corex_cuda_pycuda import simulator
    simulator.enable()             # before the first import of pycuda.driver
    import pycuda.driver as cuda   # as ever: SourceModule, kernels, streams, events

or, without touching the program, `python -m corex_cuda_pycuda.simulator run python program.py`.
README.md beside this file says what is simulated, and which mistakes are found.
"""

from __future__ import annotations

import ctypes
import os
import sys
from pathlib import Path
from typing import Final

from .build import BuildError, build, cache_root, kernel_cache, settings

__all__ = [
    "BuildError",
    "allocated_bytes",
    "build",
    "cache_root",
    "counters",
    "diagnostic",
    "driver",
    "enable",
    "enable_from_environment",
    "environment",
    "is_enabled",
    "reset_counters",
    "set_deferred",
    "set_order",
]

SWITCH: Final = "COREX_CUDA_SIMULATOR"
COUNTERS: Final = (
    "launches",
    "blocks",
    "htod_copies",
    "htod_bytes",
    "dtoh_copies",
    "dtoh_bytes",
    "dtod_copies",
    "dtod_bytes",
    "memsets",
    "allocations",
    "frees",
    "synchronizations",
    "graph_launches",
    "errors",
)

_driver: ctypes.CDLL | None = None


def enable() -> Path:
    """Puts the simulator in the place of the driver and of nvcc, for this process and its children.

    Call it before `pycuda.driver` is imported: afterwards there is a driver already, which is a
    RuntimeError. Builds on the first call on a machine, which takes a few seconds. Returns the
    folder of what was built.
    """
    global _driver
    folder = build()
    if _driver is not None:
        return folder
    if "pycuda._driver" in sys.modules and not _is_simulator_loaded(folder):
        raise RuntimeError("simulator.enable() comes too late: pycuda.driver is imported already")
    _driver = ctypes.CDLL(str(folder / "libcuda.so.1"), mode=ctypes.RTLD_GLOBAL)
    os.environ.update(environment(folder))
    return folder


def environment(folder: Path) -> dict[str, str]:
    """The variables that make a process find the simulated nvcc, and its own cache of kernels."""
    kernels = kernel_cache(settings(folder)["modules"])
    kernels.mkdir(parents=True, exist_ok=True)
    path = os.environ.get("PATH", os.defpath)
    programs = str(folder / "bin")
    if path.split(os.pathsep)[0] != programs:
        path = programs + os.pathsep + path
    return {"PATH": path, "PYCUDA_CACHE_DIR": str(kernels), SWITCH: "1"}


def enable_from_environment() -> bool:
    """`enable()` if COREX_CUDA_SIMULATOR is set, and not to 0; whether it was."""
    if os.environ.get(SWITCH, "0") in ("", "0"):
        return False
    enable()
    return True


def is_enabled() -> bool:
    """Whether this process runs on the simulator."""
    return _driver is not None


def counters() -> dict[str, int]:
    """What the driver has done since the start, or since `reset_counters`."""
    return _read_counters(reset=False)


def reset_counters() -> dict[str, int]:
    """`counters()`, and sets them to 0."""
    return _read_counters(reset=True)


def allocated_bytes(device: int = 0) -> int:
    """How much memory of a device is in use."""
    return int(driver().corexsim_allocated(ctypes.c_int(device)))


def set_order(order: str, seed: int = 0) -> None:
    """The order of threads and blocks from now on: ascending, descending or shuffled."""
    if not driver().corexsim_set_order(order.encode(), ctypes.c_uint(seed)):
        raise ValueError(f"order {order!r} is none of ascending, descending, shuffled")


def set_deferred(deferred: bool) -> bool:
    """Whether work waits until somebody waits for it; returns what was set before."""
    return bool(driver().corexsim_set_deferred(int(deferred)))


def diagnostic() -> str:
    """What the last call that failed said, in words."""
    text = ctypes.create_string_buffer(4096)
    driver().corexsim_diagnostic(text, ctypes.c_size_t(len(text)))
    return text.value.decode(errors="replace")


def driver() -> ctypes.CDLL:
    """The simulated driver itself, for what PyCUDA has no call for."""
    if _driver is None:
        raise RuntimeError("the CUDA simulator is not enabled: call simulator.enable() first")
    return _driver


def _read_counters(*, reset: bool) -> dict[str, int]:
    values = (ctypes.c_uint64 * len(COUNTERS))()
    library = driver()
    assert library.corexsim_counter_count() == len(COUNTERS)
    library.corexsim_counters(values, int(reset))
    return dict(zip(COUNTERS, values, strict=True))


def _is_simulator_loaded(folder: Path) -> bool:
    """Whether the process was started with the simulator on LD_LIBRARY_PATH."""
    with open("/proc/self/maps") as maps:
        return any(str(folder) in line for line in maps)
