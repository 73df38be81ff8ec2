"""The whole of corex's own suite; `corex conformance opencl` tells more about a failure."""

from __future__ import annotations

import subprocess
import sys

import pytest

pytest.importorskip("pyopencl")

from corex_opencl.devices import find_devices


@pytest.mark.skipif(not find_devices()[0], reason=find_devices()[1])
def test_the_backend_conforms() -> None:
    command = [sys.executable, "-m", "corex", "conformance", "opencl", "--reduced"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
