"""The backend under test: on a GPU where there is a driver, else on the simulator.

Without PyCUDA nothing here is collected; `make test-cuda` brings it.
"""

from __future__ import annotations

import ctypes
import importlib.util
import os
import subprocess
import sys
import textwrap
from collections.abc import Callable, Iterator
from types import ModuleType
from typing import Any

import pytest

SWITCH = "COREX_CUDA_SIMULATOR"
HAS_PYCUDA = importlib.util.find_spec("pycuda") is not None

collect_ignore_glob = [] if HAS_PYCUDA else ["test_*.py"]


def _has_driver() -> bool:
    try:
        ctypes.CDLL("libcuda.so.1")
    except OSError:
        return False
    return True


if HAS_PYCUDA and (os.environ.get(SWITCH, "0") not in ("", "0") or not _has_driver()):
    from corex_cuda_pycuda import simulator as _simulator

    _simulator.enable()  # before anything imports pycuda.driver; child processes find it, too


@pytest.fixture
def cuda() -> Iterator[Any]:
    """The backend object; its kernels are those that `corex` uses in the test."""
    import corex
    from corex.plugins import manager

    reason = manager.unavailable_reason("cuda_pycuda")
    if reason is not None:
        pytest.fail(f"cuda_pycuda: {reason}")
    with corex.use_backend("cuda_pycuda"):
        yield manager.backend("cuda_pycuda")


@pytest.fixture
def runtime(cuda: Any) -> ModuleType:
    """The package of devices, memory and launches."""
    from corex_cuda_pycuda import runtime

    return runtime


@pytest.fixture
def device(runtime: ModuleType) -> Iterator[Any]:
    """The first device, which has nothing left to do when the test begins and ends.

    It begins with nothing cached, and ends without a limit.
    """
    found = runtime.device(0)
    found.synchronize()
    found.allocator.empty_cache()
    yield found
    found.set_memory_limit(None)
    found.synchronize()


@pytest.fixture
def simulated() -> ModuleType:
    """The simulator; a test that asks for it is skipped on a GPU."""
    from corex_cuda_pycuda import simulator

    if not simulator.is_enabled():
        pytest.skip("about the simulator")
    return simulator


@pytest.fixture
def python() -> Callable[..., subprocess.CompletedProcess[str]]:
    """Runs a program in a process of its own, on the CUDA backend; keywords are its environment."""

    def run(program: str, **environment: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-c", textwrap.dedent(program)],
            capture_output=True, text=True, timeout=100, check=False,
            env={**os.environ, "COREX_BACKEND": "cuda_pycuda", **environment},
        )  # fmt: skip

    return run
