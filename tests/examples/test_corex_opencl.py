"""The OpenCL backend on PoCL: its tier, the digits, and all strangers' backends side by side."""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.examples.programs import DIGITS

EXAMPLE = Path(__file__).parents[2] / "examples" / "backends" / "corex-opencl"
COMPILER = os.environ.get("CC", "gcc")

pytestmark = [
    pytest.mark.timeout(600),
    pytest.mark.skipif(
        importlib.util.find_spec("pyopencl") is None,
        reason="pyopencl is not installed; the `test` extra has it on Linux x86-64",
    ),
]

Run = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture(scope="module")
def run(site: Path, tmp_path_factory: pytest.TempPathFactory) -> Run:
    """Runs Python with the example distributions, where need be with PoCL's processor changed."""
    environment = {**os.environ, "PYTHONPATH": str(site)}

    def command(*arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, *arguments],
            env=environment, capture_output=True, text=True, timeout=500, check=False,
        )  # fmt: skip

    if "target CPU 'generic'" in command("-m", "corex", "backends").stdout:
        library = tmp_path_factory.mktemp("pocl") / "pocl_target.so"
        source = str(EXAMPLE / "tools" / "pocl_target.c")
        flags = ["-shared", "-fPIC", "-O2", "-o", str(library), source]
        subprocess.run([COMPILER, *flags], check=True)
        environment["LD_PRELOAD"] = str(library)
    return command


def test_all_backends_are_active_at_once(run: Run) -> None:
    listed = run("-m", "corex", "backends")
    table = listed.stdout.split("\n\n")[0]
    states = {line.split()[0]: line for line in table.splitlines()}
    for name in ("cpu_c", "reference_py", "numpy", "strict", "opencl"):
        assert "available" in states[name], listed.stdout
        assert "unavailable" not in states[name], listed.stdout


@pytest.mark.parametrize(
    "chosen",
    [
        pytest.param(["--where", "dtype=float32"], id="float32"),
        # PoCL compiles each kernel anew on a new machine, which takes longer than all the cases.
        pytest.param([], id="all", marks=pytest.mark.full),
    ],
)
def test_its_tier_passes(run: Run, chosen: list[str]) -> None:
    options = ["--tier", "0,1", "--reduced", "--jobs", "1"]  # as both would compile the kernels
    done = run("-m", "corex", "conformance", "opencl", *options, *chosen)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "        0  required but missing" in done.stdout


ONE_PROGRAM = """
import json
import corex
from corex.plugins import manager

results = {}
for name in ("cpu_c", "reference_py", "numpy", "strict", "opencl"):
    with corex.use_backend(name):
        corex.manual_seed(3)
        device = corex.ones(1).device
        x = corex.randn(16, 5)
        model = corex.nn.Sequential(corex.nn.Linear(5, 7), corex.nn.Tanh(), corex.nn.Linear(7, 1))
        optimizer = corex.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
        losses = []
        for _ in range(5):
            loss = ((model(x) - x.sum(1, keepdim=True)) ** 2).mean()
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            losses.append(loss.item())
        results[name] = losses, str(device), x.tolist()
print(json.dumps(results))
"""


def test_one_program_on_all_of_them_in_one_process(run: Run) -> None:
    done = run("-c", ONE_PROGRAM)
    assert done.returncode == 0, done.stderr
    results = json.loads(done.stdout)
    losses, _, drawn = results["cpu_c"]
    for name, (found, device, numbers) in results.items():
        assert found == pytest.approx(losses, rel=1e-4), name
        assert device.split(":")[0] in ("cpu", name)
        for row, wanted in zip(numbers, drawn, strict=True):
            assert row == pytest.approx(wanted, rel=1e-6), name


def test_the_digits_train_as_on_the_cpu(run: Run) -> None:
    done = run("-c", DIGITS, "opencl", "cpu_c")
    assert done.returncode == 0, done.stderr
    results = json.loads(done.stdout)
    losses = results["opencl"]["losses"]
    assert len(losses) == 12
    assert losses == pytest.approx(results["cpu_c"]["losses"], rel=1e-3)
    assert losses[-1] < losses[0]
    assert "fallback" not in results["opencl"]["how"]
