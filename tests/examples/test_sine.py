"""The example programs print what they promise."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SINE = "1.7035 0.7193 0.3068 0.1742 0.1342 0.1232 0.1220 0.1241 0.1270 0.1297"


def run(program: str, *arguments: str, **environment: str) -> str:
    result = subprocess.run(
        [sys.executable, "-W", "error", str(ROOT / "examples" / program), *arguments],
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
        env={**os.environ, **environment},
    )
    assert result.returncode == 0, result.stderr
    return result.stdout


@pytest.mark.parametrize("backend", ["cpu_c", "reference_py"])
def test_sine_prints_its_ten_losses(backend: str) -> None:
    assert run("sine.py", "--backend", backend).split() == SINE.split()
    assert run("sine.py", COREX_BACKEND=backend).split() == SINE.split()


def test_sine_without_options() -> None:
    assert run("sine.py").split() == SINE.split()
