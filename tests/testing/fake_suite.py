"""A folder with an installed backend `fake`, under which the suite is another: see fake_worker."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from tests.plugins.world import World

PLUGIN = """

import pluggy

from corex.backend import Backend, BackendDescriptor
from corex.testing.case import parse

hookimpl = pluggy.HookimplMarker("corex")


class Fake(Backend):
    name = "fake"
    device_type = "fake"

    def __init__(self):
        start(os.environ.get("FAKE_START", ""), 0)


@hookimpl
def corex_backends():
    probe = lambda: os.environ.get("FAKE_REASON")
    return [BackendDescriptor("fake", "fake", probe, Fake)]


def generate(modes=("test",)):
    cases = [parse(line) for line in os.environ["FAKE_CASES"].split()]
    return [case for mode in modes for case in cases if case.mode == mode]


suite.generate = generate
suite.run_case = run_case
"""

SEVERAL = """
import contextlib, io, json, runpy, sys

for module, *arguments in json.loads(sys.argv[1]):
    sys.argv, code = [module, *arguments], None
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        try:
            runpy.run_module(module, run_name="__main__", alter_sys=True)
        except SystemExit as end:
            code = end.code
    print(json.dumps([int(code or 0), out.getvalue(), err.getvalue()]))
"""


class FakeSuite:
    """Runs programs in a folder where the cases of the suite are the given ones."""

    def __init__(self, folder: Path, ids: Sequence[str]) -> None:
        self.folder = folder / "work"
        self.folder.mkdir()
        source = Path(__file__).with_name("fake_worker.py").read_text()
        installed = folder / "installed"
        installed.mkdir()
        World(installed).install("fake", source.partition("\nif __name__")[0] + PLUGIN)
        self.environment = {
            **{name: value for name, value in os.environ.items() if "PYTEST" not in name},
            "PYTHONPATH": str(installed),
            "FAKE_CASES": " ".join(ids),
            "COLUMNS": "200",
        }

    def write(self, name: str, text: str) -> Path:
        """A file in the folder where the programs run."""
        path = self.folder / name
        path.write_text(text)
        return path

    def python(self, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
        """`python -m ...` in that folder."""
        return self._run("-m", *arguments, **environment)

    def several(
        self, runs: Sequence[Sequence[str]], **environment: str
    ) -> list[subprocess.CompletedProcess[str]]:
        """`python -m ...` for each of these lists, but in one process: to start it takes long."""
        result = self._run("-c", SEVERAL, json.dumps([list(run) for run in runs]), **environment)
        assert result.returncode == 0, result.stderr
        told = [json.loads(line) for line in result.stdout.splitlines()]
        return [
            subprocess.CompletedProcess(list(run), *ends)
            for run, ends in zip(runs, told, strict=True)
        ]

    def _run(self, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, *arguments],
            cwd=self.folder,
            env={**self.environment, **environment},
            capture_output=True,
            text=True,
            timeout=100,
            check=False,
        )
