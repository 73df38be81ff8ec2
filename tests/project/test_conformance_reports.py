"""`make reports`: the pages of every CPU backend."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]


def reports(*options: str) -> subprocess.CompletedProcess[str]:
    """Runs the tool in a process of its own: another test may have declared an op."""
    command = [sys.executable, "-m", "tools.conformance_reports", *options]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True)


def test_the_reports_of_all_cpu_backends_are_written(tmp_path: Path) -> None:
    folder = tmp_path / "new"
    ran = reports("--output", str(folder), "--reduced", "--op", "add,gelu")
    assert ran.returncode == 0, ran.stderr
    written = {path.name for path in folder.iterdir()}
    assert {"reference_py.json", "reference_py.html", "op-support.md"} <= written
    text = (folder / "op-support.md").read_text()
    assert "](reference_py.html)" in text
    assert "| `add` | native" in text


def test_a_backend_that_does_not_conform_is_an_error(tmp_path: Path) -> None:
    case = "add(dtype=float32,shapes=[(3,),(3,)])"
    known = tmp_path / "known.txt"
    known.write_text(f"{case}/values  # which does not fail, so that the line is stale\n")
    chosen = ("--backends", "reference_py", "--case", case, "--expected-failures", str(known))
    assert reports("--output", str(tmp_path), *chosen).returncode == 1
    assert (tmp_path / "op-support.md").exists()
