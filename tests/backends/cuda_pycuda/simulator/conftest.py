"""Most of these tests need PyCUDA with the simulator below it: COREX_CUDA_SIMULATOR=1 says so.

Without it, only what needs neither is collected: PyCUDA may stand on a real driver then.
"""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
import textwrap
from collections.abc import Callable, Iterator
from typing import Any

import pytest

NEED_NOTHING = ("test_nvcc.py", "test_command.py", "test_abi.py")


def _missing() -> str:
    if importlib.util.find_spec("pycuda") is None:
        return "PyCUDA is not installed"
    if os.environ.get("COREX_CUDA_SIMULATOR", "0") in ("", "0"):
        return "COREX_CUDA_SIMULATOR=1 is not set"
    return ""


MISSING = _missing()
collect_ignore = [
    name
    for name in os.listdir(os.path.dirname(__file__))
    if MISSING and name.startswith("test_") and name not in NEED_NOTHING
]


def pytest_report_header() -> str:
    """Says so, where tests are left out."""
    return f"tests of the CUDA simulator are left out: {MISSING}" if MISSING else ""


@pytest.fixture
def simulator() -> Iterator[Any]:
    """The simulator, with its order and mode put back afterwards."""
    from corex_cuda_pycuda import simulator as found

    found.enable()
    before = found.set_deferred(False)
    order = os.environ.get("COREX_CUDA_SIM_ORDER", "ascending").split(":")
    yield found
    found.set_deferred(before)
    found.set_order(order[0], int(order[1]) if len(order) > 1 else 0)


@pytest.fixture
def cuda(simulator: Any) -> Iterator[Any]:
    """`pycuda.driver`, with the primary context of device 0 current."""
    import pycuda.driver

    pycuda.driver.init()
    context = pycuda.driver.Device(0).retain_primary_context()
    context.push()
    yield pycuda.driver
    context.synchronize()
    pycuda.driver.Context.pop()


@pytest.fixture(params=["ascending", "descending", "shuffled"])
def order(request: pytest.FixtureRequest, simulator: Any) -> str:
    """A kernel without mistakes gives the same result whichever thread goes first."""
    simulator.set_order(request.param, 3)
    return str(request.param)


@pytest.fixture
def module(cuda: Any) -> Callable[..., Any]:
    """Compiles a text; kernels have C names unless `no_extern_c` is given."""
    from pycuda.compiler import SourceModule

    return SourceModule


@pytest.fixture
def program() -> Callable[..., str]:
    """Runs a program in a process of its own, and returns what it printed."""

    def run(text: str, **variables: str) -> str:
        start = "from corex_cuda_pycuda import simulator\nsimulator.enable()\n"
        done = subprocess.run(
            [sys.executable, "-c", start + textwrap.dedent(text)],
            env={**os.environ, "COREX_CUDA_SIM_DEFERRED": "0", **variables},
            capture_output=True,
            text=True,
            timeout=100,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    return run
